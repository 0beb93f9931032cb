//! What Twilio charges.

use std::fmt;

use super::Error;
use crate::calendar::digits;

/// Digits before the point, at most.
const WHOLE_DIGITS: usize = 9;
/// Digits after the point, at most; six of them count.
const FRACTION_DIGITS: usize = 12;

/// What something costs, in millionths of a unit of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What is charged; Twilio writes it as a negative price. Below zero when Twilio pays.
    pub charged_micros: i64,
    /// The currency by ISO 4217, three capital letters.
    unit: [u8; 3],
}

impl Price {
    /// The currency by ISO 4217, such as `USD`.
    pub fn unit(&self) -> &str {
        std::str::from_utf8(&self.unit).unwrap_or("???")
    }

    /// What is charged in millionths of a US dollar; `None` when it is charged in another currency.
    pub fn charged_micro_usd(&self) -> Option<i64> {
        (self.unit() == "USD").then_some(self.charged_micros)
    }

    /// Reads `price` and `price_unit`.
    ///
    /// # Errors
    /// [`Error::UnexpectedAnswer`] about `what` when they are not what is documented.
    pub(super) fn read(what: &'static str, price: &str, unit: &str) -> Result<Self, Error> {
        let wrong = |detail| Error::UnexpectedAnswer { what, detail };
        let micros = micros(price)
            .ok_or_else(|| wrong("expected a price to be a decimal number such as -0.00850"))?;
        let unit = unit.to_ascii_uppercase();
        let unit = <[u8; 3]>::try_from(unit.as_bytes())
            .ok()
            .filter(|unit| unit.iter().all(u8::is_ascii_uppercase))
            .ok_or_else(|| wrong("expected price_unit to be a currency such as USD"))?;
        Ok(Self {
            charged_micros: -micros,
            unit,
        })
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.charged_micros < 0 { "-" } else { "" };
        let micros = self.charged_micros.unsigned_abs();
        let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
        write!(f, "{sign}{whole}.{fraction:06} {}", self.unit())
    }
}

/// Millionths of a decimal number; what is less is rounded.
fn micros(text: &str) -> Option<i64> {
    let (sign, number) = match text.strip_prefix('-') {
        Some(number) => (-1, number),
        None => (1, text),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = digits(whole, WHOLE_DIGITS)?;
    digits(fraction, FRACTION_DIGITS)?;
    let padded = format!("{fraction:0<7}");
    // All of them are digits, so every byte is a character.
    let (counts, rest) = padded.split_at(6);
    let rounded = digits(counts, 6)? + i64::from(rest.as_bytes().first() >= Some(&b'5'));
    Some(sign * (whole * 1_000_000 + rounded))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(price: &str, unit: &str) -> Result<Price, String> {
        Price::read("call list", price, unit).map_err(|error| error.to_string())
    }

    #[test]
    fn a_price_is_what_is_charged() {
        for (text, charged) in [
            ("-0.00850", 8_500),
            ("-0.0085", 8_500),
            ("-1", 1_000_000),
            ("0", 0),
            ("-0", 0),
            ("0.5", -500_000),
            ("-0.0000015", 2),
            ("-0.00000149", 1),
            ("-0.9999996", 1_000_000),
            ("-999999999.999999", 999_999_999_999_999),
        ] {
            let price = read(text, "USD").unwrap();
            assert_eq!(price.charged_micros, charged, "{text}");
            assert_eq!(price.charged_micro_usd(), Some(charged), "{text}");
        }
        let euros = read("-0.01", "eur").unwrap();
        assert_eq!(euros.charged_micro_usd(), None, "not ours to convert");
        assert_eq!(euros.to_string(), "0.010000 EUR");
        assert_eq!(read("0.25", "USD").unwrap().to_string(), "-0.250000 USD");
    }

    #[test]
    fn what_is_no_price_is_refused_with_a_reason() {
        for bad in [
            "",
            "-",
            ".",
            "-.5",
            "1.",
            "--1",
            "+1",
            "1e3",
            "NaN",
            "1,5",
            "1.2.3",
            " 1",
            "9999999999",
            "0.1234567890123",
        ] {
            let error = read(bad, "USD").unwrap_err();
            assert!(error.contains("decimal number"), "{bad:?}: {error}");
        }
        for bad in ["", "US", "USDD", "U$D", "שח"] {
            let error = read("-1", bad).unwrap_err();
            assert!(error.contains("price_unit"), "{bad:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(price in "\\PC{0,30}", unit in "\\PC{0,5}") {
            let _ = read(&price, &unit);
        }

        #[test]
        fn what_is_printed_is_read_back(micros in -1_000_000_000_i64..1_000_000_000) {
            let price = Price { charged_micros: micros, unit: *b"USD" };
            let printed = price.to_string();
            let (number, unit) = printed.split_once(' ').unwrap();
            let negated = number.strip_prefix('-').map_or(format!("-{number}"), str::to_owned);
            prop_assert_eq!(read(&negated, unit).unwrap(), price);
        }
    }
}
