//! Phone numbers: one type, masked wherever it is printed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A phone number in E.164 form (ITU-T E.164: `+`, a country code, at most 15 digits).
///
/// `Display` and `Debug` print it masked (`+972*****4567`), so that a log line cannot leak a caller;
/// [`E164::expose`] is the explicit way to the digits. Serialisation is explicit too: it writes the
/// whole number, since what is serialised is stored or sent on purpose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E164(String);

impl E164 {
    /// Parses `+`, or the international prefix `00`, followed by 7 to 15 digits.
    ///
    /// Spaces, dots, dashes and brackets between digits are dropped. A national number without a
    /// country code is refused: guessing a country would call somebody else.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::invalid(
                "phone",
                "expected an international number such as +97231234567: `+`, the country code, 7 to 15 digits in all",
            )
        };
        let text = text.trim();
        let rest = text
            .strip_prefix('+')
            .or_else(|| text.strip_prefix("00"))
            .ok_or_else(wrong)?;
        let mut number = String::with_capacity(16);
        number.push('+');
        for c in rest.chars() {
            match c {
                '0'..='9' => number.push(c),
                ' ' | '-' | '.' | '(' | ')' | '\u{a0}' => {}
                _ => return Err(wrong()),
            }
            if number.len() > 16 {
                return Err(wrong());
            }
        }
        let digits = number.len() - 1;
        if !(7..=15).contains(&digits) || number[1..].starts_with('0') {
            return Err(wrong());
        }
        Ok(Self(number))
    }

    /// The whole number, `+` and digits. Never put this in a log line or an error text.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden: the first digits and the last four stay, three or more do not.
    pub fn masked(&self) -> String {
        let keep_end = 4.min(self.0.len().saturating_sub(4));
        let keep_start = 4.min(self.0.len().saturating_sub(keep_end + 3));
        let hidden = self.0.len() - keep_start - keep_end;
        let (start, end) = (&self.0[..keep_start], &self.0[self.0.len() - keep_end..]);
        format!("{start}{}{end}", "*".repeat(hidden))
    }
}

impl FromStr for E164 {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for E164 {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for E164 {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_forms_become_one_number() {
        for text in [
            "+97231234567",
            "+972 3-123-4567",
            "0097231234567",
            " +972 (3) 123.4567 ",
        ] {
            assert_eq!(
                E164::parse(text).unwrap().expose(),
                "+97231234567",
                "{text}"
            );
        }
    }

    #[test]
    fn the_shortest_numbers_are_masked_too() {
        let masked = |text: &str| E164::parse(text).unwrap().masked();
        assert_eq!(masked("+1234567"), "+***4567");
        assert_eq!(masked("+123456789"), "+12***6789");
        assert_eq!(masked("+972501234567"), "+972*****4567");
    }

    #[test]
    fn what_is_not_international_is_refused() {
        for text in [
            "",
            "+",
            "031234567",
            "+0123456789",
            "+12345",
            "+1234567890123456",
            "anonymous",
            "sip:a@b",
            "client:x",
            "+972x1234567",
        ] {
            assert!(E164::parse(text).is_err(), "{text} must not parse");
        }
    }

    #[test]
    fn printing_hides_the_middle() {
        let number = E164::parse("+972501234567").unwrap();
        assert_eq!(number.to_string(), "+972*****4567");
        assert_eq!(format!("{number:?}"), "+972*****4567");
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_panic(text in ".{0,40}") {
            if let Ok(number) = E164::parse(&text) {
                prop_assert_eq!(E164::parse(number.expose()).unwrap(), number.clone());
                prop_assert!(!number.to_string().contains(&number.expose()[1..]));
            }
        }
    }
}
