//! A fake of Twilio's REST API on a loopback port.
//!
//! It knows one account, checks its credentials, remembers what was asked, and fails on request.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prosaas_core::time::SystemClock;
use prosaas_core::{
    AccountSid, CallSid, CallStatus, Clock, E164, RecordingSid, SecretString, UnixMillis,
};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

mod call_list;
mod routes;

/// A scripted answer, given once instead of the real one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, with this `Retry-After` in seconds.
    RateLimited(Option<u32>),
    /// This status with Twilio's error body.
    Status(u16),
    /// 404 with code 20404.
    NotFound,
    /// This status with a body that is not JSON.
    NotJson(u16),
    /// 307 to this address.
    Redirect(String),
    /// The request is carried out, and answered with this status: the ambiguous case.
    DoneBut(u16),
}

/// A request as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path after the account, such as `/Calls.json`.
    pub path: String,
    /// The decoded query.
    pub query: Vec<(String, String)>,
    /// The decoded form.
    pub form: Vec<(String, String)>,
    /// Whether the credentials were right.
    pub authorized: bool,
}

impl Received {
    /// The first value of a form field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Received {
    /// The first value of a name in the query.
    fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.form.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Received")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("form_names", &names)
            .field("authorized", &self.authorized)
            .finish_non_exhaustive()
    }
}

/// What a live call was told to do through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LiveCommand {
    /// End.
    HangUp,
    /// Go on with the document at this URL.
    Url(String),
    /// Go on with this document.
    Twiml(String),
}

/// A call the fake knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeCall {
    /// How far it has come.
    pub status: CallStatus,
    /// Twilio's word for the direction.
    pub direction: &'static str,
    /// The call whose `<Dial>` made this one.
    pub parent: Option<CallSid>,
    /// When it began; the time at which it became known, unless it is said.
    pub started_at: Option<UnixMillis>,
    /// When it ended; the time at which that became known, unless it is said.
    pub ended_at: Option<UnixMillis>,
    /// What it costs: `price` and `price_unit`. As with Twilio's, that is not known at once.
    pub price: Option<(String, String)>,
    /// The called number.
    pub to: Option<E164>,
    /// The calling number.
    pub from: Option<E164>,
    /// The last document it was given: the name `Url` or `Twiml`, and the value.
    pub document: Option<(&'static str, String)>,
}

impl FakeCall {
    /// An incoming call with nothing else known about it.
    pub const fn new(status: CallStatus) -> Self {
        Self {
            status,
            direction: "inbound",
            parent: None,
            started_at: None,
            ended_at: None,
            price: None,
            to: None,
            from: None,
            document: None,
        }
    }

    /// Keeps what was known before and is not said now, and notes what happened at `now`.
    fn after(mut self, known: Option<&Self>, now: UnixMillis) -> Self {
        let known = known.cloned().unwrap_or_else(|| Self::new(self.status));
        self.parent = self.parent.or(known.parent);
        self.price = self.price.or(known.price);
        self.started_at = self.started_at.or(known.started_at).or(Some(now));
        self.ended_at = self.ended_at.or(known.ended_at);
        self.stamped(now)
    }

    /// A call that is over ended now, unless it is known when.
    fn stamped(mut self, now: UnixMillis) -> Self {
        if self.status.is_final() {
            self.ended_at = self.ended_at.or(Some(now));
        }
        self
    }

    /// Seconds, once it is over.
    fn duration_s(&self) -> Option<i64> {
        let (start, end) = (self.started_at?, self.ended_at?);
        self.status
            .is_final()
            .then(|| end.since(start).max(0) / 1_000)
    }
}

#[derive(Debug)]
struct FakeNumber {
    number: E164,
    settings: BTreeMap<String, String>,
}

/// A message that was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct FakeMessage {
    /// `To`, with its prefix.
    pub to: String,
    /// `From`, or the messaging service.
    pub from: String,
    /// The text.
    pub body: String,
}

impl fmt::Debug for FakeMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMessage")
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

struct State {
    clock: Arc<dyn Clock>,
    calls: BTreeMap<String, FakeCall>,
    recordings: BTreeMap<String, Vec<u8>>,
    numbers: BTreeMap<String, FakeNumber>,
    messages: Vec<FakeMessage>,
    faults: VecDeque<Fault>,
    received: Vec<Received>,
    minted: u64,
    page_size: usize,
}

/// What the server and the handle share.
struct Shared {
    account: AccountSid,
    secret: SecretString,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle to the fake. Clones share it; the server ends with the last one.
#[derive(Clone)]
pub struct FakeRestApi {
    shared: Arc<Shared>,
    base_url: String,
    _server: Arc<JoinSet<()>>,
}

impl fmt::Debug for FakeRestApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeRestApi")
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

impl FakeRestApi {
    /// Starts the fake on a free loopback port, for this account and its auth token.
    ///
    /// # Errors
    /// When no loopback port can be opened.
    pub async fn start(account: AccountSid, secret: SecretString) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let state = Mutex::new(State {
            clock: Arc::new(SystemClock),
            calls: BTreeMap::new(),
            recordings: BTreeMap::new(),
            numbers: BTreeMap::new(),
            messages: Vec::new(),
            faults: VecDeque::new(),
            received: Vec::new(),
            minted: 0,
            page_size: 50,
        });
        let shared = Arc::new(Shared {
            account,
            secret,
            state,
        });
        let router = routes::router(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fake REST API stopped");
            }
        });
        Ok(Self {
            shared,
            base_url,
            _server: Arc::new(server),
        })
    }

    /// Where it listens; the value for `TWILIO_API_BASE`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The account it knows.
    pub fn account(&self) -> &AccountSid {
        &self.shared.account
    }

    /// Takes the times of calls from this clock from now on, for a server that does not run by the machine's.
    pub fn set_clock(&self, clock: Arc<dyn Clock>) {
        self.shared.state().clock = clock;
    }

    /// Makes a call known, or more of one that is.
    pub fn add_call(&self, sid: &CallSid, call: FakeCall) {
        self.shared.state().keep(sid.to_string(), call);
    }

    /// Says what a call costs, such as `-0.00850` `USD`.
    pub fn set_price(&self, sid: &CallSid, price: &str, unit: &str) {
        if let Some(call) = self.shared.state().calls.get_mut(sid.as_str()) {
            call.price = Some((price.to_owned(), unit.to_owned()));
        }
    }

    /// A call as it is now.
    pub fn call(&self, sid: &CallSid) -> Option<FakeCall> {
        self.shared.state().calls.get(sid.as_str()).cloned()
    }

    /// What a call was told since the last time this was asked; for the carrier that runs the call.
    pub(crate) fn take_command(&self, sid: &CallSid) -> Option<LiveCommand> {
        let mut state = self.shared.state();
        let call = state.calls.get_mut(sid.as_str())?;
        if call.status.is_final() {
            return Some(LiveCommand::HangUp);
        }
        call.document.take().map(|(kind, value)| match kind {
            "Url" => LiveCommand::Url(value),
            _ => LiveCommand::Twiml(value),
        })
    }

    /// Makes a recording available, with these bytes as its WAV.
    pub fn add_recording(&self, sid: &RecordingSid, wav: Vec<u8>) {
        self.shared.state().recordings.insert(sid.to_string(), wav);
    }

    /// Whether the recording is there.
    pub fn has_recording(&self, sid: &RecordingSid) -> bool {
        self.shared.state().recordings.contains_key(sid.as_str())
    }

    /// The address of a recording as callbacks give it, without extension.
    pub fn recording_url(&self, sid: &RecordingSid) -> String {
        format!(
            "{}/2010-04-01/Accounts/{}/Recordings/{sid}",
            self.base_url, self.shared.account
        )
    }

    /// Gives the account a number; returns the number's SID.
    pub fn add_number(&self, number: E164) -> String {
        let mut state = self.shared.state();
        let sid = state.mint("PN");
        state.numbers.insert(
            sid.clone(),
            FakeNumber {
                number,
                settings: BTreeMap::new(),
            },
        );
        sid
    }

    /// A setting of a number, such as `VoiceUrl`.
    pub fn number_setting(&self, sid: &str, name: &str) -> Option<String> {
        self.shared
            .state()
            .numbers
            .get(sid)?
            .settings
            .get(name)
            .cloned()
    }

    /// Lists hold at most this many entries per page from now on.
    pub fn set_page_size(&self, entries: usize) {
        self.shared.state().page_size = entries.max(1);
    }

    /// The messages sent so far.
    pub fn messages(&self) -> Vec<FakeMessage> {
        self.shared.state().messages.clone()
    }

    /// The next `times` requests get this answer instead of the real one.
    pub fn fail_next(&self, times: usize, fault: Fault) {
        self.shared
            .state()
            .faults
            .extend(std::iter::repeat_n(fault, times));
    }

    /// Everything received so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }
}

impl State {
    /// A SID that was not given out before.
    fn mint(&mut self, prefix: &str) -> String {
        self.minted += 1;
        format!("{prefix}{:032x}", self.minted)
    }

    fn keep(&mut self, sid: String, call: FakeCall) {
        let call = call.after(self.calls.get(&sid), self.clock.now());
        self.calls.insert(sid, call);
    }
}
