//! What a call hears of what its caller writes meanwhile by another channel.

use prosaas_core::{E164, TenantId, UnixMillis};
use prosaas_crm::auth::TenantScope;
use prosaas_realtime::session::{CallSession, Control};
use tokio::sync::mpsc;

use super::seat::Seat;
use super::{KEPT_FREE, Live, LiveCalls};

/// How much earlier than the call a message may seem to be: the channel's clock counts seconds, and is not ours.
const CLOCKS_DIFFER_MS: i64 = 2_000;

/// The way to a call's session.
#[derive(Debug)]
pub(super) struct Ear {
    /// Leave to ask who the caller is elsewhere.
    scope: TenantScope,
    caller: E164,
    began: UnixMillis,
    control: mpsc::Sender<Control>,
}

/// What somebody wrote by another channel.
#[derive(Clone, PartialEq, Eq)]
pub struct WrittenWords {
    /// The channel's id of the message.
    pub id: String,
    /// Its words.
    pub text: String,
    /// When it was written, by the channel's clock.
    pub at: UnixMillis,
}

impl std::fmt::Debug for WrittenWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrittenWords(…)")
    }
}

impl LiveCalls {
    /// The scope of a call of this business whose session hears what its caller writes, if there is one.
    pub fn listening(&self, tenant: TenantId) -> Option<TenantScope> {
        let calls = self.lock();
        let mut of_tenant = calls.values().filter(|live| live.tenant == tenant);
        of_tenant.find_map(|live| live.ear.as_ref().map(|ear| ear.scope))
    }

    /// Tells the calls that somebody with one of these numbers is speaking in what he wrote; whether one heard
    /// it. What is older than the call is none of its business, and the same message is told once.
    pub fn caller_wrote(&self, tenant: TenantId, numbers: &[E164], words: &WrittenWords) -> bool {
        let mut calls = self.lock();
        let mut was_heard = false;
        for live in calls.values_mut().filter(|live| live.tenant == tenant) {
            was_heard |= live.hear(numbers, words);
        }
        was_heard
    }

    /// Whether a call that still goes on heard a message by the channel's id.
    pub fn heard(&self, tenant: TenantId, id: &str) -> bool {
        let calls = self.lock();
        let mut of_tenant = calls.values().filter(|live| live.tenant == tenant);
        of_tenant.any(|live| live.heard.iter().any(|heard| heard == id))
    }
}

impl Seat {
    /// Tells the session over `control` of what its caller writes from here on. `scope` is the call's own.
    pub fn listen(
        &self,
        scope: &TenantScope,
        (caller, began): (E164, UnixMillis),
        control: mpsc::Sender<Control>,
    ) {
        let scope = *scope;
        let ear = Ear {
            scope,
            caller,
            began,
            control,
        };
        self.note(|live| live.ear = Some(ear));
    }
}

impl Live {
    /// Tells the session, if it is its caller who wrote; whether it heard it now or before.
    fn hear(&mut self, numbers: &[E164], words: &WrittenWords) -> bool {
        let Some(ear) = &self.ear else {
            return false;
        };
        let is_earlier = words.at.since(ear.began) < -CLOCKS_DIFFER_MS;
        if is_earlier || !numbers.contains(&ear.caller) {
            return false;
        }
        if self.heard.contains(&words.id) {
            return true;
        }
        // The session takes no more, and what ends the call must always fit: who writes more than that, or faster
        // than the session reads, is not heard.
        let is_full = self.heard.len() >= CallSession::MAX_WRITTEN_MESSAGES;
        if is_full || ear.control.capacity() <= KEPT_FREE {
            return false;
        }
        let text = words.text.chars().take(CallSession::MAX_WRITTEN).collect();
        let is_told = ear.control.try_send(Control::CallerWrote(text)).is_ok();
        if is_told {
            self.heard.push(words.id.clone());
        }
        is_told
    }
}

#[cfg(test)]
mod tests {
    use prosaas_crm::auth::Permissions;

    use super::super::tests::ids;
    use super::*;

    #[tokio::test]
    async fn a_call_hears_what_its_own_caller_writes_once() {
        let (tenant, a, _) = ids();
        let live = LiveCalls::default();
        let number = |text: &str| E164::parse(text).unwrap();
        let (dana, ron) = (number("+972501234567"), number("+972501234568"));
        let began = UnixMillis(100_000);
        let words = |id: &str, at| WrittenWords {
            id: id.to_owned(),
            text: "x".repeat(5_000),
            at: UnixMillis(at),
        };
        let seat = live.take_seat(tenant, a);
        let (control, mut commands) = mpsc::channel(8);
        let scope = TenantScope::from_trusted_host(tenant, Permissions::all());
        assert_eq!(live.listening(tenant), None);
        seat.listen(&scope, (dana.clone(), began), control);
        let both = [ron.clone(), dana.clone()];
        assert!(!live.caller_wrote(tenant, &[ron], &words("1", 100_000)));
        assert!(!live.caller_wrote(tenant, &both, &words("1", 90_000)));
        let other = TenantId::mint(UnixMillis(2));
        assert_eq!(live.listening(tenant), Some(scope));
        assert_eq!(live.listening(other), None);
        assert!(!live.caller_wrote(other, &both, &words("1", 100_000)));
        assert!(!live.heard(tenant, "1"));
        assert!(live.caller_wrote(tenant, &both, &words("1", 99_000)));
        assert!(live.caller_wrote(tenant, &both, &words("1", 99_000)));
        assert!(live.heard(tenant, "1") && !live.heard(other, "1"));
        let Some(Control::CallerWrote(text)) = commands.recv().await else {
            panic!("expected the words");
        };
        assert_eq!(text.chars().count(), CallSession::MAX_WRITTEN);
        assert!(commands.try_recv().is_err(), "once");
        for n in 2..10 {
            live.caller_wrote(tenant, &both, &words(&n.to_string(), 100_000));
        }
        assert_eq!(commands.capacity(), KEPT_FREE, "the end of the call fits");
        assert!(!live.heard(tenant, "9"), "it is answered in the chat");
        for n in 10..40 {
            let _ = commands.try_recv();
            live.caller_wrote(tenant, &both, &words(&n.to_string(), 100_000));
        }
        let is_heard = |n: &i32| live.heard(tenant, &n.to_string());
        let heard = (1..40).filter(is_heard).count();
        assert_eq!(heard, CallSession::MAX_WRITTEN_MESSAGES);
        drop(seat);
        assert!(!live.heard(tenant, "1"), "the call is over");
    }
}
