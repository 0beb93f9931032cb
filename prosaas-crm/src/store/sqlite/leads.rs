//! Leads.

use async_trait::async_trait;
use prosaas_core::{CallId, LeadDraft, LeadId, Result, TenantId};
use sqlx::sqlite::SqliteRow;

use super::error::db_error;
use super::row::Columns;
use super::{SqliteStore, Tx};
use crate::model::lead::{Lead, LeadSource};
use crate::model::page::Page;
use crate::store::LeadStore;

const LEAD: &str = "
    SELECT leads.*, call_leads.call_id FROM leads JOIN call_leads
    ON call_leads.tenant_id = leads.tenant_id AND call_leads.lead_id = leads.id
    WHERE leads.tenant_id = ?1 AND leads.id = ?2 AND call_leads.tenant_id = ?1";
const LEAD_OF_CALL: &str = "
    SELECT leads.*, call_leads.call_id FROM leads JOIN call_leads
    ON call_leads.tenant_id = leads.tenant_id AND call_leads.lead_id = leads.id
    WHERE leads.tenant_id = ?1 AND call_leads.call_id = ?2 AND call_leads.tenant_id = ?1";
const NEWEST_LEADS: &str = "
    SELECT leads.*, call_leads.call_id FROM leads JOIN call_leads
    ON call_leads.tenant_id = leads.tenant_id AND call_leads.lead_id = leads.id
    WHERE leads.tenant_id = ?1 AND call_leads.tenant_id = ?1
    ORDER BY created_at DESC, id DESC LIMIT ?2";
const OLDER_LEADS: &str = "
    SELECT leads.*, call_leads.call_id FROM leads JOIN call_leads
    ON call_leads.tenant_id = leads.tenant_id AND call_leads.lead_id = leads.id
    WHERE leads.tenant_id = ?1 AND call_leads.tenant_id = ?1 AND (created_at, id) < (?2, ?3)
    ORDER BY created_at DESC, id DESC LIMIT ?4";

// The caller is the call's: nobody else says who called.
const ADD_LEAD: &str = "
    INSERT INTO leads (tenant_id, id, stage_id, phone, source, name, intent, summary, next_step, notes,
                       active_at, created_at, updated_at)
    SELECT tenant_id, ?3, (SELECT id FROM stages WHERE tenant_id = ?1 ORDER BY position LIMIT 1),
           caller_number, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?10
    FROM calls WHERE tenant_id = ?1 AND id = ?2";
const LINK_CALL: &str = "INSERT INTO call_leads (tenant_id, call_id, lead_id) VALUES (?1, ?2, ?3)";
const UPDATE_LEAD: &str = "
    UPDATE leads SET name = ?3, intent = ?4, summary = ?5, next_step = ?6, notes = ?7, updated_at = ?8
    WHERE tenant_id = ?1 AND id = ?2";

impl SqliteStore {
    /// Merges what is newly known into the call's lead, creating it when there is none.
    pub(super) async fn merge_lead(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        let draft = draft.cleaned();
        match lead_of_call(&mut **tx, tenant, call).await? {
            None => self.insert_lead(tx, tenant, call, draft).await,
            Some(lead) => {
                let merged = lead.known.clone().merged(draft);
                if merged != lead.known {
                    self.update_lead(tx, tenant, lead.id, merged).await?;
                }
                Ok(lead.id)
            }
        }
    }

    async fn insert_lead(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        call: CallId,
        known: LeadDraft,
    ) -> Result<LeadId> {
        let now = self.clock.now();
        let id = LeadId::mint(now);
        sqlx::query(ADD_LEAD)
            .bind(tenant.uuid())
            .bind(call.uuid())
            .bind(id.uuid())
            .bind(LeadSource::Call.as_str())
            .bind(known.name)
            .bind(known.intent)
            .bind(known.summary)
            .bind(known.next_step)
            .bind(known.notes)
            .bind(now.0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        sqlx::query(LINK_CALL)
            .bind(tenant.uuid())
            .bind(call.uuid())
            .bind(id.uuid())
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(id)
    }

    async fn update_lead(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        lead: LeadId,
        known: LeadDraft,
    ) -> Result<()> {
        sqlx::query(UPDATE_LEAD)
            .bind(tenant.uuid())
            .bind(lead.uuid())
            .bind(known.name)
            .bind(known.intent)
            .bind(known.summary)
            .bind(known.next_step)
            .bind(known.notes)
            .bind(self.clock.now().0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(())
    }
}

#[async_trait]
impl LeadStore for SqliteStore {
    async fn lead(&self, tenant: TenantId, lead: LeadId) -> Result<Option<Lead>> {
        let query = sqlx::query(LEAD).bind(tenant.uuid()).bind(lead.uuid());
        let row = query
            .fetch_optional(&self.readers)
            .await
            .map_err(db_error)?;
        row.as_ref().map(read_lead).transpose()
    }

    async fn lead_of_call(&self, tenant: TenantId, call: CallId) -> Result<Option<Lead>> {
        lead_of_call(&self.readers, tenant, call).await
    }

    async fn list_leads(&self, tenant: TenantId, page: Page<LeadId>) -> Result<Vec<Lead>> {
        let query = match page.before {
            None => sqlx::query(NEWEST_LEADS).bind(tenant.uuid()),
            Some((at, id)) => sqlx::query(OLDER_LEADS)
                .bind(tenant.uuid())
                .bind(at.0)
                .bind(id.uuid()),
        };
        let query = query.bind(page.capped_limit());
        let rows = query.fetch_all(&self.readers).await.map_err(db_error)?;
        rows.iter().map(read_lead).collect()
    }
}

async fn lead_of_call<'e>(
    executor: impl sqlx::Executor<'e, Database = sqlx::Sqlite>,
    tenant: TenantId,
    call: CallId,
) -> Result<Option<Lead>> {
    let query = sqlx::query(LEAD_OF_CALL)
        .bind(tenant.uuid())
        .bind(call.uuid());
    let row = query.fetch_optional(executor).await.map_err(db_error)?;
    row.as_ref().map(read_lead).transpose()
}

fn read_lead(row: &SqliteRow) -> Result<Lead> {
    let columns = Columns::of("leads", row);
    Ok(Lead {
        id: columns.lead("id")?,
        tenant: columns.tenant()?,
        call: columns.call("call_id")?,
        caller: columns.phone("phone")?,
        source: columns.parse("source")?,
        known: LeadDraft {
            name: columns.get("name")?,
            intent: columns.get("intent")?,
            summary: columns.get("summary")?,
            next_step: columns.get("next_step")?,
            notes: columns.get("notes")?,
        },
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
    })
}
