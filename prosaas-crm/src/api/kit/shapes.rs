//! Mends of schemas that utoipa cannot say itself: what is true of JSON as we write it.

use serde_json::{Map, Value, json};

/// A field of a patch that is left out keeps what is stored: it has no default, and `null` would say
/// "clear it", or nothing that its type allows.
pub(super) fn without_null_defaults(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            fields.values_mut().for_each(without_null_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null_defaults),
        _ => {}
    }
}

/// `#[serde(flatten)]` is one object to whoever reads it. As `allOf` it would also have to satisfy each
/// part for itself, which a part that denies unknown fields makes impossible.
pub(super) fn flatten(schemas: &mut Value) {
    let whole = schemas.clone();
    flatten_in(schemas, &whole);
}

/// `value` and what it holds: a type may be written out where it is used, such as in a list.
fn flatten_in(value: &mut Value, whole: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(parts)) = fields.remove("allOf") {
                let (properties, required) = merged(&parts, whole);
                fields.insert("type".to_owned(), json!("object"));
                fields.insert("properties".to_owned(), Value::Object(properties));
                fields.insert("required".to_owned(), Value::Array(required));
            }
            fields
                .values_mut()
                .for_each(|field| flatten_in(field, whole));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| flatten_in(item, whole)),
        _ => {}
    }
}

/// The properties of all parts, and which of them must be there.
fn merged(parts: &[Value], whole: &Value) -> (Map<String, Value>, Vec<Value>) {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let part = reference(part).map_or(part, |name| &whole[name]);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    (properties, required)
}

/// `deny_unknown_fields` counts for the cases of a tagged enum as well; the derive does not say so.
pub(super) fn close_cases(schemas: &mut Value) {
    let schemas = schemas
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut);
    for case in schemas
        .filter_map(|schema| schema.get_mut("oneOf")?.as_array_mut())
        .flatten()
    {
        if case["properties"].is_object() {
            case["additionalProperties"] = json!(false);
        }
    }
}

/// The name of the schema that this one refers to.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"]
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flattened_type_is_one_object() {
        let mut schemas = json!({
            "New": { "type": "object", "additionalProperties": false, "required": ["date"],
                     "properties": { "date": { "type": "string" } } },
            "Day": { "description": "A day.", "allOf": [
                { "$ref": "#/components/schemas/New" },
                { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
            ] },
            "Days": { "type": "array", "items": { "description": "A day.", "allOf": [
                { "$ref": "#/components/schemas/New" },
                { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
            ] } },
        });
        flatten(&mut schemas);
        let day = json!({ "type": "object", "description": "A day.", "required": ["date", "id"],
            "properties": { "date": { "type": "string" }, "id": { "type": "string" } } });
        assert_eq!(schemas["Day"], day);
        assert_eq!(schemas["Days"]["items"], day);
        assert_eq!(schemas["New"]["additionalProperties"], false);
    }

    #[test]
    fn cases_of_an_enum_are_closed() {
        let case = json!({ "type": "object", "properties": { "kind": { "enum": ["a"] } } });
        let mut schemas = json!({ "Action": { "oneOf": [case, { "type": "null" }] } });
        close_cases(&mut schemas);
        assert_eq!(schemas["Action"]["oneOf"][0]["additionalProperties"], false);
        assert!(schemas["Action"]["oneOf"][1]["additionalProperties"].is_null());
    }

    #[test]
    fn null_is_no_default() {
        let mut schema =
            json!({ "a": [{ "default": null, "type": "string" }], "b": { "default": 5 } });
        without_null_defaults(&mut schema);
        assert_eq!(
            schema,
            json!({ "a": [{ "type": "string" }], "b": { "default": 5 } })
        );
    }
}
