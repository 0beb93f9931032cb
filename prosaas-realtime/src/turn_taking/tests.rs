//! What holds for any text.

use proptest::prelude::*;

use super::*;

const EXPECTED: [Expected; 4] = [
    Expected::Nothing,
    Expected::Phone,
    Expected::Identity,
    Expected::Address,
];

/// Texts of words that the rules know, in any order, and of anything.
fn texts() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "רגע",
        "אני",
        "בודקת",
        "אמממ",
        "רחוב",
        "הרצל",
        "אפס",
        "חמישים",
        "ושתיים",
        "עשרה",
        "מאות",
        "פעמים",
        "פעמיים",
        "כן",
        "אבל",
        "מספר",
        "שלי",
        "תני",
        "לי",
        "שנייה",
        "0",
        "54",
        "let",
        "me",
        "check",
        "דירה",
        "העם",
        "אחד",
        ",",
        "...",
        "?",
        "*",
    ]);
    let sentences = prop::collection::vec(known, 0..14).prop_map(|words| words.join(" "));
    prop_oneof![sentences, any::<String>()]
}

proptest! {
    #[test]
    fn a_wait_is_bounded_and_ends(
        text in texts(),
        silent_ms in 0_u64..3_000,
        turn_ms in any::<u64>(),
        expected in prop::sample::select(EXPECTED.to_vec()),
        over_agent in any::<bool>(),
    ) {
        let turn = CallerTurn { text: &text, silent_ms, turn_ms, expected, over_agent };
        let decision = decide(&turn);
        prop_assert_eq!(decision, decide(&turn), "the same every time");
        match decision {
            Decision::Wait { ms, .. } => {
                prop_assert!(ms > 0 && ms + silent_ms <= LONGEST_WAIT_MS);
                let later = CallerTurn { silent_ms: silent_ms + ms, ..turn };
                prop_assert_eq!(decide(&later), Decision::Answer);
            }
            Decision::BackChannel => prop_assert!(over_agent),
            Decision::Answer => {}
        }
    }

    #[test]
    fn any_words_of_the_agent_and_any_turns_are_taken(agent in texts(), turns in prop::collection::vec(texts(), 0..6)) {
        prop_assert_eq!(Expected::after(&agent), Expected::after(&agent));
        let mut call = LanguageOfCall::new(Spoken::Hebrew);
        for turn in &turns {
            let before = call.now();
            let switched = call.hear(turn);
            prop_assert_eq!(switched.is_some(), before != call.now());
        }
    }
}

#[test]
fn the_same_words_mean_another_thing_over_the_agent() {
    let agrees = |over_agent| {
        decide(&CallerTurn {
            text: "כן",
            silent_ms: 300,
            turn_ms: 800,
            expected: Expected::Nothing,
            over_agent,
        })
    };
    assert_eq!(agrees(true), Decision::BackChannel);
    assert_eq!(agrees(false), Decision::Answer);
}
