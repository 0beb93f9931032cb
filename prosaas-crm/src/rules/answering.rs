//! How a call is answered, decided before anything is spent on it.
//!
//! The order of the questions is the rule: whom the business blocked or marked as spam is turned away even
//! when he left a name; whom it knows by name is not screened further; only who passes may ring a phone or
//! cost model money.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{E164, Error, Result};
use serde::{Deserialize, Serialize};

/// Who takes the calls to a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnswerMode {
    /// The agent, at any hour.
    #[default]
    AiAlways,
    /// The business's phone while it is open, the agent when nobody picks up or it is closed.
    AiOutsideHours,
    /// The business's phone at any hour, the agent when nobody picks up.
    RingFirst,
}

impl AnswerMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::AiAlways, Self::AiOutsideHours, Self::RingFirst];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AiAlways => "ai_always",
            Self::AiOutsideHours => "ai_outside_hours",
            Self::RingFirst => "ring_first",
        }
    }
}

impl FromStr for AnswerMode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let expected = "expected `ai_always`, `ai_outside_hours` or `ring_first`";
        word(text, &Self::ALL, Self::as_str).ok_or_else(|| Error::invalid("answer_mode", expected))
    }
}

/// What happens to a caller who hides his number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum WithheldPolicy {
    /// He is answered like everybody else.
    #[default]
    Answer,
    /// He may leave a message.
    TakeMessage,
    /// He hears the busy tone.
    Reject,
}

impl WithheldPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Answer, Self::TakeMessage, Self::Reject];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::TakeMessage => "take_message",
            Self::Reject => "reject",
        }
    }
}

impl FromStr for WithheldPolicy {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let expected = "expected `answer`, `take_message` or `reject`";
        word(text, &Self::ALL, Self::as_str)
            .ok_or_else(|| Error::invalid("withheld_policy", expected))
    }
}

fn word<T: Copy>(text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Option<T> {
    all.iter().copied().find(|value| as_str(*value) == text)
}

/// The most calls of one caller within some minutes that still reach the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRate {
    /// So many calls are answered.
    pub calls: u32,
    /// Counted over so many minutes.
    pub minutes: u32,
}

impl CallRate {
    /// Nobody with a question calls a seventh time within ten minutes; a dialling machine does.
    pub const STANDARD: Self = Self {
        calls: 6,
        minutes: 10,
    };

    /// The window in milliseconds.
    pub const fn window_ms(self) -> i64 {
        self.minutes as i64 * 60_000
    }
}

/// Who is turned away although nobody blocked him.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screening {
    /// Callers who hide their number.
    pub withheld: WithheldPolicy,
    /// Callers who call too often; `None` counts nobody's calls.
    pub rate: Option<CallRate>,
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            withheld: WithheldPolicy::default(),
            rate: Some(CallRate::STANDARD),
        }
    }
}

/// The business's own phone, and how long it rings before the agent takes the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingPhone {
    number: E164,
    seconds: u32,
}

impl RingPhone {
    /// How long a phone rings unless the business says otherwise.
    pub const STANDARD_SECONDS: u32 = 15;
    /// Shorter is no ringing, longer is no caller.
    pub const SECONDS: std::ops::RangeInclusive<u32> = 5..=60;

    /// Rings `number` for `seconds`.
    ///
    /// # Errors
    /// `Invalid` when the seconds are not within [`RingPhone::SECONDS`].
    pub fn new(number: E164, seconds: u32) -> Result<Self> {
        if Self::SECONDS.contains(&seconds) {
            return Ok(Self { number, seconds });
        }
        Err(Error::invalid("ring_seconds", "expected 5 to 60 seconds"))
    }

    /// The phone.
    pub const fn number(&self) -> &E164 {
        &self.number
    }

    /// How long it rings.
    pub const fn seconds(&self) -> u32 {
        self.seconds
    }
}

/// What the business decided for one of its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerRules {
    /// Who takes the calls.
    pub mode: AnswerMode,
    /// The phone that the ringing modes ring; without one, the agent answers.
    pub ring: Option<RingPhone>,
    /// Who is turned away.
    pub screening: Screening,
}

/// What is known about one call before it is answered.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; which of them counts more is for the rule to say"
)]
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The caller; `None` when the number is withheld.
    pub caller: Option<&'a E164>,
    /// The number that was called.
    pub called: &'a E164,
    /// Whether the business is open now: its hours, holidays and Shabbat are taken into account.
    pub is_open: bool,
    /// Whether the business knows the caller by name.
    pub is_known: bool,
    /// Whether the caller is on the business's block list.
    pub is_blocked: bool,
    /// Whether somebody of the business marked an earlier call of the caller as spam.
    pub is_known_bad: bool,
    /// How often the caller called within [`CallRate::window_ms`], this call not counted.
    pub calls_before: u32,
}

/// Why a caller was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Screened {
    /// The business blocked him.
    Blocked,
    /// An earlier call of his was marked as spam.
    KnownBad,
    /// He hides his number.
    Withheld,
    /// He calls too often.
    TooOften,
}

impl Screened {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::KnownBad => "known_bad",
            Self::Withheld => "withheld",
            Self::TooOften => "too_often",
        }
    }
}

/// What to do with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerPlan {
    /// Do not pick up: the caller hears the busy tone, and nobody pays for it.
    Reject(Screened),
    /// Let the caller leave a message; no model listens.
    TakeMessage(Screened),
    /// Ring the business's phone; when nobody picks up, the agent does.
    Ring(RingPhone),
    /// The agent picks up.
    Agent,
}

/// How the call is answered.
pub fn plan(rules: &AnswerRules, facts: &CallFacts<'_>) -> AnswerPlan {
    if let Some(turned_away) = screen(rules.screening, facts) {
        return turned_away;
    }
    let rings = match rules.mode {
        AnswerMode::AiAlways => false,
        AnswerMode::AiOutsideHours => facts.is_open,
        AnswerMode::RingFirst => true,
    };
    match &rules.ring {
        Some(phone) if rings && may_ring(phone, facts) => AnswerPlan::Ring(phone.clone()),
        _ => AnswerPlan::Agent,
    }
}

/// A phone that is calling is busy, and a number that rings itself never ends.
fn may_ring(phone: &RingPhone, facts: &CallFacts<'_>) -> bool {
    facts.caller != Some(&phone.number) && *facts.called != phone.number
}

fn screen(screening: Screening, facts: &CallFacts<'_>) -> Option<AnswerPlan> {
    if facts.is_blocked {
        return Some(AnswerPlan::Reject(Screened::Blocked));
    }
    if facts.is_known_bad {
        return Some(AnswerPlan::Reject(Screened::KnownBad));
    }
    if facts.is_known {
        return None;
    }
    if facts.caller.is_none() {
        return match screening.withheld {
            WithheldPolicy::Answer => None,
            WithheldPolicy::TakeMessage => Some(AnswerPlan::TakeMessage(Screened::Withheld)),
            WithheldPolicy::Reject => Some(AnswerPlan::Reject(Screened::Withheld)),
        };
    }
    let too_often = screening
        .rate
        .is_some_and(|rate| facts.calls_before >= rate.calls);
    // Twice as often is a machine; once too often may be somebody whose line drops.
    too_often.then(|| match screening.rate {
        Some(rate) if facts.calls_before >= rate.calls.saturating_mul(2) => {
            AnswerPlan::Reject(Screened::TooOften)
        }
        _ => AnswerPlan::TakeMessage(Screened::TooOften),
    })
}

/// Whom a business does not want to hear: one number, or all that begin alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum BlockPattern {
    /// This number.
    Number(E164),
    /// Every number that begins with `+` and these digits.
    Prefix(String),
}

impl BlockPattern {
    /// The fewest digits of a prefix: one digit would block a continent.
    const FEWEST_DIGITS: usize = 2;
    /// The most: a longer one is a whole number.
    const MOST_DIGITS: usize = 14;

    /// Whether this is the caller's number.
    pub fn matches(&self, caller: &E164) -> bool {
        match self {
            Self::Number(number) => number == caller,
            Self::Prefix(digits) => caller.expose()[1..].starts_with(digits.as_str()),
        }
    }

    /// The form it is stored in and sent as: `+97231234567` or `+97231*`.
    pub fn expose(&self) -> String {
        match self {
            Self::Number(number) => number.expose().to_owned(),
            Self::Prefix(digits) => format!("+{digits}*"),
        }
    }
}

impl FromStr for BlockPattern {
    type Err = Error;

    /// Reads a whole number, or `+`, digits and `*`. Spaces and dashes between digits are dropped.
    fn from_str(text: &str) -> Result<Self> {
        let expected =
            "expected a number such as +97231234567, or its beginning and a star: +97231*";
        let wrong = || Error::invalid("pattern", expected);
        let Some(beginning) = text.trim().strip_suffix('*') else {
            return E164::parse(text).map(Self::Number).map_err(|_| wrong());
        };
        let rest = beginning.strip_prefix('+').ok_or_else(wrong)?;
        let digits: String = rest
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .take(Self::MOST_DIGITS + 1)
            .collect();
        let is_prefix = (Self::FEWEST_DIGITS..=Self::MOST_DIGITS).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_prefix {
            Ok(Self::Prefix(digits))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Debug for BlockPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.debug_tuple("Number").field(number).finish(),
            Self::Prefix(digits) => f.debug_tuple("Prefix").field(&digits.len()).finish(),
        }
    }
}

#[cfg(test)]
mod tests;
