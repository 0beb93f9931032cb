//! Files of leads in and out: how many rows a second, when the new ones are found, and in how much memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use prosaas_core::Language;
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::files::lead_sheet::LeadSheet;
use prosaas_crm::files::leads::LeadFile;
use prosaas_crm::model::batch::BatchKind;
use prosaas_crm::model::id::BatchJobId;
use prosaas_crm::model::lead_list::LeadList;
use prosaas_crm::{CrmStore, JobWork, Jobs as _, RetryPolicy};

use super::random::Random;
use super::words;
use crate::measure::process::Reading;

/// Rows of the file that are made up at a time.
const PIECE: u64 = 500;
/// Jobs are claimed for so long.
const LEASE_MS: u32 = 60_000;

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files {
    /// Rows of the file.
    pub(crate) imported: u64,
    /// From the first byte of the upload until every lead was there.
    pub(crate) import: Duration,
    /// And until every one was found by search.
    pub(crate) searchable: Duration,
    /// How much more memory this process held meanwhile than before, at most.
    pub(crate) grown_kib: u64,
    /// Leads that were written to a file.
    pub(crate) exported: u64,
    pub(crate) export: Duration,
}

impl Files {
    /// Imported rows in a second.
    pub(crate) fn import_rate(&self) -> f64 {
        self.imported as f64 / self.import.as_secs_f64()
    }

    /// Exported rows in a second.
    pub(crate) fn export_rate(&self) -> f64 {
        self.exported as f64 / self.export.as_secs_f64()
    }
}

/// Imports `rows` leads into the business that `into` opens, and exports as many of the one that `out` opens.
pub(crate) async fn run(
    store: &CrmStore,
    (into, out): (&TenantScope, &TenantScope),
    rows: u64,
    run: u64,
) -> anyhow::Result<Files> {
    let mut memory = Memory::begin()?;
    let (import, searchable) = import(store, into, (rows, run), &mut memory).await?;
    let (exported, export) = export(store, out, rows, &mut memory).await?;
    Ok(Files {
        imported: rows,
        import,
        searchable,
        grown_kib: memory.most.saturating_sub(memory.before),
        exported,
        export,
    })
}

/// This process's memory.
struct Memory {
    before: u64,
    most: u64,
}

impl Memory {
    fn begin() -> anyhow::Result<Self> {
        let before = Reading::of(std::process::id())?.rss_kib;
        Ok(Self {
            before,
            most: before,
        })
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.most = self.most.max(Reading::of(std::process::id())?.rss_kib);
        Ok(())
    }
}

async fn import(
    store: &CrmStore,
    scope: &TenantScope,
    (rows, run): (u64, u64),
    memory: &mut Memory,
) -> anyhow::Result<(Duration, Duration)> {
    let began = Instant::now();
    let import = store.begin_upload(scope).await?;
    let mut file = LeadFile::default();
    file.push("name,phone,email,intent\n".as_bytes())?;
    let (mut parts, mut read, mut written) = (0, 0, 0);
    let mut random = Random::of(0xf11e, run);
    while written <= rows {
        if written == rows {
            file.finish();
            written += 1;
        } else {
            let some = PIECE.min(rows - written);
            file.push(piece(&mut random, run.wrapping_add(written), some).as_bytes())?;
            written += some;
        }
        while let Some(part) = file.part()? {
            parts += 1;
            read += part.len() as u64;
            store.add_upload_part(scope, import, parts, &part).await?;
            memory.look()?;
        }
    }
    ensure!(
        read == rows,
        "the file has {rows} rows, and {read} were read"
    );
    let uploaded = began.elapsed();
    store
        .begin_import(scope, import, (parts, rows), false)
        .await?;
    work(store, import, memory).await?;
    let done = store.batch(scope, import).await?;
    ensure!(
        done.done + done.failed >= rows * 99 / 100,
        "the import did not end: {done:?}"
    );
    let took = |name: &str| {
        let ms = done.result.get(name).and_then(serde_json::Value::as_u64);
        ms.map(|ms| uploaded + Duration::from_millis(ms))
    };
    let imported = took("imported_ms").context("the import does not say how long it took")?;
    let searchable =
        took("searchable_ms").context("the import does not say when its leads are found")?;
    Ok((imported, searchable))
}

/// Rows as a spreadsheet has them: names in Hebrew and English, numbers as people write them.
fn piece(random: &mut Random, first: u64, rows: u64) -> String {
    let row = |n: u64| {
        let number = n.wrapping_mul(77_777_771) % 100_000_000;
        let (name, wish) = (words::name(random), words::wish(random));
        format!("{name},05{number:08},p{n}@example.com,{wish}\n")
    };
    (first..first + rows).map(row).collect()
}

/// Runs the jobs that are due until the import is over, as the server does.
async fn work(store: &CrmStore, import: BatchJobId, memory: &mut Memory) -> anyhow::Result<()> {
    let system = SystemScope::for_installation();
    loop {
        let jobs = store
            .claim_jobs(&system, store.now(), LEASE_MS, 10, RetryPolicy::STANDARD)
            .await?;
        if jobs.is_empty() {
            return Ok(());
        }
        for job in jobs {
            if let JobWork::RunBatch { batch, .. } = &job.work
                && *batch == import
            {
                let scope = TenantScope::of_job(&job);
                let kind = store.batch_kind(&scope, *batch).await?;
                ensure!(
                    kind == BatchKind::LeadsImport,
                    "the job of the import is another one"
                );
                store.run_import(&scope, *batch).await?;
                memory.look()?;
            }
            // What else the changes of the measurement have asked for is not measured.
            store.complete_job(&job).await?;
        }
    }
}

async fn export(
    store: &CrmStore,
    scope: &TenantScope,
    rows: u64,
    memory: &mut Memory,
) -> anyhow::Result<(u64, Duration)> {
    let began = Instant::now();
    let mut list = LeadList::default();
    let mut sheet = LeadSheet::new(store.begin_export(scope, &list).await?, Language::He);
    let (mut exported, mut bytes) = (0, 0);
    while exported < rows {
        let page = store.export_page(scope, &list).await?;
        exported += page.leads.len() as u64;
        page.leads.iter().for_each(|lead| sheet.row(lead));
        bytes += sheet.take().len();
        memory.look()?;
        list.after = page.next;
        if list.after.is_none() {
            break;
        }
    }
    ensure!(exported > 0 && bytes > 0, "nothing was exported");
    Ok((exported, began.elapsed()))
}
