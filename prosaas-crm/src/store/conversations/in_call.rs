//! What the agent sends a caller by WhatsApp while they speak.

use prosaas_core::message::{ChatAddress, ChatParty, ContactAlias};
use prosaas_core::whatsapp::WhatsAppCapabilities;
use prosaas_core::{CallId, E164, Error, Result};

use super::missed::{Caller, LINK, NOTE_CALL, caller};
use super::names::Names;
use super::{locked, one_message};
use crate::auth::TenantScope;
use crate::model::conversation::{Conversation, Message, NewOutbound};
use crate::model::id::MessageId;
use crate::model::whatsapp::{Strangers, WaState};
use crate::rules::chat::{Writing, require_may_write};
use crate::store::CrmStore;
use crate::store::call_list::entry_within;
use crate::store::db::{Sql, TenantTx, args};
use crate::store::situation;

/// The most messages that one call may bring its caller.
pub const MAX_IN_CALL: u32 = 3;

const COUNT: Sql = Sql::both(
    "SELECT count(*) AS messages FROM messages
     WHERE tenant_id = $1 AND call_id = $2 AND direction = 'outbound'",
);
const LEAD_OF_NUMBER: Sql = Sql::split(
    "SELECT lead_id FROM lead_identities
     WHERE tenant_id = $1 AND kind = 'e164' AND value = $2 AND live = 1 LIMIT 1",
    "SELECT lead_id FROM lead_identities
     WHERE tenant_id = $1 AND kind = 'e164' AND value = $2 AND live LIMIT 1",
);
const NUMBERS: Sql = Sql::both(
    "SELECT others.value FROM conversation_peers AS names
     JOIN conversation_peers AS others ON others.tenant_id = names.tenant_id
                                      AND others.conversation_id = names.conversation_id
     WHERE names.tenant_id = $1 AND names.channel = 'whatsapp' AND names.kind = 'address'
       AND names.value = $2 AND others.kind = 'e164' LIMIT 20",
);
// For who writes under a name of the channel's own.
const LEADS_NUMBERS: Sql = Sql::split(
    "SELECT lead_identities.value FROM conversation_peers AS names
     JOIN conversations ON conversations.tenant_id = names.tenant_id
                       AND conversations.id = names.conversation_id
     JOIN lead_identities ON lead_identities.tenant_id = conversations.tenant_id
                         AND lead_identities.lead_id = conversations.lead_id
     WHERE names.tenant_id = $1 AND names.channel = 'whatsapp' AND names.kind = 'address'
       AND names.value = $2 AND lead_identities.kind = 'e164' AND lead_identities.live = 1 LIMIT 20",
    "SELECT lead_identities.value FROM conversation_peers AS names
     JOIN conversations ON conversations.tenant_id = names.tenant_id
                       AND conversations.id = names.conversation_id
     JOIN lead_identities ON lead_identities.tenant_id = conversations.tenant_id
                         AND lead_identities.lead_id = conversations.lead_id
     WHERE names.tenant_id = $1 AND names.channel = 'whatsapp' AND names.kind = 'address'
       AND names.value = $2 AND lead_identities.kind = 'e164' AND lead_identities.live LIMIT 20",
);

impl CrmStore {
    /// Whether the caller with this number can be sent a WhatsApp that he asks for on the phone: the business is
    /// linked, and he wrote before or the business writes to strangers who ask.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn may_write_in_call(
        &self,
        scope: &TenantScope,
        number: &E164,
        can: WhatsAppCapabilities,
    ) -> Result<bool> {
        let mut tx = self.read(scope).await?;
        let lead = match tx.fetch_optional(&LEAD_OF_NUMBER, args![number]).await? {
            Some(row) => row.optional_id("lead_id")?,
            None => None,
        };
        let caller = caller(&mut tx, number.clone(), lead).await?;
        Ok(self.require_way(&mut tx, &caller, can).await.is_ok())
    }

    /// Writes to the caller of a call on WhatsApp, who asked for it, and has it sent.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call; `Conflict` `too-many`, `no-number`, `not-linked`,
    /// `blocked`, `stranger-refused`, `window-closed` or `consent-missing`; `Invalid`.
    pub async fn write_in_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        text: &str,
        can: WhatsAppCapabilities,
    ) -> Result<Message> {
        let mut tx = self.write(scope).await?;
        // Of two requests the second waits here, and then counts the first.
        tx.lock_business().await?;
        let entry = entry_within(&mut tx, call).await?;
        let row = tx.fetch_one(&COUNT, args![call.uuid()], "messages").await?;
        if row.get::<u32>("messages")? >= MAX_IN_CALL {
            return refused(
                "too-many",
                "this call has brought as many messages as it may",
            );
        }
        let Some(number) = entry.call.record.call.caller.clone() else {
            return refused("no-number", "the caller's number is not known");
        };
        if situation::is_blocked(&mut tx, &number).await? {
            return refused("blocked", "this number is on the block list");
        }
        let caller = caller(&mut tx, number.clone(), entry.call.lead).await?;
        self.require_way(&mut tx, &caller, can).await?;
        let thread = match caller.thread {
            Some(thread) => locked(&mut tx, thread.id).await?,
            None => self.thread_of(&mut tx, &number).await?,
        };
        let new = NewOutbound {
            is_wanted: true,
            ..NewOutbound::text(text)
        };
        let written = self
            .write_within(&mut tx, &thread, new, (can, None))
            .await?;
        let id: MessageId =
            written.ok_or_else(|| Error::internal("message", "an id was minted twice"))?;
        tx.execute(&NOTE_CALL, args![id.uuid(), call.uuid()])
            .await?;
        let message = one_message(&mut tx, id).await?;
        tx.commit().await?;
        Ok(message)
    }

    /// The numbers of whoever writes from an address of WhatsApp: those that the channel named, else those of his
    /// lead.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wa_numbers(&self, scope: &TenantScope, chat: &ChatAddress) -> Result<Vec<E164>> {
        let mut tx = self.read(scope).await?;
        for sql in [&NUMBERS, &LEADS_NUMBERS] {
            let rows = tx.fetch_all(sql, args![&chat.0]).await?;
            if !rows.is_empty() {
                return rows.iter().map(|row| row.get("value")).collect();
            }
        }
        Ok(Vec::new())
    }

    async fn require_way(
        &self,
        tx: &mut TenantTx,
        caller: &Caller,
        can: WhatsAppCapabilities,
    ) -> Result<()> {
        let is_linked = match tx.fetch_optional(&LINK, args![]).await? {
            Some(row) => row.parse::<WaState>("state")? == WaState::Ready,
            None => false,
        };
        if !is_linked {
            return refused("not-linked", "the business's WhatsApp is not linked");
        }
        let strangers: Strangers = self.wa_settings_within(tx).await?.strangers;
        let thread = caller.thread.as_ref();
        require_may_write(Writing {
            is_template: false,
            needs_templates: can.needs_templates,
            last_inbound_at: thread.and_then(|thread| thread.last_inbound_at),
            strangers,
            is_asked: true,
            now: self.now(),
        })
        .map(drop)
    }

    /// The conversation with a caller who never wrote, under his number's own address.
    pub(super) async fn thread_of(&self, tx: &mut TenantTx, number: &E164) -> Result<Conversation> {
        let digits = number.expose().trim_start_matches('+');
        let party = ChatParty {
            address: ChatAddress(format!("{digits}@s.whatsapp.net")),
            aliases: vec![ContactAlias::Phone(number.clone())],
            name: None,
        };
        let names = Names::of(&party);
        let mut thread = self.conversation_of(tx, &names, self.now()).await?;
        thread.lead = self.lead_behind(tx, &thread, &names).await?;
        Ok(thread)
    }
}

fn refused<T>(what: &'static str, detail: &str) -> Result<T> {
    Err(Error::Conflict {
        what,
        detail: detail.to_owned(),
    })
}
