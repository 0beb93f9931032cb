//! What the caller does.

/// How time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A frame every 20 ms, measured from the beginning of the stream.
    RealTime,
    /// As fast as the machine goes; a frame still counts as 20 ms. For servers that do not pace and do not
    /// limit their rate.
    Fast,
}

/// When the caller says something. Utterances are said in order; each waits for the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So many milliseconds after the first stream began, or as soon as possible after that.
    At(u64),
    /// After the agent has spoken since the last utterance and was then silent for this many milliseconds.
    AgentSilent(u64),
    /// This many milliseconds after the agent began to speak since the last utterance: an interruption.
    AgentSpeaking(u64),
    /// This many milliseconds after the last utterance.
    AfterPrevious(u64),
}

/// Something the caller says.
#[derive(Clone, PartialEq, Eq)]
pub struct Utterance {
    /// When.
    pub when: When,
    /// Mu-law, 8 kHz, mono. Any length; the last frame is filled up with silence.
    pub audio: Vec<u8>,
}

impl std::fmt::Debug for Utterance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Utterance")
            .field("when", &self.when)
            .field("ms", &(self.audio.len() / 8))
            .finish()
    }
}

/// A key the caller presses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyPress {
    /// Milliseconds after the first stream began.
    pub at_ms: u64,
    /// The key: `0-9`, `*`, `#`, `A-D`.
    pub key: char,
}

impl std::fmt::Debug for KeyPress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPress")
            .field("at_ms", &self.at_ms)
            .finish_non_exhaustive()
    }
}

/// When the caller hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// So many milliseconds after the first stream began.
    At(u64),
    /// When everything was said and the agent, having answered the last utterance, has been silent for this
    /// many milliseconds.
    WhenDone {
        /// The silence to wait for.
        silent_ms: u64,
    },
    /// Not before the server ends the call.
    Never,
}

/// How a `<Dial>` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialResult {
    /// Answered, and both talked for so many milliseconds.
    Answered(u64),
    /// Busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
}

/// What goes wrong between the carrier and the server. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The media socket breaks without a word so many milliseconds after the first stream began, once for each
    /// of these, in order; the call itself goes on.
    pub cuts_ms: Vec<u64>,
    /// One frame of the caller in so many is lost, comes twice or comes after the next one, in turn.
    pub one_frame_in: Option<u64>,
    /// A document that nobody answers is asked for again for so many milliseconds. Twilio does not promise this:
    /// it stands for the proxy before the server, or for the fallback URL leading to the same server.
    pub ask_again_ms: u64,
}

/// One call from the caller's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallScript {
    /// What the caller says. A `<Record>` takes the next of these as the message left.
    pub utterances: Vec<Utterance>,
    /// What the caller presses, in order of time.
    pub keys: Vec<KeyPress>,
    /// When the caller hangs up.
    pub hang_up: HangUp,
    /// The caller hangs up when the call is this old, whatever happens; in milliseconds.
    pub at_most_ms: u64,
    /// How time passes.
    pub pace: Pace,
    /// How a `<Dial>` ends.
    pub dial: DialResult,
    /// What goes wrong on the way.
    pub trouble: Trouble,
}

impl CallScript {
    /// A caller who listens and hangs up when the agent has spoken and then been silent for 1.5 s.
    /// At most two minutes, in real time.
    pub const fn listening() -> Self {
        Self {
            utterances: Vec::new(),
            keys: Vec::new(),
            hang_up: HangUp::WhenDone { silent_ms: 1500 },
            at_most_ms: 120_000,
            pace: Pace::RealTime,
            dial: DialResult::Answered(1000),
            trouble: Trouble {
                cuts_ms: Vec::new(),
                one_frame_in: None,
                ask_again_ms: 0,
            },
        }
    }

    /// As [`CallScript::listening`], and says this as soon as the agent has greeted.
    pub fn saying(audio: Vec<u8>) -> Self {
        let when = When::AgentSilent(500);
        Self {
            utterances: vec![Utterance { when, audio }],
            ..Self::listening()
        }
    }

    /// Says one thing more.
    #[must_use]
    pub fn then(mut self, when: When, audio: Vec<u8>) -> Self {
        self.utterances.push(Utterance { when, audio });
        self
    }
}
