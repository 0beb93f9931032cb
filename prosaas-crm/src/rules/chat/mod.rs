//! What may be written in a chat, and what is worth an answer.

pub mod answering;

use prosaas_core::message::ChatAddress;
use prosaas_core::{Error, Result, UnixMillis};

use crate::model::conversation::{ConversationStatus, PausedReason};
use crate::model::whatsapp::Strangers;

/// How long after the other side's last message free words may be sent, where the channel asks for
/// templates behind that, in milliseconds.
pub const WINDOW_MS: i64 = 24 * 3_600_000;

/// Whether an address is one person's: groups, broadcasts and channels are nobody's conversation with the
/// business.
pub fn is_person(address: &ChatAddress) -> bool {
    let address = address.0.as_str();
    ["@g.us", "@broadcast", "@newsletter"]
        .iter()
        .all(|ending| !address.ends_with(ending))
}

/// Whether a message of this kind asks for an answer. A reaction, a word taken back and what nobody can
/// read do not.
pub fn asks_for_an_answer(kind: &str) -> bool {
    matches!(
        kind,
        "text" | "image" | "video" | "audio" | "voice_note" | "document" | "location" | "contacts"
    )
}

/// Whether a message of this kind waits for somebody of the business to read it.
pub fn waits_to_be_read(kind: &str) -> bool {
    !matches!(kind, "reaction" | "revoked")
}

/// Whether the other side waits for a person: the agent does not answer any more, and nobody took over.
pub const fn waits_for_a_person(paused: PausedReason) -> bool {
    matches!(
        paused,
        PausedReason::Asked | PausedReason::Failed | PausedReason::Limit
    )
}

/// Whose turn it is when two conversations become one: who waits in either of them still waits.
pub const fn turn_of_both(
    one: ConversationStatus,
    other: ConversationStatus,
) -> ConversationStatus {
    use ConversationStatus::{Closed, Open, Waiting};
    match (one, other) {
        (Open, _) | (_, Open) => Open,
        (Waiting, _) | (_, Waiting) => Waiting,
        (Closed, Closed) => Closed,
    }
}

/// Why the agent is silent when two conversations become one: that somebody waits for a person comes before
/// that a person has the other one.
pub fn pause_of_both(
    one: Option<PausedReason>,
    other: Option<PausedReason>,
) -> Option<PausedReason> {
    let waits = |paused: &PausedReason| waits_for_a_person(*paused);
    let waiting = one.filter(waits).or(other.filter(waits));
    waiting.or(one).or(other)
}

/// What decides whether words may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Whether it is an approved template.
    pub is_template: bool,
    /// Whether the channel asks for templates outside the window.
    pub needs_templates: bool,
    /// When the other side last wrote.
    pub last_inbound_at: Option<UnixMillis>,
    /// What the business decided about people who never wrote.
    pub strangers: Strangers,
    /// Whether a person asks for this message; the agent only answers.
    pub is_asked: bool,
    /// The present moment.
    pub now: UnixMillis,
}

/// Passes when the message may be sent; `true` when it is the first word to somebody who never wrote.
///
/// # Errors
/// `Conflict` `window-closed` when only a template may be sent now, `stranger` when the business does not
/// write first; `Invalid` for a template where the channel has none.
pub fn require_may_write(writing: Writing) -> Result<bool> {
    let since = writing.last_inbound_at.map(|at| writing.now.since(at));
    if writing.is_template {
        if writing.needs_templates {
            return Ok(since.is_none());
        }
        let expected = "expected words: this way to WhatsApp has no templates";
        return Err(Error::invalid("template", expected));
    }
    if writing.needs_templates && since.is_none_or(|since| since >= WINDOW_MS) {
        return Err(Error::Conflict {
            what: "window-closed",
            detail: "the other side has not written within 24 hours; send an approved template"
                .to_owned(),
        });
    }
    if since.is_some() {
        return Ok(false);
    }
    if writing.is_asked && writing.strangers == Strangers::Asked {
        return Ok(true);
    }
    Err(Error::Conflict {
        what: "stranger-refused",
        detail: "this person never wrote to the business, whose settings are to answer only"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_750_000_000_000);

    fn writing() -> Writing {
        Writing {
            is_template: false,
            needs_templates: false,
            last_inbound_at: Some(NOW.plus(-1_000)),
            strangers: Strangers::Never,
            is_asked: true,
            now: NOW,
        }
    }

    fn code(writing: Writing) -> &'static str {
        match require_may_write(writing) {
            Ok(first) => ["answer", "first"][usize::from(first)],
            Err(Error::Conflict { what, .. }) => what,
            Err(_) => "invalid",
        }
    }

    #[test]
    fn who_wrote_is_answered_and_who_never_did_only_when_the_business_wants_it() {
        assert_eq!(code(writing()), "answer");
        let stranger = Writing {
            last_inbound_at: None,
            ..writing()
        };
        assert_eq!(code(stranger), "stranger-refused");
        let asked = Writing {
            strangers: Strangers::Asked,
            ..stranger
        };
        assert_eq!(code(asked), "first");
        let by_the_agent = Writing {
            is_asked: false,
            ..asked
        };
        assert_eq!(code(by_the_agent), "stranger-refused");
    }

    #[test]
    fn behind_the_window_only_a_template_goes_out() {
        let cloud = Writing {
            needs_templates: true,
            ..writing()
        };
        assert_eq!(code(cloud), "answer");
        let late = Writing {
            last_inbound_at: Some(NOW.plus(-WINDOW_MS)),
            ..cloud
        };
        assert_eq!(code(late), "window-closed");
        let template = Writing {
            is_template: true,
            ..late
        };
        assert_eq!(code(template), "answer");
        let first = Writing {
            last_inbound_at: None,
            ..template
        };
        assert_eq!(code(first), "first");
        let elsewhere = Writing {
            needs_templates: false,
            ..template
        };
        assert_eq!(code(elsewhere), "invalid");
    }

    #[test]
    fn who_waits_in_one_of_two_conversations_waits_in_the_one_that_is_left() {
        use ConversationStatus::{Closed, Open, Waiting};
        for other in ConversationStatus::ALL {
            assert_eq!(turn_of_both(Open, other), Open);
            assert_eq!(turn_of_both(other, Open), Open);
        }
        assert_eq!(turn_of_both(Closed, Waiting), Waiting);
        assert_eq!(turn_of_both(Closed, Closed), Closed);
        let (person, asked) = (Some(PausedReason::Person), Some(PausedReason::Asked));
        assert_eq!(pause_of_both(person, asked), asked);
        assert_eq!(pause_of_both(asked, person), asked);
        assert_eq!(pause_of_both(None, person), person);
        assert_eq!(pause_of_both(None, None), None);
    }

    #[test]
    fn groups_are_nobody() {
        let is_person = |text: &str| is_person(&ChatAddress(text.to_owned()));
        assert!(is_person("888000222@lid") && is_person("15550123@s.whatsapp.net"));
        assert!(is_person("15550123"));
        for nobody in ["1-2@g.us", "status@broadcast", "1@newsletter"] {
            assert!(!is_person(nobody), "{nobody}");
        }
        assert!(asks_for_an_answer("voice_note") && !asks_for_an_answer("reaction"));
        assert!(!waits_to_be_read("reaction") && waits_to_be_read("undecryptable"));
    }
}
