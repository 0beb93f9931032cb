//! How ids and phone numbers look in an OpenAPI document.

use std::borrow::Cow;

use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::id::{AccountSid, CallSid, RecordingSid, StreamSid};
use crate::phone::E164;

fn text(pattern: String, example: String) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .pattern(Some(pattern))
        .examples([example])
        .build()
}

/// The schema of an id with this prefix; [`typed_id!`](crate::typed_id) uses it.
pub fn id_schema(prefix: &str) -> RefOr<Schema> {
    let digits = "0197e4c2a0007000800000000000a0b1";
    text(
        format!("^{prefix}_[0-9a-f]{{32}}$"),
        format!("{prefix}_{digits}"),
    )
    .into()
}

macro_rules! text_schema {
    ($name:ident, $pattern:expr, $example:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($pattern.to_owned(), $example.to_owned()).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

text_schema!(E164, r"^\+[1-9][0-9]{6,14}$", "+972501234567");
text_schema!(
    CallSid,
    "^CA[0-9a-f]{32}$",
    "CA00000000000000000000000000000001"
);
text_schema!(
    AccountSid,
    "^AC[0-9a-f]{32}$",
    "AC00000000000000000000000000000001"
);
text_schema!(
    StreamSid,
    "^MZ[0-9a-f]{32}$",
    "MZ00000000000000000000000000000001"
);
text_schema!(
    RecordingSid,
    "^RE[0-9a-f]{32}$",
    "RE00000000000000000000000000000001"
);
