//! What is sent to Meta.

use prosaas_core::message::{MediaKind, OutboundBody, OutboundMedia, OutboundMessage, Template};
use prosaas_core::{Error, Result};
use serde_json::{Value, json};

/// The longest text, in characters (Meta).
const MAX_TEXT: usize = 4096;
/// The largest files, in bytes (Meta; MB is a million here).
const MAX_IMAGE: usize = 5_000_000;
const MAX_AUDIO_VIDEO: usize = 16_000_000;
const MAX_DOCUMENT: usize = 100_000_000;
/// The longest id that Meta gives back with a status, in characters.
const MAX_CALLBACK_DATA: usize = 512;

/// Refuses what Meta cannot carry.
pub(super) fn check(message: &OutboundMessage) -> Result<()> {
    if message.id.0.is_empty() || message.id.0.chars().count() > MAX_CALLBACK_DATA {
        return Err(Error::invalid("id", "expected 1 to 512 characters"));
    }
    match &message.body {
        OutboundBody::Text(text) if text.is_empty() || text.chars().count() > MAX_TEXT => {
            Err(Error::invalid("text", "expected 1 to 4096 characters"))
        }
        OutboundBody::Media(media) => check_size(media),
        _ => Ok(()),
    }
}

fn check_size(media: &OutboundMedia) -> Result<()> {
    let limit = match media.kind {
        MediaKind::Image | MediaKind::Sticker => MAX_IMAGE,
        MediaKind::Audio | MediaKind::VoiceNote | MediaKind::Video => MAX_AUDIO_VIDEO,
        _ => MAX_DOCUMENT,
    };
    if media.bytes.len() > limit {
        return Err(Error::invalid(
            "file",
            format!("expected at most {limit} bytes"),
        ));
    }
    Ok(())
}

/// The body of `POST /{phone_number_id}/messages`; `uploaded` is Meta's id of the file, when there is one.
pub(super) fn body(message: &OutboundMessage, uploaded: Option<&str>) -> Value {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.to.0,
        "biz_opaque_callback_data": message.id.0,
    });
    let (kind, content) = match &message.body {
        OutboundBody::Text(text) => ("text", json!({ "preview_url": false, "body": text })),
        OutboundBody::Template(template) => ("template", filled(template)),
        OutboundBody::Media(media) => file(media, uploaded.unwrap_or_default()),
        // The enum may grow; what is not known here was refused by `check`'s caller as text.
        _ => ("text", Value::Null),
    };
    body["type"] = json!(kind);
    body[kind] = content;
    body
}

fn file(media: &OutboundMedia, id: &str) -> (&'static str, Value) {
    let mut content = json!({ "id": id });
    let kind = match media.kind {
        MediaKind::Image | MediaKind::Sticker => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::VoiceNote => {
            content["voice"] = json!(true);
            "audio"
        }
        _ => {
            if let Some(name) = &media.file_name {
                content["filename"] = json!(name);
            }
            "document"
        }
    };
    if let Some(caption) = media.caption.as_ref().filter(|_| kind != "audio") {
        content["caption"] = json!(caption);
    }
    (kind, content)
}

fn filled(template: &Template) -> Value {
    let parameters: Vec<Value> = template
        .parameters
        .iter()
        .map(|text| json!({ "type": "text", "text": text }))
        .collect();
    let mut filled = json!({ "name": template.name, "language": { "code": template.language } });
    if !parameters.is_empty() {
        filled["components"] = json!([{ "type": "body", "parameters": parameters }]);
    }
    filled
}

/// The body that marks a message, and those before it, as read.
pub(super) fn read(message: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message })
}
