//! What `prosaas demo --fault` breaks, and the sentence that says so beforehand.

use clap::ValueEnum;
use prosaas_twilio::testkit::carrier::Trouble;

use crate::commands::fake::Fault as ModelFault;

/// When the carrier's socket breaks: the first answer is being given.
const CUT_AT_MS: u64 = 8_000;
/// One frame in so many goes wrong on a bad line.
const ONE_FRAME_IN: u64 = 20;

/// Something that breaks while the demo's caller is on the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The model refuses every connection.
    Refuse,
    /// The model accepts the connection and never says anything.
    Hang,
    /// Every reply of the model fails under a rate limit.
    RateLimit,
    /// Every connection to the model is gone after five seconds.
    Drop,
    /// The model sends nothing but garbage.
    Garbage,
    /// The model takes two seconds to connect and one more for each reply.
    Slow,
    /// The model works, with garbage between its messages.
    Noisy,
    /// The carrier's media socket breaks in the middle of the call.
    CarrierDrop,
    /// One caller frame in twenty is lost, doubled or comes late.
    BadLine,
}

impl Fault {
    /// How the model fails, if it is the model that does.
    pub(super) const fn of_model(self) -> Option<ModelFault> {
        Some(match self {
            Self::Refuse => ModelFault::Refuse,
            Self::Hang => ModelFault::Hang,
            Self::RateLimit => ModelFault::RateLimit,
            Self::Drop => ModelFault::Drop,
            Self::Garbage => ModelFault::Garbage,
            Self::Slow => ModelFault::Slow,
            Self::Noisy => ModelFault::Noisy,
            Self::CarrierDrop | Self::BadLine => return None,
        })
    }

    /// What goes wrong on the way to the server.
    pub(super) fn trouble(self) -> Trouble {
        let mut trouble = Trouble::default();
        match self {
            Self::CarrierDrop => trouble.cuts_ms.push(CUT_AT_MS),
            Self::BadLine => trouble.one_frame_in = Some(ONE_FRAME_IN),
            _ => {}
        }
        trouble
    }

    /// What will break, when, and what to listen for.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Refuse => {
                "the model refuses every connection from the first ring on: listen for the kept fallback \
                 sentence or <Say>, and for the voicemail"
            }
            Self::Hang => {
                "the model accepts the call's connection and never says a word: listen for what the caller \
                 hears within 3 s instead"
            }
            Self::RateLimit => {
                "the model accepts the call and fails every reply under a rate limit: listen for the line \
                 that fills the gap and then for the fallback"
            }
            Self::Drop => {
                "every connection to the model is gone 5 s after it was opened: listen for the reconnection \
                 in the middle of the call, each time"
            }
            Self::Garbage => {
                "the model sends nothing but garbage from the first ring on: listen for the fallback"
            }
            Self::Slow => {
                "the model takes 2 s to connect and 1 s more for each reply: listen for the line that fills \
                 the gap"
            }
            Self::Noisy => {
                "the model sends garbage between its messages for the whole call: nothing of it may be heard"
            }
            Self::CarrierDrop => {
                "the carrier's media socket breaks 8 s into the stream while the call lives: listen for the \
                 agent going on over a new one"
            }
            Self::BadLine => {
                "one frame of the caller in twenty is lost, doubled or late for the whole call: the agent \
                 must understand all the same"
            }
        }
    }

    /// The word on the command line.
    pub(super) fn word(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_breaks_something_and_has_its_sentence() {
        for fault in Fault::value_variants() {
            let on_the_way = fault.trouble() != Trouble::default();
            assert_ne!(fault.of_model().is_some(), on_the_way, "{}", fault.word());
            assert!(fault.sentence().contains(": "), "{}", fault.sentence());
        }
    }
}
