//! What a business keeps ready for its people to answer with.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::ReplyId;
use super::time::Time;

/// The most replies of a business: all of them are read at once by whoever writes.
pub const MAX_REPLIES: usize = 200;

/// The longest shortcut, in characters.
const MAX_SHORTCUT: usize = 32;

/// The longest reply, in characters.
const MAX_TEXT: usize = 1_024;

/// A reply that is found by its shortcut. Whoever shows it fills `{name}` and `{business}`: here they stand as
/// they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct CannedReply {
    /// Its id.
    pub id: ReplyId,
    /// What is typed behind `/` to find it.
    pub shortcut: String,
    /// What it says; `{name}` stands for whom it goes to, `{business}` for the business.
    pub text: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// The version, for `If-Match`.
    pub version: u64,
}

/// A reply as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "shortcut": "hours", "text": "Hello {name}, {business} is open from 9 to 5." })))]
#[serde(deny_unknown_fields)]
pub struct NewCannedReply {
    /// What is typed behind `/` to find it: one word, no other reply's in capitals or small letters.
    #[cfg_attr(feature = "axum", schema(min_length = 1, max_length = 32))]
    pub shortcut: String,
    /// What it says; `{name}` stands for whom it goes to, `{business}` for the business.
    #[cfg_attr(feature = "axum", schema(min_length = 1, max_length = 1024))]
    pub text: String,
}

impl NewCannedReply {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(self) -> Result<Self> {
        // Whoever types the slash along means the same.
        let word = self.shortcut.trim();
        let word = word.strip_prefix('/').unwrap_or(word);
        let shortcut = check::line("shortcut", word, MAX_SHORTCUT)?;
        if shortcut.contains(|c: char| c.is_whitespace() || c == '/') {
            let expected = "expected one word, without spaces and slashes";
            return Err(Error::invalid("shortcut", expected));
        }
        Ok(Self {
            shortcut,
            text: check::text("text", &self.text, MAX_TEXT)?,
        })
    }

    /// By what the shortcut is told from others: capitals do not make another one.
    pub fn key(&self) -> String {
        self.shortcut.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(shortcut: &str, text: &str) -> NewCannedReply {
        NewCannedReply {
            shortcut: shortcut.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_shortcut_is_one_word_and_its_capitals_do_not_count() {
        let checked = reply(" /Hours ", " Hello {name} \n").checked().unwrap();
        assert_eq!(checked, reply("Hours", "Hello {name}"));
        assert_eq!(checked.key(), reply("hOURS", "x").key());
        assert_eq!(reply("ÄRGER", "x").key(), "ärger");
        assert!(reply("שעות", "שלום {name}").checked().is_ok());
        let long = "x".repeat(33);
        for bad in ["", "/", "two words", "a/b", "//a", "a\tb", &long] {
            assert!(reply(bad, "x").checked().is_err(), "{bad:?}");
        }
        assert!(reply("a", " ").checked().is_err());
        assert!(reply("a", &"ש".repeat(1_024)).checked().is_ok());
        assert!(reply("a", &"ש".repeat(1_025)).checked().is_err());
    }
}
