//! Filling a database: the businesses by the store itself, their leads by the million past it.

pub(crate) mod database;
mod rows;
mod tokens;
mod twins;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use prosaas_core::time::SystemClock;
use prosaas_crm::{CrmStore, StoreOptions};

use self::database::{Cell, Database};
use self::rows::{Batch, TABLES, TOKENS};
use self::tokens::Index;
use super::person;
use super::world::{Size, World};
use crate::progress;

/// Leads that are written at once.
const AT_ONCE: usize = 5_000;
/// Rows of the search index that are written at once.
const TOKENS_AT_ONCE: usize = 50_000;

/// Creates and fills everything, and compares some of it with what the store writes.
pub(crate) async fn fill(
    options: &StoreOptions,
    mut database: Database,
    size: Size,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let store = CrmStore::open_with(options, Arc::new(SystemClock)).await?;
    World::create(&store, size).await?;
    store.close().await;
    progress(format_args!(
        "{} businesses after {:.0} s",
        size.businesses,
        began.elapsed().as_secs_f64()
    ));
    let world = World::read(&mut database, size).await?;
    let indexes = Indexes::drop(&mut database).await?;
    for tenant in 0..world.tenants.len() {
        write_leads(&mut database, &world, tenant).await?;
        if tenant == 0 {
            progress(format_args!(
                "the large one after {:.0} s",
                began.elapsed().as_secs_f64()
            ));
        }
    }
    progress(format_args!(
        "all rows after {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    indexes.create(&mut database).await?;
    progress(format_args!(
        "indexes after {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    twins::compare(options, &mut database, &world).await?;
    settle(&mut database).await?;
    database.close().await?;
    progress(format_args!(
        "filled in {:.0} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

async fn write_leads(database: &mut Database, world: &World, tenant: usize) -> anyhow::Result<()> {
    let of = &world.tenants[tenant];
    let mut people = person::people(world, tenant).zip(0..).peekable();
    let mut index = Index::default();
    database.execute("BEGIN").await?;
    while people.peek().is_some() {
        let mut batch = Batch::default();
        for (person, n) in people.by_ref().take(AT_ONCE) {
            let person = person?;
            index.add(&person);
            batch.add_person(of, n, &person);
        }
        for (table, rows) in batch.into_tables() {
            database.insert(table, rows).await?;
        }
    }
    let mut rows = index.into_rows(of).peekable();
    while rows.peek().is_some() {
        let some: Vec<Vec<Cell>> = rows.by_ref().take(TOKENS_AT_ONCE).collect();
        database.insert(TOKENS, some).await?;
    }
    database.execute("COMMIT").await
}

/// Indexes that are built at the end, in one go: what to run then.
#[derive(Debug)]
struct Indexes(Vec<String>);

impl Indexes {
    /// Drops what can be dropped: not the keys that others refer to.
    async fn drop(database: &mut Database) -> anyhow::Result<Self> {
        let tables: Vec<_> = TABLES
            .iter()
            .map(|table| format!("'{}'", table.name))
            .collect();
        let tables = tables.join(", ");
        let (names, definitions) = match database {
            Database::Sqlite(_) => (
                format!(
                    "SELECT 'DROP INDEX ' || name FROM sqlite_schema
                     WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
                ),
                format!(
                    "SELECT sql FROM sqlite_schema
                     WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({tables})"
                ),
            ),
            Database::Postgres(_) => {
                // Foreign keys are triggers, and rows of ours refer to what is there.
                database
                    .execute(
                        "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'",
                    )
                    .await?;
                (
                    format!(
                        "SELECT 'DROP INDEX ' || indexrelid::regclass FROM pg_index
                         WHERE indrelid::regclass::text IN ({tables})
                           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
                         UNION ALL SELECT 'ALTER TABLE search_tokens DROP CONSTRAINT ' || conname
                         FROM pg_constraint WHERE conrelid = 'search_tokens'::regclass AND contype = 'p'"
                    ),
                    format!(
                        "SELECT pg_get_indexdef(indexrelid) FROM pg_index
                         WHERE indrelid::regclass::text IN ({tables})
                           AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
                         UNION ALL SELECT 'ALTER TABLE search_tokens ADD CONSTRAINT ' || conname || ' '
                             || pg_get_constraintdef(oid)
                         FROM pg_constraint WHERE conrelid = 'search_tokens'::regclass AND contype = 'p'"
                    ),
                )
            }
        };
        let definitions = database.texts(&definitions).await?;
        for drop in database.texts(&names).await? {
            database.execute(&drop).await?;
        }
        Ok(Self(definitions))
    }

    async fn create(self, database: &mut Database) -> anyhow::Result<()> {
        for definition in self.0 {
            database
                .execute(&definition)
                .await
                .context("an index could not be built again")?;
        }
        Ok(())
    }
}

/// What a database does by itself in time: PostgreSQL cleans and counts, SQLite folds its log.
async fn settle(database: &mut Database) -> anyhow::Result<()> {
    match database {
        Database::Postgres(_) => database.execute("VACUUM ANALYZE").await?,
        Database::Sqlite(_) => {
            // Every reference that was not checked on the way.
            let broken = database
                .texts("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 5")
                .await?;
            anyhow::ensure!(
                broken.is_empty(),
                "rows refer to rows that are not there, of {broken:?}"
            );
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        }
    }
    Ok(())
}
