//! A business (tenant) as a call needs it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::TenantId;
use crate::phone::E164;
use crate::secret::SecretString;

/// The language a business speaks with its callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Hebrew, the default.
    #[default]
    He,
    /// English.
    En,
}

impl Language {
    /// The ISO 639-1 code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::He => "he",
            Self::En => "en",
        }
    }
}

impl std::str::FromStr for Language {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "he" => Ok(Self::He),
            "en" => Ok(Self::En),
            _ => Err(Error::invalid("language", "expected `he` or `en`")),
        }
    }
}

/// Somebody a call may be transferred to. The model may only name the `label`; the number comes from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferTarget {
    /// What the model calls this target, such as `sales`; unique within the business.
    pub label: String,
    /// Where the call goes.
    pub number: E164,
}

/// How the agent speaks for a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceProfile {
    /// The business's own instructions to the agent, in any language.
    pub instructions: String,
    /// The first sentence the caller hears.
    pub greeting: String,
    /// The model's voice, such as `alloy`; free text because vendors add voices.
    pub voice: String,
}

/// Bounds of one call. The model cannot change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLimits {
    /// The longest a call may last, in seconds.
    pub max_call_s: u32,
    /// How long nobody may say anything before the agent asks whether the caller is there, in seconds.
    pub idle_s: u32,
    /// How many calls of this business may be live at once.
    pub max_live_calls: u32,
}

/// A business: who it is and how its phone is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// The tenant.
    pub id: TenantId,
    /// The name callers know.
    pub name: String,
    /// The language of greeting, fallback and summary.
    pub language: Language,
    /// How the agent speaks.
    pub voice: VoiceProfile,
    /// Bounds of one call.
    pub limits: CallLimits,
    /// Whom a call may be transferred to, in the order they are offered.
    pub transfer: Vec<TransferTarget>,
    /// Whether calls are recorded.
    pub record_calls: bool,
}

/// Secrets of one business. Absent ones fall back to the installation's.
#[derive(Clone, Debug, Default)]
pub struct BusinessSecrets {
    /// The auth token of the business's own Twilio account.
    pub twilio_auth_token: Option<SecretString>,
    /// The business's own model key.
    pub openai_api_key: Option<SecretString>,
}
