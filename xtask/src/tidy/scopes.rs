//! Leave that is given on somebody's word has few places, so that a reviewer can read them all.

use super::{Finding, shipped_lines};

/// The names by which leave is given on somebody's word, and where each may stand.
const WORDS: [(&str, &[&str]); 3] = [
    (
        "from_trusted_host",
        &[
            "prosaas-crm/src/auth/scope.rs",
            "prosaas-crm/src/store/host.rs",
            "prosaas-crm/src/store/crm_store.rs",
            "prosaas-crm/src/testkit/",
        ],
    ),
    // A call's file of the time without a database.
    (
        "from_own_record",
        &[
            "prosaas-crm/src/auth/scoped.rs",
            "bin/prosaas-server/src/standby/",
        ],
    ),
    (
        "from_operator",
        &[
            "prosaas-crm/src/auth/scope.rs",
            "prosaas-crm/src/testkit/",
            "bin/prosaas-server/src/commands/",
            "bin/prosaas-server/src/erasures.rs",
        ],
    ),
];

/// Checks one source file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let is_shipped = ["prosaas-", "bin/"]
        .iter()
        .any(|start| path.starts_with(start))
        && path.contains("/src/");
    if !is_shipped {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (word, places) in WORDS {
        if places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for (number, line) in shipped_lines(text) {
            if line.contains(&format!("{word}(")) {
                findings.push(format!(
                    "{path}:{number}: `{word}` gives leave on somebody's word; take the scope from a session, \
                     a call or a job"
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leave_on_somebodys_word_has_its_places() {
        let text = "fn f() {\n    let all = SystemScope::from_operator();\n}\n";
        assert_eq!(check("bin/prosaas-server/src/jobs/mod.rs", text).len(), 1);
        assert!(check("bin/prosaas-server/src/commands/serve.rs", text).is_empty());
        assert!(check("bin/prosaas-server/tests/it/phone.rs", text).is_empty());
    }
}
