//! What is done with WhatsApp's messages: sent, answered, marked as read, left to a person.

use std::sync::Arc;

use prosaas_core::{Error, UnixMillis, WhatsAppTransport};
use prosaas_crm::PhoneStore as _;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::mail::MailContent;
use prosaas_crm::model::conversation::{Message, PausedReason};
use prosaas_crm::model::id::{ConversationId, MessageId};
use prosaas_crm::whatsapp::{self, Answering, words};

use super::JobError;
use super::files::files;
use super::tell::tell;
use crate::wiring::App;

/// The way to WhatsApp. Without one the work waits: the operator may have left a setting out.
pub(super) fn transport(app: &App) -> Result<Arc<dyn WhatsAppTransport>, JobError> {
    let whatsapp = app.whatsapp.as_ref();
    let absent =
        || JobError::Retry("neither BAILEYS_BASE_URL nor META_APP_SECRET is set".to_owned());
    Ok(whatsapp.ok_or_else(absent)?.transport())
}

/// Sends a message once.
pub(super) async fn send(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
    is_last_try: bool,
) -> Result<(), JobError> {
    let transport = transport(app)?;
    let sent = whatsapp::send(files(app), &*transport, scope, message, is_last_try).await;
    Ok(sent?)
}

/// Leaves a message to a person that the agent never came to answer. No way to WhatsApp is needed for that.
pub(super) async fn hand_over(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
) -> Result<(), JobError> {
    if whatsapp::hand_over(&app.store, scope, message).await? {
        tracing::warn!(%message, "a message that the agent could not answer was left to a person");
        app.work.notify_one();
    }
    Ok(())
}

/// Marks a message as failed whose job is dead. When that fails as well, the housekeeping does it.
pub(super) async fn give_up(app: &App, scope: &TenantScope, message: MessageId) {
    if let Err(error) = whatsapp::give_up(&app.store, scope, message).await {
        tracing::error!(%message, error = %error.chain(), "an unsent message could not be marked as failed");
    }
}

/// Shows that the agent is about to answer a message, if it is.
pub(super) async fn show_typing(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
) -> Result<(), JobError> {
    let transport = transport(app)?;
    Ok(whatsapp::show_typing(&app.store, &*transport, scope, message).await?)
}

/// Has the agent answer a message, if it does.
pub(super) async fn answer(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
    attempt: u32,
) -> Result<(), JobError> {
    // What somebody writes while he is on the phone is answered there.
    match app.store.message(scope, message).await {
        Ok(Message {
            external_id: Some(id),
            ..
        }) if app.live.heard(scope.tenant(), &id) => return Ok(()),
        Ok(_) | Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let transport = transport(app)?;
    let answering = Answering {
        store: &app.store,
        model: &*app.text,
        transport: &*transport,
    };
    let (answered, used) = answering.answer(scope, message, attempt).await?;
    app.metrics.usage(&used);
    tracing::debug!(%message, ?answered, "a message was looked at");
    app.work.notify_one();
    Ok(())
}

/// Shows the other side that its messages were read.
pub(super) async fn mark_read(
    app: &App,
    scope: &TenantScope,
    conversation: ConversationId,
    at: UnixMillis,
) -> Result<(), JobError> {
    let transport = transport(app)?;
    let marked = whatsapp::mark_read(&app.store, &*transport, scope, conversation, at).await;
    Ok(marked?)
}

/// Tells whoever answers a conversation, or the owners, that it waits for a person, while it still does.
pub(super) async fn alert(
    app: &App,
    scope: &TenantScope,
    conversation: ConversationId,
) -> Result<(), JobError> {
    let found = match app.store.conversation(scope, conversation).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let reason = found
        .paused
        .filter(|reason| *reason != PausedReason::Person);
    let Some(reason) = reason else {
        return Ok(());
    };
    let Some(business) = app.store.business(scope).await? else {
        return Err(JobError::Final("the business is gone".to_owned()));
    };
    let people = app.store.recipients(scope, found.assignee).await?;
    let content = |language| {
        let (headline, detail) = words::alert(language, reason, found.peer_name.as_deref());
        MailContent::Alert {
            business: business.name.clone(),
            headline,
            detail,
            link: app.url(&format!("/inbox?c={conversation}")),
        }
    };
    tell(app, people, content).await
}
