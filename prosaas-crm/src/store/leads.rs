//! Leads.

use async_trait::async_trait;
use prosaas_core::{CallId, LeadDraft, LeadId, Result, TenantId};

use super::db::{Row, Sql, TenantTx, args};
use super::paging::page_of;
use super::{CrmStore, LeadStore};
use crate::auth::TenantScope;
use crate::model::lead::{Lead, LeadSource};
use crate::model::page::Page;

/// A lead's columns and a call it came from.
macro_rules! select_leads {
    ($rest:literal) => {
        concat!(
            "SELECT leads.*, call_leads.call_id FROM leads JOIN call_leads
             ON call_leads.tenant_id = leads.tenant_id AND call_leads.lead_id = leads.id ",
            $rest
        )
    };
}

const LEAD: Sql = Sql::both(select_leads!(
    "WHERE leads.tenant_id = $1 AND leads.id = $2 AND call_leads.tenant_id = $1"
));
const LEAD_OF_CALL: Sql = Sql::both(select_leads!(
    "WHERE leads.tenant_id = $1 AND call_leads.call_id = $2 AND call_leads.tenant_id = $1"
));
const NEWEST_LEADS: Sql = Sql::both(select_leads!(
    "WHERE leads.tenant_id = $1 AND call_leads.tenant_id = $1
     ORDER BY created_at DESC, id DESC LIMIT $2"
));
const OLDER_LEADS: Sql = Sql::both(select_leads!(
    "WHERE leads.tenant_id = $1 AND call_leads.tenant_id = $1 AND (created_at, id) < ($2, $3)
     ORDER BY created_at DESC, id DESC LIMIT $4"
));

// The caller is the call's: nobody else says who called.
const ADD_LEAD: Sql = Sql::both(
    "INSERT INTO leads (tenant_id, id, stage_id, phone, source, name, intent, summary, next_step,
                        notes, active_at, created_at, updated_at)
     SELECT tenant_id, $3,
            (SELECT stages.id FROM stages WHERE stages.tenant_id = $1 ORDER BY position LIMIT 1),
            caller_number, $4, $5, $6, $7, $8, $9, $10, $10, $10
     FROM calls WHERE tenant_id = $1 AND id = $2",
);
const LINK_CALL: Sql =
    Sql::both("INSERT INTO call_leads (tenant_id, call_id, lead_id) VALUES ($1, $2, $3)");
const UPDATE_LEAD: Sql = Sql::both(
    "UPDATE leads SET name = $3, intent = $4, summary = $5, next_step = $6, notes = $7,
                      updated_at = $8
     WHERE tenant_id = $1 AND id = $2",
);

impl CrmStore {
    /// Merges what is newly known into the call's lead, creating it when there is none.
    pub(super) async fn merge_lead(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        let draft = draft.cleaned();
        match find_lead_of_call(tx, call).await? {
            None => self.insert_lead(tx, call, draft).await,
            Some(lead) => {
                let merged = lead.known.clone().merged(draft);
                if merged != lead.known {
                    self.update_lead(tx, lead.id, merged).await?;
                }
                Ok(lead.id)
            }
        }
    }

    async fn insert_lead(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        known: LeadDraft,
    ) -> Result<LeadId> {
        let now = self.now();
        let id = LeadId::mint(now);
        let values = args![
            call.uuid(),
            id.uuid(),
            LeadSource::Call.as_str(),
            known.name,
            known.intent,
            known.summary,
            known.next_step,
            known.notes,
            now,
        ];
        tx.execute(&ADD_LEAD, values).await?;
        let link = args![call.uuid(), id.uuid()];
        tx.execute(&LINK_CALL, link).await?;
        Ok(id)
    }

    async fn update_lead(&self, tx: &mut TenantTx, lead: LeadId, known: LeadDraft) -> Result<()> {
        let values = args![
            lead.uuid(),
            known.name,
            known.intent,
            known.summary,
            known.next_step,
            known.notes,
            self.now(),
        ];
        tx.execute(&UPDATE_LEAD, values).await.map(drop)
    }
}

#[async_trait]
impl LeadStore for CrmStore {
    async fn lead(&self, tenant: TenantId, lead: LeadId) -> Result<Option<Lead>> {
        let mut tx = self.read(&TenantScope::for_agent(tenant)).await?;
        let row = tx.fetch_optional(&LEAD, args![lead.uuid()]).await?;
        row.as_ref().map(read_lead).transpose()
    }

    async fn lead_of_call(&self, tenant: TenantId, call: CallId) -> Result<Option<Lead>> {
        let mut tx = self.read(&TenantScope::for_agent(tenant)).await?;
        find_lead_of_call(&mut tx, call).await
    }

    async fn list_leads(&self, tenant: TenantId, page: Page<LeadId>) -> Result<Vec<Lead>> {
        let mut tx = self.read(&TenantScope::for_agent(tenant)).await?;
        let rows = page_of(&mut tx, (&NEWEST_LEADS, &OLDER_LEADS), page).await?;
        rows.iter().map(read_lead).collect()
    }
}

async fn find_lead_of_call(tx: &mut TenantTx, call: CallId) -> Result<Option<Lead>> {
    let row = tx.fetch_optional(&LEAD_OF_CALL, args![call.uuid()]).await?;
    row.as_ref().map(read_lead).transpose()
}

fn read_lead(row: &Row) -> Result<Lead> {
    Ok(Lead {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        call: row.id("call_id")?,
        caller: row.get("phone")?,
        source: row.parse("source")?,
        known: LeadDraft {
            name: row.get("name")?,
            intent: row.get("intent")?,
            summary: row.get("summary")?,
            next_step: row.get("next_step")?,
            notes: row.get("notes")?,
        },
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
