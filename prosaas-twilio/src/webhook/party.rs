//! Who is at one end of a call.

use std::fmt;

use prosaas_core::E164;

/// One end of a call. Printed masked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Party {
    /// A phone number.
    Number(E164),
    /// The caller withheld the number.
    Anonymous,
    /// Something else, such as `sip:...` or `client:...`, as Twilio wrote it.
    Other(String),
}

/// What Twilio sends for a withheld number: a word, or that word spelled on a phone's keypad behind a
/// plus (RESTRICTED, BLOCKED, UNKNOWN, ANONYMOUS, UNAVAILABLE), which must not pass for a number.
const WITHHELD: [&str; 12] = [
    "",
    "anonymous",
    "restricted",
    "blocked",
    "unknown",
    "unavailable",
    "private",
    "+7378742833",
    "+2562533",
    "+8656696",
    "+266696687",
    "+86282452253",
];

impl Party {
    /// Reads `From`, `To` and their like.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        if WITHHELD
            .iter()
            .any(|withheld| text.eq_ignore_ascii_case(withheld))
        {
            return Self::Anonymous;
        }
        E164::parse(text).map_or_else(|_| Self::Other(text.to_owned()), Self::Number)
    }

    /// The number, when it is one.
    pub const fn number(&self) -> Option<&E164> {
        match self {
            Self::Number(number) => Some(number),
            Self::Anonymous | Self::Other(_) => None,
        }
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "Number({number})"),
            Self::Anonymous => f.write_str("Anonymous"),
            // The scheme only: the rest names a person.
            Self::Other(text) => match text.split_once(':') {
                Some((scheme @ ("sip" | "sips" | "client" | "whatsapp"), _)) => {
                    write!(f, "Other({scheme}:...)")
                }
                _ => f.write_str("Other(...)"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_withheld_ids_and_addresses_are_told_apart() {
        assert_eq!(
            Party::parse("+972501234567").number().unwrap().expose(),
            "+972501234567"
        );
        for text in [
            "",
            "anonymous",
            "Anonymous",
            "+266696687",
            "+86282452253",
            "+2562533",
        ] {
            assert_eq!(Party::parse(text), Party::Anonymous, "{text}");
        }
        for text in [
            "sip:jane@example.com",
            "client:jane",
            "whatsapp:+972501234567",
            "12345",
        ] {
            assert_eq!(Party::parse(text), Party::Other(text.to_owned()));
        }
    }

    #[test]
    fn debug_names_nobody() {
        let printed: Vec<String> = ["+972501234567", "sip:jane@example.com", "jane", "anonymous"]
            .iter()
            .map(|text| format!("{:?}", Party::parse(text)))
            .collect();
        assert_eq!(
            printed,
            [
                "Number(+972*****4567)",
                "Other(sip:...)",
                "Other(...)",
                "Anonymous"
            ]
        );
    }
}
