//! Leads out into a file: page by page of the list's own index, nothing held between two pages.

use std::collections::{HashMap, HashSet};

use prosaas_core::{Error, Language, LeadId, Result};
use serde_json::json;

use super::{change, id_list, list};
use crate::auth::{Permission, TenantScope};
use crate::model::id::{StageId, TagId, UserId};
use crate::model::lead::Lead;
use crate::model::lead_list::{Assigned, LeadFilter, LeadKey, LeadList};
use crate::model::wall::Zone;
use crate::store::CrmStore;
use crate::store::batches;
use crate::store::db::{Change, Row, Sql, TenantTx, args};

/// The leads of one page.
const PAGE: u32 = 1_000;

const BUSINESS: Sql = Sql::both("SELECT language, time_zone FROM businesses WHERE tenant_id = $1");
const FIELDS: Sql = Sql::both(
    "SELECT key, label FROM custom_fields WHERE tenant_id = $1 ORDER BY position, id LIMIT 1000",
);
const TAG: Sql = Sql::both("SELECT 1 AS found FROM tags WHERE tenant_id = $1 AND id = $2");
const STAGES: Sql = Sql::both("SELECT id, name FROM stages WHERE tenant_id = $1");
const TAGS: Sql = Sql::both("SELECT id, name FROM tags WHERE tenant_id = $1");
const MEMBERS: Sql = Sql::both(
    "SELECT users.id, users.name FROM memberships JOIN users ON users.id = memberships.user_id
     WHERE memberships.tenant_id = $1",
);
const TAGS_OF: Sql = Sql::split(
    "SELECT lead_id, tag_id FROM lead_tags
     WHERE tenant_id = $1 AND lead_id IN (SELECT unhex(value) FROM json_each($2))
     ORDER BY lead_id, tag_id",
    "SELECT lead_id, tag_id FROM lead_tags
     WHERE tenant_id = $1 AND lead_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($2) AS value))
     ORDER BY lead_id, tag_id",
);

/// What is the same for all rows of an export.
#[derive(Clone, Debug)]
pub struct ExportSheet {
    /// The language of the business.
    pub language: Language,
    /// Where its clocks stand.
    pub zone: Zone,
    /// The fields it added to its leads: their keys and what people read.
    pub fields: Vec<(String, String)>,
}

/// A lead as it is exported.
#[derive(Clone, Debug)]
pub struct ExportedLead {
    /// The lead.
    pub lead: Lead,
    /// The name of its stage.
    pub stage: String,
    /// The name of who looks after it; empty when nobody does.
    pub assignee: String,
    /// The names of its tags.
    pub tags: Vec<String>,
}

/// A page of an export.
#[derive(Clone, Debug)]
pub struct ExportPage {
    /// The leads; there may be none although the export goes on.
    pub leads: Vec<ExportedLead>,
    /// Behind which key the next page begins; `None` when this is the last one.
    pub next: Option<LeadKey>,
}

impl CrmStore {
    /// Begins an export of the leads of a list: noted in the audit log, with what it was narrowed by.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when the filter names what the business does not have.
    pub async fn begin_export(&self, scope: &TenantScope, list: &LeadList) -> Result<ExportSheet> {
        scope.require(Permission::LeadsExport)?;
        let mut tx = self.write(scope).await?;
        require_named(&mut tx, &list.filter).await?;
        let business = tx.fetch_one(&BUSINESS, args![], "business").await?;
        let fields = tx.fetch_all(&FIELDS, args![]).await?;
        let field = |row: &Row| Ok((row.get("key")?, row.get("label")?));
        let sheet = ExportSheet {
            language: business.parse("language")?,
            zone: business.parse("time_zone")?,
            fields: fields.iter().map(field).collect::<Result<_>>()?,
        };
        let change = Change::new("lead.exported", "business", tx.tenant());
        tx.record(change.detail(narrowed_by(&list.filter)).without_event());
        tx.commit().await?;
        Ok(sheet)
    }

    /// The page of an export that begins behind `list.after`; its limit is not looked at.
    ///
    /// # Errors
    /// `Forbidden` without the right, also when whoever asked has lost it since the export began.
    pub async fn export_page(&self, scope: &TenantScope, list: &LeadList) -> Result<ExportPage> {
        scope.require(Permission::LeadsExport)?;
        let mut tx = self.read(scope).await?;
        if !batches::may_still(&mut tx, self.now(), Permission::LeadsExport).await? {
            return Err(Error::Forbidden {
                detail: "whoever asked may not export leads any more".to_owned(),
            });
        }
        let page = match &list.filter.query {
            Some(query) => list::found(&mut tx, list, query).await?,
            None => list::walked(&mut tx, list, PAGE).await?,
        };
        let ids: Vec<_> = page.leads.iter().map(|lead| lead.id).collect();
        let names = Names::read(&mut tx).await?;
        let mut tags = tags_of(&mut tx, &ids).await?;
        let exported = |lead: Lead| {
            let of_lead = tags.remove(&lead.id).unwrap_or_default();
            names.exported(lead, &of_lead)
        };
        let leads = page.leads.into_iter().map(exported).collect();
        let next = page.next;
        Ok(ExportPage { leads, next })
    }
}

/// Passes when what a filter names is there: an empty file would say that nobody is in that stage.
async fn require_named(tx: &mut TenantTx, filter: &LeadFilter) -> Result<()> {
    if let Some(stage) = filter.stage {
        change::require_stage(tx, stage).await?;
    }
    if let Some(tag) = filter.tag {
        tx.require(&TAG, args![tag.uuid()], "tag").await?;
    }
    let assignee = match filter.assigned {
        Some(Assigned::To(user)) => Some(user),
        Some(Assigned::Nobody) | None => None,
    };
    change::require_known_member(tx, assignee).await
}

/// Which parts of a filter were set; what was searched for may be a person's name or number.
fn narrowed_by(filter: &LeadFilter) -> serde_json::Value {
    json!({
        "stage_id": filter.stage,
        "tag_id": filter.tag,
        "is_assigned": filter.assigned.is_some(),
        "source": filter.source.map(crate::model::lead::LeadSource::as_str),
        "has_query": filter.query.is_some(),
    })
}

async fn tags_of(tx: &mut TenantTx, leads: &[LeadId]) -> Result<HashMap<LeadId, HashSet<TagId>>> {
    let mut tags: HashMap<LeadId, HashSet<TagId>> = HashMap::new();
    if leads.is_empty() {
        return Ok(tags);
    }
    for row in tx.fetch_all(&TAGS_OF, args![id_list(leads)]).await? {
        let of_lead = tags.entry(row.id("lead_id")?).or_default();
        of_lead.insert(row.id("tag_id")?);
    }
    Ok(tags)
}

/// What ids are called.
struct Names {
    stages: HashMap<StageId, String>,
    tags: HashMap<TagId, String>,
    members: HashMap<UserId, String>,
}

impl Names {
    async fn read(tx: &mut TenantTx) -> Result<Self> {
        Ok(Self {
            stages: names(&tx.fetch_all(&STAGES, args![]).await?)?,
            tags: names(&tx.fetch_all(&TAGS, args![]).await?)?,
            members: names(&tx.fetch_all(&MEMBERS, args![]).await?)?,
        })
    }

    fn exported(&self, lead: Lead, tags: &HashSet<TagId>) -> ExportedLead {
        let stage = self.stages.get(&lead.stage).cloned().unwrap_or_default();
        let assignee = lead.assignee.and_then(|user| self.members.get(&user));
        let mut tags: Vec<_> = tags.iter().filter_map(|tag| self.tags.get(tag)).collect();
        tags.sort_unstable();
        ExportedLead {
            stage,
            assignee: assignee.cloned().unwrap_or_default(),
            tags: tags.into_iter().cloned().collect(),
            lead,
        }
    }
}

fn names<K: From<uuid::Uuid> + Eq + std::hash::Hash>(rows: &[Row]) -> Result<HashMap<K, String>> {
    let name = |row: &Row| Ok((row.id("id")?, row.get("name")?));
    rows.iter().map(name).collect()
}
