//! Sends text messages, each at most once.

use prosaas_core::ErrorClass;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::conversation::{MessageFailure, MessageStatus};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::rules::missed_call::LATEST_MS;
use prosaas_crm::store::OutboundSms;
use prosaas_twilio::rest::{self, Address, SendMessage, Sender};

use super::JobError;
use crate::carrier;
use crate::wiring::App;

/// Sends a message. One of which nobody knows whether the carrier has it is not sent again.
pub(super) async fn send(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
) -> Result<(), JobError> {
    let Some(sms) = app.store.outbound_sms(scope, message).await? else {
        return Ok(());
    };
    if sms.was_handed_over {
        return unclear(app, scope, message).await;
    }
    let OutboundSms { to, from, body, .. } = sms;
    let Some(from) = from else {
        let sentence = "the number it was to be sent from is not the business's any more";
        return fail(app, scope, message, ("number-released", sentence)).await;
    };
    if app.clock.now().since(sms.written_at) > LATEST_MS {
        let sentence = "it could not be sent in time";
        return fail(app, scope, message, ("too-late", sentence)).await;
    }
    let Some(client) = carrier::client(app, scope).await? else {
        let missing = "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN must be set to send text messages";
        return Err(JobError::Retry(missing.to_owned()));
    };
    if !app.store.hand_over_sms(scope, message).await? {
        return Ok(());
    }
    let sender = Sender::Address(Address::Sms(from));
    let asked = SendMessage::text(Address::Sms(to), sender, body);
    match client.send_message(asked).await {
        Ok(_) => {
            let sent = (MessageStatus::Sent, None);
            let now = app.clock.now();
            app.store.advance_message(scope, message, sent, now).await?;
            Ok(())
        }
        Err(error @ rest::Error::Ambiguous { .. }) => {
            tracing::warn!(%message, %error, "nobody knows whether a text message was sent");
            unclear(app, scope, message).await
        }
        Err(error) if error.class() == ErrorClass::Retry => {
            app.store.take_back_sms(scope, message).await?;
            Err(JobError::Retry(error.to_string()))
        }
        Err(error) => {
            tracing::warn!(%message, %error, "a text message was refused");
            let sentence = error.to_string();
            fail(app, scope, message, ("refused", &sentence)).await
        }
    }
}

/// Marks a message as failed whose job is dead. When that fails as well, the housekeeping does it.
pub(super) async fn give_up(app: &App, scope: &TenantScope, message: MessageId) {
    let sentence = "the carrier could not be reached";
    if let Err(error) = fail(app, scope, message, ("unavailable", sentence)).await {
        tracing::error!(%message, %error, "an unsent text message could not be marked as failed");
    }
}

async fn unclear(app: &App, scope: &TenantScope, message: MessageId) -> Result<(), JobError> {
    let sentence = "nobody knows whether the carrier sent it";
    fail(app, scope, message, ("unclear", sentence)).await
}

async fn fail(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
    (code, sentence): (&str, &str),
) -> Result<(), JobError> {
    let failure = MessageFailure {
        code: code.to_owned(),
        sentence: sentence.to_owned(),
    };
    let failed = (MessageStatus::Failed, Some(failure));
    let now = app.clock.now();
    app.store
        .advance_message(scope, message, failed, now)
        .await?;
    Ok(())
}
