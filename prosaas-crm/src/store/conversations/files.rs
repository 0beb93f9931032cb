//! Files of messages: how far each has come, and what was said in voice notes. The bytes themselves lie in the
//! data directory ([`crate::shelf`]); a row says that they are there only after they are.
//!
//! Whoever settles a voice note holds the business's lock, as whoever keeps a message does: so of a message that
//! comes in meanwhile either of the two knows, and it is answered.

use prosaas_core::message::{ChatAddress, InboundMedia, MediaKind};
use prosaas_core::{LeadId, Result, UnixMillis};
use serde_json::{Value, json};

use super::answer::{asks, gone, later};
use super::{locked, of_lead, one_message};
use crate::auth::TenantScope;
use crate::model::conversation::{Conversation, Message};
use crate::model::id::{ConversationId, MessageId};
use crate::model::job::JobWork;
use crate::model::media_type::MediaType;
use crate::model::message_file::{FileState, TranscriptState};
use crate::rules::chat::answering::OLDEST_MS;
use crate::rules::chat::is_person;
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Sql, TenantTx, args};

/// The longest transcript kept, in characters.
const MAX_TRANSCRIPT: usize = 20_000;

const SETTLE_FILE: Sql = Sql::both(
    "UPDATE messages SET media = $3, file_state = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND file_state = 'waiting'",
);
const SETTLE_TRANSCRIPT: Sql = Sql::both(
    "UPDATE messages SET body = $3, transcript_state = $4, updated_at = $5, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND transcript_state = 'waiting'",
);
const UNHEARD: Sql = Sql::both(
    "SELECT 1 AS unheard FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND transcript_state = 'waiting' LIMIT 1",
);
const OLD: Sql = Sql::both(
    "SELECT id FROM messages
     WHERE tenant_id = $1 AND file_state = 'stored' AND created_at < $2 ORDER BY id LIMIT $3",
);
const FORGET: Sql = Sql::both(
    "UPDATE messages SET file_state = 'removed', updated_at = $3, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND file_state = 'stored'",
);
const KNOWN: Sql = Sql::both(
    "SELECT id FROM messages
     WHERE tenant_id = $1 AND file_state IN ('waiting', 'stored') AND id > $2 ORDER BY id LIMIT $3",
);
const OF_CONVERSATION: Sql = Sql::both(
    "SELECT id FROM messages
     WHERE tenant_id = $1 AND conversation_id = $2 AND file_state IN ('waiting', 'stored')",
);
const OF_LEAD: Sql = Sql::both(
    "SELECT messages.id FROM messages JOIN conversations
         ON conversations.tenant_id = messages.tenant_id AND conversations.id = messages.conversation_id
     WHERE messages.tenant_id = $1 AND conversations.lead_id = $2
       AND messages.file_state IN ('waiting', 'stored')",
);
const OF_TRASH: Sql = Sql::both(
    "SELECT messages.id FROM messages JOIN conversations
         ON conversations.tenant_id = messages.tenant_id AND conversations.id = messages.conversation_id
     WHERE messages.tenant_id = $1 AND conversations.deleted_at IS NOT NULL
       AND messages.file_state IN ('waiting', 'stored')",
);

/// What became of a file that was to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// It is on the shelf.
    Stored {
        /// What it is.
        media_type: &'static MediaType,
        /// Its size in bytes.
        bytes: u64,
    },
    /// It is larger than what is kept.
    TooLarge,
    /// The business's files have reached what they may take.
    OverLimit,
    /// The channel did not hand it out.
    Absent,
}

/// Whose files go.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) enum FilesOf {
    Conversation(ConversationId),
    Lead(LeadId),
    /// Every conversation of the trash.
    Trash,
}

impl CrmStore {
    /// Notes what became of a message's file, once. Whether the shelf is to keep it: not when the message is
    /// gone, or its file has had its time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_file(
        &self,
        scope: &TenantScope,
        id: MessageId,
        outcome: FileOutcome,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let Some(message) = gone(one_message(&mut tx, id).await)? else {
            return Ok(false);
        };
        let is_waiting = message
            .file
            .as_ref()
            .is_some_and(|file| file.state == FileState::Waiting);
        if !is_waiting {
            return Ok(message.file.is_some_and(|file| file.is_stored()));
        }
        let (state, media) = settled(&message, outcome);
        let values = args![id.uuid(), Json(media), state.as_str(), self.now()];
        tx.execute(&SETTLE_FILE, values).await?;
        self.hear_or_go_on(&mut tx, &message, outcome).await?;
        self.note_file_change(&mut tx, &message).await?;
        tx.commit().await?;
        Ok(state == FileState::Stored)
    }

    /// Has a voice note written down that is stored, and goes on without its words when it is not, or is no
    /// sound.
    async fn hear_or_go_on(
        &self,
        tx: &mut TenantTx,
        message: &Message,
        outcome: FileOutcome,
    ) -> Result<()> {
        if !waits_for_words(message) {
            return Ok(());
        }
        match outcome {
            FileOutcome::Stored { media_type, .. } if media_type.is_audio() => {
                let hear = JobWork::TranscribeMessage {
                    message: message.id,
                };
                self.add_job(tx, &hear, self.now()).await.map(drop)
            }
            _ => self.settle_words(tx, message, None).await,
        }
    }

    /// Notes what was said in a voice note, or that it could not be heard; the agent answers then, if it does.
    /// `false` when that was noted before, or the message is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_transcript(
        &self,
        scope: &TenantScope,
        id: MessageId,
        words: Option<&str>,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        let found = gone(one_message(&mut tx, id).await)?;
        let Some(message) = found.filter(waits_for_words) else {
            return Ok(false);
        };
        self.settle_words(&mut tx, &message, words).await?;
        self.note_file_change(&mut tx, &message).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Goes on without a file that nobody will fetch any more, or without the words of a voice note.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_up_file(&self, scope: &TenantScope, id: MessageId) -> Result<()> {
        self.settle_file(scope, id, FileOutcome::Absent).await?;
        self.settle_transcript(scope, id, None).await.map(drop)
    }

    async fn settle_words(
        &self,
        tx: &mut TenantTx,
        message: &Message,
        words: Option<&str>,
    ) -> Result<()> {
        let words = words.map(str::trim).filter(|words| !words.is_empty());
        let words: Option<String> = words.map(|words| {
            let plain = words.chars().filter(|c| *c != '\0');
            plain.take(MAX_TRANSCRIPT).collect()
        });
        let (body, state) = match &words {
            Some(words) => (words.as_str(), TranscriptState::Done),
            None => (message.body.as_str(), TranscriptState::Failed),
        };
        let values = args![message.id.uuid(), body, state.as_str(), self.now()];
        tx.execute(&SETTLE_TRANSCRIPT, values).await?;
        if words.is_some() {
            self.index_message(tx, message.id, message.at, body).await?;
        }
        self.have_newest_answered(tx, message).await
    }

    /// Has the agent look at the newest message, once no voice note waits to be heard any more. One that took
    /// longer than an answer may is left to a person: somebody waits.
    async fn have_newest_answered(&self, tx: &mut TenantTx, note: &Message) -> Result<()> {
        let conversation = locked(tx, note.conversation).await?;
        if waits_to_be_heard(tx, conversation.id).await?
            || !self.may_be_answered(tx, &conversation).await?
        {
            return Ok(());
        }
        let behind = later(tx, note).await?;
        let newest = behind.iter().rev().find(|message| asks(message));
        let message = newest.map_or(note.id, |message| message.id);
        let now = self.now();
        let work = if now.since(kept_at(note.id)) > OLDEST_MS {
            JobWork::HandOverMessage { message }
        } else {
            JobWork::AnswerMessage { message }
        };
        self.add_job(tx, &work, now).await.map(drop)
    }

    async fn may_be_answered(&self, tx: &mut TenantTx, with: &Conversation) -> Result<bool> {
        let is_open = with.paused.is_none() && is_person(&ChatAddress(with.peer.clone()));
        Ok(is_open && self.wa_settings_within(tx).await?.answers)
    }

    async fn note_file_change(&self, tx: &mut TenantTx, message: &Message) -> Result<()> {
        let conversation = locked(tx, message.conversation).await?;
        let change = Change::new("message.updated", "conversation", conversation.id);
        let change = change.without_audit().without_webhooks();
        tx.record(of_lead(change, conversation.lead));
        Ok(())
    }

    /// Messages that came to be before this time and whose files are stored, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn old_files(
        &self,
        scope: &TenantScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<MessageId>> {
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&OLD, args![before, limit]).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Notes that the file of a message is gone; its words stay.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_file(&self, scope: &TenantScope, message: MessageId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.execute(&FORGET, args![message.uuid(), self.now()])
            .await?;
        tx.record(Change::new("file.expired", "message", message).without_event());
        tx.commit().await
    }

    /// Messages whose files are on the shelf or on their way to it, by id, behind one of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages_with_files(
        &self,
        scope: &TenantScope,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageId>> {
        let tx = self.look(scope).await?;
        let after = after.map_or(uuid::Uuid::nil(), MessageId::uuid);
        let rows = tx.fetch_all(&KNOWN, args![after, limit]).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Has files removed whose messages are about to be. Before the rows go: by them they are found.
    pub(in crate::store) async fn erase_files(&self, tx: &mut TenantTx, of: FilesOf) -> Result<()> {
        let rows = match of {
            FilesOf::Conversation(id) => tx.fetch_all(&OF_CONVERSATION, args![id.uuid()]).await?,
            FilesOf::Lead(lead) => tx.fetch_all(&OF_LEAD, args![lead.uuid()]).await?,
            FilesOf::Trash => tx.fetch_all(&OF_TRASH, args![]).await?,
        };
        for row in &rows {
            let erase = JobWork::EraseFile {
                message: row.id("id")?,
            };
            self.add_job(tx, &erase, self.now()).await?;
        }
        Ok(())
    }
}

/// What a transport is asked for: the file of a message, as its sender described it. `None` when it does not
/// wait to be fetched.
pub(crate) fn to_fetch(message: &Message) -> Option<InboundMedia> {
    let file = message.file.as_ref()?;
    let media = message.media.as_ref()?;
    let text = |field: &str| media[field].as_str().unwrap_or_default().to_owned();
    (file.state == FileState::Waiting).then(|| InboundMedia {
        kind: kind(&message.kind),
        mime_type: text("mime_type"),
        file_name: file.name.clone(),
        caption: None,
        bytes: file.bytes,
        handle: text("handle"),
    })
}

pub(super) fn kind(word: &str) -> MediaKind {
    use MediaKind::{Audio, Document, Image, Sticker, Video, VoiceNote};
    let all = [Image, Video, Audio, VoiceNote, Sticker];
    let found = all.into_iter().find(|kind| kind.as_str() == word);
    found.unwrap_or(Document)
}

/// Whether a voice note of a conversation is not settled yet.
pub(super) async fn waits_to_be_heard(
    tx: &mut TenantTx,
    conversation: ConversationId,
) -> Result<bool> {
    let found = tx.fetch_optional(&UNHEARD, args![conversation.uuid()]);
    Ok(found.await?.is_some())
}

fn waits_for_words(message: &Message) -> bool {
    let transcript = message.file.as_ref().and_then(|file| file.transcript);
    transcript == Some(TranscriptState::Waiting)
}

/// When a message was kept: its id says so.
fn kept_at(id: MessageId) -> UnixMillis {
    let at = id.uuid().get_timestamp().map_or((0, 0), |at| at.to_unix());
    let millis = at.0.saturating_mul(1_000) + u64::from(at.1 / 1_000_000);
    UnixMillis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// How far the file has come, and what is known of it.
fn settled(message: &Message, outcome: FileOutcome) -> (FileState, Value) {
    let mut media = message.media.clone().unwrap_or_else(|| json!({}));
    match outcome {
        FileOutcome::Stored { media_type, bytes } => {
            media["media_type"] = json!(media_type.name);
            media["bytes"] = json!(bytes);
            (FileState::Stored, media)
        }
        FileOutcome::TooLarge => (FileState::TooLarge, media),
        // Too large for what is left: not a state of its own, since the column's are fixed by the schema.
        FileOutcome::OverLimit => {
            media["over_limit"] = json!(true);
            (FileState::TooLarge, media)
        }
        FileOutcome::Absent => (FileState::Absent, media),
    }
}
