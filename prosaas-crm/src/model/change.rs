//! A field of a JSON merge patch (RFC 7396) that may be removed.

use serde::{Deserialize, Deserializer};

/// What a patch does to a field that may be empty: absent, `null` or a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The patch does not mention it.
    #[default]
    Keep,
    /// `null`: the field becomes empty.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// The field after the patch.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The same change of another type, for a value that still has to be checked.
    ///
    /// # Errors
    /// Whatever the check says.
    pub fn try_map<U, E>(self, check: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(check(value)?),
        })
    }
}

impl<T> From<Option<T>> for Change<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

/// Needs `#[serde(default)]` beside it: a field that is not there is [`Change::Keep`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        name: Change<String>,
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let read = |body: &str| serde_json::from_str::<Body>(body).unwrap().name;
        assert_eq!(read("{}"), Change::Keep);
        assert_eq!(read(r#"{"name":null}"#), Change::Clear);
        let set = read(r#"{"name":"a"}"#);
        assert_eq!(set.clone().apply(None).as_deref(), Some("a"));
        assert_eq!(Change::Keep.apply(Some(1)), Some(1));
        assert_eq!(Change::Clear.apply(Some(1)), None);
    }
}
