//! A file in a conversation: how far it has come, and what is known of it.

use std::fmt;

use prosaas_core::message::MediaKind;
use prosaas_core::{Error, Result};
use serde_json::Value;

use super::check;
use super::id::MessageId;
use super::media_type::MediaType;
use super::words::words;

/// The largest file that is kept, in bytes: WhatsApp's own bound. Files of 100 MB and more are refused.
pub const MOST_BYTES: u64 = 99_999_999;
/// The largest file that is sent, in bytes: WhatsApp's own bound for sound and film. A larger document would go,
/// but a file is sent out of memory.
pub const MOST_SENT: u64 = 16_000_000;
/// The largest picture that WhatsApp shows as one, in bytes; a larger one goes as a document.
const MOST_PICTURE: u64 = 5_000_000;
/// The longest words under a file, in characters: WhatsApp's own bound.
const MAX_CAPTION: usize = 1_024;
/// The longest name of a file, in characters.
const MAX_NAME: usize = 120;

words! {
    /// How far a file has come.
    FileState, "file_state":
    /// It is still at the channel, and will be fetched.
    Waiting = "waiting",
    /// It is stored here.
    Stored = "stored",
    /// It is larger than what is kept, and stayed at the channel.
    TooLarge = "too_large",
    /// The channel did not hand it out.
    Absent = "absent",
    /// It was stored, and has had its time.
    Removed = "removed",
}

words! {
    /// Whether what was said in a voice note is known.
    TranscriptState, "transcript_state":
    /// It will be written down.
    Waiting = "waiting",
    /// It stands in the message's text.
    Done = "done",
    /// It could not be heard.
    Failed = "failed",
}

/// A file that came with a message, or went with one.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageFile {
    /// How far it has come.
    pub state: FileState,
    /// What it is, once it is stored: found in its bytes.
    pub media_type: Option<&'static MediaType>,
    /// Its name, where it has one: fit for a directory and a header.
    pub name: Option<String>,
    /// Its size in bytes: as it is stored, and before that as its sender said.
    pub bytes: Option<u64>,
    /// Whether it was not taken because the business's files had reached what they may take.
    pub is_over_limit: bool,
    /// Whether what was said in it is known; voice notes only.
    pub transcript: Option<TranscriptState>,
}

impl fmt::Debug for MessageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageFile")
            .field("state", &self.state)
            .field("media_type", &self.media_type)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl MessageFile {
    /// A file from its row: its states, and what is stored of it as JSON.
    pub(crate) fn read(
        state: FileState,
        transcript: Option<TranscriptState>,
        media: Option<&Value>,
    ) -> Self {
        let field = |name: &str| media.and_then(|media| media.get(name));
        let text = |name: &str| field(name).and_then(Value::as_str);
        Self {
            state,
            media_type: text("media_type").and_then(MediaType::named),
            name: text("file_name").and_then(file_name),
            bytes: field("bytes").and_then(Value::as_u64),
            is_over_limit: field("over_limit").and_then(Value::as_bool) == Some(true),
            transcript,
        }
    }

    /// Whether it can be looked at.
    pub fn is_stored(&self) -> bool {
        self.state == FileState::Stored
    }
}

/// A file that somebody of the business sends: on the shelf already, under the id of the message to be.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundFile {
    /// The id under which it was uploaded; the message takes it over.
    pub id: MessageId,
    /// What it is.
    pub media_type: &'static MediaType,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its name, for a document.
    pub name: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
}

impl fmt::Debug for OutboundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundFile")
            .field("id", &self.id)
            .field("media_type", &self.media_type)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl OutboundFile {
    /// As what WhatsApp sends it.
    pub fn kind(&self) -> MediaKind {
        match self.media_type.sent_as() {
            MediaKind::Image if self.bytes > MOST_PICTURE => MediaKind::Document,
            kind => kind,
        }
    }

    /// Whether it can be sent; its name is made fit.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(self) -> Result<Self> {
        if self.bytes == 0 || self.bytes > MOST_SENT {
            return Err(Error::invalid("file", "expected 1 to 16000000 bytes"));
        }
        let caption = check::optional("text", self.caption.as_deref(), MAX_CAPTION)?;
        if caption.is_some() && self.kind() == MediaKind::Audio {
            let expected = "expected no words under a sound: send them as a message of their own";
            return Err(Error::invalid("text", expected));
        }
        Ok(Self {
            name: self.name.as_deref().and_then(file_name),
            caption,
            ..self
        })
    }
}

/// A stranger's name for a file, without folders, control characters, what turns the direction of writing, and
/// what directories do not take; `None` when nothing is left.
pub fn file_name(text: &str) -> Option<String> {
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_fit = |c: &char| {
        !c.is_control() && !turns(*c) && !matches!(c, '"' | '<' | '>' | ':' | '|' | '?' | '*')
    };
    let name: String = last.chars().filter(is_fit).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let name: String = name.chars().take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_strangers_name_for_a_file_names_a_file_and_nothing_else() {
        let named = |text: &str| file_name(text);
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(named("מחירון 2026.pdf"), is("מחירון 2026.pdf"));
        assert_eq!(named("../../etc/passwd"), is("passwd"));
        assert_eq!(named("C:\\temp\\a\"b\r\n.txt"), is("ab.txt"));
        assert_eq!(named("invoice\u{202e}fdp.exe"), is("invoicefdp.exe"));
        for nothing in ["", " . ", "..", "a/", "\u{0}"] {
            assert_eq!(named(nothing), None, "{nothing:?}");
        }
        assert_eq!(named(&"x".repeat(999)).unwrap().len(), MAX_NAME);
    }

    #[test]
    fn a_type_that_is_not_listed_is_not_known_although_it_is_stored() {
        let media = json!({ "media_type": "text/html", "file_name": "a/b", "bytes": 7 });
        let file = MessageFile::read(FileState::Stored, None, Some(&media));
        assert_eq!((file.media_type, file.bytes), (None, Some(7)));
        assert_eq!(file.name.as_deref(), Some("b"));
    }
}
