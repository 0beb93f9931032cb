//! Calls that are over before anybody had them: what must be stored before somebody is answered, and the rest.
//!
//! A caller who is turned away, one of hundreds at the same moment perhaps, waits for his answer until his call is
//! stored. A call that is opened, ended and gets its lead takes some fifty statements, one after the other on the one
//! connection that writes, and that is what the last of two hundred callers waited for: not the disk, whose wait
//! commits share. So before the answer there is one short change, the call with its end, and a job beside it that
//! brings the lead. Several calls in one transaction would save the beginnings and the commits alone, and one that
//! fails would take the others with it.

use prosaas_core::{CallEnd, CallId, CallRecord, LeadDraft, NewCall, Result, Usage};

use super::CrmStore;
use super::businesses::require_business;
use super::calls::{call_of_sid, first_status, lock_call};
use super::db::{Change, Sql, args};
use crate::auth::{Scoped, SystemScope, TenantScope};
use crate::model::call::{AfterStream, MissedCall};
use crate::model::job::JobWork;

const OPEN_ENDED: Sql = Sql::both(
    "INSERT INTO calls (tenant_id, id, call_sid, direction, caller_number, business_number,
                        started_at, status, status_rank, status_sequence, carrier_ended_at,
                        end_reason, ended_at, after_stream, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'hang_up', $14, $14)
     ON CONFLICT (call_sid) DO NOTHING",
);
const IN_HAND: Sql = Sql::both(
    "/* across tenants: the process that was to do it may be gone */
     SELECT tenant_id, work FROM jobs WHERE state = 'running' AND kind = 'note_missed_call'
     ORDER BY id LIMIT $1",
);
const HOW_IT_ENDED: Sql =
    Sql::both("SELECT end_reason, answered_by FROM calls WHERE tenant_id = $1 AND id = $2");

impl CrmStore {
    /// Stores a call that nobody takes, with its end, under an id that was minted before; `true` when it is new.
    /// A call that is already stored under the same `call_sid` stays as it is.
    ///
    /// The same transaction enqueues [`JobWork::NoteMissedCall`], which brings its lead: `Ok` means that there will
    /// be one.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist; `Conflict` when the `call_sid` belongs to a call of
    /// another business, or the id to another call.
    pub async fn open_missed(
        &self,
        scope: &TenantScope,
        id: CallId,
        call: NewCall,
        missed: MissedCall,
    ) -> Result<(Scoped<CallRecord>, bool)> {
        let now = self.now();
        let (word, ended_at) = (missed.word, missed.ended_at);
        let status = word.map_or(first_status(call.direction), |word| word.status);
        let last_word = word.filter(|word| word.status.is_final());
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
            word.and_then(|word| word.sequence),
            last_word.map(|word| word.at),
            missed.end.as_str(),
            ended_at,
            now,
        ];
        if tx.execute(&OPEN_ENDED, values).await? == 0 {
            let known = call_of_sid(&mut tx, &call.call_sid).await?;
            // Not before whoever stored it has his answer.
            tx.commit().await?;
            return Ok((Scoped::new(*scope, known), false));
        }
        let work = JobWork::NoteMissedCall { call: id };
        self.add_job(&mut tx, &work, now).await?;
        tx.record(Change::new("call.started", "call", id).without_audit());
        tx.commit().await?;
        let record = CallRecord {
            id,
            tenant: scope.tenant(),
            call,
            status,
            ended_at: Some(ended_at),
            end: Some(missed.end),
            usage: Usage::default(),
        };
        Ok((Scoped::new(*scope, record), true))
    }

    /// The missed calls whose lead is being brought, of all businesses, so many at most. Whoever does it may be
    /// gone, and it would be done again only after his lease.
    pub async fn missed_calls_in_hand(
        &self,
        scope: &SystemScope,
        limit: u32,
    ) -> Result<Vec<Scoped<CallId>>> {
        let tx = self.system_look(scope).await?;
        let rows = tx.fetch_all(&IN_HAND, args![limit]).await?;
        let mut calls = Vec::with_capacity(rows.len());
        for row in &rows {
            let of_business = TenantScope::for_agent(row.id("tenant_id")?);
            if let JobWork::NoteMissedCall { call } = row.json("work")? {
                calls.push(Scoped::new(of_business, call));
            }
        }
        Ok(calls)
    }

    /// Gives a call that nobody took its lead and its place in his timeline, and has the business told; once,
    /// however often it is asked for.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn note_missed_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        lead: LeadDraft,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let row = tx
            .fetch_one(&HOW_IT_ENDED, args![call.uuid()], "call")
            .await?;
        let end: Option<CallEnd> = row.parse_optional("end_reason")?;
        let is_noted = row.get::<Option<String>>("answered_by")?.is_some();
        let Some(end) = end.filter(|_| !is_noted) else {
            return tx.commit().await;
        };
        let lead = self.merge_lead(&mut tx, call, lead).await?;
        let ended = (end, &AfterStream::HangUp);
        self.follow_end(&mut tx, call, lead, ended).await?;
        tx.commit().await
    }
}
