//! Each threshold, and the sum of two sockets.

use proptest::prelude::*;

use super::*;

/// A call in which nothing went wrong.
fn fine() -> Figures {
    let counted = QualityFigures {
        duration_ms: 60_000,
        first_word_ms: Some(900),
        dead_air_longest_ms: 1_200,
        dead_air_total_ms: 6_000,
        overlap_ms: 800,
        agent_ms: 30_000,
        caller_ms: 20_000,
        replies: 8,
        answer_max_ms: Some(1_300),
        caller_letters: Letters {
            hebrew: 300,
            ..Letters::default()
        },
        agent_letters: Letters {
            hebrew: 400,
            latin: 40,
            ..Letters::default()
        },
        ..QualityFigures::default()
    };
    Figures::new(counted, vec![1_300, 800, 700, 900])
}

fn check(change: impl FnOnce(&mut Figures), verdict: Verdict, reasons: &[QualityReason]) {
    let mut figures = fine();
    change(&mut figures);
    let quality = figures.judge(Some(Language::He)).expect("a verdict");
    assert_eq!((quality.verdict, &quality.reasons[..]), (verdict, reasons));
}

#[test]
fn each_threshold_tells_fair_from_good_and_poor_from_fair() {
    use QualityReason as R;
    use Verdict::{Fair, Good, Poor};
    check(|_| {}, Good, &[]);
    check(|f| f.counted.first_word_ms = Some(3_000), Good, &[]);
    check(
        |f| f.counted.first_word_ms = Some(3_001),
        Fair,
        &[R::LateFirstWord],
    );
    check(
        |f| f.counted.first_word_ms = Some(6_001),
        Poor,
        &[R::LateFirstWord],
    );
    check(|f| f.counted.first_word_ms = None, Poor, &[R::NeverSpoke]);
    check(|f| f.counted.spoke_fallback = true, Poor, &[R::ModelLost]);
    check(
        |f| f.counted.dead_air_longest_ms = 2_501,
        Fair,
        &[R::DeadAir],
    );
    check(
        |f| f.counted.dead_air_longest_ms = 4_001,
        Poor,
        &[R::DeadAir],
    );
    check(|f| f.answers_ms = vec![1_600; 3], Fair, &[R::SlowAnswers]);
    check(|f| f.answers_ms = vec![2_600; 3], Poor, &[R::SlowAnswers]);
    check(|f| f.answers_ms = vec![2_600; 2], Good, &[]);
    check(|f| f.counted.overlap_ms = 6_000, Fair, &[R::Overlap]);
    check(|f| f.counted.overlap_ms = 12_000, Poor, &[R::Overlap]);
    check(|f| f.counted.cut_replies = 4, Good, &[]);
    check(|f| f.counted.cut_replies = 5, Fair, &[R::CutWords]);
    check(|f| f.counted.underrun_ms = 200, Good, &[]);
    check(|f| f.counted.underrun_ms = 700, Fair, &[R::BrokenVoice]);
    check(|f| f.counted.underrun_ms = 2_000, Poor, &[R::BrokenVoice]);
    check(|f| f.counted.gap_ms = 1_300, Fair, &[R::BrokenLine]);
    check(|f| f.counted.gap_ms = 4_000, Poor, &[R::BrokenLine]);
    let many = |f: &mut Figures| {
        f.counted.dead_air_longest_ms = 5_000;
        f.counted.first_word_ms = Some(3_500);
    };
    check(many, Poor, &[R::LateFirstWord, R::DeadAir]);
}

#[test]
fn the_agent_speaks_the_callers_language_or_else_the_businesss() {
    let cyrillic = Letters {
        cyrillic: 100,
        hebrew: 20,
        ..Letters::default()
    };
    let wrong = [QualityReason::WrongLanguage];
    check(
        |f| f.counted.caller_letters = cyrillic,
        Verdict::Poor,
        &wrong,
    );
    let both = |f: &mut Figures| {
        f.counted.caller_letters = cyrillic;
        f.counted.agent_letters = cyrillic;
    };
    check(both, Verdict::Good, &[]);
    let silent = |f: &mut Figures| {
        f.counted.caller_letters = Letters::default();
        f.counted.agent_letters = cyrillic;
    };
    check(silent, Verdict::Poor, &wrong);
    let few = Letters {
        latin: 19,
        ..Letters::default()
    };
    check(|f| f.counted.caller_letters = few, Verdict::Good, &[]);
}

#[test]
fn letters_are_counted_by_script_and_notes_are_not_said() {
    let mut letters = Letters::default();
    for line in ["שלום OK 12", "Привет", "مرحبا!", "[keys: abc]", "é 你"] {
        count_letters(line, &mut letters);
    }
    let expected = Letters {
        hebrew: 4,
        latin: 3,
        cyrillic: 6,
        arabic: 5,
        other: 1,
    };
    assert_eq!(letters, expected);
}

#[test]
fn a_call_that_was_over_at_once_is_not_judged() {
    let counted = QualityFigures {
        duration_ms: 2_000,
        ..QualityFigures::default()
    };
    assert_eq!(Figures::new(counted, Vec::new()).judge(None), None);
    assert_eq!(Figures::default().judge(None), None);
}

#[test]
fn a_call_over_two_sockets_is_one_call() {
    let mut whole = Figures::default();
    let silent = QualityFigures {
        duration_ms: 2_000,
        ..QualityFigures::default()
    };
    whole.add(&Figures::new(silent, Vec::new()));
    whole.add(&fine());
    let counted = whole.counted();
    assert_eq!(
        counted.first_word_ms,
        Some(2_900),
        "the first one was silent"
    );
    assert_eq!(counted.duration_ms, 62_000);
    assert_eq!(
        (counted.answers, counted.answer_p50_ms),
        (4, Some(800)),
        "the faster one in the middle"
    );
}

proptest! {
    #[test]
    fn any_figures_have_a_verdict_that_its_reasons_explain(
        times in prop::collection::vec(0_u64..100_000, 8),
        answers in prop::collection::vec(0_u32..9_000, 0..9),
        fallback in any::<bool>(),
    ) {
        let counted = QualityFigures {
            duration_ms: times[0],
            first_word_ms: (times[1] > 5_000).then_some(times[1] % 9_000),
            dead_air_longest_ms: times[2] % 6_000,
            overlap_ms: times[3],
            agent_ms: times[4],
            caller_ms: times[5],
            underrun_ms: times[6] % 5_000,
            gap_ms: times[7] % 5_000,
            spoke_fallback: fallback,
            ..QualityFigures::default()
        };
        if let Some(quality) = Figures::new(counted, answers).judge(None) {
            prop_assert_eq!(quality.verdict == Verdict::Good, quality.reasons.is_empty());
            prop_assert!(quality.reasons.is_sorted());
        } else {
            prop_assert!(times[0] <= LATE_FIRST_WORD_MS);
        }
    }
}
