//! Messages: SMS and WhatsApp.

use std::fmt;

use prosaas_core::E164;
use serde::Deserialize;

use super::{Client, Error, Repeat};

/// Where a message goes to or comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An SMS number.
    Sms(E164),
    /// A WhatsApp number.
    WhatsApp(E164),
}

impl Address {
    fn to_wire(&self) -> String {
        match self {
            Self::Sms(number) => number.expose().to_owned(),
            Self::WhatsApp(number) => format!("whatsapp:{}", number.expose()),
        }
    }
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A number of the account.
    Address(Address),
    /// A messaging service (`MG...`), which picks the number.
    Service(String),
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SendMessage {
    /// Who receives it.
    pub to: Address,
    /// Who sends it; of the same kind as `to`.
    pub from: Sender,
    /// The text; empty when a template or media is sent alone.
    pub body: String,
    /// Media to attach, by URL.
    pub media_urls: Vec<String>,
    /// A template's SID (`HX...`) and its variables, a JSON object as text. WhatsApp takes nothing else
    /// outside the 24 hours after the other side's last message (63016).
    pub template: Option<(String, String)>,
    /// Told what becomes of it.
    pub status_callback: Option<String>,
}

impl SendMessage {
    /// A text.
    pub fn text(to: Address, from: Sender, body: impl Into<String>) -> Self {
        Self {
            to,
            from,
            body: body.into(),
            media_urls: Vec::new(),
            template: None,
            status_callback: None,
        }
    }

    fn into_form(self) -> Vec<(&'static str, String)> {
        let mut form = vec![("To", self.to.to_wire())];
        form.push(match self.from {
            Sender::Address(address) => ("From", address.to_wire()),
            Sender::Service(sid) => ("MessagingServiceSid", sid),
        });
        if !self.body.is_empty() {
            form.push(("Body", self.body));
        }
        form.extend(self.media_urls.into_iter().map(|url| ("MediaUrl", url)));
        if let Some((sid, variables)) = self.template {
            form.extend([("ContentSid", sid), ("ContentVariables", variables)]);
        }
        form.extend(self.status_callback.map(|url| ("StatusCallback", url)));
        form
    }
}

impl fmt::Debug for SendMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendMessage")
            .field("to", &self.to)
            .field("from", &self.from)
            .field("body_chars", &self.body.chars().count())
            .finish_non_exhaustive()
    }
}

/// A message that Twilio accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Its id, `SM` or `MM` and 32 hex digits.
    pub sid: String,
    /// `accepted`, `queued` and others.
    pub status: String,
}

impl Client {
    /// Sends a message. Never repeated when the outcome is unclear.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] after a 5xx or a broken connection: it may have been sent.
    pub async fn send_message(&self, message: SendMessage) -> Result<Message, Error> {
        let form = message.into_form();
        self.send_json(&self.post(
            "the sending of a message",
            "Messages.json",
            form,
            Repeat::Never,
        ))
        .await
    }
}
