//! Who may import whom, read from `cargo metadata`.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::Finding;

const CORE: &str = "prosaas-core";
/// The libraries beside each other: each knows the core and no other of ours.
const SIBLINGS: [&str; 4] = [
    "prosaas-twilio",
    "prosaas-realtime",
    "prosaas-whatsapp",
    "prosaas-crm",
];
/// What the core must not reach by any path: it does no I/O.
const NOT_IN_CORE: [&str; 7] = [
    "tokio",
    "axum",
    "sqlx",
    "reqwest",
    "hyper",
    "tokio-tungstenite",
    "tungstenite",
];
/// What a library may have behind a feature only.
const ONLY_OPTIONAL: [&str; 4] = ["axum", "sqlx", "reqwest", "tokio-tungstenite"];
/// What must be in the build exactly once: two versions would double buffers and TLS state.
const ONE_COPY: [&str; 3] = ["tungstenite", "rustls", "libsqlite3-sys"];
/// What must not be in the build at all: a second TLS stack, or one that needs a system library.
const NOWHERE: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl",
    "openssl-sys",
    "native-tls",
];

/// Checks the whole graph.
pub(super) fn check(metadata: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in members(metadata) {
        declared(package, &mut findings);
        version(package, &mut findings);
        unchecked(package, &mut findings);
    }
    core_reaches(metadata, &mut findings);
    copies(metadata, &mut findings);
    realtime_types(metadata, &mut findings);
    findings
}

fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members: HashSet<&str> = array(&metadata["workspace_members"])
        .filter_map(Value::as_str)
        .collect();
    array(&metadata["packages"])
        .filter(move |package| members.contains(package["id"].as_str().unwrap_or_default()))
}

/// The edges a crate declares itself, dev-dependencies included.
fn declared(package: &Value, findings: &mut Vec<Finding>) {
    let name = text(&package["name"]);
    let library = name == CORE || SIBLINGS.contains(&name);
    if !library {
        return;
    }
    for dependency in array(&package["dependencies"]) {
        let on = text(&dependency["name"]);
        let ours = on.starts_with("prosaas-");
        if ours && on != CORE && on != name {
            findings.push(format!(
                "{name} depends on {on}: only prosaas-core may be shared; they meet in prosaas-server"
            ));
        }
        let normal = dependency["kind"].is_null();
        if normal && ONLY_OPTIONAL.contains(&on) && dependency["optional"] != true {
            findings.push(format!(
                "{name} always depends on {on}: put it behind a feature"
            ));
        }
    }
}

/// A crate's feature that leaves out the check of certificates may be on where only tests are built.
fn unchecked(package: &Value, findings: &mut Vec<Finding>) {
    let name = text(&package["name"]);
    let declared = array(&package["dependencies"])
        .filter(|dependency| dependency["kind"] != "dev")
        .flat_map(|dependency| array(&dependency["features"]));
    let own = package["features"].as_object();
    let own = own.into_iter().flat_map(|features| features.values());
    for feature in declared.chain(own.flat_map(array)).map(text) {
        if feature.contains("danger-skip") {
            findings.push(format!(
                "{name} turns on `{feature}`: only tests may leave out the check of certificates"
            ));
        }
    }
}

/// Published crates share one version; the others carry 0.0.0.
fn version(package: &Value, findings: &mut Vec<Finding>) {
    let (name, version) = (text(&package["name"]), text(&package["version"]));
    let published = package["publish"].is_null();
    if published == (version == "0.0.0") {
        let what = if published {
            "is published"
        } else {
            "is not published"
        };
        findings.push(format!("{name} {what} and has the version {version}"));
    }
}

/// Follows the core's normal dependencies, each of theirs, and so on.
fn core_reaches(metadata: &Value, findings: &mut Vec<Finding>) {
    let names = names_by_id(metadata);
    let nodes: HashMap<&str, &Value> = array(&metadata["resolve"]["nodes"])
        .map(|node| (text(&node["id"]), node))
        .collect();
    let mut open: Vec<&str> = names
        .iter()
        .filter(|(_, name)| **name == CORE)
        .map(|(id, _)| *id)
        .collect();
    if open.is_empty() {
        findings.push(format!("the workspace has no {CORE}"));
    }
    let mut seen = HashSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if let Some(name) = names.get(id).filter(|name| NOT_IN_CORE.contains(*name)) {
            findings.push(format!("{CORE} reaches {name}: it does no I/O"));
        }
        let node = nodes.get(id).copied().unwrap_or(&Value::Null);
        for dependency in array(&node["deps"]) {
            if array(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null()) {
                open.push(text(&dependency["pkg"]));
            }
        }
    }
}

fn copies(metadata: &Value, findings: &mut Vec<Finding>) {
    let names = names_by_id(metadata);
    let built: BTreeSet<&str> = array(&metadata["resolve"]["nodes"])
        .map(|node| text(&node["id"]))
        .collect();
    let count = |wanted: &str| {
        built
            .iter()
            .filter(|id| names.get(*id).is_some_and(|name| *name == wanted))
            .count()
    };
    for name in ONE_COPY {
        if count(name) > 1 {
            findings.push(format!(
                "{} copies of {name} in the build: one is allowed",
                count(name)
            ));
        }
    }
    for name in NOWHERE {
        if count(name) > 0 {
            findings.push(format!(
                "{name} is in the build: rustls with ring is the one TLS stack"
            ));
        }
    }
}

/// async-openai's realtime types bring a second websocket stack and do not compile beside its REST part.
fn realtime_types(metadata: &Value, findings: &mut Vec<Finding>) {
    let names = names_by_id(metadata);
    for node in array(&metadata["resolve"]["nodes"]) {
        if names.get(text(&node["id"])) != Some(&"async-openai") {
            continue;
        }
        for feature in array(&node["features"])
            .map(text)
            .filter(|f| f.starts_with("realtime"))
        {
            findings.push(format!(
                "async-openai's feature `{feature}` is on: the realtime wire is ours"
            ));
        }
    }
}

fn names_by_id(metadata: &Value) -> HashMap<&str, &str> {
    array(&metadata["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of the core and one more crate, the latter with these dependencies; `reached` is
    /// what the core leads to, `features` those of async-openai.
    fn graph(name: &str, dependencies: &Value, reached: &[&str], features: &[&str]) -> Value {
        let deps: Vec<Value> = reached
            .iter()
            .map(|id| json!({"pkg": id, "dep_kinds": [{"kind": null}]}))
            .collect();
        let mut packages = vec![
            json!({"id": "core", "name": CORE, "version": "0.1.0", "publish": null, "dependencies": []}),
            json!({"id": "it", "name": name, "version": "0.1.0", "publish": null, "dependencies": dependencies}),
            json!({"id": "ai", "name": "async-openai", "version": "1.0.0", "publish": null, "dependencies": []}),
        ];
        let mut nodes = vec![
            json!({"id": "core", "deps": deps}),
            json!({"id": "it", "deps": []}),
            json!({"id": "ai", "deps": [], "features": features}),
        ];
        for id in reached {
            let base = id.split('@').next().unwrap();
            packages.push(json!({"id": id, "name": base, "version": "1.0.0", "publish": null}));
            nodes.push(json!({"id": id, "deps": []}));
        }
        json!({
            "packages": packages,
            "workspace_members": ["core", "it"],
            "resolve": {"nodes": nodes},
        })
    }

    fn dependency(name: &str, kind: Option<&str>, optional: bool) -> Value {
        json!([{"name": name, "kind": kind, "optional": optional}])
    }

    #[test]
    fn a_sound_graph_passes() {
        let on_core = dependency(CORE, None, false);
        assert_eq!(
            check(&graph("prosaas-crm", &on_core, &["serde"], &["responses"])),
            [""; 0]
        );
    }

    #[test]
    fn siblings_may_not_import_each_other_not_even_for_tests() {
        for kind in [None, Some("dev"), Some("build")] {
            let on_sibling = dependency("prosaas-twilio", kind, true);
            let findings = check(&graph("prosaas-crm", &on_sibling, &[], &[]));
            assert_eq!(findings.len(), 1, "{kind:?}: {findings:?}");
        }
    }

    #[test]
    fn libraries_take_axum_and_sqlx_behind_features_only() {
        assert_eq!(
            check(&graph(
                "prosaas-crm",
                &dependency("sqlx", None, false),
                &[],
                &[]
            ))
            .len(),
            1
        );
        assert_eq!(
            check(&graph(
                "prosaas-crm",
                &dependency("sqlx", None, true),
                &[],
                &[]
            ))
            .len(),
            0
        );
        assert_eq!(
            check(&graph(
                "prosaas-crm",
                &dependency("axum", Some("dev"), false),
                &[],
                &[]
            ))
            .len(),
            0
        );
    }

    #[test]
    fn only_tests_may_leave_out_the_check_of_certificates() {
        let on_peer = |kind: Option<&str>| json!([{"name": "wa", "kind": kind, "optional": true, "features": ["danger-skip-x"]}]);
        for (kind, found) in [(None, 1), (Some("build"), 1), (Some("dev"), 0)] {
            let findings = check(&graph("prosaas-crm", &on_peer(kind), &[], &[]));
            assert_eq!(findings.len(), found, "{kind:?}: {findings:?}");
        }
        let mut graph = graph("prosaas-crm", &json!([]), &[], &[]);
        graph["packages"][1]["features"] = json!({"testkit": ["wa/danger-skip-x"]});
        assert_eq!(check(&graph).len(), 1);
    }

    #[test]
    fn the_core_reaches_no_runtime() {
        let findings = check(&graph("prosaas-crm", &json!([]), &["tokio"], &[]));
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn doubled_and_banned_crates_are_found() {
        let twice = ["rustls@1", "rustls@2", "openssl-sys"];
        assert_eq!(
            check(&graph("prosaas-crm", &json!([]), &twice, &[])).len(),
            2
        );
        assert_eq!(
            check(&graph("prosaas-crm", &json!([]), &[], &["realtime-types"])).len(),
            1
        );
    }

    #[test]
    fn versions_follow_publication() {
        let mut graph = graph("prosaas-crm", &json!([]), &[], &[]);
        graph["packages"][1]["publish"] = json!([]);
        assert_eq!(check(&graph).len(), 1);
    }
}
