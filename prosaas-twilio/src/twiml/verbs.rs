//! The verbs and their attributes, as far as this project uses them. Absent attributes have Twilio's defaults.

use std::fmt;

use prosaas_core::E164;

/// One instruction of a [`super::Response`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// `<Say>`.
    Say(Say),
    /// `<Play>`.
    Play(Play),
    /// `<Pause>`.
    Pause(Pause),
    /// `<Gather>`.
    Gather(Gather),
    /// `<Record>`.
    Record(RecordVerb),
    /// `<Dial><Number>`.
    Dial(Dial),
    /// `<Start><Recording>`.
    StartRecording(StartRecording),
    /// `<Connect><Stream>`.
    ConnectStream(Stream),
    /// `<Redirect>` to a URL.
    Redirect(String),
    /// `<Hangup>`.
    Hangup,
    /// `<Reject>`.
    Reject(RejectReason),
}

macro_rules! into_verb {
    ($($from:ident => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Verb {
            fn from(verb: $from) -> Self { Self::$variant(verb) }
        })*
    };
}
into_verb! {
    Say => Say, Play => Play, Pause => Pause, Gather => Gather, RecordVerb => Record, Dial => Dial,
    StartRecording => StartRecording, Stream => ConnectStream,
}

/// `<Say>`: a text in a synthetic voice. Text only: SSML is not offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The text; cut after [`super::MAX_SAY_CHARS`] characters.
    pub text: String,
    /// A voice such as `Google.he-IL-Standard-A`; Hebrew has no other kind.
    pub voice: Option<String>,
    /// A language such as `he-IL`.
    pub language: Option<String>,
}

impl Say {
    /// Says this text in the account's default voice.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            voice: None,
            language: None,
        }
    }

    /// In this voice.
    #[must_use]
    pub fn voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = Some(voice.into());
        self
    }

    /// In this language.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }
}

/// `<Play>`: an audio file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// Where it is; may be relative to the document's URL.
    pub url: String,
    /// How often; 0 is until the call ends.
    pub times: Option<u32>,
}

/// `<Pause>`: silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How long.
    pub seconds: u32,
}

/// What a [`Gather`] collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherInput {
    /// Keys.
    Dtmf,
    /// Speech.
    Speech,
    /// Whichever comes first.
    DtmfSpeech,
}

impl GatherInput {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Dtmf => "dtmf",
            Self::Speech => "speech",
            Self::DtmfSpeech => "dtmf speech",
        }
    }
}

/// `<Gather>`: keys or speech while a text may be said. Goes on with the next verb when nothing came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// What is collected.
    pub input: GatherInput,
    /// Where the result is sent; the answer replaces this document.
    pub action: Option<String>,
    /// Ends after so many keys.
    pub num_digits: Option<u32>,
    /// Seconds without input.
    pub timeout_s: Option<u32>,
    /// The language of the speech, such as `he-IL`.
    pub language: Option<String>,
    /// Said meanwhile.
    pub prompt: Option<Say>,
}

impl Gather {
    /// Collects this with Twilio's defaults.
    pub const fn new(input: GatherInput) -> Self {
        Self {
            input,
            action: None,
            num_digits: None,
            timeout_s: None,
            language: None,
            prompt: None,
        }
    }
}

/// `<Record>`: voicemail. Records the caller only.
///
/// Without an `action` Twilio requests the current document again, which may loop; always give one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordVerb {
    /// Requested after the recording; its answer replaces this document. Not requested when nothing was
    /// recorded.
    pub action: Option<String>,
    /// Longest recording, in seconds.
    pub max_length_s: Option<u32>,
    /// Ends after so many seconds of silence.
    pub timeout_s: Option<u32>,
    /// Whether a beep is played first.
    pub play_beep: Option<bool>,
    /// Whether silence at both ends is cut.
    pub trim_silence: Option<bool>,
    /// Keys that end the recording; empty for none.
    pub finish_on_key: Option<String>,
    /// Told when the recording can be fetched.
    pub recording_status_callback: Option<String>,
}

/// `<Dial>` with one `<Number>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Who is called.
    pub number: E164,
    /// The number shown to them; must be one of the account's or the caller's own.
    pub caller_id: Option<E164>,
    /// Seconds to let it ring.
    pub timeout_s: Option<u32>,
    /// Longest duration in seconds.
    pub time_limit_s: Option<u32>,
    /// Whether the caller hears ringing until the other side answers.
    pub answer_on_bridge: Option<bool>,
    /// Requested afterwards; with it, the verbs after `<Dial>` never run.
    pub action: Option<String>,
}

impl Dial {
    /// Dials this number with Twilio's defaults.
    pub const fn new(number: E164) -> Self {
        Self {
            number,
            caller_id: None,
            timeout_s: None,
            time_limit_s: None,
            answer_on_bridge: None,
            action: None,
        }
    }
}

/// Whether both sides of a recording share one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingChannels {
    /// Both sides mixed.
    Mono,
    /// Caller and agent apart.
    Dual,
}

impl RecordingChannels {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Mono => "mono",
            Self::Dual => "dual",
        }
    }
}

/// `<Start><Recording>`: records the call beside the verbs that follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StartRecording {
    /// Told when the recording can be fetched.
    pub recording_status_callback: Option<String>,
    /// One channel or two.
    pub channels: Option<RecordingChannels>,
    /// Whether silence at both ends is cut.
    pub trim_silence: Option<bool>,
}

/// `<Connect><Stream>`: the call's audio to and from a websocket.
#[derive(Clone, PartialEq, Eq)]
pub struct Stream {
    /// The socket; `wss` and without a query, which Twilio does not pass on.
    pub url: String,
    /// Requested when the stream ended for any reason; an attribute of `<Connect>`.
    pub action: Option<String>,
    /// Told about the stream's beginning, end and errors.
    pub status_callback: Option<String>,
    /// `<Parameter>` elements: name and value, together under 500 characters each.
    pub parameters: Vec<(String, String)>,
}

impl Stream {
    /// Connects to this socket.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            action: None,
            status_callback: None,
            parameters: Vec::new(),
        }
    }

    /// Sends this along in the `start` message.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Requests this URL when the stream ended.
    #[must_use]
    pub fn action(mut self, url: impl Into<String>) -> Self {
        self.action = Some(url.into());
        self
    }

    /// Reports beginning, end and errors of the stream to this URL.
    #[must_use]
    pub fn status_callback(mut self, url: impl Into<String>) -> Self {
        self.status_callback = Some(url.into());
        self
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: one of the values is the one-time token.
        let names: Vec<&str> = self
            .parameters
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("Stream")
            .field("url", &self.url)
            .field("action", &self.action)
            .field("parameter_names", &names)
            .finish_non_exhaustive()
    }
}

/// How a refused call sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// A "not in service" announcement.
    Rejected,
    /// A busy tone.
    Busy,
}

impl RejectReason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Busy => "busy",
        }
    }
}
