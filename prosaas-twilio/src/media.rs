//! Twilio Media Streams: the JSON messages of the websocket, read and written.
//!
//! Facts: Twilio's "Media Streams - WebSocket messages" page. All messages are text frames with one JSON
//! object. Most numbers arrive as JSON strings; both forms are read. Unknown events and unknown fields are
//! ignored, because Twilio adds them without notice. Towards Twilio the opposite holds: a field it does
//! not know makes it drop the message (warning 31951), so [`Encoder`] writes exactly the documented ones.
//!
//! Reading a `media` message and decoding its payload allocates nothing once the buffers have grown.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use prosaas_core::leg::MarkId;
use prosaas_core::{AccountSid, CallSid, StreamSid};
use serde::Deserialize;

#[cfg(feature = "axum")]
mod usual;
mod wire;

/// Longest message that is looked at, in bytes. A frame of 20 ms is about 360.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Longest decoded payload, in bytes: about eight seconds of audio.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// A message that could not be understood. It holds nothing of the message itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// Longer than [`MAX_MESSAGE_BYTES`] or [`MAX_PAYLOAD_BYTES`].
    #[error("the media message is longer than 64 KiB; Twilio's are well under 1 KiB")]
    TooLong,
    /// Not JSON, or a field has another type than documented.
    #[error("the media message is not a JSON object of the documented form")]
    NotAMessage,
    /// The event is known but the object that belongs to it is missing.
    #[error("the `{0}` message lacks its `{0}` object or a required field in it")]
    Missing(&'static str),
    /// A SID in a `start` message does not have its form.
    #[error("the `start` message has a streamSid, callSid or accountSid that is no Twilio SID")]
    Sid,
    /// A `dtmf` digit that no telephone has.
    #[error("the `dtmf` message has a digit other than 0-9, *, # and A-D")]
    Digit,
    /// The audio is not base64.
    #[error("the `media` payload is not base64")]
    Payload,
}

/// A message from Twilio.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inbound<'a> {
    /// The first message of a socket; carries nothing of use.
    Connected,
    /// The stream begins: whose call it is and what [`crate::twiml::Stream::parameter`] sent along.
    Start(Start),
    /// Audio.
    Media {
        /// Whether it is the caller's audio; `false` for the `outbound` track of a one-way stream.
        inbound: bool,
        /// Milliseconds since the stream began, Twilio's presentation clock.
        timestamp_ms: Option<u64>,
        /// Counts the media messages of one track, from 1.
        chunk: Option<u64>,
        /// Counts all messages after `connected`.
        sequence: Option<u64>,
        /// Base64 of mu-law audio; see [`decode_payload`]. Borrowed unless the JSON escaped it.
        payload: Cow<'a, str>,
    },
    /// The caller pressed a key: `0-9`, `*`, `#`, `A-D`.
    Dtmf(char),
    /// A mark of ours came back: all audio before it was played, or the buffer was cleared.
    Mark(Cow<'a, str>),
    /// The stream ended because the call left it. Nothing follows but the close.
    Stop,
    /// An event that this version does not know; to be ignored.
    Unknown,
}

impl fmt::Debug for Inbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Start(start) => f.debug_tuple("Start").field(start).finish(),
            Self::Media {
                inbound,
                timestamp_ms,
                chunk,
                sequence,
                payload,
            } => f
                .debug_struct("Media")
                .field("inbound", inbound)
                .field("timestamp_ms", timestamp_ms)
                .field("chunk", chunk)
                .field("sequence", sequence)
                .field("payload_chars", &payload.len())
                .finish(),
            // Keys are card numbers and PINs.
            Self::Dtmf(_) => f.write_str("Dtmf(hidden)"),
            Self::Mark(name) => f.debug_tuple("Mark").field(name).finish(),
            Self::Stop => f.write_str("Stop"),
            Self::Unknown => f.write_str("Unknown"),
        }
    }
}

/// The `start` message.
#[derive(Clone, PartialEq, Eq)]
pub struct Start {
    /// The stream; every message to Twilio names it.
    pub stream_sid: StreamSid,
    /// The call, to be compared with the one the stream was authorised for.
    pub call_sid: CallSid,
    /// The account or subaccount.
    pub account_sid: AccountSid,
    /// What the TwiML's `<Parameter>` elements sent along. Not signed: check the token among them.
    pub parameters: BTreeMap<String, String>,
    /// The tracks that are sent, such as `inbound`.
    pub tracks: Vec<String>,
    /// The audio's encoding; `audio/x-mulaw` unless the TwiML asked for another.
    pub encoding: String,
    /// Samples per second; 8000 unless the TwiML asked for another.
    pub sample_rate: u32,
    /// Audio channels; 1.
    pub channels: u32,
}

impl Start {
    /// Whether the audio is mu-law, 8 kHz, mono: the only form this crate handles.
    pub fn is_mulaw_8k_mono(&self) -> bool {
        self.encoding.eq_ignore_ascii_case("audio/x-mulaw")
            && self.sample_rate == 8000
            && self.channels == 1
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: one of the values is the one-time token.
        let names: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
        f.debug_struct("Start")
            .field("stream_sid", &self.stream_sid)
            .field("call_sid", &self.call_sid)
            .field("account_sid", &self.account_sid)
            .field("parameter_names", &names)
            .field("encoding", &self.encoding)
            .field("sample_rate", &self.sample_rate)
            .finish_non_exhaustive()
    }
}

/// Reads one text message of the socket.
///
/// # Errors
/// [`Malformed`] when it is too long, is not the documented JSON, or lacks a required field. The call can
/// go on: count it and read the next message.
pub fn parse(text: &str) -> Result<Inbound<'_>, Malformed> {
    read(text, |_| true)
}

/// As [`parse`], on a socket whose stream has begun: a message that names another stream is
/// [`Inbound::Unknown`].
///
/// # Errors
/// As for [`parse`].
pub fn parse_of<'a>(text: &'a str, stream: &StreamSid) -> Result<Inbound<'a>, Malformed> {
    read(text, |named| named == stream.as_str())
}

/// Reads a frame of the caller's audio, in the form in which Twilio writes it, in a fraction of the time that
/// [`parse_of`] takes. Appends its audio and gives its timestamp. `None` says nothing: parse the message.
#[cfg(feature = "axum")]
pub(crate) fn usual_frame(text: &str, stream: &StreamSid, audio: &mut Vec<u8>) -> Option<u64> {
    usual::frame(text, stream, audio)
}

fn read(text: &str, is_ours: impl FnOnce(&str) -> bool) -> Result<Inbound<'_>, Malformed> {
    if text.len() > MAX_MESSAGE_BYTES {
        return Err(Malformed::TooLong);
    }
    match serde_json::from_str::<wire::Message<'_>>(text) {
        Ok(message) if !message.stream_sid().is_none_or(is_ours) => Ok(Inbound::Unknown),
        Ok(message) => message.into_inbound(),
        // An event from the future may use our field names with other types.
        Err(_) => match serde_json::from_str::<wire::EventOnly>(text) {
            Ok(wire::EventOnly {
                event: wire::Event::Unknown,
            }) => Ok(Inbound::Unknown),
            _ => Err(Malformed::NotAMessage),
        },
    }
}

/// Decodes a payload and appends it to `audio`; returns the number of bytes appended.
///
/// Missing `=` padding is accepted. Allocates only when `audio` has to grow.
///
/// # Errors
/// [`Malformed::TooLong`] above [`MAX_PAYLOAD_BYTES`], [`Malformed::Payload`] when it is not standard
/// base64; `audio` is then as it was.
pub fn decode_payload(payload: &str, audio: &mut Vec<u8>) -> Result<usize, Malformed> {
    if base64::decoded_len_estimate(payload.len()) > MAX_PAYLOAD_BYTES + 3 {
        return Err(Malformed::TooLong);
    }
    let before = audio.len();
    if STANDARD_PAD_INDIFFERENT.decode_vec(payload, audio).is_err() {
        audio.truncate(before);
        return Err(Malformed::Payload);
    }
    Ok(audio.len() - before)
}

/// Writes messages to Twilio. The returned text lives in one buffer that the next message reuses.
#[derive(Clone, Debug)]
pub struct Encoder {
    stream_sid: StreamSid,
    text: String,
}

impl Encoder {
    /// Writes messages for this stream.
    pub const fn new(stream_sid: StreamSid) -> Self {
        Self {
            stream_sid,
            text: String::new(),
        }
    }

    /// Gives away the text last written.
    #[cfg(feature = "axum")]
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The stream it writes for.
    pub const fn stream_sid(&self) -> &StreamSid {
        &self.stream_sid
    }

    /// Plays this mu-law audio after what was sent before. Use whole frames of 160 bytes: a part of a
    /// frame is heard as a click.
    pub fn media(&mut self, audio: &[u8]) -> &str {
        self.begin("media");
        self.text.push_str(r#","media":{"payload":""#);
        STANDARD.encode_string(audio, &mut self.text);
        self.text.push_str(r#""}}"#);
        &self.text
    }

    /// Asks for an echo once everything before it was played.
    pub fn mark(&mut self, mark: MarkId) -> &str {
        self.begin("mark");
        // A `MarkId` prints digits and a colon only, so nothing needs an escape.
        let _ = write!(self.text, r#","mark":{{"name":"{mark}"}}}}"#);
        &self.text
    }

    /// As [`Encoder::mark`], with a name of any text. Allocates for the escapes.
    pub fn mark_named(&mut self, name: &str) -> &str {
        self.begin("mark");
        self.text.push_str(r#","mark":{"name":"#);
        let _ = write!(self.text, "{}", serde_json::Value::from(name));
        self.text.push_str("}}");
        &self.text
    }

    /// Drops all audio not yet played; pending marks come back at once.
    pub fn clear(&mut self) -> &str {
        self.begin("clear");
        self.text.push('}');
        &self.text
    }

    fn begin(&mut self, event: &str) {
        self.text.clear();
        self.text.push_str(r#"{"event":""#);
        self.text.push_str(event);
        self.text.push_str(r#"","streamSid":""#);
        self.text.push_str(self.stream_sid.as_str());
        self.text.push('"');
    }
}

#[cfg(test)]
mod tests;
