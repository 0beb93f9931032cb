//! Whose a conversation is: the names by which a channel calls the other side, and the lead behind them.

use prosaas_core::message::{ChatParty, ContactAlias};
use prosaas_core::{LeadId, Result, UnixMillis};

use super::{BEGIN, BY_PEER, Conversation, conversation, locked, one};
use crate::model::conversation::{Channel, ConversationStatus, PausedReason};
use crate::model::id::{ConversationId, UserId};
use crate::model::identity::{IdentityKind, NewIdentity};
use crate::model::job::JobWork;
use crate::model::phone::PhoneRegion;
use crate::rules::chat::{is_person, pause_of_both, turn_of_both, waits_for_a_person};
use crate::store::CrmStore;
use crate::store::db::{Sql, TenantTx, args};

/// The longest name of a peer, in characters.
const MAX_NAME: usize = 200;

const BY_NAME: Sql = Sql::both(
    "SELECT conversations.* FROM conversation_peers AS names
     JOIN conversations ON conversations.tenant_id = names.tenant_id
                       AND conversations.id = names.conversation_id
     WHERE names.tenant_id = $1 AND names.channel = $2 AND names.kind = $3 AND names.value = $4
       AND conversations.deleted_at IS NULL",
);
// A conversation that was thrown away gives its names to the one that comes after it.
const NAME: Sql = Sql::both(
    "INSERT INTO conversation_peers (tenant_id, channel, kind, value, conversation_id, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant_id, channel, kind, value) DO UPDATE SET conversation_id = excluded.conversation_id
      WHERE conversation_peers.conversation_id IN (
          SELECT id FROM conversations WHERE tenant_id = $1 AND deleted_at IS NOT NULL)",
);
const SET_PEER_NAME: Sql = Sql::both(
    "UPDATE conversations SET peer_name = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const SET_LEAD: Sql = Sql::both(
    "UPDATE conversations SET lead_id = $3, updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const AGE: Sql = Sql::both("SELECT created_at FROM leads WHERE tenant_id = $1 AND id = $2");
const MOVE_MESSAGES: Sql = Sql::both(
    "UPDATE messages SET conversation_id = $3 WHERE tenant_id = $1 AND conversation_id = $2",
);
const MOVE_NAMES: Sql = Sql::both(
    "UPDATE conversation_peers SET conversation_id = $3 WHERE tenant_id = $1 AND conversation_id = $2",
);
// A person who had one of them has the one that is left.
const TAKE_OVER: Sql = Sql::split(
    "UPDATE conversations
     SET unread = unread + $3, last_message_at = max(last_message_at, $4),
         last_inbound_at = max(coalesce(last_inbound_at, $5), coalesce($5, last_inbound_at)),
         agent_paused = $6, paused_reason = $7, assignee_id = coalesce(assignee_id, $8),
         status = $9, close_reason = $10, snoozed_until = $11, updated_at = $12, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET unread = unread + $3, last_message_at = greatest(last_message_at, $4),
         last_inbound_at = greatest(last_inbound_at, $5),
         agent_paused = $6, paused_reason = $7, assignee_id = coalesce(assignee_id, $8),
         status = $9, close_reason = $10, snoozed_until = $11, updated_at = $12, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const DROP: Sql = Sql::both("DELETE FROM conversations WHERE tenant_id = $1 AND id = $2");

/// One name: its kind as it is stored, and its value.
type Name = (&'static str, String);

/// What a channel said of the other side.
pub(super) struct Names {
    /// By which his conversation is found, the surest first.
    of_conversation: Vec<Name>,
    /// By which his lead is found, the surest first.
    pub(super) of_lead: Vec<NewIdentity>,
    address: String,
    shown: Option<String>,
    is_person: bool,
}

impl Names {
    /// Every name is a text from outside: what has not the form of its kind is left out.
    pub(super) fn of(party: &ChatParty) -> Self {
        let mut of_lead: Vec<NewIdentity> = party.aliases.iter().filter_map(identity).collect();
        of_lead.sort_by_key(|one| strength(one.kind()));
        of_lead.dedup();
        let address = cleaned(&party.address.0);
        // A user name can be given up and taken by somebody else: it finds no conversation.
        let others = of_lead
            .iter()
            .filter(|one| one.kind() != IdentityKind::WaUsername)
            .map(|one| (one.kind().as_str(), one.expose().to_owned()));
        Self {
            of_conversation: std::iter::once(("address", address.clone()))
                .chain(others)
                .collect(),
            is_person: is_person(&party.address),
            shown: party.name.as_ref().map(|name| name.expose().to_owned()),
            of_lead,
            address,
        }
    }
}

fn identity(alias: &ContactAlias) -> Option<NewIdentity> {
    let parse = |kind, text: &str| NewIdentity::parse(kind, text, PhoneRegion::IL).ok();
    match alias {
        ContactAlias::Phone(number) => Some(NewIdentity::phone(number)),
        ContactAlias::Lid(lid) => parse(IdentityKind::WaLid, lid),
        ContactAlias::Bsuid(id) => parse(IdentityKind::WaBsuid, id),
        ContactAlias::Username(name) => parse(IdentityKind::WaUsername, name),
        _ => None,
    }
}

const fn strength(kind: IdentityKind) -> u8 {
    match kind {
        IdentityKind::WaLid => 0,
        IdentityKind::WaBsuid => 1,
        IdentityKind::E164 => 2,
        _ => 3,
    }
}

/// A text of the channel as it may be stored: no control characters, bounded.
pub(super) fn cleaned(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(MAX_NAME).collect()
}

impl CrmStore {
    /// The conversation with somebody on WhatsApp: the one that has a name of his, or a new one. Conversations
    /// that the channel now says are one person's become one. Under the business's lock.
    pub(super) async fn conversation_of(
        &self,
        tx: &mut TenantTx,
        names: &Names,
        at: UnixMillis,
    ) -> Result<Conversation> {
        let mut found = Vec::new();
        for (kind, value) in &names.of_conversation {
            let values = args![Channel::Whatsapp.as_str(), *kind, value];
            if let Some(row) = tx.fetch_optional(&BY_NAME, values).await? {
                let known = conversation(&row)?;
                if found.iter().all(|one: &Conversation| one.id != known.id) {
                    found.push(known);
                }
            }
        }
        // The oldest stays: it is the one that people know.
        found.sort_by_key(|one| (one.created_at, one.id));
        let mut found = found.into_iter();
        let id = match found.next() {
            Some(known) => known.id,
            None => self.begin(tx, names, at).await?,
        };
        for other in found {
            self.take_conversation_over(tx, id, other.id).await?;
        }
        self.note_names(tx, id, names).await?;
        one(tx, id).await
    }

    /// The conversation that has a name of his, if there is one.
    pub(super) async fn known_conversation(
        &self,
        tx: &mut TenantTx,
        names: &Names,
        at: UnixMillis,
    ) -> Result<Option<Conversation>> {
        for (kind, value) in &names.of_conversation {
            let values = args![Channel::Whatsapp.as_str(), *kind, value];
            if tx.fetch_optional(&BY_NAME, values).await?.is_some() {
                return self.conversation_of(tx, names, at).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn begin(
        &self,
        tx: &mut TenantTx,
        names: &Names,
        at: UnixMillis,
    ) -> Result<ConversationId> {
        let now = self.now();
        let channel = Channel::Whatsapp.as_str();
        let values = args![
            ConversationId::mint(now).uuid(),
            None::<uuid::Uuid>,
            channel,
            &names.address,
            at,
            now,
        ];
        tx.execute(&BEGIN, values).await?;
        let peer = args![channel, &names.address];
        tx.fetch_one(&BY_PEER, peer, "conversation").await?.id("id")
    }

    async fn note_names(&self, tx: &mut TenantTx, id: ConversationId, names: &Names) -> Result<()> {
        let now = self.now();
        for (kind, value) in &names.of_conversation {
            let values = args![Channel::Whatsapp.as_str(), *kind, value, id.uuid(), now];
            tx.execute(&NAME, values).await?;
        }
        if let Some(shown) = &names.shown
            && one(tx, id).await?.peer_name.as_ref() != Some(shown)
        {
            tx.execute(&SET_PEER_NAME, args![id.uuid(), shown, now])
                .await?;
        }
        Ok(())
    }

    /// Everything of one conversation goes to another one of the same person; whoever waited for the business
    /// in either of them still does.
    async fn take_conversation_over(
        &self,
        tx: &mut TenantTx,
        into: ConversationId,
        other: ConversationId,
    ) -> Result<()> {
        // As they are now: somebody may have closed or taken one of them since it was found.
        let (kept, other) = (locked(tx, into).await?, locked(tx, other).await?);
        let (from, to) = (other.id.uuid(), into.uuid());
        tx.execute(&MOVE_MESSAGES, args![from, to]).await?;
        tx.execute(&MOVE_NAMES, args![from, to]).await?;
        let status = turn_of_both(kept.status, other.status);
        let paused = pause_of_both(kept.paused, other.paused);
        let is_closed = status == ConversationStatus::Closed;
        let why = kept.close_reason.or(other.close_reason);
        let snoozed = kept.snoozed_until.into_iter().chain(other.snoozed_until);
        let snoozed = snoozed
            .min()
            .filter(|_| status == ConversationStatus::Waiting);
        let values = args![
            to,
            other.unread,
            other.last_message_at,
            other.last_inbound_at,
            paused.is_some(),
            paused.map(PausedReason::as_str),
            other.assignee.map(UserId::uuid),
            status.as_str(),
            why.filter(|_| is_closed).as_deref(),
            snoozed,
            self.now(),
        ];
        tx.execute(&TAKE_OVER, values).await?;
        tx.execute(&DROP, args![from]).await?;
        if let Some(at) = snoozed {
            self.wake_later(tx, into, at).await?;
        }
        if kept.paused != paused && paused.is_some_and(waits_for_a_person) {
            // The alert about the other one finds it gone.
            let alert = JobWork::AlertConversation {
                conversation: into,
                at: self.now(),
            };
            self.add_job(tx, &alert, self.now()).await?;
        }
        Ok(())
    }

    /// The lead behind a conversation: the one it has, the one who has a name of his, or a new one; `None`
    /// for a group. Two leads that the channel says are one person become one, which can be undone.
    pub(super) async fn lead_behind(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        names: &Names,
    ) -> Result<Option<LeadId>> {
        if !names.is_person {
            return Ok(None);
        }
        let mut known = Vec::new();
        if let Some(lead) = conversation.lead {
            known.extend(self.live_lead(tx, lead).await?);
        }
        for lead in self.leads_with(tx, &names.of_lead).await? {
            if !known.contains(&lead) {
                known.push(lead);
            }
        }
        let lead = if known.is_empty() {
            self.lead_of_stranger(tx, names.shown.as_deref()).await?
        } else {
            self.one_of(tx, known).await?
        };
        self.give_identities(tx, lead, &names.of_lead).await?;
        if conversation.lead != Some(lead) {
            let values = args![conversation.id.uuid(), lead.uuid(), self.now()];
            tx.execute(&SET_LEAD, values).await?;
        }
        Ok(Some(lead))
    }

    /// The oldest of these leads, with the others merged into it.
    pub(super) async fn one_of(&self, tx: &mut TenantTx, leads: Vec<LeadId>) -> Result<LeadId> {
        let mut by_age = Vec::with_capacity(leads.len());
        for lead in leads {
            let row = tx.fetch_one(&AGE, args![lead.uuid()], "lead").await?;
            by_age.push((row.get::<UnixMillis>("created_at")?, lead));
        }
        by_age.sort_unstable();
        let winner = by_age[0].1;
        for (_, loser) in by_age.drain(1..) {
            self.merge_within(tx, winner, loser).await?;
        }
        Ok(winner)
    }
}
