//! The sidecar's JSON, as `baileys/PROTOCOL.md` (version 1) describes it.
//!
//! Read tolerantly: fields that are not known are passed over, an event of an unknown kind is kept as such.

use std::fmt;

use prosaas_core::E164;
use serde::{Deserialize, Serialize};

/// One business's session.
#[derive(Debug, Deserialize)]
pub(crate) struct Session {
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
    #[serde(default)]
    pub(crate) retry_at: Option<i64>,
    #[serde(default)]
    pub(crate) me: Option<Me>,
}

/// The account that a session is linked to.
#[derive(Deserialize)]
pub(crate) struct Me {
    #[serde(default)]
    phone: Option<String>,
}

impl Me {
    /// Its number; the sidecar writes digits alone.
    pub(crate) fn number(&self) -> Option<E164> {
        let digits = self.phone.as_deref()?.trim_start_matches('+');
        format!("+{digits}").parse().ok()
    }
}

impl fmt::Debug for Me {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Me").finish_non_exhaustive()
    }
}

/// The code to be scanned, or typed.
#[derive(Deserialize)]
pub(crate) struct Linking {
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) qr: Option<String>,
    #[serde(default)]
    pub(crate) seq: Option<u32>,
    #[serde(default)]
    pub(crate) expires_at: Option<i64>,
    #[serde(default)]
    pub(crate) attempts_left: Option<u32>,
    #[serde(default)]
    pub(crate) pairing_code: Option<String>,
}

/// A body of 400 and above.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) retry_after_ms: Option<u64>,
}

/// The body of `PUT /v1/sessions/{business}`.
#[derive(Serialize)]
pub(crate) struct Own {
    pub(crate) owner_epoch: u64,
    pub(crate) policy: Policy,
}

#[derive(Serialize)]
pub(crate) struct Policy {
    pub(crate) strangers: &'static str,
    pub(crate) groups: bool,
}

/// The body of `POST .../messages`.
#[derive(Serialize)]
pub(crate) struct Send<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) chat: &'a str,
    pub(crate) first_contact: bool,
    pub(crate) content: SendContent<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SendContent<'a> {
    Text {
        text: &'a str,
    },
    Image {
        media: SendMedia<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
    },
    Video {
        media: SendMedia<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
    },
    Document {
        media: SendMedia<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
    },
    Audio {
        media: SendMedia<'a>,
        voice: bool,
    },
}

#[derive(Serialize)]
pub(crate) struct SendMedia<'a> {
    pub(crate) path: &'a str,
    pub(crate) mime: &'a str,
    pub(crate) bytes: u64,
    pub(crate) file_name: Option<&'a str>,
}

/// The body of `POST /internal/wa/events`.
#[derive(Deserialize)]
pub(crate) struct Batch {
    pub(crate) session: String,
    pub(crate) owner_epoch: u64,
    pub(crate) events: Vec<Event>,
}

/// One event. What it holds is read apart, so that one strange event does not stop those behind it.
#[derive(Deserialize)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) created_at: i64,
    #[serde(default)]
    pub(crate) message: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) receipt: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) state: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) contact: Option<serde_json::Value>,
}

#[derive(Deserialize)]
pub(crate) struct Message {
    pub(crate) wa_id: String,
    #[serde(default)]
    pub(crate) from_me: bool,
    pub(crate) sent_at: i64,
    #[serde(default)]
    pub(crate) via: String,
    pub(crate) chat: Peer,
    #[serde(default)]
    pub(crate) sender: Option<Peer>,
    #[serde(default)]
    pub(crate) quoted: Option<Quoted>,
    pub(crate) content: Content,
}

#[derive(Deserialize)]
pub(crate) struct Peer {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) alt: Option<String>,
    #[serde(default)]
    pub(crate) phone: Option<String>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Quoted {
    pub(crate) wa_id: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Content {
    Text {
        text: String,
    },
    Image(File),
    Video(File),
    Document(File),
    Audio(File),
    Sticker(File),
    Location {
        latitude: f64,
        longitude: f64,
        #[serde(default)]
        name: Option<String>,
    },
    Contacts {},
    Reaction {
        emoji: String,
        target: String,
    },
    Edit {
        target: String,
        text: String,
    },
    Revoke {
        target: String,
    },
    Call {
        call: String,
    },
    Undecryptable {},
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) caption: Option<String>,
    pub(crate) media: FileFacts,
}

#[derive(Deserialize)]
pub(crate) struct FileFacts {
    #[serde(default)]
    pub(crate) mime: Option<String>,
    #[serde(default)]
    pub(crate) bytes: Option<u64>,
    #[serde(default)]
    pub(crate) file_name: Option<String>,
    #[serde(default)]
    pub(crate) voice: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Receipt {
    pub(crate) message_id: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) error: Option<ReceiptError>,
}

#[derive(Deserialize)]
pub(crate) struct ReceiptError {
    pub(crate) code: String,
}

#[derive(Deserialize)]
pub(crate) struct Contact {
    pub(crate) lid: String,
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) phone: Option<String>,
}
