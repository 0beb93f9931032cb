//! What a rung's errors say about the rung.

use prosaas_core::leg::{AiError, AiErrorKind};

/// Why a model or account cannot serve, as far as that says how long it will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The key is refused: wrong, withdrawn, or without permission. Somebody has to change it.
    Key,
    /// The account has used up what it paid for. Somebody has to pay.
    Quota,
    /// The model is not offered any more, or not to this account. Somebody has to name another one.
    RetiredModel,
    /// Too many requests, or the vendor is overloaded. Passes by itself.
    Overload,
    /// No connection, none in time, or one that says nothing. Passes by itself.
    Unreachable,
}

/// The vendor's codes for an account without money. They come as an [`AiErrorKind::Account`] too.
const QUOTA: [&str; 3] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
];
const RETIRED: [&str; 4] = [
    "model_not_found",
    "model_deprecated",
    "model_not_available",
    "http_404",
];

impl Trouble {
    /// What the error says about its rung; `None` when it is about one reply or command only.
    pub fn of(error: &AiError) -> Option<Self> {
        let code = error.code.as_str();
        match error.kind {
            _ if QUOTA.contains(&code) => Some(Self::Quota),
            _ if RETIRED.contains(&code) => Some(Self::RetiredModel),
            AiErrorKind::Account => Some(Self::Key),
            AiErrorKind::RateLimited => Some(Self::Overload),
            // A handshake refused with 500 to 599.
            AiErrorKind::Connect if code.starts_with("http_5") => Some(Self::Overload),
            AiErrorKind::Connect => Some(Self::Unreachable),
            AiErrorKind::ReplyActive
            | AiErrorKind::NothingToCancel
            | AiErrorKind::TruncateRefused
            | AiErrorKind::SessionExpired
            | AiErrorKind::Other => None,
        }
    }

    /// Whether only somebody's hand ends it.
    pub const fn needs_somebody(self) -> bool {
        matches!(self, Self::Key | Self::Quota | Self::RetiredModel)
    }

    /// Whether it is about the key that was used rather than about the way to the model.
    pub const fn is_of_the_key(self) -> bool {
        matches!(self, Self::Key | Self::Quota | Self::Overload)
    }

    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Quota => "quota",
            Self::RetiredModel => "retired_model",
            Self::Overload => "overload",
            Self::Unreachable => "unreachable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_ends_them() {
        use AiErrorKind::{Account, Connect, Other, RateLimited, ReplyActive};
        for (kind, code, trouble) in [
            (Account, "invalid_api_key", Some(Trouble::Key)),
            (Account, "http_401", Some(Trouble::Key)),
            (Account, "no_api_key", Some(Trouble::Key)),
            (Account, "insufficient_quota", Some(Trouble::Quota)),
            (Account, "model_not_found", Some(Trouble::RetiredModel)),
            (Connect, "http_404", Some(Trouble::RetiredModel)),
            (RateLimited, "http_429", Some(Trouble::Overload)),
            (Connect, "http_503", Some(Trouble::Overload)),
            (Connect, "timeout", Some(Trouble::Unreachable)),
            (Connect, "io", Some(Trouble::Unreachable)),
            (ReplyActive, "", None),
            (Other, "strange", None),
        ] {
            let error = AiError {
                kind,
                code: code.to_owned(),
                message: String::new(),
                request: None,
            };
            assert_eq!(Trouble::of(&error), trouble, "{kind:?} {code}");
        }
    }
}
