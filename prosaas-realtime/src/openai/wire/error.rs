//! What the vendor's errors mean for a call.

use std::borrow::Cow;

use prosaas_core::leg::{AiErrorKind, RequestId};
use serde::Deserialize;

use super::incoming::Text;
use super::outgoing::{CommandKind, SETUP_EVENT_ID};

/// An error as the vendor reports it, in an `error` event or inside a failed response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VendorError<'a> {
    /// The family, such as `invalid_request_error`.
    pub kind: Cow<'a, str>,
    /// The code; often empty, and sometimes it stands in `kind` instead.
    pub code: Cow<'a, str>,
    /// For people.
    pub message: Cow<'a, str>,
    /// The client event it answers.
    pub event_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    event_id: Option<Text<'a>>,
}

impl<'a> VendorError<'a> {
    /// Reads the `error` object; one that cannot be read is still an error, with nothing known about it.
    pub fn parse(json: &'a str) -> Self {
        let text = |t: Option<Text<'a>>| t.map_or(Cow::Borrowed(""), |t| t.0);
        match serde_json::from_str::<Raw<'a>>(json) {
            Ok(raw) => Self {
                kind: text(raw.kind),
                code: text(raw.code),
                message: text(raw.message),
                event_id: text(raw.event_id),
            },
            Err(_) => Self::default(),
        }
    }
}

/// A new connection with the same key would fail as well. livekit learned to look in both fields.
const ACCOUNT: [&str; 8] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
    "authentication_error",
    "permission_error",
    "model_not_found",
];
const RATE_LIMITED: [&str; 4] = [
    "inference_rate_limit_exceeded",
    "rate_limit_exceeded",
    "rate_limit_error",
    "too_many_requests",
];

/// What to do about an error.
pub fn classify(error: &VendorError<'_>) -> AiErrorKind {
    let named = |names: &[&str]| names.contains(&&*error.code) || names.contains(&&*error.kind);
    if named(&ACCOUNT) {
        return AiErrorKind::Account;
    }
    if named(&RATE_LIMITED) {
        return AiErrorKind::RateLimited;
    }
    if named(&["session_expired"]) {
        return AiErrorKind::SessionExpired;
    }
    if named(&["conversation_already_has_active_response"]) {
        return AiErrorKind::ReplyActive;
    }
    if named(&["response_cancel_not_active"]) {
        return AiErrorKind::NothingToCancel;
    }
    match CommandKind::of(&error.event_id) {
        Some((CommandKind::Truncate, _)) => return AiErrorKind::TruncateRefused,
        // A refused configuration leaves a session without instructions and in the wrong audio format.
        _ if error.event_id == SETUP_EVENT_ID => return AiErrorKind::Connect,
        _ => {}
    }
    // The one error without a code: "Audio content of 9250ms is already shorter than 57340ms".
    if error.code.is_empty() && error.message.contains("is already shorter than") {
        return AiErrorKind::TruncateRefused;
    }
    AiErrorKind::Other
}

/// The command of ours that the error answers.
pub fn request_of(error: &VendorError<'_>) -> Option<RequestId> {
    CommandKind::of(&error.event_id).map(|(_, request)| request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, kind: AiErrorKind, request: Option<u32>) {
        let error = VendorError::parse(json);
        assert_eq!(classify(&error), kind, "{json}");
        assert_eq!(request_of(&error), request.map(RequestId), "{json}");
    }

    #[test]
    fn errors_are_told_apart() {
        use AiErrorKind::{
            Account, Connect, NothingToCancel, Other, RateLimited, ReplyActive, SessionExpired,
            TruncateRefused,
        };
        for code in &ACCOUNT {
            check(&format!(r#"{{"type":"x","code":"{code}"}}"#), Account, None);
            check(
                &format!(r#"{{"type":"{code}","code":null}}"#),
                Account,
                None,
            );
        }
        check(
            r#"{"code":"inference_rate_limit_exceeded"}"#,
            RateLimited,
            None,
        );
        check(r#"{"code":"session_expired"}"#, SessionExpired, None);
        check(
            r#"{"code":"conversation_already_has_active_response","event_id":"reply_12"}"#,
            ReplyActive,
            Some(12),
        );
        check(
            r#"{"code":"response_cancel_not_active","event_id":"cancel_3"}"#,
            NothingToCancel,
            Some(3),
        );
        check(
            r#"{"code":"integer_below_min_value","event_id":"truncate_4"}"#,
            TruncateRefused,
            Some(4),
        );
        check(
            r#"{"code":null,"message":"Audio content of 9250ms is already shorter than 57340ms"}"#,
            TruncateRefused,
            None,
        );
        check(
            r#"{"code":"unknown_parameter","event_id":"setup"}"#,
            Connect,
            None,
        );
        check(
            r#"{"code":"invalid_value","event_id":"reply_99999999999"}"#,
            Other,
            None,
        );
        check(r#"{"code":7}"#, Other, None);
        check("[]", Other, None);
    }
}
