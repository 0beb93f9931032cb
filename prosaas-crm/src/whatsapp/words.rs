//! What people of the business are told about a conversation that is theirs now.

use prosaas_core::Language;

use crate::model::check::MAX_NAME;
use crate::model::conversation::PausedReason;

/// Headline and detail of the alert that a person has to take a conversation. The other side's number is not
/// in it: mail travels in the open.
pub fn alert(language: Language, reason: PausedReason, name: Option<&str>) -> (String, String) {
    let headline = match language {
        Language::He => "שיחת וואטסאפ ממתינה למענה",
        Language::En => "A WhatsApp conversation waits for you",
    };
    let (_, why) = task(language, reason, name);
    (headline.to_owned(), why)
}

/// Title and text of the task to take a conversation.
pub(crate) fn task(
    language: Language,
    reason: PausedReason,
    name: Option<&str>,
) -> (String, String) {
    let who = match (language, name) {
        (_, Some(name)) => name,
        (Language::He, None) => "אדם שלא הציג את עצמו",
        (Language::En, None) => "somebody without a name",
    };
    let title = match language {
        Language::He => format!("לענות בוואטסאפ: {who}"),
        Language::En => format!("Answer on WhatsApp: {who}"),
    };
    let why = match (language, reason) {
        (Language::He, PausedReason::Asked) => "התבקש מענה אנושי.",
        (Language::He, PausedReason::Failed) => "הסוכן לא הצליח לענות על ההודעה האחרונה.",
        (Language::He, PausedReason::Limit) => "הסוכן ענה בשיחה הזו כמספר הפעמים המותר.",
        (Language::He, _) => "השיחה הועברה למענה אנושי.",
        (Language::En, PausedReason::Asked) => "A person was asked for.",
        (Language::En, PausedReason::Failed) => "The agent could not answer the last message.",
        (Language::En, PausedReason::Limit) => {
            "The agent answered in this conversation as often as it may."
        }
        (Language::En, _) => "The conversation was left to a person.",
    };
    let title = title.chars().filter(|c| !c.is_control()).take(MAX_NAME);
    (title.collect(), format!("{who}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_words_and_a_hostile_name_stays_in_its_line() {
        for language in [Language::He, Language::En] {
            for reason in PausedReason::ALL {
                let long = format!("Dana\n\u{7}{}", "x".repeat(500));
                for name in [None, Some("Dana"), Some(long.as_str())] {
                    let (title, _) = task(language, reason, name);
                    assert!(!title.chars().any(char::is_control));
                    assert!(title.chars().count() <= MAX_NAME);
                    assert!(!alert(language, reason, name).1.is_empty());
                }
            }
        }
    }
}
