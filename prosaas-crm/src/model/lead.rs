//! Leads: the people a business knows.
//!
//! A lead is a person, not a call: one who calls again, writes by WhatsApp or is imported twice stays
//! one lead, recognised by his identities ([`crate::model::identity`]).

use std::fmt;
use std::str::FromStr;

use prosaas_core::{E164, Error, LeadDraft, LeadId, Result, TenantId, UnixMillis};
use serde_json::{Map, Value};

use super::check;
use super::id::{BatchJobId, StageId, TagId, UserId};
use super::identity::NewIdentity;
use super::patch::{Patch, Replace};

/// Where a lead came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeadSource {
    /// A phone call that the agent, or its fallback, answered.
    Call,
    /// A message by WhatsApp.
    WhatsApp,
    /// Somebody typed it in.
    Manual,
    /// Another program, with an API key.
    Api,
    /// A file.
    Import,
}

impl LeadSource {
    /// Every source.
    pub const ALL: [Self; 5] = [
        Self::Call,
        Self::WhatsApp,
        Self::Manual,
        Self::Api,
        Self::Import,
    ];

    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::WhatsApp => "whatsapp",
            Self::Manual => "manual",
            Self::Api => "api",
            Self::Import => "import",
        }
    }
}

impl FromStr for LeadSource {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| Error::invalid("source", "expected a source such as `call`"))
    }
}

/// A lead of a business.
///
/// `Debug` masks the number and says only which texts are known: a person's words are not for logs.
#[derive(Clone, PartialEq)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// The business it belongs to.
    pub tenant: TenantId,
    /// Where it came from.
    pub source: LeadSource,
    /// The stage it is in.
    pub stage: StageId,
    /// The member who looks after it.
    pub assignee: Option<UserId>,
    /// The company, if the person belongs to one.
    pub company: Option<String>,
    /// The first phone number.
    pub phone: Option<E164>,
    /// The first e-mail address.
    pub email: Option<String>,
    /// Name, wish and what else is known about the person.
    pub known: LeadDraft,
    /// The fields that the business added, by their keys.
    pub custom: Map<String, Value>,
    /// The import it came from.
    pub import: Option<BatchJobId>,
    /// The lead it was merged into; such a one is deleted.
    pub merged_into: Option<LeadId>,
    /// When something last happened.
    pub active_at: UnixMillis,
    /// When it was stored first.
    pub created_at: UnixMillis,
    /// When it was changed last.
    pub updated_at: UnixMillis,
    /// Since when it is in the trash.
    pub deleted_at: Option<UnixMillis>,
    /// Grows with every change.
    pub version: u64,
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("source", &self.source)
            .field("stage", &self.stage)
            .field("phone", &self.phone)
            .field("known", &known_fields(&self.known))
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn known_fields(known: &LeadDraft) -> Vec<&'static str> {
    [
        ("name", known.name.is_some()),
        ("intent", known.intent.is_some()),
        ("summary", known.summary.is_some()),
        ("next_step", known.next_step.is_some()),
        ("notes", known.notes.is_some()),
    ]
    .into_iter()
    .filter(|(_, is)| *is)
    .map(|(name, _)| name)
    .collect()
}

/// A lead about to be created.
#[derive(Clone)]
pub struct NewLead {
    /// Where it comes from.
    pub source: LeadSource,
    /// What is known about the person.
    pub known: LeadDraft,
    /// The company.
    pub company: Option<String>,
    /// How the person is recognised; the first number and address are shown in lists.
    pub identities: Vec<NewIdentity>,
    /// The stage; the business's first one when there is none.
    pub stage: Option<StageId>,
    /// Who looks after it.
    pub assignee: Option<UserId>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Fields that the business added.
    pub custom: Map<String, Value>,
}

impl NewLead {
    /// The most identities of one lead.
    pub const MAX_IDENTITIES: usize = 20;
    /// The most tags of one lead.
    pub const MAX_TAGS: usize = 50;

    /// A lead about which nothing is known yet.
    pub fn of(source: LeadSource) -> Self {
        Self {
            source,
            known: LeadDraft::default(),
            company: None,
            identities: Vec::new(),
            stage: None,
            assignee: None,
            tags: Vec::new(),
            custom: Map::new(),
        }
    }

    /// The lead with its texts cleaned.
    ///
    /// # Errors
    /// `Invalid` when there are too many identities or tags, or neither a name nor an identity: nobody
    /// could find such a lead again. A lead of a call may be one nonetheless, and is not checked here.
    pub fn checked(mut self) -> Result<Self> {
        check::at_most("identities", &self.identities, Self::MAX_IDENTITIES)?;
        check::at_most("tags", &self.tags, Self::MAX_TAGS)?;
        self.known = self.known.cleaned();
        self.company = check::optional("company", self.company.as_deref(), check::MAX_NAME)?;
        if self.known.name.is_none() && self.identities.is_empty() {
            return Err(Error::invalid(
                "name",
                "expected a name, a phone number or an e-mail address",
            ));
        }
        Ok(self)
    }
}

/// As [`Lead`]: no number and no words.
impl fmt::Debug for NewLead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewLead")
            .field("source", &self.source)
            .field("known", &known_fields(&self.known))
            .finish_non_exhaustive()
    }
}

/// A change of a lead. Absent fields stay as they are.
#[derive(Clone, Default)]
pub struct LeadPatch {
    /// The name.
    pub name: Patch<String>,
    /// The company.
    pub company: Patch<String>,
    /// The first number: the old one is no identity of the person any more.
    pub phone: Patch<E164>,
    /// The first address, likewise.
    pub email: Patch<String>,
    /// What the person wants.
    pub intent: Patch<String>,
    /// The summary.
    pub summary: Patch<String>,
    /// What somebody should do next.
    pub next_step: Patch<String>,
    /// Anything else.
    pub notes: Patch<String>,
    /// The stage.
    pub stage: Replace<StageId>,
    /// Who looks after it.
    pub assignee: Patch<UserId>,
    /// All its tags.
    pub tags: Replace<Vec<TagId>>,
    /// Added fields: `null` removes one.
    pub custom: Replace<Map<String, Value>>,
}

impl LeadPatch {
    /// `lead` after the patch, as far as its own row holds it.
    #[must_use]
    pub fn apply(&self, lead: Lead) -> Lead {
        let patch = self.clone();
        let known = LeadDraft {
            name: patch.name.apply(lead.known.name),
            intent: patch.intent.apply(lead.known.intent),
            summary: patch.summary.apply(lead.known.summary),
            next_step: patch.next_step.apply(lead.known.next_step),
            notes: patch.notes.apply(lead.known.notes),
        };
        let mut custom = lead.custom;
        for (key, value) in patch.custom.0.unwrap_or_default() {
            if value.is_null() {
                custom.remove(&key);
            } else {
                custom.insert(key, value);
            }
        }
        Lead {
            known: known.cleaned(),
            company: patch.company.apply(lead.company),
            phone: patch.phone.apply(lead.phone),
            email: patch.email.apply(lead.email),
            stage: patch.stage.apply(lead.stage),
            assignee: patch.assignee.apply(lead.assignee),
            custom,
            ..lead
        }
    }
}

/// As [`Lead`]: no number and no words.
impl fmt::Debug for LeadPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeadPatch")
            .field("stage", &self.stage)
            .field("assignee", &self.assignee)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead() -> Lead {
        let at = UnixMillis(1);
        Lead {
            id: LeadId::mint(at),
            tenant: TenantId::mint(at),
            source: LeadSource::Call,
            stage: StageId::mint(at),
            assignee: None,
            company: None,
            phone: Some(E164::parse("+972501234567").unwrap()),
            email: Some("dana@example.com".to_owned()),
            known: LeadDraft {
                name: Some("Dana Levi".to_owned()),
                summary: Some("call back on 050-7654321".to_owned()),
                ..LeadDraft::default()
            },
            custom: Map::new(),
            import: None,
            merged_into: None,
            active_at: at,
            created_at: at,
            updated_at: at,
            deleted_at: None,
            version: 1,
        }
    }

    #[test]
    fn printing_a_lead_shows_neither_number_nor_words() {
        let printed = format!("{:?}", lead());
        assert!(
            printed.contains(r#"known: ["name", "summary"]"#),
            "{printed}"
        );
        for secret in ["+972501234567", "Dana", "7654321", "example.com"] {
            assert!(!printed.contains(secret), "{printed} holds {secret}");
        }
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut patch = LeadPatch {
            name: Patch::Set(" Noa ".to_owned()),
            summary: Patch::Clear,
            ..LeadPatch::default()
        };
        let field = |value: Value| Map::from_iter([("size".to_owned(), value)]);
        patch.custom = Replace(Some(field(Value::from(7))));
        let patched = patch.apply(lead());
        assert_eq!(patched.known.name.as_deref(), Some("Noa"));
        assert_eq!((patched.known.summary, patched.email), (None, lead().email));
        assert_eq!(patched.custom, field(Value::from(7)));
        patch.custom = Replace(Some(field(Value::Null)));
        let with_field = Lead {
            custom: field(Value::from(7)),
            ..lead()
        };
        assert!(patch.apply(with_field).custom.is_empty());
    }

    #[test]
    fn a_lead_that_nobody_could_find_is_refused() {
        assert!(NewLead::of(LeadSource::Manual).checked().is_err());
        let named = NewLead {
            known: lead().known,
            ..NewLead::of(LeadSource::Manual)
        };
        assert!(named.checked().is_ok());
    }

    #[test]
    fn sources_parse_back() {
        for source in LeadSource::ALL {
            assert_eq!(source.as_str().parse::<LeadSource>().unwrap(), source);
        }
        assert!("fax".parse::<LeadSource>().is_err());
    }
}
