//! What is stored about a thing so that it can be found.

use std::collections::BTreeSet;

use prosaas_core::E164;

use super::normalise::{without_prefixes, words};

/// The tokens of one thing: each is a row of the index.
///
/// - a word as it is and without its prefix letters; a longer query finds it by a range of the index;
/// - the first two and the first three characters of the words of a *name*: a short query matches too
///   many rows for a range, and by equality the index gives the newest first;
/// - `#` and the digits of a phone backwards, so that its last digits are a range, and its last four
///   alone, the question asked most;
/// - `+` and the digits forwards, for who types a number from its beginning;
/// - an e-mail address whole, and the words before its `@`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(BTreeSet<String>);

/// Two and three characters: the queries that are answered by equality.
pub(super) const SHORT: [usize; 2] = [2, 3];
/// How many last digits are answered by equality.
pub(super) const TAIL: usize = 4;

impl Tokens {
    /// The most tokens one thing has: no text of a caller's makes a row per word without end.
    pub const MAX: usize = 64;
    /// The most words of one text that are indexed.
    const MAX_WORDS: usize = 24;

    /// Adds a name: found by its first two characters on.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        for word in words(name).iter().take(Self::MAX_WORDS) {
            for form in without_prefixes(word) {
                self.word(form);
                for length in SHORT {
                    if let Some((end, _)) = form.char_indices().nth(length) {
                        self.add(form[..end].to_owned());
                    }
                }
            }
        }
        self
    }

    /// Adds a text about the thing: found by whole short words, or the first four characters of longer ones.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        for word in words(text).iter().take(Self::MAX_WORDS) {
            for form in without_prefixes(word) {
                self.word(form);
            }
        }
        self
    }

    /// Adds a phone number.
    #[must_use]
    pub fn phone(mut self, number: &E164) -> Self {
        let digits = &number.expose()[1..];
        let backwards: String = digits.chars().rev().collect();
        self.add(format!("#{}", &backwards[..TAIL.min(backwards.len())]));
        self.add(format!("#{backwards}"));
        self.add(format!("+{digits}"));
        self
    }

    /// Adds an e-mail address.
    #[must_use]
    pub fn email(mut self, address: &str) -> Self {
        if let Some((local, _)) = address.split_once('@') {
            self.add(whole_address(address));
            self = self.text(local);
        }
        self
    }

    /// Whether there is exactly this one.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether one begins with this.
    pub fn any_begins_with(&self, prefix: &str) -> bool {
        self.0
            .range(prefix.to_owned()..)
            .next()
            .is_some_and(|token| token.starts_with(prefix))
    }

    /// Every token, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    fn word(&mut self, word: &str) {
        // A single letter finds everything, which is nothing.
        if word.chars().nth(1).is_some() {
            self.add(word.to_owned());
        }
    }

    fn add(&mut self, token: String) {
        if self.0.len() < Self::MAX {
            self.0.insert(token);
        }
    }
}

/// Tokens as they were stored.
impl FromIterator<String> for Tokens {
    fn from_iter<I: IntoIterator<Item = String>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

/// What the tokens of every number begin with whose last `length` digits are those of this one; `None` when it
/// has fewer.
pub(crate) fn digits_token(number: &E164, length: usize) -> Option<String> {
    let backwards = number.expose()[1..].chars().rev();
    let tail: String = backwards.take(length).collect();
    (tail.len() == length).then(|| format!("#{tail}"))
}

/// The token of a whole address.
pub(crate) fn address_token(address: &str) -> String {
    whole_address(address)
}

/// An address as it is compared: nothing but case is folded, and it keeps its marks.
pub(super) fn whole_address(address: &str) -> String {
    address.trim().to_lowercase().chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_takes_about_a_dozen_rows() {
        let number = E164::parse("+972501234567").unwrap();
        let english = Tokens::default().name("Dana Cohen").phone(&number);
        assert_eq!(
            english.iter().collect::<Vec<_>>(),
            [
                "#7654",
                "#765432105279",
                "+972501234567",
                "co",
                "coh",
                "cohen",
                "da",
                "dan",
                "dana"
            ]
        );
        let hebrew = Tokens::default().name("משה כהן").phone(&number);
        assert_eq!(hebrew.iter().len(), 7);
    }

    #[test]
    fn texts_cannot_grow_the_index_without_end() {
        let words: Vec<_> = (0..10_000).map(|n| format!("ולה{n}מילה")).collect();
        let words = words.join(" ");
        let tokens = Tokens::default().name(&words).text(&words);
        assert!(tokens.iter().len() <= Tokens::MAX);
    }

    #[test]
    fn an_address_is_kept_whole() {
        let tokens = Tokens::default().email("Dana.Levi@Example.com");
        assert_eq!(
            tokens.iter().collect::<Vec<_>>(),
            ["dana", "dana.levi@example.com", "levi"]
        );
    }
}
