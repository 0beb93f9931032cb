//! What a target is, and how it tells the engine that an input led somewhere new.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One parser of foreign input with what must hold for every input.
pub(crate) struct Target {
    /// Its name on the command line and of its folder in the corpus.
    pub(crate) name: &'static str,
    /// Feeds one input; panics when something that must hold does not.
    pub(crate) run: fn(&[u8]) -> Outcome,
    /// Words of the format, which blind mutation would rarely spell.
    pub(crate) dictionary: &'static [&'static str],
}

/// What an input led to, as a number: an input with a new outcome is kept and mutated further.
///
/// This stands in for code coverage, which stable Rust does not measure in a running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outcome(u64);

impl Outcome {
    /// The outcome named by these words, such as a variant's name and which of its fields are set.
    pub(crate) fn of(words: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// As a part of a file's name.
    pub(crate) fn hex(self) -> String {
        format!("{:016x}", self.0)
    }

    /// The outcome of a parser: success with these words, or the error's text.
    pub(crate) fn parsed<T, W: Hash>(
        result: &Result<T, impl std::fmt::Display>,
        words: impl Fn(&T) -> W,
    ) -> Self {
        match result {
            Ok(value) => Self::of((true, Self::of(words(value)))),
            Err(error) => Self::of((false, Self::of(without_digits(&error.to_string())))),
        }
    }
}

/// Error texts carry positions; without them they are few.
fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_differ_by_what_happened_and_not_by_position() {
        let ok: Result<u32, String> = Ok(4);
        let at_4: Result<u32, String> = Err("bad byte at 4".to_owned());
        let at_5: Result<u32, String> = Err("bad byte at 5".to_owned());
        let words = |value: &u32| value % 2;
        assert_eq!(Outcome::parsed(&at_4, words), Outcome::parsed(&at_5, words));
        assert_ne!(Outcome::parsed(&ok, words), Outcome::parsed(&at_5, words));
    }
}
