//! Calls.

use async_trait::async_trait;
use prosaas_core::{
    CallDirection, CallId, CallOutcome, CallRecord, CallSid, CallStatus, E164, Error, LeadDraft,
    LeadId, MicroUsd, NewCall, Result, TenantId, TranscriptLine, UnixMillis, Usage,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Sqlite};
use uuid::Uuid;

use super::error::db_error;
use super::row::{Columns, stored};
use super::{SqliteStore, Tx, commit, require_business, require_call};
use crate::model::call::{AfterStream, Recording, RecordingUpdate, StatusUpdate, StoredCall};
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::store::{CallReconciler, CallStore};

/// A call's columns and its lead's id.
macro_rules! select_calls {
    ($rest:literal) => {
        concat!(
            "SELECT calls.*, (SELECT call_leads.lead_id FROM call_leads
                              WHERE call_leads.tenant_id = calls.tenant_id
                              AND call_leads.call_id = calls.id) AS lead_id FROM calls ",
            $rest
        )
    };
}

const CALL: &str = select_calls!("WHERE tenant_id = ?1 AND id = ?2");
const NEWEST_CALLS: &str =
    select_calls!("WHERE tenant_id = ?1 ORDER BY started_at DESC, id DESC LIMIT ?2");
const OLDER_CALLS: &str = select_calls!(
    "WHERE tenant_id = ?1 AND (started_at, id) < (?2, ?3)
     ORDER BY started_at DESC, id DESC LIMIT ?4"
);

const CALL_BY_SID: &str = select_calls!(
    "/* across tenants: this look-up finds the tenant of a webhook */
        WHERE call_sid = ?1"
);
const CALLS_WITHOUT_OUTCOME: &str = select_calls!(
    "/* across tenants: the reconciler */
     WHERE end_reason IS NULL AND started_at < ?1 ORDER BY started_at, id LIMIT ?2"
);
const CALLS_WITHOUT_FINAL_STATUS: &str = select_calls!(
    "/* across tenants: the reconciler */
     WHERE status_rank < 4 AND started_at < ?1 ORDER BY started_at, id LIMIT ?2"
);

const OPEN: &str = "
    INSERT INTO calls (tenant_id, id, call_sid, direction, caller_number, business_number, started_at,
                       status, status_rank, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
    ON CONFLICT (call_sid) DO NOTHING";
// The rank in the predicate is the rule that a call only moves forward.
const ADVANCE: &str = "
    UPDATE calls SET status = ?3, status_rank = ?4, status_sequence = ?5, carrier_ended_at = ?6,
                     updated_at = ?7
    WHERE tenant_id = ?1 AND id = ?2 AND status_rank < ?4";
const FINISH: &str = "
    UPDATE calls SET end_reason = ?3, ended_at = ?4, after_stream = ?5, dial_number = ?6,
                     input_text = ?7, input_audio = ?8, input_image = ?9,
                     cached_text = ?10, cached_audio = ?11, cached_image = ?12,
                     output_text = ?13, output_audio = ?14, billed_ms = ?15, cost_micro_usd = ?16,
                     updated_at = ?17
    WHERE tenant_id = ?1 AND id = ?2 AND end_reason IS NULL";

impl SqliteStore {
    pub(super) async fn insert_call(
        &self,
        tenant: TenantId,
        call: NewCall,
    ) -> Result<(CallRecord, bool)> {
        let status = match call.direction {
            CallDirection::Inbound => CallStatus::Ringing,
            CallDirection::Outbound => CallStatus::Queued,
        };
        let now = self.clock.now();
        let mut tx = self.begin().await?;
        require_business(&mut tx, tenant).await?;
        let opened = sqlx::query(OPEN)
            .bind(tenant.uuid())
            .bind(CallId::mint(now).uuid())
            .bind(call.call_sid.as_str())
            .bind(call.direction.as_str())
            .bind(call.caller.as_ref().map(E164::expose))
            .bind(call.business_number.expose())
            .bind(call.started_at.0)
            .bind(status.as_str())
            .bind(status.rank())
            .bind(now.0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        let found = call_by_sid(&mut *tx, &call.call_sid).await?;
        let record = found.ok_or(Error::NotFound { what: "call" })?.record;
        if record.tenant != tenant {
            let detail = "its CallSid belongs to a call of another business".to_owned();
            return Err(Error::Conflict {
                what: "call",
                detail,
            });
        }
        commit(tx).await?;
        Ok((record, opened.rows_affected() == 1))
    }

    pub(super) async fn load_call_by_sid(&self, sid: &CallSid) -> Result<Option<CallRecord>> {
        Ok(call_by_sid(&self.readers, sid)
            .await?
            .map(|call| call.record))
    }

    pub(super) async fn learn(
        &self,
        tenant: TenantId,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        let mut tx = self.begin().await?;
        require_call(&mut *tx, tenant, call).await?;
        let lead = self.merge_lead(&mut tx, tenant, call, draft).await?;
        commit(tx).await?;
        Ok(lead)
    }

    async fn write_outcome(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        call: CallId,
        outcome: &CallOutcome,
        after: &AfterStream,
    ) -> Result<bool> {
        let usage = &outcome.usage;
        let dial = match after {
            AfterStream::Dial(number) => Some(number.expose()),
            AfterStream::HangUp | AfterStream::TakeVoicemail => None,
        };
        let finished = sqlx::query(FINISH)
            .bind(tenant.uuid())
            .bind(call.uuid())
            .bind(outcome.end.as_str())
            .bind(outcome.ended_at.0)
            .bind(after.as_str())
            .bind(dial)
            .bind(stored(usage.input_text))
            .bind(stored(usage.input_audio))
            .bind(stored(usage.input_image))
            .bind(stored(usage.cached_text))
            .bind(stored(usage.cached_audio))
            .bind(stored(usage.cached_image))
            .bind(stored(usage.output_text))
            .bind(stored(usage.output_audio))
            .bind(stored(usage.billed_ms))
            .bind(usage.cost.0)
            .bind(self.clock.now().0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(finished.rows_affected() == 1)
    }
}

#[async_trait]
impl CallStore for SqliteStore {
    async fn call(&self, tenant: TenantId, call: CallId) -> Result<Option<StoredCall>> {
        let query = sqlx::query(CALL).bind(tenant.uuid()).bind(call.uuid());
        let row = query
            .fetch_optional(&self.readers)
            .await
            .map_err(db_error)?;
        row.as_ref().map(read_call).transpose()
    }

    async fn list_calls(&self, tenant: TenantId, page: Page<CallId>) -> Result<Vec<StoredCall>> {
        let query = match page.before {
            None => sqlx::query(NEWEST_CALLS).bind(tenant.uuid()),
            Some((at, id)) => sqlx::query(OLDER_CALLS)
                .bind(tenant.uuid())
                .bind(at.0)
                .bind(id.uuid()),
        };
        let query = query.bind(page.capped_limit());
        let rows = query.fetch_all(&self.readers).await.map_err(db_error)?;
        rows.iter().map(read_call).collect()
    }

    async fn transcript(&self, tenant: TenantId, call: CallId) -> Result<Vec<TranscriptLine>> {
        self.load_lines(tenant, call).await
    }

    async fn advance_status(
        &self,
        tenant: TenantId,
        call: CallId,
        update: StatusUpdate,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let advanced = sqlx::query(ADVANCE)
            .bind(tenant.uuid())
            .bind(call.uuid())
            .bind(update.status.as_str())
            .bind(update.status.rank())
            .bind(update.sequence)
            .bind(update.status.is_final().then_some(update.at.0))
            .bind(self.clock.now().0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        if advanced.rows_affected() == 0 {
            require_call(&mut *tx, tenant, call).await?;
            return Ok(false);
        }
        commit(tx).await?;
        Ok(true)
    }

    async fn finish_call_then(
        &self,
        tenant: TenantId,
        call: CallId,
        outcome: CallOutcome,
        after: AfterStream,
    ) -> Result<LeadId> {
        let mut tx = self.begin().await?;
        require_call(&mut *tx, tenant, call).await?;
        let first = self
            .write_outcome(&mut tx, tenant, call, &outcome, &after)
            .await?;
        let learned = if first {
            outcome.lead
        } else {
            LeadDraft::default()
        };
        let lead = self.merge_lead(&mut tx, tenant, call, learned).await?;
        if first {
            let work = JobWork::SummarizeCall { call };
            self.add_job(&mut tx, tenant, &work, self.clock.now())
                .await?;
        }
        commit(tx).await?;
        Ok(lead)
    }

    async fn set_recording(
        &self,
        tenant: TenantId,
        call: CallId,
        update: RecordingUpdate,
    ) -> Result<bool> {
        self.note_recording(tenant, call, update).await
    }

    async fn recordings(&self, tenant: TenantId, call: CallId) -> Result<Vec<Recording>> {
        self.load_recordings(tenant, call).await
    }
}

#[async_trait]
impl CallReconciler for SqliteStore {
    async fn calls_without_outcome(
        &self,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<StoredCall>> {
        let query = sqlx::query(CALLS_WITHOUT_OUTCOME)
            .bind(started_before.0)
            .bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(db_error)?;
        rows.iter().map(read_call).collect()
    }

    async fn calls_without_final_status(
        &self,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<StoredCall>> {
        let query = sqlx::query(CALLS_WITHOUT_FINAL_STATUS)
            .bind(started_before.0)
            .bind(limit);
        let rows = query.fetch_all(&self.readers).await.map_err(db_error)?;
        rows.iter().map(read_call).collect()
    }
}

async fn call_by_sid<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    sid: &CallSid,
) -> Result<Option<StoredCall>> {
    let query = sqlx::query(CALL_BY_SID).bind(sid.as_str());
    let row = query.fetch_optional(executor).await.map_err(db_error)?;
    row.as_ref().map(read_call).transpose()
}

fn read_call(row: &SqliteRow) -> Result<StoredCall> {
    let columns = Columns::of("calls", row);
    let lead: Option<Uuid> = columns.get("lead_id")?;
    Ok(StoredCall {
        record: CallRecord {
            id: columns.call("id")?,
            tenant: columns.tenant()?,
            call: read_new_call(&columns)?,
            status: columns.parse("status")?,
            ended_at: columns.optional_time("ended_at")?,
            end: columns.parse_optional("end_reason")?,
            usage: read_usage(&columns)?,
        },
        status_sequence: columns.optional_number("status_sequence")?,
        carrier_ended_at: columns.optional_time("carrier_ended_at")?,
        after_stream: read_after_stream(&columns)?,
        lead: lead.map(LeadId::from_uuid),
    })
}

fn read_new_call(columns: &Columns<'_>) -> Result<NewCall> {
    let direction = match columns.get("direction")? {
        "inbound" => CallDirection::Inbound,
        "outbound" => CallDirection::Outbound,
        _ => return Err(columns.unreadable("direction", "expected `inbound` or `outbound`")),
    };
    Ok(NewCall {
        call_sid: columns.parse("call_sid")?,
        direction,
        caller: columns.phone("caller_number")?,
        business_number: columns.parse("business_number")?,
        started_at: columns.time("started_at")?,
    })
}

fn read_after_stream(columns: &Columns<'_>) -> Result<Option<AfterStream>> {
    let Some(word) = columns.get::<Option<&str>>("after_stream")? else {
        return Ok(None);
    };
    let number = columns.phone("dial_number")?;
    let after = AfterStream::from_stored(word, number);
    after
        .map(Some)
        .map_err(|error| columns.unreadable("after_stream", error))
}

fn read_usage(columns: &Columns<'_>) -> Result<Usage> {
    Ok(Usage {
        input_text: columns.number("input_text")?,
        input_audio: columns.number("input_audio")?,
        input_image: columns.number("input_image")?,
        cached_text: columns.number("cached_text")?,
        cached_audio: columns.number("cached_audio")?,
        cached_image: columns.number("cached_image")?,
        output_text: columns.number("output_text")?,
        output_audio: columns.number("output_audio")?,
        billed_ms: columns.number("billed_ms")?,
        cost: MicroUsd(columns.get("cost_micro_usd")?),
    })
}
