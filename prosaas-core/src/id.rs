//! Ids as types. Ours are UUIDv7 with a printed prefix; the carrier's are checked by prefix and length.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What `typed_id!` expands to needs these; nobody else does.
#[doc(hidden)]
pub mod expand {
    pub use serde::de::Error as DeError;
    pub use serde::{Deserialize, Deserializer, Serialize, Serializer};
    #[cfg(feature = "openapi")]
    pub use utoipa;
    pub use uuid::{Timestamp, Uuid};

    pub fn is_lower_hex(text: &str, digits: usize) -> bool {
        super::is_lower_hex(text, digits)
    }
}

/// Says how an id looks in an OpenAPI document; with the feature off, nothing.
///
/// A macro of its own, since a `cfg` within [`typed_id!`] would ask the features of the crate that uses it.
#[cfg(feature = "openapi")]
#[doc(hidden)]
#[macro_export]
macro_rules! __id_schema {
    ($name:ident, $prefix:literal) => {
        impl $crate::id::expand::utoipa::PartialSchema for $name {
            fn schema() -> $crate::id::expand::utoipa::openapi::RefOr<
                $crate::id::expand::utoipa::openapi::Schema,
            > {
                $crate::openapi::id_schema($prefix)
            }
        }

        impl $crate::id::expand::utoipa::ToSchema for $name {
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

/// Says how an id looks in an OpenAPI document; with the feature off, nothing.
#[cfg(not(feature = "openapi"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __id_schema {
    ($name:ident, $prefix:literal) => {};
}

/// Declares an id type over a UUIDv7: `typed_id! { /** what it names */ TaskId, "task" }`.
///
/// Ids of different kinds cannot be mixed up, and a printed one says what it names.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// Printed and parsed as the prefix, an underscore and 32 lower-case hex digits.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::id::expand::Uuid);

        impl $name {
            /// The printed prefix.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id, ordered by `now` (UUIDv7, RFC 9562: 48 bits of time, 74 random bits).
            pub fn mint(now: $crate::UnixMillis) -> Self {
                let millis = u64::try_from(now.0).unwrap_or(0);
                let at = $crate::id::expand::Timestamp::from_unix_time(
                    millis / 1000, ((millis % 1000) * 1_000_000) as u32, 0, 0);
                Self($crate::id::expand::Uuid::new_v7(at))
            }

            /// The id with exactly these bits; for rows read back and for fixed test data.
            pub const fn from_uuid(uuid: $crate::id::expand::Uuid) -> Self { Self(uuid) }

            /// The bits, as a database stores them.
            pub const fn uuid(self) -> $crate::id::expand::Uuid { self.0 }
        }

        impl From<$crate::id::expand::Uuid> for $name {
            fn from(uuid: $crate::id::expand::Uuid) -> Self { Self(uuid) }
        }

        impl From<$name> for $crate::id::expand::Uuid {
            fn from(id: $name) -> Self { id.0 }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { std::fmt::Display::fmt(self, f) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;
            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| $crate::id::expand::is_lower_hex(hex, 32))
                    .and_then(|hex| $crate::id::expand::Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| $crate::Error::invalid(
                        stringify!($name),
                        concat!("expected `", $prefix, "_` and 32 lower-case hex digits"),
                    ))
            }
        }

        $crate::__id_schema!($name, $prefix);

        impl $crate::id::expand::Serialize for $name {
            fn serialize<S: $crate::id::expand::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> $crate::id::expand::Deserialize<'de> for $name {
            fn deserialize<D: $crate::id::expand::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow::<'de, str> as $crate::id::expand::Deserialize>::deserialize(d)?;
                text.parse().map_err(<D::Error as $crate::id::expand::DeError>::custom)
            }
        }
    };
}

macro_rules! vendor_sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        ///
        /// Twilio's form: two capital letters and 32 hex digits.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as the carrier wrote it.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                match text.strip_prefix($prefix) {
                    Some(hex) if is_lower_hex(hex, 32) => Ok(Self(text.to_owned())),
                    _ => Err(Error::invalid(
                        stringify!($name),
                        concat!("expected `", $prefix, "` and 32 lower-case hex digits"),
                    )),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

typed_id! {
    /// A business that shares the installation: the tenant every stored row belongs to.
    TenantId, "ten"
}
typed_id! {
    /// One phone call, ours rather than the carrier's.
    CallId, "call"
}
typed_id! {
    /// A lead in a business's CRM.
    LeadId, "lead"
}

vendor_sid! {
    /// Twilio's id of a call.
    CallSid, "CA"
}
vendor_sid! {
    /// Twilio's id of an account or subaccount.
    AccountSid, "AC"
}
vendor_sid! {
    /// Twilio's id of a media stream.
    StreamSid, "MZ"
}
vendor_sid! {
    /// Twilio's id of a recording.
    RecordingSid, "RE"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnixMillis;

    #[test]
    fn ids_print_with_their_prefix_and_parse_back() {
        let id = CallId::mint(UnixMillis(1_700_000_000_000));
        assert_eq!(id.to_string().parse::<CallId>().unwrap(), id);
        assert!(id.to_string().starts_with("call_"));
    }

    #[test]
    fn ids_of_another_kind_do_not_parse() {
        let tenant = TenantId::mint(UnixMillis(0)).to_string();
        assert!(tenant.parse::<CallId>().is_err());
        assert!(tenant.to_uppercase().parse::<TenantId>().is_err());
    }

    #[test]
    fn later_ids_sort_later() {
        assert!(LeadId::mint(UnixMillis(1)) < LeadId::mint(UnixMillis(2)));
    }

    #[test]
    fn sids_check_prefix_length_and_digits() {
        let good = format!("CA{}", "0".repeat(32));
        assert_eq!(good.parse::<CallSid>().unwrap().as_str(), good);
        for bad in [
            "",
            "CA1",
            &format!("MZ{}", "0".repeat(32)),
            &format!("CA{}", "g".repeat(32)),
        ] {
            assert!(bad.parse::<CallSid>().is_err(), "{bad} must not parse");
        }
    }
}
