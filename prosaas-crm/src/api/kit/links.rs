//! OpenAPI links: what can be done next with an answer. Whoever explores the API by its document, a person
//! or a tester, follows them.

use serde_json::{Map, Value, json};

use super::shapes::reference;

/// Methods that act on the thing that their path names.
const ON_A_THING: [&str; 4] = ["get", "patch", "put", "delete"];

/// Adds the links: from what was made to the thing, and from the thing that was read to its changes, with
/// the `ETag` that they ask for.
pub(super) fn add(paths: &mut Value, schemas: &Value) {
    let whole = paths.clone();
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        let made = made_under(&whole, path);
        if let (Some((id, thing)), Some(post)) = (made, item.get_mut("post"))
            && has_id(&post["responses"]["201"], schemas)
        {
            let known = [(id, "$response.body#/id".to_owned())];
            link(&mut post["responses"]["201"], path, thing, &known, "post");
        }
        // What opens a websocket has no such answer.
        if let Some(read) = item.pointer_mut("/get/responses/200") {
            link(read, path, &whole[path], &[], "get");
        }
    }
}

/// The path of the things of a collection: the parameter's name, and what can be done there.
fn made_under<'p>(paths: &'p Value, collection: &str) -> Option<(&'p str, &'p Value)> {
    paths.as_object()?.iter().find_map(|(path, item)| {
        let id = path
            .strip_prefix(collection)?
            .strip_prefix("/{")?
            .strip_suffix('}')?;
        (!id.contains('/')).then_some((id, item))
    })
}

fn has_id(response: &Value, schemas: &Value) -> bool {
    let schema = &response["content"]["application/json"]["schema"];
    reference(schema).is_some_and(|name| !schemas[name]["properties"]["id"].is_null())
}

/// Links a response to what can be done with a thing.
fn link(response: &mut Value, path: &str, thing: &Value, known: &[(&str, String)], from: &str) {
    let has_tag = !response["headers"]["ETag"].is_null();
    let mut links = Map::new();
    for method in ON_A_THING {
        let operation = &thing[method];
        let wants_tag = operation["parameters"]
            .as_array()
            .is_some_and(|all| all.iter().any(|parameter| parameter["name"] == "If-Match"));
        let Some(id) = operation["operationId"].as_str() else {
            continue;
        };
        if method == from || (wants_tag && !has_tag) || (from == "get" && !wants_tag) {
            continue;
        }
        let mut parameters = Map::new();
        for name in parameters_of(path) {
            parameters.insert(
                format!("path.{name}"),
                json!(format!("$request.path.{name}")),
            );
        }
        for (name, value) in known {
            parameters.insert(format!("path.{name}"), json!(value));
        }
        if wants_tag {
            parameters.insert("header.If-Match".to_owned(), json!("$response.header.ETag"));
        }
        links.insert(
            id.to_owned(),
            json!({ "operationId": id, "parameters": parameters }),
        );
    }
    if !links.is_empty() {
        response["links"] = Value::Object(links);
    }
}

fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_leads_to_itself_and_what_was_read_to_its_change() {
        let tagged = |schema: &str| {
            json!({ "headers": { "ETag": {} }, "content": { "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") } } } })
        };
        let mut paths = json!({
            "/api/a/{id}/notes": { "post": { "responses": { "201": tagged("Note") } } },
            "/api/a/{id}/notes/{note}": {
                "get": { "operationId": "get_note", "responses": { "200": tagged("Note") } },
                "patch": { "operationId": "update_note", "parameters": [{ "name": "If-Match" }] },
            },
            "/api/a/{id}/notes/{note}/restore": { "post": { "operationId": "restore_note" } },
        });
        let schemas = json!({ "Note": { "properties": { "id": {} } } });
        add(&mut paths, &schemas);
        let made = &paths["/api/a/{id}/notes"]["post"]["responses"]["201"]["links"];
        assert_eq!(
            made["get_note"]["parameters"]["path.note"],
            "$response.body#/id"
        );
        assert_eq!(
            made["get_note"]["parameters"]["path.id"],
            "$request.path.id"
        );
        assert_eq!(
            made["update_note"]["parameters"]["header.If-Match"],
            "$response.header.ETag"
        );
        let read = &paths["/api/a/{id}/notes/{note}"]["get"]["responses"]["200"]["links"];
        assert_eq!(
            read["update_note"]["parameters"]["path.note"],
            "$request.path.note"
        );
        assert!(read["get_note"].is_null());
    }
}
