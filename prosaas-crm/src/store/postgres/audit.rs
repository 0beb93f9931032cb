//! Whether row-level security is really there, for the role that the application runs as.

use prosaas_core::Result;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{FromRow, Row as _};

use crate::store::db::db_error;
use crate::store::isolation::Isolation;

const ROLE: &str = "
    SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user";
/// Every table with a `tenant_id`, as it is, and what its policies let through.
const TABLES: &str = "
    SELECT tables.relname::text AS name,
           tables.relrowsecurity AS enabled,
           tables.relforcerowsecurity AS forced,
           pg_has_role(current_user, tables.relowner, 'MEMBER') AS owned,
           EXISTS (SELECT 1 FROM pg_policy AS policies
                   WHERE policies.polrelid = tables.oid AND policies.polcmd = '*'
                     AND policies.polqual IS NOT NULL AND policies.polwithcheck IS NOT NULL) AS guarded,
           EXISTS (SELECT 1 FROM pg_policy AS policies
                   WHERE policies.polrelid = tables.oid AND policies.polpermissive
                     AND (pg_get_expr(policies.polqual, policies.polrelid) = 'true'
                          OR pg_get_expr(policies.polwithcheck, policies.polrelid) = 'true')) AS is_open
    FROM pg_class AS tables
    JOIN pg_attribute AS columns ON columns.attrelid = tables.oid
         AND columns.attname = 'tenant_id' AND NOT columns.attisdropped
    WHERE tables.relkind IN ('r', 'p') AND tables.relnamespace = current_schema()::regnamespace
    ORDER BY tables.relname";

#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each question that the catalogue is asked"
)]
struct Table {
    name: String,
    enabled: bool,
    forced: bool,
    owned: bool,
    guarded: bool,
    is_open: bool,
}

impl FromRow<'_, PgRow> for Table {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.try_get("name")?,
            enabled: row.try_get("enabled")?,
            forced: row.try_get("forced")?,
            owned: row.try_get("owned")?,
            guarded: row.try_get("guarded")?,
            is_open: row.try_get("is_open")?,
        })
    }
}

impl Table {
    fn problems(&self) -> impl Iterator<Item = String> {
        let name = &self.name;
        let found = [
            (!self.enabled, "has no row-level security"),
            (
                !self.forced,
                "does not force row-level security on its owner",
            ),
            (!self.guarded, "has no policy for both reading and writing"),
            (self.is_open, "has a policy that lets everything through"),
            (
                self.owned,
                "belongs to the application's role, which could switch security off",
            ),
        ];
        found
            .into_iter()
            .filter(|(is_so, _)| *is_so)
            .map(move |(_, what)| format!("table `{name}` {what}"))
    }
}

/// In a transaction: behind a pooler, the messages of one statement need not reach the same server
/// connection outside of one.
pub(super) async fn run(pool: &PgPool) -> Result<Isolation> {
    let mut tx = pool.begin().await.map_err(db_error)?;
    let role = sqlx::query(ROLE).persistent(false).fetch_one(&mut *tx);
    let role = role.await.map_err(db_error)?;
    let mut problems = Vec::new();
    for (column, what) in [
        (
            "rolsuper",
            "the application's role is a superuser: no security holds for it",
        ),
        (
            "rolbypassrls",
            "the application's role bypasses row-level security",
        ),
    ] {
        if role.try_get(column).map_err(db_error)? {
            problems.push(what.to_owned());
        }
    }
    let tables = sqlx::query_as::<_, Table>(TABLES).persistent(false);
    let tables = tables.fetch_all(&mut *tx).await.map_err(db_error)?;
    if tables.is_empty() {
        problems.push("no table was found".to_owned());
    }
    problems.extend(tables.iter().flat_map(Table::problems));
    Ok(Isolation {
        guarded_tables: tables.len(),
        problems,
    })
}
