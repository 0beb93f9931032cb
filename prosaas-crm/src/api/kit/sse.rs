//! What event streams share: seats, so that nobody opens a thousand of them, and a bell that calls all of
//! them to look again whether their listener may still listen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prosaas_core::TenantId;
use tokio::sync::watch;

use super::problem::Problem;

/// The streams that one business may have open: twenty people with five pages each.
const MAX_SEATS: usize = 100;

/// How often a stream does what.
#[derive(Clone, Copy, Debug)]
pub struct StreamTiming {
    /// A comment is sent, and the listener's session is looked at again.
    pub heartbeat: Duration,
    /// The table is read, for events that another process wrote.
    pub poll: Duration,
}

impl Default for StreamTiming {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            poll: Duration::from_secs(2),
        }
    }
}

/// What rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Bell {
    /// Look again who listens.
    #[default]
    Recheck,
    /// The server stops.
    Close,
}

/// The open streams.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
    bell: watch::Sender<Bell>,
}

impl Default for Seats {
    fn default() -> Self {
        Self {
            taken: Arc::default(),
            bell: watch::Sender::new(Bell::Recheck),
        }
    }
}

/// A place among a business's streams, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
    tenant: TenantId,
}

impl Seats {
    /// Takes a place.
    ///
    /// # Errors
    /// 429 when the business has none left.
    pub(crate) fn take(&self, tenant: TenantId) -> Result<Seat, Problem> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(tenant).or_default();
        if *count >= MAX_SEATS {
            return Err(Problem::rate_limited(Duration::from_mins(1))
                .detail("the business has too many event streams open"));
        }
        *count += 1;
        Ok(Seat {
            taken: Arc::clone(&self.taken),
            tenant,
        })
    }

    /// Rings for every stream.
    pub(super) fn ring(&self, bell: Bell) {
        self.bell.send_modify(|last| {
            // After the last bell there is no other one.
            if *last != Bell::Close {
                *last = bell;
            }
        });
    }

    /// Hears the bell from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<Bell> {
        self.bell.subscribe()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let seats = Seats::default();
        let tenant = TenantId::mint(UnixMillis(1));
        let mut held: Vec<Seat> = (0..MAX_SEATS)
            .map(|_| seats.take(tenant).unwrap())
            .collect();
        assert_eq!(seats.take(tenant).err().unwrap().status().as_u16(), 429);
        assert!(seats.take(TenantId::mint(UnixMillis(2))).is_ok());
        held.pop();
        held.push(seats.take(tenant).unwrap());
        drop(held);
        assert!(seats.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn the_last_bell_stays_the_last() {
        let seats = Seats::default();
        let mut bell = seats.listen();
        seats.ring(Bell::Recheck);
        assert!(bell.has_changed().unwrap());
        seats.ring(Bell::Close);
        seats.ring(Bell::Recheck);
        assert_eq!(*bell.borrow_and_update(), Bell::Close);
    }
}
