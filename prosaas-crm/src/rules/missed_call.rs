//! Whether a caller whom nobody heard is written to, and by which way.

use prosaas_core::UnixMillis;

use super::chat::{Writing, require_may_write};
use crate::model::settings::MissedCallReply;
use crate::model::whatsapp::Strangers;

/// How long a caller has to call again before he is written to, in milliseconds. Who tries again at once is not
/// to read of his first try while he speaks.
pub const PATIENCE_MS: i64 = 2 * 60_000;
/// How long after a call the message still makes sense, in milliseconds.
pub const LATEST_MS: i64 = 2 * 3_600_000;
/// How long after a word of ours no other one follows by itself, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// Everything that decides about one call.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, looked up for this one decision"
)]
pub struct MissedCall {
    /// What the business decided.
    pub policy: MissedCallReply,
    /// Whether the business was open when the call came.
    pub was_open: bool,
    /// Whether somebody called the business, and nobody heard him.
    pub is_missed: bool,
    /// Whether somebody of the business saw to it, or gave a reason why nobody will.
    pub is_settled: bool,
    /// How long ago the call came, in milliseconds.
    pub age_ms: i64,
    /// Whether his number may be a mobile one; it is not when he withheld it.
    pub is_mobile: bool,
    /// Whether he is on the block list or marked as spam, or the number is the business's own people's.
    pub is_unwanted: bool,
    /// Whether he spoke with the business since or speaks with it, wrote to it, or called again: then that call
    /// decides.
    pub was_in_touch: bool,
    /// When the business last wrote to him in a conversation that waits for his answer, if it does.
    pub last_word_at: Option<UnixMillis>,
    /// When he last had such a message, for any call.
    pub last_reply_at: Option<UnixMillis>,
    /// Whether he refused to be written to, on either channel.
    pub has_refused: bool,
    /// The business's WhatsApp, where it is linked and he is known there.
    pub whatsapp: Option<Thread>,
    /// Whether a text message can be sent from the number that he called.
    pub can_sms: bool,
    /// The present moment.
    pub now: UnixMillis,
}

/// His conversation on WhatsApp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    /// When he last wrote.
    pub last_inbound_at: Option<UnixMillis>,
    /// Whether only a template may be sent outside the window.
    pub needs_templates: bool,
}

/// What is done about a missed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// He gets a WhatsApp.
    Whatsapp,
    /// He gets a text message.
    Sms,
    /// He gets nothing.
    Nothing(Why),
}

/// Why a caller is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The business does not want it.
    Off,
    /// Not at this hour.
    Hours,
    /// The call was heard, or somebody saw to it.
    Seen,
    /// It is too long ago.
    Late,
    /// There is no number that takes messages.
    NoMobile,
    /// He is not to be written to.
    Unwanted,
    /// He was in touch since.
    InTouch,
    /// He was written to already.
    Written,
    /// He refused.
    Refused,
    /// There is no way to him.
    NoWay,
}

impl Why {
    /// The word for it in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Hours => "hours",
            Self::Seen => "seen",
            Self::Late => "late",
            Self::NoMobile => "no-mobile",
            Self::Unwanted => "unwanted",
            Self::InTouch => "in-touch",
            Self::Written => "written",
            Self::Refused => "refused",
            Self::NoWay => "no-way",
        }
    }
}

/// Decides about a call.
///
/// WhatsApp is for those who wrote before: who never did is a stranger there, to whom the business does not write
/// by itself, whatever it decided about messages that a person asks for. He gets a text message.
pub fn decide(call: &MissedCall) -> Verdict {
    let wrong_hour = match call.policy {
        MissedCallReply::Never | MissedCallReply::Always => false,
        MissedCallReply::Open => !call.was_open,
        MissedCallReply::Closed => call.was_open,
    };
    let is_recent = |at: Option<UnixMillis>| at.is_some_and(|at| call.now.since(at) < DAY_MS);
    let reasons = [
        (call.policy == MissedCallReply::Never, Why::Off),
        (wrong_hour, Why::Hours),
        (!call.is_missed || call.is_settled, Why::Seen),
        (call.age_ms > LATEST_MS, Why::Late),
        (!call.is_mobile, Why::NoMobile),
        (call.is_unwanted, Why::Unwanted),
        (call.was_in_touch, Why::InTouch),
        (is_recent(call.last_word_at), Why::Written),
        (is_recent(call.last_reply_at), Why::Written),
        (call.has_refused, Why::Refused),
    ];
    if let Some((_, why)) = reasons.into_iter().find(|(holds, _)| *holds) {
        return Verdict::Nothing(why);
    }
    if call.whatsapp.is_some_and(|thread| may_write(thread, call)) {
        return Verdict::Whatsapp;
    }
    if call.can_sms {
        return Verdict::Sms;
    }
    Verdict::Nothing(Why::NoWay)
}

/// By the rule for every message that no person asked for.
fn may_write(thread: Thread, call: &MissedCall) -> bool {
    require_may_write(Writing {
        is_template: false,
        needs_templates: thread.needs_templates,
        last_inbound_at: thread.last_inbound_at,
        strangers: Strangers::Never,
        is_asked: false,
        now: call.now,
    })
    .is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_750_000_000_000);
    const THREAD: Thread = Thread {
        last_inbound_at: Some(NOW.plus(-30 * DAY_MS)),
        needs_templates: false,
    };

    fn call() -> MissedCall {
        MissedCall {
            policy: MissedCallReply::Always,
            was_open: true,
            is_missed: true,
            is_settled: false,
            age_ms: PATIENCE_MS,
            is_mobile: true,
            is_unwanted: false,
            was_in_touch: false,
            last_word_at: None,
            last_reply_at: None,
            has_refused: false,
            whatsapp: Some(THREAD),
            can_sms: true,
            now: NOW,
        }
    }

    #[test]
    fn who_wrote_before_gets_a_whatsapp_and_a_stranger_a_text_message() {
        assert_eq!(decide(&call()), Verdict::Whatsapp);
        let stranger = MissedCall {
            whatsapp: None,
            ..call()
        };
        assert_eq!(decide(&stranger), Verdict::Sms);
        let written_to_only = MissedCall {
            whatsapp: Some(Thread {
                last_inbound_at: None,
                ..THREAD
            }),
            ..call()
        };
        assert_eq!(decide(&written_to_only), Verdict::Sms);
        let nothing = MissedCall {
            can_sms: false,
            ..stranger
        };
        assert_eq!(decide(&nothing), Verdict::Nothing(Why::NoWay));
    }

    #[test]
    fn where_templates_are_needed_only_the_window_is_written_into() {
        let at = |age: i64| MissedCall {
            whatsapp: Some(Thread {
                last_inbound_at: Some(NOW.plus(-age)),
                needs_templates: true,
            }),
            ..call()
        };
        assert_eq!(decide(&at(DAY_MS - 1)), Verdict::Whatsapp);
        assert_eq!(decide(&at(DAY_MS)), Verdict::Sms);
    }

    #[test]
    fn each_rule_stops_it_by_itself() {
        let policy = |policy, was_open| MissedCall {
            policy,
            was_open,
            ..call()
        };
        let silent = |call: MissedCall| match decide(&call) {
            Verdict::Nothing(why) => why.as_str(),
            _ => "written",
        };
        assert_eq!(silent(policy(MissedCallReply::Never, true)), "off");
        assert_eq!(silent(policy(MissedCallReply::Open, false)), "hours");
        assert_eq!(silent(policy(MissedCallReply::Open, true)), "written");
        assert_eq!(silent(policy(MissedCallReply::Closed, true)), "hours");
        assert_eq!(silent(policy(MissedCallReply::Closed, false)), "written");
        let changed = |change: fn(&mut MissedCall)| {
            let mut changed = call();
            change(&mut changed);
            silent(changed)
        };
        assert_eq!(changed(|call| call.is_missed = false), "seen");
        assert_eq!(changed(|call| call.is_settled = true), "seen");
        assert_eq!(changed(|call| call.age_ms = LATEST_MS + 1), "late");
        assert_eq!(changed(|call| call.is_mobile = false), "no-mobile");
        assert_eq!(changed(|call| call.is_unwanted = true), "unwanted");
        assert_eq!(changed(|call| call.was_in_touch = true), "in-touch");
        assert_eq!(changed(|call| call.has_refused = true), "refused");
    }

    #[test]
    fn one_word_of_ours_a_day() {
        for age in [0, DAY_MS - 1] {
            let at = Some(NOW.plus(-age));
            let talking = MissedCall {
                last_word_at: at,
                ..call()
            };
            assert_eq!(decide(&talking), Verdict::Nothing(Why::Written));
            let again = MissedCall {
                last_reply_at: at,
                ..call()
            };
            assert_eq!(decide(&again), Verdict::Nothing(Why::Written));
        }
        let next_day = MissedCall {
            last_word_at: Some(NOW.plus(-DAY_MS)),
            last_reply_at: Some(NOW.plus(-DAY_MS)),
            ..call()
        };
        assert_eq!(decide(&next_day), Verdict::Whatsapp);
    }

    proptest! {
        /// Whatever else holds: nobody who refused, is unwanted or was in touch is written to, and no stranger
        /// on WhatsApp.
        #[test]
        fn the_promises_hold_for_every_call(
            flags in prop::array::uniform7(any::<bool>()),
            policy in prop::sample::select(MissedCallReply::ALL.to_vec()),
            age in -DAY_MS..2 * DAY_MS,
            heard in prop::option::of(0..2 * DAY_MS),
            needs_templates: bool,
        ) {
            let [was_open, is_missed, is_mobile, is_unwanted, was_in_touch, has_refused, can_sms] = flags;
            let call = MissedCall {
                policy, was_open, is_missed, is_mobile, is_unwanted, was_in_touch, has_refused, can_sms,
                age_ms: age,
                whatsapp: Some(Thread {
                    last_inbound_at: heard.map(|age| NOW.plus(-age)),
                    needs_templates,
                }),
                ..call()
            };
            let verdict = decide(&call);
            let is_written = !matches!(verdict, Verdict::Nothing(_));
            prop_assert!(!is_written || (is_missed && is_mobile && policy != MissedCallReply::Never));
            prop_assert!(!is_written || !(is_unwanted || was_in_touch || has_refused));
            prop_assert!(verdict != Verdict::Whatsapp || heard.is_some());
            prop_assert!(verdict != Verdict::Sms || can_sms);
        }
    }
}
