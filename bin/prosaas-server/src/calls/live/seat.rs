//! The right to carry a call, held by one socket at a time.

use prosaas_core::{CallId, Usage};
use prosaas_realtime::verdict::Figures;
use tokio_util::sync::CancellationToken;

use super::{Live, LiveCalls};

/// What the rest of the server says to the socket of a call.
#[derive(Clone, Debug)]
pub struct Signals {
    pub(super) superseded: CancellationToken,
    pub(super) carrier_ended: CancellationToken,
    /// Which of this process's sockets it is.
    pub(super) socket: u32,
}

impl Signals {
    /// Completes when a newer socket took the call over.
    pub async fn superseded(&self) {
        self.superseded.cancelled().await;
    }

    /// Completes when the carrier said that the call is over.
    pub async fn carrier_ended(&self) {
        self.carrier_ended.cancelled().await;
    }
}

/// The right to carry a call, held by one socket. Dropping it gives the call up.
#[derive(Debug)]
pub struct Seat {
    pub(super) registry: LiveCalls,
    pub(super) call: CallId,
    pub(super) signals: Signals,
}

impl Seat {
    /// Completes when a newer socket took the call over.
    pub async fn superseded(&self) {
        self.signals.superseded().await;
    }

    /// What is said to the holder of the seat, for whoever waits for it elsewhere.
    pub fn signals(&self) -> Signals {
        self.signals.clone()
    }

    /// Changes what is noted of the call, as long as this socket holds it.
    pub(super) fn note(&self, change: impl FnOnce(&mut Live)) {
        let mut calls = self.registry.lock();
        let live = calls.get_mut(&self.call);
        let is_ours = |seat: &Signals| seat.socket == self.signals.socket;
        if let Some(live) = live.filter(|live| live.seat.as_ref().is_some_and(is_ours)) {
            change(live);
        }
    }

    /// Whether a newer socket took the call over.
    pub fn is_superseded(&self) -> bool {
        self.signals.superseded.is_cancelled()
    }

    /// Completes when the carrier said that the call is over.
    pub async fn carrier_ended(&self) {
        self.signals.carrier_ended().await;
    }

    /// Leaves what this socket used and measured to the one that took over.
    pub fn carry(&self, usage: Usage, measured: &Figures) {
        if let Some(live) = self.registry.lock().get_mut(&self.call) {
            live.carried += usage;
            live.measured.get_or_insert_default().add(measured);
        }
    }

    /// What earlier sockets of the call measured.
    pub fn measured(&self) -> Figures {
        let calls = self.registry.lock();
        let measured = calls
            .get(&self.call)
            .and_then(|live| live.measured.as_deref());
        measured.cloned().unwrap_or_default()
    }

    /// What earlier sockets of the call used.
    pub fn carried(&self) -> Usage {
        self.registry
            .lock()
            .get(&self.call)
            .map(|live| live.carried)
            .unwrap_or_default()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.leave(self.call, self.signals.socket);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ids;
    use super::*;

    #[tokio::test]
    async fn the_newer_socket_takes_over_and_the_older_one_leaves_it_alone() {
        let (tenant, a, _) = ids();
        let live = LiveCalls::default();
        let old = live.take_seat(tenant, a);
        let used = Usage {
            input_text: 7,
            ..Usage::default()
        };
        old.carry(used, &Figures::default());
        let new = live.take_seat(tenant, a);
        old.superseded().await;
        assert!(!new.is_superseded());
        assert_eq!(new.carried().input_text, 7);
        drop(old);
        assert!(live.is_seated(a), "the successor still holds the call");
        assert!(live.carrier_ended(a));
        new.carrier_ended().await;
        drop(new);
        live.wait_until_empty().await;
        assert!(!live.carrier_ended(a));
    }

    #[test]
    fn a_socket_that_was_superseded_long_ago_leaves_the_one_of_today_alone() {
        let (tenant, a, _) = ids();
        let live = LiveCalls::default();
        let old = live.take_seat(tenant, a);
        drop(live.take_seat(tenant, a));
        assert!(!live.is_seated(a), "the one that took over is gone as well");
        let _today = live.take_seat(tenant, a);
        drop(old);
        assert!(live.is_seated(a));
    }
}
