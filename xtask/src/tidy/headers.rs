//! Two servers send the console's pages, nginx and our own: with the same headers.

use super::{Finding, TextFile, text_of};

const SERVER: &str = "bin/prosaas-server/src/routes/console.rs";
const NGINX: &str = "deploy/nginx/headers.conf";

/// Looks for what the server sends in what nginx sends.
pub(super) fn check(files: &[TextFile]) -> Vec<Finding> {
    let server = text_of(files, SERVER);
    let nginx = text_of(files, NGINX).to_ascii_lowercase();
    // A long text goes on after a backslash at the end of the line.
    let policy: String = between(server, "const POLICY: &str = \"", "\";")
        .split("\\\n")
        .map(str::trim_start)
        .collect();
    let listed = between(server, "const SECURITY", "];");
    let mut sent: Vec<&str> = listed.split('"').skip(1).step_by(2).collect();
    sent.push(&policy);
    if policy.is_empty() || sent.len() < 2 {
        return vec![format!(
            "{SERVER}: `POLICY` and `SECURITY` are not where {NGINX} is compared with them"
        )];
    }
    sent.into_iter()
        .filter(|text| !nginx.contains(&text.to_ascii_lowercase()))
        .map(|text| format!("{NGINX}: {SERVER} sends `{text}`; send the same"))
        .collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start)
        .and_then(|(_, rest)| rest.split_once(end))
        .map_or("", |(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSOLE: &str = "const POLICY: &str = \"default-src 'none'; \\\n    img-src 'self'\";\n\
                           const SECURITY: [(HeaderName, &str); 2] = [\n    (header::CONTENT_SECURITY_POLICY, POLICY),\n    \
                           (header::X_FRAME_OPTIONS, \"DENY\"),\n    (HeaderName::from_static(\"x-a\"), \"b\"),\n];\n";
    const HEADERS: &str = "add_header Content-Security-Policy \"default-src 'none'; img-src 'self'\" always;\n\
                           add_header X-Frame-Options \"DENY\" always;\nadd_header X-A \"b\" always;\n";

    fn found(console: &str, headers: &str) -> usize {
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&[file(SERVER, console), file(NGINX, headers)]).len()
    }

    #[test]
    fn what_only_one_of_them_sends_is_found() {
        assert_eq!(found(CONSOLE, HEADERS), 0);
        assert_eq!(found(CONSOLE, &HEADERS.replace("'self'", "*")), 1);
        assert_eq!(found(CONSOLE, &HEADERS.replace("DENY", "SAME")), 1);
        assert_eq!(found(CONSOLE, &HEADERS.replace("X-A", "X-B")), 1);
    }

    #[test]
    fn headers_that_moved_are_found() {
        assert_eq!(found("const OTHER: u8 = 1;\n", HEADERS), 1);
    }
}
