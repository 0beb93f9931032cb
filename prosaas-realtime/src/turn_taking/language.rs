//! In which language a call goes on.

use prosaas_core::business::Language;
use serde::{Deserialize, Serialize};

use super::lists;
use super::words::{Word, Words};

/// So many words of another language in one turn are no name and no brand.
const SURE_WORDS: usize = 4;
/// And so many in turns that follow each other.
const SURE_IN_TURNS: usize = 3;

/// A language, told by its script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// Hebrew.
    Hebrew,
    /// English, or another language in Latin letters.
    English,
    /// Russian, or another language in Cyrillic letters.
    Russian,
    /// Arabic.
    Arabic,
}

const ALL: [Spoken; 4] = [
    Spoken::Hebrew,
    Spoken::English,
    Spoken::Russian,
    Spoken::Arabic,
];

impl Spoken {
    /// Its name in English, as models are told it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hebrew => "Hebrew",
            Self::English => "English",
            Self::Russian => "Russian",
            Self::Arabic => "Arabic",
        }
    }

    /// The words by which a caller asks to go on in it.
    const fn asked_for(self) -> &'static str {
        match self {
            Self::Hebrew => "בעברית hebrew иврите بالعبري بالعبراني",
            Self::English => "באנגלית english английски английском بالانجليزي",
            Self::Russian => "ברוסית russian русски русском بالروسي",
            Self::Arabic => "בערבית arabic арабски арабском بالعربي",
        }
    }

    const fn of_letter(letter: char) -> Option<Self> {
        match letter {
            '\u{0590}'..='\u{05FF}' | '\u{FB1D}'..='\u{FB4F}' => Some(Self::Hebrew),
            'a'..='z' | '\u{00E0}'..='\u{024F}' => Some(Self::English),
            '\u{0400}'..='\u{052F}' => Some(Self::Russian),
            '\u{0600}'..='\u{06FF}' | '\u{0750}'..='\u{077F}' => Some(Self::Arabic),
            _ => None,
        }
    }

    fn of_word(word: &Word) -> Option<Self> {
        let first = word.text.chars().next().filter(|c| c.is_alphabetic())?;
        Self::of_letter(first).filter(|_| !word.is_in(lists::BORROWED))
    }
}

impl From<Language> for Spoken {
    fn from(language: Language) -> Self {
        match language {
            Language::He => Self::Hebrew,
            Language::En => Self::English,
        }
    }
}

/// Follows the language of a call. One turn of a few words does not change it: people say names, brands and "okay" in
/// any language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanguageOfCall {
    now: Spoken,
    /// Another language of the latest turns, and how many words of it.
    other: Option<(Spoken, usize)>,
}

impl LanguageOfCall {
    /// A call that begins in a language.
    pub const fn new(now: Spoken) -> Self {
        Self { now, other: None }
    }

    /// The language it is in.
    pub const fn now(&self) -> Spoken {
        self.now
    }

    /// Takes a turn of the caller; the language to go on in, if it is another one from now on.
    pub fn hear(&mut self, text: &str) -> Option<Spoken> {
        let words = Words::of(text);
        if let Some(wanted) = wanted(&words) {
            return self.go_on_in(wanted);
        }
        let (main, count) = main_language(&words)?;
        if main == self.now {
            self.other = None;
            return None;
        }
        let before = self.other.filter(|(other, _)| *other == main);
        let in_turns = before.map(|(_, words)| words + count);
        if count >= SURE_WORDS || in_turns.is_some_and(|words| words >= SURE_IN_TURNS) {
            return self.go_on_in(main);
        }
        self.other = Some((main, in_turns.unwrap_or(count)));
        None
    }

    fn go_on_in(&mut self, language: Spoken) -> Option<Spoken> {
        self.other = None;
        (std::mem::replace(&mut self.now, language) != language).then_some(language)
    }
}

/// The language that a caller asks to speak.
fn wanted(words: &Words) -> Option<Spoken> {
    if !words.any(lists::SPEAK) {
        return None;
    }
    ALL.into_iter()
        .find(|language| words.any(language.asked_for()))
}

/// The language of most words, and how many those are. Nothing of numbers, borrowed words and equal parts.
fn main_language(words: &Words) -> Option<(Spoken, usize)> {
    let mut counts = [0_usize; ALL.len()];
    for language in words.list.iter().filter_map(Spoken::of_word) {
        counts[language as usize] += 1;
    }
    let total: usize = counts.iter().sum();
    let of_most = |language: &Spoken| counts[*language as usize] * 10 >= total * 7;
    let main = ALL.into_iter().find(of_most).filter(|_| total > 0)?;
    Some((main, counts[main as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_does_not_switch_and_a_sentence_does() {
        let mut call = LanguageOfCall::new(Spoken::Hebrew);
        assert_eq!(call.hear("OK"), None);
        assert_eq!(call.hear("Dana Levi"), None);
        assert_eq!(call.hear("כן, זה השם שלי"), None);
        assert_eq!(
            call.hear("Sorry, do you speak a little slower"),
            Some(Spoken::English)
        );
        assert_eq!(call.hear("what are your prices"), None);
        assert_eq!(call.hear("054 1234567"), None);
        assert_eq!(call.now(), Spoken::English);
    }

    #[test]
    fn two_short_turns_in_a_row_switch() {
        let mut call = LanguageOfCall::new(Spoken::Hebrew);
        assert_eq!(call.hear("Мне сантехник"), None);
        assert_eq!(call.hear("Да, сегодня"), Some(Spoken::Russian));
        assert_eq!(call.hear("תודה רבה, אפשר בעברית"), Some(Spoken::Hebrew));
    }
}
