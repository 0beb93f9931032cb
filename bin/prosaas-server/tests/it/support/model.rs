//! The scripted model.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use prosaas_core::leg::{AiErrorKind, FRAME_BYTES};
use prosaas_core::memory::MockBridge;
use prosaas_core::{AgentBrief, AiCapabilities, AiError, AiLeg, AudioBridge};

/// A bridge whose model can be exchanged while the server runs.
#[derive(Debug)]
pub(crate) struct SwitchBridge(Mutex<Arc<MockBridge>>);

impl SwitchBridge {
    pub(super) fn new(bridge: MockBridge) -> Self {
        Self(Mutex::new(Arc::new(bridge)))
    }

    pub(crate) fn set(&self, bridge: MockBridge) {
        *self.0.lock().unwrap() = Arc::new(bridge);
    }

    pub(crate) fn current(&self) -> Arc<MockBridge> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

#[async_trait]
impl AudioBridge for SwitchBridge {
    fn capabilities(&self) -> AiCapabilities {
        self.current().capabilities()
    }
    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        self.current().open(brief).await
    }
}

/// A model that says one second of sound whenever it is asked.
pub(crate) fn talking() -> MockBridge {
    MockBridge::talking("Hello from the agent", &[0x55; 50 * FRAME_BYTES])
}

/// A model that cannot be reached.
pub(crate) fn refusing() -> MockBridge {
    MockBridge::refusing(AiError {
        kind: AiErrorKind::Connect,
        code: "refused".to_owned(),
        message: "nobody listens".to_owned(),
        request: None,
    })
}
