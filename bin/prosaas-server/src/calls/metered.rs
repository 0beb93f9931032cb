//! Counts what goes wrong on the model's side.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use prosaas_core::leg::LegClosed;
use prosaas_core::{
    AgentBrief, AiCapabilities, AiCommand, AiError, AiEvent, AiLeg, AudioBridge, BridgeHealth,
};

use crate::metrics::Metrics;

/// A bridge whose errors are counted by kind.
pub struct MeteredBridge {
    inner: Arc<dyn AudioBridge>,
    metrics: Arc<Metrics>,
}

impl MeteredBridge {
    /// Counts the errors of `inner`.
    pub fn new(inner: Arc<dyn AudioBridge>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

impl std::fmt::Debug for MeteredBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredBridge").finish_non_exhaustive()
    }
}

#[async_trait]
impl AudioBridge for MeteredBridge {
    fn capabilities(&self) -> AiCapabilities {
        self.inner.capabilities()
    }

    fn health(&self) -> BridgeHealth {
        self.inner.health()
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        match self.inner.open(brief).await {
            Ok(leg) => Ok(Box::new(MeteredLeg {
                inner: leg,
                metrics: Arc::clone(&self.metrics),
            })),
            Err(error) => {
                self.metrics.model_error(error.kind);
                Err(error)
            }
        }
    }
}

struct MeteredLeg {
    inner: Box<dyn AiLeg>,
    metrics: Arc<Metrics>,
}

impl AiLeg for MeteredLeg {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent> {
        let event = self.inner.poll_event(cx, audio);
        if let Poll::Ready(AiEvent::Failed(error)) = &event {
            self.metrics.model_error(error.kind);
        }
        event
    }

    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed> {
        self.inner.send(command)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        self.inner.poll_flush(cx)
    }

    fn served_by(&self) -> Option<&str> {
        self.inner.served_by()
    }
}
