//! The AI leg of a call, or the promise of one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use prosaas_core::agent::AgentBrief;
use prosaas_core::audio_bridge::AudioBridge;
use prosaas_core::leg::{AiError, AiErrorKind, AiEvent, AiLeg};

use super::PendingAi;

type OpeningAi = Pin<Box<dyn Future<Output = Result<Box<dyn AiLeg>, AiError>> + Send>>;

/// The AI leg, or the promise of one.
pub(super) enum AiSide {
    None,
    Opening(OpeningAi),
    Open(Box<dyn AiLeg>),
}

impl AiSide {
    /// A leg that is opened from here.
    pub(super) fn open(bridge: &Arc<dyn AudioBridge>, brief: AgentBrief) -> Self {
        let bridge = Arc::clone(bridge);
        Self::Opening(Box::pin(async move { bridge.open(brief).await }))
    }

    /// A leg that somebody else is opening.
    pub(super) fn pending(pending: PendingAi) -> Self {
        Self::Opening(Box::pin(wait_for(pending)))
    }

    /// Whether a leg that serves nobody yet is ready. What else it says is not asked for. Asked until it
    /// says yes once, or that it failed.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AiError>> {
        loop {
            match self {
                Self::None => return Poll::Pending,
                Self::Opening(opening) => *self = Self::Open(ready!(opening.as_mut().poll(cx))?),
                Self::Open(leg) => match ready!(leg.poll_event(cx, &mut Vec::new())) {
                    AiEvent::Ready => return Poll::Ready(Ok(())),
                    AiEvent::Failed(error) if error.kind.ends_leg() => {
                        return Poll::Ready(Err(error));
                    }
                    AiEvent::Closed => return Poll::Ready(Err(gone("closed before it was ready"))),
                    _ => {}
                },
            }
        }
    }
}

async fn wait_for(pending: PendingAi) -> Result<Box<dyn AiLeg>, AiError> {
    let gave_up = |_| Err(gone("whoever was opening the AI leg gave up"));
    pending.await.unwrap_or_else(gave_up)
}

fn gone(message: &str) -> AiError {
    AiError {
        kind: AiErrorKind::Connect,
        code: String::new(),
        message: message.to_owned(),
        request: None,
    }
}
