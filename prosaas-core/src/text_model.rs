//! One question, one structured answer: summaries after a call, answers in a chat.

use async_trait::async_trait;
use serde_json::Value;

use crate::error::Result;
use crate::money::Usage;
use crate::secret::SecretString;

/// A request for one structured answer.
#[derive(Clone, Debug)]
pub struct TextRequest {
    /// What the model is told to do.
    pub instructions: String,
    /// What it is to work on; untrusted text.
    pub input: String,
    /// A name for the answer's schema, `[a-z_]+`.
    pub schema_name: &'static str,
    /// The JSON Schema the answer must follow: an object, every property required, no others.
    pub schema: Value,
    /// The business's own key; `None` means the installation's.
    pub api_key: Option<SecretString>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct TextReply {
    /// A JSON object. Following the schema is the model's promise; parse it before use.
    pub value: Value,
    /// What it used.
    pub usage: Usage,
}

/// A model that answers in text.
#[async_trait]
pub trait TextModel: Send + Sync + 'static {
    /// Asks once, within the implementation's own deadline.
    ///
    /// # Errors
    /// `Unavailable` or `RateLimited` when a later try may succeed, `Forbidden` when the key is refused,
    /// `Invalid` when the answer is not the JSON asked for.
    async fn ask(&self, request: TextRequest) -> Result<TextReply>;
}
