//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md that no compiler checks.
//!
//! Each rule is a pure function from text to findings, tested beside itself.

mod edges;
mod headers;
mod hygiene;
mod places;
mod scopes;
mod size;
mod sql;
mod variables;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{capture, cargo, command, root};

/// Something a rule found, as `path:line: what is wrong and what to do`.
type Finding = String;

/// A file of the repository that is text.
struct TextFile {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

impl TextFile {
    fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// Applies every rule; fails when one finds something.
pub(crate) fn run() -> Result<()> {
    let files = text_files()?;
    let mut findings = edges::check(&metadata()?);
    for file in &files {
        findings.extend(hygiene::check(&file.path, &file.text));
        findings.extend(places::check(&file.path, &file.text));
        if file.is_rust() {
            findings.extend(sql::check(&file.path, &file.text));
            findings.extend(scopes::check(&file.path, &file.text));
        }
    }
    findings.extend(variables::check(&files));
    findings.extend(headers::check(&files));
    let sizes = size::check(&files);
    findings.extend(sizes.errors);
    for warning in &sizes.warnings {
        println!("   warning: {warning}");
    }
    if findings.is_empty() {
        println!("   {} files are tidy", files.len());
        return Ok(());
    }
    for finding in &findings {
        println!("   {finding}");
    }
    bail!("tidy found {} things to mend", findings.len());
}

/// Everything git tracks or would track, without what is not text.
fn text_files() -> Result<Vec<TextFile>> {
    let mut list: Command = command("git");
    list.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]);
    let mut files = Vec::new();
    for path in capture(&mut list)?
        .split('\0')
        .filter(|path| !path.is_empty())
    {
        // A file may be deleted and not yet committed as such.
        let Ok(bytes) = std::fs::read(root().join(path)) else {
            continue;
        };
        if let Ok(text) = String::from_utf8(bytes)
            && !text.contains('\0')
        {
            files.push(TextFile {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

/// The text of the file at `path`; nothing where it is not there.
fn text_of<'a>(files: &'a [TextFile], path: &str) -> &'a str {
    files
        .iter()
        .find(|file| file.path == path)
        .map_or("", |file| file.text.as_str())
}

/// The resolved graph with every feature on.
fn metadata() -> Result<serde_json::Value> {
    let text = capture(cargo().args([
        "metadata",
        "--format-version=1",
        "--all-features",
        "--locked",
    ]))?;
    serde_json::from_str(&text).context("`cargo metadata` did not print JSON")
}

/// The part of a source file that ships: without comment lines and without what follows `#[cfg(test)]`
/// on a module, each line with its number.
fn shipped_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut previous_is_cfg_test = false;
    text.lines()
        .enumerate()
        .take_while(move |(_, line)| {
            let line = line.trim_start();
            let test_module = previous_is_cfg_test && line.starts_with("mod ");
            previous_is_cfg_test = line == "#[cfg(test)]";
            !(test_module && line.ends_with('{'))
        })
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_the_test_module_do_not_ship() {
        let text = "//! doc\nfn a() {}\n#[cfg(test)]\nmod elsewhere;\nfn b() {}\n#[cfg(test)]\nmod tests {\n fn c() {}\n}\n";
        let lines: Vec<_> = shipped_lines(text).collect();
        assert_eq!(lines.first(), Some(&(2, "fn a() {}")));
        assert!(lines.contains(&(5, "fn b() {}")));
        assert!(!lines.iter().any(|(_, line)| line.contains("fn c")));
    }
}
