//! Every SQL text is a literal in the store: nothing a person typed can become part of a query.

use super::{Finding, shipped_lines};

/// sqlx's functions that take SQL.
const CALLS: [&str; 6] = [
    "sqlx::query(",
    "sqlx::query_as(",
    "sqlx::query_scalar(",
    "sqlx::raw_sql(",
    "sqlx::query_with(",
    "sqlx::query_as_with(",
];

/// The files outside the store that hold SQL: one fills a database by the million rows, to be measured, the other
/// makes databases whose server is killed, or that are cut off.
const FILLING: &str = "bench/src/crm/seed/database.rs";
const CUT_OFF: &str = "bench/src/faults/postgres.rs";

/// Where a statement is put together or passed on, and from what. Nothing of it comes from a request.
const EXCEPTIONS: [(&str, &str); 7] = [
    (
        FILLING,
        "rows that the benchmark makes up, in a database that it started itself",
    ),
    (CUT_OFF, "the name of a database that the benchmark makes"),
    (
        "store/db/connection.rs",
        "the driver: it is given constants",
    ),
    (
        "store/postgres/backup.rs",
        "names of tables and columns, from the database's own catalogue",
    ),
    (
        "store/postgres/migrate.rs",
        "grants that the database quoted",
    ),
    (
        "store/postgres/mod.rs",
        "the beginning of a transaction: an id as hexadecimal digits",
    ),
    (
        "store/sqlite/backup.rs",
        "names of tables and columns, from the database's own catalogue",
    ),
];

/// Checks one source file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    // Tests look at the store from outside, and this file holds the rule's own patterns.
    if path.starts_with("xtask/") || path.contains("/tests/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let is_excepted = EXCEPTIONS.iter().any(|(file, _)| path.ends_with(file));
    let in_store = path.starts_with("prosaas-crm/") || [FILLING, CUT_OFF].contains(&path);
    for (number, line) in shipped_lines(text) {
        if line.contains("sqlx::") && !in_store {
            findings.push(format!(
                "{path}:{number}: SQL lives in prosaas-crm's store alone"
            ));
        }
        if !is_excepted && line.contains("AssertSqlSafe") || line.contains("QueryBuilder") {
            findings.push(format!(
                "{path}:{number}: SQL must be a literal; bind what varies"
            ));
        }
    }
    if !is_excepted {
        findings.extend(not_literal(path, text));
    }
    findings
}

/// Calls whose first argument is neither a string literal nor a constant, also when rustfmt moved the
/// argument to the next line or a turbofish stands between name and bracket.
fn not_literal(path: &str, text: &str) -> Vec<Finding> {
    let flat = without_turbofish(text);
    let mut findings = Vec::new();
    for call in CALLS {
        for (at, _) in flat.match_indices(call) {
            let argument = flat[at + call.len()..].trim_start();
            if !is_static(argument, text) {
                let number = flat[..at].matches('\n').count() + 1;
                findings.push(format!(
                    "{path}:{number}: the SQL given to `{call}` must be a literal or a constant"
                ));
            }
        }
    }
    findings
}

/// Drops `::<…>` after `query` names, keeping line numbers.
fn without_turbofish(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("::<") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let mut depth = 0_usize;
        let end = after[2..].char_indices().find_map(|(offset, c)| {
            match c {
                '<' => depth += 1,
                '>' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(offset + 3)
        });
        let Some(end) = end else { break };
        out.extend(after[..end].chars().filter(|c| *c == '\n'));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Whether the argument is a literal, a constant, or a name that this file declares as `&'static str`.
fn is_static(argument: &str, file: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let path = argument.split(|c| !word(c)).next().unwrap_or_default();
    let name = path.rsplit("::").next().unwrap_or_default();
    let is_constant = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let literals = ["\"", "r\"", "r#\"", "concat!(", "include_str!("];
    literals.iter().any(|start| argument.starts_with(start))
        || (!name.is_empty() && name.chars().all(is_constant))
        || (!name.is_empty() && file.contains(&format!("{name}: &'static str")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check("prosaas-crm/src/store/sqlite/calls.rs", text).len()
    }

    #[test]
    fn literals_and_constants_pass() {
        assert_eq!(found("sqlx::query(\"SELECT 1\")"), 0);
        assert_eq!(
            found("sqlx::query_as::<_, (i64, Vec<u8>)>(\n    r#\"SELECT 1\"#,\n)"),
            0
        );
        assert_eq!(found("sqlx::query_scalar::<_, i64>(sql::COUNT_CALLS)"), 0);
    }

    #[test]
    fn a_statement_passed_on_must_be_declared_static() {
        let through = |kind: &str| found(&format!("fn a(sql: {kind}) {{ sqlx::query(sql) }}"));
        assert_eq!((through("&'static str"), through("&str")), (0, 1));
    }

    #[test]
    fn text_made_at_run_time_does_not() {
        assert_eq!(found("sqlx::query(&format!(\"SELECT {x}\"))"), 1);
        assert_eq!(found("sqlx::query_as::<_, Row>(\n    text,\n)"), 1);
        assert_eq!(found("let q = sqlx::AssertSqlSafe(text);"), 1);
    }

    #[test]
    fn sql_outside_the_store_is_refused() {
        let findings = check(
            "bin/prosaas-server/src/main.rs",
            "sqlx::query(\"SELECT 1\")",
        );
        assert_eq!(findings.len(), 1, "{findings:?}");
    }

    #[test]
    fn a_finding_names_the_line() {
        let findings = check("prosaas-crm/src/a.rs", "fn a() {}\n\nsqlx::query(text)\n");
        assert!(
            findings[0].starts_with("prosaas-crm/src/a.rs:3:"),
            "{findings:?}"
        );
    }
}
