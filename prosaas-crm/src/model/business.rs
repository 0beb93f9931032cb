//! What a new business begins with.

use prosaas_core::business::{CallLimits, VoiceProfile};
use prosaas_core::{Business, Language, TenantId};

/// The voice a business speaks with until it chooses another.
pub const DEFAULT_VOICE: &str = "alloy";

/// The bounds of a call until the business chooses others: half an hour, asked after ten silent
/// seconds, ten calls at once.
pub const DEFAULT_LIMITS: CallLimits = CallLimits {
    max_call_s: 30 * 60,
    idle_s: 10,
    max_live_calls: 10,
};

/// A business as `prosaas admin business add` creates it: it greets by name in its language, takes
/// messages, transfers to nobody, and records nothing.
pub fn default_business(id: TenantId, name: &str, language: Language) -> Business {
    let (greeting, instructions) = match language {
        Language::He => (
            format!("שלום, הגעתם ל{name}. איך אפשר לעזור?"),
            "אתם עונים לטלפון של העסק. דברו עברית, בקצרה ובנימוס. בררו את שם המתקשר ואת מטרת השיחה, \
             שמרו אותם בכלי save_lead, ואמרו מה יקרה בהמשך. אל תבטיחו מחירים, מועדים או עובדות שלא \
             נמסרו לכם: במקום זה אמרו שמישהו מהעסק יחזור אל המתקשר.",
        ),
        Language::En => (
            format!("Hello, you have reached {name}. How can I help?"),
            "You answer the phone of this business. Speak English, briefly and politely. Find out the \
             caller's name and what the call is about, keep them with the tool save_lead, and say what \
             happens next. Promise no prices, dates or facts that you were not given: say instead that \
             somebody from the business will call back.",
        ),
    };
    Business {
        id,
        name: name.to_owned(),
        language,
        voice: VoiceProfile {
            instructions: instructions.to_owned(),
            greeting,
            voice: DEFAULT_VOICE.to_owned(),
        },
        limits: DEFAULT_LIMITS,
        transfer: Vec::new(),
        record_calls: false,
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;

    #[test]
    fn a_new_business_greets_by_its_name_in_its_language() {
        let id = TenantId::mint(UnixMillis(1));
        let hebrew = default_business(id, "מוסך דוד", Language::He);
        let english = default_business(id, "David's Garage", Language::En);
        assert!(hebrew.voice.greeting.contains("מוסך דוד"));
        assert!(english.voice.greeting.contains("David's Garage"));
        assert!(
            !english.voice.instructions.contains("  "),
            "one line, no indentation in it"
        );
        assert_eq!(english.voice.voice, "alloy");
        assert!(!english.record_calls);
    }
}
