//! What the agent has to know to answer a message, and what it leaves: an answer, or a conversation for a
//! person.

use prosaas_core::message::ChatAddress;
use prosaas_core::whatsapp::WhatsAppCapabilities;
use prosaas_core::{LeadDraft, LeadId, MicroUsd, Result, UnixMillis};
use serde_json::json;

use super::{locked, of_lead, one_message};
use crate::auth::TenantScope;
use crate::model::conversation::{
    Conversation, ConversationStatus, Message, MessageDirection, NewOutbound, PausedReason,
};
use crate::model::id::{ConversationId, MessageId};
use crate::model::job::JobWork;
use crate::model::settings::BusinessSettings;
use crate::model::situation::KnownCaller;
use crate::model::task::{NewTask, Priority};
use crate::rules::chat::answering::{DAY_MS, LATELY_MS, Turn};
use crate::rules::chat::{asks_for_an_answer, is_person};
use crate::rules::hours::{Openness, Schedule};
use crate::store::db::{Change, Sql, TenantTx, args};
use crate::store::records::settings;
use crate::store::{CrmStore, situation, spending};

/// How many messages the agent is told about.
const HISTORY: u32 = 30;

// By id, which is the order in which they were kept: the channel's own times may be anything.
const LAST: Sql = Sql::both(
    "SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2
     ORDER BY id DESC LIMIT $3",
);
const LATER: Sql = Sql::both(
    "SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND id > $3
     ORDER BY id LIMIT 100",
);
const ANSWERED: Sql = Sql::both(
    "SELECT 1 AS answered FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND answers_id >= $3 LIMIT 1",
);
const ANSWERS: Sql = Sql::both(
    "SELECT created_at FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND actor_kind = 'agent' AND created_at > $3
     ORDER BY created_at DESC LIMIT 500",
);
const PHONE: Sql = Sql::both(
    "SELECT value FROM conversation_peers
     WHERE tenant_id = $1 AND conversation_id = $2 AND kind = 'e164' ORDER BY created_at LIMIT 1",
);
const HAND_OVER: Sql = Sql::split(
    "UPDATE conversations
     SET agent_paused = 1, paused_reason = $3, status = $4, close_reason = NULL,
         snoozed_until = NULL, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND paused_reason IS NULL",
    "UPDATE conversations
     SET agent_paused = TRUE, paused_reason = $3, status = $4, close_reason = NULL,
         snoozed_until = NULL, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND paused_reason IS NULL",
);

/// What is known when the agent looks at a message.
#[derive(Clone, Debug)]
pub struct AnswerFacts {
    /// The message.
    pub message: Message,
    /// Its conversation.
    pub conversation: Conversation,
    /// What decides whether it is answered.
    pub turn: Turn,
    /// The business.
    pub business: BusinessSettings,
    /// Who writes and what is open between the two, if the business knows him.
    pub known: Option<KnownCaller>,
    /// The last messages, the oldest first.
    pub history: Vec<Message>,
}

impl CrmStore {
    /// What the agent has to know about a message; `None` when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_facts(
        &self,
        scope: &TenantScope,
        id: MessageId,
    ) -> Result<Option<AnswerFacts>> {
        let now = self.now();
        let mut tx = self.read(scope).await?;
        let Some(message) = gone(one_message(&mut tx, id).await)? else {
            return Ok(None);
        };
        let Some(conversation) = gone(super::one(&mut tx, message.conversation).await)? else {
            return Ok(None);
        };
        let business = settings::load(&mut tx).await?;
        let known = match conversation.lead {
            Some(lead) => situation::known_lead(&mut tx, lead, now).await?,
            None => None,
        };
        let turn = self
            .turn(&mut tx, (&message, &conversation), &business, now)
            .await?;
        let last = args![conversation.id.uuid(), HISTORY];
        let rows = tx.fetch_all(&LAST, last).await?;
        let history = rows.iter().rev().map(super::message);
        Ok(Some(AnswerFacts {
            history: history.collect::<Result<_>>()?,
            message,
            conversation,
            turn,
            business,
            known,
        }))
    }

    async fn turn(
        &self,
        tx: &mut TenantTx,
        (message, conversation): (&Message, &Conversation),
        business: &BusinessSettings,
        now: UnixMillis,
    ) -> Result<Turn> {
        let today = business.hours.time_zone.day_of(now);
        let special = situation::special_days(tx, today).await?;
        let schedule = Schedule {
            hours: &business.hours,
            special: &special,
        };
        let later = later(tx, message).await?;
        let of = || args![conversation.id.uuid(), message.id.uuid()];
        let is_answered =
            tx.fetch_optional(&ANSWERED, of()).await?.is_some() || later.iter().any(is_persons);
        let since = args![conversation.id.uuid(), now.plus(-DAY_MS)];
        let rows = tx.fetch_all(&ANSWERS, since).await?;
        let mut lately = 0;
        for row in &rows {
            let at: UnixMillis = row.get("created_at")?;
            lately += u32::from(now.since(at) < LATELY_MS);
        }
        let money = (&business.hours.time_zone, business.monthly_budget());
        let account = spending::account_of(tx, money, now).await?;
        Ok(Turn {
            settings: self.wa_settings_within(tx).await?,
            is_open: matches!(schedule.at(now), Openness::Open { .. }),
            paused: conversation.paused,
            is_person: is_person(&ChatAddress(conversation.peer.clone())),
            is_unwanted: is_unwanted(tx, conversation).await?,
            asks: asks_for_an_answer(&message.kind)
                && message.direction == MessageDirection::Inbound,
            age_ms: now.since(message.at),
            has_newer: later.iter().any(asks),
            is_answered,
            answers_today: u32::try_from(rows.len()).unwrap_or(u32::MAX),
            answers_lately: lately,
            budget: account.state(MicroUsd(0)),
        })
    }

    /// Writes the agent's answer to a message and has it sent, unless a person took the conversation
    /// meanwhile, another message came, or it was answered; `false` then. With `hand_over` a person has the
    /// conversation from here on.
    ///
    /// # Errors
    /// As [`CrmStore::write_message`].
    pub async fn write_answer(
        &self,
        scope: &TenantScope,
        id: MessageId,
        text: &str,
        (can, hand_over): (WhatsAppCapabilities, Option<PausedReason>),
    ) -> Result<bool> {
        let agent = TenantScope::for_agent(scope.tenant());
        let mut tx = self.write(&agent).await?;
        let message = one_message(&mut tx, id).await?;
        let conversation = locked(&mut tx, message.conversation).await?;
        let later = later(&mut tx, &message).await?;
        if conversation.paused.is_some() || later.iter().any(|one| asks(one) || is_persons(one)) {
            return Ok(false);
        }
        let new = NewOutbound::text(text);
        let written = self
            .write_within(&mut tx, &conversation, new, (can, Some(id)))
            .await?;
        if written.is_none() {
            return Ok(false);
        }
        if let Some(reason) = hand_over {
            self.hand_over_within(&mut tx, &conversation, reason)
                .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Leaves a conversation to a person: the agent is silent in it, somebody has a task, and is told. One
    /// that a person has stays as it is; `false` then.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn hand_over(
        &self,
        scope: &TenantScope,
        conversation: ConversationId,
        reason: PausedReason,
    ) -> Result<bool> {
        let agent = TenantScope::for_agent(scope.tenant());
        let mut tx = self.write(&agent).await?;
        let conversation = locked(&mut tx, conversation).await?;
        let done = self
            .hand_over_within(&mut tx, &conversation, reason)
            .await?;
        tx.commit().await?;
        Ok(done)
    }

    async fn hand_over_within(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        reason: PausedReason,
    ) -> Result<bool> {
        let (id, now) = (conversation.id, self.now());
        let open = ConversationStatus::Open.as_str();
        let values = args![id.uuid(), reason.as_str(), open, now];
        if tx.execute(&HAND_OVER, values).await? == 0 {
            return Ok(false);
        }
        let lead = match conversation.lead {
            Some(lead) => self.live_lead(tx, lead).await?,
            None => None,
        };
        let settings = settings::load(tx).await?;
        let language = settings.languages.first().copied().unwrap_or_default();
        let name = conversation.peer_name.as_deref();
        let (title, body) = crate::whatsapp::words::task(language, reason, name);
        let task = NewTask {
            lead_id: lead,
            title,
            body: Some(body),
            priority: Some(Priority::Urgent),
            due_at: Some(now.into()),
            assignee_id: None,
            ..NewTask::default()
        };
        self.add_task(tx, task).await?;
        let alert = JobWork::AlertConversation {
            conversation: id,
            at: now,
        };
        self.add_job(tx, &alert, now).await?;
        let change = Change::new("conversation.handed_over", "conversation", id);
        let change = change.detail(json!({ "reason": reason }));
        tx.record(of_lead(change, lead));
        Ok(true)
    }

    /// Keeps what the agent learned in a conversation about its lead.
    ///
    /// # Errors
    /// `NotFound` when there is no such lead.
    pub async fn learn_in_chat(
        &self,
        scope: &TenantScope,
        lead: LeadId,
        draft: LeadDraft,
    ) -> Result<()> {
        let agent = TenantScope::for_agent(scope.tenant());
        let mut tx = self.write(&agent).await?;
        self.learn_about(&mut tx, lead, draft).await?;
        tx.commit().await
    }
}

/// `None` for what is not there any more.
pub(super) fn gone<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(prosaas_core::Error::NotFound { .. }) => Ok(None),
        found => found.map(Some),
    }
}

pub(super) async fn later(tx: &mut TenantTx, message: &Message) -> Result<Vec<Message>> {
    let behind = args![message.conversation.uuid(), message.id.uuid()];
    let rows = tx.fetch_all(&LATER, behind).await?;
    rows.iter().map(super::message).collect()
}

pub(super) fn asks(message: &Message) -> bool {
    message.direction == MessageDirection::Inbound && asks_for_an_answer(&message.kind)
}

/// Whether somebody of the business wrote it, and no machine: neither the agent, nor what goes out by itself.
fn is_persons(message: &Message) -> bool {
    message.direction == MessageDirection::Outbound
        && !matches!(message.actor_kind.as_str(), "agent" | "job")
}

/// Whether it is somebody whom the business does not answer.
async fn is_unwanted(tx: &mut TenantTx, conversation: &Conversation) -> Result<bool> {
    if let Some(lead) = conversation.lead
        && situation::is_spam(tx, lead).await?
    {
        return Ok(true);
    }
    let of = args![conversation.id.uuid()];
    match tx.fetch_optional(&PHONE, of).await? {
        Some(row) => situation::is_blocked(tx, &row.get("value")?).await,
        None => Ok(false),
    }
}
