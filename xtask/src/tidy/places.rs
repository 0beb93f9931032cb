//! No place of one installation, and nothing half done, is in what ships: they belong in the settings, and in issues.

use std::net::Ipv4Addr;
use std::path::Path;

use super::Finding;
use super::hygiene::{NOBODYS, phone_numbers};

/// Where tests, examples and recorded data are: numbers and addresses there are nobody's setting.
const TESTS: [&str; 9] = [
    "/tests/",
    "/test/",
    "/e2e/",
    "/testkit",
    ".test.",
    "testdata/",
    "fuzz/",
    "bench/",
    "examples/",
];
/// The endings of files that are as another tool wrote them.
const WRITTEN_BY_TOOLS: [&str; 6] = [".lock", "-lock.json", ".svg", ".snap", ".jsonl", ".diff"];

/// Checks one text file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if WRITTEN_BY_TOOLS.iter().any(|end| path.ends_with(end)) || path.starts_with("fuzz/corpus/") {
        return findings;
    }
    let places = places();
    let marks = marks();
    let has_settings = has_settings(path);
    for (number, line) in (1..).zip(text.lines()) {
        let lower = line.to_ascii_lowercase();
        for place in places.iter().filter(|place| lower.contains(place.as_str())) {
            findings.push(format!(
                "{path}:{number}: `{place}` is a place of one installation; take it from the settings"
            ));
        }
        for mark in marks.iter().filter(|mark| stands_alone(line, mark)) {
            findings.push(format!(
                "{path}:{number}: `{mark}`: finish it, or write an issue"
            ));
        }
        if has_settings {
            addresses(path, number, line, &mut findings);
        }
    }
    findings
}

/// Whether addresses and numbers in this file would be an installation's. Those in Rust are the rule `hygiene`'s.
fn has_settings(path: &str) -> bool {
    let is_rust = Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "rs");
    let is_test = TESTS
        .iter()
        .any(|test| path.contains(test) || path.starts_with(test.trim_start_matches('/')));
    !is_rust && !is_test
}

fn addresses(path: &str, number: usize, line: &str, findings: &mut Vec<Finding>) {
    for address in public_addresses(line) {
        findings.push(format!(
            "{path}:{number}: the address `{address}` is somebody's; take it from the settings, or one that is reserved \
             for documents"
        ));
    }
    for phone in phone_numbers(line) {
        if !NOBODYS.iter().any(|nobody| phone.starts_with(nobody)) {
            findings.push(format!(
                "{path}:{number}: a phone number that may be somebody's; take it from the settings, or one that is \
                 nobody's"
            ));
        }
    }
}

/// Hosts of former installations. Spelled in parts, so that this file passes its own rule.
fn places() -> [String; 4] {
    [
        ["rep", "lit"],
        ["ai-", "crmd"],
        ["localhost:", "3000"],
        ["localhost:", "5000"],
    ]
    .map(|parts| parts.concat())
}

/// What says that something is not done.
fn marks() -> [String; 4] {
    [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["to", "do!"],
        ["unimple", "mented!"],
    ]
    .map(|parts| parts.concat())
}

/// Whether `word` is in the line and no part of a longer one.
fn stands_alone(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let rest = &line[at + word.len()..];
        !line[..at].ends_with(is_part) && (word.ends_with('!') || !rest.starts_with(is_part))
    })
}

/// Addresses of the public internet, also as the beginning of a block.
fn public_addresses(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| word.parse::<Ipv4Addr>().is_ok_and(is_public))
}

const fn is_public(address: Ipv4Addr) -> bool {
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, line: &str) -> usize {
        check(path, &format!("{line}\n")).len()
    }

    #[test]
    fn former_places_are_found_in_every_kind_of_file() {
        for place in places() {
            let line = format!("see https://{place}/");
            assert_eq!(found("deploy/nginx/site.conf", &line), 1, "{place}");
            assert_eq!(found("prosaas-core/src/a.rs", &line.to_uppercase()), 1);
            assert_eq!(found("web/package-lock.json", &line), 0);
        }
        assert_eq!(found("docs/a.md", "http://localhost:8080"), 0);
    }

    #[test]
    fn what_is_not_done_is_found_as_a_word() {
        for mark in marks() {
            assert_eq!(found("web/src/a.ts", &format!("// {mark} later")), 1);
            assert_eq!(found("web/src/a.ts", &format!("let x{mark}")), 0);
        }
        assert_eq!(
            found("prosaas-core/src/a.rs", &format!("{}(\"x\")", marks()[2])),
            1
        );
        assert_eq!(
            found("web/src/a.ts", &format!("const {}S = 1", marks()[0])),
            0
        );
    }

    #[test]
    fn addresses_are_those_that_documents_may_name() {
        let path = "docker-compose.yml";
        for line in [
            "127.0.0.1:3300:3300",
            "0.0.0.0",
            "10.0.0.0/8,172.16.0.0/12",
            "as 203.0.113.7 is.",
            "version 1.2.3",
        ] {
            assert_eq!(found(path, line), 0, "{line}");
        }
        for line in ["8.8.8.8", "at 8.8.8.8.", "104.16.0.0/13", "http://1.1.1.1/"] {
            assert_eq!(found(path, line), 1, "{line}");
            assert_eq!(found("baileys/test/unit/a.ts", line), 0, "{line}");
            assert_eq!(found("prosaas-core/src/a.rs", line), 0, "{line}");
        }
    }

    #[test]
    fn numbers_are_those_that_are_nobodys() {
        assert_eq!(found(".env.example", "TWILIO_PHONE_NUMBER=+4989123456"), 1);
        assert_eq!(found(".env.example", "TWILIO_PHONE_NUMBER=+15005550006"), 0);
        assert_eq!(
            found("web/src/shared/format/phone.test.ts", "+4989123456"),
            0
        );
    }
}
