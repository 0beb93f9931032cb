//! How a call is answered, decided before anything is spent on it.
//!
//! The order of the questions is the rule: whom the business blocked or marked as spam is turned away even
//! when he left a name; whom it knows by name is not screened further; only who passes may ring a phone or
//! cost model money.

use prosaas_core::{E164, Error, Result};
use serde::{Deserialize, Serialize};

use crate::model::check;
use crate::model::words::words;
use crate::rules::full::FullRules;

words! {
    /// Who takes the calls to a number.
    AnswerMode, "answer_mode":
    /// The agent, at any hour.
    AiAlways = "ai_always",
    /// The business's phone while it is open, the agent when nobody picks up or it is closed.
    AiOutsideHours = "ai_outside_hours",
    /// The business's phone at any hour, the agent when nobody picks up.
    RingFirst = "ring_first",
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro that spells the words makes no default"
)]
impl Default for AnswerMode {
    fn default() -> Self {
        Self::AiAlways
    }
}

words! {
    /// What happens to a caller who hides his number.
    WithheldPolicy, "withheld":
    /// He is answered like everybody else.
    Answer = "answer",
    /// He may leave a message.
    TakeMessage = "take_message",
    /// He hears the busy tone.
    Reject = "reject",
}

/// The most calls of one caller within some minutes that still reach the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Screening {
    /// Callers who hide their number.
    pub withheld: WithheldPolicy,
    /// Callers who call too often; `None` counts nobody's calls.
    pub rate: Option<CallRate>,
}

impl Default for Screening {
    fn default() -> Self {
        Self {
            withheld: WithheldPolicy::Answer,
            rate: Some(CallRate::STANDARD),
        }
    }
}

impl Screening {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// `Invalid` names the number.
    pub fn check(&self) -> Result<()> {
        if let Some(rate) = self.rate {
            check::within("calls", rate.calls, 1, 1_000)?;
            check::within("minutes", rate.minutes, 1, 24 * 60)?;
        }
        Ok(())
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
    /// What comes when all lines are taken.
    pub full: FullRules,
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

#[cfg(test)]
mod tests;
