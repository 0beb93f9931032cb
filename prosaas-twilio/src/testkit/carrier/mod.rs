//! A fake carrier: does for one call what Twilio does, against any webhook URL.
//!
//! It posts the signed webhook, runs the TwiML that comes back, opens `<Connect><Stream>` sockets with a
//! signed upgrade, sends the caller's audio every 20 ms, plays what the server sends through a buffer that
//! knows marks and `clear`, and posts the callbacks at the end. Nothing is short-circuited: the server
//! under test cannot tell it from the real carrier, except that there is no telephone.
//!
//! With a [`FakeRestApi`] it also obeys what a live call is told through REST: end, redirect, transfer.
//! What it does not do: `<Gather>` and `<Start><Stream>`.

use std::fmt;
use std::net::SocketAddr;

use prosaas_core::{AccountSid, CallSid, E164, SecretString};
use tokio::sync::mpsc;

mod caller;
mod clock;
mod document;
mod http;
mod interpreter;
mod observation;
mod playout;
mod script;
mod server_message;
mod stream;
mod trouble;
mod verbs;

pub use document::{DocumentError, Element, parse_document};
pub use observation::{
    CallEnding, CallObservation, CarrierEvent, Span, StreamEnd, TimedEvent, codes,
};
pub use script::{CallScript, DialResult, HangUp, KeyPress, Pace, Trouble, Utterance, When};

use super::rest_api::FakeRestApi;

/// One telephone line: whom it calls and where its webhooks go.
#[derive(Clone)]
pub struct CarrierConfig {
    /// The voice URL of the called number, exactly as it is public: it is what gets signed.
    pub webhook_url: String,
    /// The number's status callback, told about the end of the call.
    pub status_callback: Option<String>,
    /// The account that the number belongs to.
    pub account_sid: AccountSid,
    /// The account's auth token: signs every request.
    pub auth_token: SecretString,
    /// The caller; `None` calls with a withheld number.
    pub from: Option<E164>,
    /// The called number.
    pub to: E164,
    /// More form fields for every webhook, such as `StirVerstat`.
    pub extra_fields: Vec<(String, String)>,
    /// Sends all requests to this address, in plain `http` and `ws`, while the signatures keep the public
    /// URLs: for a server that runs here but is configured for its public name.
    pub connect_to: Option<SocketAddr>,
    /// Posts every callback twice, as Twilio sometimes does.
    pub duplicate_callbacks: bool,
    /// Where recordings of the call are put, so that the server can fetch them, and where the call can be
    /// looked up, redirected and ended.
    pub rest_api: Option<FakeRestApi>,
    /// The client for the webhooks. Build it without redirects and with a timeout of 15 s.
    pub http: reqwest::Client,
}

impl fmt::Debug for CarrierConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarrierConfig")
            .field("webhook_url", &self.webhook_url)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("connect_to", &self.connect_to)
            .finish_non_exhaustive()
    }
}

/// Places calls.
#[derive(Clone, Debug)]
pub struct Carrier {
    config: CarrierConfig,
    live: Option<mpsc::Sender<TimedEvent>>,
}

impl Carrier {
    /// A carrier with this line.
    pub const fn new(config: CarrierConfig) -> Self {
        Self { config, live: None }
    }

    /// Tells every event at once to this channel as well. A full channel loses events there; the
    /// observation has them all.
    #[must_use]
    pub fn with_live_events(mut self, live: mpsc::Sender<TimedEvent>) -> Self {
        self.live = Some(live);
        self
    }

    /// Places one call and returns when it and its callbacks are over.
    ///
    /// Failures of the server are part of the observation, not errors: see [`CallObservation::ending`] and
    /// [`CallObservation::warnings`].
    pub async fn place_call(&self, script: CallScript) -> CallObservation {
        let call_sid = random_sid("CA")
            .parse()
            .expect("a fresh SID has the form of one");
        self.place_call_as(call_sid, script).await
    }

    /// As [`Carrier::place_call`], with a chosen SID: for replays and duplicates.
    pub async fn place_call_as(&self, call_sid: CallSid, script: CallScript) -> CallObservation {
        interpreter::run(&self.config, self.live.clone(), call_sid, script).await
    }
}

/// A SID of this kind that nobody had before.
fn random_sid(prefix: &str) -> String {
    let half = || getrandom::u64().expect("the operating system has a random source");
    format!("{prefix}{:016x}{:016x}", half(), half())
}
