//! A text as words that can be compared: lower case, without vowel points and quotation marks, digits as ASCII.

/// So many words at the end of a text are looked at.
const MOST_WORDS: usize = 64;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The word as it is compared.
    pub(super) text: String,
    /// A clause begins with it.
    pub(super) opens: bool,
}

/// What stands behind the last word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ending {
    /// A full stop or nothing: who writes down speech puts either anywhere.
    #[default]
    Plain,
    /// A question mark.
    Question,
    /// A comma, a dash or dots: the voice stayed up.
    TrailsOff,
}

/// The last words of a text.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// In order.
    pub(super) list: Vec<Word>,
    /// What stands behind them.
    pub(super) ending: Ending,
    /// A star stands somewhere, as in short numbers.
    pub(super) star: bool,
}

impl Words {
    /// The words of a text.
    pub(super) fn of(text: &str) -> Self {
        let mut words = Self {
            ending: ending_of(text),
            ..Self::default()
        };
        let mut word = String::new();
        let mut opens = true;
        for c in text.chars() {
            if is_left_out(c) {
                continue;
            }
            if let Some(digit) = ascii_digit(c) {
                word.push(digit);
            } else if c.is_alphanumeric() {
                word.extend(c.to_lowercase());
            } else {
                words.take(&mut word, &mut opens);
                opens |= parts_clauses(c);
                words.star |= c == '*';
            }
        }
        words.take(&mut word, &mut opens);
        words
    }

    /// The words from the last comma or end of a sentence on.
    pub(super) fn clause(&self) -> &[Word] {
        let from = self.list.iter().rposition(|word| word.opens).unwrap_or(0);
        &self.list[from..]
    }

    /// Whether one of the words is in a list.
    pub(super) fn any(&self, list: &str) -> bool {
        self.list.iter().any(|word| word.is_in(list))
    }

    fn take(&mut self, word: &mut String, opens: &mut bool) {
        if word.is_empty() {
            return;
        }
        if self.list.len() == MOST_WORDS {
            self.list.remove(0);
        }
        self.list.push(Word {
            text: std::mem::take(word),
            opens: std::mem::take(opens),
        });
    }
}

impl Word {
    /// Whether it is in a list.
    pub(super) fn is_in(&self, list: &str) -> bool {
        holds(list, &self.text)
    }

    /// Whether it is in a list, as it stands or with every letter once: sounds are written as long as they were.
    pub(super) fn sounds_like(&self, list: &str) -> bool {
        let mut squeezed = String::with_capacity(self.text.len());
        for c in self.text.chars() {
            if !squeezed.ends_with(c) {
                squeezed.push(c);
            }
        }
        self.is_in(list) || holds(list, &squeezed)
    }
}

fn holds(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == word)
}

fn ending_of(text: &str) -> Ending {
    let closes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '”' | '’' | ')' | '״');
    let text = text.trim_end_matches(closes);
    match text.chars().next_back() {
        Some('?' | '؟') => Ending::Question,
        Some('…' | ',' | '،' | '-' | '–' | '—' | '־') => Ending::TrailsOff,
        Some('.') if text.ends_with("..") => Ending::TrailsOff,
        _ => Ending::Plain,
    }
}

/// Vowel points, quotation marks within words, and the line that stretches Arabic words.
const fn is_left_out(c: char) -> bool {
    matches!(
        c,
        '\'' | '"'
            | '’'
            | '‘'
            | '“'
            | '”'
            | '׳'
            | '״'
            | '\u{0591}'..='\u{05BD}'
            | '\u{05BF}'
            | '\u{05C1}'
            | '\u{05C2}'
            | '\u{05C4}'
            | '\u{05C5}'
            | '\u{05C7}'
            | '\u{0640}'
            | '\u{064B}'..='\u{0652}'
            | '\u{200E}'
            | '\u{200F}'
    )
}

const fn parts_clauses(c: char) -> bool {
    matches!(
        c,
        ',' | '.' | ';' | ':' | '!' | '?' | '…' | '–' | '—' | '\n' | '،' | '؛' | '؟'
    )
}

/// A digit of the scripts our callers write.
fn ascii_digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => return Some(c),
        '\u{0660}'..='\u{0669}' => 0x0660,
        '\u{06F0}'..='\u{06F9}' => 0x06F0,
        _ => return None,
    };
    char::from_digit(u32::from(c) - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let words = Words::of(text).list.into_iter();
        words.map(|word| word.text).collect()
    }

    #[test]
    fn words_are_compared_without_points_and_quotes() {
        assert_eq!(words("רַק רֶגַע, Don't"), ["רק", "רגע", "dont"]);
        assert_eq!(words("ת\"ז 054-12 ٠٥"), ["תז", "054", "12", "05"]);
        assert!(words(" …, !").is_empty());
        assert_eq!(words(&"א ".repeat(500)).len(), MOST_WORDS);
    }

    #[test]
    fn a_clause_begins_behind_a_comma() {
        let words = Words::of("כן, תני לי שנייה.");
        let clause: Vec<&str> = words.clause().iter().map(|w| w.text.as_str()).collect();
        assert_eq!(clause, ["תני", "לי", "שנייה"]);
    }

    #[test]
    fn what_stands_behind_the_last_word_is_told() {
        assert_eq!(Words::of("כמה זה עולה? ").ending, Ending::Question);
        assert_eq!(Words::of("אז...").ending, Ending::TrailsOff);
        assert_eq!(Words::of("אז.").ending, Ending::Plain);
    }

    #[test]
    fn sounds_are_told_at_any_length() {
        let sound = |text: &str| Words::of(text).list[0].sounds_like("אמ um");
        assert!(sound("אמ") && sound("אממממ") && sound("ummm"));
        assert!(!sound("אמא"));
    }
}
