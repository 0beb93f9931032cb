//! One spelling for what people take for one word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::model::phone::is_invisible;

/// The longest word kept, in characters; the rest of a longer one is dropped.
pub const MAX_WORD_CHARS: usize = 32;

/// Text in the form that is compared.
///
/// - compatibility decomposition (full-width letters, ligatures, Hebrew presentation forms), and then
///   without marks: niqqud and cantillation, and the accents of other scripts;
/// - without direction marks and zero-width characters;
/// - final letters as their base forms, Latin and other cased letters in lower case;
/// - without geresh and gershayim, whether written as such or as quotation marks, so that an acronym
///   stays one word;
/// - every run of anything else (maqaf, punctuation, space) as one space.
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut gap = false;
    let lower = text
        .nfkd()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_lowercase)
        // Lower-casing may bring a mark along, such as the dot of the Turkish capital I.
        .filter(|c| !is_combining_mark(*c))
        .map(base_form);
    for c in lower {
        if c.is_alphanumeric() {
            if gap && !plain.is_empty() {
                plain.push(' ');
            }
            gap = false;
            plain.push(c);
        } else {
            gap = true;
        }
    }
    plain
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<String> {
    normalise(text)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_WORD_CHARS).collect())
        .collect()
}

fn is_dropped(c: char) -> bool {
    let is_gershayim = matches!(
        c,
        '"' | '\'' | '`' | '\u{b4}' | '\u{5f3}' | '\u{5f4}' | '\u{2018}'
            ..='\u{201f}' | '\u{2032}' | '\u{2033}'
    );
    is_gershayim || is_combining_mark(c) || is_invisible(c)
}

const fn base_form(c: char) -> char {
    match c {
        'ך' => 'כ',
        'ם' => 'מ',
        'ן' => 'נ',
        'ף' => 'פ',
        'ץ' => 'צ',
        _ => c,
    }
}

/// The word without its first one or two letters, where those may be prefixes (`ו ש ה כ ל ב מ`) and
/// at least three letters remain: "המזגן" is also "מזגן". The word itself comes first.
pub(crate) fn without_prefixes(word: &str) -> impl Iterator<Item = &str> {
    let stripped = std::iter::successors(Some(word), |rest| {
        let mut letters = rest.chars();
        let first = letters.next()?;
        let remaining = letters.as_str();
        let is_prefix = matches!(first, 'ו' | 'ש' | 'ה' | 'כ' | 'ל' | 'ב' | 'מ');
        (is_prefix && remaining.chars().nth(2).is_some()).then_some(remaining)
    });
    stripped.take(3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_spelling_for_one_word() {
        for (text, expected) in [
            ("שָׁלוֹם", "שלומ"),
            ("שלום", "שלומ"),
            ("צה\"ל", "צהל"),
            ("צה״ל", "צהל"),
            ("צה''ל", "צהל"),
            ("ג׳ירפה", "גירפה"),
            ("צ'יפס", "ציפס"),
            ("בית־ספר", "בית ספר"),
            ("בית-ספר", "בית ספר"),
            ("  Dana   COHEN ", "dana cohen"),
            ("O\u{2019}Brien", "obrien"),
            ("José", "jose"),
            ("ﬁx Ａ１", "fix a1"),
            ("\u{fb2a}\u{fb35}", "שו"),
            ("\u{200f}דנה\u{200e}", "דנה"),
            ("ץ ף ן ם ך", "צ פ נ מ כ"),
            ("İ", "i"),
            ("!?", ""),
        ] {
            assert_eq!(normalise(text), expected, "{text:?}");
        }
    }

    #[test]
    fn prefix_letters_come_off_while_three_letters_remain() {
        let forms = |word: &'static str| without_prefixes(word).collect::<Vec<_>>();
        assert_eq!(forms("המזגנ"), ["המזגנ", "מזגנ", "זגנ"]);
        assert_eq!(forms("ולהחברה"), ["ולהחברה", "להחברה", "החברה"]);
        assert_eq!(forms("כהנ"), ["כהנ"]);
        assert_eq!(forms("משה"), ["משה"]);
        assert_eq!(forms("dana"), ["dana"]);
        assert_eq!(forms(""), [""]);
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(words(&"a".repeat(500)), ["a".repeat(MAX_WORD_CHARS)]);
    }

    proptest! {
        #[test]
        fn normalising_again_changes_nothing(text in "\\PC{0,40}|[א-ת\u{5b0}-\u{5c7}\"' a-zA-Z-]{0,30}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
        }

        #[test]
        fn points_and_marks_make_no_difference(word in "[א-ת]{1,10}", point in 0x5b0_u32..=0x5bc) {
            let point = char::from_u32(point).unwrap();
            let pointed: String = word.chars().flat_map(|c| [c, point]).collect();
            let marked = format!("\u{2067}{word}\u{2069}");
            prop_assert_eq!(normalise(&pointed), normalise(&word));
            prop_assert_eq!(normalise(&marked), normalise(&word));
        }
    }
}
