//! What a call is doing at this moment, for whoever watches it.

use prosaas_core::money::Usage;
use prosaas_core::time::CallTime;

use super::{Ai, CallSession, Phase};

/// What a call is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Whose turn it is.
    pub turn: Turn,
    /// What was used so far.
    pub usage: Usage,
}

/// Whose turn it is in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    /// The model cannot be heard: it is being connected, or out of reach.
    #[default]
    Connecting,
    /// The caller speaks.
    Caller,
    /// The agent prepares an answer.
    Thinking,
    /// The agent speaks.
    Agent,
    /// Both listen.
    Nobody,
    /// The call is coming to its end.
    Closing,
}

impl CallSession {
    /// What the caller and the agent are doing.
    pub fn activity(&self, now: CallTime) -> Activity {
        let turn = match &self.phase {
            Phase::Closing(_) | Phase::HungUp(_) | Phase::Ended => Turn::Closing,
            Phase::Waiting | Phase::Talking if self.ai != Ai::Ready => Turn::Connecting,
            Phase::Waiting | Phase::Talking => {
                if self.caller_speaking {
                    Turn::Caller
                } else if self.playback.outstanding(now) {
                    Turn::Agent
                } else if self.answer_owed || self.turns.is_busy() {
                    Turn::Thinking
                } else {
                    Turn::Nobody
                }
            }
        };
        Activity {
            turn,
            usage: self.usage,
        }
    }
}
