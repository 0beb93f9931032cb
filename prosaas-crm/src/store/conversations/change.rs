//! What people do with a conversation: read it, take it, give it back, close it.

use prosaas_core::message::ChatAddress;
use prosaas_core::{Result, UnixMillis};
use serde_json::json;

use super::{locked, of_lead, one};
use crate::auth::TenantScope;
use crate::model::check;
use crate::model::conversation::{
    Conversation, ConversationPatch, ConversationStatus, PausedReason,
};
use crate::model::id::{ConversationId, UserId};
use crate::model::job::JobWork;
use crate::model::patch::require_change;
use crate::model::time::Time;
use crate::store::CrmStore;
use crate::store::db::{Change, Sql, TenantTx, args};
use crate::store::records::{expect_changed, expect_version, require_member};

/// The most messages that one sign of having read names.
const MOST_READ: u32 = 100;

const UPDATE: Sql = Sql::both(
    "UPDATE conversations
     SET agent_paused = $4, paused_reason = $5, assignee_id = $6, status = $7, updated_at = $8,
         close_reason = $9, snoozed_until = $10, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);
const WAKE: Sql = Sql::both(
    "UPDATE conversations
     SET status = 'open', snoozed_until = NULL, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND snoozed_until = $3 AND deleted_at IS NULL",
);
const READ: Sql = Sql::both(
    "UPDATE conversations SET unread = 0, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const READ_MESSAGES: Sql = Sql::both(
    "UPDATE messages SET read_at = $3, updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND conversation_id = $2 AND direction = 'inbound' AND read_at IS NULL",
);
const READ_AT: Sql = Sql::both(
    "SELECT external_id FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND read_at = $3 AND direction = 'inbound'
       AND external_id IS NOT NULL
     ORDER BY at DESC, id DESC LIMIT $4",
);

impl CrmStore {
    /// Changes a conversation that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid` when nothing changes; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_conversation(
        &self,
        scope: &TenantScope,
        id: ConversationId,
        expected: u64,
        patch: ConversationPatch,
    ) -> Result<Conversation> {
        require_change(&[
            patch.agent_paused.is_change(),
            patch.assignee.is_change(),
            patch.status.is_change(),
            patch.close_reason.is_change(),
            patch.snoozed_until.is_change(),
        ])?;
        let mut tx = self.write(scope).await?;
        let before = locked(&mut tx, id).await?;
        expect_version(before.version, expected)?;
        let paused = match patch.agent_paused.0 {
            // Whoever had it before, the reason that is known stays.
            Some(true) => before.paused.or(Some(PausedReason::Switched)),
            Some(false) => None,
            None => before.paused,
        };
        let assignee = patch.assignee.apply(before.assignee);
        if assignee != before.assignee {
            require_member(&mut tx, assignee).await?;
        }
        let (status, snoozed_until) = patch.turn(&before, self.now())?;
        let close_reason = match status {
            ConversationStatus::Closed => patch.close_reason.apply(before.close_reason),
            _ => None,
        };
        let most = ConversationPatch::MAX_REASON;
        let close_reason = check::optional("close_reason", close_reason.as_deref(), most)?;
        let values = args![
            id.uuid(),
            expected,
            paused.is_some(),
            paused.map(PausedReason::as_str),
            assignee.map(UserId::uuid),
            status.as_str(),
            self.now(),
            close_reason.as_deref(),
            snoozed_until,
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        if let Some(at) = snoozed_until {
            self.wake_later(&mut tx, id, at).await?;
        }
        let detail = json!({
            "agent_paused": paused.is_some(),
            "assignee": assignee,
            "status": status,
            "close_reason": close_reason,
            "snoozed_until": snoozed_until.map(Time::from),
        });
        let change = Change::new("conversation.updated", "conversation", id).detail(detail);
        tx.record(of_lead(change, before.lead));
        let after = one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Has a conversation that is put off come back at a moment.
    pub(super) async fn wake_later(
        &self,
        tx: &mut TenantTx,
        conversation: ConversationId,
        at: UnixMillis,
    ) -> Result<()> {
        let work = JobWork::WakeConversation { conversation, at };
        self.add_job(tx, &work, at).await.map(drop)
    }

    /// Opens a conversation that is put off until just this moment; `false` when it is not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wake_conversation(
        &self,
        scope: &TenantScope,
        id: ConversationId,
        at: UnixMillis,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let values = args![id.uuid(), at, self.now()];
        if tx.execute(&WAKE, values).await? == 0 {
            return Ok(false);
        }
        let after = one(&mut tx, id).await?;
        let change = Change::new("conversation.woken", "conversation", id).without_audit();
        tx.record(of_lead(change, after.lead));
        tx.commit().await?;
        Ok(true)
    }

    /// Notes that everything in a conversation was read, and has the other side told when the business wants
    /// that. One in which nothing waits stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn read_conversation(
        &self,
        scope: &TenantScope,
        id: ConversationId,
    ) -> Result<Conversation> {
        let mut tx = self.write(scope).await?;
        let before = locked(&mut tx, id).await?;
        let now = self.now();
        let read = tx.execute(&READ_MESSAGES, args![id.uuid(), now]).await?;
        if read == 0 && before.unread == 0 {
            return Ok(before);
        }
        tx.execute(&READ, args![id.uuid(), now]).await?;
        if read > 0 && self.wa_settings_within(&mut tx).await?.read_receipts {
            let work = JobWork::MarkRead {
                conversation: id,
                at: now,
            };
            self.add_job(&mut tx, &work, now).await?;
        }
        let change = Change::new("conversation.read", "conversation", id);
        tx.record(of_lead(
            change.without_audit().without_webhooks(),
            before.lead,
        ));
        let after = one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// What was read at a moment, by the channel's ids, and where it came from; the newest 100 at most.
    ///
    /// # Errors
    /// `NotFound` when the conversation is gone.
    pub async fn read_messages(
        &self,
        scope: &TenantScope,
        id: ConversationId,
        at: UnixMillis,
    ) -> Result<(ChatAddress, Vec<String>)> {
        let mut tx = self.read(scope).await?;
        let conversation = one(&mut tx, id).await?;
        let rows = tx
            .fetch_all(&READ_AT, args![id.uuid(), at, MOST_READ])
            .await?;
        let ids = rows.iter().map(|row| row.get("external_id"));
        Ok((
            ChatAddress(conversation.peer),
            ids.collect::<Result<Vec<_>>>()?,
        ))
    }
}
