//! What people of the business are told about a conversation that is theirs now.

use prosaas_core::{E164, Language};

use crate::model::check::MAX_NAME;
use crate::model::conversation::{Channel, PausedReason};
use crate::model::settings::BusinessSettings;

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
        (Language::He, PausedReason::Limit) => {
            "הסוכן הגיע לגבול: מספר התשובות המותר בשיחה, או תקציב החודש."
        }
        (Language::He, _) => "השיחה הועברה למענה אנושי.",
        (Language::En, PausedReason::Asked) => "A person was asked for.",
        (Language::En, PausedReason::Failed) => "The agent could not answer the last message.",
        (Language::En, PausedReason::Limit) => {
            "The agent reached a limit: of its answers in a conversation, or of the month's budget."
        }
        (Language::En, _) => "The conversation was left to a person.",
    };
    let title = title.chars().filter(|c| !c.is_control()).take(MAX_NAME);
    (title.collect(), format!("{who}: {why}"))
}

/// What a caller reads whom nobody heard, in the business's language: who writes, and where he can answer. A
/// text message cannot be answered, so it names the business's WhatsApp where that is known.
pub(crate) fn missed_call(
    business: &BusinessSettings,
    channel: Channel,
    whatsapp: Option<&E164>,
) -> String {
    let language = business.languages.first().copied().unwrap_or_default();
    let name = business.name.as_str();
    let is_answered_here = channel == Channel::Whatsapp;
    let text = match (&business.missed_call_text, language) {
        (Some(text), _) if text.contains(name) => text.clone(),
        (Some(text), _) => format!("{name}: {text}"),
        (None, Language::He) if is_answered_here => {
            format!(
                "שלום, כאן {name}. התקשרתם אלינו ולא הספקנו לענות. אפשר לכתוב לנו כאן במה נוכל לעזור."
            )
        }
        (None, Language::En) if is_answered_here => format!(
            "Hello, this is {name}. You called and we could not answer. Write to us here how we can help."
        ),
        (None, Language::He) => {
            format!("שלום, כאן {name}. התקשרתם אלינו ולא הספקנו לענות. נחזור אליכם בהקדם.")
        }
        (None, Language::En) => format!(
            "Hello, this is {name}. You called and we could not answer. We will call you back."
        ),
    };
    let Some(number) = whatsapp.filter(|_| !is_answered_here) else {
        return text;
    };
    let digits = number.expose().trim_start_matches('+');
    match language {
        Language::He => format!("{text} אפשר גם בוואטסאפ: https://wa.me/{digits}"),
        Language::En => format!("{text} Or on WhatsApp: https://wa.me/{digits}"),
    }
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
