//! What a job does with a file that came with a message: fetch it, hear it.

use prosaas_core::whatsapp::TOO_LARGE;
use prosaas_core::{
    Error, ErrorClass, Heard, Result, Speech, Transcriber, Usage, WhatsAppTransport,
};

use super::MAX_TRIES;
use crate::CrmStore;
use crate::auth::TenantScope;
use crate::model::conversation::Message;
use crate::model::id::MessageId;
use crate::model::media_type::MediaType;
use crate::model::message_file::{MOST_BYTES, TranscriptState};
use crate::model::spending::{Spending, SpentOn};
use crate::shelf::{Placed, Shelf};
use crate::store::{FileOutcome, PhoneStore as _, to_fetch};

/// Where files are kept: the rows and the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// The database.
    pub store: &'a CrmStore,
    /// The bytes.
    pub shelf: &'a Shelf,
}

impl Files<'_> {
    /// Fetches the file of a message onto the shelf, once whatever dies in between: the row says that it is there
    /// after it is. `attempt` counts the tries from 1: whoever sent a voice note is not kept waiting for more
    /// than [`MAX_TRIES`] of them.
    ///
    /// # Errors
    /// When another try may succeed.
    pub async fn fetch(
        &self,
        transport: &dyn WhatsAppTransport,
        scope: &TenantScope,
        (id, attempt): (MessageId, u32),
    ) -> Result<()> {
        let message = match self.store.message(scope, id).await {
            // It was erased meanwhile, and an earlier try may have been faster.
            Err(Error::NotFound { .. }) => return self.shelf.remove(scope.tenant(), id).await,
            found => found?,
        };
        match self.bring(transport, scope, &message, attempt).await {
            Ok(None) => Ok(()),
            Ok(Some(outcome)) => self.settle(scope, id, outcome).await,
            Err(error) => {
                if attempt >= MAX_TRIES {
                    self.store.settle_transcript(scope, id, None).await?;
                }
                Err(error)
            }
        }
    }

    async fn settle(&self, scope: &TenantScope, id: MessageId, outcome: FileOutcome) -> Result<()> {
        let is_kept = self.store.settle_file(scope, id, outcome).await?;
        if is_kept {
            return Ok(());
        }
        self.shelf.remove(scope.tenant(), id).await
    }

    /// Brings a file onto the shelf; `None` when it does not wait to be fetched.
    async fn bring(
        &self,
        transport: &dyn WhatsAppTransport,
        scope: &TenantScope,
        message: &Message,
        attempt: u32,
    ) -> Result<Option<FileOutcome>> {
        let Some(media) = to_fetch(message) else {
            return Ok(None);
        };
        if media.bytes.is_some_and(|bytes| bytes > MOST_BYTES) {
            return Ok(Some(FileOutcome::TooLarge));
        }
        let left = self.store.storage_use(scope).await?.left();
        if left == 0 || media.bytes.is_some_and(|bytes| bytes > left) {
            tracing::info!(message = %message.id, "a file was not fetched: the business's files take all they may");
            return Ok(Some(FileOutcome::OverLimit));
        }
        let tenant = scope.tenant();
        let most = MOST_BYTES.min(left);
        let mut draft = self.shelf.begin(tenant, message.id, attempt).await?;
        let fetched = transport.fetch(tenant, &media, most, &mut draft).await;
        if let Err(error) = fetched {
            draft.discard().await;
            return refused(message.id, error)
                .map(|outcome| Some(within_what_is_left(outcome, most)));
        }
        let Placed { media_type, bytes } = draft.place(&media.mime_type).await?;
        Ok(Some(FileOutcome::Stored { media_type, bytes }))
    }

    /// Writes down what is said in a voice note, so that people find it and the agent answers it. One that cannot
    /// be heard is answered as that.
    ///
    /// # Errors
    /// When another try may succeed, unless there were [`MAX_TRIES`].
    pub async fn transcribe(
        &self,
        transcriber: &dyn Transcriber,
        scope: &TenantScope,
        (id, attempt): (MessageId, u32),
    ) -> Result<Usage> {
        let Some(facts) = self.store.answer_facts(scope, id).await? else {
            return Ok(Usage::default());
        };
        let file = facts.message.file.as_ref();
        if file.and_then(|file| file.transcript) != Some(TranscriptState::Waiting) {
            return Ok(Usage::default());
        }
        let mut used = Usage::default();
        let words = if facts.turn.is_unwanted {
            None
        } else {
            match self.hear(transcriber, scope, &facts.message).await {
                Ok(heard) => {
                    used += heard.usage;
                    let spending = Spending {
                        what: SpentOn::VoiceNote(id),
                        part: attempt,
                        cost: used.cost,
                    };
                    self.store.settle(scope, spending).await?;
                    Some(heard.text)
                }
                Err(error) if error.class() == ErrorClass::Retry && attempt < MAX_TRIES => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(message = %id, error = %error.chain(), "a voice note could not be heard");
                    None
                }
            }
        };
        let settled = self.store.settle_transcript(scope, id, words.as_deref());
        settled.await.map(|_| used)
    }

    async fn hear(
        &self,
        transcriber: &dyn Transcriber,
        scope: &TenantScope,
        message: &Message,
    ) -> Result<Heard> {
        let unfit = || Error::invalid("voice note", "expected a sound file that is stored");
        let file = message.file.as_ref().ok_or_else(unfit)?;
        let media_type = file.media_type.filter(|found| found.is_audio());
        let MediaType {
            name, extension, ..
        } = media_type.ok_or_else(unfit)?;
        let most = transcriber.most_bytes();
        let bytes = self.shelf.read(scope.tenant(), message.id, most).await?;
        let speech = Speech {
            bytes: bytes.ok_or_else(unfit)?,
            media_type: name,
            extension,
            api_key: self.store.secrets(scope).await?.openai_api_key,
        };
        transcriber.transcribe(speech).await
    }
}

/// A file that was too large only for what was left was over the limit.
fn within_what_is_left(outcome: FileOutcome, most: u64) -> FileOutcome {
    if outcome == FileOutcome::TooLarge && most < MOST_BYTES {
        return FileOutcome::OverLimit;
    }
    outcome
}

/// What a transport that did not hand a file out means for the message.
fn refused(message: MessageId, error: Error) -> Result<FileOutcome> {
    let outcome = match &error {
        Error::Invalid { field, .. } if *field == TOO_LARGE => FileOutcome::TooLarge,
        Error::Invalid { .. } | Error::NotFound { .. } => FileOutcome::Absent,
        _ => return Err(error),
    };
    tracing::info!(%message, error = %error.chain(), ?outcome, "a file was not fetched");
    Ok(outcome)
}
