//! What went wrong, in terms of what the caller can do about it.

use std::time::Duration;

/// The result of an operation on a ProSaaS trait.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error named by what happened to the caller's request.
///
/// Retry policy and HTTP status read only [`Error::class`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The thing does not exist, or belongs to another tenant: the two cannot be told apart.
    #[error("{what} was not found")]
    NotFound {
        /// The kind of thing, such as `call`.
        what: &'static str,
    },
    /// The request contradicts what is stored.
    #[error("{what}: {detail}")]
    Conflict {
        /// The kind of thing in conflict.
        what: &'static str,
        /// What is in its way.
        detail: String,
    },
    /// The request is understood and not allowed.
    #[error("not allowed: {detail}")]
    Forbidden {
        /// Which rule forbids it.
        detail: String,
    },
    /// A value does not have the form it must have. Never holds the value itself.
    #[error("{field} is not valid: {expected}")]
    Invalid {
        /// The field or type.
        field: &'static str,
        /// What was expected instead.
        expected: String,
    },
    /// Too many requests; the same request may succeed later.
    #[error("too many requests; try again in {} ms", retry_after.as_millis())]
    RateLimited {
        /// How long to wait at least.
        retry_after: Duration,
    },
    /// Something we depend on did not answer; the same request may succeed later.
    #[error("{what} is not available")]
    Unavailable {
        /// What did not answer, such as `database`.
        what: &'static str,
        /// Its own error.
        #[source]
        source: Source,
    },
    /// A bug or a broken invariant on our side.
    #[error("internal error in {what}")]
    Internal {
        /// Where it happened.
        what: &'static str,
        /// The error that was not expected.
        #[source]
        source: Source,
    },
}

/// The six things a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Look elsewhere (HTTP 404).
    NotFound,
    /// Read again, then decide (HTTP 409).
    Conflict,
    /// Stop (HTTP 403).
    Forbidden,
    /// Mend the request (HTTP 400).
    Invalid,
    /// Wait and try again (HTTP 429 and 503).
    Retry,
    /// Report it (HTTP 500).
    Internal,
}

impl Error {
    /// What the caller can do.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotFound { .. } => ErrorClass::NotFound,
            Self::Conflict { .. } => ErrorClass::Conflict,
            Self::Forbidden { .. } => ErrorClass::Forbidden,
            Self::Invalid { .. } => ErrorClass::Invalid,
            Self::RateLimited { .. } | Self::Unavailable { .. } => ErrorClass::Retry,
            Self::Internal { .. } => ErrorClass::Internal,
        }
    }

    /// A value that does not have its form; `expected` must not repeat the value.
    pub fn invalid(field: &'static str, expected: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            expected: expected.into(),
        }
    }

    /// Something we depend on did not answer.
    pub fn unavailable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable {
            what,
            source: source.into(),
        }
    }

    /// A bug or a broken invariant.
    pub fn internal(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Internal {
            what,
            source: source.into(),
        }
    }

    /// The error and its causes in one line, for a log.
    pub fn chain(&self) -> String {
        use std::fmt::Write;
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let _ = write!(line, ": {error}");
            cause = error.source();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_class_and_a_sentence() {
        let error = Error::unavailable("database", "connection refused");
        assert_eq!(error.class(), ErrorClass::Retry);
        assert_eq!(error.to_string(), "database is not available");
        assert_eq!(
            error.chain(),
            "database is not available: connection refused"
        );
        assert_eq!(
            Error::NotFound { what: "call" }.class(),
            ErrorClass::NotFound
        );
    }
}
