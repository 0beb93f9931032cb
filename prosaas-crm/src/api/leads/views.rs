//! Leads as the API shows and takes them.

use prosaas_core::{E164, LeadId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::kit::{ApiResult, Time, Versioned};
use crate::auth::{Actor, TenantScope};
use crate::model::check;
use crate::model::id::{BatchJobId, IdentityId, StageId, TagId, UserId};
use crate::model::identity::{Identity, NewIdentity};
use crate::model::lead::{LeadPatch, LeadSource, NewLead};
use crate::model::patch::{Patch, Replace, require_change};
use crate::model::phone::{PhoneRegion, parse_phone};
use crate::store::LeadDetails;

/// The longest text of a lead, in characters.
const MAX_TEXT: usize = 2_000;

/// A lead: a person the business knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lead {
    /// Its id.
    pub(super) id: LeadId,
    /// The name.
    name: Option<String>,
    /// The company.
    company: Option<String>,
    /// The first phone number, in E.164.
    phone: Option<E164>,
    /// The first e-mail address.
    email: Option<String>,
    /// What the person wants.
    intent: Option<String>,
    /// What it was about last.
    summary: Option<String>,
    /// What somebody should do next.
    next_step: Option<String>,
    /// Anything else.
    notes: Option<String>,
    /// The stage.
    stage_id: StageId,
    /// The member who looks after it.
    assignee_id: Option<UserId>,
    /// Where it came from, such as `call` or `import`.
    #[schema(example = "call")]
    source: &'static str,
    /// The fields that the business added.
    #[schema(value_type = Object)]
    custom: Map<String, Value>,
    /// The import it came from: the job that made it.
    import_id: Option<BatchJobId>,
    /// The lead it was merged into.
    merged_into: Option<LeadId>,
    /// When something last happened.
    active_at: Time,
    /// When it was created.
    created_at: Time,
    /// When it was changed last.
    updated_at: Time,
    /// Since when it is in the trash.
    deleted_at: Option<Time>,
    /// Grows with every change.
    version: u64,
}

impl Versioned for Lead {
    fn version(&self) -> u64 {
        self.version
    }
}

impl From<crate::model::lead::Lead> for Lead {
    fn from(lead: crate::model::lead::Lead) -> Self {
        Self {
            id: lead.id,
            name: lead.known.name,
            company: lead.company,
            phone: lead.phone,
            email: lead.email,
            intent: lead.known.intent,
            summary: lead.known.summary,
            next_step: lead.known.next_step,
            notes: lead.known.notes,
            stage_id: lead.stage,
            assignee_id: lead.assignee,
            source: lead.source.as_str(),
            custom: lead.custom,
            import_id: lead.import,
            merged_into: lead.merged_into,
            active_at: lead.active_at.into(),
            created_at: lead.created_at.into(),
            updated_at: lead.updated_at.into(),
            deleted_at: lead.deleted_at.map(Time::from),
            version: lead.version,
        }
    }
}

/// One of the ways a lead is recognised.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadIdentity {
    /// Its id.
    id: IdentityId,
    /// `e164`, `wa_lid`, `wa_bsuid`, `wa_username` or `email`.
    #[schema(example = "e164")]
    kind: &'static str,
    /// Its value.
    value: String,
    /// When it became known.
    created_at: Time,
}

impl From<Identity> for LeadIdentity {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id,
            kind: identity.identity.kind().as_str(),
            value: identity.identity.expose().to_owned(),
            created_at: identity.created_at.into(),
        }
    }
}

/// A lead with its identities and tags.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadWithDetails {
    /// The lead itself.
    #[serde(flatten)]
    pub(super) lead: Lead,
    /// How the person is recognised.
    pub(super) identities: Vec<LeadIdentity>,
    /// Its tags.
    pub(super) tags: Vec<TagId>,
}

impl Versioned for LeadWithDetails {
    fn version(&self) -> u64 {
        self.lead.version
    }
}

impl From<LeadDetails> for LeadWithDetails {
    fn from(details: LeadDetails) -> Self {
        let identities = details.identities.into_iter();
        Self {
            lead: details.lead.into(),
            identities: identities.map(LeadIdentity::from).collect(),
            tags: details.tags,
        }
    }
}

/// A lead to be created: at least a name, a number or an address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "דנה לוי", "notes": "Prefers mornings" }))]
pub(crate) struct CreateLead {
    /// The name.
    #[schema(max_length = 200)]
    name: Option<String>,
    /// The company.
    #[schema(max_length = 200)]
    company: Option<String>,
    /// A phone number, as people write it: national numbers are of the business's country.
    #[schema(example = "050-1234567", max_length = 64)]
    phone: Option<String>,
    /// An e-mail address.
    #[schema(example = "dana@example.com", max_length = 254)]
    email: Option<String>,
    /// What the person wants.
    #[schema(max_length = 2000)]
    intent: Option<String>,
    /// What somebody should do next.
    #[schema(max_length = 2000)]
    next_step: Option<String>,
    /// Anything else.
    #[schema(max_length = 2000)]
    notes: Option<String>,
    /// The stage; the first one when it is left out.
    stage_id: Option<StageId>,
    /// The member who looks after it.
    assignee_id: Option<UserId>,
    /// Its tags.
    #[serde(default)]
    #[schema(max_items = 50)]
    tags: Vec<TagId>,
    /// Fields that the business added.
    #[serde(default)]
    #[schema(value_type = Object)]
    custom: Map<String, Value>,
}

impl CreateLead {
    /// The new lead, its number read as one of this region.
    pub(super) fn parse(self, scope: &TenantScope, region: PhoneRegion) -> ApiResult<NewLead> {
        let mut identities = Vec::new();
        if let Some(text) = &self.phone {
            identities.push(NewIdentity::phone(&parse_phone(text, region)?));
        }
        if let Some(text) = &self.email {
            identities.push(NewIdentity::email(text)?);
        }
        let text =
            |field, value: Option<String>, max| check::optional(field, value.as_deref(), max);
        let source = match scope.actor() {
            Actor::ApiKey(_) => LeadSource::Api,
            _ => LeadSource::Manual,
        };
        Ok(NewLead {
            known: prosaas_core::LeadDraft {
                name: text("name", self.name, check::MAX_NAME)?,
                intent: text("intent", self.intent, MAX_TEXT)?,
                summary: None,
                next_step: text("next_step", self.next_step, MAX_TEXT)?,
                notes: text("notes", self.notes, MAX_TEXT)?,
            },
            company: self.company,
            identities,
            stage: self.stage_id,
            assignee: self.assignee_id,
            tags: self.tags,
            custom: self.custom,
            ..NewLead::of(source)
        })
    }
}

/// A change of a lead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "next_step": "Call back at four" }))]
pub(crate) struct UpdateLead {
    /// The name.
    #[serde(default)]
    name: Patch<String>,
    /// The company.
    #[serde(default)]
    company: Patch<String>,
    /// The first phone number; the one before is no identity of the person any more.
    #[serde(default)]
    phone: Patch<String>,
    /// The first e-mail address, likewise.
    #[serde(default)]
    email: Patch<String>,
    /// What the person wants.
    #[serde(default)]
    intent: Patch<String>,
    /// What it was about last.
    #[serde(default)]
    summary: Patch<String>,
    /// What somebody should do next.
    #[serde(default)]
    next_step: Patch<String>,
    /// Anything else.
    #[serde(default)]
    notes: Patch<String>,
    /// The stage.
    #[serde(default)]
    stage_id: Replace<StageId>,
    /// The member who looks after it.
    #[serde(default)]
    assignee_id: Patch<UserId>,
    /// All its tags.
    #[serde(default)]
    #[schema(value_type = Vec<TagId>, required = false)]
    tags: Replace<Vec<TagId>>,
    /// Fields that the business added; `null` removes one.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    custom: Replace<Map<String, Value>>,
}

impl UpdateLead {
    /// The patch, its number read as one of this region.
    pub(super) fn parse(self, region: PhoneRegion) -> ApiResult<LeadPatch> {
        let name = |field, value: Patch<String>| {
            value.try_map(|text| check::line(field, &text, check::MAX_NAME))
        };
        let text =
            |field, value: Patch<String>| value.try_map(|text| check::text(field, &text, MAX_TEXT));
        let patch = LeadPatch {
            name: name("name", self.name)?,
            company: name("company", self.company)?,
            phone: self.phone.try_map(|text| parse_phone(&text, region))?,
            email: self
                .email
                .try_map(|text| Ok(NewIdentity::email(&text)?.expose().to_owned()))?,
            intent: text("intent", self.intent)?,
            summary: text("summary", self.summary)?,
            next_step: text("next_step", self.next_step)?,
            notes: text("notes", self.notes)?,
            stage: self.stage_id,
            assignee: self.assignee_id,
            tags: self.tags,
            custom: self.custom,
        };
        require_change(&[
            patch.name.is_change(),
            patch.company.is_change(),
            patch.phone.is_change(),
            patch.email.is_change(),
            patch.intent.is_change(),
            patch.summary.is_change(),
            patch.next_step.is_change(),
            patch.notes.is_change(),
            patch.stage.is_change(),
            patch.assignee.is_change(),
            patch.tags.is_change(),
            patch.custom.is_change(),
        ])?;
        Ok(patch)
    }
}
