//! The scripted model.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use prosaas_core::leg::{AiErrorKind, FRAME_BYTES};
use prosaas_core::memory::MockBridge;
use prosaas_core::{
    AgentBrief, AiCapabilities, AiError, AiLeg, AudioBridge, BridgeHealth, UnixMillis,
};

/// A bridge whose model can be exchanged while the server runs.
#[derive(Debug)]
pub(crate) struct SwitchBridge {
    model: Mutex<Arc<MockBridge>>,
    is_known_down: AtomicBool,
}

impl SwitchBridge {
    pub(super) fn new(bridge: MockBridge) -> Self {
        Self {
            model: Mutex::new(Arc::new(bridge)),
            is_known_down: AtomicBool::new(false),
        }
    }

    pub(crate) fn set(&self, bridge: MockBridge) {
        *self.model.lock().unwrap() = Arc::new(bridge);
    }

    /// From here on it is known before a call is answered that no model can be reached.
    pub(crate) fn know_down(&self) {
        self.is_known_down.store(true, Ordering::SeqCst);
    }

    pub(crate) fn current(&self) -> Arc<MockBridge> {
        Arc::clone(&self.model.lock().unwrap())
    }
}

#[async_trait]
impl AudioBridge for SwitchBridge {
    fn capabilities(&self) -> AiCapabilities {
        self.current().capabilities()
    }

    fn health(&self) -> BridgeHealth {
        if self.is_known_down.load(Ordering::SeqCst) {
            return BridgeHealth::Down {
                until: UnixMillis(i64::MAX),
            };
        }
        self.current().health()
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
