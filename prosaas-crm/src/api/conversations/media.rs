//! What came with a message, as the API shows it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::conversation::Message;
use crate::model::id::MessageId;
use crate::model::message_file::{FileState, MessageFile, TranscriptState};

/// What came with a message: a file, a place, or the message that it is about. Only what applies is there.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct MessageMedia {
    /// What the file is, in the channel's words, such as `voice_note`.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// How far the file has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<FileState>,
    /// Why the file is not here, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<&'static str>,
    /// Whether it was not taken because the business's files had reached what they may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    over_limit: Option<bool>,
    /// The media type of a stored file: found in its bytes, never the sender's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "audio/ogg")]
    media_type: Option<&'static str>,
    /// Its name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    /// Its size in bytes; as the sender said while it is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Where a stored file can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Whether it may be shown or played in a page; others are only downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    inline: Option<bool>,
    /// Whether the message's text is what was said in its voice note.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<TranscriptState>,
    /// Degrees north of a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    /// Degrees east of a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// The channel's id of the message that this one is about: a reaction, an edit, a word taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl MessageMedia {
    /// What came with a message; what the transport fetches it by is its own matter.
    pub(super) fn of(message: &Message) -> Option<Self> {
        if let Some(file) = &message.file {
            return Some(Self::file(message, file));
        }
        let media = message.media.as_ref()?;
        Some(Self {
            latitude: media["latitude"].as_f64(),
            longitude: media["longitude"].as_f64(),
            to: media["to"].as_str().map(str::to_owned),
            ..Self::default()
        })
    }

    fn file(message: &Message, file: &MessageFile) -> Self {
        let stored = file.media_type.filter(|_| file.is_stored());
        Self {
            kind: Some(message.kind.clone()),
            state: Some(file.state),
            detail: detail(file),
            over_limit: file.is_over_limit.then_some(true),
            media_type: stored.map(|found| found.name),
            file_name: file.name.clone(),
            bytes: file.bytes,
            url: file.is_stored().then(|| url(message.id)),
            inline: stored.map(|found| found.is_inline),
            transcript: file.transcript,
            ..Self::default()
        }
    }
}

fn url(message: MessageId) -> String {
    format!("/api/messages/{message}/file")
}

const fn detail(file: &MessageFile) -> Option<&'static str> {
    match file.state {
        FileState::Waiting | FileState::Stored => None,
        FileState::TooLarge if file.is_over_limit => Some(
            "The business's files take all they may, and the file was not taken: make room or raise the limit, and ask for it again.",
        ),
        FileState::TooLarge => {
            Some("The file has 100 MB or more and was not taken: ask for a smaller one.")
        }
        FileState::Absent => Some("WhatsApp did not hand the file out: look for it on the phone."),
        FileState::Removed => Some("The file was removed when its time was over."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_without_a_file_says_why() {
        for state in FileState::ALL {
            let is_fine = matches!(state, FileState::Waiting | FileState::Stored);
            let file = MessageFile::read(state, None, None);
            assert_eq!(detail(&file).is_none(), is_fine, "{state:?}");
        }
        let media = serde_json::json!({ "over_limit": true });
        let file = MessageFile::read(FileState::TooLarge, None, Some(&media));
        assert!(detail(&file).unwrap().contains("raise the limit"));
        let empty = serde_json::to_value(MessageMedia::default()).unwrap();
        assert_eq!(empty, serde_json::json!({}));
    }
}
