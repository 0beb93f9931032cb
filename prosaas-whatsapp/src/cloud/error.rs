//! What Meta's error codes mean for us. Decided by the code, never by a title.

use std::time::Duration;

use prosaas_core::{Error, Result};

use super::wire::Failed;
use crate::http;

/// The answer, or the error that its code stands for.
pub(super) async fn succeed(response: reqwest::Response) -> Result<reqwest::Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = http::read(response, http::MAX_JSON).await.ok();
    let failed: Failed = body
        .and_then(|body| serde_json::from_slice(&body).ok())
        .unwrap_or_default();
    Err(meaning(status.as_u16(), failed.error.code))
}

/// What people are told of a message that Meta took and did not deliver, where its code says something.
pub(super) fn sentence(code: i64) -> Option<String> {
    match meaning(400, code) {
        Error::Conflict { detail, .. } | Error::Forbidden { detail } => Some(detail),
        _ => None,
    }
}

fn meaning(status: u16, code: i64) -> Error {
    let conflict = |detail: String| Error::Conflict {
        what: "message",
        detail,
    };
    let seconds = |seconds| Error::RateLimited {
        retry_after: Duration::from_secs(seconds),
    };
    match code {
        0 | 190 if status == 401 || code == 190 => Error::Forbidden {
            detail: format!("Meta refuses the business's token (code {code}): enter a new one"),
        },
        3 | 10 | 200..=299 => Error::Forbidden {
            detail: format!("Meta does not permit it to the business's token (code {code})"),
        },
        4 | 80_007 | 130_429 => seconds(5),
        131_048 => seconds(3_600),
        131_056 => seconds(6),
        131_047 => conflict(
            "this person has not written for 24 hours: send an approved template".to_owned(),
        ),
        131_049 => seconds(24 * 3_600),
        131_026 => conflict("this person cannot be reached on WhatsApp".to_owned()),
        131_051..=131_053 => {
            Error::invalid("file", "expected a kind of file that WhatsApp carries")
        }
        131_030 | 131_031 | 368 | 131_042 | 133_010 => Error::Forbidden {
            detail: format!("Meta has stopped the business's number (code {code})"),
        },
        132_000..=132_999 => Error::invalid(
            "template",
            format!("expected one that Meta approved (code {code})"),
        ),
        _ if status >= 500 || matches!(code, 1 | 2 | 131_000 | 131_016) => {
            Error::unavailable("WhatsApp", format!("Meta answered {status} (code {code})"))
        }
        _ => Error::invalid(
            "message",
            format!("expected what Meta takes; it answered {status} (code {code})"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::ErrorClass;

    use super::*;

    #[test]
    fn every_code_says_what_to_do() {
        for (status, code, class) in [
            (401, 190, ErrorClass::Forbidden),
            (403, 10, ErrorClass::Forbidden),
            (400, 130_429, ErrorClass::Retry),
            (400, 131_056, ErrorClass::Retry),
            (400, 131_047, ErrorClass::Conflict),
            (400, 131_026, ErrorClass::Conflict),
            (400, 131_053, ErrorClass::Invalid),
            (400, 132_001, ErrorClass::Invalid),
            (400, 131_031, ErrorClass::Forbidden),
            (500, 1, ErrorClass::Retry),
            (503, 0, ErrorClass::Retry),
            (400, 999_999, ErrorClass::Invalid),
        ] {
            assert_eq!(meaning(status, code).class(), class, "{status} {code}");
        }
        let told = sentence(131_026).unwrap();
        assert_eq!(told, "this person cannot be reached on WhatsApp");
        assert_eq!(sentence(131_049), None, "it passes by itself");
    }
}
