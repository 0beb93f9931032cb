//! Enums that are stored and sent as words.

/// Declares an enum of words: `words! { /** doc */ TaskStatus, "status": /** doc */ Open = "open" }`.
///
/// The text after the name is the field that an error names. The word is the same in the database, in
/// JSON and in a query string.
macro_rules! words {
    (
        $(#[$doc:meta])* $name:ident, $field:literal:
        $($(#[$case_doc:meta])* $case:ident = $word:literal),+ $(,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$case_doc])* #[serde(rename = $word)] $case,)+
        }

        impl $name {
            /// Every case.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$case),+];

            /// The word stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word,)+ }
            }
        }

        // By hand: utoipa's derive does not see a word that a macro passes on. The trait is hidden, but
        // lists of the type need it.
        #[cfg(feature = "axum")]
        impl utoipa::__dev::ComposeSchema for $name {
            fn compose(
                _: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
            ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::SchemaType::Type(
                        utoipa::openapi::schema::Type::String,
                    ))
                    .enum_values(Some(Self::ALL.map(Self::as_str)))
                    .into()
            }
        }

        #[cfg(feature = "axum")]
        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = prosaas_core::Error;
            fn from_str(text: &str) -> std::result::Result<Self, prosaas_core::Error> {
                Self::ALL.into_iter().find(|case| case.as_str() == text).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|case| case.as_str()).collect();
                    let expected = format!("expected one of `{}`", words.join("`, `"));
                    prosaas_core::Error::invalid($field, expected)
                })
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use colours::Colour;

    #[expect(unreachable_pub, reason = "the macro is for public types")]
    mod colours {
        words! {
            /// A colour.
            Colour, "colour":
            /// Red.
            Red = "red",
            /// Dark green.
            DarkGreen = "dark_green",
        }
    }

    #[test]
    fn a_word_is_the_same_everywhere() {
        for colour in Colour::ALL {
            assert_eq!(colour.as_str().parse::<Colour>().unwrap(), colour);
            let json = serde_json::to_string(&colour).unwrap();
            assert_eq!(json, format!("\"{colour}\""));
            assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), colour);
        }
        let error = "Red".parse::<Colour>().unwrap_err().to_string();
        assert_eq!(
            error,
            "colour is not valid: expected one of `red`, `dark_green`"
        );
    }

    #[cfg(feature = "axum")]
    #[test]
    fn the_document_lists_the_words() {
        use utoipa::PartialSchema as _;
        let schema = serde_json::to_value(Colour::schema()).unwrap();
        assert_eq!(schema["enum"], serde_json::json!(["red", "dark_green"]));
    }
}
