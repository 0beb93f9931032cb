//! A business's number at Meta: which one it is, whether Meta took it, and what was handed over to be sent by it.

use prosaas_core::message::ChatAddress;
use prosaas_core::{E164, Error, Result, TenantId};

use super::CrmStore;
use super::businesses::require_business;
use super::db::{Change, Row, Sql, args};
use crate::auth::{Permission, SystemScope, TenantScope};
use crate::model::id::MessageId;
use crate::model::whatsapp::{CloudLink, CloudNumber, MessageClaim, WaState};

const SET: Sql = Sql::both(
    "UPDATE wa_links
     SET cloud_number_id = $2, cloud_account_id = $3, cloud_on = $4, cloud_heard_at = NULL
     WHERE tenant_id = $1",
);
const FORGET: Sql = Sql::both(
    "UPDATE wa_links
     SET cloud_number_id = NULL, cloud_account_id = NULL, cloud_on = $2, cloud_heard_at = NULL
     WHERE tenant_id = $1 AND cloud_number_id IS NOT NULL",
);
const FORGET_TOKEN: Sql = Sql::both(
    "DELETE FROM business_secrets WHERE tenant_id = $1 AND name = 'whatsapp_cloud_token'",
);
const SWITCH: Sql = Sql::both(
    "UPDATE wa_links SET cloud_on = $2 WHERE tenant_id = $1 AND cloud_number_id IS NOT NULL",
);
const NUMBER: Sql = Sql::both(
    "SELECT cloud_number_id, cloud_account_id, cloud_on, cloud_heard_at FROM wa_links
     WHERE tenant_id = $1",
);
const OWNER: Sql = Sql::both(
    "/* across tenants: Meta's webhook names the number, before anybody is known */
     SELECT wa_links.tenant_id FROM businesses
     JOIN wa_links ON wa_links.tenant_id = businesses.tenant_id
     WHERE wa_links.cloud_number_id = $1 AND wa_links.cloud_on AND businesses.deleted_at IS NULL
     ORDER BY wa_links.tenant_id LIMIT 1",
);
const HEARD: Sql = Sql::both(
    "UPDATE wa_links SET cloud_heard_at = $2 WHERE tenant_id = $1 AND cloud_number_id IS NOT NULL",
);
const CLAIM: Sql = Sql::both(
    "UPDATE messages SET claim_digest = $3
     WHERE tenant_id = $1 AND id = $2 AND claim_digest IS NULL",
);
const CLAIMED: Sql =
    Sql::both("SELECT claim_digest, claim_sent FROM messages WHERE tenant_id = $1 AND id = $2");
const TAKEN: Sql = Sql::both(
    "UPDATE messages SET claim_sent = $3
     WHERE tenant_id = $1 AND id = $2 AND claim_digest IS NOT NULL",
);
const NOT_TAKEN: Sql = Sql::both(
    "UPDATE messages SET claim_digest = NULL
     WHERE tenant_id = $1 AND id = $2 AND claim_sent = $3",
);

impl CrmStore {
    /// Gives the business a number at Meta, instead of a linked phone or of another number. It is used once Meta
    /// took it: [`CrmStore::switch_wa_cloud`].
    ///
    /// # Errors
    /// `Invalid`; `Conflict` `phone-linked`; `NotFound` when there is no such business; `Forbidden`.
    pub async fn set_wa_cloud(&self, scope: &TenantScope, number: &CloudNumber) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        number.check()?;
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let before = self.own_link(&mut tx).await?;
        let is_linked = matches!(
            before.state,
            WaState::Ready | WaState::Connecting | WaState::Unreachable | WaState::Replaced
        );
        if before.cloud.is_none() && is_linked {
            return Err(Error::Conflict {
                what: "phone-linked",
                detail: "the business's WhatsApp is linked to a phone: unlink it first".to_owned(),
            });
        }
        let values = args![&number.number_id, &number.account_id, false];
        tx.execute(&SET, values).await?;
        let change = Change::new("whatsapp.cloud_set", "whatsapp", scope.tenant());
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Takes the number at Meta away with its token; a phone can be linked again. Conversations stay.
    ///
    /// # Errors
    /// `NotFound` when the business has none; `Forbidden`.
    pub async fn forget_wa_cloud(&self, scope: &TenantScope) -> Result<()> {
        scope.require(Permission::KeysWrite)?;
        let mut tx = self.write(scope).await?;
        if tx.execute(&FORGET, args![false]).await? == 0 {
            return Err(Error::NotFound {
                what: "number at Meta",
            });
        }
        tx.execute(&FORGET_TOKEN, args![]).await?;
        let change = Change::new("whatsapp.cloud_forgotten", "whatsapp", scope.tenant());
        tx.record(change.without_event());
        tx.commit().await
    }

    /// The business's number at Meta, if it has one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wa_cloud(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
    ) -> Result<Option<CloudLink>> {
        let tx = self.look(&TenantScope::for_agent(tenant)).await?;
        match tx.fetch_optional(&NUMBER, args![]).await? {
            Some(row) => cloud(&row),
            None => Ok(None),
        }
    }

    /// Whose number it is, by Meta's id of it; only of numbers that Meta took.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wa_cloud_owner(
        &self,
        scope: &SystemScope,
        number_id: &str,
    ) -> Result<Option<TenantId>> {
        let tx = self.system_look(scope).await?;
        let row = tx.fetch_optional(&OWNER, args![number_id]).await?;
        row.map(|row| row.id("tenant_id")).transpose()
    }

    /// Notes that Meta took the business's number, or that it is not used any more.
    ///
    /// # Errors
    /// `Conflict` `number-taken` when another business uses it; `NotFound` when this one has none.
    pub async fn switch_wa_cloud(
        &self,
        finder: &SystemScope,
        tenant: TenantId,
        is_on: bool,
    ) -> Result<()> {
        let none = || Error::NotFound {
            what: "number at Meta",
        };
        if is_on {
            let link = self.wa_cloud(finder, tenant).await?.ok_or_else(none)?;
            let owner = self.wa_cloud_owner(finder, &link.number.number_id).await?;
            if owner.is_some_and(|owner| owner != tenant) {
                return Err(Error::Conflict {
                    what: "number-taken",
                    detail: "another business of this installation uses this number".to_owned(),
                });
            }
        }
        let mut tx = self.write(&TenantScope::for_agent(tenant)).await?;
        if tx.execute(&SWITCH, args![is_on]).await? == 0 {
            return Err(none());
        }
        tx.commit().await
    }

    /// Notes that Meta's webhook told of the business's number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_wa_cloud_heard(&self, _finder: &SystemScope, tenant: TenantId) -> Result<()> {
        let mut tx = self.write(&TenantScope::for_agent(tenant)).await?;
        tx.execute(&HEARD, args![self.now()]).await?;
        tx.commit().await
    }

    /// Writes down that a message with this content is about to be handed to Meta, unless it was before.
    ///
    /// # Errors
    /// `NotFound` when the business has no such message.
    pub async fn claim_message(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
        (id, digest): (MessageId, [u8; 32]),
    ) -> Result<MessageClaim> {
        let mut tx = self.write(&TenantScope::for_agent(tenant)).await?;
        if tx.execute(&CLAIM, args![id.uuid(), digest]).await? > 0 {
            tx.commit().await?;
            return Ok(MessageClaim::New);
        }
        let row = tx.fetch_one(&CLAIMED, args![id.uuid()], "message").await?;
        let known: Option<Vec<u8>> = row.get("claim_digest")?;
        let is_sent: bool = row.get("claim_sent")?;
        Ok(match known {
            Some(known) if known != digest => MessageClaim::Other,
            _ if is_sent => MessageClaim::Sent,
            _ => MessageClaim::InDoubt,
        })
    }

    /// Writes down that Meta took a message that was handed to it, or certainly did not: then it may be handed
    /// over again. Of one that never was, nothing is noted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_claim(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
        (id, is_sent): (MessageId, bool),
    ) -> Result<()> {
        let mut tx = self.write(&TenantScope::for_agent(tenant)).await?;
        let sql = if is_sent { &TAKEN } else { &NOT_TAKEN };
        tx.execute(sql, args![id.uuid(), is_sent]).await?;
        tx.commit().await
    }

    /// The phone number of whoever is at an address of another way to WhatsApp, when exactly one is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wa_number_behind(
        &self,
        _finder: &SystemScope,
        tenant: TenantId,
        chat: &ChatAddress,
    ) -> Result<Option<E164>> {
        let scope = TenantScope::for_agent(tenant);
        let mut known = self.wa_numbers(&scope, chat).await?;
        known.dedup();
        let only = known.pop();
        Ok(only.filter(|_| known.is_empty()))
    }
}

/// The number at Meta of a row of `wa_links`.
pub(super) fn cloud(row: &Row) -> Result<Option<CloudLink>> {
    let Some(number_id) = row.get("cloud_number_id")? else {
        return Ok(None);
    };
    Ok(Some(CloudLink {
        number: CloudNumber {
            number_id,
            account_id: row.get("cloud_account_id")?,
        },
        is_on: row.get("cloud_on")?,
        heard_at: row.get("cloud_heard_at")?,
    }))
}
