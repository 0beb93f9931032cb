//! WhatsApp, as far as it is the CRM's: what a job does with a message and a transport.
//!
//! What comes in needs nothing of this: [`CrmStore`] is the [`prosaas_core::WhatsAppInbox`]. Whoever runs
//! jobs calls [`send`] for [`crate::JobWork::SendMessage`], [`show_typing`] for [`crate::JobWork::ShowTyping`],
//! [`Answering::answer`] for [`crate::JobWork::AnswerMessage`], [`hand_over`] for
//! [`crate::JobWork::HandOverMessage`] and [`mark_read`] for [`crate::JobWork::MarkRead`], and sends a mail with
//! [`words::alert`] for [`crate::JobWork::AlertConversation`]. [`CrmStore::wake_conversation`] is all of
//! [`crate::JobWork::WakeConversation`]. [`Files`] fetches for [`crate::JobWork::FetchFile`] and hears for
//! [`crate::JobWork::TranscribeMessage`]; [`CrmStore::give_up_file`] is all of [`crate::JobWork::GiveUpFile`]. A job of the first kind that is dead is given up
//! by [`give_up`].

mod answer;
mod desk;
mod files;
mod prompt;
pub mod words;

use prosaas_core::message::{ChatAddress, OutboundBody};
use prosaas_core::{Error, ErrorClass, Result, UnixMillis, WhatsAppTransport};

pub use answer::{Answered, Answering, MAX_TRIES};
pub use files::Files;

use crate::CrmStore;
use crate::auth::TenantScope;
use crate::model::conversation::{MessageFailure, MessageStatus, PausedReason};
use crate::model::id::{ConversationId, MessageId};
use crate::model::message_file::MOST_SENT;
use crate::rules::chat::answering::{Silence, Verdict, decide};

/// Sends a message that was written into a conversation, once whatever dies in between: the transport knows it
/// by its own id. What cannot be sent is marked as failed, with the reason.
///
/// # Errors
/// When another try may succeed, unless `is_last_try`: then it is marked as failed.
pub async fn send(
    Files { store, shelf }: Files<'_>,
    transport: &dyn WhatsAppTransport,
    scope: &TenantScope,
    id: MessageId,
    is_last_try: bool,
) -> Result<()> {
    let Some(mut outbound) = store.outbound(scope, id).await? else {
        return Ok(());
    };
    if let OutboundBody::Media(media) = &mut outbound.message.body {
        let Some(bytes) = shelf.read(scope.tenant(), id, MOST_SENT).await? else {
            let sentence = "the file is not here any more";
            return fail(store, scope, id, ("file-gone", sentence)).await;
        };
        media.bytes = bytes;
    }
    if outbound.is_overtaken {
        let sentence = "a person took the conversation over before it was sent";
        return fail(store, scope, id, ("taken-over", sentence)).await;
    }
    match transport.send(scope.tenant(), outbound.message).await {
        Ok(_) => {
            let sent = (MessageStatus::Sent, None);
            let moved = store.advance_message(scope, id, sent, store.now()).await;
            moved.map(drop)
        }
        Err(error) if may_pass(&error) && !is_last_try => Err(error),
        Err(error) => {
            tracing::warn!(message = %id, error = %error.chain(), "a message was not sent");
            let (code, sentence) = reason(&error);
            fail(store, scope, id, (code, &sentence)).await
        }
    }
}

/// Marks a message as failed that nobody will try to send again: its job is dead.
///
/// # Errors
/// When the database fails.
pub async fn give_up(store: &CrmStore, scope: &TenantScope, id: MessageId) -> Result<()> {
    let sentence = "WhatsApp could not be reached";
    fail(store, scope, id, ("unavailable", sentence)).await
}

/// Leaves a message to a person that the agent was to answer and never came to: the job that was to do it is
/// dead. `false` when nobody waits for an answer to it any more, or a person has the conversation.
///
/// # Errors
/// When the database fails.
pub async fn hand_over(store: &CrmStore, scope: &TenantScope, id: MessageId) -> Result<bool> {
    let Some(facts) = store.answer_facts(scope, id).await? else {
        return Ok(false);
    };
    let reason = match decide(&facts.turn) {
        // It was to be answered; that it grew old and the hour passed is what the tries took.
        Verdict::Answer | Verdict::Silent(Silence::Old | Silence::Hours) => PausedReason::Failed,
        Verdict::HandOver(reason) => reason,
        Verdict::Silent(_) => return Ok(false),
    };
    let conversation = facts.conversation.id;
    store.hand_over(scope, conversation, reason).await
}

/// Shows the other side that the agent is about to answer a message, if it is. Only a courtesy: what the
/// transport cannot show is not shown.
///
/// # Errors
/// When the database fails.
pub async fn show_typing(
    store: &CrmStore,
    transport: &dyn WhatsAppTransport,
    scope: &TenantScope,
    id: MessageId,
) -> Result<()> {
    let can = transport.capabilities_of(scope.tenant()).await?;
    if !can.shows_typing {
        return Ok(());
    }
    let Some(facts) = store.answer_facts(scope, id).await? else {
        return Ok(());
    };
    if decide(&facts.turn) == Verdict::Answer {
        let chat = ChatAddress(facts.conversation.peer);
        write_visibly(transport, scope, &chat).await;
    }
    Ok(())
}

/// Shows for some seconds that somebody writes, where the channel can.
async fn write_visibly(transport: &dyn WhatsAppTransport, scope: &TenantScope, chat: &ChatAddress) {
    if let Err(error) = transport.typing(scope.tenant(), chat).await {
        tracing::debug!(error = %error.chain(), "typing could not be shown");
    }
}

/// Shows the other side that its messages were read.
///
/// # Errors
/// When another try may succeed.
pub async fn mark_read(
    store: &CrmStore,
    transport: &dyn WhatsAppTransport,
    scope: &TenantScope,
    conversation: ConversationId,
    at: UnixMillis,
) -> Result<()> {
    let (chat, ids) = match store.read_messages(scope, conversation, at).await {
        Err(Error::NotFound { .. }) => return Ok(()),
        read => read?,
    };
    if ids.is_empty() {
        return Ok(());
    }
    match transport.mark_read(scope.tenant(), &chat, &ids).await {
        // A courtesy: without a link there is nobody to show it to.
        Err(error) if !may_pass(&error) => Ok(()),
        result => result,
    }
}

async fn fail(
    store: &CrmStore,
    scope: &TenantScope,
    id: MessageId,
    (code, sentence): (&str, &str),
) -> Result<()> {
    let failure = MessageFailure {
        code: code.to_owned(),
        sentence: sentence.to_owned(),
    };
    let failed = (MessageStatus::Failed, Some(failure));
    store
        .advance_message(scope, id, failed, store.now())
        .await
        .map(drop)
}

/// Whether another try may succeed.
fn may_pass(error: &Error) -> bool {
    !matches!(
        error.class(),
        ErrorClass::Conflict | ErrorClass::Forbidden | ErrorClass::Invalid | ErrorClass::NotFound
    )
}

/// A word and a sentence for people, without what is inside.
fn reason(error: &Error) -> (&'static str, String) {
    match error {
        Error::Conflict { detail, .. } => ("refused", detail.clone()),
        Error::Forbidden { detail } => ("forbidden", detail.clone()),
        Error::Invalid { expected, .. } => ("invalid", expected.clone()),
        Error::NotFound { what } => ("not-found", format!("{what} was not found")),
        Error::RateLimited { .. } => ("rate-limited", "WhatsApp allows no more for now".to_owned()),
        _ => ("unavailable", "WhatsApp could not be reached".to_owned()),
    }
}
