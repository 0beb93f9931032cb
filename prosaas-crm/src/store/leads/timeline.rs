//! What happened to a lead, appended in the transaction in which it happens.

use prosaas_core::{LeadId, Result, UnixMillis};
use serde_json::{Value, json};

use super::actor_id;
use crate::model::id::TimelineId;
use crate::model::timeline::TimelineKind;
use crate::store::db::{Json, Sql, TenantTx, args};

const APPEND: Sql = Sql::both(
    "INSERT INTO timeline_events (tenant_id, id, lead_id, at, kind, ref_id, data, actor_kind, actor_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const TOUCH: Sql = Sql::both(
    "UPDATE leads SET active_at = $3 WHERE tenant_id = $1 AND id = $2 AND active_at < $3",
);

/// Something that happened to a lead.
#[derive(Clone, Debug)]
pub(crate) struct Happening {
    lead: LeadId,
    at: UnixMillis,
    kind: TimelineKind,
    about: Option<String>,
    data: Value,
}

impl Happening {
    /// Something of this kind, by whoever acts in the transaction.
    pub(crate) fn new(lead: LeadId, at: UnixMillis, kind: TimelineKind) -> Self {
        Self {
            lead,
            at,
            kind,
            about: None,
            data: json!({}),
        }
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
    let Happening {
        lead,
        at,
        kind,
        about,
        data,
    } = happening;
    let actor = tx.actor();
    let values = args![
        TimelineId::mint(at).uuid(),
        lead.uuid(),
        at,
        kind.as_str(),
        about,
        Json(data),
        actor.kind(),
        actor_id(actor),
    ];
    tx.execute(&APPEND, values).await?;
    tx.execute(&TOUCH, args![lead.uuid(), at]).await?;
    Ok(())
}
