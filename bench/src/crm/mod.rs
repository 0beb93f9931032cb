//! `prosaas-bench crm`: the CRM with a million leads in one business, against its bars.

mod figures;
mod files;
mod measure;
mod memory;
mod mixed;
mod person;
mod pgbench;
mod random;
mod report;
mod requests;
mod sampler;
pub(crate) mod seed;
mod words;
mod world;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use prosaas_core::Clock as _;
use prosaas_core::time::SystemClock;
use prosaas_crm::{CrmStore, StoreOptions};

use self::measure::Effort;
use self::memory::Memory;
use self::pgbench::{Log, Scripts};
use self::report::Run;
use self::sampler::Sampler;
use self::seed::database::Database;
use self::world::{Size, World};
use crate::measure::machine::{self, Environment};
use crate::progress;

/// Grows when other rows are made up: what an older one filled is filled again.
const SEED: u32 = 1;

/// Options of `crm`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Measure on one database alone.
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Leads of the large business.
    #[arg(long, default_value_t = 1_000_000)]
    leads: u32,
    /// Businesses in all.
    #[arg(long, default_value_t = 200)]
    businesses: u32,
    /// Requests of each figure, at most.
    #[arg(long, default_value_t = 1_000)]
    requests: usize,
    /// Seconds for each figure, at most.
    #[arg(long, default_value_t = 8)]
    limit: u64,
    /// Seconds of mixed requests, and again by pgbench.
    #[arg(long, default_value_t = 20)]
    mixed: u64,
    /// Rows of the file that is imported, and at least as many leads are exported; 0 leaves both out.
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// Only figures whose name contains this text (repeatable).
    #[arg(long)]
    figure: Vec<String>,
    /// Leave out the server's memory.
    #[arg(long)]
    no_memory: bool,
    /// Where the SQLite file is kept for the next run.
    #[arg(long)]
    data: PathBuf,
    /// Also write the tables to this file.
    #[arg(long)]
    write: Option<PathBuf>,
    #[command(flatten)]
    postgres: PostgresOptions,
}

/// A PostgreSQL that `cargo xtask` started.
#[derive(Debug, Clone, clap::Args)]
struct PostgresOptions {
    /// As the application's role.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES")]
    postgres: Option<String>,
    /// As the role that owns the tables.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES_OWNER")]
    owner: Option<String>,
    /// As the superuser, who fills the tables.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES_SUPERUSER")]
    superuser: Option<String>,
    /// The server's log.
    #[arg(long, env = "PROSAAS_TEST_POSTGRES_LOG")]
    log: Option<PathBuf>,
    /// The program.
    #[arg(long, env = "PROSAAS_TEST_PGBENCH", default_value = "pgbench")]
    pgbench: PathBuf,
}

/// The databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server, with forced row-level security.
    Postgres,
}

impl Options {
    const fn size(&self) -> Size {
        Size {
            leads: self.leads,
            businesses: self.businesses,
        }
    }

    const fn effort(&self) -> Effort {
        Effort {
            requests: self.requests,
            limit: Duration::from_secs(self.limit),
            mixed: Duration::from_secs(self.mixed),
        }
    }
}

/// Fills what is not filled yet, measures, and prints the tables.
///
/// # Errors
/// When a figure could not be measured; never because one is over its bar.
pub async fn run(options: Options, environment: Environment) -> anyhow::Result<()> {
    ensure!(
        options.leads >= 2_000,
        "--leads: expected at least 2000, so that every figure has leads to find"
    );
    ensure!(options.businesses >= 2, "--businesses: expected at least 2");
    let mut runs = Vec::new();
    if options.only != Some(Kind::Postgres) {
        runs.push(sqlite(&options).await.context("on SQLite")?);
    }
    if options.only != Some(Kind::Sqlite) {
        runs.push(postgres(&options).await.context("on PostgreSQL")?);
    }
    let tables = report::render(&runs, options.size(), &environment);
    std::io::stdout().write_all(tables.as_bytes())?;
    if let Some(file) = &options.write {
        std::fs::write(file, &tables)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let is_chosen = !options.figure.is_empty();
    ensure!(
        is_chosen || runs.iter().all(report::is_whole),
        "a figure is missing"
    );
    Ok(())
}

async fn sqlite(options: &Options) -> anyhow::Result<Run> {
    let size = options.size();
    let name = format!("leads-{}-of-{}-seed-{SEED}.db", size.leads, size.businesses);
    let file = options.data.join(&name);
    let url = format!("sqlite:{}", file.display());
    if !file.exists() {
        std::fs::create_dir_all(&options.data)?;
        let unfinished = options.data.join(format!("{name}.unfinished"));
        remove_database(&unfinished)?;
        let url = StoreOptions::new(&format!("sqlite:{}", unfinished.display()));
        CrmStore::open_with(&url, Arc::new(SystemClock))
            .await?
            .close()
            .await;
        seed::fill(&url, Database::sqlite(&unfinished).await?, size).await?;
        remove_logs(&unfinished)?;
        std::fs::rename(&unfinished, &file)?;
    }
    let mut database = Database::sqlite(&file).await?;
    let world = World::read(&mut database, size).await?;
    database.close().await?;
    measure(
        "SQLite",
        options,
        (&url, &StoreOptions::new(&url)),
        &world,
        None,
    )
    .await
}

async fn postgres(options: &Options) -> anyhow::Result<Run> {
    let given = &options.postgres;
    let missing = "no PostgreSQL is given; run `cargo xtask bench crm`, which starts one";
    let application = given.postgres.as_deref().context(missing)?;
    let owner = given.owner.as_deref().context(missing)?;
    let superuser = given.superuser.as_deref().context(missing)?;
    let log = given.log.clone().context(missing)?;
    let size = options.size();
    let name = format!("leads_{}_of_{}_seed_{SEED}", size.leads, size.businesses);
    let mut server = Database::postgres(superuser).await?;
    let names = server
        .texts("SELECT datname::text FROM pg_database")
        .await?;
    if !names.contains(&name) {
        let unfinished = format!("{name}_unfinished");
        server
            .execute(&format!("DROP DATABASE IF EXISTS {unfinished}"))
            .await?;
        server
            .execute(&format!("CREATE DATABASE {unfinished} OWNER prosaas_owner"))
            .await?;
        let url = StoreOptions::new(&on_database(application, &unfinished)?)
            .migrate_over(&on_database(owner, &unfinished)?);
        CrmStore::open_with(&url, Arc::new(SystemClock))
            .await?
            .close()
            .await;
        seed::fill(
            &url,
            Database::postgres(&on_database(superuser, &unfinished)?).await?,
            size,
        )
        .await?;
        server
            .execute(&format!("ALTER DATABASE {unfinished} RENAME TO {name}"))
            .await?;
    }
    server.close().await?;
    let superuser = on_database(superuser, &name)?;
    let mut database = Database::postgres(&superuser).await?;
    let world = World::read(&mut database, size).await?;
    // What a server that has run for a while has done.
    database.execute("CHECKPOINT").await?;
    database.close().await?;
    let application = on_database(application, &name)?;
    let role = "prosaas_app".to_owned();
    let pgbench = Pgbench {
        log: Log {
            path: log,
            superuser,
            role,
        },
        program: &given.pgbench,
        url: &application,
    };
    let store = StoreOptions::new(&application).migrate_over(&on_database(owner, &name)?);
    measure(
        "PostgreSQL",
        options,
        (&application, &store),
        &world,
        Some(pgbench),
    )
    .await
}

/// Waits for what no event tells of.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures in real time"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Cores that are busy while nothing of ours runs, over a second.
async fn others() -> f64 {
    let (busy, began) = (machine::busy_ms(), Instant::now());
    pause(Duration::from_secs(1)).await;
    (machine::busy_ms() - busy) as f64 / (began.elapsed().as_secs_f64() * 1e3)
}

/// What is needed to run pgbench.
struct Pgbench<'a> {
    log: Log,
    program: &'a Path,
    url: &'a str,
}

async fn measure(
    database: &'static str,
    options: &Options,
    (address, url): (&str, &StoreOptions),
    world: &World,
    pgbench: Option<Pgbench<'_>>,
) -> anyhow::Result<Run> {
    let (tenant, effort) = (world.large(), options.effort());
    let scope = tenant.scope();
    let store = Arc::new(CrmStore::open_with(url, Arc::new(SystemClock)).await?);
    let isolation = store.audit_isolation().await?;
    ensure!(
        isolation.problems.is_empty(),
        "row-level security does not hold: {:?}",
        isolation.problems
    );
    let before = others().await;
    let seed = u64::try_from(SystemClock.now().0).unwrap_or_default();
    let mut sampler = Sampler::new(tenant, seed);
    let mut measured = Vec::new();
    for figure in figures::figures(&mut sampler, effort.requests + 20)? {
        let is_wanted = options.figure.is_empty()
            || options.figure.iter().any(|part| figure.name.contains(part));
        if is_wanted {
            let one = measure::measure(&store, &scope, &figure, effort).await?;
            progress(format_args!(
                "{database}: {}: {:.2} / {:.2} ms",
                one.name,
                one.percentile(50.0).as_secs_f64() * 1e3,
                one.percentile(99.0).as_secs_f64() * 1e3
            ));
            measured.push(one);
        }
    }
    let kinds = Arc::new(mixed::kinds(&mut sampler)?);
    let mixed = mixed::run(
        &store,
        &scope,
        &kinds,
        (effort.mixed, seed % 100_000_000_000),
    )
    .await?;
    progress(format_args!(
        "{database}: mixed: {:.0} a second",
        mixed.rate()
    ));
    let pgbench = match pgbench {
        Some(pgbench) => Some(pgbench.run(url, world, &kinds, effort.mixed).await?),
        None => None,
    };
    let files = if options.rows == 0 {
        None
    } else {
        let into = world.tenants.last().unwrap_or(tenant).scope();
        Some(files::run(&store, (&into, &scope), options.rows, seed).await?)
    };
    store.close().await;
    let others = f64::midpoint(before, others().await);
    let memory = if options.no_memory {
        None
    } else {
        Some(Memory::of_server(address, url, tenant).await?)
    };
    Ok(Run {
        database,
        figures: measured,
        mixed,
        files,
        pgbench,
        memory,
        others,
    })
}

impl Pgbench<'_> {
    async fn run(
        &self,
        url: &StoreOptions,
        world: &World,
        kinds: &[mixed::Kind],
        lasting: Duration,
    ) -> anyhow::Result<f64> {
        let tenant = world.large();
        self.log.talk(true).await?;
        let store =
            CrmStore::open_with(&url.clone().max_connections(1), Arc::new(SystemClock)).await?;
        let scripts = Scripts::record(&self.log, &store, tenant, kinds).await;
        store.close().await;
        self.log.talk(false).await?;
        let rate = scripts?
            .run(self.program, self.url, tenant, lasting)
            .await?;
        progress(format_args!("pgbench: {rate:.0} a second"));
        Ok(rate)
    }
}

fn on_database(url: &str, name: &str) -> anyhow::Result<String> {
    let mut url = url::Url::parse(url).context("the URL of PostgreSQL")?;
    url.set_path(name);
    Ok(url.into())
}

fn remove_database(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    remove_logs(file)
}

fn remove_logs(file: &Path) -> anyhow::Result<()> {
    for end in ["-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
