//! Phone numbers as people type them, made into [`E164`].

use std::fmt;
use std::str::FromStr;

use prosaas_core::{E164, Error, Result};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

/// The country whose national forms a business writes: what `050-1234567` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PhoneRegion(Region);

impl PhoneRegion {
    /// Israel, where a business is unless it says otherwise.
    pub const IL: Self = Self(Region::IL);

    /// The country calling code, digits only; empty for a region without one.
    pub fn calling_code(self) -> String {
        PHONE_NUMBER_UTIL
            .get_country_code_for_region(self.0)
            .map(|code| code.to_string())
            .unwrap_or_default()
    }
}

impl Default for PhoneRegion {
    fn default() -> Self {
        Self::IL
    }
}

impl FromStr for PhoneRegion {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Region::from_str(text)
            .map(Self)
            .map_err(|_| Error::invalid("region", "expected two capital letters such as `IL`"))
    }
}

impl fmt::Display for PhoneRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_region_str())
    }
}

/// The longest input that is looked at, in characters: a number has 15 digits, people add marks.
const MAX_INPUT_CHARS: usize = 64;

/// Reads a number as people type and paste it.
///
/// A number with `+`, with `00`, or with its country code alone (`972501234567`) is international; any
/// other is of `region`. The direction marks that come along when a number is copied out of Hebrew
/// text are dropped. Letters and extensions are refused: they would be lost.
///
/// # Errors
/// `Invalid` when no number of a possible length can be read.
pub fn parse_phone(text: &str, region: PhoneRegion) -> Result<E164> {
    let wrong = || Error::invalid("phone", "expected a phone number such as 050-1234567");
    if text.chars().nth(MAX_INPUT_CHARS).is_some() {
        return Err(wrong());
    }
    let shown: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let shown = shown.trim();
    if shown.contains(|c: char| c.is_alphabetic() || matches!(c, '#' | ';' | '*')) {
        return Err(wrong());
    }
    // `00` is what Israel and most of the world dial before a country code, `011` what the region's
    // own rules say: the library knows the region's, and this one is understood everywhere.
    let international = shown.strip_prefix("00").map(|rest| format!("+{rest}"));
    let written = international.as_deref().unwrap_or(shown);
    let number = PHONE_NUMBER_UTIL
        .parse(written, Some(region.0))
        .map_err(|_| wrong())?;
    if number.extension.is_some() || !PHONE_NUMBER_UTIL.is_possible_number(&number) {
        return Err(wrong());
    }
    let canonical = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    // Digits that read as another number when they come back are no number: two leads would be one.
    let again = PHONE_NUMBER_UTIL.parse(&*canonical, Some(region.0));
    if again.is_ok_and(|again| again == number) {
        E164::parse(&canonical)
    } else {
        Err(wrong())
    }
}

/// Whether a number may be a mobile one, by its country's plan: in some countries nobody can tell, and a number
/// that somebody calls from may be newer than the plan that we carry.
pub fn may_be_mobile(number: &E164) -> bool {
    let Ok(number) = PHONE_NUMBER_UTIL.parse(number.expose(), None) else {
        return false;
    };
    matches!(
        PHONE_NUMBER_UTIL.get_number_type(&number),
        PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile | PhoneNumberType::Unknown
    )
}

/// Calling codes of no country: satellites, and services that no plan prices.
const OF_NO_COUNTRY: [&str; 9] = [
    "+800", "+808", "+870", "+878", "+881", "+882", "+883", "+888", "+979",
];

/// Whether a number is an ordinary phone of some country, by its plan: what somebody may have us dial for him. Premium
/// and shared-cost numbers, satellites, and what no plan knows are not.
pub fn is_ordinary_phone(number: &E164) -> bool {
    let text = number.expose();
    if OF_NO_COUNTRY.iter().any(|code| text.starts_with(code)) {
        return false;
    }
    let Ok(number) = PHONE_NUMBER_UTIL.parse(text, None) else {
        return false;
    };
    matches!(
        PHONE_NUMBER_UTIL.get_number_type(&number),
        PhoneNumberType::Mobile
            | PhoneNumberType::FixedLine
            | PhoneNumberType::FixedLineOrMobile
            | PhoneNumberType::VoIP
    )
}

/// Characters without a shape of their own: direction marks and isolates, zero-width ones.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse_phone(text, PhoneRegion::IL)
            .ok()
            .map(|number| number.expose().to_owned())
    }

    #[test]
    fn a_number_that_does_not_read_back_is_refused() {
        // Found by fuzzing: a carrier's prefix, a country code, and then a trunk zero.
        assert_eq!(read("012630045777777"), None);
    }

    #[test]
    fn the_forms_people_write_in_israel_are_one_number() {
        for text in [
            "050-1234567",
            "050 123 4567",
            "0501234567",
            "+972501234567",
            "+972-50-123-4567",
            "+972 (0)50-1234567",
            "972501234567",
            "00972501234567",
            "501234567",
            "\u{202a}+972 50\u{2011}123\u{2011}4567\u{202c}",
            "\u{200f}050-1234567",
            "٠٥٠١٢٣٤٥٦٧",
        ] {
            assert_eq!(read(text).as_deref(), Some("+972501234567"), "{text:?}");
        }
        assert_eq!(read("03-1234567").as_deref(), Some("+97231234567"));
        assert_eq!(read("+1 650 253 0000").as_deref(), Some("+16502530000"));
        assert_eq!(read("1-700-123-456").as_deref(), Some("+9721700123456"));
    }

    #[test]
    fn the_region_decides_what_a_national_number_means() {
        let us: PhoneRegion = "US".parse().unwrap();
        let number = parse_phone("(650) 253-0000", us).unwrap();
        assert_eq!(number.expose(), "+16502530000");
        assert_eq!(
            (us.calling_code(), PhoneRegion::IL.calling_code()),
            ("1".to_owned(), "972".to_owned())
        );
        assert!("Israel".parse::<PhoneRegion>().is_err());
        assert_eq!(PhoneRegion::IL.to_string(), "IL");
    }

    #[test]
    fn a_mobile_number_is_told_from_others() {
        for (text, mobile) in [
            ("050-1234567", true),
            ("+1 650 253 0000", true),
            ("03-1234567", false),
            ("1-700-123-456", false),
            ("+44 7911 123456", true),
            ("+44 20 7946 0000", false),
        ] {
            let number = parse_phone(text, PhoneRegion::IL).unwrap();
            assert_eq!(may_be_mobile(&number), mobile, "{text}");
        }
    }

    #[test]
    fn only_an_ordinary_phone_is_dialled_for_somebody() {
        for (text, ordinary) in [
            ("+972502345678", true),
            ("+97239876543", true),
            ("+16502530000", true),
            ("+447911123456", true),
            ("+19005551234", false),
            ("+449012345678", false),
            ("+9721700123456", false),
            ("+881612345678", false),
            ("+979123456789", false),
            ("+972100000", false),
        ] {
            assert_eq!(
                is_ordinary_phone(&E164::parse(text).unwrap()),
                ordinary,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "12",
            "abc",
            "call me",
            "1-800-FLOWERS",
            "050-1234567 ext. 5",
            "050-1234567;ext=5",
            "05012345678901234567",
            "+",
            "=1+1",
            &"0".repeat(100),
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(number) = parse_phone(&text, PhoneRegion::IL) {
                let again = parse_phone(number.expose(), PhoneRegion::IL);
                prop_assert_eq!(again.unwrap(), number);
            }
        }

        #[test]
        fn a_mobile_number_survives_its_spellings(digits in 500_000_000_u32..=589_999_999) {
            let expected = format!("+972{digits}");
            let text = digits.to_string();
            for spelling in [
                format!("0{text}"),
                format!("0{}-{}", &text[..2], &text[2..]),
                format!("972{text}"),
                format!("\u{2066}+972 {} {}\u{2069}", &text[..2], &text[2..]),
            ] {
                prop_assert_eq!(read(&spelling), Some(expected.clone()), "{}", spelling);
            }
        }
    }

    #[test]
    fn what_the_plan_calls_something_else_is_no_mobile_number() {
        let may = |text: &str| may_be_mobile(&E164::parse(text).unwrap());
        assert!(may("+972502345678"));
        // The plan does not know it, and it may call us all the same.
        assert!(may("+972501234567"));
        assert!(!may("+97231234567"), "a fixed line");
        assert!(!may("+9721800123456"), "a free one");
        assert!(may("+12025550123"), "nobody can tell");
    }
}
