//! The calls this process carries: how many a business has, and which socket holds which call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use prosaas_core::{CallId, E164, Speaker, TenantId, UnixMillis, Usage};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::live::{LiveCall, LiveDesk, LiveSound, LiveTurn, LiveWish};
use prosaas_crm::model::call_list::LadderUse;
use prosaas_realtime::audio::wav;
use prosaas_realtime::listen::{Listeners, Mix, Sound};
use prosaas_realtime::session::{Activity, CallSession, CallUpdate, Control, Turn};
use prosaas_realtime::verdict::Figures;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How much of a call's channel stays free for what ends it.
const KEPT_FREE: usize = 4;
/// How much earlier than the call a message may seem to be: the channel's clock counts seconds, and is not ours.
const CLOCKS_DIFFER_MS: i64 = 2_000;
/// How long a call that was answered counts as live before its media socket arrives.
const RESERVATION_MS: i64 = 60_000;

/// The calls of this process. Cheap to clone; all clones are one registry.
#[derive(Clone, Debug)]
pub struct LiveCalls {
    calls: Arc<Mutex<HashMap<CallId, Live>>>,
    /// How many calls there are, for whoever waits until there is none.
    count: Arc<watch::Sender<usize>>,
}

#[derive(Debug)]
struct Live {
    tenant: TenantId,
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
    /// Counts the sockets of this call in this process.
    sockets: u32,
    /// Where the session hears of what its caller writes.
    ear: Option<Ear>,
    /// The channel's ids of what it heard: each once.
    heard: Vec<String>,
    /// The way of the business's people to the session, and what it is doing.
    desk: Option<Desk>,
}

/// What people of the business see of a call's session, and how they reach it.
#[derive(Debug)]
struct Desk {
    control: mpsc::Sender<Control>,
    activity: watch::Receiver<Activity>,
    listeners: Arc<Listeners>,
}

/// The way to a call's session.
#[derive(Debug)]
struct Ear {
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

/// What the rest of the server says to the socket of a call.
#[derive(Clone, Debug)]
pub struct Signals {
    superseded: CancellationToken,
    carrier_ended: CancellationToken,
    socket: u32,
}

impl Default for LiveCalls {
    fn default() -> Self {
        Self {
            calls: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl LiveCalls {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Live>> {
        // A panic while the lock was held left a consistent map: every change is one insertion or removal.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call as live, unless its business has `limit` others already. Asking twice for one call
    /// counts once.
    pub fn admit(&self, tenant: TenantId, call: CallId, limit: u32, now: UnixMillis) -> bool {
        self.expire(now);
        let mut calls = self.lock();
        let others = calls
            .iter()
            .filter(|(id, live)| live.tenant == tenant && **id != call)
            .count();
        if others >= limit as usize {
            return false;
        }
        let live = calls.entry(call).or_insert_with(|| Live::new(tenant));
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
        live.sockets += 1;
        let signals = Signals {
            superseded: CancellationToken::new(),
            carrier_ended: CancellationToken::new(),
            socket: live.sockets,
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
            reserved_until: UnixMillis(i64::MIN),
            seat: None,
            carried: Usage::default(),
            ladder: LadderUse::default(),
            is_holding: false,
            measured: None,
            sockets: 0,
            ear: None,
            heard: Vec::new(),
            desk: None,
        }
    }

    /// What people of the business see of the call.
    fn seen(&self, call: CallId) -> LiveCall {
        let activity = self.desk.as_ref().map(|desk| *desk.activity.borrow());
        let used = activity.map(|activity| activity.usage).unwrap_or_default();
        LiveCall {
            call,
            turn: activity.map_or(LiveTurn::Ringing, |activity| shown(activity.turn)),
            cost: self.carried.cost + used.cost,
            served_by: self.ladder.served_by.clone(),
            is_holding: self.is_holding,
            hold_lines: self.ladder.hold_lines,
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

impl LiveDesk for LiveCalls {
    fn calls(&self, tenant: TenantId) -> Vec<LiveCall> {
        let calls = self.lock();
        let of_tenant = calls.iter().filter(|(_, live)| live.tenant == tenant);
        of_tenant.map(|(call, live)| live.seen(*call)).collect()
    }

    fn tell(&self, tenant: TenantId, call: CallId, wish: LiveWish) -> bool {
        let calls = self.lock();
        let live = calls.get(&call).filter(|live| live.tenant == tenant);
        let Some(desk) = live.and_then(|live| live.desk.as_ref()) else {
            return false;
        };
        let control = match wish {
            // What ends the call must always fit.
            LiveWish::Whisper(_) if desk.control.capacity() <= KEPT_FREE => return false,
            LiveWish::Whisper(text) => Control::Whispered(text),
            LiveWish::HandTo(number) => Control::HandTo(number),
            LiveWish::End => Control::EndCall,
        };
        desk.control.try_send(control).is_ok()
    }

    fn listen(&self, tenant: TenantId, call: CallId) -> Option<LiveSound> {
        let calls = self.lock();
        let live = calls.get(&call).filter(|live| live.tenant == tenant)?;
        let heard = live.desk.as_ref()?.listeners.listen()?;
        Some(Box::pin(played(heard)))
    }
}

/// What is heard as a WAV file without an end.
fn played(heard: mpsc::Receiver<Sound>) -> impl Stream<Item = Bytes> {
    let samples = stream::unfold((heard, Mix::default()), async |(mut heard, mut mix)| {
        loop {
            let samples = mix.samples(&heard.recv().await?);
            if !samples.is_empty() {
                return Some((Bytes::from(samples), (heard, mix)));
            }
        }
    });
    stream::once(async { Bytes::from(wav::endless_stereo()) }).chain(samples)
}

/// The turn as the API calls it.
const fn shown(turn: Turn) -> LiveTurn {
    match turn {
        Turn::Connecting => LiveTurn::Connecting,
        Turn::Caller => LiveTurn::Caller,
        Turn::Thinking => LiveTurn::Thinking,
        Turn::Agent => LiveTurn::Agent,
        Turn::Nobody => LiveTurn::Nobody,
        Turn::Closing => LiveTurn::Closing,
    }
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
    registry: LiveCalls,
    call: CallId,
    signals: Signals,
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

    /// Tells the session over `control` of what its caller writes from here on. `scope` is the call's own.
    pub fn listen(
        &self,
        scope: &TenantScope,
        (caller, began): (E164, UnixMillis),
        control: mpsc::Sender<Control>,
    ) {
        if let Some(live) = self.registry.lock().get_mut(&self.call)
            && live
                .seat
                .as_ref()
                .is_some_and(|seat| seat.socket == self.signals.socket)
        {
            live.ear = Some(Ear {
                scope: *scope,
                caller,
                began,
                control,
            });
        }
    }

    /// Shows people of the business what the session is doing, and lets them speak to it.
    pub fn show(
        &self,
        control: mpsc::Sender<Control>,
        activity: watch::Receiver<Activity>,
        listeners: Arc<Listeners>,
    ) {
        if let Some(live) = self.registry.lock().get_mut(&self.call)
            && live
                .seat
                .as_ref()
                .is_some_and(|seat| seat.socket == self.signals.socket)
        {
            live.desk = Some(Desk {
                control,
                activity,
                listeners,
            });
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
    use prosaas_crm::auth::Permissions;

    use super::*;

    fn ids() -> (TenantId, CallId, CallId) {
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
        assert!(live.admit(tenant, a, 1, UnixMillis(0)));
        assert!(
            live.admit(tenant, a, 1, UnixMillis(1)),
            "a duplicate delivery counts once"
        );
        assert!(!live.admit(tenant, b, 1, UnixMillis(2)));
        assert!(
            live.admit(TenantId::mint(UnixMillis(2)), b, 1, UnixMillis(2)),
            "others are not affected"
        );
    }

    #[test]
    fn a_reservation_without_a_socket_runs_out() {
        let (tenant, a, b) = ids();
        let live = LiveCalls::default();
        assert!(live.admit(tenant, a, 1, UnixMillis(0)));
        assert!(!live.admit(tenant, b, 1, UnixMillis(RESERVATION_MS - 1)));
        assert!(live.admit(tenant, b, 1, UnixMillis(RESERVATION_MS)));
    }

    #[test]
    fn a_seat_counts_until_it_is_given_up() {
        let (tenant, a, b) = ids();
        let live = LiveCalls::default();
        let seat = live.take_seat(tenant, a);
        assert_eq!(live.seated(), 1);
        assert!(!live.admit(tenant, b, 1, UnixMillis(10 * RESERVATION_MS)));
        drop(seat);
        assert_eq!(live.seated(), 0);
        assert!(live.admit(tenant, b, 1, UnixMillis(0)));
    }

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
}
