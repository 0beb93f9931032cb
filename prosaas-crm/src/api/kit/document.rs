//! The OpenAPI document: what the handlers say of themselves, completed by what the kit does for all.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema as _};

use super::problem::{FieldError, PROBLEM_JSON, ProblemBody};
use super::routes::{Needs, Row, Rows};
use super::{links, shapes};

/// Completes a document.
pub(super) fn complete(api: &OpenApi, rows: &Rows) -> Value {
    let mut document = json!(api);
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "ProSaaS",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "The CRM behind the phone.",
        "description": DESCRIPTION,
        "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/", "description": "This installation." }]);
    document["security"] = json!([]);
    let mut schemas = document["components"]["schemas"].take();
    if !schemas.is_object() {
        schemas = json!({});
    }
    schemas["Problem"] = json!(ProblemBody::schema());
    schemas["FieldError"] = json!(FieldError::schema());
    shapes::flatten(&mut schemas);
    shapes::close_cases(&mut schemas);
    let mut tags = BTreeSet::new();
    if let Some(paths) = document["paths"].as_object_mut() {
        for item in paths.values_mut().filter_map(Value::as_object_mut) {
            for (method, operation) in item.iter_mut() {
                let id = operation["operationId"].as_str().unwrap_or_default();
                let Some((row, tag)) = rows.get(id) else {
                    continue;
                };
                tags.insert(*tag);
                finish_operation(operation, method, *row, tag, &schemas);
            }
        }
    }
    links::add(&mut document["paths"], &schemas);
    document["tags"] = tags.iter().map(|tag| json!({ "name": tag })).collect();
    document["components"] = json!({
        "schemas": schemas,
        "securitySchemes": security_schemes(),
        "responses": problem_responses(),
    });
    shapes::without_null_defaults(&mut document);
    document
}

const DESCRIPTION: &str = "\
Every answer is about the business of the session or API key; no request names one.\n\n\
Errors are RFC 9457 problems with a stable `code`. Lists go on at `page.next`. What can change has an \
`ETag`, and PATCH, PUT and DELETE want it back as `If-Match`. A POST with an `Idempotency-Key` can be sent \
again for 24 hours without being done twice.\n\n\
A browser's session cookie needs the header `X-ProSaaS-Request` on everything but GET.";

fn finish_operation(
    operation: &mut Value,
    method: &str,
    row: Row,
    tag: &'static str,
    schemas: &Value,
) {
    operation["tags"] = json!([tag]);
    operation["x-needs"] = json!(match row.needs {
        Needs::Public => "public",
        Needs::Session => "session",
        Needs::Tenant(_) => "tenant",
        Needs::System => "system",
    });
    if let Needs::Tenant(permission) = row.needs {
        operation["x-permission"] = json!(permission.as_str());
    }
    operation["security"] = match row.needs {
        Needs::Public => json!([]),
        Needs::Session | Needs::System => json!([{ "session": [] }]),
        Needs::Tenant(_) => json!([{ "session": [] }, { "apiKey": [] }]),
    };
    let http_method = method.to_uppercase().parse().unwrap_or_default();
    let versioned = row.demands_version(&http_method);
    let parameters = &mut operation["parameters"];
    if !parameters.is_array() {
        *parameters = json!([]);
    }
    if let Some(parameters) = parameters.as_array_mut() {
        if versioned {
            parameters.push(header_parameter(
                "If-Match",
                true,
                "The `ETag` that was read.",
                "^\"[0-9]+\"$",
                "\"1\"",
            ));
        }
        if takes_idempotency_key(method, row) {
            parameters.push(header_parameter(
                "Idempotency-Key",
                false,
                "A fresh word of yours: the same request with it is done once.",
                "^[A-Za-z0-9_-]{1,64}$",
                "order-4711",
            ));
        }
    }
    let has_body = !operation["requestBody"].is_null();
    if let Some(responses) = operation["responses"].as_object_mut() {
        for (status, response) in responses.iter_mut() {
            add_headers(status, response, schemas);
            if status.starts_with(['4', '5']) {
                // A refusal that the handler names itself has the body of all of them.
                response["content"] = problem_content();
            }
        }
        for status in refusals(method, row, has_body, versioned) {
            responses
                .entry(status)
                .or_insert_with(|| json!({ "$ref": format!("#/components/responses/{status}") }));
        }
    }
}

/// Whether the kit replays answers of this operation.
fn takes_idempotency_key(method: &str, row: Row) -> bool {
    method == "post" && !row.is_streaming() && row.needs != Needs::Public
}

fn header_parameter(
    name: &str,
    required: bool,
    description: &str,
    pattern: &str,
    example: &str,
) -> Value {
    json!({
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": { "type": "string", "pattern": pattern, "examples": [example] },
    })
}

/// `ETag` where the body has a version, `Location` where something was created.
fn add_headers(status: &str, response: &mut Value, schemas: &Value) {
    if !status.starts_with('2') {
        return;
    }
    let schema = &response["content"]["application/json"]["schema"];
    let has_version = shapes::reference(schema)
        .is_some_and(|name| !schemas[name]["properties"]["version"].is_null());
    let mut headers = Map::new();
    let header =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    if has_version {
        headers.insert("ETag".to_owned(), header("The version, for `If-Match`."));
    }
    if status == "201" {
        headers.insert(
            "Location".to_owned(),
            header("The path of what was created."),
        );
    }
    if !headers.is_empty() && response["headers"].is_null() {
        response["headers"] = Value::Object(headers);
    }
}

/// The refusals that an operation can answer with, whatever its handler does.
fn refusals(method: &str, row: Row, has_body: bool, versioned: bool) -> Vec<&'static str> {
    let mut statuses = vec!["400", "404", "429", "500", "503"];
    if row.needs != Needs::Public {
        statuses.extend(["401", "403"]);
    }
    if method != "get" {
        statuses.extend(["403", "409"]);
    }
    if versioned {
        statuses.extend(["412", "428"]);
    }
    if has_body {
        statuses.extend(["413", "415", "422"]);
    }
    if takes_idempotency_key(method, row) {
        statuses.extend(["413", "422"]);
    }
    statuses
}

fn problem_responses() -> Value {
    let responses = [
        ("400", "The request does not have the form it must have."),
        ("401", "Nobody is signed in."),
        ("403", "Whoever asks may not do this."),
        ("404", "There is no such thing for whoever asks."),
        ("409", "It contradicts what is stored; `code` says how."),
        ("412", "It was changed since it was read."),
        ("413", "The body is too large."),
        ("415", "The body is not JSON by its content type."),
        ("422", "The request is understood and cannot be done."),
        ("428", "`If-Match` is missing."),
        (
            "429",
            "Too many requests; `Retry-After` says how long to wait.",
        ),
        ("500", "An error on our side."),
        ("503", "Something we depend on does not answer; try again."),
    ];
    responses
        .into_iter()
        .map(|(status, description)| {
            let response = json!({ "description": description, "content": problem_content() });
            (status.to_owned(), response)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn problem_content() -> Value {
    json!({
        PROBLEM_JSON: { "schema": { "$ref": format!("#/components/schemas/{}", ProblemBody::name()) } },
    })
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-prosaas_session",
            "description": "The session of a signed-in user.",
        },
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, good for the rights it was made with.",
        },
    })
}
