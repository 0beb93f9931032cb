//! What was said in a sound file, as words: voice notes.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::money::Usage;
use crate::secret::SecretString;

/// A sound file to be heard.
#[derive(Clone)]
pub struct Speech {
    /// Its bytes, as they are stored.
    pub bytes: Bytes,
    /// Its media type, such as `audio/ogg`: found in the bytes, not believed.
    pub media_type: &'static str,
    /// The ending of its name, such as `ogg`: models tell formats by it.
    pub extension: &'static str,
    /// The business's own key; `None` means the installation's.
    pub api_key: Option<SecretString>,
}

impl fmt::Debug for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speech")
            .field("bytes", &self.bytes.len())
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}

/// What was heard.
#[derive(Clone, PartialEq)]
pub struct Heard {
    /// The words: somebody's, untrusted. Empty when there were none.
    pub text: String,
    /// What hearing it used.
    pub usage: Usage,
}

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Heard({} characters)", self.text.chars().count())
    }
}

/// A model that writes down what it hears.
#[async_trait]
pub trait Transcriber: Send + Sync + 'static {
    /// The largest file it takes, in bytes.
    fn most_bytes(&self) -> u64;

    /// Writes down what is said, within the implementation's own deadline.
    ///
    /// # Errors
    /// `Unavailable` or `RateLimited` when a later try may succeed, `Forbidden` when the key is refused,
    /// `Invalid` when the file cannot be heard.
    async fn transcribe(&self, speech: Speech) -> Result<Heard>;
}
