//! What WhatsApp brings: kept in one transaction each, or not at all.

use async_trait::async_trait;
use prosaas_core::message::{
    Author, ChatParty, DeliveryReport, InboundBody, InboundMessage, MediaKind,
};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{LeadId, Result, TenantId, UnixMillis, WhatsAppInbox};
use serde_json::{Value, json};

use super::names::{Names, cleaned};
use super::{Line, by_external_id, event_of, files, of_lead};
use crate::auth::TenantScope;
use crate::model::conversation::{
    Conversation, ConversationStatus, Message, MessageDirection, MessageFailure, MessageStatus,
    PausedReason,
};
use crate::model::id::MessageId;
use crate::model::job::JobWork;
use crate::model::message_file::{FileState, TranscriptState};
use crate::model::timeline::TimelineKind;
use crate::rules::chat;
use crate::search::Tokens;
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

/// How long the agent waits for the rest of what somebody writes in several short messages, in milliseconds.
const REST_MS: i64 = 3_000;
/// The longest text kept, in characters: WhatsApp's own bound.
const MAX_TEXT: usize = 65_536;
/// The longest word for a kind, in characters.
const MAX_KIND: usize = 40;

const CAME_IN: Sql = Sql::split(
    "UPDATE conversations
     SET status = CASE WHEN $4 THEN 'open' ELSE status END,
         close_reason = CASE WHEN $4 THEN NULL ELSE close_reason END,
         snoozed_until = CASE WHEN $4 THEN NULL ELSE snoozed_until END, unread = unread + $3,
         last_message_at = max(last_message_at, $5),
         last_inbound_at = max(coalesce(last_inbound_at, $5), $5),
         updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET status = CASE WHEN $4 THEN 'open' ELSE status END,
         close_reason = CASE WHEN $4 THEN NULL ELSE close_reason END,
         snoozed_until = CASE WHEN $4 THEN NULL ELSE snoozed_until END, unread = unread + $3,
         last_message_at = greatest(last_message_at, $5),
         last_inbound_at = greatest(last_inbound_at, $5),
         updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
// Who writes on the phone has read what came before, and has the conversation.
const WENT_OUT: Sql = Sql::split(
    "UPDATE conversations
     SET status = $3, close_reason = NULL, unread = 0, last_message_at = max(last_message_at, $4),
         agent_paused = 1, paused_reason = $5, updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET status = $3, close_reason = NULL, unread = 0, last_message_at = greatest(last_message_at, $4),
         agent_paused = TRUE, paused_reason = $5, updated_at = $6, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
// Whoever closed it, or has it open before him, has not seen what it says now.
const SAYS_SOMETHING: Sql = Sql::both(
    "UPDATE conversations
     SET status = CASE WHEN $3 THEN 'open' ELSE status END,
         close_reason = CASE WHEN $3 THEN NULL ELSE close_reason END,
         snoozed_until = CASE WHEN $3 THEN NULL ELSE snoozed_until END,
         unread = CASE WHEN $3 AND unread = 0 THEN 1 ELSE unread END,
         updated_at = $4, version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const REVEAL: Sql = Sql::both(
    "UPDATE messages SET kind = $3, body = $4, media = $5, quoted_id = $6, file_state = $7,
         transcript_state = $8, updated_at = $9, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND kind = 'undecryptable'",
);
const EDITED: Sql = Sql::both(
    "UPDATE messages SET edited_at = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND conversation_id = $2 AND external_id = $3 AND direction = $6",
);
const REVOKED: Sql = Sql::both(
    "UPDATE messages SET revoked_at = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND conversation_id = $2 AND external_id = $3 AND direction = $6",
);
const INDEX: Sql = Sql::split(
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'message', $2, $3, value FROM json_each($4) WHERE true
     ON CONFLICT DO NOTHING",
    "INSERT INTO search_tokens (tenant_id, entity_kind, entity_id, recency, token)
     SELECT $1, 'message', $2, $3, value FROM jsonb_array_elements_text($4) AS value
     ON CONFLICT DO NOTHING",
);

#[async_trait]
impl WhatsAppInbox for CrmStore {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()> {
        let scope = TenantScope::for_agent(tenant);
        match event {
            WhatsAppEvent::Message(message) => self.keep_message(&scope, message).await,
            WhatsAppEvent::Delivery(report) => self.keep_report(&scope, report).await,
            WhatsAppEvent::SamePerson(party) => self.keep_names(&scope, &party).await,
            WhatsAppEvent::Link(state) => self.note_wa_state(&scope, &state).await,
            // A newer core's: offered again and again, it would hold up everything behind it.
            _ => {
                tracing::warn!(%tenant, "an event of WhatsApp that this version does not know was passed over");
                Ok(())
            }
        }
    }
}

impl CrmStore {
    /// Keeps a message once: conversation, lead, timeline, what is unread, and the agent's turn.
    async fn keep_message(&self, scope: &TenantScope, message: InboundMessage) -> Result<()> {
        let mut tx = self.write(scope).await?;
        // Of two deliveries of one message the second waits here, and then finds the first.
        tx.lock_business().await?;
        let came = Came::of(&message, self.now());
        if let Some(external) = &came.external_id
            && let Some(known) = by_external_id(&mut tx, external).await?
        {
            if known.kind != "undecryptable" || came.kind == "undecryptable" {
                return Ok(());
            }
            self.reveal(&mut tx, &known, &came).await?;
            return tx.commit().await;
        }
        let names = Names::of(&message.party);
        let conversation = self.conversation_of(&mut tx, &names, came.at).await?;
        let lead = self.lead_behind(&mut tx, &conversation, &names).await?;
        let id = MessageId::mint(self.now());
        let line = Line {
            external_id: came.external_id.as_deref(),
            media: came.media.clone(),
            quoted_id: came.quoted_id.as_deref(),
            file: came.file,
            transcript: came.transcript,
            status: came.status(),
            by: came.by(),
            ..Line::new(
                id,
                conversation.id,
                came.direction,
                &came.kind,
                &came.body,
                came.at,
            )
        };
        self.insert(&mut tx, line).await?;
        self.have_fetched(&mut tx, id, &came).await?;
        self.note_about_another(&mut tx, &conversation, &message.body, &came)
            .await?;
        self.note_arrival(&mut tx, (&conversation, lead), id, &came)
            .await?;
        tx.commit().await
    }

    /// What follows from a message that is new, or can be read at last.
    async fn note_arrival(
        &self,
        tx: &mut TenantTx,
        (conversation, lead): (&Conversation, Option<LeadId>),
        id: MessageId,
        came: &Came,
    ) -> Result<()> {
        self.touch(tx, conversation, came).await?;
        self.index_message(tx, id, came.at, &came.body).await?;
        if let Some(lead) = lead {
            let data = json!({
                "channel": "whatsapp",
                "direction": came.direction,
                "kind": came.kind,
                "conversation_id": conversation.id,
            });
            let happened = Happening::new(lead, came.at, TimelineKind::Message)
                .about(id)
                .data(data);
            let happened = match came.direction {
                MessageDirection::Inbound => happened.by_contact(),
                MessageDirection::Outbound => happened,
            };
            timeline::append(tx, happened).await?;
        }
        if self.is_the_agents_turn(tx, conversation, came).await? {
            self.have_answered(tx, conversation, id).await?;
        }
        let change = Change::new(event_of(came.direction), "conversation", conversation.id);
        tx.record(of_lead(change.without_audit(), lead));
        Ok(())
    }

    async fn touch(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        came: &Came,
    ) -> Result<()> {
        let (id, now) = (conversation.id.uuid(), self.now());
        match came.direction {
            MessageDirection::Inbound => {
                let waits = chat::waits_to_be_read(&came.kind);
                let values = args![id, i64::from(waits), waits, came.at, now];
                tx.execute(&CAME_IN, values).await?;
            }
            MessageDirection::Outbound => {
                let (status, reason) = (ConversationStatus::Waiting, PausedReason::Person);
                let values = args![id, status.as_str(), came.at, reason.as_str(), now];
                tx.execute(&WENT_OUT, values).await?;
            }
        }
        Ok(())
    }

    /// Whether the agent should look at it. What it decides then, it decides by what holds then.
    async fn is_the_agents_turn(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        came: &Came,
    ) -> Result<bool> {
        if came.direction == MessageDirection::Outbound
            || conversation.paused.is_some()
            || !came.is_persons
            || !chat::asks_for_an_answer(&came.kind)
        {
            return Ok(false);
        }
        Ok(self.wa_settings_within(tx).await?.answers)
    }

    /// Has the agent look at a message once the rest had its time; the other side sees at once that somebody
    /// writes. While a voice note waits to be heard, whoever settles it has the newest message answered: the
    /// agent shall know what was said.
    async fn have_answered(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        message: MessageId,
    ) -> Result<()> {
        let now = self.now();
        self.add_job(tx, &JobWork::ShowTyping { message }, now)
            .await?;
        if files::waits_to_be_heard(tx, conversation.id).await? {
            return Ok(());
        }
        let answer = JobWork::AnswerMessage { message };
        self.add_job(tx, &answer, now.plus(REST_MS)).await?;
        Ok(())
    }

    /// Has the file fetched that came with a message.
    async fn have_fetched(&self, tx: &mut TenantTx, message: MessageId, came: &Came) -> Result<()> {
        if came.file.is_none() {
            return Ok(());
        }
        let fetch = JobWork::FetchFile { message };
        self.add_job(tx, &fetch, self.now()).await.map(drop)
    }

    /// A message that could not be decrypted when it came: now it says something.
    async fn reveal(&self, tx: &mut TenantTx, known: &Message, came: &Came) -> Result<()> {
        let values = args![
            known.id.uuid(),
            &came.kind,
            &came.body,
            came.media.clone().map(Json),
            came.quoted_id.as_deref(),
            came.file.map(FileState::as_str),
            came.transcript.map(TranscriptState::as_str),
            self.now(),
        ];
        tx.execute(&REVEAL, values).await?;
        self.have_fetched(tx, known.id, came).await?;
        self.index_message(tx, known.id, known.at, &came.body)
            .await?;
        let conversation = super::locked(tx, known.conversation).await?;
        let waits =
            known.direction == MessageDirection::Inbound && chat::waits_to_be_read(&came.kind);
        let values = args![conversation.id.uuid(), waits, self.now()];
        tx.execute(&SAYS_SOMETHING, values).await?;
        if self.is_the_agents_turn(tx, &conversation, came).await? {
            self.have_answered(tx, &conversation, known.id).await?;
        }
        let change = Change::new("message.updated", "conversation", conversation.id);
        tx.record(of_lead(change.without_audit(), conversation.lead));
        Ok(())
    }

    /// New words for an earlier message, or word that it was taken back: only its own author's count.
    async fn note_about_another(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        body: &InboundBody,
        came: &Came,
    ) -> Result<()> {
        let (sql, to) = match body {
            InboundBody::Edit { to, .. } => (&EDITED, to),
            InboundBody::Revoked { to } => (&REVOKED, to),
            _ => return Ok(()),
        };
        let values = args![
            conversation.id.uuid(),
            cleaned(to),
            came.at,
            self.now(),
            came.direction.as_str(),
        ];
        tx.execute(sql, values).await.map(drop)
    }

    /// Makes a message be found by its words.
    pub(super) async fn index_message(
        &self,
        tx: &mut TenantTx,
        id: MessageId,
        at: UnixMillis,
        text: &str,
    ) -> Result<()> {
        let tokens = Tokens::default().text(text);
        let tokens: Vec<_> = tokens.iter().collect();
        if tokens.is_empty() {
            return Ok(());
        }
        let values = args![id.uuid(), at, Json(json!(tokens))];
        tx.execute(&INDEX, values).await.map(drop)
    }

    async fn keep_report(&self, scope: &TenantScope, report: DeliveryReport) -> Result<()> {
        let Ok(message) = report.id.0.parse::<MessageId>() else {
            // Some message that was not sent by this store.
            return Ok(());
        };
        let status = MessageStatus::from(report.delivery);
        let failure = (status == MessageStatus::Failed).then(|| MessageFailure {
            code: cleaned(report.code.as_deref().unwrap_or("refused")),
            sentence: report
                .sentence
                .as_deref()
                .map_or_else(|| "WhatsApp did not deliver it".to_owned(), cleaned),
        });
        self.advance_message(scope, message, (status, failure), report.at)
            .await
            .map(drop)
    }

    async fn keep_names(&self, scope: &TenantScope, party: &ChatParty) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let names = Names::of(party);
        let known = self.known_conversation(&mut tx, &names, self.now()).await?;
        if let Some(conversation) = known {
            let lead = self.lead_behind(&mut tx, &conversation, &names).await?;
            let change = Change::new("conversation.updated", "conversation", conversation.id);
            tx.record(of_lead(change.without_audit().without_webhooks(), lead));
            return tx.commit().await;
        }
        // Nobody has written under any of these names yet, but two leads may be one.
        let leads = self.leads_with(&mut tx, &names.of_lead).await?;
        if !leads.is_empty() {
            let lead = self.one_of(&mut tx, leads).await?;
            if self.give_identities(&mut tx, lead, &names.of_lead).await? {
                let change = Change::new("lead.updated", "lead", lead).lead(lead);
                tx.record(change.without_audit());
            }
        }
        tx.commit().await
    }
}

/// A message as it came, in the form in which it is stored.
struct Came {
    direction: MessageDirection,
    is_persons: bool,
    kind: String,
    body: String,
    media: Option<Value>,
    file: Option<FileState>,
    transcript: Option<TranscriptState>,
    external_id: Option<String>,
    quoted_id: Option<String>,
    at: UnixMillis,
}

impl Came {
    /// Everything in it is a text from outside. Nothing about it makes it unfit to be kept: what is too long
    /// is cut, and a time that cannot be is the present.
    fn of(message: &InboundMessage, now: UnixMillis) -> Self {
        let id = cleaned(&message.id);
        let kind = match cleaned(message.body.kind()) {
            kind if kind.is_empty() => "unknown".to_owned(),
            kind => kind.chars().take(MAX_KIND).collect(),
        };
        let text = message.body.text().chars().filter(|c| *c != '\0');
        let is_possible = message.sent_at.0 > 0 && message.sent_at <= now;
        let is_persons = chat::is_person(&message.party.address);
        let has_file = matches!(message.body, InboundBody::Media(_));
        // Only what has a file is ever settled: a word for a kind alone would keep the agent waiting for ever.
        let is_heard = has_file
            && is_persons
            && message.author == Author::Customer
            && message.body.kind() == MediaKind::VoiceNote.as_str();
        Self {
            direction: match message.author {
                Author::Customer => MessageDirection::Inbound,
                Author::Business => MessageDirection::Outbound,
            },
            is_persons,
            file: has_file.then_some(FileState::Waiting),
            transcript: is_heard.then_some(TranscriptState::Waiting),
            kind,
            body: text.take(MAX_TEXT).collect(),
            media: media(&message.body),
            external_id: (!id.is_empty()).then_some(id),
            quoted_id: message.quoted.as_deref().map(cleaned),
            at: if is_possible { message.sent_at } else { now },
        }
    }

    const fn status(&self) -> MessageStatus {
        match self.direction {
            MessageDirection::Inbound => MessageStatus::Received,
            MessageDirection::Outbound => MessageStatus::Sent,
        }
    }

    /// Somebody of the business wrote it on its own phone: a person, of whom nothing else is known.
    const fn by(&self) -> (&'static str, Option<String>) {
        match self.direction {
            MessageDirection::Inbound => ("contact", None),
            MessageDirection::Outbound => ("phone", None),
        }
    }
}

/// What came beside the words.
fn media(body: &InboundBody) -> Option<Value> {
    Some(match body {
        InboundBody::Media(media) => json!({
            "mime_type": cleaned(&media.mime_type),
            "file_name": media.file_name.as_deref().map(cleaned),
            "bytes": media.bytes,
            "handle": media.handle.replace('\0', ""),
        }),
        InboundBody::Location {
            latitude,
            longitude,
            ..
        } => json!({ "latitude": latitude, "longitude": longitude }),
        InboundBody::Reaction { to, .. }
        | InboundBody::Edit { to, .. }
        | InboundBody::Revoked { to } => json!({ "to": cleaned(to) }),
        _ => return None,
    })
}
