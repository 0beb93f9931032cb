//! The OpenAPI document: what is committed is what is served, and it says enough to be used.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use prosaas_crm::api;
use prosaas_crm::auth::{Permission, Role};
use serde_json::Value;

/// Method, path and what the document says of each operation.
pub(crate) fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().unwrap();
            item.iter()
                .map(|(method, operation)| (method.clone(), path.clone(), operation.clone()))
        })
        .collect()
}

/// Follows a reference into the document, if it is one.
pub(crate) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let committed = std::fs::read_to_string(root.join("docs/openapi.json")).unwrap_or_default();
    let served = format!("{:#}\n", api::document());
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    std::fs::write(&here, &served).unwrap();
    assert!(
        committed == served,
        "docs/openapi.json is stale: run `cargo xtask openapi`, or copy {}, and commit it",
        here.display()
    );
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value, lost: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str)
                    && document
                        .pointer(reference.trim_start_matches('#'))
                        .is_none()
                {
                    lost.insert(reference.to_owned());
                }
                fields
                    .values()
                    .for_each(|value| walk(document, value, lost));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(document, value, lost)),
            _ => {}
        }
    }
    let document = api::document();
    let mut lost = BTreeSet::new();
    walk(&document, &document, &mut lost);
    // Query parameters do not bring their schemas along.
    assert!(
        lost.is_empty(),
        "say `#[param(inline)]` at the field: {lost:?}"
    );
}

#[test]
fn every_operation_says_enough() {
    let document = api::document();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "`{id}` is there twice");
        let needs = operation["x-needs"].as_str();
        assert!(needs.is_some(), "{id}: no row of permissions");
        assert_eq!(
            needs == Some("tenant"),
            operation["x-permission"].is_string(),
            "{id}: its row and its permission"
        );
        assert!(operation["tags"][0].is_string(), "{id}: no tag");
        assert!(operation["summary"].is_string(), "{id}: no doc comment");
        for (status, response) in operation["responses"].as_object().unwrap() {
            let response = resolve(&document, response);
            assert!(
                response["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{id}: {status} has no description"
            );
        }
        assert_parameters(id, &path, &operation);
        if method == "get" {
            assert!(
                operation["requestBody"].is_null(),
                "{id}: a GET with a body"
            );
        }
        assert_example(&document, id, &operation);
    }
}

fn assert_parameters(id: &str, path: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().unwrap();
    let said: BTreeSet<&str> = parameters
        .iter()
        .filter(|parameter| parameter["in"] == "path")
        .filter_map(|parameter| parameter["name"].as_str())
        .collect();
    let needed: BTreeSet<&str> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    assert_eq!(said, needed, "{id}: path parameters");
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap();
        assert!(
            parameter["description"].is_string(),
            "{id}: {name} is not described"
        );
        assert!(
            !["business_id", "tenant_id", "business", "tenant"].contains(&name)
                || parameter["in"] == "path",
            "{id}: the business is not a parameter"
        );
    }
}

/// What may hold fields that no type names: whoever set the business up named them, or a browser did.
const FREE: [&str; 4] = [
    "#/components/schemas/CreateLead/custom",
    "#/components/schemas/UpdateLead/custom",
    "#/components/schemas/NewPasskey/credential",
    "#/components/schemas/PasskeyLogin/credential",
];

#[test]
fn no_object_in_a_body_takes_unknown_fields() {
    fn walk(
        document: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
        open: &mut BTreeSet<String>,
    ) {
        if let Some(name) = value["$ref"].as_str() {
            if seen.insert(name.to_owned()) {
                walk(document, resolve(document, value), name, seen, open);
            }
            return;
        }
        let is_object = value["type"] == "object" || value["properties"].is_object();
        if is_object && value["additionalProperties"] != false && !FREE.contains(&at) {
            open.insert(at.to_owned());
        }
        for (name, field) in value["properties"].as_object().into_iter().flatten() {
            walk(document, field, &format!("{at}/{name}"), seen, open);
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            for option in value[key].as_array().into_iter().flatten() {
                walk(document, option, at, seen, open);
            }
        }
        walk_items(document, value, at, seen, open);
    }
    fn walk_items(
        document: &Value,
        value: &Value,
        at: &str,
        seen: &mut BTreeSet<String>,
        open: &mut BTreeSet<String>,
    ) {
        if value["items"].is_object() {
            walk(document, &value["items"], at, seen, open);
        }
    }
    let document = api::document();
    let (mut seen, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (_, _, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let id = operation["operationId"].as_str().unwrap();
        walk(&document, schema, id, &mut seen, &mut open);
    }
    assert!(open.is_empty(), "these take unknown fields: {open:#?}");
}

/// A JSON body shows an example: people read it, the matrix and schemathesis send it.
fn assert_example(document: &Value, id: &str, operation: &Value) {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return;
    }
    let resolved = resolve(document, schema);
    let has_one = !resolved["example"].is_null() || !resolved["examples"].is_null();
    assert!(has_one, "{id}: its body has no example");
    assert!(
        resolved["additionalProperties"] == false || resolved["oneOf"].is_array(),
        "{id}: its body takes unknown fields"
    );
}

/// Who may call what: every operation with every role, as the guard decides it.
#[test]
fn the_committed_table_of_permissions_is_the_one_that_is_enforced() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let committed = std::fs::read_to_string(root.join("docs/PERMISSIONS.md")).unwrap_or_default();
    let enforced = permissions(&api::document());
    let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("PERMISSIONS.md");
    std::fs::write(&here, &enforced).unwrap();
    assert!(
        committed == enforced,
        "docs/PERMISSIONS.md is stale: copy {} and commit it",
        here.display()
    );
}

fn permissions(document: &Value) -> String {
    const ROLES: [Role; 4] = [Role::Viewer, Role::Agent, Role::Manager, Role::Owner];
    let mut table = "# Who may call what\n\n\
        From the table that the API enforces; a test compares the two. An API key may do what its scopes \
        say, but nothing to members or keys; an acting administrator what an owner may, except members, \
        keys, purging and what leaves the house about a person.\n\n\
        | Operation | Request | Needs | viewer | agent | manager | owner | administrator |\n\
        |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (method, path, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap();
        let permission = operation["x-permission"].as_str();
        let needs = operation["x-needs"].as_str().unwrap();
        let mark = |may: bool| if may { "yes" } else { "" };
        let roles = ROLES.map(|role| match permission {
            Some(permission) => {
                let permission: Permission = permission.parse().unwrap();
                mark(role.permissions().contains(permission))
            }
            None => mark(needs != "system"),
        });
        let [viewer, agent, manager, owner] = roles;
        let admin = mark(permission.is_none());
        let (method, needs) = (method.to_uppercase(), permission.unwrap_or(needs));
        writeln!(
            table,
            "| `{id}` | {method} `{path}` | {needs} | {viewer} | {agent} | {manager} | {owner} | {admin} |"
        )
        .unwrap();
    }
    table
}
