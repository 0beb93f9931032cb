//! Meta's webhook: the subscription check, and notifications.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, Delivery, DeliveryReport, DisplayName,
    InboundBody, InboundMedia, InboundMessage, MediaKind, OutboundId,
};
use prosaas_core::whatsapp::{WhatsAppEvent, WhatsAppInbox};
use prosaas_core::{E164, ExposeSecret as _, Result, SecretString, TenantId, UnixMillis};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{CloudHost, error, wire};
use crate::Answer;

/// The header with `sha256=` and the HMAC of the raw body under the app's secret.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";
/// The longest notification, in bytes (Meta: up to 3 MB).
pub const MAX_BODY: usize = 3 * 1024 * 1024;

/// Takes Meta's requests, whatever HTTP server they come through.
pub struct Receiver {
    app_secret: SecretString,
    verify_token: SecretString,
    inbox: Arc<dyn WhatsAppInbox>,
    host: Arc<dyn CloudHost>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl Receiver {
    /// A receiver for the app with this secret; `verify_token` is what was entered at Meta for the webhook.
    pub fn new(
        app_secret: SecretString,
        verify_token: SecretString,
        inbox: Arc<dyn WhatsAppInbox>,
        host: Arc<dyn CloudHost>,
    ) -> Self {
        Self {
            app_secret,
            verify_token,
            inbox,
            host,
        }
    }

    /// Answers Meta's `GET` when the webhook is entered: its challenge as text, or 403.
    pub fn subscribe(&self, query: &[(String, String)]) -> Answer {
        let get = |name: &str| {
            let found = query.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let expected = self.verify_token.expose_secret().as_bytes();
        let right = bool::from(expected.ct_eq(get("hub.verify_token").as_bytes()));
        if get("hub.mode") == "subscribe" && right && !expected.is_empty() {
            return Answer::text(200, get("hub.challenge").to_owned());
        }
        Answer::empty(403)
    }

    /// Answers a notification: 200 once everything in it is kept, so that Meta sends it again otherwise; 401
    /// without Meta's signature.
    pub async fn notify(&self, signature: Option<&str>, body: &[u8]) -> Answer {
        if !self.is_signed(signature, body) {
            tracing::warn!("a WhatsApp notification without Meta's signature was refused");
            return Answer::empty(401);
        }
        let Ok(notification) = serde_json::from_slice::<wire::Notification>(body) else {
            // Meta would send it for days; it will not get better.
            tracing::error!("a signed WhatsApp notification could not be read");
            return Answer::empty(200);
        };
        if notification.object != "whatsapp_business_account" {
            return Answer::empty(200);
        }
        let changes = notification
            .entry
            .into_iter()
            .flat_map(|entry| entry.changes);
        for change in changes.filter(|change| change.field == "messages") {
            if let Err(error) = self.change(change).await {
                tracing::warn!(error = %error.chain(), "a WhatsApp notification was not kept");
                return Answer::empty(503);
            }
        }
        Answer::empty(200)
    }

    fn is_signed(&self, signature: Option<&str>, body: &[u8]) -> bool {
        let Some(claimed) = signature.and_then(|text| text.strip_prefix("sha256=")) else {
            return false;
        };
        let secret = self.app_secret.expose_secret().as_bytes();
        let Some(mac) = Hmac::<Sha256>::new_from_slice(secret)
            .ok()
            .filter(|_| !secret.is_empty())
        else {
            return false;
        };
        let digest = mac.chain_update(body).finalize().into_bytes();
        let expected = digest.iter().fold(String::new(), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        });
        expected.as_bytes().ct_eq(claimed.as_bytes()).into()
    }

    async fn change(&self, change: wire::Change) -> Result<()> {
        let Ok(changed) = serde_json::from_value::<wire::Changed>(change.value) else {
            tracing::warn!("a change in a WhatsApp notification could not be read");
            return Ok(());
        };
        let number = &changed.metadata.phone_number_id;
        let Some(tenant) = self.host.tenant_of(number).await? else {
            tracing::warn!(phone_number_id = %number, "a WhatsApp notification for a number of nobody");
            return Ok(());
        };
        for message in changed.messages {
            self.message(tenant, message, &changed.contacts).await?;
        }
        for status in changed.statuses {
            let report = serde_json::from_value(status).ok().and_then(report);
            if let Some(report) = report {
                if report.delivery != Delivery::Failed {
                    // Whatever became of our own answer: Meta has it.
                    self.host.settle(tenant, &report.id, true).await?;
                }
                let event = WhatsAppEvent::Delivery(report);
                self.inbox.accept(tenant, event).await?;
            }
        }
        Ok(())
    }

    async fn message(
        &self,
        tenant: TenantId,
        message: serde_json::Value,
        contacts: &[wire::Contact],
    ) -> Result<()> {
        let read = serde_json::from_value::<wire::Message>(message).ok();
        let Some(message) = read.and_then(|message| inbound(message, contacts)) else {
            tracing::warn!(%tenant, "a WhatsApp message could not be read");
            return Ok(());
        };
        self.inbox
            .accept(tenant, WhatsAppEvent::Message(message))
            .await
    }
}

/// A message with all that is known of its sender. `None` when there is nobody to answer.
fn inbound(message: wire::Message, contacts: &[wire::Contact]) -> Option<InboundMessage> {
    let contact = contacts.iter().find(|contact| {
        let same =
            |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        same(&contact.wa_id, &message.from) || same(&contact.user_id, &message.from_user_id)
    });
    let contact = contact.or_else(|| contacts.first().filter(|_| contacts.len() == 1));
    let phone = message.from.clone().or_else(|| contact?.wa_id.clone());
    let user = message
        .from_user_id
        .clone()
        .or_else(|| contact?.user_id.clone());
    let address = phone.clone().or_else(|| user.clone())?;
    let number = phone.and_then(|digits| E164::parse(&format!("+{digits}")).ok());
    let username = contact.and_then(|contact| contact.profile.username.clone());
    let aliases = number
        .map(ContactAlias::Phone)
        .into_iter()
        .chain(user.map(ContactAlias::Bsuid))
        .chain(username.map(ContactAlias::Username))
        .collect();
    let name = contact
        .and_then(|contact| contact.profile.name.as_deref())
        .and_then(DisplayName::new);
    let quoted = message
        .context
        .as_ref()
        .and_then(|context| context.id.clone());
    let sent_at = seconds(&message.timestamp)?;
    Some(InboundMessage {
        id: message.id.clone(),
        party: ChatParty {
            address: ChatAddress(address),
            aliases,
            name,
        },
        author: Author::Customer,
        body: body(message),
        quoted,
        sent_at,
        delayed: false,
    })
}

fn body(message: wire::Message) -> InboundBody {
    if let Some(text) = message.text {
        return InboundBody::Text(text.body);
    }
    if let Some(button) = message.button {
        return InboundBody::Text(button.text);
    }
    if let Some(interactive) = message.interactive
        && let Some(choice) = interactive.button_reply.or(interactive.list_reply)
    {
        return InboundBody::Text(choice.title);
    }
    if let Some(reaction) = message.reaction {
        return InboundBody::Reaction {
            to: reaction.message_id,
            emoji: reaction.emoji,
        };
    }
    if let Some(place) = message.location {
        return InboundBody::Location {
            latitude: place.latitude,
            longitude: place.longitude,
            name: place.name,
        };
    }
    let files = [
        (MediaKind::Image, message.image),
        (MediaKind::Video, message.video),
        (MediaKind::Audio, message.audio),
        (MediaKind::Document, message.document),
        (MediaKind::Sticker, message.sticker),
    ];
    let file = files
        .into_iter()
        .find_map(|(kind, file)| Some((kind, file?)));
    let Some((kind, file)) = file else {
        return InboundBody::Other(message.kind);
    };
    InboundBody::Media(InboundMedia {
        kind: if file.voice {
            MediaKind::VoiceNote
        } else {
            kind
        },
        mime_type: file.mime_type,
        file_name: file.filename,
        caption: file.caption,
        bytes: None,
        handle: file.id,
    })
}

/// Only statuses of messages that we named; Meta gives the name back as it was.
fn report(status: wire::Status) -> Option<DeliveryReport> {
    let delivery = match status.word.as_str() {
        "sent" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "read" | "played" => Delivery::Read,
        "failed" => Delivery::Failed,
        _ => return None,
    };
    let code = status.errors.first().map(|failure| failure.code);
    Some(DeliveryReport {
        id: OutboundId(status.biz_opaque_callback_data?),
        delivery,
        code: code.map(|code| code.to_string()),
        sentence: code.and_then(error::sentence),
        at: seconds(&status.timestamp)?,
    })
}

/// Meta writes seconds since 1970 as text.
fn seconds(text: &str) -> Option<UnixMillis> {
    text.parse::<i64>().ok()?.checked_mul(1_000).map(UnixMillis)
}
