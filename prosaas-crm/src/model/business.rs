//! What a new business begins with.

use prosaas_core::business::{CallLimits, VoiceProfile};
use prosaas_core::{Business, Error, Language, Result, TenantId};

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
/// messages, transfers to nobody, and records nothing. Owners read and change its instructions, so
/// those name no tool: the prompt of a call does.
pub fn default_business(id: TenantId, name: &str, language: Language) -> Business {
    let (greeting, instructions) = match language {
        Language::He => (
            format!("שלום, הגעתם ל{name}. איך אפשר לעזור?"),
            "אתם עונים לטלפון של העסק. דברו עברית, בקצרה ובנימוס. בררו את שם המתקשר ואת מטרת השיחה, \
             שמרו את פרטי הפונה, ואמרו מה יקרה בהמשך. אל תבטיחו מחירים, מועדים או עובדות שלא נמסרו \
             לכם: במקום זה אמרו שמישהו מהעסק יחזור אל המתקשר.",
        ),
        Language::En => (
            format!("Hello, you have reached {name}. How can I help?"),
            "You answer the phone of this business. Speak English, briefly and politely. Find out the \
             caller's name and what the call is about, save the caller's details, and say what happens \
             next. Promise no prices, dates or facts that you were not given: say instead that somebody \
             from the business will call back.",
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

/// Whether a business can be stored and answered for.
///
/// # Errors
/// `Invalid` names the first field that cannot be.
pub fn check_business(business: &Business) -> Result<()> {
    if business.name.trim().is_empty() {
        return Err(Error::invalid("name", "expected the name callers know"));
    }
    let CallLimits {
        max_call_s,
        idle_s,
        max_live_calls,
    } = business.limits;
    if max_call_s == 0 || idle_s == 0 || max_live_calls == 0 {
        return Err(Error::invalid(
            "limits",
            "expected seconds and calls of at least 1",
        ));
    }
    let mut labels: Vec<_> = business
        .transfer
        .iter()
        .map(|target| target.label.trim())
        .collect();
    labels.sort_unstable();
    if labels.first() == Some(&"") || labels.windows(2).any(|pair| pair[0] == pair[1]) {
        let expected = "expected a label of its own for every transfer target";
        return Err(Error::invalid("transfer", expected));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use prosaas_core::{TransferTarget, UnixMillis};

    use super::*;

    #[test]
    fn a_business_that_cannot_answer_is_refused() {
        let good = default_business(TenantId::mint(UnixMillis(1)), "Garage", Language::En);
        assert!(check_business(&good).is_ok());
        let target = |label: &str| TransferTarget {
            label: label.to_owned(),
            number: "+97231234567".parse().unwrap(),
        };
        let limits = CallLimits {
            idle_s: 0,
            ..good.limits
        };
        for bad in [
            Business {
                name: "  ".to_owned(),
                ..good.clone()
            },
            Business {
                limits,
                ..good.clone()
            },
            Business {
                transfer: vec![target("")],
                ..good.clone()
            },
            Business {
                transfer: vec![target("sales"), target("sales")],
                ..good.clone()
            },
        ] {
            assert!(check_business(&bad).is_err(), "{bad:?}");
        }
    }

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
