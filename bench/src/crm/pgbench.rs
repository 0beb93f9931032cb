//! The same statements by pgbench: what PostgreSQL can do when nobody thinks about the answers.
//!
//! The server writes down the statements that the store sends for each of the mixed requests, with their
//! values. Each becomes a script, and pgbench runs them, prepared, with the same shares and clients, as the
//! same role under row-level security; the business is set for the session.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use prosaas_crm::CrmStore;
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::mixed::{CLIENTS, Kind};
use super::pause;
use super::requests::Request;
use super::seed::database::Database;
use super::world::Tenant;

/// How long the server may take to write a statement down.
const PATIENCE: Duration = Duration::from_secs(5);

/// A statement as the server wrote it down: its text, and its values as literals.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Statement {
    text: String,
    values: Vec<String>,
}

/// The server's log and how to make it talk.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    pub(crate) superuser: String,
    pub(crate) role: String,
}

impl Log {
    /// From here on the server writes down the statements of the role's new sessions, or no longer.
    pub(crate) async fn talk(&self, on: bool) -> anyhow::Result<()> {
        let mut database = Database::postgres(&self.superuser).await?;
        let level = if on { "all" } else { "none" };
        database
            .execute(&format!(
                "ALTER ROLE {} SET log_statement = '{level}'",
                self.role
            ))
            .await?;
        database.close().await
    }

    fn length(&self) -> anyhow::Result<u64> {
        Ok(std::fs::metadata(&self.path)
            .with_context(|| format!("no log at {}", self.path.display()))?
            .len())
    }

    /// What was written since, once the last transaction has ended.
    async fn since(&self, from: u64) -> anyhow::Result<Vec<Statement>> {
        let began = Instant::now();
        loop {
            let log = std::fs::read(&self.path)?;
            let text = String::from_utf8_lossy(&log[from as usize..]).into_owned();
            let statements = parse(&text);
            let last = statements.last().map(|last| last.text.as_str());
            if matches!(last, Some("COMMIT" | "ROLLBACK")) {
                return Ok(statements);
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "the server's log does not show the end of a request: {last:?}"
            );
            pause(Duration::from_millis(5)).await;
        }
    }
}

/// Lines such as `LOG:  execute NAME: TEXT`, going on behind tabs, and `DETAIL:  parameters: $1 = '…'`.
fn parse(log: &str) -> Vec<Statement> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match line.strip_prefix('\t') {
            Some(more) => {
                if let Some(entry) = entries.last_mut() {
                    entry.push('\n');
                    entry.push_str(more);
                }
            }
            None => entries.push(line.to_owned()),
        }
    }
    let mut statements: Vec<Statement> = Vec::new();
    for entry in entries {
        if let Some((_, said)) = entry.split_once("LOG:  ") {
            let text = match said.strip_prefix("statement: ") {
                Some(text) => Some(text),
                None => said
                    .strip_prefix("execute ")
                    .and_then(|rest| Some(rest.split_once(": ")?.1)),
            };
            if let Some(text) = text {
                statements.push(Statement {
                    text: text.to_owned(),
                    values: Vec::new(),
                });
            }
        } else if let Some((_, detail)) = entry.split_once("DETAIL:  ")
            && let Some((_, values)) = detail.split_once("arameters: ")
            && let Some(statement) = statements.last_mut()
        {
            statement.values = literals(values);
        }
    }
    statements
}

/// `$1 = 'a''b', $2 = NULL` as its literals.
fn literals(mut text: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((_, value)) = text.split_once(" = ") {
        let end = if let Some(mut rest) = value.strip_prefix('\'') {
            let mut end = 1;
            while let Some(quote) = rest.find('\'') {
                end += quote + 1;
                rest = &rest[quote + 1..];
                match rest.strip_prefix('\'') {
                    Some(more) => {
                        end += 1;
                        rest = more;
                    }
                    None => break,
                }
            }
            end
        } else {
            value.find(',').unwrap_or(value.len())
        };
        found.push(value[..end].to_owned());
        text = &value[end..];
    }
    found
}

/// Writes the statements of a request as a script.
#[derive(Debug)]
struct Script<'a> {
    known: &'a HashSet<Uuid>,
    writes: bool,
    /// Ids that the store made, each with a number: in every run of the script they are others.
    minted: BTreeMap<Uuid, usize>,
    text: String,
}

impl<'a> Script<'a> {
    fn of(
        statements: &[Statement],
        known: &'a HashSet<Uuid>,
        request: &Request,
    ) -> anyhow::Result<String> {
        let writes = matches!(request, Request::Create(_) | Request::Update(..));
        let mut script = Self {
            known,
            writes,
            minted: BTreeMap::new(),
            text: String::new(),
        };
        script.text.push_str("\\set r random(1, 100000000000000)\n");
        for statement in statements {
            script.add(statement)?;
        }
        Ok(script.text)
    }

    fn add(&mut self, statement: &Statement) -> anyhow::Result<()> {
        let Statement { text, values } = statement;
        if text.starts_with("BEGIN") {
            // Whose rows are seen is set for the session.
            let begin = text.split(';').next().unwrap_or("BEGIN");
            return Ok(writeln!(self.text, "{begin};")?);
        }
        let takes_number = text.contains("RETURNING event_seq");
        let is_event = text.starts_with("INSERT INTO events");
        // The version that was read is not the one that is there in the next run.
        let mut text = text.replace("AND version = $3 ", "AND version = version ");
        for (place, value) in values.iter().enumerate().rev() {
            let number = place + 1;
            let literal = if is_event && number == 2 {
                ":event_seq".to_owned()
            } else {
                self.literal(value)
            };
            text = replaced(&text, number, &literal);
        }
        self.text.push_str(text.trim());
        self.text
            .push_str(if takes_number { "\n\\gset\n" } else { ";\n" });
        Ok(())
    }

    fn literal(&mut self, value: &str) -> String {
        if !self.writes {
            return value.to_owned();
        }
        let plain = value.trim_matches('\'');
        if plain.starts_with("+1500") {
            return "('+1500' || lpad((:r::bigint % 100000000000)::text, 11, '0'))".to_owned();
        }
        if plain.starts_with("new") && plain.ends_with("@example.com") {
            return "('pgbench' || :r::text || '@example.com')".to_owned();
        }
        match Uuid::try_parse(plain) {
            Ok(id) if plain.len() == 36 && !self.known.contains(&id) => {
                let next = self.minted.len();
                let number = *self.minted.entry(id).or_insert(next);
                format!(
                    "('01a{number:05x}-0000-7000-8000-' || lpad(to_hex(:r::bigint), 12, '0'))::uuid"
                )
            }
            _ => value.to_owned(),
        }
    }
}

/// `$number` replaced, but not where it is the beginning of a longer number.
fn replaced(text: &str, number: usize, by: &str) -> String {
    let name = format!("${number}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&name) {
        let behind = &rest[at + name.len()..];
        out.push_str(&rest[..at]);
        if behind.starts_with(|c: char| c.is_ascii_digit()) {
            out.push_str(&name);
        } else {
            out.push_str(by);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The scripts of all kinds, in a directory.
#[derive(Debug)]
pub(crate) struct Scripts {
    directory: TempDir,
    /// Files and their shares.
    files: Vec<(PathBuf, u64)>,
}

impl Scripts {
    /// Makes every request once, by a store with one connection, and writes down what the server was told.
    pub(crate) async fn record(
        log: &Log,
        store: &CrmStore,
        tenant: &Tenant,
        kinds: &[Kind],
    ) -> anyhow::Result<Self> {
        let directory = TempDir::with_prefix("prosaas-bench-")?;
        let scope = tenant.scope();
        let known = tenant_ids(tenant);
        let mut files = Vec::new();
        for kind in kinds {
            for (request, number) in kind.samples.iter().zip(0..) {
                let from = log.length()?;
                request
                    .run(store, &scope)
                    .await
                    .with_context(|| format!("`{}`", kind.name))?;
                let statements = log.since(from).await?;
                let mut known = known.clone();
                if let Request::Update(lead, _) = request {
                    known.insert(lead.uuid());
                }
                let script = Script::of(&statements, &known, request)?;
                let file = directory.path().join(format!("{}-{number}.sql", kind.name));
                std::fs::write(&file, script)?;
                files.push((file, kind.weight));
            }
        }
        Ok(Self { directory, files })
    }

    /// Runs them; how many a second.
    pub(crate) async fn run(
        &self,
        pgbench: &Path,
        url: &str,
        tenant: &Tenant,
        lasting: Duration,
    ) -> anyhow::Result<f64> {
        self.once(pgbench, url, tenant, lasting / 3).await?;
        self.once(pgbench, url, tenant, lasting).await
    }

    async fn once(
        &self,
        pgbench: &Path,
        url: &str,
        tenant: &Tenant,
        lasting: Duration,
    ) -> anyhow::Result<f64> {
        let mut command = Command::new(pgbench);
        command
            .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
            .arg(format!("--client={CLIENTS}"))
            .arg(format!("--time={}", lasting.as_secs().max(1)))
            .env(
                "PGOPTIONS",
                format!("-c app.tenant_id={}", tenant.id.uuid()),
            )
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        for (file, weight) in &self.files {
            command.arg(format!("--file={}@{weight}", file.display()));
        }
        let output = command
            .arg(url)
            .output()
            .await
            .context("pgbench does not start")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || complained.contains("ERROR") {
            bail!("pgbench failed: {complained}");
        }
        let rate = said
            .lines()
            .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.with_context(|| format!("pgbench did not say how many a second: {said}"))
    }
}

fn tenant_ids(tenant: &Tenant) -> HashSet<Uuid> {
    let mut ids = HashSet::from([tenant.id.uuid()]);
    ids.extend(tenant.stages.iter().map(|id| id.uuid()));
    ids.extend(tenant.members.iter().map(|id| id.uuid()));
    ids.extend(tenant.tags.iter().map(|id| id.uuid()));
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_values_are_read_from_the_log() {
        let log = "#12 LOG:  statement: BEGIN; SET LOCAL a = 'b'\n\
                   #12 LOG:  execute sqlx_s_1: SELECT *\n\t  FROM a WHERE b = $1 AND c = $2 AND d = $10\n\
                   #12 DETAIL:  parameters: $1 = 'it''s, = so', $2 = NULL, $3 = ''\n\
                   #13 LOG:  checkpoint starting: time\n\
                   #12 LOG:  statement: ROLLBACK\n";
        let statements = parse(log);
        assert_eq!(statements.len(), 3, "{statements:?}");
        assert_eq!(
            statements[1].text,
            "SELECT *\n  FROM a WHERE b = $1 AND c = $2 AND d = $10"
        );
        assert_eq!(statements[1].values, ["'it''s, = so'", "NULL", "''"]);
        assert_eq!(statements[2].text, "ROLLBACK");
        assert_eq!(
            replaced(&statements[1].text, 1, "'x'")
                .matches("'x'")
                .count(),
            1
        );
    }

    #[test]
    fn what_the_store_made_up_is_other_in_every_run() {
        let known = HashSet::new();
        let own = Uuid::from_u128(7);
        let insert = |table: &str| Statement {
            text: format!("INSERT INTO {table} (id, seq) VALUES ($1, $2)"),
            values: vec![format!("'{own}'"), "'9'".to_owned()],
        };
        let take = Statement {
            text: "UPDATE b SET c = c RETURNING event_seq".to_owned(),
            values: vec![],
        };
        let request = Request::Update(prosaas_core::LeadId::from_uuid(own), Box::default());
        let script =
            Script::of(&[insert("leads"), take, insert("events")], &known, &request).unwrap();
        assert_eq!(
            script.matches("'01a00000-0000-7000-8000-'").count(),
            2,
            "{script}"
        );
        assert!(
            script.contains("VALUES (('01a") && script.contains("\\gset"),
            "{script}"
        );
        assert!(script.contains(", :event_seq);"), "{script}");
    }
}
