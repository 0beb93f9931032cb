//! How well a call went, judged by figures alone: no model hears it again.
//!
//! The session measures ([`CallSession::figures`](crate::session::CallSession::figures)), one [`Figures`] a socket;
//! a call that was connected again has several, which are added up. [`Figures::judge`] compares them with the
//! thresholds below. Each of them is the edge of what people notice on a telephone, or one of our own bars.

use prosaas_core::Language;
use prosaas_core::quality::{CallQuality, Letters, QualityFigures, QualityReason, Verdict};

/// A first word is late from here on, in milliseconds: our greeting's bar is 2.5 s ([`Times::ai_ready_ms`]), and half
/// a second for the carrier.
///
/// [`Times::ai_ready_ms`]: crate::session::Times::ai_ready_ms
const LATE_FIRST_WORD_MS: u64 = 3_000;
/// And far too late: a whole cycle of ringing (2 s of tone, 4 s of silence) in which nobody speaks.
const VERY_LATE_FIRST_WORD_MS: u64 = 6_000;
/// Dead air is noticed from here on, in milliseconds: by then the caller should have heard the line that asks for
/// patience, which is due after 1.5 + 0.6 s ([`Times::patience_ms`], [`Times::hold_ms`]).
///
/// [`Times::patience_ms`]: crate::session::Times::patience_ms
/// [`Times::hold_ms`]: crate::session::Times::hold_ms
const DEAD_AIR_MS: u64 = 2_500;
/// And makes callers say "hello?": our bar for a model that is silent ([`Times::reply_ms`]).
///
/// [`Times::reply_ms`]: crate::session::Times::reply_ms
const LONG_DEAD_AIR_MS: u64 = 4_000;
/// Answers are slow from here on, in milliseconds at the median: what a model is given before its silence counts as
/// trouble ([`Times::patience_ms`]). People answer each other within about 0.3 s.
///
/// [`Times::patience_ms`]: crate::session::Times::patience_ms
const SLOW_ANSWER_MS: u64 = 1_500;
/// And very slow: every other answer is longer than the dead air that is noticed once.
const VERY_SLOW_ANSWER_MS: u64 = DEAD_AIR_MS;
/// A median says something from so many answers on.
const ENOUGH_ANSWERS: u64 = 3;
/// Both speak at once for so much of a call, in percent: twice what is usual between people, who overlap for a
/// twentieth of the time they speak.
const OVERLAP_PERCENT: u64 = 10;
/// And so much that nobody can be followed.
const HEAVY_OVERLAP_PERCENT: u64 = 25;
/// Less overlap than this, in milliseconds, is a "yes" or two in between.
const SMALL_OVERLAP_MS: u64 = 3_000;
/// Interruptions are part of a conversation; from so many on, if they hit more than half of all replies, the agent
/// talks past the caller.
const MANY_CUT_REPLIES: u64 = 4;
/// Missing sound is heard when it is so much of the speech, in percent. ITU-T G.113 (appendix I) has G.711 with
/// concealment lose little at 1 % of lost packets,
const MISSING_PERCENT: u64 = 1;
/// and much at 5 %.
const MUCH_MISSING_PERCENT: u64 = 5;
/// Less missing sound than this, in milliseconds, is a click: a syllable is about 0.2 s.
const SMALL_GAP_MS: u64 = 200;
/// Fewer letters than this may be a name, or a transcription that guessed.
const ENOUGH_LETTERS: u64 = 20;

/// What was measured over one socket of a call, or over several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    counted: QualityFigures,
    /// How long each answer took, in milliseconds.
    answers_ms: Vec<u32>,
}

/// How bad something is, if it is.
type Finding = Option<(QualityReason, Verdict)>;

impl Figures {
    /// What was counted, and how long each answer took in milliseconds.
    pub(crate) const fn new(counted: QualityFigures, answers_ms: Vec<u32>) -> Self {
        Self {
            counted,
            answers_ms,
        }
    }

    /// Adds what a later socket of the same call measured.
    pub fn add(&mut self, later: &Self) {
        let (now, then) = (&mut self.counted, &later.counted);
        let first_word = then.first_word_ms.map(|ms| now.duration_ms + ms);
        now.first_word_ms = now.first_word_ms.or(first_word);
        now.duration_ms += then.duration_ms;
        now.dead_air_longest_ms = now.dead_air_longest_ms.max(then.dead_air_longest_ms);
        now.dead_air_total_ms += then.dead_air_total_ms;
        now.overlap_ms += then.overlap_ms;
        now.agent_ms += then.agent_ms;
        now.caller_ms += then.caller_ms;
        now.replies += then.replies;
        now.cut_replies += then.cut_replies;
        now.cut_ms += then.cut_ms;
        now.underruns += then.underruns;
        now.underrun_ms += then.underrun_ms;
        now.gaps += then.gaps;
        now.gap_ms += then.gap_ms;
        now.answer_max_ms = now.answer_max_ms.max(then.answer_max_ms);
        now.spoke_fallback |= then.spoke_fallback;
        add_letters(&mut now.caller_letters, &then.caller_letters);
        add_letters(&mut now.agent_letters, &then.agent_letters);
        self.answers_ms.extend(&later.answers_ms);
    }

    /// What was measured, with what follows from the answers.
    pub fn counted(&self) -> QualityFigures {
        let mut sorted = self.answers_ms.clone();
        sorted.sort_unstable();
        // Of an even number of answers the faster one in the middle.
        let middle = sorted.len().saturating_sub(1) / 2;
        QualityFigures {
            answers: sorted.len() as u64,
            answer_p50_ms: sorted.get(middle).map(|ms| u64::from(*ms)),
            ..self.counted
        }
    }

    /// Judges the call; `None` when it was over before there was anything to judge. A caller of whom too little was
    /// written down is taken to speak the business's language.
    pub fn judge(&self, language: Option<Language>) -> Option<CallQuality> {
        let figures = self.counted();
        if figures.first_word_ms.is_none() && figures.duration_ms <= LATE_FIRST_WORD_MS {
            return None;
        }
        let found = [
            first_word(&figures),
            model(&figures),
            dead_air(&figures),
            answers(&figures),
            overlap(&figures),
            cut_words(&figures),
            missing(
                QualityReason::BrokenVoice,
                figures.underrun_ms,
                figures.agent_ms,
            ),
            missing(
                QualityReason::BrokenLine,
                figures.gap_ms,
                figures.duration_ms,
            ),
            wrong_language(&figures, language),
        ];
        let found = found.iter().flatten();
        Some(CallQuality {
            verdict: found
                .clone()
                .map(|(_, verdict)| *verdict)
                .max()
                .unwrap_or(Verdict::Good),
            reasons: found.map(|(reason, _)| *reason).collect(),
            figures,
        })
    }
}

/// `Fair` above the first bound, `Poor` above the second.
const fn above(reason: QualityReason, value: u64, fair: u64, poor: u64) -> Finding {
    if value > poor {
        Some((reason, Verdict::Poor))
    } else if value > fair {
        Some((reason, Verdict::Fair))
    } else {
        None
    }
}

const fn first_word(figures: &QualityFigures) -> Finding {
    match figures.first_word_ms {
        None => Some((QualityReason::NeverSpoke, Verdict::Poor)),
        Some(ms) => above(
            QualityReason::LateFirstWord,
            ms,
            LATE_FIRST_WORD_MS,
            VERY_LATE_FIRST_WORD_MS,
        ),
    }
}

fn model(figures: &QualityFigures) -> Finding {
    figures
        .spoke_fallback
        .then_some((QualityReason::ModelLost, Verdict::Poor))
}

const fn dead_air(figures: &QualityFigures) -> Finding {
    above(
        QualityReason::DeadAir,
        figures.dead_air_longest_ms,
        DEAD_AIR_MS,
        LONG_DEAD_AIR_MS,
    )
}

fn answers(figures: &QualityFigures) -> Finding {
    let usual_ms = figures
        .answer_p50_ms
        .filter(|_| figures.answers >= ENOUGH_ANSWERS)?;
    above(
        QualityReason::SlowAnswers,
        usual_ms,
        SLOW_ANSWER_MS,
        VERY_SLOW_ANSWER_MS,
    )
}

fn overlap(figures: &QualityFigures) -> Finding {
    let both = figures.overlap_ms;
    let spoken = (figures.agent_ms + figures.caller_ms).saturating_sub(both);
    let percent = (both * 100).checked_div(spoken)?;
    if both <= SMALL_OVERLAP_MS {
        return None;
    }
    above(
        QualityReason::Overlap,
        percent,
        OVERLAP_PERCENT,
        HEAVY_OVERLAP_PERCENT,
    )
}

fn cut_words(figures: &QualityFigures) -> Finding {
    let cut = figures.cut_replies;
    (cut >= MANY_CUT_REPLIES && cut * 2 > figures.replies)
        .then_some((QualityReason::CutWords, Verdict::Fair))
}

/// So much of a side's sound was missing.
fn missing(reason: QualityReason, missing_ms: u64, of_ms: u64) -> Finding {
    if missing_ms <= SMALL_GAP_MS {
        return None;
    }
    let percent = (missing_ms * 100)
        .checked_div(of_ms)
        .map_or(100, |percent| percent.min(100));
    above(reason, percent, MISSING_PERCENT, MUCH_MISSING_PERCENT)
}

fn wrong_language(figures: &QualityFigures, business: Option<Language>) -> Finding {
    let agents = main_script(&figures.agent_letters)?;
    let expected = main_script(&figures.caller_letters).or(business.map(script_of))?;
    (agents != expected).then_some((QualityReason::WrongLanguage, Verdict::Poor))
}

/// A way of writing that tells languages apart as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Hebrew,
    Latin,
    Cyrillic,
    Arabic,
    Other,
}

const fn script_of(language: Language) -> Script {
    match language {
        Language::He => Script::Hebrew,
        Language::En => Script::Latin,
    }
}

/// The script of more than half of enough letters.
fn main_script(letters: &Letters) -> Option<Script> {
    let counts = [
        (Script::Hebrew, letters.hebrew),
        (Script::Latin, letters.latin),
        (Script::Cyrillic, letters.cyrillic),
        (Script::Arabic, letters.arabic),
        (Script::Other, letters.other),
    ];
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let most = counts.iter().find(|(_, count)| count * 2 > all);
    most.filter(|_| all >= ENOUGH_LETTERS)
        .map(|(script, _)| *script)
}

/// Counts the letters of a line by script. What stands in brackets was not said: it is a note of the session's.
pub(crate) fn count_letters(line: &str, letters: &mut Letters) {
    if line.starts_with('[') && line.ends_with(']') {
        return;
    }
    for letter in line.chars().filter(|c| c.is_alphabetic()) {
        let count = match letter {
            '\u{0590}'..='\u{05FF}' | '\u{FB1D}'..='\u{FB4F}' => &mut letters.hebrew,
            'A'..='Z' | 'a'..='z' | '\u{00AA}'..='\u{024F}' | '\u{1E00}'..='\u{1EFF}' => {
                &mut letters.latin
            }
            '\u{0400}'..='\u{052F}' => &mut letters.cyrillic,
            '\u{0600}'..='\u{06FF}'
            | '\u{0750}'..='\u{077F}'
            | '\u{08A0}'..='\u{08FF}'
            | '\u{FB50}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFF}' => &mut letters.arabic,
            _ => &mut letters.other,
        };
        *count += 1;
    }
}

const fn add_letters(to: &mut Letters, more: &Letters) {
    to.hebrew += more.hebrew;
    to.latin += more.latin;
    to.cyrillic += more.cyrillic;
    to.arabic += more.arabic;
    to.other += more.other;
}

#[cfg(test)]
mod tests;
