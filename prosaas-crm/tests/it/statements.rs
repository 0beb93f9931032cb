//! Every statement on a tenant's table names its tenant, or says in the statement why it does not.

use std::path::{Path, PathBuf};

/// Tables whose rows belong to a tenant.
const TENANT_TABLES: [&str; 9] = [
    "businesses",
    "business_numbers",
    "transfer_targets",
    "calls",
    "transcript_lines",
    "leads",
    "recordings",
    "stream_tokens",
    "jobs",
];

fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite");
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect()
}

/// The text of every string constant of a source file.
fn constants(source: &str) -> Vec<&str> {
    source
        .split("\nconst ")
        .skip(1)
        .filter_map(|rest| rest.split_once(": &str =")?.1.split_once(';'))
        .map(|(text, _)| text)
        .collect()
}

fn names_its_tenant(statement: &str) -> bool {
    [
        "WHERE tenant_id = ?",
        "WHERE leads.tenant_id = ?",
        "AND tenant_id = ?",
        "(tenant_id, ",
        ", tenant_id, ",
    ]
    .iter()
    .any(|form| statement.contains(form))
}

#[test]
fn every_statement_names_its_tenant_or_says_why_not() {
    let mut seen = 0;
    for path in sources() {
        let source = std::fs::read_to_string(&path).unwrap();
        for statement in constants(&source) {
            let of_tenant = TENANT_TABLES.iter().any(|table| statement.contains(table))
                || statement.contains("select_calls!");
            if !of_tenant {
                continue;
            }
            seen += 1;
            let is_excused = statement.contains("/* across tenants: ");
            assert!(
                is_excused || names_its_tenant(statement),
                "{}: no tenant in\n{statement}",
                path.display()
            );
        }
    }
    assert!(
        seen > 30,
        "only {seen} statements were seen: is this test still looking at them?"
    );
}

#[test]
fn statements_are_constants() {
    for path in sources() {
        let source = std::fs::read_to_string(&path).unwrap();
        for call in source.split("sqlx::query(").skip(1) {
            let argument = call.split(')').next().unwrap_or_default();
            let is_constant = argument.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                || argument == "statement";
            assert!(is_constant, "{}: sqlx::query({argument})", path.display());
        }
        assert!(
            !source.contains("AssertSqlSafe"),
            "{} builds SQL",
            path.display()
        );
    }
}

#[test]
fn the_check_finds_what_it_is_for() {
    assert!(!names_its_tenant("SELECT * FROM leads WHERE id = ?1"));
    assert!(!names_its_tenant(
        "DELETE FROM leads WHERE tenant_id IS NOT NULL"
    ));
    assert!(names_its_tenant(
        "SELECT * FROM leads WHERE tenant_id = ?1 AND id = ?2"
    ));
    let source = "\nconst A: &str = \"SELECT 1\";\n\nconst B: &str =\n    \"SELECT 2\";\n";
    assert_eq!(constants(source).len(), 2);
}
