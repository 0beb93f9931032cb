//! From WhatsApp's own messages to ours, and back. Pure.

use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, DisplayName, InboundBody, InboundMedia,
    InboundMessage, MediaKind,
};
use prosaas_core::{E164, UnixMillis};
use serde::{Deserialize, Serialize};
use whatsapp_rust::download::MediaType;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::wacore::proto_helpers::MessageExt as _;
use whatsapp_rust::waproto::buffa::MessageField;
use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::whatsapp::{self as wa, message as part};
use whatsapp_rust::{Jid, Server};

/// The longest text kept of a message, in characters: WhatsApp's own bound.
const MAX_TEXT: usize = 65_536;
/// The longest name of a file or a media type, in characters.
const MAX_NAME: usize = 200;

/// What the envelope of a message says, as it is kept until the inbox has taken it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) id: String,
    pub(crate) with: Person,
    pub(crate) name: Option<String>,
    pub(crate) from_me: bool,
    pub(crate) sent_at: i64,
    pub(crate) delayed: bool,
    /// Set for what has no message: a word such as `undecryptable`.
    pub(crate) instead: Option<String>,
}

/// The names of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The hidden id, such as `888@lid`, where it is known.
    pub(crate) lid: Option<String>,
    /// Digits without a plus, where WhatsApp told them.
    pub(crate) phone: Option<String>,
}

impl Person {
    /// The person of these names; `None` for groups, broadcasts and the like. Digits of a LID are never a number.
    pub(crate) fn of<'a>(jids: impl IntoIterator<Item = &'a Jid>) -> Option<Self> {
        let mut person = Self {
            lid: None,
            phone: None,
        };
        for jid in jids {
            match jid.server {
                Server::Lid | Server::HostedLid => {
                    person
                        .lid
                        .get_or_insert_with(|| format!("{}@lid", jid.user));
                }
                Server::Pn | Server::Hosted | Server::Legacy => {
                    person.phone.get_or_insert_with(|| jid.user.to_string());
                }
                _ => return None,
            }
        }
        (person.lid.is_some() || person.phone.is_some()).then_some(person)
    }

    /// Where answers go: the hidden id where there is one, since it outlives the number.
    pub(crate) fn address(&self) -> String {
        match (&self.lid, &self.phone) {
            (Some(lid), _) => lid.clone(),
            (None, Some(phone)) => format!("{phone}@s.whatsapp.net"),
            (None, None) => String::new(),
        }
    }

    fn aliases(&self) -> Vec<ContactAlias> {
        let number = self.phone.as_deref();
        let number = number.and_then(|digits| E164::parse(&format!("+{digits}")).ok());
        let lid = self.lid.clone().map(ContactAlias::Lid);
        number
            .map(ContactAlias::Phone)
            .into_iter()
            .chain(lid)
            .collect()
    }
}

/// The chat that an address names: a person's, without a device.
pub(crate) fn chat(address: &ChatAddress) -> Option<Jid> {
    let jid: Jid = address.0.parse().ok()?;
    let is_person = matches!(jid.server, Server::Lid | Server::Pn) && !jid.user.is_empty();
    is_person.then(|| jid.into_non_ad())
}

/// What a file is fetched by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileKey {
    pub(crate) path: String,
    pub(crate) key: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) sealed_sha256: Vec<u8>,
    pub(crate) bytes: u64,
    pub(crate) kind: String,
    pub(crate) at: i64,
}

/// The kind under which WhatsApp keeps a file.
pub(crate) fn media_type(kind: &str) -> MediaType {
    match kind {
        "image" => MediaType::Image,
        "video" => MediaType::Video,
        "audio" | "voice_note" => MediaType::Audio,
        "sticker" => MediaType::Sticker,
        _ => MediaType::Document,
    }
}

/// What a stored message says to the inbox; `None`: nothing that concerns people.
pub(crate) fn inbound(envelope: Envelope, message: &[u8]) -> Option<InboundMessage> {
    let handle = format!("{} {}", envelope.id, envelope.with.address());
    let (body, quoted) = match envelope.instead {
        Some(word) if word == UNDECRYPTABLE => (InboundBody::Undecryptable, None),
        Some(word) => (InboundBody::Other(word), None),
        None => {
            let message = codec::message_decode(message).ok()?;
            let base = message.get_base_message();
            (body(base, handle)?, quoted(base))
        }
    };
    let name = envelope.name.as_deref().filter(|_| !envelope.from_me);
    Some(InboundMessage {
        id: envelope.id,
        party: ChatParty {
            address: ChatAddress(envelope.with.address()),
            aliases: envelope.with.aliases(),
            // On a message of its own the sender is the business.
            name: name.and_then(DisplayName::new),
        },
        author: if envelope.from_me {
            Author::Business
        } else {
            Author::Customer
        },
        body,
        quoted,
        sent_at: UnixMillis(envelope.sent_at),
        delayed: envelope.delayed,
    })
}

/// The word kept for a message that cannot be read yet.
pub(crate) const UNDECRYPTABLE: &str = "undecryptable";

fn body(message: &wa::Message, handle: String) -> Option<InboundBody> {
    if let Some(text) = message.text_content().filter(|text| !text.is_empty()) {
        return Some(InboundBody::Text(cut(text, MAX_TEXT)));
    }
    if let Some(reaction) = message.reaction_message.as_option() {
        return Some(InboundBody::Reaction {
            to: reaction.key.as_option()?.id.clone()?,
            emoji: cut(reaction.text.as_deref().unwrap_or_default(), 20),
        });
    }
    if let Some(protocol) = message.protocol_message.as_option() {
        return changed(protocol);
    }
    if let Some(file) = file(message) {
        return Some(InboundBody::Media(InboundMedia {
            kind: file.kind,
            mime_type: cut(file.mime.unwrap_or_default(), MAX_NAME),
            file_name: file.name.map(|name| cut(name, MAX_NAME)),
            caption: file.caption.map(|caption| cut(caption, MAX_TEXT)),
            bytes: file.bytes,
            handle,
        }));
    }
    if let Some(place) = message.location_message.as_option() {
        return Some(InboundBody::Location {
            latitude: place.degrees_latitude?,
            longitude: place.degrees_longitude?,
            name: place.name.as_deref().map(|name| cut(name, MAX_NAME)),
        });
    }
    if message.contact_message.is_set() || message.contacts_array_message.is_set() {
        return Some(InboundBody::Other("contacts".to_owned()));
    }
    // Keys of groups travel as messages; people wrote nothing then.
    if message.sender_key_distribution_message.is_set() {
        return None;
    }
    Some(InboundBody::Other("unknown".to_owned()))
}

/// A message about an earlier one; keys, history and settings are nothing for people.
fn changed(protocol: &part::ProtocolMessage) -> Option<InboundBody> {
    use part::protocol_message::Type;
    let to = || protocol.key.as_option()?.id.clone();
    match protocol.r#type? {
        Type::REVOKE => Some(InboundBody::Revoked { to: to()? }),
        Type::MESSAGE_EDIT => {
            let edited = protocol.edited_message.as_option()?.get_base_message();
            let text = edited.text_content().or_else(|| edited.get_caption());
            Some(InboundBody::Edit {
                to: to()?,
                text: cut(text.unwrap_or_default(), MAX_TEXT),
            })
        }
        _ => None,
    }
}

fn quoted(message: &wa::Message) -> Option<String> {
    let context = [
        message
            .extended_text_message
            .as_option()
            .map(|part| &part.context_info),
        message
            .image_message
            .as_option()
            .map(|part| &part.context_info),
        message
            .video_message
            .as_option()
            .map(|part| &part.context_info),
        message
            .audio_message
            .as_option()
            .map(|part| &part.context_info),
        message
            .document_message
            .as_option()
            .map(|part| &part.context_info),
        message
            .sticker_message
            .as_option()
            .map(|part| &part.context_info),
    ];
    let context = context.into_iter().flatten().next()?.as_option()?;
    context.stanza_id.clone().filter(|id| !id.is_empty())
}

/// A file in a message.
struct File<'a> {
    kind: MediaKind,
    mime: Option<&'a str>,
    name: Option<&'a str>,
    caption: Option<&'a str>,
    bytes: Option<u64>,
    path: Option<&'a str>,
    key: Option<&'a [u8]>,
    sha256: Option<&'a [u8]>,
    sealed_sha256: Option<&'a [u8]>,
}

/// The fields that all files have.
macro_rules! file {
    ($kind:expr, $part:expr) => {
        File {
            kind: $kind,
            mime: $part.mimetype.as_deref(),
            name: None,
            caption: None,
            bytes: $part.file_length,
            path: $part.direct_path.as_deref(),
            key: $part.media_key.as_deref(),
            sha256: $part.file_sha256.as_deref(),
            sealed_sha256: $part.file_enc_sha256.as_deref(),
        }
    };
}

fn file(message: &wa::Message) -> Option<File<'_>> {
    if let Some(image) = message.image_message.as_option() {
        let caption = image.caption.as_deref();
        return Some(File {
            caption,
            ..file!(MediaKind::Image, image)
        });
    }
    let video = message.video_message.as_option();
    if let Some(video) = video.or_else(|| message.ptv_message.as_option()) {
        let caption = video.caption.as_deref();
        return Some(File {
            caption,
            ..file!(MediaKind::Video, video)
        });
    }
    if let Some(audio) = message.audio_message.as_option() {
        let spoken = audio.ptt == Some(true);
        let kind = if spoken {
            MediaKind::VoiceNote
        } else {
            MediaKind::Audio
        };
        return Some(file!(kind, audio));
    }
    if let Some(document) = message.document_message.as_option() {
        let (name, caption) = (document.file_name.as_deref(), document.caption.as_deref());
        return Some(File {
            name,
            caption,
            ..file!(MediaKind::Document, document)
        });
    }
    let sticker = message.sticker_message.as_option()?;
    Some(file!(MediaKind::Sticker, sticker))
}

/// What the file in a message is fetched by, if it has one.
pub(crate) fn file_key(message: &wa::Message, at: i64) -> Option<FileKey> {
    let file = file(message.get_base_message())?;
    Some(FileKey {
        path: file.path?.to_owned(),
        key: file.key?.to_vec(),
        sha256: file.sha256?.to_vec(),
        sealed_sha256: file.sealed_sha256?.to_vec(),
        bytes: file.bytes?,
        kind: file.kind.as_str().to_owned(),
        at,
    })
}

/// A message of words.
pub(crate) fn text(text: &str) -> wa::Message {
    wa::Message {
        conversation: Some(text.to_owned()),
        ..Default::default()
    }
}

/// A file that was uploaded, as a message.
pub(crate) fn uploaded(
    media: &prosaas_core::message::OutboundMedia,
    file: UploadResponse,
) -> wa::Message {
    let mimetype = Some(media.mime_type.clone());
    let caption = media.caption.clone();
    macro_rules! sent {
        ($part:ident { $($field:ident: $value:expr),* }) => {
            MessageField::some(part::$part {
                url: Some(file.url),
                direct_path: Some(file.direct_path),
                media_key: Some(file.media_key.to_vec()),
                file_sha256: Some(file.file_sha256.to_vec()),
                file_enc_sha256: Some(file.file_enc_sha256.to_vec()),
                file_length: Some(file.file_length),
                media_key_timestamp: Some(file.media_key_timestamp),
                mimetype,
                $($field: $value,)*
                ..Default::default()
            })
        };
    }
    let mut message = wa::Message::default();
    match media.kind {
        MediaKind::Image | MediaKind::Sticker => {
            message.image_message = sent!(ImageMessage { caption: caption });
        }
        MediaKind::Video => message.video_message = sent!(VideoMessage { caption: caption }),
        MediaKind::Audio => message.audio_message = sent!(AudioMessage { ptt: Some(false) }),
        MediaKind::VoiceNote => message.audio_message = sent!(AudioMessage { ptt: Some(true) }),
        _ => {
            let name = media.file_name.clone();
            message.document_message = sent!(DocumentMessage {
                caption: caption,
                file_name: name
            });
        }
    }
    message
}

fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use part::protocol_message::Type;

    use super::*;

    fn jid(text: &str) -> Jid {
        text.parse().unwrap()
    }

    fn read(message: &wa::Message) -> Option<InboundBody> {
        body(message, "handle".to_owned())
    }

    fn key(id: &str) -> MessageField<wa::MessageKey> {
        MessageField::some(wa::MessageKey {
            id: Some(id.to_owned()),
            ..Default::default()
        })
    }

    fn changed(r#type: Type, edited: MessageField<wa::Message>) -> wa::Message {
        wa::Message {
            protocol_message: MessageField::some(part::ProtocolMessage {
                key: key("A"),
                r#type: Some(r#type),
                edited_message: edited,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_person_has_the_hidden_id_before_the_number_and_a_group_is_none() {
        let (lid, number) = (jid("888:3@lid"), jid("4917000000@s.whatsapp.net"));
        let both = Person::of([&number, &lid]).unwrap();
        assert_eq!(both.address(), "888@lid");
        assert_eq!(both.phone.as_deref(), Some("4917000000"));
        let only_number = Person::of([&number]).unwrap();
        assert_eq!(only_number.address(), "4917000000@s.whatsapp.net");
        let hidden = Person::of([&lid]).unwrap();
        assert_eq!(hidden.aliases(), [ContactAlias::Lid("888@lid".to_owned())]);
        assert_eq!(Person::of([&jid("1203@g.us"), &lid]), None);
    }

    #[test]
    fn only_people_are_written_to() {
        let to = |text: &str| chat(&ChatAddress(text.to_owned()));
        assert_eq!(to("888@lid").unwrap().to_string(), "888@lid");
        assert!(to("4917000000@s.whatsapp.net").is_some());
        for nobody in ["1203@g.us", "status@broadcast", "@lid", ""] {
            assert!(to(nobody).is_none(), "{nobody}");
        }
    }

    #[test]
    fn words_signs_and_changes_are_read() {
        let words = InboundBody::Text("hello".to_owned());
        assert_eq!(read(&text("hello")), Some(words));
        let reaction = wa::Message {
            reaction_message: MessageField::some(part::ReactionMessage {
                key: key("A"),
                text: Some("+1".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let (to, emoji) = ("A".to_owned(), "+1".to_owned());
        assert_eq!(read(&reaction), Some(InboundBody::Reaction { to, emoji }));
        let revoked = changed(Type::REVOKE, MessageField::default());
        let to = "A".to_owned();
        assert_eq!(read(&revoked), Some(InboundBody::Revoked { to }));
        let edited = changed(Type::MESSAGE_EDIT, MessageField::some(text("better")));
        let (to, text) = ("A".to_owned(), "better".to_owned());
        assert_eq!(read(&edited), Some(InboundBody::Edit { to, text }));
    }

    #[test]
    fn keys_of_groups_say_nothing_and_what_is_new_is_named_so() {
        let keys = wa::Message {
            sender_key_distribution_message: MessageField::some(
                part::SenderKeyDistributionMessage::default(),
            ),
            ..Default::default()
        };
        assert_eq!(read(&keys), None);
        let unknown = InboundBody::Other("unknown".to_owned());
        assert_eq!(read(&wa::Message::default()), Some(unknown));
    }

    #[test]
    fn a_voice_note_is_told_from_a_sound_and_fetched_by_its_key() {
        let audio = |ptt| wa::Message {
            audio_message: MessageField::some(part::AudioMessage {
                ptt: Some(ptt),
                mimetype: Some("audio/ogg".to_owned()),
                file_length: Some(9),
                direct_path: Some("/v/1".to_owned()),
                media_key: Some(vec![1; 32]),
                file_sha256: Some(vec![2; 32]),
                file_enc_sha256: Some(vec![3; 32]),
                ..Default::default()
            }),
            ..Default::default()
        };
        for (ptt, kind) in [(true, MediaKind::VoiceNote), (false, MediaKind::Audio)] {
            let Some(InboundBody::Media(media)) = read(&audio(ptt)) else {
                panic!("no file");
            };
            assert_eq!((media.kind, media.bytes), (kind, Some(9)));
            assert_eq!(media.handle, "handle");
            assert!(matches!(media_type(kind.as_str()), MediaType::Audio));
        }
        let found = file_key(&audio(true), 5).unwrap();
        assert_eq!((found.path.as_str(), found.bytes, found.at), ("/v/1", 9, 5));
        assert_eq!(file_key(&text("hello"), 5), None);
    }
}
