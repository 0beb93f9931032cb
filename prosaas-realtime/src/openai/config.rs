//! What the host decides about the model.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::time::{Clock, SystemClock};
use prosaas_core::{Error, SecretString};
use serde::Serialize;
use url::Url;

use crate::loopback::is_loopback;

/// How the OpenAI backend connects and configures sessions.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// A full websocket URL, such as `wss://api.openai.com/v1/realtime`, to which `?model=` is added.
    /// Plain `ws` is accepted towards loopback only.
    pub url: Url,
    /// The model, such as `gpt-realtime-2.1`. Free text: vendors retire names faster than we release.
    pub model: String,
    /// The model that writes down what the caller says; `None` switches that off.
    pub transcription_model: Option<String>,
    /// The installation's key; a business's own key takes its place. Not needed towards loopback.
    pub api_key: Option<SecretString>,
    /// How the model decides that the caller has finished.
    pub turn_detection: TurnDetection,
    /// What the model does about noise.
    pub noise_reduction: NoiseReduction,
    /// How long a reasoning model may think; `None` for models that do not reason, which refuse it.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The longest reply in tokens (20 per second of speech); `None` leaves it to the vendor.
    pub max_output_tokens: Option<u32>,
    /// The most tokens of conversation kept beside the instructions; every reply pays for all of them.
    pub context_tokens: u32,
    /// The deadline for name lookup, TCP, TLS and websocket handshake together.
    pub connect_timeout: Duration,
    /// Tells how much is left of a session whose end the vendor gives as a moment.
    pub clock: Arc<dyn Clock>,
}

impl OpenAiConfig {
    /// A configuration for telephone calls with `model` at `url`.
    pub fn new(url: Url, model: impl Into<String>) -> Self {
        let model = model.into();
        // The 2.x models reason; low effort answers soonest.
        let reasons = model.starts_with("gpt-realtime-2");
        Self {
            url,
            model,
            transcription_model: Some("gpt-realtime-whisper".to_owned()),
            api_key: None,
            turn_detection: TurnDetection::default(),
            noise_reduction: NoiseReduction::default(),
            reasoning_effort: reasons.then_some(ReasoningEffort::Low),
            max_output_tokens: None,
            context_tokens: 12_000,
            connect_timeout: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
        }
    }

    /// The URL to connect to.
    ///
    /// # Errors
    /// `Invalid` when the URL is not a websocket URL, or sends the key unencrypted over a network.
    pub(super) fn connect_url(&self) -> Result<Url, Error> {
        match self.url.scheme() {
            "wss" => {}
            "ws" if is_loopback(&self.url) => {}
            "ws" => {
                let expected = "plain ws is accepted towards loopback only; use wss";
                return Err(Error::invalid("the Realtime URL", expected));
            }
            _ => {
                let expected = "expected a full URL that begins with wss:// (or ws:// on loopback)";
                return Err(Error::invalid("the Realtime URL", expected));
            }
        }
        if self.url.host().is_none() {
            return Err(Error::invalid("the Realtime URL", "expected a host name"));
        }
        if self.model.is_empty() {
            return Err(Error::invalid(
                "the Realtime model",
                "expected a model name",
            ));
        }
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("model", &self.model);
        url.set_fragment(None);
        Ok(url)
    }
}

/// How the model decides that the caller's turn is over.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TurnDetection {
    /// By silence.
    ServerVad {
        /// How sure it must be that somebody speaks, `0..=1`; the vendor's own is 0.5. Higher for noisy lines.
        #[serde(skip_serializing_if = "Option::is_none")]
        threshold: Option<f32>,
        /// Audio kept from before the speech began; the vendor's own is 300.
        #[serde(skip_serializing_if = "Option::is_none")]
        prefix_padding_ms: Option<u32>,
        /// Silence that ends a turn; the vendor's own is 500.
        #[serde(skip_serializing_if = "Option::is_none")]
        silence_duration_ms: Option<u32>,
        /// Silence after which the model speaks up by itself; `None` is never.
        #[serde(skip_serializing_if = "Option::is_none")]
        idle_timeout_ms: Option<u32>,
        /// Whether the end of a turn makes the model answer.
        create_response: bool,
        /// Whether the caller's voice cancels the running reply.
        interrupt_response: bool,
    },
    /// By what was said. No idle timeout.
    SemanticVad {
        /// How soon it answers.
        #[serde(skip_serializing_if = "Option::is_none")]
        eagerness: Option<Eagerness>,
        /// Whether the end of a turn makes the model answer.
        create_response: bool,
        /// Whether the caller's voice cancels the running reply.
        interrupt_response: bool,
    },
}

impl Default for TurnDetection {
    fn default() -> Self {
        Self::ServerVad {
            threshold: None,
            prefix_padding_ms: None,
            silence_duration_ms: None,
            idle_timeout_ms: None,
            create_response: true,
            interrupt_response: true,
        }
    }
}

impl TurnDetection {
    /// For a session that decides by itself when the caller has finished and what stops the agent
    /// (`SessionConfig::turn_taking`, `BargeIn::AfterMs`). Silence is told sooner, since the session waits for those
    /// who have not finished.
    pub const fn left_to_session() -> Self {
        Self::ServerVad {
            threshold: None,
            prefix_padding_ms: None,
            silence_duration_ms: Some(300),
            idle_timeout_ms: None,
            create_response: false,
            interrupt_response: false,
        }
    }
}

/// How long semantic turn detection waits at most: 8, 4 or 2 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the vendor's own words")]
pub enum Eagerness {
    Low,
    Medium,
    High,
    Auto,
}

/// What the model does about noise before it listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoiseReduction {
    /// What the vendor does by itself.
    #[default]
    VendorDefault,
    /// Nothing.
    Off,
    /// For a microphone near the mouth, such as a handset.
    NearField,
    /// For a microphone in the room, such as a speakerphone.
    FarField,
}

/// How long a reasoning model thinks; more is slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the vendor's own words")]
pub enum ReasoningEffort {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect_url(url: &str) -> Result<String, String> {
        let config = OpenAiConfig::new(url.parse().unwrap(), "m 1");
        config
            .connect_url()
            .map(String::from)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn the_model_is_added_to_whatever_query_is_there() {
        assert_eq!(
            connect_url("wss://h/v1/realtime").unwrap(),
            "wss://h/v1/realtime?model=m+1"
        );
        assert_eq!(
            connect_url("wss://h/x?a=b#c").unwrap(),
            "wss://h/x?a=b&model=m+1"
        );
    }

    #[test]
    fn plain_websockets_stay_on_this_machine() {
        for good in [
            "ws://127.0.0.1:9/",
            "ws://localhost/",
            "ws://[::1]:9/",
            "ws://127.9.9.9/",
        ] {
            assert!(connect_url(good).is_ok(), "{good}");
        }
        for bad in [
            "ws://10.0.0.1/",
            "ws://localhost.example/",
            "http://127.0.0.1/",
            "ftp://x/",
        ] {
            assert!(connect_url(bad).is_err(), "{bad}");
        }
    }
}
