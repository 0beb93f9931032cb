//! The sentences the server itself speaks, when no model does.

use prosaas_core::Language;

/// Twilio's voice for a language. Hebrew is only spoken by Google voices.
pub const fn say_voice(language: Language) -> &'static str {
    match language {
        Language::He => "Google.he-IL-Standard-A",
        Language::En => "Google.en-US-Standard-C",
    }
}

/// The BCP 47 tag that Twilio expects beside the voice.
pub const fn say_language(language: Language) -> &'static str {
    match language {
        Language::He => "he-IL",
        Language::En => "en-US",
    }
}

/// Something went wrong; the caller may leave a message after the tone.
pub const fn leave_a_message(language: Language) -> &'static str {
    match language {
        Language::He => {
            "מצטערים, יש לנו תקלה זמנית. אפשר להשאיר הודעה אחרי הצליל ונחזור אליכם בהקדם."
        }
        Language::En => {
            "Sorry, we have a temporary problem. Please leave a message after the tone and we will call you back."
        }
    }
}

/// Spoken into a live call from the voice cache when the model is lost for good: it fills the moment until the
/// carrier asks how the call goes on, with a person or with voicemail.
pub const fn fallback(language: Language) -> &'static str {
    match language {
        Language::He => "סליחה, יש לנו תקלה קטנה. אפשר להישאר על הקו.",
        Language::En => "Sorry, something is not working here. Please stay on the line.",
    }
}

/// Before the phone of somebody of the business rings, since the agent cannot have the call.
pub const fn connecting_to_a_person(language: Language) -> &'static str {
    match language {
        Language::He => "אנחנו מעבירים אתכם לנציג.",
        Language::En => "I am connecting you to a person.",
    }
}

/// Nobody picked up whom the call was given to; the caller may leave a message after the tone.
pub const fn nobody_picks_up(language: Language) -> &'static str {
    match language {
        Language::He => "אין מי שיענה כרגע. אפשר להשאיר הודעה אחרי הצליל ונחזור אליכם בהקדם.",
        Language::En => {
            "Nobody can take your call right now. Please leave a message after the tone and we will call you back."
        }
    }
}

/// While the model is reached again: it fills the gap.
pub const fn hold(language: Language) -> &'static str {
    match language {
        Language::He => "רגע אחד בבקשה.",
        Language::En => "One moment, please.",
    }
}

/// The same when it takes longer.
pub const fn hold_again(language: Language) -> &'static str {
    match language {
        Language::He => "עוד רגע, אני איתכם.",
        Language::En => "Just a moment longer, I am still with you.",
    }
}

/// All lines are taken, and the caller waits for one.
pub const fn hold_the_line(language: Language) -> &'static str {
    match language {
        Language::He => "כל הקווים שלנו תפוסים כרגע. אפשר להישאר על הקו, ונענה בהקדם.",
        Language::En => {
            "All our lines are busy right now. Please hold, and we will be with you shortly."
        }
    }
}

/// The same to somebody who has waited.
pub const fn hold_on(language: Language) -> &'static str {
    match language {
        Language::He => "תודה על הסבלנות. הקווים עדיין תפוסים, עוד רגע נענה.",
        Language::En => "Thank you for waiting. Our lines are still busy, please stay with us.",
    }
}

/// All lines are taken, or the server is about to stop.
pub const fn all_busy(language: Language) -> &'static str {
    match language {
        Language::He => "כל הקווים שלנו תפוסים כרגע. רשמנו את פנייתכם ונחזור אליכם בהקדם.",
        Language::En => {
            "All our lines are busy right now. We have noted your call and will call you back soon."
        }
    }
}

/// The invitation of plain voicemail, after the greeting.
pub const fn voicemail(language: Language) -> &'static str {
    match language {
        Language::He => "אפשר להשאיר הודעה אחרי הצליל.",
        Language::En => "Please leave a message after the tone.",
    }
}

/// The called number belongs to no business, or nobody can tell to which.
pub const fn not_in_service(language: Language) -> &'static str {
    match language {
        Language::He => "שלום, המספר שחייגתם אינו פעיל כרגע. תודה ולהתראות.",
        Language::En => {
            "Hello, the number you have called is not in service at the moment. Thank you and goodbye."
        }
    }
}

/// Something failed on our side before anything else could be said.
pub const fn apology(language: Language) -> &'static str {
    match language {
        Language::He => "מצטערים, יש לנו תקלה זמנית. אנא נסו להתקשר שוב מאוחר יותר.",
        Language::En => "Sorry, we have a temporary problem. Please call again later.",
    }
}

/// The note on the lead of a call in which nobody spoke with the caller.
pub const fn missed_call(language: Language) -> &'static str {
    match language {
        Language::He => "שיחה שלא נענתה",
        Language::En => "Missed call",
    }
}

/// The headline of a message that a caller left, for the business's people.
pub const fn a_voicemail(language: Language) -> &'static str {
    match language {
        Language::He => "הודעה קולית",
        Language::En => "A voice message",
    }
}

/// In place of the words of a message that could not be heard.
pub const fn listen_to_it(language: Language) -> &'static str {
    match language {
        Language::He => "אפשר להאזין להודעה במערכת.",
        Language::En => "It can be listened to in the console.",
    }
}

/// In place of a caller's number.
pub const fn withheld(language: Language) -> &'static str {
    match language {
        Language::He => "מספר חסוי",
        Language::En => "a withheld number",
    }
}

/// The server stops; the call ends.
pub const fn goodbye(language: Language) -> &'static str {
    match language {
        Language::He => "אנחנו נאלצים לסיים את השיחה. נחזור אליכם בהקדם, תודה ולהתראות.",
        Language::En => {
            "We have to end this call now. We will call you back soon. Thank you and goodbye."
        }
    }
}

/// The greeting of a business that wrote none.
pub fn greeting(language: Language, business: &str) -> String {
    match language {
        Language::He => format!("שלום, הגעתם אל {business}. איך אפשר לעזור?"),
        Language::En => format!("Hello, you have reached {business}. How can I help you?"),
    }
}
