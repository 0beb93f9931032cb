//! An operation as the document describes it, and how a request for it is made.

use axum::http::Method;
use prosaas_crm::auth::Permission;
use serde_json::{Value, json};

use super::cast::Actor;
use super::places;
use super::recipes::{self, Recipe};
use super::world::{Thing, Things};
use crate::api::document::{operations, resolve};
use crate::api::support::Ask;

/// Who may call an operation, as the document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Public,
    Session,
    Tenant(Permission),
    System,
}

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) needs: Needs,
    pub(super) wants_version: bool,
    pub(super) has_json_body: bool,
    pub(super) recipe: Recipe,
    parameters: Vec<Value>,
    schema: Value,
}

impl Operation {
    pub(super) fn all(document: &Value) -> Vec<Self> {
        operations(document)
            .into_iter()
            .map(|(method, path, operation)| Self::of(document, &method, path, &operation))
            .collect()
    }

    fn of(document: &Value, method: &str, path: String, operation: &Value) -> Self {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        let permission = || operation["x-permission"].as_str().unwrap().parse().unwrap();
        let needs = match operation["x-needs"].as_str() {
            Some("public") => Needs::Public,
            Some("session") => Needs::Session,
            Some("tenant") => Needs::Tenant(permission()),
            Some("system") => Needs::System,
            _ => panic!("`{id}` has no row of permissions"),
        };
        let parameters = operation["parameters"].as_array().unwrap().clone();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        Self {
            method: method.to_uppercase().parse().unwrap(),
            path,
            needs,
            wants_version: parameters
                .iter()
                .any(|parameter| parameter["name"] == "If-Match"),
            has_json_body: !schema.is_null(),
            recipe: recipes::of(&id),
            parameters,
            schema: resolve(document, schema).clone(),
            id,
        }
    }

    /// Who does it where nothing else is the question.
    pub(super) fn usual_actor(&self) -> Actor {
        match self.needs {
            Needs::System => Actor::SystemAdmin,
            _ => Actor::Owner,
        }
    }

    pub(super) fn is_unsafe(&self) -> bool {
        self.method != Method::GET
    }

    /// The prefixes of the ids in the path, by the parameter's name.
    pub(super) fn path_ids<'a>(
        &'a self,
        document: &'a Value,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| {
                let prefix = prefix(document, &parameter["schema"])?;
                Some((parameter["name"].as_str()?, prefix))
            })
    }

    /// The query parameters that are ids.
    pub(super) fn query_ids<'a>(&'a self, document: &'a Value) -> Vec<(&'a str, &'a str)> {
        self.parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| {
                let name = parameter["name"].as_str()?;
                let prefix = places::prefix_of(document, &parameter["schema"], name)?;
                Some((name, prefix))
            })
            .collect()
    }

    pub(super) fn has_parameter(&self, name: &str) -> bool {
        let mut names = self.parameters.iter().map(|parameter| &parameter["name"]);
        names.any(|known| known == name)
    }

    /// The type of the body.
    pub(super) const fn schema(&self) -> &Value {
        &self.schema
    }

    /// The thing that the path names last.
    pub(super) fn named_thing<'t>(
        &self,
        document: &Value,
        things: &'t Things,
    ) -> Option<&'t Thing> {
        let (_, prefix) = self.path_ids(document).last()?;
        things.get(prefix)
    }

    pub(super) fn uri(&self, document: &Value, things: &Things) -> String {
        let mut uri = self.path.clone();
        for (name, prefix) in self.path_ids(document) {
            if let Some(thing) = things.get(prefix) {
                uri = uri.replace(&format!("{{{name}}}"), &thing.id);
            }
        }
        for (name, value) in self.recipe.path {
            uri = uri.replace(&format!("{{{name}}}"), value);
        }
        let mut query = self.recipe.query.to_owned();
        for (prefix, thing) in things {
            query = query.replace(&format!("{{{prefix}}}"), &thing.id);
        }
        uri + &query
    }

    /// What is missing for a request, if something is.
    pub(super) fn gap(&self, document: &Value, things: &Things) -> Option<String> {
        let uri = self.uri(document, things);
        if uri.contains('{') {
            return Some(format!("{}: {uri} needs a source or a recipe", self.id));
        }
        let shown = [&self.schema["example"], &self.schema["examples"]];
        let has_body = self.recipe.body.is_some() || shown.iter().any(|value| !value.is_null());
        (self.has_json_body && !has_body).then(|| format!("{}: its body shows no example", self.id))
    }

    /// The body that the document shows, about these things.
    pub(super) fn body(&self, things: &Things) -> Option<Value> {
        if !self.has_json_body {
            return None;
        }
        let shown = [&self.schema["example"], &self.schema["examples"][0]];
        let shown = shown.into_iter().find(|value| !value.is_null());
        let mut body = self.recipe.body.map_or_else(
            || {
                shown
                    .unwrap_or_else(|| panic!("`{}` shows no body", self.id))
                    .clone()
            },
            |body| serde_json::from_str(body).unwrap(),
        );
        name_things(&mut body, things);
        Some(body)
    }

    /// The body with one more object of its type in it, filled or not: where that stands, and which fields
    /// it may have. As deep as two levels below the top.
    pub(super) fn inner_objects(
        &self,
        document: &Value,
        body: &Value,
    ) -> Vec<(Value, String, Vec<String>)> {
        let mut found = Vec::new();
        grow(document, &self.schema, (body, String::new()), &mut found);
        found
    }

    /// Whether the body's type has this field.
    pub(super) fn has_field(&self, document: &Value, name: &str) -> bool {
        let schema = resolve(document, &self.schema);
        let options = schema["oneOf"].as_array().into_iter().flatten();
        let options = options.map(|option| resolve(document, option));
        std::iter::once(schema)
            .chain(options)
            .any(|schema| !schema["properties"][name].is_null())
    }

    pub(super) fn ask(&self, document: &Value, path: &Things, body: &Things) -> Ask {
        let ask = Ask::new(self.method.clone(), self.uri(document, path));
        match (self.body(body), self.recipe.content) {
            (_, Some((kind, text))) => ask.text(kind, text),
            (Some(body), None) => ask.json(&body),
            (None, None) => ask,
        }
    }
}

fn grow(
    document: &Value,
    schema: &Value,
    (body, at): (&Value, String),
    found: &mut Vec<(Value, String, Vec<String>)>,
) {
    let fields = schema["properties"].as_object().into_iter().flatten();
    for (name, field) in fields {
        let Some((inner, is_list)) = object_of(document, field) else {
            continue;
        };
        let mut body = body.clone();
        let parent = body.pointer_mut(&at).unwrap().as_object_mut().unwrap();
        let place = parent.entry(name.clone()).or_insert(Value::Null);
        let first = if is_list { &place[0] } else { &*place };
        let filled = if first.is_object() {
            first.clone()
        } else {
            json!({})
        };
        *place = if is_list { json!([filled]) } else { filled };
        let here = format!("{at}/{name}{}", if is_list { "/0" } else { "" });
        let known = inner["properties"].as_object().unwrap().keys().cloned();
        found.push((body.clone(), here.clone(), known.collect()));
        if here.matches('/').count() < 4 {
            grow(document, inner, (&body, here), found);
        }
    }
}

/// The type of the objects that a field holds, alone or as a list.
fn object_of<'d>(document: &'d Value, field: &'d Value) -> Option<(&'d Value, bool)> {
    let plain = resolve(document, field);
    let options = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| plain[key].as_array())
        .flatten()
        .map(|option| resolve(document, option));
    std::iter::once(plain).chain(options).find_map(|schema| {
        let items = resolve(document, &schema["items"]);
        let is_object = |schema: &Value| schema["properties"].is_object();
        if is_object(schema) {
            return Some((schema, false));
        }
        is_object(items).then_some((items, true))
    })
}

/// The prefix that an id's pattern demands.
pub(super) fn prefix<'d>(document: &'d Value, schema: &'d Value) -> Option<&'d str> {
    let plain = resolve(document, schema);
    let options = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| plain[key].as_array())
        .flatten();
    let options = options.map(|option| resolve(document, option));
    std::iter::once(plain).chain(options).find_map(|schema| {
        let pattern = schema["pattern"].as_str()?.strip_prefix('^')?;
        // Ours have an underscore between the prefix and the digits, the carrier's have none.
        let prefix = pattern.strip_suffix("[0-9a-f]{32}$")?;
        Some(prefix.trim_end_matches('_'))
    })
}

/// Puts the things' ids where the example has ids of their kind.
fn name_things(value: &mut Value, things: &Things) {
    match value {
        Value::String(text) => {
            let Some((prefix, digits)) = text.rsplit_once('_') else {
                return;
            };
            let is_id = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            // A second thing of a kind stands in every business under one id.
            let is_second = digits == "f".repeat(32);
            if let Some(thing) = things.get(prefix).filter(|_| is_id && !is_second) {
                text.clone_from(&thing.id);
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| name_things(value, things)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| name_things(value, things)),
        _ => {}
    }
}
