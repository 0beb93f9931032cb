//! What the business writes: a message and the job that sends it, in one transaction.

use bytes::Bytes;
use prosaas_core::message::{
    ChatAddress, OutboundBody, OutboundId, OutboundMedia, OutboundMessage, Template,
};
use prosaas_core::whatsapp::WhatsAppCapabilities;
use prosaas_core::{CallId, Error, Result, UnixMillis};
use serde_json::json;

use super::{Line, author, event_of, locked, of_lead, one_message};
use crate::auth::{Actor, TenantScope};
use crate::model::consent::{ConsentChannel, ConsentPurpose};
use crate::model::conversation::{
    Channel, Conversation, ConversationStatus, Message, MessageDirection, MessageStatus,
    NewOutbound, OutboundWords, PausedReason,
};
use crate::model::id::{ConversationId, MessageId};
use crate::model::job::JobWork;
use crate::model::media_type::UNKNOWN;
use crate::model::message_file::FileState;
use crate::model::timeline::TimelineKind;
use crate::model::whatsapp::Strangers;
use crate::rules::chat::{Writing, require_may_write};
use crate::rules::consent;
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, TenantTx, args};
use crate::store::records::consent_in_force;
use crate::store::records::timeline::{self, Happening};

const WRITTEN: Sql = Sql::split(
    "UPDATE conversations
     SET status = $3, close_reason = NULL, last_message_at = max(last_message_at, $4), updated_at = $5,
         version = version + 1
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations
     SET status = $3, close_reason = NULL, last_message_at = greatest(last_message_at, $4), updated_at = $5,
         version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const TAKEN: Sql = Sql::split(
    "UPDATE conversations SET agent_paused = 1, paused_reason = 'person', unread = 0
     WHERE tenant_id = $1 AND id = $2",
    "UPDATE conversations SET agent_paused = TRUE, paused_reason = 'person', unread = 0
     WHERE tenant_id = $1 AND id = $2",
);
const QUOTED: Sql = Sql::both(
    "SELECT external_id FROM messages
     WHERE tenant_id = $1 AND id = $2 AND conversation_id = $3 AND external_id IS NOT NULL",
);
const TO_SEND: Sql = Sql::both(
    "SELECT messages.*, conversations.peer, conversations.paused_reason FROM messages
     JOIN conversations ON conversations.tenant_id = messages.tenant_id
                       AND conversations.id = messages.conversation_id
     WHERE messages.tenant_id = $1 AND messages.id = $2 AND messages.status = 'queued'",
);

/// A message that waits to be sent.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// As the transport takes it; its id is the message's own, so sending it twice sends it once. The bytes of
    /// a file are not in it: they are on the shelf, under the same id.
    pub message: OutboundMessage,
    /// Whether the agent wrote it, and a person has taken the conversation since: then it is not sent.
    pub is_overtaken: bool,
}

impl CrmStore {
    /// Writes a message into a conversation and has it sent. Who writes as a person takes the conversation
    /// over from the agent.
    ///
    /// # Errors
    /// `NotFound`; `Invalid`; `Conflict` `channel-not-connected` for a channel that nothing is sent on,
    /// `consent-missing`, `window-closed`, `stranger-refused`, `files-not-carried` or `file-sent`.
    pub async fn write_message(
        &self,
        scope: &TenantScope,
        conversation: ConversationId,
        new: NewOutbound,
        can: WhatsAppCapabilities,
    ) -> Result<Message> {
        let mut tx = self.write(scope).await?;
        let before = locked(&mut tx, conversation).await?;
        let written = self
            .write_within(&mut tx, &before, new, (can, None))
            .await?;
        let id = written.ok_or_else(|| Error::Conflict {
            what: "file-sent",
            detail: "this file was sent before: upload it again to send it once more".to_owned(),
        })?;
        if is_person(tx.actor()) {
            tx.execute(&TAKEN, args![conversation.uuid()]).await?;
        }
        let message = one_message(&mut tx, id).await?;
        tx.commit().await?;
        Ok(message)
    }

    /// Writes a message into a conversation whose row is held; `None` when `answers` was answered before, or the
    /// file was sent.
    pub(super) async fn write_within(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        new: NewOutbound,
        (can, answers): (WhatsAppCapabilities, Option<MessageId>),
    ) -> Result<Option<MessageId>> {
        let words = new.body.checked()?;
        if conversation.channel != Channel::Whatsapp {
            return Err(Error::Conflict {
                what: "channel-not-connected",
                detail: format!("nothing is sent by {} here", conversation.channel),
            });
        }
        if matches!(words, OutboundWords::File(_)) && !can.carries_media {
            return Err(Error::Conflict {
                what: "files-not-carried",
                detail: "this way to WhatsApp carries no files".to_owned(),
            });
        }
        require_consent(tx, conversation, new.purpose).await?;
        let now = self.now();
        let strangers = if new.is_to_own_people {
            Strangers::Asked
        } else {
            self.wa_settings_within(tx).await?.strangers
        };
        let first_contact = require_may_write(Writing {
            is_template: matches!(words, OutboundWords::Template(_)),
            needs_templates: can.needs_templates,
            last_inbound_at: conversation.last_inbound_at,
            strangers,
            is_asked: is_person(tx.actor()) || new.is_wanted,
            now,
        })?;
        let quoted = match new.quotes {
            Some(quoted) => Some(quoted_id(tx, conversation.id, quoted).await?),
            None => None,
        };
        let Stored {
            id,
            kind,
            body,
            template,
            media,
        } = stored(&words, now);
        let line = Line {
            status: MessageStatus::Queued,
            by: author(tx.actor()),
            purpose: Some(new.purpose.as_str()),
            file: media.is_some().then_some(FileState::Stored),
            media,
            template,
            first_contact,
            answers,
            quoted_id: quoted.as_deref(),
            ..Line::new(
                id,
                conversation.id,
                MessageDirection::Outbound,
                kind,
                &body,
                now,
            )
        };
        let work = JobWork::SendMessage { message: id };
        let queued = self.queue_within(tx, conversation, line, &work).await?;
        Ok(queued.then_some(id))
    }

    /// Writes a message of ours with the job that sends it; `false` when what it answers was answered before.
    pub(super) async fn queue_within(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        line: Line<'_>,
        work: &JobWork,
    ) -> Result<bool> {
        let (now, id, kind, body) = (self.now(), line.id, line.kind, line.body);
        if !self.insert(tx, line).await? {
            return Ok(false);
        }
        let waiting = ConversationStatus::Waiting.as_str();
        let values = args![conversation.id.uuid(), waiting, now, now];
        tx.execute(&WRITTEN, values).await?;
        self.index_message(tx, id, now, body).await?;
        self.add_job(tx, work, now).await?;
        self.note_written(tx, conversation, id, kind).await?;
        Ok(true)
    }

    async fn note_written(
        &self,
        tx: &mut TenantTx,
        conversation: &Conversation,
        id: MessageId,
        kind: &str,
    ) -> Result<()> {
        if let Some(lead) = conversation.lead {
            let data = json!({
                "channel": conversation.channel,
                "direction": MessageDirection::Outbound,
                "kind": kind,
                "conversation_id": conversation.id,
            });
            let written = Happening::new(lead, self.now(), TimelineKind::Message)
                .about(id)
                .data(data);
            timeline::append(tx, written).await?;
        }
        let detail = json!({ "message": id });
        let change = Change::new(
            event_of(MessageDirection::Outbound),
            "conversation",
            conversation.id,
        )
        .detail(detail);
        // The agent answers for nothing: what it wrote is in the conversation.
        let change = if is_person(tx.actor()) {
            change
        } else {
            change.without_audit()
        };
        tx.record(of_lead(change, conversation.lead));
        Ok(())
    }

    /// A message that waits to be sent; `None` when it does not, or is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn outbound(&self, scope: &TenantScope, id: MessageId) -> Result<Option<Outbound>> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_optional(&TO_SEND, args![id.uuid()]).await?;
        row.as_ref().map(|row| outbound(id, row)).transpose()
    }
}

fn outbound(id: MessageId, row: &Row) -> Result<Outbound> {
    let template: Option<serde_json::Value> = row.get("template")?;
    let body = match template {
        None => words(row)?,
        Some(template) => {
            let text = |field: &str| template[field].as_str().unwrap_or_default().to_owned();
            let parameters = template["parameters"].as_array().into_iter().flatten();
            OutboundBody::Template(Template {
                name: text("name"),
                language: text("language"),
                parameters: parameters
                    .filter_map(|parameter| parameter.as_str().map(str::to_owned))
                    .collect(),
            })
        }
    };
    let by_agent = row.get::<String>("actor_kind")? == Actor::Agent.kind();
    let paused: Option<PausedReason> = row.parse_optional("paused_reason")?;
    // What a caller asked for on the phone is his, whoever has the conversation.
    let is_of_call = row.optional_id::<CallId>("call_id")?.is_some();
    Ok(Outbound {
        message: OutboundMessage {
            id: OutboundId(id.to_string()),
            to: ChatAddress(row.get("peer")?),
            body,
            first_contact: row.get("first_contact")?,
        },
        is_overtaken: by_agent && !is_of_call && paused == Some(PausedReason::Person),
    })
}

/// What a message without a template says. Of a file everything but its bytes: those are on the shelf.
fn words(row: &Row) -> Result<OutboundBody> {
    let message = super::message(row)?;
    let Some(file) = message.file else {
        return Ok(OutboundBody::Text(message.body));
    };
    let media_type = file.media_type.unwrap_or(UNKNOWN);
    Ok(OutboundBody::Media(OutboundMedia {
        kind: super::files::kind(&message.kind),
        mime_type: media_type.name.to_owned(),
        file_name: file.name,
        caption: Some(message.body).filter(|words| !words.is_empty()),
        bytes: Bytes::new(),
    }))
}

/// Whether somebody of the business writes, himself or by a program of his.
const fn is_person(actor: Actor) -> bool {
    !matches!(actor, Actor::Agent | Actor::Job)
}

/// A person without a lead has given no consent, and refused none.
async fn require_consent(
    tx: &mut TenantTx,
    conversation: &Conversation,
    purpose: ConsentPurpose,
) -> Result<()> {
    let about = (purpose, ConsentChannel::Whatsapp);
    match conversation.lead {
        Some(lead) => match consent_in_force(tx, lead, about).await {
            // A lead in the trash: nobody's consent is looked for there.
            Err(Error::NotFound { .. }) => consent::require_consent(about.0, about.1, &[]),
            result => result,
        },
        None => consent::require_consent(about.0, about.1, &[]),
    }
}

async fn quoted_id(
    tx: &mut TenantTx,
    conversation: ConversationId,
    quoted: MessageId,
) -> Result<String> {
    let values = args![quoted.uuid(), conversation.uuid()];
    let row = tx.fetch_one(&QUOTED, values, "quoted message").await?;
    row.get("external_id")
}

/// A message of ours as it is stored.
struct Stored {
    id: MessageId,
    kind: &'static str,
    body: String,
    template: Option<serde_json::Value>,
    media: Option<serde_json::Value>,
}

fn stored(words: &OutboundWords, now: UnixMillis) -> Stored {
    let plain = |kind, body| Stored {
        id: MessageId::mint(now),
        kind,
        body,
        template: None,
        media: None,
    };
    match words {
        OutboundWords::Text(text) => plain("text", text.clone()),
        OutboundWords::Template(template) => Stored {
            template: Some(json!({
                "name": template.name,
                "language": template.language,
                "parameters": template.parameters,
            })),
            ..plain("template", template.parameters.join("\n"))
        },
        OutboundWords::File(file) => Stored {
            id: file.id,
            media: Some(json!({
                "media_type": file.media_type.name,
                "file_name": file.name,
                "bytes": file.bytes,
            })),
            ..plain(
                file.kind().as_str(),
                file.caption.clone().unwrap_or_default(),
            )
        },
    }
}
