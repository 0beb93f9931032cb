//! A setting has one name: what the server and the sidecar read, what compose hands on, what the example sets and
//! what the handbooks say must agree.

use std::collections::BTreeSet;

use super::{Finding, TextFile, shipped_lines, text_of};

const EXAMPLE: &str = ".env.example";
const COMPOSE: &str = "docker-compose.yml";
const HANDBOOK: &str = "DEPLOYMENT.md";
const OPERATING: &str = "docs/OPERATING.md";
const SIDECAR: &str = "baileys/src/config.ts";
const SERVER: &str = "bin/prosaas-server/src/config/";

/// What a deployment is told to set; each stands in the example, not as a comment.
const REQUIRED: [&str; 20] = [
    "PUBLIC_BASE_URL",
    "PROSAAS_ENV",
    "FLASK_ENV",
    "OPENAI_API_KEY",
    "USE_REALTIME_API",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_PHONE_NUMBER",
    "DATABASE_URL",
    "DATABASE_URL_DIRECT",
    "INTERNAL_SECRET",
    "PROSAAS_MASTER_KEY",
    "BAILEYS_BASE_URL",
    "BAILEYS_STORE_KEY",
    "PUBLIC_MEDIA_URL",
    "N8N_HOST",
    "N8N_PROTOCOL",
    "N8N_ENCRYPTION_KEY",
    "N8N_WEBHOOK_URL",
    "N8N_WEBHOOK_SECRET",
];
/// For development alone, or read by a library: compose hands them to nobody.
const NOT_HANDED_ON: [&str; 3] = [
    "PROSAAS_WEBHOOKS_TO_ANYWHERE",
    "SSL_CERT_FILE",
    "VALIDATE_TWILIO_SIGNATURE",
];

type Names<'a> = BTreeSet<&'a str>;

/// Compares all of them.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for path in [EXAMPLE, COMPOSE, HANDBOOK, OPERATING, SIDECAR] {
        if text_of(files, path).is_empty() {
            findings.push(format!("{path}: is not there; it has settings in it"));
        }
    }
    let read = Read {
        server: server_names(files),
        sidecar: sidecar_names(text_of(files, SIDECAR)),
    };
    let compose = text_of(files, COMPOSE);
    let settings = settings(text_of(files, EXAMPLE));
    handed_on(compose, &read, &mut findings);
    example(&settings, compose, &read, &mut findings);
    handbooks(files, &settings, &read, &mut findings);
    findings
}

/// What programs read.
struct Read<'a> {
    server: Names<'a>,
    sidecar: Names<'a>,
}

/// Compose gives each service what it reads, and nothing that it does not.
fn handed_on(compose: &str, read: &Read<'_>, findings: &mut Vec<Finding>) {
    for (service, names) in [("backend", &read.server), ("baileys", &read.sidecar)] {
        for name in environment(compose, service).difference(names) {
            findings.push(format!("{COMPOSE}: `{service}` does not read {name}"));
        }
    }
    let given = environment(compose, "backend");
    for name in read.server.difference(&given) {
        if !NOT_HANDED_ON.contains(name) {
            findings.push(format!(
                "{COMPOSE}: `backend` reads {name} and is not given it"
            ));
        }
    }
    for (name, has_default) in references(compose) {
        if !has_default {
            findings.push(format!(
                "{COMPOSE}: without {name} there is a warning; write `:-` behind it"
            ));
        }
    }
}

/// The example has what is needed, sets nothing that nobody takes, and explains each.
fn example(settings: &[Setting<'_>], compose: &str, read: &Read<'_>, findings: &mut Vec<Finding>) {
    let on: Names<'_> = settings
        .iter()
        .filter(|setting| setting.is_on)
        .map(|setting| setting.name)
        .collect();
    for name in REQUIRED.iter().filter(|name| !on.contains(*name)) {
        findings.push(format!("{EXAMPLE}: {name} is missing"));
    }
    let taken: Names<'_> = references(compose).map(|(name, _)| name).collect();
    for Setting {
        name,
        line,
        is_explained,
        ..
    } in settings
    {
        if name.starts_with("GOOGLE_") || name.starts_with("GCP_") {
            findings.push(format!("{EXAMPLE}:{line}: no code reads {name}"));
        } else if !taken.contains(name) {
            findings.push(format!("{EXAMPLE}:{line}: {COMPOSE} does not take {name}"));
        }
        if !is_explained {
            findings.push(format!("{EXAMPLE}:{line}: say above {name} what it is"));
        }
    }
    let shown: Names<'_> = settings.iter().map(|setting| setting.name).collect();
    for name in taken {
        let is_known = [&shown, &read.server, &read.sidecar]
            .iter()
            .any(|names| names.contains(name));
        if !is_known {
            findings.push(format!(
                "{COMPOSE}: nobody reads {name}, and {EXAMPLE} does not show it"
            ));
        }
    }
}

/// The handbooks name what there is, and the one of the server all that it reads.
fn handbooks(
    files: &[TextFile],
    settings: &[Setting<'_>],
    read: &Read<'_>,
    findings: &mut Vec<Finding>,
) {
    let compose = text_of(files, COMPOSE);
    let mut known: Names<'_> = settings.iter().map(|setting| setting.name).collect();
    known.extend(&read.server);
    known.extend(&read.sidecar);
    known.extend(references(compose).map(|(name, _)| name));
    for service in ["backend", "frontend", "baileys", "n8n", "postgres"] {
        known.extend(environment(compose, service));
    }
    for (line, name) in mentioned(text_of(files, HANDBOOK)) {
        if !known.contains(name) {
            findings.push(format!("{HANDBOOK}:{line}: there is no setting {name}"));
        }
    }
    let operating = text_of(files, OPERATING);
    let told: Names<'_> = words(operating).filter(|word| is_name(word)).collect();
    for name in read.server.difference(&told) {
        if !NOT_HANDED_ON.contains(name) {
            findings.push(format!("{OPERATING}: says nothing about {name}"));
        }
    }
}

/// One setting of the example.
struct Setting<'a> {
    name: &'a str,
    line: usize,
    /// Whether it is set, or shown as a comment.
    is_on: bool,
    /// Whether something stands right above it.
    is_explained: bool,
}

/// `NAME=...` and `#NAME=...`.
fn settings(text: &str) -> Vec<Setting<'_>> {
    let mut found = Vec::new();
    let mut above = "";
    for (line, written) in (1..).zip(text.lines()) {
        let shown = written.strip_prefix('#');
        let assignment = shown.unwrap_or(written).split_once('=');
        if let Some((name, _)) = assignment
            && is_name(name)
        {
            found.push(Setting {
                name,
                line,
                is_on: shown.is_none(),
                is_explained: !above.is_empty(),
            });
        }
        above = written.trim();
    }
    found
}

/// What stands in quotes where the server reads its environment.
fn server_names(files: &[TextFile]) -> Names<'_> {
    files
        .iter()
        .filter(|file| file.path.starts_with(SERVER) && file.is_rust())
        .filter(|file| !file.path.ends_with("tests.rs"))
        .flat_map(|file| shipped_lines(&file.text))
        .flat_map(|(_, line)| line.split('"').filter(|word| is_name(word)))
        .collect()
}

fn sidecar_names(text: &str) -> Names<'_> {
    text.lines()
        .flat_map(|line| line.split('\'').filter(|word| is_name(word)))
        .collect()
}

/// The keys below a service's `environment:`.
fn environment<'a>(compose: &'a str, service: &str) -> Names<'a> {
    let head = format!("  {service}:");
    compose
        .lines()
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| line.starts_with("    ") || line.is_empty())
        .skip_while(|line| *line != "    environment:")
        .skip(1)
        .take_while(|line| line.starts_with("      "))
        .filter_map(|line| line.trim_start().split_once(':'))
        .map(|(name, _)| name)
        .filter(|name| is_name(name))
        .collect()
}

/// What compose takes from its environment, and whether it does without.
fn references(compose: &str) -> impl Iterator<Item = (&str, bool)> {
    compose.split("${").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !is_part(c))?;
        Some((&rest[..end], rest[end..].starts_with(":-")))
    })
}

/// Words with an underscore that look like settings, with their lines.
fn mentioned(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).flat_map(|(number, line)| {
        words(line)
            .filter(|word| word.contains('_') && is_name(word))
            .map(move |word| (number, word))
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_part(c))
}

const fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Capitals, digits and underscores, four at least. A beginning such as `WA_` is no name.
fn is_name(word: &str) -> bool {
    word.len() >= 4
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && !word.ends_with('_')
        && word
            .bytes()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small installation in which everything agrees.
    fn agreeing() -> Vec<TextFile> {
        let server =
            "fn f(vars: V) {\n    vars.text(\"PORT\");\n    vars.text(\"SSL_CERT_FILE\");\n}\n";
        let required: Vec<String> = REQUIRED
            .iter()
            .map(|name| format!("    vars.text(\"{name}\");\n"))
            .collect();
        let required = required.concat();
        let given: Vec<String> = REQUIRED
            .iter()
            .map(|name| format!("      {name}: ${{{name}:-}}\n"))
            .collect();
        let given = given.concat();
        let set: Vec<String> = REQUIRED
            .iter()
            .map(|name| format!("# What it is.\n{name}=\n"))
            .collect();
        let set = set.concat();
        let told = format!("`PORT` {}\n", REQUIRED.join(" "));
        let file = |path: &str, text: String| TextFile {
            path: path.to_owned(),
            text,
        };
        vec![
            file(
                "bin/prosaas-server/src/config/mod.rs",
                format!("{server}{required}"),
            ),
            file(
                SIDECAR,
                "env['BAILEYS_PORT'] || env['WA_VERSION'] || 'WA_'\n".to_owned(),
            ),
            file(
                COMPOSE,
                format!(
                    "services:\n  backend:\n    environment:\n      # a line\n      PORT: \"5000\"\n{given}    expose: []\n\n  baileys:\n    environment:\n      BAILEYS_PORT: \"3300\"\n      WA_VERSION: ${{WA_VERSION:-}}\n"
                ),
            ),
            file(EXAMPLE, format!("{set}\n# Which.\n#WA_VERSION=\n")),
            file(
                HANDBOOK,
                "Set `WA_VERSION` and OPENAI_API_KEY, not `OPENAI_SPARE_`.\n".to_owned(),
            ),
            file(OPERATING, told),
        ]
    }

    /// What is found when `from` is `to` in the file at `path`.
    fn changed(path: &str, from: &str, to: &str) -> Vec<Finding> {
        let mut files = agreeing();
        let file = files.iter_mut().find(|file| file.path == path).unwrap();
        assert!(file.text.contains(from), "{from}");
        file.text = file.text.replacen(from, to, 1);
        check(&files)
    }

    fn one(path: &str, from: &str, to: &str, says: &str) {
        let findings = changed(path, from, to);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains(says), "{findings:?}");
    }

    #[test]
    fn what_agrees_is_not_mentioned() {
        assert_eq!(check(&agreeing()), Vec::<Finding>::new());
    }

    #[test]
    fn a_name_that_only_one_of_them_has_is_found() {
        one(
            COMPOSE,
            "      PORT:",
            "      PROT: 1\n      PORT:",
            "does not read PROT",
        );
        one(COMPOSE, "      PORT: \"5000\"\n", "", "reads PORT");
        one(COMPOSE, "BAILEYS_PORT:", "BAILEYS_PROT:", "BAILEYS_PROT");
        one(EXAMPLE, "#WA_VERSION", "#WA_VERSIN", "WA_VERSIN");
        one(HANDBOOK, "OPENAI_API_KEY", "OPENAI_KEY", "OPENAI_KEY");
        one(
            OPERATING,
            "TWILIO_AUTH_TOKEN",
            "TWILIO_TOKEN",
            "TWILIO_AUTH_TOKEN",
        );
    }

    #[test]
    fn the_example_has_what_is_needed_and_explains_it() {
        one(
            EXAMPLE,
            "\nINTERNAL_SECRET=",
            "\n#INTERNAL_SECRET=",
            "is missing",
        );
        one(EXAMPLE, "# Which.\n", "", "what it is");
        one(EXAMPLE, "# Which.\n", "# Which.\n#GCP_KEY=\n", "GCP_KEY");
    }

    #[test]
    fn compose_does_without_every_variable() {
        one(COMPOSE, "${WA_VERSION:-}", "${WA_VERSION}", "`:-`");
    }

    #[test]
    fn a_file_that_is_gone_is_found() {
        let mut files = agreeing();
        files.retain(|file| file.path != HANDBOOK);
        let findings = check(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
}
