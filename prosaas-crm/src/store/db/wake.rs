//! Telling whoever waits for a business's events that there are new ones.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

use prosaas_core::TenantId;
use tokio::sync::watch;

/// One channel a business, as long as somebody listens to it. Holds the latest sequence number only:
/// who wakes reads the events from the database, so nothing is lost and nothing piles up.
#[derive(Debug, Default)]
pub(crate) struct Wakes(Mutex<HashMap<TenantId, watch::Sender<i64>>>);

impl Wakes {
    /// Wakes at each change of the business from now on.
    pub(crate) fn subscribe(&self, tenant: TenantId) -> watch::Receiver<i64> {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        senders
            .entry(tenant)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    /// There are events up to `sequence`.
    pub(super) fn wake(&self, tenant: TenantId, sequence: i64) {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Occupied(sender) = senders.entry(tenant) else {
            return;
        };
        if sender.get().receiver_count() == 0 {
            sender.remove();
            return;
        }
        sender.get().send_if_modified(|known| {
            let is_newer = sequence > *known;
            *known = sequence.max(*known);
            is_newer
        });
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    #[test]
    fn only_the_business_that_changed_wakes_up() {
        let wakes = Wakes::default();
        let (ours, theirs) = (TenantId::mint(UnixMillis(1)), TenantId::mint(UnixMillis(1)));
        let (mut here, there) = (wakes.subscribe(ours), wakes.subscribe(theirs));
        wakes.wake(ours, 7);
        wakes.wake(ours, 5);
        assert!(here.has_changed().unwrap());
        assert_eq!(*here.borrow_and_update(), 7);
        assert!(!there.has_changed().unwrap());
    }

    #[test]
    fn nobody_left_nothing_kept() {
        let wakes = Wakes::default();
        let tenant = TenantId::mint(UnixMillis(1));
        drop(wakes.subscribe(tenant));
        wakes.wake(tenant, 1);
        assert!(wakes.0.lock().unwrap().is_empty());
    }
}
