//! Ways in: sessions, one-time links, API keys, acting sessions, a business's own secrets.

use std::str::FromStr;

use prosaas_core::{AccountSid, Error, Result, TenantId, UnixMillis};

use super::check;
use super::id::{ActingId, ApiKeyId, PasskeyId, SessionId, UserId};
use crate::auth::{Permissions, SystemScope, TenantScope};

/// How long sessions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Without a request, in milliseconds.
    pub idle_ms: i64,
    /// At most, in milliseconds.
    pub absolute_ms: i64,
}

impl SessionRules {
    /// Twelve hours idle, thirty days at most.
    pub const STANDARD: Self = Self {
        idle_ms: 12 * 60 * 60 * 1000,
        absolute_ms: 30 * 24 * 60 * 60 * 1000,
    };
}

/// A session as its owner sees it in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// What the browser calls itself, cut to a line.
    pub user_agent: String,
    /// When he signed in.
    pub created_at: UnixMillis,
    /// When it was used last, to the minute.
    pub seen_at: UnixMillis,
    /// When it ends at the latest.
    pub expires_at: UnixMillis,
}

/// Who a session's cookie proved to be.
#[derive(Clone, Copy, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: SessionId,
    /// The user.
    pub user: UserId,
    /// The business he works in, as its member or acting for it.
    pub tenant: Option<TenantScope>,
    /// The installation, if he administers it and is not acting.
    pub system: Option<SystemScope>,
    /// The acting session, while there is one.
    pub acting: Option<ActingBanner>,
    /// Whether he has a second factor.
    pub has_second_factor: bool,
}

/// What the console shows all the time while an administrator acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActingBanner {
    /// The acting session.
    pub id: ActingId,
    /// For which business.
    pub tenant: TenantId,
    /// Until when.
    pub expires_at: UnixMillis,
}

/// An acting session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActingSession {
    /// Its id.
    pub id: ActingId,
    /// Who acts.
    pub admin: UserId,
    /// For whom.
    pub tenant: TenantId,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: UnixMillis,
    /// Until when at the latest.
    pub expires_at: UnixMillis,
    /// When it was ended before that.
    pub ended_at: Option<UnixMillis>,
}

/// A wish to act for a business, checked.
#[derive(Clone, Debug)]
pub struct NewActing {
    /// For whom.
    pub tenant: TenantId,
    /// Why: the business reads it.
    pub reason: String,
    /// For how long.
    pub minutes: u32,
}

impl NewActing {
    /// The shortest and the longest, in minutes.
    pub const MINUTES: (u32, u32) = (30, 60);

    /// Checks what was given.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn new(tenant: TenantId, reason: &str, minutes: u32) -> Result<Self> {
        let (least, most) = Self::MINUTES;
        Ok(Self {
            tenant,
            reason: check::line("reason", reason, 500)?,
            minutes: check::within("minutes", minutes, least, most)?,
        })
    }
}

/// What a one-time link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// A new password, within half an hour.
    PasswordReset,
    /// To join a business, within a week.
    Invitation,
    /// To become the installation's first administrator, within a day.
    FirstAdmin,
    /// The password was right; the second factor is still missing, for five minutes.
    SecondFactor,
}

impl LinkPurpose {
    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::Invitation => "invitation",
            Self::FirstAdmin => "first_admin",
            Self::SecondFactor => "second_factor",
        }
    }

    /// How long it works, in milliseconds.
    pub const fn lifetime_ms(self) -> i64 {
        const MINUTE: i64 = 60 * 1000;
        const DAY: i64 = 24 * 60 * MINUTE;
        match self {
            Self::PasswordReset => 30 * MINUTE,
            Self::Invitation => 7 * DAY,
            Self::FirstAdmin => DAY,
            Self::SecondFactor => 5 * MINUTE,
        }
    }
}

/// An API key as the list shows it: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyInfo {
    /// Its id.
    pub id: ApiKeyId,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Permissions,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
    /// When it was used last, to the minute.
    pub used_at: Option<UnixMillis>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
    /// Grows with every change.
    pub version: u64,
}

/// A new API key, checked.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scopes: Permissions,
    /// When it ends.
    pub expires_at: Option<UnixMillis>,
}

impl NewApiKey {
    /// Checks what was given.
    ///
    /// # Errors
    /// `Invalid` names the field: a key needs a name and a scope, and ends in the future if it ends.
    pub fn new(
        name: &str,
        scopes: Permissions,
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<Self> {
        if scopes.iter().next().is_none() {
            return Err(Error::invalid("scopes", "expected at least one"));
        }
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Error::invalid("expires_at", "expected a time to come"));
        }
        Ok(Self {
            name: check::line("name", name, check::MAX_NAME)?,
            scopes,
            expires_at,
        })
    }
}

/// A passkey as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyInfo {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// When it was registered.
    pub created_at: UnixMillis,
    /// When it was used last.
    pub used_at: Option<UnixMillis>,
}

/// The secrets a business may have of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// The auth token of its Twilio account.
    TwilioAuthToken,
    /// Its key to the model.
    OpenAiApiKey,
    /// Its token to its number at Meta.
    WhatsAppCloudToken,
}

impl SecretName {
    /// Every secret.
    pub const ALL: [Self; 3] = [
        Self::TwilioAuthToken,
        Self::OpenAiApiKey,
        Self::WhatsAppCloudToken,
    ];

    /// The word stored, and the column a sealed value is bound to.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwilioAuthToken => "twilio_auth_token",
            Self::OpenAiApiKey => "openai_api_key",
            Self::WhatsAppCloudToken => "whatsapp_cloud_token",
        }
    }
}

impl FromStr for SecretName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(
                    "secret",
                    "expected `twilio_auth_token`, `openai_api_key` or `whatsapp_cloud_token`",
                )
            })
    }
}

/// That a secret is there, and its last four characters: all that is ever shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHint {
    /// Which.
    pub name: SecretName,
    /// The last four characters.
    pub hint: String,
    /// Since when.
    pub updated_at: UnixMillis,
}

/// A business's own secrets, as its settings show them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretsOverview {
    /// Its Twilio account, which is no secret.
    pub twilio_account: Option<AccountSid>,
    /// The secrets that are set.
    pub set: Vec<SecretHint>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Permission;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn acting_takes_a_reason_and_ends_within_the_hour() {
        let tenant = TenantId::mint(NOW);
        assert!(NewActing::new(tenant, "ticket 17", 30).is_ok());
        for (reason, minutes) in [("", 30), ("ticket", 29), ("ticket", 61), ("a\nb", 30)] {
            assert!(NewActing::new(tenant, reason, minutes).is_err());
        }
    }

    #[test]
    fn a_key_needs_a_name_a_scope_and_a_future() {
        let scopes: Permissions = [Permission::LeadsRead].into_iter().collect();
        assert!(NewApiKey::new("n8n", scopes, Some(NOW.plus(1)), NOW).is_ok());
        assert!(NewApiKey::new("", scopes, None, NOW).is_err());
        assert!(NewApiKey::new("n8n", Permissions::default(), None, NOW).is_err());
        assert!(NewApiKey::new("n8n", scopes, Some(NOW), NOW).is_err());
    }

    #[test]
    fn secrets_parse_back() {
        for name in SecretName::ALL {
            assert_eq!(name.as_str().parse::<SecretName>().unwrap(), name);
        }
        assert!("master_key".parse::<SecretName>().is_err());
    }
}
