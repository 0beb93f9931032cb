//! What became of a request that did not succeed.

use std::time::Duration;

use prosaas_core::ErrorClass;
use reqwest::StatusCode;
use serde::Deserialize;

use super::{Repeat, is_gone};

/// Longest error body that is read, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// A request to Twilio failed. Holds no secret and no phone number.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of ours cannot be sent.
    #[error("{field} is not valid: {expected}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The call, recording or number does not exist in this account.
    #[error("Twilio does not know the {what} in this account")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// Twilio refused: the same request will be refused again.
    #[error("Twilio refused {what} with status {status} (code {}): {message}", code.map_or_else(|| "none".to_owned(), |code| code.to_string()))]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// Twilio's error code; see its error dictionary.
        code: Option<u32>,
        /// Twilio's message, cut to 300 characters, numbers hidden.
        message: String,
    },
    /// Still refused for frequency after all tries.
    #[error("Twilio takes no more requests for {what} right now; try again in {} ms", retry_after.as_millis())]
    RateLimited {
        /// What was asked for.
        what: &'static str,
        /// How long to wait at least.
        retry_after: Duration,
    },
    /// It may have happened or not, and asking again could make it happen twice. Look it up first.
    #[error("it is not known whether Twilio carried out {what}{}; look it up before asking again", status.map_or_else(String::new, |status| format!(" (it answered {status})")))]
    Ambiguous {
        /// What was asked for.
        what: &'static str,
        /// The HTTP status, when there was an answer.
        status: Option<u16>,
    },
    /// Twilio did not answer, or failed, in all tries.
    #[error("Twilio did not answer the request for {what}: {detail}")]
    Unavailable {
        /// What was asked for.
        what: &'static str,
        /// What happened at the last try.
        detail: String,
    },
    /// The answer is not what the API documents.
    #[error("Twilio's answer about {what} cannot be used: {detail}")]
    UnexpectedAnswer {
        /// What was asked for.
        what: &'static str,
        /// What was expected.
        detail: &'static str,
    },
    /// More bytes than allowed.
    #[error("the {what} is longer than the {limit} bytes allowed")]
    TooLarge {
        /// What was asked for.
        what: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// What was fetched could not be written to its destination.
    #[error("the {what} could not be written")]
    Write {
        /// What was fetched.
        what: &'static str,
        /// The destination's error.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// What the caller can do.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotFound { .. } => ErrorClass::NotFound,
            Self::Refused {
                status: 401 | 403, ..
            } => ErrorClass::Forbidden,
            Self::Invalid { .. } | Self::Refused { .. } | Self::TooLarge { .. } => {
                ErrorClass::Invalid
            }
            Self::RateLimited { .. } | Self::Unavailable { .. } => ErrorClass::Retry,
            // Not `Retry`: repeating is what must not happen unseen.
            Self::Ambiguous { .. } => ErrorClass::Conflict,
            Self::UnexpectedAnswer { .. } | Self::Write { .. } => ErrorClass::Internal,
        }
    }

    /// Whether it says that the call is over or was never there: codes 20404 and 21220.
    pub const fn call_is_over(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::Refused {
                    code: Some(21_220),
                    ..
                }
        )
    }
}

impl From<Error> for prosaas_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { what } => Self::NotFound { what },
            Error::RateLimited { retry_after, .. } => Self::RateLimited { retry_after },
            Error::Invalid { field, expected } => Self::invalid(field, expected),
            Error::Ambiguous { what, .. } => Self::Conflict {
                what,
                detail: error.to_string(),
            },
            Error::Unavailable { .. } => Self::unavailable("twilio", error),
            _ if error.class() == ErrorClass::Forbidden => Self::Forbidden {
                detail: error.to_string(),
            },
            _ if error.class() == ErrorClass::Invalid => {
                Self::invalid("request to twilio", error.to_string())
            }
            _ => Self::internal("twilio", error),
        }
    }
}

/// What is known about a failed try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It did not happen.
    NotProcessed,
    /// It may have happened.
    Unclear,
    /// The thing it is about is not there.
    NotFound,
    /// It did not happen and will not.
    Refused,
}

pub(super) struct Failure {
    pub(super) fate: Fate,
    pub(super) retry_after: Option<Duration>,
    status: Option<StatusCode>,
    code: Option<u32>,
    message: String,
}

/// Twilio's error body, and the `title`/`detail` of its newer problem documents.
#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: Option<u32>,
    #[serde(default, alias = "detail", alias = "title")]
    message: Option<String>,
}

impl Failure {
    pub(super) fn from_transport(error: reqwest::Error) -> Self {
        let fate = if error.is_connect() || error.is_builder() {
            Fate::NotProcessed
        } else {
            Fate::Unclear
        };
        // The URL may hold a phone number.
        let error = error.without_url();
        let mut message = error.to_string();
        if let Some(cause) = std::error::Error::source(&error) {
            message = format!("{message}: {cause}");
        }
        Self {
            fate,
            retry_after: None,
            status: None,
            code: None,
            message: presentable(&message),
        }
    }

    pub(super) async fn from_answer(response: reqwest::Response) -> Self {
        let status = response.status();
        let retry_after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let body = read_bounded(response, MAX_ERROR_BYTES)
            .await
            .unwrap_or_default();
        let body: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        let fate = match status {
            StatusCode::TOO_MANY_REQUESTS => Fate::NotProcessed,
            status if is_gone(status, body.code) => Fate::NotFound,
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Fate::Unclear
            }
            _ => Fate::Refused,
        };
        let message = body
            .message
            .unwrap_or_else(|| "the answer has no readable body".to_owned());
        Self {
            fate,
            retry_after,
            status: Some(status),
            code: body.code,
            message: presentable(&message),
        }
    }

    pub(super) fn into_error(self, what: &'static str, repeat: Repeat) -> Error {
        let status = self.status.map(|status| status.as_u16());
        match (self.fate, status) {
            (Fate::NotFound, _) => Error::NotFound { what },
            (Fate::Refused, Some(status)) => Error::Refused {
                what,
                status,
                code: self.code,
                message: self.message,
            },
            (Fate::NotProcessed, Some(_)) => Error::RateLimited {
                what,
                retry_after: self.retry_after.unwrap_or(Duration::from_secs(1)),
            },
            (Fate::Unclear, status) if repeat == Repeat::Never => Error::Ambiguous { what, status },
            (_, None) => Error::Unavailable {
                what,
                detail: self.message,
            },
            (_, Some(status)) => Error::Unavailable {
                what,
                detail: format!("status {status}"),
            },
        }
    }
}

/// The body, or `None` when it is longer than `limit` or breaks off.
pub(super) async fn read_bounded(mut response: reqwest::Response, limit: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > limit {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

/// A foreign message fit for a log: at most 300 characters, no control characters, and no run of seven
/// or more digits, which could be a phone number.
fn presentable(message: &str) -> String {
    let mut text = String::new();
    let mut digits = String::new();
    for c in message.chars().take(300).chain(std::iter::once(' ')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        text.push_str(if digits.len() >= 7 {
            "[number]"
        } else {
            &digits
        });
        digits.clear();
        text.push(if c.is_control() { ' ' } else { c });
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_messages_lose_their_phone_numbers() {
        assert_eq!(
            presentable("The 'To' number +972501234567 is bad\n(21211)"),
            "The 'To' number +[number] is bad (21211)"
        );
        assert_eq!(presentable(&"x".repeat(900)).len(), 300);
    }

    #[test]
    fn an_unclear_outcome_is_no_reason_to_retry() {
        let error = Error::Ambiguous {
            what: "call",
            status: Some(502),
        };
        assert_eq!(error.class(), ErrorClass::Conflict);
        assert_eq!(
            prosaas_core::Error::from(error).class(),
            ErrorClass::Conflict
        );
    }
}
