//! The calls this process carries: how many a business has, and which socket holds which call.

mod desk;
mod ear;
mod seat;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prosaas_core::{CallId, E164, Speaker, TenantId, UnixMillis, Usage};
use prosaas_crm::model::call_list::LadderUse;
use prosaas_realtime::session::CallUpdate;
use prosaas_realtime::verdict::Figures;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use ear::WrittenWords;
pub use seat::{Seat, Signals};

use desk::Desk;
use ear::Ear;

/// How much of a call's channel stays free for what ends it.
const KEPT_FREE: usize = 4;
/// How long a call that was answered counts as live before its media socket arrives.
const RESERVATION_MS: i64 = 60_000;

/// The calls of this process. Cheap to clone; all clones are one registry.
#[derive(Clone, Debug)]
pub struct LiveCalls {
    calls: Arc<Mutex<HashMap<CallId, Live>>>,
    /// How many calls there are, for whoever waits until there is none.
    count: Arc<watch::Sender<usize>>,
    /// Counts the sockets of all calls: one that was superseded long ago is never taken for the one that holds its
    /// call now.
    sockets: Arc<AtomicU32>,
}

/// How much room there is for a call.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// The most live calls of the business.
    pub business: u32,
    /// The number that was called, and the most live calls of it; `None` for what is no call to a number.
    pub number: Option<(&'a E164, Option<u32>)>,
}

impl Room<'_> {
    /// Room that only the business's limit bounds.
    pub const fn of_business(limit: u32) -> Self {
        Self {
            business: limit,
            number: None,
        }
    }
}

#[derive(Debug)]
struct Live {
    tenant: TenantId,
    /// The number that was called.
    number: Option<E164>,
    /// Until when the call counts without a seat.
    reserved_until: UnixMillis,
    seat: Option<Signals>,
    /// What earlier sockets of this call used.
    carried: Usage,
    /// What kept the call from silence so far, over all its sockets.
    ladder: LadderUse,
    /// Whether its caller was asked for patience and still waits.
    is_holding: bool,
    /// What they measured.
    measured: Option<Box<Figures>>,
    /// Where the session hears of what its caller writes.
    ear: Option<Ear>,
    /// The channel's ids of what it heard: each once.
    heard: Vec<String>,
    /// The way of the business's people to the session, and what it is doing.
    desk: Option<Desk>,
}

impl Default for LiveCalls {
    fn default() -> Self {
        Self {
            calls: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
            sockets: Arc::default(),
        }
    }
}

impl LiveCalls {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Live>> {
        // A panic while the lock was held left a consistent map: every change is one insertion or removal.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call as live, unless its business or its number has as many others as may be. Asking twice for
    /// one call counts once.
    pub fn admit(&self, tenant: TenantId, call: CallId, room: Room<'_>, now: UnixMillis) -> bool {
        self.expire(now);
        let mut calls = self.lock();
        let others = || {
            let others = calls.iter().filter(|(id, _)| **id != call);
            others.filter(|(_, live)| live.tenant == tenant)
        };
        let is_full = others().count() >= room.business as usize;
        let is_number_full = room.number.is_some_and(|(number, most)| {
            let same = others().filter(|(_, live)| live.number.as_ref() == Some(number));
            most.is_some_and(|most| same.count() >= most as usize)
        });
        if is_full || is_number_full {
            return false;
        }
        let live = calls.entry(call).or_insert_with(|| Live::new(tenant));
        live.number = room.number.map(|(number, _)| number.clone());
        live.reserved_until = now.plus(RESERVATION_MS);
        self.publish(&calls);
        true
    }

    /// Forgets calls that were answered and whose media socket never came.
    pub fn expire(&self, now: UnixMillis) {
        let mut calls = self.lock();
        calls.retain(|_, live| live.seat.is_some() || live.reserved_until > now);
        self.publish(&calls);
    }

    /// Gives the call to a new socket. Whoever held it is told ([`Seat::superseded`]).
    pub fn take_seat(&self, tenant: TenantId, call: CallId) -> Seat {
        let mut calls = self.lock();
        let live = calls.entry(call).or_insert_with(|| Live::new(tenant));
        if let Some(previous) = live.seat.take() {
            previous.superseded.cancel();
        }
        let signals = Signals {
            superseded: CancellationToken::new(),
            carrier_ended: CancellationToken::new(),
            socket: self.sockets.fetch_add(1, Ordering::Relaxed),
        };
        live.seat = Some(signals.clone());
        let seat = Seat {
            registry: self.clone(),
            call,
            signals,
        };
        self.publish(&calls);
        seat
    }

    /// Whether a socket of this process holds the call.
    pub fn is_seated(&self, call: CallId) -> bool {
        self.lock()
            .get(&call)
            .is_some_and(|live| live.seat.is_some())
    }

    /// Tells the holder of the call that the carrier says it is over; `false` when nobody holds it.
    pub fn carrier_ended(&self, call: CallId) -> bool {
        let calls = self.lock();
        let seat = calls.get(&call).and_then(|live| live.seat.as_ref());
        seat.inspect(|signals| signals.carrier_ended.cancel())
            .is_some()
    }

    /// The call is over and counts no longer, unless a socket still holds it.
    pub fn forget(&self, call: CallId) {
        let mut calls = self.lock();
        if calls.get(&call).is_some_and(|live| live.seat.is_none()) {
            calls.remove(&call);
        }
        self.publish(&calls);
    }

    /// Remembers what an update of a call says of how it is kept from silence.
    pub fn climb(&self, call: CallId, update: &CallUpdate) {
        if let Some(live) = self.lock().get_mut(&call) {
            live.climb(update);
        }
    }

    /// What kept a call from silence so far.
    pub fn ladder(&self, call: CallId) -> LadderUse {
        let calls = self.lock();
        let live = calls.get(&call);
        live.map(|live| live.ladder.clone()).unwrap_or_default()
    }

    /// How many calls have a socket.
    pub fn seated(&self) -> usize {
        self.lock()
            .values()
            .filter(|live| live.seat.is_some())
            .count()
    }

    /// How many calls there are, those included whose socket is still to come.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until there is no call, with a socket or without.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_until_empty(&self) {
        let mut count = self.count.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = count.wait_for(|count| *count == 0).await;
    }

    /// Waits until no call has a socket.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_until_seatless(&self) {
        let mut count = self.count.subscribe();
        while self.seated() > 0 {
            // Every change of a seat is published; the sender lives as long as `self`.
            let _ = count.changed().await;
        }
    }

    fn publish(&self, calls: &HashMap<CallId, Live>) {
        self.count.send_replace(calls.len());
    }

    fn leave(&self, call: CallId, socket: u32) {
        let mut calls = self.lock();
        // Only the socket that holds the seat gives it up: a superseded one leaves its successor alone.
        if calls
            .get(&call)
            .and_then(|live| live.seat.as_ref())
            .is_some_and(|seat| seat.socket == socket)
        {
            calls.remove(&call);
        }
        self.publish(&calls);
    }
}

impl Live {
    fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            number: None,
            reserved_until: UnixMillis(i64::MIN),
            seat: None,
            carried: Usage::default(),
            ladder: LadderUse::default(),
            is_holding: false,
            measured: None,
            ear: None,
            heard: Vec::new(),
            desk: None,
        }
    }

    /// What an update says of how the call is kept from silence.
    fn climb(&mut self, update: &CallUpdate) {
        match update {
            CallUpdate::Reconnecting { .. } => self.ladder.reconnects += 1,
            CallUpdate::Holding { .. } => {
                self.ladder.hold_lines += 1;
                self.is_holding = true;
            }
            CallUpdate::Served { by, .. } => {
                self.ladder.served_by = Some(by.clone());
                self.is_holding = false;
            }
            CallUpdate::Line(line) if line.speaker == Speaker::Agent => self.is_holding = false,
            CallUpdate::Fallback { .. } => self.is_holding = false,
            CallUpdate::Line(_) | CallUpdate::FirstAudio { .. } | CallUpdate::BargeIn { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::CallTime;
    use prosaas_crm::live::LiveDesk as _;

    use super::*;

    /// Room for one call.
    const ONE: Room<'static> = Room::of_business(1);

    pub(super) fn ids() -> (TenantId, CallId, CallId) {
        (
            TenantId::mint(UnixMillis(1)),
            CallId::mint(UnixMillis(1)),
            CallId::mint(UnixMillis(1)),
        )
    }

    #[test]
    fn a_business_gets_its_limit_and_no_more() {
        let (tenant, a, b) = ids();
        let live = LiveCalls::default();
        assert!(live.admit(tenant, a, ONE, UnixMillis(0)));
        assert!(
            live.admit(tenant, a, ONE, UnixMillis(1)),
            "a duplicate delivery counts once"
        );
        assert!(!live.admit(tenant, b, ONE, UnixMillis(2)));
        assert!(
            live.admit(TenantId::mint(UnixMillis(2)), b, ONE, UnixMillis(2)),
            "others are not affected"
        );
    }

    #[test]
    fn people_see_which_rung_holds_a_call() {
        let (tenant, call, _) = ids();
        let live = LiveCalls::default();
        let at = CallTime(1);
        let by = "spare".to_owned();
        // What comes of a call that is not here is no matter.
        live.climb(call, &CallUpdate::Holding { at });
        let _seat = live.take_seat(tenant, call);
        let seen = |update| {
            live.climb(call, &update);
            let seen = live.calls(tenant).remove(0);
            (seen.served_by, seen.is_holding, seen.hold_lines)
        };
        assert_eq!(seen(CallUpdate::Holding { at }), (None, true, 1));
        assert_eq!(seen(CallUpdate::Reconnecting { at }), (None, true, 1));
        assert_eq!(
            seen(CallUpdate::Served { at, by }),
            (Some("spare".to_owned()), false, 1)
        );
        let ladder = live.ladder(call);
        assert_eq!((ladder.hold_lines, ladder.reconnects), (1, 1));
    }

    #[test]
    fn a_reservation_without_a_socket_runs_out() {
        let (tenant, a, b) = ids();
        let live = LiveCalls::default();
        assert!(live.admit(tenant, a, ONE, UnixMillis(0)));
        assert!(!live.admit(tenant, b, ONE, UnixMillis(RESERVATION_MS - 1)));
        assert!(live.admit(tenant, b, ONE, UnixMillis(RESERVATION_MS)));
    }

    #[test]
    fn a_seat_counts_until_it_is_given_up() {
        let (tenant, a, b) = ids();
        let live = LiveCalls::default();
        let seat = live.take_seat(tenant, a);
        assert_eq!(live.seated(), 1);
        assert!(!live.admit(tenant, b, ONE, UnixMillis(10 * RESERVATION_MS)));
        drop(seat);
        assert_eq!(live.seated(), 0);
        assert!(live.admit(tenant, b, ONE, UnixMillis(0)));
    }

    #[test]
    fn a_number_has_lines_of_its_own() {
        let live = LiveCalls::default();
        let (tenant, a, b) = ids();
        let (office, shop) = (
            "+97231234567".parse().unwrap(),
            "+97231234568".parse().unwrap(),
        );
        let room = |number| Room {
            business: 5,
            number: Some((number, Some(1))),
        };
        assert!(live.admit(tenant, a, room(&office), UnixMillis(0)));
        assert!(
            live.admit(tenant, a, room(&office), UnixMillis(1)),
            "asked again"
        );
        assert!(!live.admit(tenant, b, room(&office), UnixMillis(2)));
        assert!(live.admit(tenant, b, room(&shop), UnixMillis(3)));
    }
}
