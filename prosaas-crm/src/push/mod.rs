//! Web Push: messages that only one browser can read, and the key by which push services know us.
//!
//! Values in, values out: sending is the host's. The address of a subscription comes from a browser and is as
//! hostile as that of a webhook; see [`crate::webhook::target`].

mod message;
mod vapid;

use std::fmt;

use p256::SecretKey;
use prosaas_core::{Result, UnixMillis};
use url::Url;

pub use message::{BrowserKeys, MAX_TEXT};
pub use vapid::VapidKey;

use crate::auth::random::random_bytes;

/// A message for one browser.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// What the browser's worker reads. The push service does not see it.
    pub text: &'a [u8],
    /// Of two messages about one thing that wait at the push service, the later one is enough. At most 32
    /// characters of base64url, which the push service sees.
    pub topic: &'a str,
    /// How long the push service keeps it for a browser that is away.
    pub keep_s: u32,
}

/// A request for a push service, ready to be posted to the subscription's address.
#[derive(Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// Headers by name.
    pub headers: [(&'static str, String); 5],
    /// The sealed message.
    pub body: Vec<u8>,
}

impl PushRequest {
    /// The type of the body.
    pub const CONTENT_TYPE: &str = "application/octet-stream";

    /// Seals a message for a browser and signs who sends it: `contact` is a URL at which a push service reaches
    /// whoever runs this installation.
    ///
    /// # Errors
    /// `Invalid` when the text is too long; `Internal` when the system gives no random bytes.
    pub fn new(
        (key, contact): (&VapidKey, &str),
        (endpoint, browser): (&Url, &BrowserKeys),
        notice: Notice<'_>,
        now: UnixMillis,
    ) -> Result<Self> {
        let headers = [
            ("authorization", key.authorization(endpoint, contact, now)),
            ("content-encoding", "aes128gcm".to_owned()),
            ("ttl", notice.keep_s.to_string()),
            // A phone in somebody's pocket is woken for it.
            ("urgency", "high".to_owned()),
            ("topic", notice.topic.to_owned()),
        ];
        let body = browser.encrypt(notice.text)?;
        Ok(Self { headers, body })
    }
}

impl fmt::Debug for PushRequest {
    /// The signature is a token, and the rest is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushRequest({} bytes)", self.body.len())
    }
}

/// A fresh private key. Of four thousand million draws one is none, and is drawn again.
pub(crate) fn fresh_key() -> Result<SecretKey> {
    loop {
        if let Ok(key) = SecretKey::from_slice(&random_bytes::<32>()?) {
            return Ok(key);
        }
    }
}
