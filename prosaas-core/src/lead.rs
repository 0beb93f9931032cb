//! What a call leaves in the CRM about the person who called.

use serde::{Deserialize, Serialize};

/// What is known about a lead so far. Fields that are `None` leave what is stored alone.
///
/// The tenant and the caller's number are not here: they come from the call, never from a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LeadDraft {
    /// The caller's name as the caller gave it.
    pub name: Option<String>,
    /// What the caller wants, in a few words.
    pub intent: Option<String>,
    /// What the call was about, in a few sentences.
    pub summary: Option<String>,
    /// What somebody should do next.
    pub next_step: Option<String>,
    /// Anything else worth keeping.
    pub notes: Option<String>,
}

impl LeadDraft {
    /// The longest text kept in one field, in characters; longer text is cut.
    pub const MAX_FIELD_CHARS: usize = 2_000;

    /// `self` with every field that `newer` knows taken from there.
    #[must_use]
    pub fn merged(self, newer: Self) -> Self {
        Self {
            name: newer.name.or(self.name),
            intent: newer.intent.or(self.intent),
            summary: newer.summary.or(self.summary),
            next_step: newer.next_step.or(self.next_step),
            notes: newer.notes.or(self.notes),
        }
    }

    /// Trims every field, drops empty ones and control characters, and cuts overlong ones.
    #[must_use]
    pub fn cleaned(self) -> Self {
        let clean = |field: Option<String>| {
            field
                .map(|text| {
                    let kept = text.chars().filter(|c| !c.is_control() || *c == '\n');
                    kept.take(Self::MAX_FIELD_CHARS)
                        .collect::<String>()
                        .trim()
                        .to_owned()
                })
                .filter(|text| !text.is_empty())
        };
        Self {
            name: clean(self.name),
            intent: clean(self.intent),
            summary: clean(self.summary),
            next_step: clean(self.next_step),
            notes: clean(self.notes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaning_drops_what_is_empty_and_cuts_what_is_long() {
        let draft = LeadDraft {
            name: Some("  Dana\u{0} ".to_owned()),
            intent: Some("   ".to_owned()),
            notes: Some("x".repeat(5_000)),
            ..LeadDraft::default()
        }
        .cleaned();
        assert_eq!(draft.name.as_deref(), Some("Dana"));
        assert_eq!(draft.intent, None);
        assert_eq!(
            draft.notes.map(|n| n.len()),
            Some(LeadDraft::MAX_FIELD_CHARS)
        );
    }

    #[test]
    fn merging_keeps_what_the_newer_one_does_not_know() {
        let older = LeadDraft {
            name: Some("Dana".to_owned()),
            ..LeadDraft::default()
        };
        let newer = LeadDraft {
            intent: Some("repair".to_owned()),
            ..LeadDraft::default()
        };
        let merged = older.merged(newer);
        assert_eq!(
            (merged.name.as_deref(), merged.intent.as_deref()),
            (Some("Dana"), Some("repair"))
        );
    }
}
