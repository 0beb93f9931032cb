//! How far messages of ours have come: only ever forward.

use prosaas_core::{Result, UnixMillis};

use super::{of_lead, one, one_message};
use crate::auth::{SystemScope, TenantScope};
use crate::model::conversation::{MessageFailure, MessageStatus};
use crate::model::id::MessageId;
use crate::store::CrmStore;
use crate::store::db::{Change, Sql, args};

const ADVANCE: Sql = Sql::both(
    "UPDATE messages
     SET status = $3, status_rank = $4, failure_code = $5, failure = $6,
         sent_at = coalesce(sent_at, $7), delivered_at = coalesce(delivered_at, $8),
         read_at = coalesce(read_at, $9), updated_at = $10, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND direction = 'outbound' AND status_rank < $4",
);
const STUCK: Sql = Sql::both(
    "/* across tenants: what was never sent is found by its age; each message names its business */
     UPDATE messages SET status = 'failed', status_rank = 2, failure_code = 'given-up',
         failure = 'it could not be sent in time', updated_at = $1, version = version + 1
     WHERE status = 'queued' AND created_at < $2",
);

impl CrmStore {
    /// Moves a message of ours forward; `false` when it was there already, or is not the business's. Reports
    /// may come twice and in any order: the furthest holds, and what reached the phone did not fail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn advance_message(
        &self,
        scope: &TenantScope,
        id: MessageId,
        (status, failure): (MessageStatus, Option<MessageFailure>),
        at: UnixMillis,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let when = |wanted: MessageStatus| (status == wanted).then_some(at);
        let (code, sentence) = failure.map_or((None, None), |failure| {
            (Some(failure.code), Some(failure.sentence))
        });
        let values = args![
            id.uuid(),
            status.as_str(),
            status.rank(),
            code,
            sentence,
            when(MessageStatus::Sent),
            when(MessageStatus::Delivered),
            when(MessageStatus::Read),
            self.now(),
        ];
        if tx.execute(&ADVANCE, values).await? == 0 {
            return Ok(false);
        }
        let message = one_message(&mut tx, id).await?;
        let conversation = one(&mut tx, message.conversation).await?;
        // Webhooks hear of what failed; that a message was read comes too often.
        let kind = match status {
            MessageStatus::Failed => "message.failed",
            _ => "message.updated",
        };
        let change = Change::new(kind, "conversation", conversation.id).without_audit();
        let change = match status {
            MessageStatus::Failed => change,
            _ => change.without_webhooks(),
        };
        tx.record(of_lead(change, conversation.lead));
        if status == MessageStatus::Failed {
            self.reply_otherwise(&mut tx, id).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives up what was written before a moment and never sent: its job is dead. Returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_up_unsent(&self, scope: &SystemScope, before: UnixMillis) -> Result<u64> {
        let mut tx = self.system_write(scope).await?;
        let given_up = tx.execute(&STUCK, args![self.now(), before]).await?;
        tx.commit().await?;
        Ok(given_up)
    }
}
