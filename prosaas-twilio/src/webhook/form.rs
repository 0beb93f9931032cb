//! `application/x-www-form-urlencoded`, lossless.

use std::fmt;

/// Most pairs one form may have. Twilio's webhooks have fewer than a hundred.
pub const MAX_PAIRS: usize = 1000;

/// The bytes are not a form that can be believed or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// A name or a value is not UTF-8.
    #[error("the form holds a name or a value that is not UTF-8; Twilio sends UTF-8 only")]
    NotUtf8,
    /// More than [`MAX_PAIRS`].
    #[error("the form has more than {MAX_PAIRS} fields; Twilio's have fewer than a hundred")]
    TooManyPairs,
}

/// Decoded name-value pairs in the order received. Repeated names, empty values and unknown names stay.
///
/// `Debug` prints the names only: the values are phone numbers and names of people.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// Decodes a request body, or a query without its `?`.
    ///
    /// `+` is a space; `%` followed by anything but two hex digits stands for itself. What is not UTF-8 is
    /// refused rather than replaced, since two different bodies must not read alike.
    ///
    /// # Errors
    /// [`FormError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormError> {
        let mut pairs = Vec::new();
        for piece in bytes
            .split(|byte| *byte == b'&')
            .filter(|piece| !piece.is_empty())
        {
            if pairs.len() == MAX_PAIRS {
                return Err(FormError::TooManyPairs);
            }
            let split = piece.iter().position(|byte| *byte == b'=');
            let (name, value) = match split {
                Some(at) => (&piece[..at], &piece[at + 1..]),
                None => (piece, &[][..]),
            };
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self { pairs })
    }

    /// The first value of this name. Names compare exactly: `To` is not `to`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of this name, in the order received.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every pair, in the order received.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Form {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            pairs: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")?;
        f.debug_list()
            .entries(self.pairs.iter().map(|(name, _)| name))
            .finish()
    }
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| FormError::NotUtf8)
}

fn hex(digit: u8) -> Option<u8> {
    // A hex digit is below 16, so it fits.
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        Form::parse(text.as_bytes()).unwrap().pairs
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn pairs_are_decoded_in_order_and_none_is_lost() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("&&", &[]),
            ("a=1&a=2&a=1", &[("a", "1"), ("a", "2"), ("a", "1")]),
            ("a", &[("a", "")]),
            ("a=", &[("a", "")]),
            ("=x", &[("", "x")]),
            ("a=b=c", &[("a", "b=c")]),
            ("a=+b+%2B%20", &[("a", " b + ")]),
            ("%41=%d7%A9", &[("A", "\u{5e9}")]),
            ("a=%&b=%4&c=%zz", &[("a", "%"), ("b", "%4"), ("c", "%zz")]),
        ];
        for (text, expected) in cases {
            assert_eq!(pairs(text), owned(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        for bytes in [&b"a=%ff"[..], b"%d7=1", b"a=\xff", b"ok=1&b=%80"] {
            assert_eq!(Form::parse(bytes), Err(FormError::NotUtf8));
        }
    }

    #[test]
    fn the_number_of_pairs_is_bounded() {
        let most = "a&".repeat(MAX_PAIRS);
        assert_eq!(Form::parse(most.as_bytes()).unwrap().len(), MAX_PAIRS);
        let more = format!("{most}a");
        assert_eq!(Form::parse(more.as_bytes()), Err(FormError::TooManyPairs));
    }

    #[test]
    fn debug_prints_names_but_no_values() {
        let form = Form::from_iter([("From", "+972501234567")]);
        assert_eq!(format!("{form:?}"), r#"Form["From"]"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Form::parse(&bytes);
        }

        #[test]
        fn what_the_url_crate_encodes_is_read_back(
            pairs in proptest::collection::vec((".{0,8}", ".{0,8}"), 0..6),
        ) {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            let form = Form::parse(text.as_bytes()).unwrap();
            let expected: Vec<_> =
                pairs.into_iter().filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
            let read: Vec<_> = form
                .pairs
                .into_iter()
                .filter(|(name, value)| !(name.is_empty() && value.is_empty()))
                .collect();
            prop_assert_eq!(read, expected);
        }
    }
}
