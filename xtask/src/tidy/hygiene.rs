//! What must not be in any file: stray white space, merge markers, places of somebody's machine, and
//! addresses or phone numbers in code.

use std::path::Path;

use super::{Finding, shipped_lines};

/// Hosts that code may name: this machine, the three public APIs we speak to, the site that Twilio's own answers
/// link to, which the fake one repeats, and the one under which WhatsApp has a chat with every number. A name
/// without a dot is a placeholder.
const HOSTS: [&str; 7] = [
    "127.0.0.1",
    "[::1]",
    "api.twilio.com",
    "www.twilio.com",
    "api.openai.com",
    "graph.facebook.com",
    "wa.me",
];
/// Names that RFC 2606 and RFC 6761 reserve for examples and tests, with everything below them.
const RESERVED: [&str; 5] = ["example.com", "example.org", "example", "invalid", "test"];
/// Numbers that belong to nobody: Twilio's test numbers, the fictitious 555 exchanges, North American ones
/// whose area code begins with 0, the two of our signature vectors, and what carriers send in place of a
/// withheld number.
pub(super) const NOBODYS: [&str; 10] = [
    "+10",
    "+1500555",
    "+1202555",
    "+1415555",
    "+972312345",
    "+972501234567",
    "+7378742833",
    "+266696687",
    "+86282452253",
    "+8656696",
];

/// Checks one text file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_ours(path) {
        white_space(path, text, &mut findings);
        places(path, text, &mut findings);
    }
    if is_shipped_source(path) {
        addresses(path, text, &mut findings);
    }
    findings
}

/// Lock files and recorded data are as they are.
fn is_ours(path: &str) -> bool {
    let recorded = ["fuzz/corpus/", "fuzz/artifacts/", "LICENSE-"];
    let exact = [".snap", ".lock", ".jsonl"];
    !recorded.iter().any(|start| path.starts_with(start))
        && !exact.iter().any(|end| path.ends_with(end))
}

/// Library and server code, without tests and benches.
fn is_shipped_source(path: &str) -> bool {
    let path = Path::new(path);
    let parts: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
    let shipped = parts
        .first()
        .is_some_and(|top| *top == "bin" || top.starts_with("prosaas-"));
    shipped
        && parts.contains(&"src")
        && path.extension().is_some_and(|extension| extension == "rs")
        && !path.ends_with("tests.rs")
}

fn white_space(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let markers = ["<".repeat(7), ">".repeat(7), "|".repeat(7)];
    for (number, line) in (1..).zip(text.lines()) {
        if line.contains('\t') {
            findings.push(format!("{path}:{number}: a tab; use spaces"));
        }
        if line.ends_with(' ') || line.ends_with('\r') {
            findings.push(format!(
                "{path}:{number}: white space at the end of the line"
            ));
        }
        if markers
            .iter()
            .any(|marker| line.starts_with(marker.as_str()))
        {
            findings.push(format!("{path}:{number}: a merge marker"));
        }
    }
    if !text.is_empty() && (!text.ends_with('\n') || text.ends_with("\n\n")) {
        findings.push(format!("{path}: must end with exactly one line break"));
    }
}

/// Places that exist on one machine only. Spelled in parts, so that this file passes its own rule.
fn places(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let places = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["crates", ".io"],
        ["pypi", ".org"],
        ["python", "hosted.org"],
        ["npmjs", ".org"],
        ["deb.deb", "ian.org"],
    ]
    .map(|parts| parts.concat());
    for (number, line) in (1..).zip(text.lines()) {
        for place in &places {
            if line.contains(place.as_str()) {
                findings.push(format!(
                    "{path}:{number}: `{place}` has no place in this repository"
                ));
            }
        }
    }
}

/// Hosts, IP addresses and phone numbers: they are configuration.
fn addresses(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (number, line) in shipped_lines(text) {
        for host in hosts(line).filter(|host| !may_be_named(host)) {
            findings.push(format!(
                "{path}:{number}: the host `{host}` belongs in the configuration"
            ));
        }
        for ip in ipv4_addresses(line).filter(|ip| *ip != "127.0.0.1") {
            findings.push(format!(
                "{path}:{number}: the address `{ip}` belongs in the configuration"
            ));
        }
        for phone in phone_numbers(line) {
            if !NOBODYS.iter().any(|nobody| phone.starts_with(nobody)) {
                findings.push(format!(
                    "{path}:{number}: a phone number in code; take it from a business"
                ));
            }
        }
    }
}

/// The host of each URL in the line; a placeholder (`{host}`) is none.
fn hosts(line: &str) -> impl Iterator<Item = &str> {
    ["http://", "https://", "ws://", "wss://"]
        .into_iter()
        .flat_map(move |scheme| {
            line.match_indices(scheme)
                // `ws://` stands inside no other scheme, but a name may end in it.
                .filter(move |(at, _)| !line[..*at].ends_with(|c: char| c.is_ascii_alphabetic()))
                .filter_map(move |(at, _)| {
                    let rest = &line[at + scheme.len()..];
                    let end = match rest.strip_prefix('[') {
                        Some(inner) => inner.find(']')? + 2,
                        None => rest
                            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-'))
                            .unwrap_or(rest.len()),
                    };
                    Some(&rest[..end]).filter(|host| !host.is_empty())
                })
        })
}

fn may_be_named(host: &str) -> bool {
    !host.contains(['.', ':'])
        || HOSTS.contains(&host)
        || RESERVED.iter().any(|reserved| {
            host.strip_suffix(reserved)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// Four decimal numbers up to 255 joined by dots; a block such as `192.0.2.0/24` is no address.
fn ipv4_addresses(line: &str) -> impl Iterator<Item = &str> {
    let part_of_one = |c: char| c.is_ascii_digit() || matches!(c, '.' | '/');
    line.split(move |c: char| !part_of_one(c)).filter(|word| {
        let mut parts = 0;
        word.split('.').all(|part| {
            parts += 1;
            part.parse::<u8>().is_ok()
        }) && parts == 4
    })
}

/// `+` and 8 to 15 digits, not part of a longer number.
pub(super) fn phone_numbers(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('+').filter_map(|(at, _)| {
        let digits = line[at + 1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        (8..=15).contains(&digits).then(|| &line[at..=at + digits])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "prosaas-core/src/a.rs";

    fn found(text: &str) -> Vec<Finding> {
        check(SOURCE, &format!("{text}\n"))
    }

    #[test]
    fn white_space_and_markers_are_found() {
        assert_eq!(found("a\tb").len(), 1);
        assert_eq!(found("a ").len(), 1);
        assert_eq!(found(&format!("{} ours", "<".repeat(7))).len(), 1);
        assert_eq!(check(SOURCE, "no end").len(), 1);
        assert!(found("fn a() {}").is_empty());
    }

    #[test]
    fn places_of_a_machine_are_found_in_every_kind_of_file() {
        assert_eq!(
            check("docs/a.md", &format!("see /{}/main\n", "work")).len(),
            1
        );
        assert_eq!(
            check("docs/a.md", &format!("from {}.io\n", "crates")).len(),
            1
        );
        assert!(check("Cargo.lock", &format!("from {}.io\n", "crates")).is_empty());
    }

    #[test]
    fn hosts_in_code_are_found_unless_reserved() {
        assert_eq!(found("let u = \"https://voice.acme.io/x\";").len(), 1);
        assert!(found("let u = \"wss://voice.example.com/x\";").is_empty());
        assert!(found("let u = \"https://api.twilio.com/2010\";").is_empty());
        assert_eq!(found("let u = \"https://notexample.com\";").len(), 1);
        assert!(found("let u = format!(\"http://{host}/\");").is_empty());
        assert!(found("let u = \"http://[::1]:80/\";").is_empty());
        assert!(found("// as https://www.acme.io says").is_empty());
    }

    #[test]
    fn addresses_in_code_are_found_unless_they_are_this_machine() {
        assert_eq!(found("let a = \"10.1.2.3:80\";").len(), 1);
        assert!(found("let a = \"127.0.0.1:0\"; let v = \"1.2.3\";").is_empty());
        assert!(found("let example = \"such as 10.0.0.0/8\";").is_empty());
    }

    #[test]
    fn phone_numbers_in_code_are_found_unless_they_are_examples() {
        assert_eq!(found("let p = \"+4989123456\";").len(), 1);
        assert!(found("let p = \"+15005550006\"; let x = a +1000;").is_empty());
        assert!(check("prosaas-core/tests/it/a.rs", "let p = \"+4989123456\";\n").is_empty());
    }
}
