//! The workspace's members and their features.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::process::{capture, cargo};

/// The server's allocator takes five minutes of a processor to compile (measured: `make` of jemalloc compiles it three
/// times over), and what a test, a demo or a lint sees does not depend on it. What is released and what is measured
/// has it.
const LEFT_OUT: &str = "jemalloc";

/// What makes cargo take every member with every feature, [`LEFT_OUT`] apart: the same everywhere, so that what one
/// step compiled serves the next.
pub(crate) fn everything() -> Result<Vec<String>> {
    let metadata = metadata()?;
    let features = packages(&metadata).flat_map(|package| {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let features = features(package).filter(|feature| feature != LEFT_OUT);
        features.map(move |feature| format!("{name}/{feature}"))
    });
    let features = features.collect::<Vec<_>>().join(",");
    let words = [
        "--workspace",
        "--locked",
        "--no-default-features",
        "--features",
    ];
    Ok(words
        .map(str::to_owned)
        .into_iter()
        .chain([features])
        .collect())
}

/// The crates that are published, each with its features.
pub(crate) fn libraries() -> Result<Vec<(String, Vec<String>)>> {
    let metadata = metadata()?;
    let found: Vec<_> = packages(&metadata)
        .filter(|package| package["publish"].is_null())
        .filter_map(|package| {
            let name = package["name"].as_str()?.to_owned();
            Some((name, features(package).collect()))
        })
        .collect();
    if found.is_empty() {
        bail!("the workspace has no crate that is published");
    }
    Ok(found)
}

/// What cargo knows of the workspace, without its dependencies.
pub(crate) fn metadata() -> Result<Value> {
    let text = capture(cargo().args(["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    serde_json::from_str(&text).context("`cargo metadata` did not print JSON")
}

/// Its members.
pub(crate) fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

/// The features of one member.
fn features(package: &Value) -> impl Iterator<Item = String> {
    let features = package["features"].as_object().into_iter().flatten();
    let names = features.map(|(name, _)| name.clone());
    names.filter(|name| name != "default")
}
