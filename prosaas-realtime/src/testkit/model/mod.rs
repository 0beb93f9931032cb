//! A fake model: a real server on loopback that speaks the GA Realtime wire and the REST API behind
//! summaries, strictly, with faults on request.
//!
//! It hears by energy, answers with synthetic speech, counts tokens by the vendor's rules and refuses
//! what the vendor refuses. It invents no words of the caller: a turn's text comes from
//! [`FakeModelConfig::caller_texts`], in order, else it is `[speech 3.4 s]`.

mod answers;
mod conversation;
mod events;
mod reply;
mod rest;
mod script;
mod server;
mod session;
mod setup;
mod speech;
mod stats;
mod transcriptions;
mod vad;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

pub use script::{Script, Step};
pub use stats::{SessionStats, Stats};

/// How the fake model behaves towards a websocket.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// As the real one.
    #[default]
    Normal,
    /// As the real one, with garbage between its events.
    Noisy,
    /// Refuses the handshake with this HTTP status.
    Refuse {
        /// 401, 429, 500.
        status: u16,
    },
    /// Nothing listens. Only as the mode it starts with, and then for good.
    RefuseTcp,
    /// Accepts the connection and never says anything.
    Hang,
    /// As the real one, then the connection is gone without a word.
    DropAfter(Duration),
    /// Nothing but garbage.
    Garbage,
    /// Accepts the session; every response fails under a rate limit.
    RateLimited,
    /// As the real one, late.
    Slow {
        /// Before the handshake is answered.
        connect: Duration,
        /// Before each reply, beside [`FakeModelConfig::think`].
        reply: Duration,
    },
    /// Obeys a script.
    Scripted(Script),
}

/// How the fake model behaves towards REST requests.
#[derive(Clone, Copy, Debug, Default)]
pub enum RestMode {
    /// Answers.
    #[default]
    Normal,
    /// Refuses with this HTTP status.
    Refuse(u16),
    /// Never answers.
    Hang,
    /// Answers with something that is not JSON.
    Garbage,
    /// Answers late.
    Slow(Duration),
}

/// How fast speech is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A whole reply at once.
    AtOnce,
    /// This many times faster than it is heard.
    Times(u32),
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
enum Delay {
    For(Duration),
    Forever,
}

/// What a fake model is started with.
#[derive(Clone, Debug)]
pub struct FakeModelConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Towards websockets.
    pub mode: Mode,
    /// Towards REST requests.
    pub rest: RestMode,
    /// What the caller says, turn by turn. A session whose history was replayed goes on after it.
    pub caller_texts: Vec<String>,
    /// What is heard in voice notes, in their order; then it is `[sound of 5 bytes]`.
    pub voice_notes: Vec<String>,
    /// Whether [`SessionStats::audio`] is kept.
    pub keep_audio: bool,
    /// From the end of the caller's turn to the beginning of the reply.
    pub think: Duration,
    /// How fast speech is sent.
    pub pace: Pace,
    /// Call the tool `end_call` in answer to this turn of the caller, when the session has it.
    pub end_call_after: Option<u32>,
    /// How long a session lives. It says so, and at the end it is closed with `session_expired`; `None` says
    /// nothing and lives on.
    pub session_life: Option<Duration>,
}

impl Default for FakeModelConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            mode: Mode::Normal,
            rest: RestMode::Normal,
            caller_texts: Vec::new(),
            voice_notes: Vec::new(),
            keep_audio: false,
            think: Duration::from_millis(200),
            pace: Pace::Times(4),
            end_call_after: None,
            session_life: None,
        }
    }
}

/// A running fake model. Dropping it closes every connection.
#[derive(Debug)]
pub struct FakeModel {
    address: SocketAddr,
    shared: Arc<server::Shared>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl FakeModel {
    /// Starts listening.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound.
    pub async fn start(config: FakeModelConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let refuse = matches!(config.mode, Mode::RefuseTcp);
        let shared = Arc::new(server::Shared::new(config, stopping));
        let mut tasks = JoinSet::new();
        if !refuse {
            tasks.spawn(server::serve(listener, Arc::clone(&shared)));
        }
        Ok(Self {
            address,
            shared,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The websocket URL, as `OPENAI_REALTIME_URL` takes it.
    pub fn url(&self) -> Url {
        Url::parse(&format!("ws://{}/v1/realtime", self.address))
            .expect("a socket address is a valid authority")
    }

    /// The REST base, as `OPENAI_BASE_URL` takes it.
    pub fn rest_base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Changes the mode for connections from now on.
    pub fn set_mode(&self, mode: Mode) {
        self.shared.set_mode(mode);
    }

    /// Gives one coming connection this mode; several are taken in order, then the standing mode holds.
    pub fn queue_mode(&self, mode: Mode) {
        self.shared.queue_mode(mode);
    }

    /// Changes the mode for REST requests from now on.
    pub fn set_rest_mode(&self, mode: RestMode) {
        self.shared.set_rest_mode(mode);
    }

    /// Cuts a session: its websocket is gone without a word, as when a network or a server of the vendor's dies.
    pub fn cut_session(&self, index: u64) {
        self.shared.cut(index);
    }

    /// What it saw and did so far.
    pub fn stats(&self) -> Stats {
        self.shared.stats.borrow().clone()
    }

    /// Waits until the counters satisfy `done`, and returns them.
    ///
    /// # Errors
    /// The counters as they were when `limit` had passed.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_for(
        &self,
        limit: Duration,
        mut done: impl FnMut(&Stats) -> bool,
    ) -> Result<Stats, Box<Stats>> {
        let mut stats = self.shared.stats.subscribe();
        let waiting = async {
            stats
                .wait_for(|stats| done(stats))
                .await
                .map(|stats| stats.clone())
        };
        match tokio::time::timeout(limit, waiting).await {
            Ok(Ok(stats)) => Ok(stats),
            _ => Err(Box::new(self.stats())),
        }
    }

    /// Serves until `shutdown` completes, then closes every connection.
    pub async fn run_until(mut self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            _ = self.tasks.join_next(), if !self.tasks.is_empty() => {}
        }
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for FakeModel {
    /// Connections watch this flag; the listener's own task is aborted with the set.
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
