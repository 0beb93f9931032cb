//! Chat messages, as the channels exchange them.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::phone::E164;
use crate::time::UnixMillis;

/// An opaque address of a person on a channel. Never assume it is a phone number: channels use
/// several kinds of address for one person.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChatAddress(pub String);

impl fmt::Debug for ChatAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChatAddress(…)")
    }
}

/// The id we give a message before it is sent; sending the same id twice sends one message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboundId(pub String);

/// Another name by which a channel says it knows the same person.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContactAlias {
    /// A phone number.
    Phone(E164),
    /// WhatsApp's id of a person who may hide the number, such as `888000222@lid`.
    Lid(String),
    /// WhatsApp's id of a person towards one business (Cloud API `user_id`).
    Bsuid(String),
    /// A WhatsApp user name, without `@`.
    Username(String),
}

impl fmt::Debug for ContactAlias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Phone(_) => "Phone(…)",
            Self::Lid(_) => "Lid(…)",
            Self::Bsuid(_) => "Bsuid(…)",
            Self::Username(_) => "Username(…)",
        })
    }
}

/// Who wrote, or is written to, in a chat of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatParty {
    /// Where an answer goes; stays the same for the whole conversation.
    pub address: ChatAddress,
    /// Every other name the channel gave for this person.
    pub aliases: Vec<ContactAlias>,
    /// The name that the person chose, if the channel told.
    pub name: Option<DisplayName>,
}

impl ChatParty {
    /// Somebody of whom only the address is known.
    pub const fn at(address: ChatAddress) -> Self {
        Self {
            address,
            aliases: Vec::new(),
            name: None,
        }
    }
}

/// A name that a stranger chose: text from outside, at most [`DisplayName::MAX_CHARS`] characters.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The longest name kept, in characters.
    pub const MAX_CHARS: usize = 100;

    /// The name without line breaks and control characters, cut to the limit; `None` when nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let clean: String = text
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(Self::MAX_CHARS)
            .collect();
        (!clean.is_empty()).then_some(Self(clean))
    }

    /// The name, to be shown to people of the business.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName(…)")
    }
}

/// What a file sent in a chat is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound file.
    Audio,
    /// A message spoken into the phone.
    VoiceNote,
    /// Any other file.
    Document,
    /// A sticker.
    Sticker,
}

impl MediaKind {
    /// The word that is stored, such as `voice_note`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::VoiceNote => "voice_note",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }
}

/// A file that is sent with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type, such as `image/jpeg`.
    pub mime_type: String,
    /// Its name, for a document.
    pub file_name: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
    /// Its bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for OutboundMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundMedia")
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// A message approved by the channel beforehand, with its blanks filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The name under which the channel approved it.
    pub name: String,
    /// Its language, such as `he` or `en_US`.
    pub language: String,
    /// What fills the blanks of its body, in their order.
    pub parameters: Vec<String>,
}

/// What a message to be sent holds.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboundBody {
    /// Words.
    Text(String),
    /// A file.
    Media(OutboundMedia),
    /// An approved message.
    Template(Template),
}

impl fmt::Debug for OutboundBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} characters)", text.chars().count()),
            Self::Media(media) => media.fmt(f),
            Self::Template(template) => write!(f, "Template({})", template.name),
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// Ours; makes sending idempotent.
    pub id: OutboundId,
    /// To whom.
    pub to: ChatAddress,
    /// What.
    pub body: OutboundBody,
    /// Whether it may be the first word to somebody who never wrote to the business. Reception answers, so
    /// this is `false` unless the business asked for this very message.
    pub first_contact: bool,
}

impl OutboundMessage {
    /// A message of words, to somebody who wrote before.
    pub fn text(id: OutboundId, to: ChatAddress, text: impl Into<String>) -> Self {
        Self {
            id,
            to,
            body: OutboundBody::Text(text.into()),
            first_contact: false,
        }
    }
}

/// A file that was received; its bytes are fetched apart.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type as the sender gave it: not to be trusted.
    pub mime_type: String,
    /// Its name as the sender gave it: not to be trusted.
    pub file_name: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
    /// Its size in bytes, where the channel tells.
    pub bytes: Option<u64>,
    /// What the transport fetches it by.
    pub handle: String,
}

impl fmt::Debug for InboundMedia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundMedia")
            .field("kind", &self.kind)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// What a received message holds.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum InboundBody {
    /// Words.
    Text(String),
    /// A file.
    Media(InboundMedia),
    /// A sign put on another message; empty when it was taken away.
    Reaction {
        /// The channel's id of that message.
        to: String,
        /// The sign.
        emoji: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// What the sender called it.
        name: Option<String>,
    },
    /// New words for an earlier message.
    Edit {
        /// The channel's id of that message.
        to: String,
        /// The words that hold now.
        text: String,
    },
    /// An earlier message was taken back. The business keeps what it has read; this says that it was taken back.
    Revoked {
        /// The channel's id of that message.
        to: String,
    },
    /// A message that could not be decrypted yet; the same id may come again with its content.
    Undecryptable,
    /// A kind that this version does not read, by the channel's word for it.
    Other(String),
}

impl InboundBody {
    /// The words in it; empty where there are none.
    pub fn text(&self) -> &str {
        match self {
            Self::Media(media) => media.caption.as_deref().unwrap_or_default(),
            Self::Reaction { emoji, .. } => emoji,
            Self::Location { name, .. } => name.as_deref().unwrap_or_default(),
            Self::Text(text) | Self::Edit { text, .. } => text,
            Self::Revoked { .. } | Self::Undecryptable | Self::Other(_) => "",
        }
    }

    /// The word stored for what it is, such as `text` or `image`.
    pub fn kind(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Media(media) => media.kind.as_str(),
            Self::Reaction { .. } => "reaction",
            Self::Location { .. } => "location",
            Self::Edit { .. } => "edit",
            Self::Revoked { .. } => "revoked",
            Self::Undecryptable => "undecryptable",
            Self::Other(kind) => kind,
        }
    }
}

impl fmt::Debug for InboundBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(…)", self.kind())
    }
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The other person.
    Customer,
    /// Somebody of the business, on the phone that the channel is linked to and not through us.
    Business,
}

/// A message that was received, or that the business wrote on its own phone.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundMessage {
    /// The channel's id; the same id is the same message.
    pub id: String,
    /// With whom the chat is.
    pub party: ChatParty,
    /// Which of the two wrote.
    pub author: Author,
    /// What.
    pub body: InboundBody,
    /// The channel's id of the message it answers, if it names one.
    pub quoted: Option<String>,
    /// When it was sent, by the channel's clock.
    pub sent_at: UnixMillis,
    /// Whether it waited at the channel while we were away.
    pub delayed: bool,
}

/// How far a message of ours has come. The order is the order in which it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The channel took it.
    Sent,
    /// It reached the person's phone.
    Delivered,
    /// The person saw it.
    Read,
    /// It will not arrive.
    Failed,
}

/// Word of a message of ours. Reports may come twice and out of order; the furthest holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Which message.
    pub id: OutboundId,
    /// How far.
    pub delivery: Delivery,
    /// The channel's own code, when it failed.
    pub code: Option<String>,
    /// What people are told of the failure, where the backend knows what the code means.
    pub sentence: Option<String>,
    /// When, by the channel's clock.
    pub at: UnixMillis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_one_short_line() {
        let name = DisplayName::new(" Dana\n\u{202e}Levi\u{0} ").unwrap();
        assert_eq!(name.expose(), "Dana\u{202e}Levi");
        assert_eq!(DisplayName::new(" \n "), None);
        let long = DisplayName::new(&"ד".repeat(500)).unwrap();
        assert_eq!(long.expose().chars().count(), DisplayName::MAX_CHARS);
        assert!(!format!("{name:?}").contains("Dana"));
    }

    #[test]
    fn what_people_write_does_not_print() {
        let message = InboundMessage {
            id: "3EB01".to_owned(),
            party: ChatParty::at(ChatAddress("972500000000@s.whatsapp.net".to_owned())),
            author: Author::Customer,
            body: InboundBody::Text("my secret".to_owned()),
            quoted: None,
            sent_at: UnixMillis(1),
            delayed: false,
        };
        let printed = format!("{message:?}");
        assert!(!printed.contains("secret") && !printed.contains("97250"));
    }
}
