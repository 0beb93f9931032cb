//! The message to a caller whom nobody heard: written once, in the transaction that decides about it.

use std::collections::BTreeSet;

use prosaas_core::message::ChatAddress;
use prosaas_core::whatsapp::WhatsAppCapabilities;
use prosaas_core::{CallDirection, CallId, E164, Error, LeadId, Result, UnixMillis};
use serde_json::json;

use super::{BEGIN, BY_PEER, Line, author, conversation, locked, of_lead};
use crate::auth::TenantScope;
use crate::model::call_list::{AnsweredBy, CallEntry, CallReply};
use crate::model::consent::{ConsentChannel, ConsentPurpose};
use crate::model::conversation::{
    Channel, Conversation, ConversationStatus, MessageDirection, MessageStatus, NewOutbound,
};
use crate::model::id::{ConversationId, MessageId};
use crate::model::job::JobWork;
use crate::model::phone::may_be_mobile;
use crate::model::settings::BusinessSettings;
use crate::model::whatsapp::WaState;
use crate::rules::chat::is_person;
use crate::rules::hours::{Openness, Schedule};
use crate::rules::missed_call::{self, MissedCall, Thread, Verdict, Why, decide};
use crate::store::CrmStore;
use crate::store::call_list::entry_within;
use crate::store::db::{Change, Sql, TenantTx, args};
use crate::store::records::{consent_in_force, settings};
use crate::store::situation;
use crate::whatsapp::words;

const POLICY: Sql = Sql::both("SELECT missed_call_reply FROM businesses WHERE tenant_id = $1");
// Who speaks with the business, spoke with it after he was missed, or tried again.
const IN_TOUCH: Sql = Sql::both(
    "SELECT 1 AS found FROM calls
     WHERE tenant_id = $1 AND caller_number = $2 AND id <> $3
       AND ((end_reason IS NULL OR answered_by IN ('agent', 'person')) AND coalesce(ended_at, $4) >= $4
            OR direction = 'inbound' AND (started_at, id) > ($4, $3))
     LIMIT 1",
);
const LAST_REPLY: Sql = Sql::both(
    "SELECT max(replied_at) AS at FROM calls
     WHERE tenant_id = $1 AND caller_number = $2 AND id <> $3",
);
const OWN_PEOPLE: Sql = Sql::both(
    "SELECT 1 AS found FROM businesses
     WHERE tenant_id = $1
       AND (EXISTS (SELECT 1 FROM transfer_targets
                    WHERE transfer_targets.tenant_id = $1 AND transfer_targets.number = $2)
            OR EXISTS (SELECT 1 FROM business_numbers
                       WHERE business_numbers.tenant_id = $1 AND business_numbers.released_at IS NULL
                         AND (business_numbers.number = $2 OR business_numbers.ring_number = $2)))",
);
pub(super) const LINK: Sql = Sql::both("SELECT state, number FROM wa_links WHERE tenant_id = $1");
const BY_NUMBER: Sql = Sql::both(
    "SELECT conversations.* FROM conversation_peers AS names
     JOIN conversations ON conversations.tenant_id = names.tenant_id
                       AND conversations.id = names.conversation_id
     WHERE names.tenant_id = $1 AND names.channel = 'whatsapp' AND names.kind = 'e164' AND names.value = $2
       AND conversations.deleted_at IS NULL",
);
const OF_LEAD: Sql = Sql::both(
    "SELECT * FROM conversations
     WHERE tenant_id = $1 AND lead_id = $2 AND deleted_at IS NULL
     ORDER BY last_message_at DESC, id DESC LIMIT 50",
);
const ITS_NUMBERS: Sql = Sql::both(
    "SELECT value FROM conversation_peers
     WHERE tenant_id = $1 AND conversation_id = $2 AND kind = 'e164'",
);
const NOTE_REPLY: Sql = Sql::both(
    "UPDATE calls SET reply_id = $3, replied_at = $4, updated_at = $4 WHERE tenant_id = $1 AND id = $2",
);
pub(super) const NOTE_CALL: Sql =
    Sql::both("UPDATE messages SET call_id = $3 WHERE tenant_id = $1 AND id = $2");
// A message that goes out by itself answers nobody: who waits for the business waits on.
const STILL_OPEN: Sql =
    Sql::both("UPDATE conversations SET status = 'open' WHERE tenant_id = $1 AND id = $2");
const FAILED_REPLY: Sql = Sql::both(
    "SELECT messages.call_id FROM messages
     JOIN calls ON calls.tenant_id = messages.tenant_id AND calls.id = messages.call_id
               AND calls.reply_id = messages.id
     JOIN conversations ON conversations.tenant_id = messages.tenant_id
                       AND conversations.id = messages.conversation_id
     WHERE messages.tenant_id = $1 AND messages.id = $2 AND conversations.channel = 'whatsapp'",
);

/// By which ways the installation can write to a business's callers.
#[derive(Clone, Copy, Debug)]
pub struct ReplyWays {
    /// WhatsApp, where there is a way to it.
    pub whatsapp: Option<WhatsAppCapabilities>,
    /// Text messages.
    pub sms: bool,
}

/// What is known about the one who called.
pub(super) struct Caller {
    number: E164,
    lead: Option<LeadId>,
    /// His conversation on WhatsApp.
    pub(super) thread: Option<Conversation>,
    /// All his conversations.
    all: Vec<Conversation>,
}

impl CrmStore {
    /// Writes to the caller of a call whom nobody heard, if the business wants that and nothing speaks against it,
    /// and has it sent. Once for a call; `instead_of` is a WhatsApp to him that did not arrive: then he gets a
    /// text message.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call, or is gone.
    pub async fn reply_to_missed_call(
        &self,
        scope: &TenantScope,
        call: CallId,
        (ways, instead_of): (ReplyWays, Option<MessageId>),
    ) -> Result<Verdict> {
        let mut tx = self.write(scope).await?;
        // Of two jobs for one caller the second waits here, and then finds what the first wrote.
        tx.lock_business().await?;
        let entry = entry_within(&mut tx, call).await?;
        if entry.reply.as_ref().map(|reply| reply.message) != instead_of {
            return Ok(Verdict::Nothing(Why::Written));
        }
        let business = settings::load(&mut tx).await?;
        let Some(number) = entry.call.record.call.caller.clone() else {
            return Ok(Verdict::Nothing(Why::NoMobile));
        };
        let caller = held(&mut tx, number, entry.call.lead).await?;
        let ways = ReplyWays {
            whatsapp: ways.whatsapp.filter(|_| instead_of.is_none()),
            ..ways
        };
        let facts = self
            .missed_call_facts(&mut tx, (&entry, &business), &caller, ways)
            .await?;
        let verdict = decide(&facts);
        let written = match (verdict, &caller.thread, ways.whatsapp) {
            (Verdict::Whatsapp, Some(thread), Some(can)) => {
                Some(self.write_whatsapp(&mut tx, &business, thread, can).await?)
            }
            (Verdict::Sms, ..) => Some(self.write_sms(&mut tx, &business, &caller).await?),
            _ => None,
        };
        if let Some(message) = written {
            note_reply(&mut tx, (call, caller.lead), message, self.now()).await?;
            tx.commit().await?;
        }
        Ok(verdict)
    }

    /// Everything that decides, as it is now.
    async fn missed_call_facts(
        &self,
        tx: &mut TenantTx,
        (entry, business): (&CallEntry, &BusinessSettings),
        caller: &Caller,
        ways: ReplyWays,
    ) -> Result<MissedCall> {
        let (now, call) = (self.now(), &entry.call.record);
        let (began, number) = (call.call.started_at, &caller.number);
        let day = business.hours.time_zone.day_of(began);
        let special = situation::special_days(tx, day).await?;
        let schedule = Schedule {
            hours: &business.hours,
            special: &special,
        };
        let others = args![number, call.id.uuid()];
        let row = tx.fetch_one(&LAST_REPLY, others, "calls").await?;
        let wrote_since = |one: &Conversation| one.last_inbound_at >= Some(began);
        let is_linked = match tx.fetch_optional(&LINK, args![]).await? {
            Some(row) => row.parse::<WaState>("state")? == WaState::Ready,
            None => false,
        };
        let thread = caller.thread.as_ref().zip(ways.whatsapp);
        Ok(MissedCall {
            policy: business.missed_call_reply,
            was_open: matches!(schedule.at(began), Openness::Open { .. }),
            is_missed: call.call.direction == CallDirection::Inbound
                && entry.answered_by.is_some_and(AnsweredBy::is_missed),
            is_settled: entry.settled.is_some(),
            age_ms: now.since(began),
            is_mobile: may_be_mobile(number),
            is_unwanted: is_unwanted(tx, caller).await?,
            was_in_touch: caller.all.iter().any(wrote_since)
                || called_since(tx, (number, call.id), began).await?,
            last_word_at: last_word(&caller.all, entry.reply),
            last_reply_at: row.get("at")?,
            has_refused: has_refused(tx, caller).await?,
            whatsapp: thread.filter(|_| is_linked).map(|(one, can)| Thread {
                last_inbound_at: one.last_inbound_at,
                needs_templates: can.needs_templates,
            }),
            can_sms: ways.sms,
            now,
        })
    }

    async fn write_whatsapp(
        &self,
        tx: &mut TenantTx,
        business: &BusinessSettings,
        thread: &Conversation,
        can: WhatsAppCapabilities,
    ) -> Result<MessageId> {
        let new = NewOutbound::text(words::missed_call(business, Channel::Whatsapp, None));
        let written = self.write_within(tx, thread, new, (can, None)).await?;
        let id = written.ok_or_else(|| Error::internal("message", "an id was minted twice"))?;
        if thread.status == ConversationStatus::Open {
            tx.execute(&STILL_OPEN, args![thread.id.uuid()]).await?;
        }
        Ok(id)
    }

    async fn write_sms(
        &self,
        tx: &mut TenantTx,
        business: &BusinessSettings,
        caller: &Caller,
    ) -> Result<MessageId> {
        let number: Option<E164> = match tx.fetch_optional(&LINK, args![]).await? {
            Some(row) if row.parse::<WaState>("state")? == WaState::Ready => row.get("number")?,
            _ => None,
        };
        let body = words::missed_call(business, Channel::Sms, number.as_ref());
        let conversation = self.sms_thread(tx, caller).await?;
        let (now, id) = (self.now(), MessageId::mint(self.now()));
        let line = Line {
            status: MessageStatus::Queued,
            by: author(tx.actor()),
            purpose: Some(ConsentPurpose::Service.as_str()),
            ..Line::new(
                id,
                conversation.id,
                MessageDirection::Outbound,
                "text",
                &body,
                now,
            )
        };
        self.queue_within(tx, &conversation, line, &JobWork::SendSms { message: id })
            .await?;
        Ok(id)
    }

    /// The conversation by text message with a number, which begins when there is none.
    async fn sms_thread(&self, tx: &mut TenantTx, caller: &Caller) -> Result<Conversation> {
        let (now, channel) = (self.now(), Channel::Sms.as_str());
        let values = args![
            ConversationId::mint(now).uuid(),
            caller.lead.map(LeadId::uuid),
            channel,
            caller.number.expose(),
            now,
            now,
        ];
        tx.execute(&BEGIN, values).await?;
        let peer = args![channel, caller.number.expose()];
        conversation(&tx.fetch_one(&BY_PEER, peer, "conversation").await?)
    }

    /// Has a caller whom nobody heard written to after a while, when the business wants that at all.
    pub(in crate::store) async fn ask_for_reply(
        &self,
        tx: &mut TenantTx,
        call: CallId,
    ) -> Result<()> {
        let row = tx.fetch_one(&POLICY, args![], "business").await?;
        if row.get::<String>("missed_call_reply")? == "never" {
            return Ok(());
        }
        let at = self.now().plus(missed_call::PATIENCE_MS);
        let work = JobWork::ReplyToMissedCall {
            call,
            instead_of: None,
        };
        self.add_job(tx, &work, at).await.map(drop)
    }

    /// A message that did not arrive: if it was such a WhatsApp, its reader gets a text message.
    pub(super) async fn reply_otherwise(
        &self,
        tx: &mut TenantTx,
        message: MessageId,
    ) -> Result<()> {
        let row = tx.fetch_optional(&FAILED_REPLY, args![message.uuid()]);
        let Some(row) = row.await? else {
            return Ok(());
        };
        let work = JobWork::ReplyToMissedCall {
            call: row.id("call_id")?,
            instead_of: Some(message),
        };
        self.add_job(tx, &work, self.now()).await.map(drop)
    }
}

impl Caller {
    /// His lead, and whose his conversations are.
    fn leads(&self) -> BTreeSet<LeadId> {
        let of_conversations = self.all.iter().filter_map(|one| one.lead);
        self.lead.into_iter().chain(of_conversations).collect()
    }
}

pub(super) async fn caller(
    tx: &mut TenantTx,
    number: E164,
    lead: Option<LeadId>,
) -> Result<Caller> {
    let mut all = Vec::new();
    for row in tx.fetch_all(&BY_NUMBER, args![&number]).await? {
        all.push(conversation(&row)?);
    }
    if let Some(lead) = lead {
        for row in tx.fetch_all(&OF_LEAD, args![lead.uuid()]).await? {
            all.push(conversation(&row)?);
        }
    }
    Ok(Caller {
        thread: thread(tx, &number, &all).await?,
        number,
        lead,
        all,
    })
}

/// [`caller`], with whose conversation nobody else does anything until the end of the transaction.
async fn held(tx: &mut TenantTx, number: E164, lead: Option<LeadId>) -> Result<Caller> {
    let found = caller(tx, number, lead).await?;
    let Some(thread) = &found.thread else {
        return Ok(found);
    };
    locked(tx, thread.id).await?;
    // As it is now: somebody may have written there before it was held.
    caller(tx, found.number, lead).await
}

/// His conversation on WhatsApp: the number's own, else one of his lead under a name of the channel's own. One
/// under another number may be read by somebody else.
async fn thread(
    tx: &mut TenantTx,
    number: &E164,
    all: &[Conversation],
) -> Result<Option<Conversation>> {
    let threads = all.iter().filter(|one| {
        one.channel == Channel::Whatsapp && is_person(&ChatAddress(one.peer.clone()))
    });
    for one in threads {
        let rows = tx.fetch_all(&ITS_NUMBERS, args![one.id.uuid()]).await?;
        let numbers: Result<Vec<E164>> = rows.iter().map(|row| row.get("value")).collect();
        let numbers = numbers?;
        if numbers.is_empty() || numbers.contains(number) {
            return Ok(Some(one.clone()));
        }
    }
    Ok(None)
}

async fn called_since(
    tx: &mut TenantTx,
    (number, call): (&E164, CallId),
    began: UnixMillis,
) -> Result<bool> {
    let values = args![number, call.uuid(), began];
    Ok(tx.fetch_optional(&IN_TOUCH, values).await?.is_some())
}

/// When the business last wrote in a conversation that waits for the other side; what did not arrive is no word.
fn last_word(all: &[Conversation], failed: Option<CallReply>) -> Option<UnixMillis> {
    let is_failed = |one: &Conversation| {
        failed.is_some_and(|reply| reply.conversation == one.id && one.last_message_at <= reply.at)
    };
    let waiting = all
        .iter()
        .filter(|one| one.status == ConversationStatus::Waiting && !is_failed(one));
    waiting.map(|one| one.last_message_at).max()
}

async fn is_unwanted(tx: &mut TenantTx, caller: &Caller) -> Result<bool> {
    for lead in caller.leads() {
        if situation::is_spam(tx, lead).await? {
            return Ok(true);
        }
    }
    let own = tx.fetch_optional(&OWN_PEOPLE, args![&caller.number]);
    Ok(own.await?.is_some() || situation::is_blocked(tx, &caller.number).await?)
}

/// Whether he refused messages about what he asked for: by one channel is by both.
async fn has_refused(tx: &mut TenantTx, caller: &Caller) -> Result<bool> {
    for lead in caller.leads() {
        for channel in [ConsentChannel::Whatsapp, ConsentChannel::Sms] {
            match consent_in_force(tx, lead, (ConsentPurpose::Service, channel)).await {
                Ok(()) => {}
                Err(Error::Conflict { .. }) => return Ok(true),
                // A lead in the trash: nobody's consent is looked for there.
                Err(Error::NotFound { .. }) => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(false)
}

async fn note_reply(
    tx: &mut TenantTx,
    (call, lead): (CallId, Option<LeadId>),
    message: MessageId,
    now: UnixMillis,
) -> Result<()> {
    tx.execute(&NOTE_CALL, args![message.uuid(), call.uuid()])
        .await?;
    tx.execute(&NOTE_REPLY, args![call.uuid(), message.uuid(), now])
        .await?;
    let change = Change::new("call.replied", "call", call).detail(json!({ "message": message }));
    tx.record(of_lead(change.without_audit(), lead));
    Ok(())
}
