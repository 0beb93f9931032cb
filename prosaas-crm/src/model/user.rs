//! People who sign in, and what they are in a business.

use std::str::FromStr;

use prosaas_core::{E164, Error, Language, Result, TenantId, UnixMillis};

use super::check;
use super::email::EmailAddress;
use super::id::UserId;
use crate::auth::Role;

/// Declares an enum stored as words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $what:literal { $($(#[$case:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$case])* $variant,)+
        }

        impl $name {
            /// The word stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Error::invalid($what, concat!("expected one of", $(" `", $word, "`"),+))),
                }
            }
        }
    };
}

words! {
    /// Whether a user may sign in at all.
    UserStatus, "user status" {
        /// Was invited and has no password yet.
        Invited = "invited",
        /// May sign in.
        Active = "active",
        /// May not.
        Suspended = "suspended",
    }
}

words! {
    /// What a membership is worth.
    MemberStatus, "member status" {
        /// Was invited and has not come yet.
        Invited = "invited",
        /// May work in the business.
        Active = "active",
        /// May not, until made active again.
        Suspended = "suspended",
    }
}

/// A user of the installation. His address prints masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// His id.
    pub id: UserId,
    /// His address, with which he signs in.
    pub email: EmailAddress,
    /// His name.
    pub name: String,
    /// The language of his console and mail.
    pub language: Language,
    /// Whether he administers the installation.
    pub system_admin: bool,
    /// Whether he may sign in.
    pub status: UserStatus,
    /// Whether an authenticator app or a passkey is registered.
    pub has_second_factor: bool,
    /// When he was added.
    pub created_at: UnixMillis,
    /// Grows with every change.
    pub version: u64,
}

/// A new account of the installation, checked.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The address.
    pub email: EmailAddress,
    /// The name.
    pub name: String,
    /// The language.
    pub language: Language,
}

impl NewUser {
    /// Checks what was given.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn new(email: &str, name: &str, language: Language) -> Result<Self> {
        Ok(Self {
            email: EmailAddress::parse(email)?,
            name: check::line("name", name, check::MAX_NAME)?,
            language,
        })
    }
}

/// A member of a business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// His address.
    pub email: EmailAddress,
    /// His name.
    pub name: String,
    /// His language.
    pub language: Language,
    /// What he may do.
    pub role: Role,
    /// Whether he may.
    pub status: MemberStatus,
    /// Whether an authenticator app or a passkey is registered.
    pub has_second_factor: bool,
    /// A phone of his own, on which he takes calls of the business over.
    pub own_phone: Option<E164>,
    /// Since when.
    pub created_at: UnixMillis,
    /// Grows with every change.
    pub version: u64,
}

/// A business a user may work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserBusiness {
    /// The business.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// What he may do there.
    pub role: Role,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_parse_back() {
        for status in [
            UserStatus::Invited,
            UserStatus::Active,
            UserStatus::Suspended,
        ] {
            assert_eq!(status.as_str().parse::<UserStatus>().unwrap(), status);
        }
        assert!("removed".parse::<MemberStatus>().is_err());
    }

    #[test]
    fn a_new_user_needs_a_name_and_an_address() {
        assert!(NewUser::new("dana@example.com", "דנה", Language::He).is_ok());
        assert!(NewUser::new("dana@example.com", " ", Language::He).is_err());
        assert!(NewUser::new("dana", "Dana", Language::He).is_err());
    }
}
