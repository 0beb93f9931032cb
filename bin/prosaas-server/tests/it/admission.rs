//! Admission in seeded time: webhooks that come twice, sockets that come late, never, or beside each other, limits and
//! clocks that change. A reference beside the registry says in every step who is let in and who holds a call. Each seed
//! runs twice with equal traces.
//!
//! `PROSAAS_TEST_SEED=17` runs one, `PROSAAS_TEST_SEEDS=10000` so many.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use prosaas_core::testkit::dice::Dice;
use prosaas_core::{CallId, TenantId, UnixMillis};
use prosaas_server::calls::live::{LiveCalls, Room, Seat};

use crate::support::databases::variable;

/// How many seeds are run, unless `PROSAAS_TEST_SEEDS` says otherwise.
const SEEDS: u64 = 300;
const STEPS: u32 = 200;
/// How long a call without a socket counts.
const RESERVATION_MS: i64 = 60_000;
const BUSINESSES: usize = 2;
const CALLS: usize = 12;

/// What goes wrong, or merely out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A business has all the calls that it may have.
    OverTheLimit,
    /// The limit was lowered below what is live already.
    LimitLowered,
    /// The carrier asks twice for one call.
    AskedTwice,
    /// The socket of a call that was let in never comes.
    SocketNeverComes,
    /// A socket comes for a call that nobody let in here.
    SocketUnannounced,
    /// Another socket takes a call over.
    SocketTakenOver,
    /// The one it was taken from leaves only then.
    OldSocketLeavesLate,
    /// A call is over before its socket came.
    OverBeforeSocket,
    /// A call is over by the carrier's word while its socket is there.
    OverBesideSocket,
    /// The clock goes back.
    ClockBack,
}

const ALL: [Fault; 10] = [
    Fault::OverTheLimit,
    Fault::LimitLowered,
    Fault::AskedTwice,
    Fault::SocketNeverComes,
    Fault::SocketUnannounced,
    Fault::SocketTakenOver,
    Fault::OldSocketLeavesLate,
    Fault::OverBeforeSocket,
    Fault::OverBesideSocket,
    Fault::ClockBack,
];

type Fired = [u32; ALL.len()];

/// What the registry must know of a call.
#[derive(Debug)]
struct Expected {
    reserved_until: i64,
    /// The socket that holds it.
    socket: Option<u32>,
}

/// A socket, of which call it is, and whether another one took the call over.
struct Socket {
    number: u32,
    call: usize,
    seat: Seat,
}

struct Run {
    seed: u64,
    dice: Dice,
    now: i64,
    live: LiveCalls,
    businesses: [TenantId; BUSINESSES],
    ids: [CallId; CALLS],
    limits: [u32; BUSINESSES],
    calls: BTreeMap<usize, Expected>,
    sockets: Vec<Socket>,
    opened: u32,
    fired: Fired,
    trace: String,
}

/// The business of a call.
const fn business_of(call: usize) -> usize {
    call % BUSINESSES
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let limits = [1 + dice.roll(3) as u32, 1 + dice.roll(3) as u32];
        Self {
            seed,
            dice,
            now: 1_000_000,
            live: LiveCalls::default(),
            businesses: std::array::from_fn(|_| TenantId::mint(UnixMillis(1))),
            ids: std::array::from_fn(|_| CallId::mint(UnixMillis(1))),
            limits,
            calls: BTreeMap::new(),
            sockets: Vec::new(),
            opened: 0,
            fired: [0; ALL.len()],
            trace: String::new(),
        }
    }

    fn fire(&mut self, fault: Fault) {
        self.fired[fault as usize] += 1;
        self.note(&format!("{fault:?}"));
    }

    fn note(&mut self, what: &str) {
        writeln!(self.trace, "{} {what}", self.now).unwrap();
    }

    /// What stands at the head of a failure.
    fn context(&self) -> String {
        format!("seed {}\n{}", self.seed, self.trace)
    }

    /// How many calls of a business count, one of them apart.
    fn others(&self, call: usize) -> usize {
        let same = |other: &&usize| **other != call && business_of(**other) == business_of(call);
        self.calls.keys().filter(same).count()
    }

    fn expire(&mut self) {
        let now = self.now;
        let before = self.calls.len();
        self.calls
            .retain(|_, known| known.socket.is_some() || known.reserved_until > now);
        if self.calls.len() < before {
            self.fire(Fault::SocketNeverComes);
        }
    }

    /// The carrier asks whether a call may come in.
    fn ask(&mut self) {
        let call = self.dice.choose(CALLS);
        let business = business_of(call);
        let limit = self.limits[business];
        self.expire();
        let others = self.others(call);
        let known = self.calls.contains_key(&call);
        let expected = others < limit as usize;
        let now = UnixMillis(self.now);
        let admitted = self.live.admit(
            self.businesses[business],
            self.ids[call],
            Room::of_business(limit),
            now,
        );
        self.note(&format!("call {call} asks: {admitted}"));
        assert_eq!(admitted, expected, "{}", self.context());
        if !admitted {
            self.fire(Fault::OverTheLimit);
            return;
        }
        if known {
            self.fire(Fault::AskedTwice);
        }
        let reserved_until = self.now + RESERVATION_MS;
        self.calls
            .entry(call)
            .or_insert(Expected {
                reserved_until,
                socket: None,
            })
            .reserved_until = reserved_until;
    }

    /// A media socket comes.
    fn connect(&mut self) {
        let call = self.dice.choose(CALLS);
        let business = business_of(call);
        let seat = self
            .live
            .take_seat(self.businesses[business], self.ids[call]);
        self.opened += 1;
        let number = self.opened;
        self.note(&format!("socket {number} takes call {call}"));
        match self.calls.get(&call).map(|known| known.socket) {
            None => self.fire(Fault::SocketUnannounced),
            Some(Some(_)) => self.fire(Fault::SocketTakenOver),
            Some(None) => {}
        }
        let known = self.calls.entry(call).or_insert(Expected {
            reserved_until: i64::MIN,
            socket: None,
        });
        known.socket = Some(number);
        self.sockets.push(Socket { number, call, seat });
    }

    /// A socket is gone.
    fn disconnect(&mut self) {
        if self.sockets.is_empty() {
            return;
        }
        let one = self.dice.choose(self.sockets.len());
        let Socket { number, call, seat } = self.sockets.swap_remove(one);
        self.note(&format!("socket {number} leaves call {call}"));
        let holds = self.holds(number, call);
        assert_eq!(seat.is_superseded(), !holds, "{}", self.context());
        drop(seat);
        if holds {
            self.calls.remove(&call);
        } else {
            self.fire(Fault::OldSocketLeavesLate);
        }
    }

    /// Whether a socket holds a call.
    fn holds(&self, number: u32, call: usize) -> bool {
        let known = self.calls.get(&call);
        known.is_some_and(|known| known.socket == Some(number))
    }

    /// The carrier says that a call is over.
    fn end(&mut self) {
        let call = self.dice.choose(CALLS);
        let seated = self
            .calls
            .get(&call)
            .is_some_and(|known| known.socket.is_some());
        let told = self.live.carrier_ended(self.ids[call]);
        assert_eq!(told, seated, "{}", self.context());
        self.live.forget(self.ids[call]);
        self.note(&format!("call {call} is over"));
        if seated {
            self.fire(Fault::OverBesideSocket);
        } else if self.calls.remove(&call).is_some() {
            self.fire(Fault::OverBeforeSocket);
        }
    }

    fn change_limit(&mut self) {
        let business = self.dice.choose(BUSINESSES);
        let limit = self.dice.roll(5) as u32;
        let own = |call: &&usize| business_of(**call) == business;
        let live = self.calls.keys().filter(own).count();
        if (limit as usize) < live {
            self.fire(Fault::LimitLowered);
        }
        self.limits[business] = limit;
    }

    fn pass_time(&mut self) {
        if self.dice.roll(5) == 0 {
            self.fire(Fault::ClockBack);
            self.now -= self.dice.roll(30_000) as i64;
        } else {
            self.now += self.dice.roll(25_000) as i64;
        }
    }

    /// The registry counts what the reference counts.
    fn compare(&self) {
        let seated = self.calls.values().filter(|known| known.socket.is_some());
        let expected = (self.calls.len(), seated.count());
        let counted = (self.live.count(), self.live.seated());
        assert_eq!(counted, expected, "{}", self.context());
        for (call, id) in self.ids.iter().enumerate() {
            let known = self.calls.get(&call);
            let holds = known.is_some_and(|known| known.socket.is_some());
            assert_eq!(self.live.is_seated(*id), holds, "{}", self.context());
        }
    }

    fn play(mut self) -> (String, Fired) {
        for _ in 0..STEPS {
            match self.dice.roll(12) {
                0..=4 => self.ask(),
                5 | 6 => self.connect(),
                7 | 8 => self.disconnect(),
                9 => self.end(),
                10 => self.change_limit(),
                _ => self.pass_time(),
            }
            self.compare();
        }
        // Nothing leaks: once all sockets are gone and time passed, nothing counts.
        while !self.sockets.is_empty() {
            self.disconnect();
        }
        self.now += 10 * RESERVATION_MS;
        self.live.expire(UnixMillis(self.now));
        self.expire();
        self.compare();
        assert_eq!(self.live.count(), 0, "{}", self.context());
        (self.trace, self.fired)
    }
}

#[test]
fn who_is_let_in_and_who_holds_a_call_is_what_a_reference_says() {
    let number = |name| variable(name).map(|number| number.parse::<u64>().unwrap());
    let one = number("PROSAAS_TEST_SEED");
    let seeds = number("PROSAAS_TEST_SEEDS").unwrap_or(SEEDS);
    let mut fired: Fired = [0; ALL.len()];
    for seed in one.map_or(1..=seeds, |seed| seed..=seed) {
        let (first, faults) = Run::new(seed).play();
        let (again, _) = Run::new(seed).play();
        assert_eq!(first, again, "seed {seed}: two runs, two traces");
        for (sum, times) in fired.iter_mut().zip(faults) {
            *sum += times;
        }
    }
    println!(
        "admission: {seeds} seeds simulated twice with equal traces; {} kinds of fault fired {} times",
        ALL.len(),
        fired.iter().sum::<u32>()
    );
    let every_kind = ALL.iter().zip(fired);
    let silent: Vec<_> = every_kind.filter(|(_, times)| *times == 0).collect();
    assert!(
        one.is_some() || seeds < SEEDS || silent.is_empty(),
        "these never fired: {silent:?}"
    );
}

#[test]
fn the_list_of_faults_names_each_in_its_place() {
    for (place, fault) in ALL.into_iter().enumerate() {
        assert_eq!(fault as usize, place, "{fault:?}");
    }
}
