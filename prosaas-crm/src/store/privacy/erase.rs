//! Erasing a person: everything that is his, and his traces in what remembers other things.

use prosaas_core::{CallId, Error, LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::person::Person;
use super::tombstones::{self, ErasureKey, TombstoneKeeper};
use crate::auth::{Permission, SystemScope, TenantScope};
use crate::model::batch::{BatchKind, BatchState};
use crate::model::id::{BatchJobId, ConversationId, SubjectRequestId};
use crate::model::privacy::Tombstone;
use crate::store::CrmStore;
use crate::store::batches::Open;
use crate::store::conversations::FilesOf;
use crate::store::db::{Change, Sql, TenantTx, args};

const LEAD: Sql = Sql::both("SELECT 1 AS found FROM leads WHERE tenant_id = $1 AND id = $2");
const LINK_REQUEST: Sql = Sql::both(
    "UPDATE data_subject_requests SET status = 'in_progress', lead_id = $3, batch_id = $4,
         updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND status IN ('open', 'in_progress')",
);
const END_REQUESTS: Sql = Sql::both(
    "UPDATE data_subject_requests SET status = 'done', handled_kind = $3, handled_id = $4,
         handled_at = $5
     WHERE tenant_id = $1 AND batch_id = $2 AND status IN ('open', 'in_progress')",
);

/// Traces by a lead's id: `$2` is the id, `$3` as it is printed.
const OF_LEAD: [Sql; 4] = [
    Sql::both("DELETE FROM events WHERE tenant_id = $1 AND (lead_id = $2 OR entity_id = $3)"),
    Sql::both(
        "UPDATE audit_log SET detail = '{}' WHERE tenant_id = $1 AND entity_id = $3 AND $2 IS NOT NULL",
    ),
    Sql::split(
        "DELETE FROM webhook_deliveries
         WHERE tenant_id = $1 AND state <> 'pending' AND payload ->> '$.data.lead_id' = $3
           AND $2 IS NOT NULL",
        "DELETE FROM webhook_deliveries
         WHERE tenant_id = $1 AND state <> 'pending' AND payload -> 'data' ->> 'lead_id' = $3
           AND $2::uuid IS NOT NULL",
    ),
    Sql::both(
        "UPDATE data_subject_requests SET subject = '', contact = '', note = '', lead_id = NULL,
             version = version + 1
         WHERE tenant_id = $1 AND lead_id = $2 AND $3 <> ''",
    ),
];
/// Traces by a call's id: `$2` is the id, `$3` as it is printed.
const OF_CALL: [Sql; 6] = [
    Sql::both("DELETE FROM tasks WHERE tenant_id = $1 AND call_id = $2 AND $3 <> ''"),
    Sql::both("DELETE FROM appointments WHERE tenant_id = $1 AND call_id = $2 AND $3 <> ''"),
    Sql::split(
        "DELETE FROM events WHERE tenant_id = $1 AND entity_id = $3 AND $2 IS NOT NULL",
        "DELETE FROM events WHERE tenant_id = $1 AND entity_id = $3 AND $2::uuid IS NOT NULL",
    ),
    Sql::split(
        "UPDATE audit_log SET detail = '{}' WHERE tenant_id = $1 AND entity_id = $3 AND $2 IS NOT NULL",
        "UPDATE audit_log SET detail = '{}'
         WHERE tenant_id = $1 AND entity_id = $3 AND $2::uuid IS NOT NULL",
    ),
    // Jobs hold ids only; why one failed is our own sentence, and goes to be certain.
    Sql::split(
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND work ->> 'call' = $3 AND $2 IS NOT NULL",
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND work ->> 'call' = $3
           AND $2::uuid IS NOT NULL",
    ),
    Sql::both("DELETE FROM call_leads WHERE tenant_id = $1 AND call_id = $2 AND $3 <> ''"),
];
/// Traces by a conversation's id: `$2` is the id, `$3` as it is printed. Jobs that have not run yet find
/// nothing any more.
const OF_CONVERSATION: [Sql; 8] = [
    Sql::both(
        "DELETE FROM search_tokens
         WHERE tenant_id = $1 AND entity_kind = 'message' AND $3 <> '' AND entity_id IN (
             SELECT id FROM messages WHERE tenant_id = $1 AND conversation_id = $2)",
    ),
    Sql::split(
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND $3 <> '' AND work ->> 'message' IN (
             SELECT 'msg_' || lower(hex(id)) FROM messages WHERE tenant_id = $1 AND conversation_id = $2)",
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND $3 <> '' AND work ->> 'message' IN (
             SELECT 'msg_' || replace(id::text, '-', '') FROM messages
             WHERE tenant_id = $1 AND conversation_id = $2)",
    ),
    Sql::both(
        "DELETE FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND $3 <> ''",
    ),
    Sql::both(
        "DELETE FROM conversation_peers WHERE tenant_id = $1 AND conversation_id = $2 AND $3 <> ''",
    ),
    Sql::both("DELETE FROM conversations WHERE tenant_id = $1 AND id = $2 AND $3 <> ''"),
    Sql::split(
        "DELETE FROM events WHERE tenant_id = $1 AND entity_id = $3 AND $2 IS NOT NULL",
        "DELETE FROM events WHERE tenant_id = $1 AND entity_id = $3 AND $2::uuid IS NOT NULL",
    ),
    Sql::split(
        "UPDATE audit_log SET detail = '{}' WHERE tenant_id = $1 AND entity_id = $3 AND $2 IS NOT NULL",
        "UPDATE audit_log SET detail = '{}'
         WHERE tenant_id = $1 AND entity_id = $3 AND $2::uuid IS NOT NULL",
    ),
    Sql::split(
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND work ->> 'conversation' = $3
           AND $2 IS NOT NULL",
        "DELETE FROM jobs
         WHERE tenant_id = $1 AND state IN ('done', 'dead') AND work ->> 'conversation' = $3
           AND $2::uuid IS NOT NULL",
    ),
];
const UNBLOCK: Sql =
    Sql::both("DELETE FROM block_list WHERE tenant_id = $1 AND kind = 'number' AND value = $2");
// The keys stay: a request sent again is not done again, it only gets no answer any more.
const FORGET_ANSWERS: Sql =
    Sql::both("UPDATE idempotency_keys SET body = NULL WHERE owner_id = $1 AND body IS NOT NULL");
const CALL_IS_LIVE: Sql = Sql::both(
    "SELECT 1 AS found FROM calls
     WHERE tenant_id = $1 AND id = $2 AND end_reason IS NULL AND status_rank < 4",
);

/// An erasure, as it is stored until it is done: by the ids that the person will not have any more.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    lead: LeadId,
}

impl CrmStore {
    /// Begins to erase a person: everything that is this lead's, and that of every other lead with one of
    /// his identities. It cannot be taken back. A request that names it is done when the erasure is.
    ///
    /// # Errors
    /// `Forbidden` without the right; `NotFound` when there is no such lead or request.
    pub async fn begin_erasure(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        request: Option<SubjectRequestId>,
    ) -> Result<BatchJobId> {
        scope.require(Permission::PrivacyWrite)?;
        let mut tx = self.write(scope).await?;
        tx.require(&LEAD, args![lead.uuid()], "lead").await?;
        let spec = json!(Spec { lead });
        let id = self
            .begin_batch(&mut tx, BatchKind::PersonErasure, spec, Some(1))
            .await?;
        link_request(&mut tx, request, lead, id, self.now()).await?;
        tx.record(Change::new("person.erasure_started", "lead", lead).without_event());
        tx.commit().await?;
        Ok(id)
    }

    /// Erases the person of a batch job. The tombstones are kept outside of the database first, so that no
    /// erasure is forgotten with the database it was done in. What is over stays over.
    ///
    /// # Errors
    /// `Conflict` `call-live` while one of his calls goes on, and when something fails: then nothing is
    /// erased, and the next attempt begins again.
    pub async fn run_erasure(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        key: &ErasureKey,
        keeper: &dyn TombstoneKeeper,
    ) -> Result<()> {
        let (asked, _) = self.batch_scope(scope, id).await?;
        self.forget_answers(scope).await?;
        let right = |_: &Open| Ok(Permission::PrivacyWrite);
        let Some((mut tx, mut open)) = self.begin_step(&asked, id, right).await? else {
            return Ok(());
        };
        let (now, spec) = (self.now(), open.spec::<Spec>()?);
        let person = Person::find(&mut tx, [spec.lead], now).await?;
        let hashes = hashes(key, scope, &person)?;
        let tombstones: Vec<_> = hashes
            .iter()
            .map(|hash| Tombstone {
                tenant: scope.tenant(),
                hash: *hash,
                erased_at: now,
            })
            .collect();
        keeper.keep(&tombstones).await?;
        tombstones::store(&mut tx, &hashes, now).await?;
        let actor = tx.actor();
        let values = args![id.uuid(), actor.kind(), actor.id(), now];
        tx.execute(&END_REQUESTS, values).await?;
        self.erase(&mut tx, now, &person).await?;
        open.done = 1;
        open.result = json!({
            "leads": person.leads.len(),
            "calls": person.calls.len(),
            "conversations": person.conversations.len(),
        });
        open.end(&mut tx, now, BatchState::Done).await?;
        tx.commit().await?;
        // Answers to requests that were on their way meanwhile.
        self.forget_answers(scope).await
    }

    /// Removes a person's rows; files follow by jobs.
    pub(super) async fn erase(
        &self,
        tx: &mut TenantTx,
        now: UnixMillis,
        person: &Person,
    ) -> Result<()> {
        for call in &person.calls {
            if tx
                .fetch_optional(&CALL_IS_LIVE, args![call.uuid()])
                .await?
                .is_some()
            {
                return Err(Error::Conflict {
                    what: "call-live",
                    detail: "a call of this person goes on: wait until it is over".to_owned(),
                });
            }
        }
        for lead in &person.leads {
            for sql in &OF_LEAD {
                tx.execute(sql, args![lead.uuid(), lead.to_string()])
                    .await?;
            }
        }
        for call in &person.calls {
            for sql in &OF_CALL {
                tx.execute(sql, args![call.uuid(), call.to_string()])
                    .await?;
            }
            self.forget_call(tx, now, *call).await?;
        }
        for conversation in &person.conversations {
            self.erase_files(tx, FilesOf::Conversation(*conversation))
                .await?;
            for sql in &OF_CONVERSATION {
                let values = args![conversation.uuid(), conversation.to_string()];
                tx.execute(sql, values).await?;
            }
        }
        for number in person.numbers() {
            tx.execute(&UNBLOCK, args![number]).await?;
        }
        let mut gone: Vec<LeadId> = Vec::new();
        for lead in &person.leads {
            // One that was merged into another has gone with it.
            if !gone.contains(lead) {
                gone.extend(self.remove_lead(tx, *lead).await?.leads);
            }
        }
        for lead in gone {
            tx.record(Change::new("person.erased", "lead", lead));
        }
        Ok(())
    }

    /// Removes what was answered to requests with a key: any of it may tell of the person.
    pub(super) async fn forget_answers(&self, scope: &TenantScope) -> Result<()> {
        let mut tx = self.system_write(&SystemScope::for_installation()).await?;
        tx.execute(&FORGET_ANSWERS, args![scope.tenant().uuid()])
            .await?;
        tx.commit().await
    }
}

/// Notes what was begun for a person's request.
///
/// # Errors
/// `NotFound` when there is no such request, or it is over.
pub(super) async fn link_request(
    tx: &mut TenantTx,
    request: Option<SubjectRequestId>,
    lead: LeadId,
    batch: BatchJobId,
    now: UnixMillis,
) -> Result<()> {
    let Some(request) = request else {
        return Ok(());
    };
    let values = args![request.uuid(), lead.uuid(), batch.uuid(), now];
    if tx.execute(&LINK_REQUEST, values).await? == 0 {
        return Err(Error::NotFound { what: "request" });
    }
    Ok(())
}

fn hashes(key: &ErasureKey, scope: &TenantScope, person: &Person) -> Result<Vec<[u8; 32]>> {
    let tenant = scope.tenant();
    let leads = person.leads.iter().map(|lead| key.lead(tenant, *lead));
    let identities = person
        .identities
        .iter()
        .map(|(kind, value)| key.hash(tenant, kind, value));
    let calls = person
        .calls
        .iter()
        .map(|call: &CallId| key.call(tenant, *call));
    let conversations = person
        .conversations
        .iter()
        .map(|id: &ConversationId| key.hash(tenant, "conversation", &id.to_string()));
    leads
        .chain(identities)
        .chain(calls)
        .chain(conversations)
        .collect()
}
