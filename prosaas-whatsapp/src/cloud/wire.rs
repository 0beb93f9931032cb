//! Meta's JSON, as far as it is read. Every name of a person is optional (since April 2026 a customer may
//! arrive without a phone number), and unknown fields are passed over.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Uploaded {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct MediaPlace {
    pub(super) url: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Failed {
    #[serde(default)]
    pub(super) error: Failure,
}

#[derive(Default, Deserialize)]
pub(super) struct Failure {
    #[serde(default)]
    pub(super) code: i64,
}

#[derive(Deserialize)]
pub(super) struct Notification {
    pub(super) object: String,
    #[serde(default)]
    pub(super) entry: Vec<Entry>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) changes: Vec<Change>,
}

#[derive(Deserialize)]
pub(super) struct Change {
    #[serde(default)]
    pub(super) field: String,
    pub(super) value: Value,
}

#[derive(Deserialize)]
pub(super) struct Changed {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) contacts: Vec<Contact>,
    #[serde(default)]
    pub(super) messages: Vec<Value>,
    #[serde(default)]
    pub(super) statuses: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) phone_number_id: String,
}

#[derive(Deserialize)]
pub(super) struct Contact {
    #[serde(default)]
    pub(super) wa_id: Option<String>,
    #[serde(default)]
    pub(super) user_id: Option<String>,
    #[serde(default)]
    pub(super) profile: Profile,
}

#[derive(Default, Deserialize)]
pub(super) struct Profile {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) username: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    #[serde(default)]
    pub(super) from: Option<String>,
    #[serde(default)]
    pub(super) from_user_id: Option<String>,
    pub(super) id: String,
    pub(super) timestamp: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) context: Option<Context>,
    #[serde(default)]
    pub(super) text: Option<Text>,
    #[serde(default)]
    pub(super) image: Option<Media>,
    #[serde(default)]
    pub(super) video: Option<Media>,
    #[serde(default)]
    pub(super) audio: Option<Media>,
    #[serde(default)]
    pub(super) document: Option<Media>,
    #[serde(default)]
    pub(super) sticker: Option<Media>,
    #[serde(default)]
    pub(super) reaction: Option<Reaction>,
    #[serde(default)]
    pub(super) location: Option<Location>,
    #[serde(default)]
    pub(super) button: Option<Button>,
    #[serde(default)]
    pub(super) interactive: Option<Interactive>,
}

#[derive(Deserialize)]
pub(super) struct Context {
    #[serde(default)]
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) body: String,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) id: String,
    #[serde(default)]
    pub(super) mime_type: String,
    #[serde(default)]
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) filename: Option<String>,
    #[serde(default)]
    pub(super) voice: bool,
}

#[derive(Deserialize)]
pub(super) struct Reaction {
    pub(super) message_id: String,
    #[serde(default)]
    pub(super) emoji: String,
}

#[derive(Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(default)]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Button {
    #[serde(default)]
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Interactive {
    #[serde(default)]
    pub(super) button_reply: Option<Choice>,
    #[serde(default)]
    pub(super) list_reply: Option<Choice>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) title: String,
}

#[derive(Deserialize)]
pub(super) struct Status {
    #[serde(rename = "status")]
    pub(super) word: String,
    pub(super) timestamp: String,
    #[serde(default)]
    pub(super) biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    pub(super) errors: Vec<Failure>,
}
