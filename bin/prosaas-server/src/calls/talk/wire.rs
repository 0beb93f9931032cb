//! What a page and the server say to each other beside the sound: JSON, one word each.

use prosaas_core::Speaker;
use prosaas_core::leg::MarkId;
use serde::Deserialize;
use serde_json::json;

/// What the page is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToPage<'a> {
    /// Drop what was not played yet.
    Clear,
    /// Send this back once everything before it was played or dropped.
    Mark(MarkId),
    /// Somebody said this.
    Line {
        /// Its place in the conversation.
        seq: u32,
        /// Who.
        speaker: Speaker,
        /// What.
        text: &'a str,
    },
    /// The talk is over, for this reason. Nothing follows.
    Ended(&'a str),
}

impl ToPage<'_> {
    /// As it goes over the wire.
    pub(super) fn to_json(self) -> String {
        let message = match self {
            Self::Clear => json!({ "clear": true }),
            Self::Mark(mark) => json!({ "mark": mark.to_string() }),
            Self::Line { seq, speaker, text } => {
                json!({ "line": { "seq": seq, "speaker": speaker.as_str(), "text": text } })
            }
            Self::Ended(end) => json!({ "ended": end }),
        };
        message.to_string()
    }
}

/// What the page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FromPage {
    /// Everything before this was played or dropped.
    Mark(MarkId),
    /// Whoever talks has had enough.
    HangUp,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Mark(String),
    HangUp(bool),
}

impl FromPage {
    /// `None` for what is none of these.
    pub(super) fn read(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Said::Mark(mark) => mark.parse().ok().map(Self::Mark),
            Said::HangUp(is_over) => is_over.then_some(Self::HangUp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: MarkId = MarkId {
        generation: 1,
        seq: 7,
    };

    #[test]
    fn the_page_is_told_in_one_word() {
        assert_eq!(ToPage::Clear.to_json(), r#"{"clear":true}"#);
        assert_eq!(ToPage::Mark(MARK).to_json(), r#"{"mark":"1:7"}"#);
        assert_eq!(ToPage::Ended("idle").to_json(), r#"{"ended":"idle"}"#);
        let line = ToPage::Line {
            seq: 2,
            speaker: Speaker::Caller,
            text: "שלום \"דנה\"",
        };
        let read: serde_json::Value = serde_json::from_str(&line.to_json()).unwrap();
        assert_eq!(read["line"]["seq"], 2);
        assert_eq!(read["line"]["speaker"], "caller");
        assert_eq!(read["line"]["text"], "שלום \"דנה\"");
    }

    #[test]
    fn the_page_says_little() {
        assert_eq!(
            FromPage::read(r#"{"mark":"1:7"}"#),
            Some(FromPage::Mark(MARK))
        );
        assert_eq!(
            FromPage::read(r#"{"hang_up":true}"#),
            Some(FromPage::HangUp)
        );
        for other in [
            "",
            "{}",
            "[]",
            r#"{"mark":"x"}"#,
            r#"{"hang_up":false}"#,
            r#"{"ended":"idle"}"#,
            r#"{"mark":"1:7","hang_up":true}"#,
        ] {
            assert_eq!(FromPage::read(other), None, "{other}");
        }
    }
}
