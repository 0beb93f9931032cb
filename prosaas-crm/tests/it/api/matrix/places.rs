//! Every place of a request's body that takes an id, found in its type.

use serde_json::{Value, json};

use super::operation::{Operation, prefix};
use super::world::Things;
use crate::api::document::resolve;

/// A body with an id in one place.
#[derive(Debug)]
pub(super) struct Placed {
    /// Where: a JSON pointer, and whether it stands behind an id of our own.
    pub(super) place: String,
    /// With our own thing there: what the request is when nothing is wrong with it.
    pub(super) own: Value,
    /// With another business's thing there, and nothing else of theirs.
    pub(super) foreign: Value,
}

/// The bodies of an operation, one for each place of its type that takes an id; lists of ids twice, with
/// the foreign one alone and behind our own.
pub(super) fn of(
    operation: &Operation,
    document: &Value,
    own: &Things,
    theirs: &Things,
) -> Vec<Placed> {
    let mut places = Places {
        document,
        own,
        theirs,
        found: Vec::new(),
    };
    if let Some(body) = operation.body(own) {
        places.walk(operation.schema(), &body, "");
    }
    places.found
}

/// The prefix of the ids that a field takes. Some also take a word and are texts in the document.
pub(super) fn prefix_of<'d>(document: &'d Value, schema: &'d Value, name: &str) -> Option<&'d str> {
    if let Some(prefix) = prefix(document, schema) {
        return Some(prefix);
    }
    match name {
        "assignee_id" | "actor_id" => Some("user"),
        "entity_id" => Some("lead"),
        _ => None,
    }
}

struct Places<'a> {
    document: &'a Value,
    own: &'a Things,
    theirs: &'a Things,
    found: Vec<Placed>,
}

impl Places<'_> {
    fn walk(&mut self, schema: &Value, body: &Value, at: &str) {
        let schema = resolve(self.document, schema);
        let name = at.rsplit('/').next().unwrap_or_default();
        if let Some(prefix) = prefix_of(self.document, schema, name) {
            return self.note(at, body, prefix, false);
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            self.walk(field, body, &format!("{at}/{name}"));
        }
        if schema["items"].is_object() {
            self.walk_items(&schema["items"], body, at);
        }
        for key in ["oneOf", "anyOf"] {
            for option in schema[key].as_array().into_iter().flatten() {
                let option = resolve(self.document, option);
                let mut body = body.clone();
                if option["properties"].is_object() && !at.is_empty() {
                    put(&mut body, at, self.sample(option));
                }
                self.walk(option, &body, at);
            }
        }
    }

    fn walk_items(&mut self, items: &Value, body: &Value, at: &str) {
        if let Some(prefix) = prefix(self.document, items) {
            return self.note(at, body, prefix, true);
        }
        let mut body = body.clone();
        if body.pointer(&format!("{at}/0")).is_none() {
            let sample = self.sample(resolve(self.document, items));
            put(&mut body, at, json!([sample]));
        }
        self.walk(items, &body, &format!("{at}/0"));
    }

    fn note(&mut self, at: &str, body: &Value, prefix: &str, is_list: bool) {
        let [Some(own), Some(theirs)] = [self.own, self.theirs].map(|things| things.get(prefix))
        else {
            return;
        };
        let with = |value: Value| {
            let mut body = body.clone();
            put(&mut body, at, value);
            body
        };
        let mut note = |place: String, own: Value, foreign: Value| {
            self.found.push(Placed {
                place,
                own: with(own),
                foreign: with(foreign),
            });
        };
        let (own, theirs) = (&own.id, &theirs.id);
        if is_list {
            note(format!("{at}/0"), json!([own]), json!([theirs]));
            note(format!("{at}/1"), json!([own]), json!([own, theirs]));
        } else {
            note(at.to_owned(), json!(own), json!(theirs));
        }
    }

    /// What the type demands, and nothing more.
    fn sample(&self, schema: &Value) -> Value {
        let schema = resolve(self.document, schema);
        for given in [&schema["const"], &schema["enum"][0], &schema["example"]] {
            if !given.is_null() {
                return given.clone();
            }
        }
        if let Some(prefix) = prefix(self.document, schema) {
            return self
                .own
                .get(prefix)
                .map_or(Value::Null, |own| json!(own.id));
        }
        if let Some(fields) = schema["properties"].as_object() {
            let required = schema["required"].as_array().into_iter().flatten();
            let required = required.filter_map(Value::as_str);
            return required
                .map(|name| (name.to_owned(), self.sample(&fields[name])))
                .collect();
        }
        match schema["type"].as_str() {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("string") => json!("x"),
            _ => Value::Null,
        }
    }
}

/// Sets what stands at a pointer; objects on the way there are made.
fn put(body: &mut Value, at: &str, value: Value) {
    let mut place = body;
    for part in at.split('/').skip(1) {
        place = match place {
            Value::Array(values) => &mut values[part.parse::<usize>().unwrap()],
            other => {
                if !other.is_object() {
                    *other = json!({});
                }
                &mut other[part]
            }
        };
    }
    *place = value;
}

#[test]
fn an_id_is_put_where_nothing_was() {
    let mut body = json!({ "lead_ids": ["a"], "action": null });
    put(&mut body, "/action/tag_id", json!("t"));
    put(&mut body, "/lead_ids/0", json!("b"));
    assert_eq!(
        body,
        json!({ "lead_ids": ["b"], "action": { "tag_id": "t" } })
    );
}
