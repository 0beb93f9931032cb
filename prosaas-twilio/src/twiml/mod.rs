//! TwiML: what the carrier shall do with a call, as a document it fetches.
//!
//! There is no way to write markup by hand: every text goes through the XML serialiser, so a business's or
//! a model's text can never become an element. Verbs run in the order they were added.
//!
//! ```
//! use prosaas_twilio::twiml::{Response, Say, Stream};
//!
//! let xml = Response::new()
//!     .say(Say::new("One moment <please>"))
//!     .connect_stream(Stream::new("wss://voice.example.com/media").parameter("token", "abc"))
//!     .redirect("/webhook/stream_ended")
//!     .to_xml();
//! assert!(xml.contains("One moment &lt;please&gt;"));
//! ```

use std::fmt;

use prosaas_core::E164;

mod verbs;
mod write;

pub use verbs::{
    Dial, Gather, GatherInput, Pause, Play, RecordVerb, RecordingChannels, RejectReason, Say,
    StartRecording, Stream, Verb,
};
pub use write::{MAX_SAY_CHARS, legal_text};

/// The media type of a TwiML answer.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// Longest document that Twilio takes inline in a REST request, in characters.
pub const MAX_INLINE_CHARS: usize = 4000;

/// A `<Response>`: verbs in the order in which they run.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Response {
    verbs: Vec<Verb>,
}

impl Response {
    /// An empty response, which ends the call.
    pub const fn new() -> Self {
        Self { verbs: Vec::new() }
    }

    /// Adds a verb.
    #[must_use]
    pub fn verb(mut self, verb: impl Into<Verb>) -> Self {
        self.verbs.push(verb.into());
        self
    }

    /// Says a text with a synthetic voice.
    #[must_use]
    pub fn say(self, say: Say) -> Self {
        self.verb(say)
    }

    /// Plays the audio file at this URL once.
    #[must_use]
    pub fn play(self, url: impl Into<String>) -> Self {
        self.verb(Play {
            url: url.into(),
            times: None,
        })
    }

    /// Waits in silence for some seconds.
    #[must_use]
    pub fn pause(self, seconds: u32) -> Self {
        self.verb(Pause { seconds })
    }

    /// Records what the caller says.
    #[must_use]
    pub fn record(self, record: RecordVerb) -> Self {
        self.verb(record)
    }

    /// Connects the caller to a phone number.
    #[must_use]
    pub fn dial(self, dial: Dial) -> Self {
        self.verb(dial)
    }

    /// Records the call from here on, beside everything that follows.
    #[must_use]
    pub fn start_recording(self, recording: StartRecording) -> Self {
        self.verb(recording)
    }

    /// Connects the call's audio to a websocket, both ways; the document waits until it closes.
    #[must_use]
    pub fn connect_stream(self, stream: Stream) -> Self {
        self.verb(stream)
    }

    /// Collects keys or speech.
    #[must_use]
    pub fn gather(self, gather: Gather) -> Self {
        self.verb(gather)
    }

    /// Goes on with the document at this URL; it may be relative to this document's.
    #[must_use]
    pub fn redirect(self, url: impl Into<String>) -> Self {
        self.verb(Verb::Redirect(url.into()))
    }

    /// Ends the call.
    #[must_use]
    pub fn hangup(self) -> Self {
        self.verb(Verb::Hangup)
    }

    /// Refuses the call without answering it; not billed when it is the first verb.
    #[must_use]
    pub fn reject(self, reason: RejectReason) -> Self {
        self.verb(Verb::Reject(reason))
    }

    /// The verbs in order.
    pub fn verbs(&self) -> &[Verb] {
        &self.verbs
    }

    /// The document: UTF-8, XML declaration first, attributes in alphabetical order as Twilio's own
    /// libraries write them.
    ///
    /// Characters that XML 1.0 does not allow are left out, line ends become `\n`, and the text of a
    /// `<Say>` is cut after [`MAX_SAY_CHARS`] characters.
    pub fn to_xml(&self) -> String {
        write::document(self)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.verbs).finish()
    }
}

/// A transfer without announcement: dials `number`, shows it `caller_id`, and ends the call afterwards.
pub fn blind_transfer(number: E164, caller_id: Option<E164>) -> Response {
    let mut dial = Dial::new(number);
    dial.caller_id = caller_id;
    Response::new().dial(dial).hangup()
}

#[cfg(test)]
mod tests;
