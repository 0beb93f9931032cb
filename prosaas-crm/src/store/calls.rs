//! Calls.

use async_trait::async_trait;
use prosaas_core::money::MicroUsd;
use prosaas_core::{
    CallDirection, CallEnd, CallId, CallOutcome, CallQuality, CallRecord, CallSid, CallStatus,
    Error, LeadDraft, LeadId, NewCall, Result, TranscriptLine, UnixMillis, Usage, Verdict,
};
use serde_json::{Value, json};

use super::CrmStore;
use super::businesses::require_business;
use super::db::{Change, Json, Row, Sql, TenantTx, args};
use super::paging::page_of;
use super::tokens;
use crate::auth::{Scoped, SystemScope, TenantScope};
use crate::model::call::{AfterStream, Recording, RecordingUpdate, StatusUpdate, StoredCall};
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::model::spending::{Spending, SpentOn};
use crate::model::token::NewStreamToken;
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

const CALL: Sql = Sql::both(select_calls!("WHERE tenant_id = $1 AND id = $2"));
const CALL_EXISTS: Sql = Sql::both("SELECT 1 FROM calls WHERE tenant_id = $1 AND id = $2");
// Not against inserts that refer to the call: transcript lines go on meanwhile.
const LOCK_CALL: Sql = Sql::split(
    "SELECT 1 FROM calls WHERE tenant_id = $1 AND id = $2",
    "SELECT 1 FROM calls WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE",
);
const OWN_CALL_BY_SID: Sql = Sql::both(select_calls!("WHERE tenant_id = $1 AND call_sid = $2"));
const NEWEST_CALLS: Sql = Sql::both(select_calls!(
    "WHERE tenant_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2"
));
const OLDER_CALLS: Sql = Sql::both(select_calls!(
    "WHERE tenant_id = $1 AND (started_at, id) < ($2, $3)
     ORDER BY started_at DESC, id DESC LIMIT $4"
));

const CALL_BY_SID: Sql = Sql::both(select_calls!(
    "/* across tenants: this look-up finds the tenant of a webhook */
     WHERE call_sid = $1"
));
const CALLS_WITHOUT_OUTCOME: Sql = Sql::both(select_calls!(
    "/* across tenants: the reconciler */
     WHERE end_reason IS NULL AND started_at < $1 ORDER BY started_at, id LIMIT $2"
));
const CALLS_WITHOUT_FINAL_STATUS: Sql = Sql::both(select_calls!(
    "/* across tenants: the reconciler */
     WHERE status_rank < 4 AND started_at < $1 ORDER BY started_at, id LIMIT $2"
));

const OPEN: Sql = Sql::both(
    "INSERT INTO calls (tenant_id, id, call_sid, direction, caller_number, business_number,
                        started_at, status, status_rank, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
     ON CONFLICT (call_sid) DO NOTHING",
);
// The rank in the predicate is the rule that a call only moves forward.
const ADVANCE: Sql = Sql::both(
    "UPDATE calls SET status = $3, status_rank = $4, status_sequence = $5, carrier_ended_at = $6,
                      updated_at = $7
     WHERE tenant_id = $1 AND id = $2 AND status_rank < $4",
);
const FINISH: Sql = Sql::both(
    "UPDATE calls SET end_reason = $3, ended_at = $4, after_stream = $5, dial_number = $6,
                      input_text = $7, input_audio = $8, input_image = $9,
                      cached_text = $10, cached_audio = $11, cached_image = $12,
                      output_text = $13, output_audio = $14, billed_ms = $15, cost_micro_usd = $16,
                      updated_at = $17, verdict = $18, quality = $19
     WHERE tenant_id = $1 AND id = $2 AND end_reason IS NULL",
);

/// `NotFound` unless the business has the call.
pub(super) async fn require_call(tx: &mut TenantTx, call: CallId) -> Result<()> {
    tx.require(&CALL_EXISTS, args![call.uuid()], "call").await
}

/// [`require_call`], and nobody else decides anything about the call before the transaction ends.
pub(super) async fn lock_call(tx: &mut TenantTx, call: CallId) -> Result<()> {
    tx.require(&LOCK_CALL, args![call.uuid()], "call").await
}

/// The business's call of this `call_sid`, which some call has.
///
/// # Errors
/// `Conflict` when it is another business's.
pub(super) async fn call_of_sid(tx: &mut TenantTx, sid: &CallSid) -> Result<CallRecord> {
    let found = tx.fetch_optional(&OWN_CALL_BY_SID, args![sid.as_str()]);
    let Some(row) = found.await? else {
        let detail = "its CallSid belongs to a call of another business".to_owned();
        return Err(Error::Conflict {
            what: "call",
            detail,
        });
    };
    Ok(read_call(&row)?.record)
}

/// What a call is before the carrier says more.
pub(super) const fn first_status(direction: CallDirection) -> CallStatus {
    match direction {
        CallDirection::Inbound => CallStatus::Ringing,
        CallDirection::Outbound => CallStatus::Queued,
    }
}

impl CrmStore {
    /// [`prosaas_core::TenantStore::open_call`] under an id that was minted before: a call can be answered
    /// while the database is away and stored later. A call that is already open under the same `call_sid`
    /// keeps its own id. A token of its first stream is issued in the same change: a caller waits for it.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist; `Conflict` when the `call_sid` belongs to a call of
    /// another business, or the id or the token to another call.
    pub async fn open_call_as(
        &self,
        scope: &TenantScope,
        id: CallId,
        call: NewCall,
        token: Option<NewStreamToken>,
    ) -> Result<(Scoped<CallRecord>, bool)> {
        let status = first_status(call.direction);
        let now = self.now();
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let values = args![
            id.uuid(),
            call.call_sid.as_str(),
            call.direction.as_str(),
            call.caller.as_ref(),
            &call.business_number,
            call.started_at,
            status.as_str(),
            status.rank(),
            now,
        ];
        let opened = tx.execute(&OPEN, values).await?;
        let record = call_of_sid(&mut tx, &call.call_sid).await?;
        if opened == 1 {
            tx.record(Change::new("call.started", "call", record.id).without_audit());
        }
        if let Some(token) = token {
            tokens::issue(&mut tx, record.id, token).await?;
        }
        tx.commit().await?;
        Ok((Scoped::new(*scope, record), opened == 1))
    }

    /// Notes what somebody of the business asked of a call that goes on; what he had its agent told is not kept here.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn note_request(
        &self,
        scope: &TenantScope,
        call: CallId,
        kind: &'static str,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_call(&mut tx, call).await?;
        tx.record(Change::new(kind, "call", call).without_event());
        tx.commit().await
    }

    /// Notes in the audit log that somebody talked to the agent from the console: how long, and at what
    /// cost; which is counted, once.
    ///
    /// # Errors
    /// `NotFound` when there is no such business.
    pub async fn note_talk(
        &self,
        scope: &TenantScope,
        talk: CallId,
        (duration_ms, cost, end): (u64, MicroUsd, CallEnd),
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let detail = json!({
            "duration_ms": duration_ms,
            "cost_micro_usd": cost.0,
            "end": end.as_str(),
        });
        let spending = Spending {
            what: SpentOn::Talk(talk),
            part: 0,
            cost,
        };
        let now = self.now();
        self.settle_within(&mut tx, spending, now).await?;
        let change = Change::new("agent.talked_to", "business", tx.tenant()).detail(detail);
        tx.record(change.without_event());
        tx.commit().await
    }

    pub(super) async fn load_call_by_sid(
        &self,
        scope: &SystemScope,
        sid: &CallSid,
    ) -> Result<Option<Scoped<CallRecord>>> {
        let tx = self.system_look(scope).await?;
        let row = tx.fetch_optional(&CALL_BY_SID, args![sid.as_str()]).await?;
        let call = row.as_ref().map(read_found_call).transpose()?;
        Ok(call.map(|call| call.map(|call| call.record)))
    }

    pub(super) async fn learn(
        &self,
        scope: &TenantScope,
        call: CallId,
        draft: LeadDraft,
    ) -> Result<LeadId> {
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let lead = self.merge_lead(&mut tx, call, draft).await?;
        tx.commit().await?;
        Ok(lead)
    }

    async fn write_outcome(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        outcome: &CallOutcome,
        after: &AfterStream,
    ) -> Result<bool> {
        let usage = &outcome.usage;
        let dial = match after {
            AfterStream::Dial(number) => Some(number),
            AfterStream::HangUp | AfterStream::TakeVoicemail => None,
        };
        let values = args![
            call.uuid(),
            outcome.end.as_str(),
            outcome.ended_at,
            after.as_str(),
            dial,
            usage.input_text,
            usage.input_audio,
            usage.input_image,
            usage.cached_text,
            usage.cached_audio,
            usage.cached_image,
            usage.output_text,
            usage.output_audio,
            usage.billed_ms,
            usage.cost.0,
            self.now(),
            outcome
                .quality
                .as_ref()
                .map(|quality| quality.verdict.as_str()),
            outcome.quality.as_ref().map(|quality| Json(json!(quality))),
        ];
        Ok(tx.execute(&FINISH, values).await? == 1)
    }

    async fn lost_calls(
        &self,
        scope: &SystemScope,
        statement: &Sql,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Scoped<StoredCall>>> {
        let tx = self.system_look(scope).await?;
        let rows = tx
            .fetch_all(statement, args![started_before, limit])
            .await?;
        rows.iter().map(read_found_call).collect()
    }
}

#[async_trait]
impl CallStore for CrmStore {
    async fn call(&self, scope: &TenantScope, call: CallId) -> Result<Option<StoredCall>> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_optional(&CALL, args![call.uuid()]).await?;
        row.as_ref().map(read_call).transpose()
    }

    async fn list_calls(&self, scope: &TenantScope, page: Page<CallId>) -> Result<Vec<StoredCall>> {
        let mut tx = self.read(scope).await?;
        let rows = page_of(&mut tx, (&NEWEST_CALLS, &OLDER_CALLS), page).await?;
        rows.iter().map(read_call).collect()
    }

    async fn transcript(&self, scope: &TenantScope, call: CallId) -> Result<Vec<TranscriptLine>> {
        self.load_lines(scope, call).await
    }

    async fn advance_status(
        &self,
        scope: &TenantScope,
        call: CallId,
        update: StatusUpdate,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let values = args![
            call.uuid(),
            update.status.as_str(),
            update.status.rank(),
            update.sequence,
            update.status.is_final().then_some(update.at),
            self.now(),
        ];
        if tx.execute(&ADVANCE, values).await? == 0 {
            require_call(&mut tx, call).await?;
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn finish_call_then(
        &self,
        scope: &TenantScope,
        call: CallId,
        outcome: CallOutcome,
        after: AfterStream,
    ) -> Result<LeadId> {
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let (end, ended_at, cost) = (outcome.end, outcome.ended_at, outcome.usage.cost);
        let verdict = outcome.quality.as_ref().map(|quality| quality.verdict);
        let first = self.write_outcome(&mut tx, call, &outcome, &after).await?;
        let learned = if first {
            outcome.lead
        } else {
            LeadDraft::default()
        };
        let lead = self.merge_lead(&mut tx, call, learned).await?;
        if first {
            let spending = Spending {
                what: SpentOn::Call(call),
                part: 0,
                cost,
            };
            self.settle_within(&mut tx, spending, ended_at).await?;
            let work = JobWork::SummarizeCall { call };
            self.add_job(&mut tx, &work, self.now()).await?;
            self.follow_end(&mut tx, call, lead, (end, &after)).await?;
            if verdict == Some(Verdict::Poor) {
                self.watch_quality(&mut tx, call).await?;
            }
        }
        tx.commit().await?;
        Ok(lead)
    }

    async fn set_recording(
        &self,
        scope: &TenantScope,
        call: CallId,
        update: RecordingUpdate,
    ) -> Result<bool> {
        self.note_recording(scope, call, update).await
    }

    async fn recordings(&self, scope: &TenantScope, call: CallId) -> Result<Vec<Recording>> {
        self.load_recordings(scope, call).await
    }
}

#[async_trait]
impl CallReconciler for CrmStore {
    async fn calls_without_outcome(
        &self,
        scope: &SystemScope,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Scoped<StoredCall>>> {
        self.lost_calls(scope, &CALLS_WITHOUT_OUTCOME, started_before, limit)
            .await
    }

    async fn calls_without_final_status(
        &self,
        scope: &SystemScope,
        started_before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Scoped<StoredCall>>> {
        self.lost_calls(scope, &CALLS_WITHOUT_FINAL_STATUS, started_before, limit)
            .await
    }
}

/// A call that was found without knowing whose it is.
fn read_found_call(row: &Row) -> Result<Scoped<StoredCall>> {
    let call = read_call(row)?;
    Ok(Scoped::new(
        TenantScope::for_agent(call.record.tenant),
        call,
    ))
}

pub(super) fn read_call(row: &Row) -> Result<StoredCall> {
    Ok(StoredCall {
        record: CallRecord {
            id: row.id("id")?,
            tenant: row.id("tenant_id")?,
            call: read_new_call(row)?,
            status: row.parse("status")?,
            ended_at: row.get("ended_at")?,
            end: row.parse_optional("end_reason")?,
            usage: read_usage(row)?,
        },
        status_sequence: row.get("status_sequence")?,
        carrier_ended_at: row.get("carrier_ended_at")?,
        after_stream: read_after_stream(row)?,
        lead: row.optional_id("lead_id")?,
        quality: read_quality(row)?,
    })
}

fn read_new_call(row: &Row) -> Result<NewCall> {
    let direction = match row.get::<String>("direction")?.as_str() {
        "inbound" => CallDirection::Inbound,
        "outbound" => CallDirection::Outbound,
        _ => return Err(row.unreadable("direction", "expected `inbound` or `outbound`")),
    };
    Ok(NewCall {
        call_sid: row.parse("call_sid")?,
        direction,
        caller: row.get("caller_number")?,
        business_number: row.get("business_number")?,
        started_at: row.get("started_at")?,
    })
}

fn read_after_stream(row: &Row) -> Result<Option<AfterStream>> {
    let Some(word) = row.get::<Option<String>>("after_stream")? else {
        return Ok(None);
    };
    let after = AfterStream::from_stored(&word, row.get("dial_number")?);
    after
        .map(Some)
        .map_err(|error| row.unreadable("after_stream", error))
}

fn read_quality(row: &Row) -> Result<Option<Box<CallQuality>>> {
    let Some(quality) = row.get::<Option<Value>>("quality")? else {
        return Ok(None);
    };
    serde_json::from_value(quality)
        .map(Some)
        .map_err(|error| row.unreadable("quality", error))
}

fn read_usage(row: &Row) -> Result<Usage> {
    Ok(Usage {
        input_text: row.get("input_text")?,
        input_audio: row.get("input_audio")?,
        input_image: row.get("input_image")?,
        cached_text: row.get("cached_text")?,
        cached_audio: row.get("cached_audio")?,
        cached_image: row.get("cached_image")?,
        output_text: row.get("output_text")?,
        output_audio: row.get("output_audio")?,
        billed_ms: row.get("billed_ms")?,
        cost: row.get("cost_micro_usd")?,
    })
}
