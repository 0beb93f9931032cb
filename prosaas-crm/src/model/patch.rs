//! The fields of a JSON merge patch (RFC 7396): absent, null and a value are three different wishes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use prosaas_core::{Error, Result};

/// What a merge patch says about a field that may be empty.
///
/// The field of the struct carries `#[serde(default)]`: an absent field is [`Patch::Keep`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not mentioned: it stays what it is.
    #[default]
    Keep,
    /// `null`: it becomes empty.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patch<T> {
    /// What the field is after the patch.
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether the field is mentioned.
    pub const fn is_change(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// The same wish with another value, such as a parsed one.
    ///
    /// # Errors
    /// Those of `convert`.
    pub fn try_map<U>(self, convert: impl FnOnce(T) -> Result<U>) -> Result<Patch<U>> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)?),
        })
    }

    /// The same wish with another value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(convert(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => serializer.serialize_some(value),
        }
    }
}

/// What a merge patch says about a field that always has a value: `null` is refused.
///
/// The field of the struct carries `#[serde(default)]`: an absent field keeps the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replace<T>(pub Option<T>);

impl<T> Default for Replace<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Replace<T> {
    /// What the field is after the patch.
    pub fn apply(self, current: T) -> T {
        self.0.unwrap_or(current)
    }

    /// Whether the field is mentioned.
    pub const fn is_change(&self) -> bool {
        self.0.is_some()
    }
}

impl<T> From<Option<T>> for Replace<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Replace<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

impl<T: Serialize> Serialize for Replace<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Refuses a patch that changes nothing: it is a client's mistake, never a wish.
///
/// # Errors
/// `Invalid` when no field is mentioned.
pub fn require_change(changes: &[bool]) -> Result<()> {
    if changes.contains(&true) {
        return Ok(());
    }
    Err(Error::invalid(
        "body",
        "expected at least one field to change",
    ))
}

#[cfg(feature = "axum")]
mod schema {
    use std::borrow::Cow;

    use utoipa::ToSchema;
    // Hidden, but the only way to a generic schema beside its derive, which cannot say these two.
    use utoipa::__dev::ComposeSchema;
    use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
    use utoipa::openapi::{RefOr, Schema};

    use super::{Patch, Replace};

    type Schemas = Vec<(String, RefOr<Schema>)>;

    fn inner<T: ToSchema>(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        generics.into_iter().next().unwrap_or_else(T::schema)
    }

    impl<T: ToSchema> ComposeSchema for Patch<T> {
        fn compose(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
            let null = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null));
            OneOfBuilder::new()
                .item(null)
                .item(inner::<T>(generics))
                .into()
        }
    }

    impl<T: ToSchema> ToSchema for Patch<T> {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("Patch")
        }

        fn schemas(schemas: &mut Schemas) {
            T::schemas(schemas);
        }
    }

    impl<T: ToSchema> ComposeSchema for Replace<T> {
        fn compose(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
            inner::<T>(generics)
        }
    }

    impl<T: ToSchema> ToSchema for Replace<T> {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed("Replace")
        }

        fn schemas(schemas: &mut Schemas) {
            T::schemas(schemas);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
    #[serde(deny_unknown_fields)]
    struct LeadPatch {
        #[serde(default)]
        company: Patch<String>,
        #[serde(default)]
        name: Replace<String>,
    }

    fn parse(text: &str) -> serde_json::Result<LeadPatch> {
        serde_json::from_str(text)
    }

    #[test]
    fn absent_null_and_a_value_differ() {
        let absent = parse("{}").unwrap();
        assert_eq!(absent.company, Patch::Keep);
        assert_eq!(absent.name, Replace(None));
        assert!(!absent.company.is_change() && !absent.name.is_change());
        assert_eq!(parse(r#"{"company":null}"#).unwrap().company, Patch::Clear);
        let set = parse(r#"{"company":"Acme","name":"Dana"}"#).unwrap();
        assert_eq!(set.company.apply(Some("Old".to_owned())).unwrap(), "Acme");
        assert_eq!(set.name.apply("Old".to_owned()), "Dana");
    }

    #[test]
    fn a_field_that_must_have_a_value_refuses_null() {
        assert!(parse(r#"{"name":null}"#).is_err());
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_document_tells_them_apart() {
        use utoipa::{PartialSchema as _, ToSchema as _};
        let mut parts = Vec::new();
        LeadPatch::schemas(&mut parts);
        let parts = serde_json::to_value(parts).unwrap();
        assert_eq!(parts[0][1]["oneOf"][0]["type"], "null");
        assert_eq!(parts[1][1]["type"], "string");
        let whole = serde_json::to_value(LeadPatch::schema()).unwrap();
        assert!(whole.get("required").is_none());
    }

    #[test]
    fn a_patch_changes_something() {
        assert!(require_change(&[false, false]).is_err());
        assert!(require_change(&[false, true]).is_ok());
        assert_eq!(Patch::Clear.apply(Some(1)), None);
        assert_eq!(Patch::Keep.apply(Some(1)), Some(1));
    }
}
