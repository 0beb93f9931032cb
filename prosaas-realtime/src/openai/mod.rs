//! The OpenAI Realtime backend (GA dialect) of [`AudioBridge`].
//!
//! [`OpenAiBridge::open`] connects, sends the configuration and the history of the conversation, and
//! returns a leg that the call's own task polls. Nothing runs in the background and no frame crosses
//! a channel; audio is decoded into the caller's buffer.
//!
//! The TLS provider (ring) is named explicitly, so opening a leg never panics, whatever else the
//! program links. The types of the websocket library do not appear in this interface.

mod config;
mod connect;
mod connection;
mod ids;
mod leg;
mod prices;
mod translate;
pub mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::leg::{AiError, AiErrorKind, AiLeg};
use prosaas_core::{AgentBrief, AiCapabilities, AudioBridge, Billing, Error};
use rustls::ClientConfig;
use url::Url;

pub use config::{Eagerness, NoiseReduction, OpenAiConfig, ReasoningEffort, TurnDetection};
pub use translate::Translator;

/// The vendor closes every session after an hour, without warning.
const MAX_LEG_MS: u64 = 60 * 60 * 1000;

/// Opens legs to OpenAI's Realtime API, or to anything that speaks its wire.
#[derive(Debug)]
pub struct OpenAiBridge {
    config: OpenAiConfig,
    url: Url,
    tls: Arc<ClientConfig>,
}

impl OpenAiBridge {
    /// A bridge with this configuration. Does not connect.
    ///
    /// # Errors
    /// `Invalid` when the URL is not `wss` (or `ws` towards loopback) or the model has no name.
    pub fn new(config: OpenAiConfig) -> Result<Self, Error> {
        let url = config.connect_url()?;
        Ok(Self {
            config,
            url,
            tls: connect::tls_config()?,
        })
    }
}

#[async_trait]
impl AudioBridge for OpenAiBridge {
    fn capabilities(&self) -> AiCapabilities {
        AiCapabilities {
            can_truncate: true,
            can_cancel: true,
            takes_requests: true,
            paces_itself: false,
            billing: Billing::Tokens,
            max_leg_ms: Some(MAX_LEG_MS),
        }
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        let socket =
            connect::connect(&self.url, &self.config, Arc::clone(&self.tls), &brief).await?;
        let mut leg = leg::OpenAiLeg::new(socket, &self.config);
        let configured = leg.configure(&self.config, &brief);
        let timed_out = |_| {
            let message = "the model does not read its configuration";
            translate::own_error(AiErrorKind::Connect, "timeout", message)
        };
        tokio::time::timeout(self.config.connect_timeout, configured)
            .await
            .map_err(timed_out)??;
        Ok(Box::new(leg))
    }
}
