//! Text messages that wait to be sent.
//!
//! A carrier of text messages has no id of ours to know a message by: told twice, it sends twice. So a message is
//! handed to it once, and one of which nobody knows what became is not handed over again.

use prosaas_core::{E164, Result, UnixMillis};

use crate::auth::TenantScope;
use crate::model::id::MessageId;
use crate::store::CrmStore;
use crate::store::db::{Sql, args};

// From the number that was called, as long as the business has it.
const TO_SEND: Sql = Sql::both(
    "SELECT messages.body, messages.at, messages.handed_at, conversations.peer, business_numbers.number
     FROM messages
     JOIN conversations ON conversations.tenant_id = messages.tenant_id
                       AND conversations.id = messages.conversation_id
     LEFT JOIN calls ON calls.tenant_id = messages.tenant_id AND calls.id = messages.call_id
     LEFT JOIN business_numbers ON business_numbers.tenant_id = messages.tenant_id
                               AND business_numbers.number = calls.business_number
                               AND business_numbers.released_at IS NULL
     WHERE messages.tenant_id = $1 AND messages.id = $2 AND messages.status = 'queued'
       AND conversations.channel = 'sms'",
);
const HAND_OVER: Sql = Sql::both(
    "UPDATE messages SET handed_at = $3, updated_at = $3
     WHERE tenant_id = $1 AND id = $2 AND status = 'queued' AND handed_at IS NULL",
);
const TAKE_BACK: Sql = Sql::both(
    "UPDATE messages SET handed_at = NULL, updated_at = $3
     WHERE tenant_id = $1 AND id = $2 AND status = 'queued'",
);

/// A text message that waits to be sent.
#[derive(Clone, Debug)]
pub struct OutboundSms {
    /// To whom.
    pub to: E164,
    /// From which number of the business; `None` when it gave the number away meanwhile.
    pub from: Option<E164>,
    /// What it says.
    pub body: String,
    /// When it was written.
    pub written_at: UnixMillis,
    /// Whether the carrier was asked before, and nobody knows what came of it.
    pub was_handed_over: bool,
}

impl CrmStore {
    /// A text message that waits to be sent; `None` when it does not, or is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbound_sms(
        &self,
        scope: &TenantScope,
        id: MessageId,
    ) -> Result<Option<OutboundSms>> {
        let tx = self.look(scope).await?;
        let Some(row) = tx.fetch_optional(&TO_SEND, args![id.uuid()]).await? else {
            return Ok(None);
        };
        Ok(Some(OutboundSms {
            to: row.get("peer")?,
            from: row.get("number")?,
            body: row.get("body")?,
            written_at: row.get("at")?,
            was_handed_over: row.get::<Option<UnixMillis>>("handed_at")?.is_some(),
        }))
    }

    /// Notes that the carrier is asked now; `false` when somebody else asks it, or did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hand_over_sms(&self, scope: &TenantScope, id: MessageId) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let handed = tx.execute(&HAND_OVER, args![id.uuid(), self.now()]).await? == 1;
        tx.commit().await?;
        Ok(handed)
    }

    /// Notes that the carrier did not take it, for certain: it may be asked again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back_sms(&self, scope: &TenantScope, id: MessageId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.execute(&TAKE_BACK, args![id.uuid(), self.now()]).await?;
        tx.commit().await
    }
}
