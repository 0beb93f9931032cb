//! What a caller hears when as many calls are live as may be: never the busy tone.

use prosaas_core::{E164, Error, Result};

use crate::model::words::words;

words! {
    /// What a number does with a call while all its lines are taken.
    WhenFull, "when_full":
    /// The caller hears that he is called back; his lead is stored, and he is written to where the business
    /// writes to callers whom nobody heard.
    CallBack = "call_back",
    /// The caller waits on the line, and it is tried again; after a minute he may leave a message.
    Hold = "hold",
    /// Another phone rings; when nobody picks up there, the caller may leave a message.
    Overflow = "overflow",
    /// The caller may leave a message.
    Voicemail = "voicemail",
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro that spells the words makes no default"
)]
impl Default for WhenFull {
    fn default() -> Self {
        Self::CallBack
    }
}

/// How long a caller waits before it is tried again whether a line is free, in seconds.
pub const HOLD_S: u32 = 15;
/// How often it is tried again before he may leave a message.
pub const MOST_HOLDS: u32 = 4;

/// How many calls a number takes at once, and what comes then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FullRules {
    /// The most live calls of this number; only the business's own limit holds when empty.
    pub max_live_calls: Option<u32>,
    /// What happens to one more.
    pub when: WhenFull,
    /// The phone that rings then.
    pub overflow: Option<E164>,
}

/// What is known of a call for which there is no line.
#[derive(Clone, Copy, Debug)]
pub struct FullFacts<'a> {
    /// The caller; `None` when the number is withheld.
    pub caller: Option<&'a E164>,
    /// The number that was called.
    pub called: &'a E164,
    /// How often he waited already.
    pub waited: u32,
}

/// What is done with such a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FullPlan {
    /// He hears that he is called back.
    CallBack,
    /// He waits for [`HOLD_S`] seconds, then it is tried again.
    Hold,
    /// This phone rings.
    Dial(E164),
    /// He may leave a message.
    TakeMessage,
}

/// What is done with a call for which there is no line.
///
/// A phone that is calling is busy, and a number that rings itself never ends.
pub fn plan(rules: &FullRules, facts: &FullFacts<'_>) -> FullPlan {
    match (rules.when, &rules.overflow) {
        (WhenFull::CallBack, _) => FullPlan::CallBack,
        (WhenFull::Hold, _) if facts.waited < MOST_HOLDS => FullPlan::Hold,
        (WhenFull::Overflow, Some(phone))
            if facts.caller != Some(phone) && facts.called != phone =>
        {
            FullPlan::Dial(phone.clone())
        }
        _ => FullPlan::TakeMessage,
    }
}

/// Whether the phone that is to ring is named.
///
/// # Errors
/// `Invalid` when it is not.
pub fn check(when: WhenFull, overflow: Option<&E164>) -> Result<()> {
    if when == WhenFull::Overflow && overflow.is_none() {
        let expected = "expected the phone that rings while all lines are taken";
        return Err(Error::invalid("overflow_number", expected));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(when: WhenFull, overflow: Option<&str>, waited: u32) -> FullPlan {
        let number = |text: &str| E164::parse(text).unwrap();
        let rules = FullRules {
            max_live_calls: None,
            when,
            overflow: overflow.map(number),
        };
        let facts = FullFacts {
            caller: Some(&number("+972501234567")),
            called: &number("+97231234567"),
            waited,
        };
        plan(&rules, &facts)
    }

    #[test]
    fn a_caller_waits_for_a_minute_then_leaves_a_message() {
        for waited in 0..MOST_HOLDS {
            assert_eq!(planned(WhenFull::Hold, None, waited), FullPlan::Hold);
        }
        let last = planned(WhenFull::Hold, None, MOST_HOLDS);
        assert_eq!(last, FullPlan::TakeMessage);
        assert_eq!(MOST_HOLDS * HOLD_S, 60);
    }

    #[test]
    fn another_phone_rings_unless_it_is_a_side_of_the_call() {
        let phone = "+97239876543";
        let rings = planned(WhenFull::Overflow, Some(phone), 0);
        assert_eq!(rings, FullPlan::Dial(E164::parse(phone).unwrap()));
        for own in ["+972501234567", "+97231234567"] {
            let asked = planned(WhenFull::Overflow, Some(own), 0);
            assert_eq!(asked, FullPlan::TakeMessage);
        }
    }

    #[test]
    fn a_message_or_a_promise_needs_nothing_else() {
        let asked = planned(WhenFull::Voicemail, None, 0);
        assert_eq!(asked, FullPlan::TakeMessage);
        assert_eq!(planned(WhenFull::CallBack, None, 0), FullPlan::CallBack);
        assert!(check(WhenFull::Overflow, None).is_err());
        assert!(check(WhenFull::Hold, None).is_ok());
    }
}
