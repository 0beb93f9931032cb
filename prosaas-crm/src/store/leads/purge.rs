//! Removing a lead for good, with everything that belongs to it.

use prosaas_core::{CallId, Error, LeadId, RecordingSid, Result, UnixMillis};
use serde_json::{Map, Value, json};

use super::{index, locked};
use crate::auth::{Permission, TenantScope};
use crate::model::job::JobWork;
use crate::store::CrmStore;
use crate::store::conversations::FilesOf;
use crate::store::db::{Change, Row, Sql, TenantTx, args};

const LOSERS: Sql = Sql::both("SELECT id FROM leads WHERE tenant_id = $1 AND merged_into = $2");
const CALLS: Sql = Sql::both(
    "SELECT calls.id, calls.end_reason IS NULL AND calls.status_rank < 4 AS is_live
     FROM call_leads JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $2",
);

/// What goes with a lead, in an order in which no row is left that names a missing one. Each takes the
/// lead as `$2`.
const BELONGINGS: [(&str, Sql); 21] = [
    (
        "merges",
        Sql::both(
            "DELETE FROM lead_merges WHERE tenant_id = $1 AND (winner_id = $2 OR loser_id = $2)",
        ),
    ),
    (
        "duplicates",
        Sql::both(
            "DELETE FROM lead_duplicates WHERE tenant_id = $1 AND (lead_id = $2 OR other_id = $2)",
        ),
    ),
    (
        "export_parts",
        Sql::both(
            "DELETE FROM person_export_parts WHERE tenant_id = $1 AND export_id IN (
                 SELECT id FROM person_exports WHERE tenant_id = $1 AND lead_id = $2)",
        ),
    ),
    (
        "exports",
        Sql::both("DELETE FROM person_exports WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "consents",
        Sql::both("DELETE FROM consents WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "promises",
        Sql::both("DELETE FROM promises WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "payments",
        Sql::both("DELETE FROM payments WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    // A payment of somebody else that names a deal of this lead keeps its money and loses the deal.
    (
        "released_payments",
        Sql::both(
            "UPDATE payments SET deal_id = NULL WHERE tenant_id = $1 AND deal_id IN (
                 SELECT id FROM deals WHERE tenant_id = $1 AND lead_id = $2)",
        ),
    ),
    (
        "deals",
        Sql::both("DELETE FROM deals WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "appointments",
        Sql::both("DELETE FROM appointments WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "tasks",
        Sql::both("DELETE FROM tasks WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "notes",
        Sql::both("DELETE FROM notes WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "message_tokens",
        Sql::both(
            "DELETE FROM search_tokens
             WHERE tenant_id = $1 AND entity_kind = 'message' AND entity_id IN (
                 SELECT messages.id FROM messages JOIN conversations
                     ON conversations.tenant_id = messages.tenant_id
                    AND conversations.id = messages.conversation_id
                 WHERE messages.tenant_id = $1 AND conversations.lead_id = $2)",
        ),
    ),
    (
        "messages",
        Sql::both(
            "DELETE FROM messages WHERE tenant_id = $1 AND conversation_id IN (
                 SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2)",
        ),
    ),
    (
        "conversation_names",
        Sql::both(
            "DELETE FROM conversation_peers WHERE tenant_id = $1 AND conversation_id IN (
                 SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2)",
        ),
    ),
    (
        "conversations",
        Sql::both("DELETE FROM conversations WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "timeline",
        Sql::both("DELETE FROM timeline_events WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "tags",
        Sql::both("DELETE FROM lead_tags WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "identities",
        Sql::both("DELETE FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "calls",
        Sql::both("DELETE FROM call_leads WHERE tenant_id = $1 AND lead_id = $2"),
    ),
    (
        "leads",
        Sql::both("DELETE FROM leads WHERE tenant_id = $1 AND id = $2"),
    ),
];

const RECORDINGS: Sql =
    Sql::both("SELECT recording_sid FROM recordings WHERE tenant_id = $1 AND call_id = $2");
/// What a call leaves behind that says who it was or what was said. `$2` is the call.
const OF_CALL: [Sql; 5] = [
    Sql::both("DELETE FROM promises WHERE tenant_id = $1 AND call_id = $2"),
    Sql::both("DELETE FROM transcript_lines WHERE tenant_id = $1 AND call_id = $2"),
    Sql::both("DELETE FROM recordings WHERE tenant_id = $1 AND call_id = $2"),
    Sql::both("DELETE FROM stream_tokens WHERE tenant_id = $1 AND call_id = $2"),
    Sql::both(
        "DELETE FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'call' AND entity_id = $2",
    ),
];
// The row stays for the books: when, how long, what it cost. The carrier's id leads to the person's number
// at the carrier, so it becomes one that the carrier has never given out. Nobody can call back any more.
const FORGET_CALLER: Sql = Sql::split(
    "UPDATE calls SET caller_number = NULL, summary = NULL, intent = NULL,
         call_sid = 'CA' || lower(hex(id)), settled_reason = NULL,
         settled_at = CASE WHEN answered_by IN ('voicemail', 'nobody')
             THEN coalesce(settled_at, $3) ELSE settled_at END,
         settled_how = CASE WHEN answered_by IN ('voicemail', 'nobody')
             THEN coalesce(settled_how, 'dismissed') ELSE settled_how END,
         updated_at = $3
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE calls SET caller_number = NULL, summary = NULL, intent = NULL,
         call_sid = 'CA' || replace(id::text, '-', ''), settled_reason = NULL,
         settled_at = CASE WHEN answered_by IN ('voicemail', 'nobody')
             THEN coalesce(settled_at, $3) ELSE settled_at END,
         settled_how = CASE WHEN answered_by IN ('voicemail', 'nobody')
             THEN coalesce(settled_how, 'dismissed') ELSE settled_how END,
         updated_at = $3
     WHERE tenant_id = $1 AND id = $2",
);

/// What was removed with a lead.
#[derive(Debug, Default)]
pub(in crate::store) struct Removed {
    /// The leads: itself, and those that were merged into it.
    pub(in crate::store) leads: Vec<LeadId>,
    /// The calls of which nothing but the books is left.
    pub(in crate::store) calls: Vec<CallId>,
    counts: Map<String, Value>,
}

impl CrmStore {
    /// Removes a lead of the trash for good, with everything that belongs to it: identities, notes, tasks,
    /// appointments, deals, payments, consents, promises, conversations, the timeline, and of its calls
    /// transcripts, recordings (files too, by a job) and who called. When a call was and what it cost stays.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when the trash holds none such; `Conflict` `call-live`
    /// while one of its calls goes on.
    pub async fn purge_lead(&self, scope: &TenantScope, lead: LeadId) -> Result<()> {
        scope.require(Permission::LeadsPurge)?;
        let mut tx = self.write(scope).await?;
        self.purge_locked(&mut tx, lead).await?;
        tx.commit().await
    }

    /// [`CrmStore::purge_lead`] within a transaction: the one way in which a lead leaves the trash for good.
    pub(in crate::store) async fn purge_locked(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
    ) -> Result<()> {
        if locked(tx, lead).await?.deleted_at.is_none() {
            return Err(Error::NotFound { what: "lead" });
        }
        let removed = self.remove_lead(tx, lead).await?;
        for gone in &removed.leads {
            let detail = Value::Object(removed.counts.clone());
            tx.record(
                Change::new("lead.purged", "lead", gone)
                    .lead(*gone)
                    .detail(detail),
            );
        }
        Ok(())
    }

    /// Removes a lead, in the trash or not, and those that were merged into it.
    pub(in crate::store) async fn remove_lead(
        &self,
        tx: &mut TenantTx,
        lead: LeadId,
    ) -> Result<Removed> {
        let now = self.now();
        let mut removed = Removed::default();
        let mut open = vec![lead];
        while let Some(lead) = open.pop() {
            let losers = tx.fetch_all(&LOSERS, args![lead.uuid()]).await?;
            for row in &losers {
                open.push(row.id("id")?);
            }
            self.remove_one(tx, now, lead, &mut removed).await?;
        }
        Ok(removed)
    }

    async fn remove_one(
        &self,
        tx: &mut TenantTx,
        now: UnixMillis,
        lead: LeadId,
        removed: &mut Removed,
    ) -> Result<()> {
        let calls = tx.fetch_all(&CALLS, args![lead.uuid()]).await?;
        let mut of_lead = Vec::with_capacity(calls.len());
        for row in &calls {
            if row.get("is_live")? {
                return Err(Error::Conflict {
                    what: "call-live",
                    detail: "a call of this lead goes on: wait until it is over".to_owned(),
                });
            }
            of_lead.push(row.id("id")?);
        }
        index::forget(tx, lead).await?;
        self.erase_files(tx, FilesOf::Lead(lead)).await?;
        for (name, sql) in &BELONGINGS {
            let rows = tx.execute(sql, args![lead.uuid()]).await?;
            let before = removed.counts.get(*name).and_then(Value::as_u64);
            if rows > 0 {
                let rows = rows + before.unwrap_or_default();
                removed.counts.insert((*name).to_owned(), json!(rows));
            }
        }
        for call in of_lead {
            self.forget_call(tx, now, call).await?;
            removed.calls.push(call);
        }
        removed.leads.push(lead);
        Ok(())
    }

    /// Removes what a call leaves behind; its files follow by jobs.
    pub(in crate::store) async fn forget_call(
        &self,
        tx: &mut TenantTx,
        now: UnixMillis,
        call: CallId,
    ) -> Result<()> {
        let rows = tx.fetch_all(&RECORDINGS, args![call.uuid()]).await?;
        let recordings = rows.iter().map(|row: &Row| row.parse("recording_sid"));
        let recordings: Vec<RecordingSid> = recordings.collect::<Result<_>>()?;
        for sql in &OF_CALL {
            tx.execute(sql, args![call.uuid()]).await?;
        }
        tx.execute(&FORGET_CALLER, args![call.uuid(), now]).await?;
        for recording in recordings {
            let work = JobWork::DeleteCarrierRecording { recording };
            self.add_job(tx, &work, now).await?;
        }
        self.add_job(tx, &JobWork::EraseCallFiles { call }, now)
            .await
            .map(drop)
    }
}
