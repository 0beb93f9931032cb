//! What the carrier saw and heard.

use std::collections::BTreeMap;
use std::fmt;

use prosaas_core::{CallSid, E164, RecordingSid, StreamSid};
use tokio::sync::mpsc;

/// Twilio's error and warning numbers that the fake uses.
pub mod codes {
    /// A URL did not answer, or not with 200.
    pub const HTTP_RETRIEVAL: u32 = 11_200;
    /// The document cannot be parsed, or holds a verb that does not exist.
    pub const BAD_DOCUMENT: u32 = 12_100;
    /// The answer is not XML by its content type.
    pub const CONTENT_TYPE: u32 = 12_300;
    /// The media socket could not be reached.
    pub const STREAM_CONNECT: u32 = 31_901;
    /// The media socket broke without a close.
    pub const STREAM_BROKEN: u32 = 31_903;
    /// The upgrade was not answered with 101, or the URL has a query.
    pub const STREAM_HANDSHAKE: u32 = 31_920;
    /// The stream's URL is not `wss` (plain `ws` is taken to loopback only).
    pub const STREAM_SCHEME: u32 = 31_922;
    /// A binary message came.
    pub const STREAM_BINARY: u32 = 31_950;
    /// A message is not one of those documented: unknown field, other stream, no base64.
    pub const STREAM_MESSAGE: u32 = 31_951;
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnding {
    /// The caller hung up.
    CallerHungUp,
    /// The document said `<Hangup>` or came to its end.
    ServerHungUp,
    /// The document said `<Reject>`.
    Rejected,
    /// An error: the caller heard "an application error has occurred".
    Failed {
        /// Twilio's number; see [`codes`].
        code: u32,
    },
    /// Documents led to documents without end.
    TooManyDocuments,
}

/// How a media stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The caller hung up: `stop` was sent and the socket closed.
    CallerHungUp,
    /// The call was ended or led elsewhere through the REST API: `stop` was sent and the socket closed.
    TakenAway,
    /// The server closed the socket, with this code.
    ServerClosed(Option<u16>),
    /// The socket broke.
    Broken,
    /// The socket never opened; the HTTP status when there was an answer.
    NotOpened(Option<u16>),
}

/// Something that happened in a call. Printing it shows what was said; numbers are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CarrierEvent {
    /// A request was answered.
    Webhook {
        /// What for, such as `voice webhook`.
        what: &'static str,
        /// The HTTP status; `None` when there was no answer.
        status: Option<u16>,
        /// How long the answer took.
        took_ms: u64,
    },
    /// A document came; its verbs.
    Document(Vec<String>),
    /// `<Say>`.
    Said(String),
    /// `<Play>`.
    Played {
        /// The file's URL.
        url: String,
        /// Its length; `None` when it could not be fetched.
        bytes: Option<usize>,
    },
    /// `<Record>` took a message of this length.
    Recorded {
        /// Milliseconds.
        ms: u64,
    },
    /// `<Dial>`.
    Dialled(E164),
    /// `<Redirect>`.
    Redirected(String),
    /// `<Start><Recording>`.
    RecordingStarted,
    /// A recording can be fetched.
    RecordingReady(RecordingSid),
    /// The media socket is open and `start` was sent.
    StreamStarted(StreamSid),
    /// The agent is heard.
    AgentBegan,
    /// The agent is not heard any more.
    AgentEnded,
    /// The caller begins utterance number so-and-so, from 0.
    CallerBegan(usize),
    /// The caller has said it.
    CallerEnded(usize),
    /// The caller pressed a key.
    KeyPressed,
    /// The server sent `clear`.
    Cleared {
        /// What was dropped and never heard.
        dropped_ms: u64,
    },
    /// Twilio would have logged this.
    Warning {
        /// Its number; see [`codes`].
        code: u32,
        /// What was wrong.
        detail: String,
    },
    /// The media stream ended.
    StreamEnded(StreamEnd),
    /// The call ended.
    Ended(CallEnding),
}

/// An event and its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedEvent {
    /// Milliseconds since the first webhook was sent.
    pub at_ms: u64,
    /// What happened.
    pub event: CarrierEvent,
}

/// A stretch of time in which the agent was heard without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning, in milliseconds since the first webhook was sent.
    pub start_ms: u64,
    /// Its end.
    pub end_ms: u64,
}

/// The whole call as the caller's side saw it. All times count from the first webhook.
#[derive(Clone)]
pub struct CallObservation {
    /// The call.
    pub call_sid: CallSid,
    /// How it ended.
    pub ending: CallEnding,
    /// How long it took, callbacks excluded.
    pub duration_ms: u64,
    /// Everything that happened, in order.
    pub timeline: Vec<TimedEvent>,
    /// What the caller said, mu-law in call time, silence included.
    pub caller_audio: Vec<u8>,
    /// What the caller heard from streams, mu-law in call time, silence included.
    pub agent_audio: Vec<u8>,
    /// When the agent was heard.
    pub spans: Vec<Span>,
    /// When the first stream began.
    pub stream_start_ms: Option<u64>,
    /// Frames of 20 ms sent to the server.
    pub frames_sent: u64,
    /// Media messages received from the server.
    pub media_messages: u64,
    /// Bytes of audio received from the server.
    pub media_bytes: u64,
    /// Media messages that are not a whole number of frames: audible as clicks.
    pub partial_frames: u64,
    /// Marks returned, by name and in order.
    pub marks: Vec<String>,
    /// How often the server sent `clear`.
    pub clears: u64,
    /// How often each warning came up; see [`codes`].
    pub warnings: BTreeMap<u32, u64>,
}

impl fmt::Debug for CallObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the audio: half a megabyte a minute.
        f.debug_struct("CallObservation")
            .field("call_sid", &self.call_sid)
            .field("ending", &self.ending)
            .field("duration_ms", &self.duration_ms)
            .field("timeline", &self.timeline)
            .field("spans", &self.spans)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

impl CallObservation {
    /// From the first webhook to the first sound of the agent.
    pub fn first_audio_ms(&self) -> Option<u64> {
        self.spans.first().map(|span| span.start_ms)
    }

    /// From the beginning of the first stream to the first sound of the agent.
    pub fn first_audio_after_stream_ms(&self) -> Option<u64> {
        Some(self.first_audio_ms()?.saturating_sub(self.stream_start_ms?))
    }

    /// Breaks in the agent's speech no longer than `at_most_ms`: stutter rather than turns.
    pub fn gaps(&self, at_most_ms: u64) -> Vec<Span> {
        self.spans
            .windows(2)
            .map(|pair| Span {
                start_ms: pair[0].end_ms,
                end_ms: pair[1].start_ms,
            })
            .filter(|gap| gap.end_ms - gap.start_ms <= at_most_ms)
            .collect()
    }

    /// For each `clear`: the milliseconds since the caller began to speak. `None` when nobody had.
    pub fn barge_ins_ms(&self) -> Vec<Option<u64>> {
        let mut began = None;
        let mut found = Vec::new();
        for timed in &self.timeline {
            match timed.event {
                CarrierEvent::CallerBegan(_) => began = Some(timed.at_ms),
                CarrierEvent::Cleared { .. } => found.push(began.map(|began| timed.at_ms - began)),
                _ => {}
            }
        }
        found
    }

    /// Everything said by `<Say>`.
    pub fn said(&self) -> impl Iterator<Item = &str> {
        self.timeline.iter().filter_map(|timed| match &timed.event {
            CarrierEvent::Said(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// Every number dialled.
    pub fn dialled(&self) -> impl Iterator<Item = &E164> {
        self.timeline.iter().filter_map(|timed| match &timed.event {
            CarrierEvent::Dialled(number) => Some(number),
            _ => None,
        })
    }
}

/// Collects what happens while the call runs.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) timeline: Vec<TimedEvent>,
    pub(super) warnings: BTreeMap<u32, u64>,
    live: Option<mpsc::Sender<TimedEvent>>,
}

impl Log {
    pub(super) const fn new(live: Option<mpsc::Sender<TimedEvent>>) -> Self {
        Self {
            timeline: Vec::new(),
            warnings: BTreeMap::new(),
            live,
        }
    }

    pub(super) fn tell(&mut self, at_ms: u64, event: CarrierEvent) {
        let timed = TimedEvent { at_ms, event };
        if let Some(live) = &self.live {
            // Whoever watches must not delay the call; the timeline has it all.
            let _ = live.try_send(timed.clone());
        }
        self.timeline.push(timed);
    }

    /// Counts every warning and tells the first of each kind, as Twilio does per stream.
    pub(super) fn warn(&mut self, at_ms: u64, code: u32, detail: impl Into<String>) {
        let count = self.warnings.entry(code).or_default();
        *count += 1;
        if *count == 1 {
            let detail = detail.into();
            self.tell(at_ms, CarrierEvent::Warning { code, detail });
        }
    }
}
