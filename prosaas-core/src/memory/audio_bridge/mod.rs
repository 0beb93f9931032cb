//! An [`AudioBridge`] whose model is a script.

mod model;
mod script;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;

use self::model::{Model, Standing};
pub use self::script::{Emit, RecordedAiCommand, Step, Trigger};
use super::lock;
use crate::agent::AgentBrief;
use crate::audio_bridge::{AiCapabilities, AudioBridge, Billing};
use crate::leg::{AiCommand, AiError, AiEvent, AiLeg, LegClosed};

/// Opens legs that follow a script, and does what a vendor does where the script is silent.
///
/// A request for a reply that no step answers gets the standing reply of [`MockBridge::talking`], if
/// there is one. A cancelled reply ends as such and what was left of it is dropped. Truncating beyond
/// the audio that was sent is refused, as is cancelling when nothing is said.
#[derive(Debug)]
pub struct MockBridge {
    capabilities: AiCapabilities,
    opening: Opening,
    script: Vec<Step>,
    standing: Option<Standing>,
    opened: Mutex<Vec<AiHandle>>,
}

#[derive(Clone, Debug)]
enum Opening {
    Opens,
    Refuses(AiError),
    Hangs,
}

impl MockBridge {
    /// Legs that follow these steps and say nothing else.
    pub fn scripted(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            capabilities: AiCapabilities {
                can_truncate: true,
                can_cancel: true,
                takes_requests: true,
                paces_itself: false,
                billing: Billing::Tokens,
                max_leg_ms: None,
            },
            opening: Opening::Opens,
            script: script.into_iter().collect(),
            standing: None,
            opened: Mutex::new(Vec::new()),
        }
    }

    /// Legs that say this, as text and as mu-law audio, whenever a reply is asked for.
    pub fn talking(text: &str, audio: &[u8]) -> Self {
        let standing = Some(Standing {
            text: text.to_owned(),
            audio: audio.to_vec(),
        });
        Self {
            standing,
            ..Self::scripted([])
        }
    }

    /// A bridge whose every [`AudioBridge::open`] fails with this error.
    pub fn refusing(error: AiError) -> Self {
        Self {
            opening: Opening::Refuses(error),
            ..Self::scripted([])
        }
    }

    /// A bridge whose [`AudioBridge::open`] never returns.
    pub fn hanging() -> Self {
        Self {
            opening: Opening::Hangs,
            ..Self::scripted([])
        }
    }

    /// Changes what the legs say they can do.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: AiCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The legs opened so far, oldest first.
    pub fn opened(&self) -> Vec<AiHandle> {
        lock(&self.opened).clone()
    }
}

#[async_trait]
impl AudioBridge for MockBridge {
    fn capabilities(&self) -> AiCapabilities {
        self.capabilities
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        match &self.opening {
            Opening::Opens => {}
            Opening::Refuses(error) => return Err(error.clone()),
            Opening::Hangs => std::future::pending().await,
        }
        let standing = self.standing.clone();
        let mut model = Model::new(brief, self.capabilities, self.script.clone(), standing);
        if !model.play(Trigger::Opened) {
            model.push(AiEvent::Ready.into());
        }
        let shared = Arc::new(Mutex::new(model));
        lock(&self.opened).push(AiHandle {
            shared: Arc::clone(&shared),
        });
        Ok(Box::new(MockLeg { shared }))
    }
}

/// The test's end of a leg opened by a [`MockBridge`].
#[derive(Clone, Debug)]
pub struct AiHandle {
    shared: Arc<Mutex<Model>>,
}

impl AiHandle {
    /// The model reports something out of turn.
    pub fn push(&self, emit: impl Into<Emit>) {
        let waker = {
            let mut model = lock(&self.shared);
            model.push(emit.into());
            model.waker.take()
        };
        // Outside the lock: a waker may run anything, even the poll that takes the lock again.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the leg was opened with.
    pub fn brief(&self) -> AgentBrief {
        lock(&self.shared).brief.clone()
    }

    /// What the leg was told so far, oldest first.
    pub fn commands(&self) -> Vec<RecordedAiCommand> {
        lock(&self.shared).commands.clone()
    }

    /// From now on the model reads nothing: every command fails.
    pub fn stall(&self) {
        lock(&self.shared).stalled = true;
    }

    /// Whether our side dropped the leg, which closes the connection.
    pub fn is_dropped(&self) -> bool {
        lock(&self.shared).dropped
    }
}

#[derive(Debug)]
struct MockLeg {
    shared: Arc<Mutex<Model>>,
}

impl AiLeg for MockLeg {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent> {
        let mut model = lock(&self.shared);
        let Some(emit) = model.events.pop_front() else {
            model.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        match &emit.event {
            AiEvent::Audio { item, content, .. } => {
                *model.sent.entry((*item, *content)).or_default() += emit.audio.len();
                audio.extend_from_slice(&emit.audio);
            }
            AiEvent::ReplyEnded { reply, .. } if model.active == Some(*reply) => {
                model.active = None;
            }
            AiEvent::Closed => model.stalled = true,
            _ => {}
        }
        Poll::Ready(emit.event)
    }

    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed> {
        let waker = {
            let mut model = lock(&self.shared);
            if model.stalled {
                return Err(LegClosed);
            }
            model.obey(&command);
            if model.events.is_empty() {
                None
            } else {
                model.waker.take()
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        Poll::Ready(if lock(&self.shared).stalled {
            Err(LegClosed)
        } else {
            Ok(())
        })
    }
}

impl Drop for MockLeg {
    fn drop(&mut self) {
        lock(&self.shared).dropped = true;
    }
}
