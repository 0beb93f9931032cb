//! Values bound to a statement.

use std::fmt;

use prosaas_core::{E164, Error, Result, UnixMillis};
use serde_json::Value;
use uuid::Uuid;

/// One bound value. NULL keeps its type: PostgreSQL asks for it.
#[derive(Clone)]
pub(crate) enum Arg {
    Boolean(Option<bool>),
    Bytes(Option<Vec<u8>>),
    Id(Option<Uuid>),
    Integer(Option<i64>),
    Json(Option<Value>),
    Real(Option<f64>),
    Text(Option<String>),
}

impl Arg {
    /// PostgreSQL stores no NUL in texts, so neither database gets one: a hostile text must not be an
    /// internal error on one of them.
    fn check(&self) -> Result<()> {
        let has_nul = match self {
            Self::Text(Some(text)) => text.contains('\0'),
            Self::Json(Some(value)) => holds_nul(value),
            _ => false,
        };
        if has_nul {
            return Err(Error::invalid("text", "a text without NUL characters"));
        }
        Ok(())
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Says only of which kind a value is: most are somebody's data.
impl fmt::Debug for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean(_) => "boolean",
            Self::Bytes(_) => "bytes",
            Self::Id(_) => "id",
            Self::Integer(_) => "integer",
            Self::Json(_) => "json",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
        })
    }
}

/// A JSON value for a JSON column, as opposed to a text.
#[derive(Clone, Debug)]
pub(crate) struct Json(pub(crate) Value);

/// The values of one run of a statement, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(Vec<Arg>);

impl Args {
    pub(crate) const fn new(values: Vec<Arg>) -> Self {
        Self(values)
    }

    /// The same values behind one more.
    pub(crate) fn after(mut self, first: Arg) -> Self {
        self.0.insert(0, first);
        self
    }

    pub(super) fn checked(self) -> Result<Vec<Arg>> {
        self.0.iter().try_for_each(Arg::check)?;
        Ok(self.0)
    }
}

/// `args![a, b]`: the values of a statement, from anything that can be bound.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        $crate::store::db::Args::new(vec![$($crate::store::db::Bind::bind($value)),*])
    };
}
pub(crate) use args;

/// What can be bound.
pub(crate) trait Bind {
    /// NULL of this type.
    const NULL: Arg;
    fn bind(self) -> Arg;
}

impl<T: Bind> Bind for Option<T> {
    const NULL: Arg = T::NULL;
    fn bind(self) -> Arg {
        self.map_or(Self::NULL, T::bind)
    }
}

macro_rules! bind {
    ($($type:ty as $kind:ident: |$value:ident| $bound:expr;)+) => {$(
        impl Bind for $type {
            const NULL: Arg = Arg::$kind(None);
            fn bind(self) -> Arg {
                let $value = self;
                Arg::$kind(Some($bound))
            }
        }
    )+};
}

bind! {
    bool as Boolean: |value| value;
    f64 as Real: |value| value;
    i64 as Integer: |value| value;
    i32 as Integer: |value| i64::from(value);
    u8 as Integer: |value| i64::from(value);
    u16 as Integer: |value| i64::from(value);
    u32 as Integer: |value| i64::from(value);
    // Counts: nothing real reaches the end of the range.
    u64 as Integer: |value| i64::try_from(value).unwrap_or(i64::MAX);
    usize as Integer: |value| i64::try_from(value).unwrap_or(i64::MAX);
    UnixMillis as Integer: |value| value.0;
    Uuid as Id: |value| value;
    Json as Json: |value| value.0;
    String as Text: |value| value;
    &String as Text: |value| value.clone();
    &str as Text: |value| value.to_owned();
    E164 as Text: |value| value.expose().to_owned();
    &E164 as Text: |value| value.expose().to_owned();
    Vec<u8> as Bytes: |value| value;
    &Vec<u8> as Bytes: |value| value.clone();
    &[u8] as Bytes: |value| value.to_vec();
}

impl<const N: usize> Bind for [u8; N] {
    const NULL: Arg = Arg::Bytes(None);
    fn bind(self) -> Arg {
        Arg::Bytes(Some(self.to_vec()))
    }
}

impl<const N: usize> Bind for &[u8; N] {
    const NULL: Arg = Arg::Bytes(None);
    fn bind(self) -> Arg {
        Arg::Bytes(Some(self.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_characters_are_refused_wherever_they_are() {
        let hostile = [
            args!["a\0b"],
            args![1, Some("\0")],
            args![Json(json!({"a": [1, {"b": "\0"}]}))],
            args![Json(json!({"\0": 1}))],
        ];
        for args in hostile {
            assert!(args.checked().is_err());
        }
        assert!(
            args![None::<&str>, "a", Json(json!(["b"]))]
                .checked()
                .is_ok()
        );
    }

    #[test]
    fn printing_values_shows_none() {
        let printed = format!("{:?}", args!["+972501234567", 7, None::<Uuid>]);
        assert_eq!(printed, "Args([text, integer, id])");
    }
}
