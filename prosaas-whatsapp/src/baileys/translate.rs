//! From the sidecar's words to ours.

use prosaas_core::message::{
    Author, ChatAddress, ChatParty, ContactAlias, Delivery, DeliveryReport, DisplayName,
    InboundBody, InboundMedia, InboundMessage, MediaKind, OutboundId,
};
use prosaas_core::whatsapp::{LinkState, QrCode, WhatsAppEvent};
use prosaas_core::{E164, SecretString, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire;

/// The longest text kept of a message, in characters: WhatsApp's own bound.
const MAX_TEXT: usize = 65_536;
/// The longest name of a file or a media type, in characters.
const MAX_NAME: usize = 200;

/// What an event says. `None`: nothing that concerns us, or nothing that can be read; it is acknowledged all
/// the same, since offering it again would change nothing.
pub(crate) fn event(event: wire::Event) -> Option<WhatsAppEvent> {
    let at = UnixMillis(event.created_at);
    match event.kind.as_str() {
        "message" | "message_update" => message(read(event.message)?).map(WhatsAppEvent::Message),
        "receipt" => receipt(read(event.receipt)?, at).map(WhatsAppEvent::Delivery),
        "state" => Some(WhatsAppEvent::Link(link_state(&read(event.state)?))),
        "contact" => Some(WhatsAppEvent::SamePerson(contact(&read(event.contact)?))),
        _ => None,
    }
}

fn read<T: DeserializeOwned>(value: Option<Value>) -> Option<T> {
    serde_json::from_value(value?).ok()
}

fn message(message: wire::Message) -> Option<InboundMessage> {
    // Groups, broadcasts and newsletters are nobody's conversation with the business.
    if message
        .chat
        .kind
        .as_deref()
        .is_some_and(|kind| kind != "person")
    {
        return None;
    }
    let name = message
        .sender
        .as_ref()
        .and_then(|sender| sender.name.as_deref());
    let author = if message.from_me {
        Author::Business
    } else {
        Author::Customer
    };
    let party = ChatParty {
        aliases: aliases(&message.chat),
        // On a message of its own the sender is the business.
        name: name.filter(|_| !message.from_me).and_then(DisplayName::new),
        address: ChatAddress(message.chat.id.clone()),
    };
    let handle = format!("{} {}", message.wa_id, message.chat.id);
    Some(InboundMessage {
        id: message.wa_id,
        party,
        author,
        body: body(message.content, handle),
        quoted: message.quoted.map(|quoted| quoted.wa_id),
        sent_at: UnixMillis(message.sent_at),
        delayed: message.via != "notify",
    })
}

fn body(content: wire::Content, handle: String) -> InboundBody {
    use wire::Content;
    let (kind, file) = match content {
        Content::Text { text } => return InboundBody::Text(cut(text, MAX_TEXT)),
        Content::Location {
            latitude,
            longitude,
            name,
        } => {
            let name = name.map(|name| cut(name, MAX_NAME));
            return InboundBody::Location {
                latitude,
                longitude,
                name,
            };
        }
        Content::Reaction { emoji, target } => {
            return InboundBody::Reaction {
                to: target,
                emoji: cut(emoji, 20),
            };
        }
        Content::Edit { target, text } => {
            return InboundBody::Edit {
                to: target,
                text: cut(text, MAX_TEXT),
            };
        }
        Content::Revoke { target } => return InboundBody::Revoked { to: target },
        Content::Undecryptable {} => return InboundBody::Undecryptable,
        Content::Contacts {} => return InboundBody::Other("contacts".to_owned()),
        Content::Call { call } => {
            let video = call == "missed_video";
            let kind = if video {
                "missed_video_call"
            } else {
                "missed_voice_call"
            };
            return InboundBody::Other(kind.to_owned());
        }
        Content::Unknown => return InboundBody::Other("unknown".to_owned()),
        Content::Image(file) => (MediaKind::Image, file),
        Content::Video(file) => (MediaKind::Video, file),
        Content::Document(file) => (MediaKind::Document, file),
        Content::Sticker(file) => (MediaKind::Sticker, file),
        Content::Audio(file) if file.media.voice == Some(true) => (MediaKind::VoiceNote, file),
        Content::Audio(file) => (MediaKind::Audio, file),
    };
    InboundBody::Media(InboundMedia {
        kind,
        mime_type: cut(file.media.mime.unwrap_or_default(), MAX_NAME),
        file_name: file.media.file_name.map(|name| cut(name, MAX_NAME)),
        caption: file.caption.map(|caption| cut(caption, MAX_TEXT)),
        bytes: file.media.bytes,
        handle,
    })
}

fn cut(text: String, max: usize) -> String {
    if text.len() <= max {
        return text;
    }
    text.chars().take(max).collect()
}

fn aliases(peer: &wire::Peer) -> Vec<ContactAlias> {
    let phone = peer.phone.as_deref().and_then(phone);
    let ids = std::iter::once(peer.id.as_str()).chain(peer.alt.as_deref());
    let lids = ids
        .filter(|id| id.ends_with("@lid"))
        .map(|id| ContactAlias::Lid(id.to_owned()));
    phone
        .map(ContactAlias::Phone)
        .into_iter()
        .chain(lids)
        .collect()
}

/// WhatsApp writes numbers as digits without a plus.
fn phone(digits: &str) -> Option<E164> {
    E164::parse(&format!("+{digits}")).ok()
}

fn contact(contact: &wire::Contact) -> ChatParty {
    let number = contact.phone.as_deref().and_then(phone);
    ChatParty {
        address: ChatAddress(contact.id.clone()),
        aliases: std::iter::once(ContactAlias::Lid(contact.lid.clone()))
            .chain(number.map(ContactAlias::Phone))
            .collect(),
        name: None,
    }
}

fn receipt(receipt: wire::Receipt, at: UnixMillis) -> Option<DeliveryReport> {
    let delivery = match receipt.status.as_str() {
        "sent" | "server" => Delivery::Sent,
        "delivered" => Delivery::Delivered,
        "read" | "played" => Delivery::Read,
        "failed" => Delivery::Failed,
        _ => return None,
    };
    Some(DeliveryReport {
        id: OutboundId(receipt.message_id),
        delivery,
        code: receipt.error.map(|error| cut(error.code, MAX_NAME)),
        sentence: None,
        at,
    })
}

/// The state of a session, apart from the codes, which stand in an answer of their own.
pub(crate) fn link_state(session: &wire::Session) -> LinkState {
    match session.state.as_str() {
        "idle" => LinkState::Unlinked,
        "open" => LinkState::Ready {
            number: session.me.as_ref().and_then(wire::Me::number),
        },
        "expired" => LinkState::Expired,
        "needs_passkey" => LinkState::NeedsPasskey,
        "waiting" if session.reason.as_deref() == Some("no_network") => LinkState::Unreachable,
        // A code is on its way: `GET .../qr` has it.
        "connecting" | "linking" | "waiting" | "qr" | "pairing_code" => LinkState::Connecting,
        "paused" => LinkState::Banned {
            until: session.retry_at.map(UnixMillis),
        },
        "banned" => LinkState::Banned { until: None },
        "replaced" | "fenced" | "released" => LinkState::Replaced,
        "logged_out" => LinkState::LoggedOut,
        "outdated" | "stopped" => LinkState::Outdated,
        _ => LinkState::Broken,
    }
}

/// The state with its code, where one is shown.
pub(crate) fn code(code: wire::Linking) -> Option<LinkState> {
    match code.state.as_str() {
        "qr" => Some(LinkState::Qr(QrCode {
            text: SecretString::from(code.qr?),
            seq: code.seq.unwrap_or(1),
            expires_at: UnixMillis(code.expires_at.unwrap_or_default()),
            attempts_left: code.attempts_left.unwrap_or_default(),
        })),
        // The sidecar writes XXXX-XXXX for people; the hyphen is ours to draw.
        "pairing_code" => {
            let digits: String = code.pairing_code?.chars().filter(|c| *c != '-').collect();
            (digits.len() == 8).then(|| LinkState::PairingCode(SecretString::from(digits)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read_event(kind: &str, what: Value) -> Option<WhatsAppEvent> {
        let field = if kind == "message_update" {
            "message"
        } else {
            kind
        };
        let mut json = json!({"event_id": "e", "seq": 1, "kind": kind, "created_at": 5, "new": 1});
        json[field] = what;
        event(serde_json::from_value(json).unwrap())
    }

    fn message_json(content: &Value) -> Value {
        json!({
            "wa_id": "3EB0AA", "from_me": false, "sent_at": 1_700_000_000_000_i64, "via": "notify",
            "chat": {"id": "888000222@lid", "alt": "15550123@s.whatsapp.net", "phone": "15005550123", "kind": "person"},
            "sender": {"id": "888000222@lid", "alt": null, "phone": null, "name": "Ada"},
            "quoted": {"wa_id": "3EB001", "sender": null, "text": null},
            "content": content
        })
    }

    fn received(content: &Value) -> InboundMessage {
        match read_event("message", message_json(content)) {
            Some(WhatsAppEvent::Message(message)) => message,
            other => panic!("expected a message, got {other:?}"),
        }
    }

    #[test]
    fn a_text_comes_with_everything_that_is_known_of_its_sender() {
        let message = received(&json!({"type": "text", "text": "Are you open?"}));
        assert_eq!(message.body, InboundBody::Text("Are you open?".to_owned()));
        assert_eq!(message.party.address.0, "888000222@lid");
        assert_eq!(
            message.party.aliases,
            [
                ContactAlias::Phone("+15005550123".parse().unwrap()),
                ContactAlias::Lid("888000222@lid".to_owned()),
            ]
        );
        assert_eq!(message.party.name.unwrap().expose(), "Ada");
        assert_eq!(message.quoted.as_deref(), Some("3EB001"));
        assert!(!message.delayed);
    }

    #[test]
    fn a_lid_is_never_taken_for_a_phone_number() {
        let mut json = message_json(&json!({"type": "text", "text": "x"}));
        json["chat"] = json!({"id": "888000222@lid", "alt": null, "phone": null, "kind": "person"});
        let Some(WhatsAppEvent::Message(message)) = read_event("message", json) else {
            panic!("expected a message");
        };
        assert_eq!(
            message.party.aliases,
            [ContactAlias::Lid("888000222@lid".to_owned())]
        );
    }

    #[test]
    fn what_the_owner_writes_on_his_phone_is_the_businesss() {
        let mut json = message_json(&json!({"type": "text", "text": "I'll come"}));
        json["from_me"] = json!(true);
        json["via"] = json!("append");
        let Some(WhatsAppEvent::Message(message)) = read_event("message", json) else {
            panic!("expected a message");
        };
        assert_eq!(message.author, Author::Business);
        assert_eq!(message.party.name, None, "the name is the business's own");
        assert!(message.delayed);
    }

    #[test]
    fn every_kind_of_content_becomes_one_of_ours() {
        let voice = json!({"type": "audio", "caption": null, "media": {"mime": "audio/ogg", "bytes": 9, "voice": true}});
        let InboundBody::Media(media) = received(&voice).body else {
            panic!("expected a file");
        };
        assert_eq!((media.kind, media.bytes), (MediaKind::VoiceNote, Some(9)));
        assert_eq!(media.handle, "3EB0AA 888000222@lid");
        let kinds = [
            (
                json!({"type": "image", "caption": "c", "media": {}}),
                "image",
            ),
            (
                json!({"type": "location", "latitude": 32.1, "longitude": 34.8}),
                "location",
            ),
            (
                json!({"type": "reaction", "emoji": "👍", "target": "3EB0"}),
                "reaction",
            ),
            (
                json!({"type": "edit", "target": "3EB0", "text": "t"}),
                "edit",
            ),
            (json!({"type": "revoke", "target": "3EB0"}), "revoked"),
            (
                json!({"type": "call", "call": "missed_voice"}),
                "missed_voice_call",
            ),
            (json!({"type": "contacts", "contacts": []}), "contacts"),
            (
                json!({"type": "undecryptable", "reason": "x"}),
                "undecryptable",
            ),
            (
                json!({"type": "unknown", "name": "pollCreationMessage"}),
                "unknown",
            ),
            (json!({"type": "from_the_future", "a": 1}), "unknown"),
        ];
        for (content, kind) in kinds {
            assert_eq!(received(&content).body.kind(), kind);
        }
    }

    #[test]
    fn groups_and_nonsense_are_passed_over() {
        let mut group = message_json(&json!({"type": "text", "text": "x"}));
        group["chat"]["kind"] = json!("group");
        assert!(read_event("message", group).is_none());
        assert!(read_event("message", json!({"wa_id": 5})).is_none());
        assert!(read_event("news", json!({})).is_none());
    }

    #[test]
    fn receipts_and_states_have_our_words() {
        let receipt = |status: &str| {
            let what = json!({"message_id": "msg_1", "wa_id": "3EB0", "status": status, "error": {"code": "463", "message": ""}});
            match read_event("receipt", what) {
                Some(WhatsAppEvent::Delivery(report)) => Some(report.delivery),
                _ => None,
            }
        };
        assert_eq!(receipt("server"), Some(Delivery::Sent));
        assert_eq!(receipt("played"), Some(Delivery::Read));
        assert_eq!(receipt("failed"), Some(Delivery::Failed));
        assert_eq!(receipt("queued"), None);
        let state = |json: Value| link_state(&serde_json::from_value(json).unwrap());
        assert_eq!(
            state(json!({"state": "waiting", "reason": "no_network"})).as_str(),
            "unreachable"
        );
        assert_eq!(
            state(json!({"state": "waiting", "reason": "lost"})).as_str(),
            "connecting"
        );
        assert_eq!(
            state(json!({"state": "paused", "retry_at": 7})).as_str(),
            "banned"
        );
        assert_eq!(state(json!({"state": "new_state"})).as_str(), "broken");
        for (me, known) in [
            (
                json!({"phone": "97231234567", "id": "97231234567:1@s.whatsapp.net"}),
                true,
            ),
            (json!({"phone": null}), false),
            (json!({"phone": "not a number"}), false),
            (json!(null), false),
        ] {
            let open = state(json!({"state": "open", "me": me}));
            assert!(matches!(open, LinkState::Ready { number } if number.is_some() == known));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_cut_and_kept(text in ".{0,300}") {
            let short = cut(text.clone(), 100);
            prop_assert!(short.len() <= 100 || short.chars().count() == 100 || short == text);
            prop_assert!(text.starts_with(&short));
        }
    }
}
