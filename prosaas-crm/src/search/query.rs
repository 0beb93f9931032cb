//! What somebody typed, as look-ups of the index.

use super::normalise::{without_prefixes, words};
use super::tokens::{SHORT, TAIL, Tokens, whole_address};
use crate::model::phone::{PhoneRegion, is_invisible};

/// One question to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// This token.
    Exact(String),
    /// Every token that begins with this.
    Prefix(String),
}

impl Lookup {
    /// The first text of the range, inclusive.
    pub fn from(&self) -> &str {
        let (Self::Exact(text) | Self::Prefix(text)) = self;
        text
    }

    /// The first text after the range: a range of one token ends just behind it.
    pub fn until(&self) -> String {
        match self {
            // Not NUL, which PostgreSQL does not store: no token holds this one either.
            Self::Exact(token) => format!("{token}\u{1}"),
            // The last code point: in the order of bytes no text of words comes after it.
            Self::Prefix(prefix) => format!("{prefix}\u{10ffff}"),
        }
    }

    fn matches(&self, tokens: &Tokens) -> bool {
        match self {
            Self::Exact(token) => tokens.contains(token),
            Self::Prefix(prefix) => tokens.any_begins_with(prefix),
        }
    }
}

/// A query: for every term one of its look-ups must be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Vec<Lookup>>,
}

impl Query {
    /// The longest text that is read, in characters.
    pub const MAX_CHARS: usize = 200;
    /// The most words that are asked for; the ones after it are not.
    pub const MAX_TERMS: usize = 6;

    /// Reads what somebody typed; `None` when it holds nothing that can be looked for (less than two
    /// characters, or no letters and digits at all).
    pub fn parse(text: &str, region: PhoneRegion) -> Option<Self> {
        let text: String = text.chars().take(Self::MAX_CHARS).collect();
        let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let text = text.trim();
        let terms = if let Some(digits) = phone_digits(text) {
            vec![phone_lookups(&digits, text.starts_with('+'), region)]
        } else {
            let words = text.split_whitespace().flat_map(word_terms);
            let mut terms: Vec<_> = words.take(Self::MAX_TERMS).collect();
            // The longest is most likely the rarest: it leads, the others are only probed.
            terms.sort_by_key(|term| std::cmp::Reverse(term.first().map(lookup_weight)));
            terms
        };
        (!terms.is_empty()).then_some(Self { terms })
    }

    /// The terms, the one to begin with first. None is empty.
    pub fn terms(&self) -> &[Vec<Lookup>] {
        &self.terms
    }

    /// Whether a thing with these tokens is found: what every database must agree with.
    pub fn matches(&self, tokens: &Tokens) -> bool {
        self.terms
            .iter()
            .all(|term| term.iter().any(|lookup| lookup.matches(tokens)))
    }
}

fn lookup_weight(lookup: &Lookup) -> usize {
    lookup.from().chars().count()
}

/// The digits of a text that is nothing but a phone number or a part of one.
fn phone_digits(text: &str) -> Option<String> {
    let is_phone = text
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')' | '.' | '/'));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    (is_phone && digits.len() >= 2).then_some(digits)
}

fn phone_lookups(digits: &str, international: bool, region: PhoneRegion) -> Vec<Lookup> {
    // From nine digits on it is a whole number, whose trunk zero is not part of the stored form.
    let stem = digits.trim_start_matches('0');
    let tail = if digits.len() >= 9 && !stem.is_empty() {
        stem
    } else {
        digits
    };
    let mut lookups = vec![tail_lookup(tail)];
    let from_start = match digits.strip_prefix("00") {
        _ if international => Some(digits.to_owned()),
        Some(rest) => Some(rest.to_owned()),
        None => digits
            .strip_prefix('0')
            .map(|national| region.calling_code() + national),
    };
    lookups.extend(
        from_start
            .filter(|start| start.len() >= 5)
            .map(|start| Lookup::Prefix(format!("+{start}"))),
    );
    // A street number or a year is a word as well.
    lookups.extend(word_lookup(digits));
    lookups
}

fn tail_lookup(digits: &str) -> Lookup {
    let backwards: String = digits.chars().rev().collect();
    if digits.len() == TAIL {
        Lookup::Exact(format!("#{backwards}"))
    } else {
        Lookup::Prefix(format!("#{backwards}"))
    }
}

/// The terms of one piece between spaces: normalising may tear it into several words.
fn word_terms(piece: &str) -> Vec<Vec<Lookup>> {
    if piece.contains('@') {
        return vec![vec![Lookup::Prefix(whole_address(piece))]];
    }
    let terms = words(piece).into_iter().map(|word| {
        let mut lookups: Vec<_> = without_prefixes(&word).filter_map(word_lookup).collect();
        if word.len() >= TAIL && word.bytes().all(|b| b.is_ascii_digit()) {
            lookups.push(tail_lookup(&word));
        }
        lookups
    });
    terms.filter(|lookups| !lookups.is_empty()).collect()
}

fn word_lookup(word: &str) -> Option<Lookup> {
    match word.chars().count() {
        0 | 1 => None,
        length if SHORT.contains(&length) => Some(Lookup::Exact(word.to_owned())),
        _ => Some(Lookup::Prefix(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prosaas_core::E164;

    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text, PhoneRegion::IL).unwrap()
    }

    fn finds(text: &str, tokens: &Tokens) -> bool {
        Query::parse(text, PhoneRegion::IL).is_some_and(|query| query.matches(tokens))
    }

    #[test]
    fn hebrew_is_found_as_people_type_it() {
        for (typed, stored) in [
            ("מזגן", "תיקון המזגן"),
            ("המזגן", "תיקון מזגן"),
            ("ולמזגן", "תיקון מזגן"),
            ("שלום", "שָׁלוֹם"),
            ("שָׁלוֹם", "שלום"),
            ("צהל", "צה\"ל"),
            ("צה״ל", "צה''ל"),
            ("כהן", "כהן"),
            ("כהנ", "כהן"),
            ("לכהן", "כהן"),
            ("בית ספר", "בית־ספר"),
            ("ספר בית", "בית־ספר"),
            ("דנ", "דנה לוי"),
            ("דנה לו", "דנה לוי"),
            ("DANA", "dana"),
            ("jose", "José"),
        ] {
            assert!(
                finds(typed, &Tokens::default().name(stored)),
                "{typed:?} must find {stored:?}"
            );
        }
        assert!(!finds("משה", &Tokens::default().name("דנה לוי")));
        assert!(!finds("דנה כהן", &Tokens::default().name("דנה לוי")));
    }

    #[test]
    fn a_phone_is_found_by_its_end_its_start_and_in_full() {
        let tokens = Tokens::default().phone(&E164::parse("+972501234567").unwrap());
        for typed in [
            "67",
            "567",
            "4567",
            "34567",
            "1234567",
            "123-4567",
            "0501234567",
            "050-1234567",
            "+972 50 123 4567",
            "972501234567",
            "00972501234567",
            "05012345",
            "+97250",
            "\u{202a}050-1234567\u{202c}",
        ] {
            assert!(finds(typed, &tokens), "{typed:?}");
        }
        for typed in ["7654", "0501234568", "+1 650 253 0000", "5"] {
            assert!(!finds(typed, &tokens), "{typed:?}");
        }
        let named = tokens.name("דנה");
        assert!(finds("דנה 4567", &named) && !finds("דנה 9999", &named));
    }

    #[test]
    fn an_address_is_found_as_it_is_typed() {
        let tokens = Tokens::default().email("Dana.Levi@example.com");
        for typed in [
            "dana.levi@exa",
            "DANA.LEVI@EXAMPLE.COM",
            "levi",
            "dana levi",
        ] {
            assert!(finds(typed, &tokens), "{typed:?}");
        }
        assert!(!finds("dana@other.com", &tokens));
    }

    #[test]
    fn short_words_are_equalities_and_the_longest_word_leads() {
        assert_eq!(query("דנ").terms(), [[Lookup::Exact("דנ".to_owned())]]);
        let terms = query("דנה אברהמסון");
        assert_eq!(terms.terms()[0], [Lookup::Prefix("אברהמסונ".to_owned())]);
        assert_eq!(Query::parse("", PhoneRegion::IL), None);
        assert_eq!(Query::parse("א", PhoneRegion::IL), None);
        assert_eq!(Query::parse("?!", PhoneRegion::IL), None);
    }

    #[test]
    fn a_range_holds_exactly_what_begins_with_it() {
        let lookup = Lookup::Prefix("דנה".to_owned());
        let inside = |token: &str| token >= lookup.from() && token < lookup.until().as_str();
        assert!(inside("דנה") && inside("דנהלה"));
        assert!(!inside("דנו") && !inside("דנ"));
        let exact = Lookup::Exact("דנ".to_owned());
        assert!("דנ" < exact.until().as_str() && exact.until().as_str() < "דנה");
    }

    proptest! {
        #[test]
        fn any_beginning_of_a_name_finds_it(
            name in "[א-ת]{2,9}( [א-ת]{2,9}){0,2}|[A-Za-z]{2,9} [A-Za-zé]{2,9}",
            keep in 2_usize..12,
        ) {
            let tokens = Tokens::default().name(&name);
            prop_assert!(finds(&name, &tokens));
            for word in name.split(' ') {
                let typed: String = word.chars().take(keep).collect();
                prop_assert!(finds(&typed, &tokens), "{} in {}", typed, name);
            }
        }

        #[test]
        fn a_prefix_letter_on_either_side_does_not_hide_a_word(
            word in "[א-ת]{3,9}", prefix in "[ושהכלבמ]{1,2}",
        ) {
            let longer = format!("{prefix}{word}");
            prop_assert!(finds(&longer, &Tokens::default().name(&word)));
            prop_assert!(finds(&word, &Tokens::default().name(&longer)));
        }

        #[test]
        fn the_last_digits_of_a_phone_find_it(digits in "[1-9][0-9]{8,13}", keep in 2_usize..14) {
            let tokens = Tokens::default().phone(&E164::parse(&format!("+{digits}")).unwrap());
            let last = &digits[digits.len().saturating_sub(keep)..];
            prop_assert!(finds(last, &tokens), "{}", last);
        }

        #[test]
        fn any_text_is_a_query_or_none(text in "\\PC{0,300}") {
            if let Some(query) = Query::parse(&text, PhoneRegion::IL) {
                prop_assert!(query.terms().len() <= Query::MAX_TERMS);
                prop_assert!(query.terms().iter().all(|term| !term.is_empty()));
                for lookup in query.terms().iter().flatten() {
                    prop_assert!(lookup.from() < lookup.until().as_str());
                }
            }
        }
    }
}
