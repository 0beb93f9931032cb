//! The timeline of a lead: appended to in the transaction in which something happens, read in pages.

use prosaas_core::{LeadId, Result, UnixMillis};
use serde_json::{Value, json};

use super::rows::{below, require_lead};
use crate::auth::TenantScope;
use crate::model::id::TimelineId;
use crate::model::page::Page;
use crate::model::timeline::{TimelineEntry, TimelineKind};
use crate::store::CrmStore;
use crate::store::db::{Json, Row, Sql, TenantTx, args};

const APPEND: Sql = Sql::both(
    "INSERT INTO timeline_events (tenant_id, id, lead_id, at, kind, ref_id, data, actor_kind, actor_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const TOUCH: Sql = Sql::both(
    "UPDATE leads SET active_at = $3 WHERE tenant_id = $1 AND id = $2 AND active_at < $3",
);
const PAGE: Sql = Sql::both(
    "SELECT * FROM timeline_events
     WHERE tenant_id = $1 AND lead_id = $2 AND (at, id) < ($3, $4)
     ORDER BY at DESC, id DESC LIMIT $5",
);

/// Something that happened to a lead.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    lead: LeadId,
    at: UnixMillis,
    kind: TimelineKind,
    about: Option<String>,
    data: Value,
    is_contacts: bool,
}

impl Happening {
    pub(crate) fn new(lead: LeadId, at: UnixMillis, kind: TimelineKind) -> Self {
        Self {
            lead,
            at,
            kind,
            about: None,
            data: json!({}),
            is_contacts: false,
        }
    }

    /// It was the lead himself who did it.
    pub(crate) const fn by_contact(mut self) -> Self {
        self.is_contacts = true;
        self
    }

    /// What it is about, printed as the API prints its id.
    pub(crate) fn about(mut self, id: impl std::fmt::Display) -> Self {
        self.about = Some(id.to_string());
        self
    }

    /// What the timeline shows beside it.
    pub(crate) fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

/// Adds it to the lead's timeline; the lead was active then.
pub(crate) async fn append(tx: &mut TenantTx, happening: Happening) -> Result<()> {
    let (lead, at) = (happening.lead, happening.at);
    let (kind, actor) = match tx.actor() {
        _ if happening.is_contacts => ("contact", None),
        actor => (actor.kind(), actor.id()),
    };
    let values = args![
        TimelineId::mint(at).uuid(),
        lead.uuid(),
        at,
        happening.kind.as_str(),
        happening.about,
        Json(happening.data),
        kind,
        actor,
    ];
    tx.execute(&APPEND, values).await?;
    tx.execute(&TOUCH, args![lead.uuid(), at]).await.map(drop)
}

impl CrmStore {
    /// What happened to a lead, the newest first.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn timeline(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        page: Page<TimelineId>,
    ) -> Result<Vec<TimelineEntry>> {
        let mut tx = self.read(scope).await?;
        require_lead(&mut tx, Some(lead)).await?;
        let (at, id) = below(&page);
        let values = args![lead.uuid(), at, id, page.capped_limit()];
        let rows = tx.fetch_all(&PAGE, values).await?;
        rows.iter().map(read_entry).collect()
    }
}

fn read_entry(row: &Row) -> Result<TimelineEntry> {
    Ok(TimelineEntry {
        id: row.id("id")?,
        lead_id: row.id("lead_id")?,
        at: row.get::<UnixMillis>("at")?.into(),
        kind: row.parse("kind")?,
        ref_id: row.get("ref_id")?,
        data: row.get("data")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
    })
}
