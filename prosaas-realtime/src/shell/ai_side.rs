//! The AI leg of a call, or the promise of one.

use std::pin::Pin;
use std::sync::Arc;

use prosaas_core::agent::AgentBrief;
use prosaas_core::audio_bridge::AudioBridge;
use prosaas_core::leg::{AiError, AiErrorKind, AiLeg};

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
}

async fn wait_for(pending: PendingAi) -> Result<Box<dyn AiLeg>, AiError> {
    pending.await.unwrap_or_else(|_| {
        Err(AiError {
            kind: AiErrorKind::Connect,
            code: String::new(),
            message: "whoever was opening the AI leg gave up".to_owned(),
            request: None,
        })
    })
}
