//! Leads as they are stored.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{CallId, E164, Error, LeadDraft, LeadId, TenantId, UnixMillis};

/// Where a lead came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeadSource {
    /// A phone call that the agent, or its fallback, answered.
    Call,
}

impl LeadSource {
    /// Every source.
    pub const ALL: [Self; 1] = [Self::Call];

    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
        }
    }
}

impl FromStr for LeadSource {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| Error::invalid("lead source", "expected `call`"))
    }
}

/// A lead of a business.
///
/// `Debug` masks the caller's number and says only which texts are known: a caller's words are not
/// for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// The business it belongs to.
    pub tenant: TenantId,
    /// The call that created it.
    pub call: CallId,
    /// The caller's number; `None` when it was withheld.
    pub caller: Option<E164>,
    /// Where it came from.
    pub source: LeadSource,
    /// What is known about the caller.
    pub known: LeadDraft,
    /// When it was stored first.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub updated_at: UnixMillis,
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = [
            ("name", self.known.name.is_some()),
            ("intent", self.known.intent.is_some()),
            ("summary", self.known.summary.is_some()),
            ("next_step", self.known.next_step.is_some()),
            ("notes", self.known.notes.is_some()),
        ];
        let known: Vec<_> = known
            .into_iter()
            .filter(|(_, is)| *is)
            .map(|(name, _)| name)
            .collect();
        f.debug_struct("Lead")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("call", &self.call)
            .field("caller", &self.caller)
            .field("source", &self.source)
            .field("known", &known)
            .field("created_at", &self.created_at)
            .field("updated_at", &self.updated_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_lead_shows_neither_number_nor_words() {
        let lead = Lead {
            id: LeadId::mint(UnixMillis(1)),
            tenant: TenantId::mint(UnixMillis(1)),
            call: CallId::mint(UnixMillis(1)),
            caller: Some(E164::parse("+972501234567").unwrap()),
            source: LeadSource::Call,
            known: LeadDraft {
                name: Some("Dana Levi".to_owned()),
                summary: Some("call back on 050-7654321".to_owned()),
                ..LeadDraft::default()
            },
            created_at: UnixMillis(1),
            updated_at: UnixMillis(1),
        };
        let printed = format!("{lead:?}");
        assert!(
            printed.contains(r#"known: ["name", "summary"]"#),
            "{printed}"
        );
        for secret in ["+972501234567", "Dana", "7654321"] {
            assert!(!printed.contains(secret), "{printed} holds {secret}");
        }
    }

    #[test]
    fn sources_parse_back() {
        for source in LeadSource::ALL {
            assert_eq!(source.as_str().parse::<LeadSource>().unwrap(), source);
        }
        assert!("fax".parse::<LeadSource>().is_err());
    }
}
