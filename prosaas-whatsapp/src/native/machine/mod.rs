//! What a link does about whatever happens to it: values in, values out. No socket, no clock, no dice of its own.

use prosaas_core::whatsapp::{LinkMethod, LinkState, QrCode};
use prosaas_core::{SecretString, UnixMillis};

#[cfg(test)]
mod tests;
mod wait;

/// Codes in one batch, as WhatsApp hands them out.
const BATCH: u32 = 6;
/// Without a link a connection must show a code within this: the library's own limits are 20 s for the socket and
/// 20 s for the handshake.
const CONNECTING_MS: i64 = 60_000;
/// With a link it must be open within this: the first time the account's settings come first, for which the library
/// itself waits 180 s.
const OPENING_MS: i64 = 210_000;
/// After the scan WhatsApp must answer within this.
const LINKING_MS: i64 = 60_000;
/// A code that is typed is good for so long.
const TYPED_MS: i64 = 180_000;
/// An open connection that lasted so long counts as one that holds.
const STABLE_MS: i64 = 60_000;
/// Closes while a code was on show, after which a passkey is what the phone asked for.
const CLOSED_AT_CODE: u32 = 3;
const OUTDATED_TRIES: u32 = 3;
const REPLACED_LIMIT: u32 = 3;
/// Failures in a row after which the link counts as broken.
const BROKEN_AFTER: u32 = 10;
const RESTARTS_PER_MINUTE: usize = 5;
/// Without a time from WhatsApp a day is waited, which is what most such bans last at least.
const BAN_MS: i64 = 24 * 3_600_000;

/// Why a connection ended; the numbers are WhatsApp's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// 515: a new connection is wanted.
    Restart,
    /// 401: unlinked on the phone.
    LoggedOut,
    /// 403, 406: the account is locked.
    Banned,
    /// 402: banned for so many seconds.
    BannedFor(Option<i64>),
    /// 405: this version is not spoken any more.
    Outdated,
    /// 409, 411, 418: this client is refused.
    Refused,
    /// 440: another program uses the link.
    Replaced,
    /// 500 and the like: WhatsApp could not go on.
    Failed,
    /// 503.
    Overloaded,
    /// Nothing of WhatsApp was reached.
    Unreachable,
    /// The connection ended without a word, or did not come about.
    Lost,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The process began, and the store holds a link.
    Start,
    Link(LinkMethod),
    Unlinked,
    Qr {
        text: SecretString,
        lasts_ms: i64,
    },
    CodesRanOut,
    PairingCode(SecretString),
    PairingCodeRefused,
    Paired,
    Passkey,
    Open,
    Closed(Cause),
    Tick,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make a connection; `fresh`: with new keys.
    Connect {
        fresh: bool,
    },
    Disconnect,
    RequestPairingCode(prosaas_core::E164),
    /// The keys are of no use any more.
    Forget,
    /// Look for a newer version before the next connection.
    RefreshVersion,
}

/// A code on show.
#[derive(Clone, Debug)]
enum Code {
    Qr(QrCode),
    Typed(SecretString),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Connecting,
    /// A code to be typed was asked for.
    Asking,
    Code,
    Linking,
    Open,
    Waiting,
    Unreachable,
    Expired,
    NeedsPasskey,
    Paused,
    Replaced,
    LoggedOut,
    Banned,
    Outdated,
    Broken,
}

/// Where a link stands.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    state: State,
    linked: bool,
    method: Option<LinkMethod>,
    code: Option<Code>,
    paired: bool,
    /// Nothing was reached the last time: what is tried since is not worth a word.
    unreachable: bool,
    retry_at: Option<UnixMillis>,
    watchdog_at: Option<UnixMillis>,
    stable_at: Option<UnixMillis>,
    banned_until: Option<UnixMillis>,
    failures: u32,
    closed_at_code: u32,
    outdated_tries: u32,
    replaced: u32,
    broken: u32,
    restarts: Vec<UnixMillis>,
}

impl Machine {
    pub(crate) const fn new(linked: bool) -> Self {
        Self {
            state: State::Idle,
            linked,
            method: None,
            code: None,
            paired: false,
            unreachable: false,
            retry_at: None,
            watchdog_at: None,
            stable_at: None,
            banned_until: None,
            failures: 0,
            closed_at_code: 0,
            outdated_tries: 0,
            replaced: 0,
            broken: 0,
            restarts: Vec::new(),
        }
    }

    /// The state as the trait says it.
    pub(crate) fn shown(&self) -> LinkState {
        match (self.state, &self.code) {
            (State::Idle, _) => LinkState::Unlinked,
            (State::Code, Some(Code::Qr(code))) => LinkState::Qr(code.clone()),
            (State::Code, Some(Code::Typed(code))) => LinkState::PairingCode(code.clone()),
            (State::Open, _) => LinkState::Ready { number: None },
            (State::Unreachable, _) => LinkState::Unreachable,
            (State::Connecting, _) if self.unreachable => LinkState::Unreachable,
            (State::Expired, _) => LinkState::Expired,
            (State::NeedsPasskey, _) => LinkState::NeedsPasskey,
            (State::Paused, _) => LinkState::Banned {
                until: self.banned_until,
            },
            (State::Replaced, _) => LinkState::Replaced,
            (State::LoggedOut, _) => LinkState::LoggedOut,
            (State::Banned, _) => LinkState::Banned { until: None },
            (State::Outdated, _) => LinkState::Outdated,
            (State::Broken, _) => LinkState::Broken,
            // A code is on its way.
            (
                State::Asking | State::Code | State::Connecting | State::Linking | State::Waiting,
                _,
            ) => LinkState::Connecting,
        }
    }

    /// Whether there is a link, used or not at the moment.
    pub(crate) const fn is_linked(&self) -> bool {
        self.linked
    }

    /// Whether whoever asks for a link gets a new one, and not the one that is there.
    pub(crate) fn begins_anew(&self, method: &LinkMethod) -> bool {
        match self.state {
            State::Connecting
            | State::Linking
            | State::Open
            | State::Waiting
            | State::Unreachable => false,
            // Whoever sees one kind of code may ask for the other.
            State::Asking | State::Code => self.method.as_ref() != Some(method),
            _ => true,
        }
    }

    /// The next moment at which a [`Input::Tick`] is due.
    pub(crate) fn deadline(&self) -> Option<UnixMillis> {
        let times = [self.retry_at, self.watchdog_at, self.stable_at];
        times.into_iter().flatten().min()
    }

    /// One step; `random` is from 0 to 1.
    pub(crate) fn step(&mut self, input: Input, now: UnixMillis, random: f64) -> Vec<Action> {
        match input {
            Input::Start if self.linked => self.connect(now),
            Input::Start => Vec::new(),
            Input::Link(method) => self.link(method, now),
            Input::Unlinked => {
                *self = Self::new(false);
                vec![Action::Disconnect, Action::Forget]
            }
            Input::Qr { text, lasts_ms } => self.show_qr(text, now.plus(lasts_ms), now),
            Input::CodesRanOut => self.codes_ran_out(),
            Input::PairingCode(code) => {
                self.enter(State::Code);
                self.code = Some(Code::Typed(code));
                self.watchdog_at = Some(now.plus(TYPED_MS));
                Vec::new()
            }
            Input::PairingCodeRefused => self.park(State::Expired),
            Input::Paired => {
                self.enter(State::Linking);
                (self.paired, self.linked) = (true, true);
                self.watchdog_at = Some(now.plus(LINKING_MS));
                Vec::new()
            }
            Input::Passkey => self.park(State::NeedsPasskey),
            Input::Open => self.opened(now),
            Input::Closed(cause) => self.closed(cause, now, random),
            Input::Tick => self.tick(now, random),
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.code = None;
        self.unreachable = state == State::Unreachable;
        (self.retry_at, self.watchdog_at, self.stable_at) = (None, None, None);
    }

    /// A state that nothing but a person ends.
    fn park(&mut self, state: State) -> Vec<Action> {
        self.enter(state);
        self.method = None;
        vec![Action::Disconnect]
    }

    fn link(&mut self, method: LinkMethod, now: UnixMillis) -> Vec<Action> {
        if !self.begins_anew(&method) {
            return Vec::new();
        }
        *self = Self::new(false);
        self.method = Some(method);
        let mut actions = vec![Action::Disconnect, Action::Forget];
        actions.extend(self.connect(now));
        actions
    }

    fn connect(&mut self, now: UnixMillis) -> Vec<Action> {
        let unreachable = self.unreachable;
        self.enter(if self.paired {
            State::Linking
        } else {
            State::Connecting
        });
        self.unreachable = unreachable;
        let within = if self.linked {
            OPENING_MS
        } else {
            CONNECTING_MS
        };
        self.watchdog_at = Some(now.plus(within));
        // Keys of an attempt that was given up look half linked: only linked ones are used again.
        vec![Action::Connect {
            fresh: !self.linked,
        }]
    }

    fn show_qr(
        &mut self,
        text: SecretString,
        expires_at: UnixMillis,
        now: UnixMillis,
    ) -> Vec<Action> {
        if let Some(LinkMethod::PairingCode(phone)) = self.method.clone() {
            // The first code says that the connection is ready for the request; what follows changes nothing on show.
            if self.state != State::Connecting {
                return Vec::new();
            }
            self.enter(State::Asking);
            self.watchdog_at = Some(now.plus(LINKING_MS));
            return vec![Action::RequestPairingCode(phone)];
        }
        let seq = match &self.code {
            Some(Code::Qr(shown)) => shown.seq + 1,
            _ => 1,
        };
        self.enter(State::Code);
        self.code = Some(Code::Qr(QrCode {
            text,
            seq,
            expires_at,
            attempts_left: BATCH.saturating_sub(seq),
        }));
        Vec::new()
    }

    fn codes_ran_out(&mut self) -> Vec<Action> {
        // A code that is typed outlives the ones that are scanned.
        if matches!(self.code, Some(Code::Typed(_))) {
            return Vec::new();
        }
        self.park(State::Expired)
    }

    fn opened(&mut self, now: UnixMillis) -> Vec<Action> {
        self.enter(State::Open);
        (self.linked, self.paired, self.method) = (true, false, None);
        self.closed_at_code = 0;
        self.stable_at = Some(now.plus(STABLE_MS));
        Vec::new()
    }

    fn tick(&mut self, now: UnixMillis, random: f64) -> Vec<Action> {
        let due = |at: Option<UnixMillis>| at.is_some_and(|at| at <= now);
        if due(self.watchdog_at) {
            if matches!(self.code, Some(Code::Typed(_))) {
                return self.park(State::Expired);
            }
            let mut actions = vec![Action::Disconnect];
            actions.extend(self.closed(Cause::Lost, now, random));
            return actions;
        }
        if due(self.stable_at) {
            self.stable_at = None;
            (
                self.failures,
                self.replaced,
                self.outdated_tries,
                self.broken,
            ) = (0, 0, 0, 0);
        }
        if due(self.retry_at) {
            return self.connect(now);
        }
        Vec::new()
    }

    fn closed(&mut self, cause: Cause, now: UnixMillis, random: f64) -> Vec<Action> {
        let has_connection = matches!(
            self.state,
            State::Connecting | State::Asking | State::Code | State::Linking | State::Open
        );
        if !has_connection {
            return Vec::new();
        }
        match cause {
            Cause::Restart => self.restart(now, random),
            Cause::LoggedOut => {
                self.linked = false;
                let mut actions = self.park(State::LoggedOut);
                actions.push(Action::Forget);
                actions
            }
            Cause::Banned => self.park(State::Banned),
            Cause::BannedFor(seconds) => {
                let wait = seconds.map_or(BAN_MS, |seconds| seconds.saturating_mul(1000));
                self.park(State::Paused);
                self.banned_until = Some(now.plus(wait));
                self.retry_at = self.banned_until;
                vec![Action::Disconnect]
            }
            Cause::Outdated => self.outdated(now, random),
            Cause::Refused => self.park(State::Outdated),
            Cause::Replaced => {
                self.replaced += 1;
                self.enter(State::Replaced);
                if self.replaced < REPLACED_LIMIT {
                    self.retry_at = Some(now.plus(wait::replaced_ms(self.replaced, random)));
                }
                Vec::new()
            }
            Cause::Failed | Cause::Overloaded => self.failing(now, random),
            Cause::Unreachable => self.wait(State::Unreachable, now, random),
            Cause::Lost => self.lost(now, random),
        }
    }

    fn restart(&mut self, now: UnixMillis, random: f64) -> Vec<Action> {
        self.restarts.retain(|at| now.since(*at) < 60_000);
        self.restarts.push(now);
        if self.restarts.len() > RESTARTS_PER_MINUTE {
            return self.wait(State::Waiting, now, random);
        }
        self.connect(now)
    }

    fn outdated(&mut self, now: UnixMillis, random: f64) -> Vec<Action> {
        self.outdated_tries += 1;
        if self.outdated_tries > OUTDATED_TRIES {
            return self.park(State::Outdated);
        }
        let mut actions = self.wait(State::Waiting, now, random);
        actions.push(Action::RefreshVersion);
        actions
    }

    fn failing(&mut self, now: UnixMillis, random: f64) -> Vec<Action> {
        if self.failures + 1 < BROKEN_AFTER {
            return self.wait(State::Waiting, now, random);
        }
        self.failures = 0;
        self.broken += 1;
        self.enter(State::Broken);
        self.retry_at = Some(now.plus(wait::broken_ms(self.broken)));
        Vec::new()
    }

    fn lost(&mut self, now: UnixMillis, random: f64) -> Vec<Action> {
        if self.state == State::Code && !self.linked {
            self.closed_at_code += 1;
            if self.closed_at_code >= CLOSED_AT_CODE {
                return self.park(State::NeedsPasskey);
            }
        }
        self.wait(State::Waiting, now, random)
    }

    fn wait(&mut self, state: State, now: UnixMillis, random: f64) -> Vec<Action> {
        self.failures += 1;
        self.enter(state);
        let longest = wait::back_off_ms(self.failures, state == State::Unreachable);
        self.retry_at = Some(now.plus(wait::jittered(longest, random)));
        Vec::new()
    }
}
