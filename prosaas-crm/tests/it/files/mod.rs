//! Files of leads in and out, on every backend.

mod duplicates;
#[cfg(feature = "axum")]
mod exports;
#[cfg(feature = "axum")]
mod http;
mod imports;
mod persons;
mod speed;

use prosaas_core::testkit::samples::seed;
use prosaas_core::{ErrorClass, Result};
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::files::leads::LeadFile;
use prosaas_crm::model::batch::{BatchJob, BatchKind};
use prosaas_crm::model::id::BatchJobId;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, ClaimedJob, CrmStore, JobWork, Jobs as _, RetryPolicy};

/// Two businesses, and the keys to them.
async fn businesses(store: &CrmStore) -> (TenantScope, TenantScope) {
    for n in [1, 2] {
        let seed = seed(n);
        store
            .add_business(&OPERATOR, &seed.business, &seed.numbers)
            .await
            .unwrap();
    }
    let scope = |n| TenantScope::from_trusted_host(seed(n).business.id, Permissions::all());
    (scope(1), scope(2))
}

/// Uploads a file, in parts of at most so many rows.
async fn upload(
    store: &CrmStore,
    scope: &TenantScope,
    csv: &[u8],
    rows_a_part: usize,
) -> (BatchJobId, (u64, u64)) {
    let id = store.begin_upload(scope).await.unwrap();
    let mut file = LeadFile::default();
    let (mut parts, mut rows) = (0, 0);
    let mut pieces = csv.chunks(64 * 1024);
    let mut is_over = false;
    while !is_over {
        match pieces.next() {
            Some(piece) => file.push(piece).unwrap(),
            None => {
                file.finish();
                is_over = true;
            }
        }
        while let Some(part) = file.part().unwrap() {
            for part in part.chunks(rows_a_part) {
                parts += 1;
                rows += part.len() as u64;
                store.add_upload_part(scope, id, parts, part).await.unwrap();
            }
        }
    }
    (id, (parts, rows))
}

/// Asks for an import of a file; a small one has many parts all the same.
async fn begin(store: &CrmStore, scope: &TenantScope, csv: &str, dry_run: bool) -> BatchJobId {
    let rows_a_part = if csv.len() < 20_000 { 3 } else { 1_000 };
    let (id, size) = upload(store, scope, csv.as_bytes(), rows_a_part).await;
    store.begin_import(scope, id, size, dry_run).await.unwrap()
}

/// What `ask` brings. The connections of a worker that was cut off may still be on their way back: then it asks again,
/// as the server does.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T>) -> T {
    let mut patience = 5;
    loop {
        match ask().await {
            Err(error) if error.class() == ErrorClass::Retry && patience > 0 => patience -= 1,
            answer => return answer.unwrap(),
        }
    }
}

/// Runs every job that is due, as the server does.
async fn run(store: &CrmStore) {
    let due = async || {
        let now = store.now();
        let policy = RetryPolicy::STANDARD;
        store.claim_jobs(&OPERATOR, now, 60_000, 10, policy).await
    };
    loop {
        let jobs = patiently(due).await;
        if jobs.is_empty() {
            return;
        }
        for job in jobs {
            patiently(async || work(store, &job).await).await;
            assert!(store.complete_job(&job).await.unwrap());
        }
    }
}

async fn work(store: &CrmStore, job: &ClaimedJob) -> Result<()> {
    let JobWork::RunBatch { batch, .. } = job.work else {
        return Ok(());
    };
    let scope = TenantScope::of_job(job);
    match store.batch_kind(&scope, batch).await? {
        BatchKind::LeadsImport => store.run_import(&scope, batch).await,
        BatchKind::LeadsImportUndo => store.run_import_undo(&scope, batch).await,
        BatchKind::LeadDuplicates => store.run_find_duplicates(&scope, batch).await,
        BatchKind::PersonExport => store.run_person_export(&scope, batch).await,
        _ => store.run_bulk(&scope, batch).await,
    }
}

/// The job once everything is done.
async fn after(store: &CrmStore, scope: &TenantScope, id: BatchJobId) -> BatchJob {
    run(store).await;
    store.batch(scope, id).await.unwrap()
}

/// Runs everything about one file.
async fn import(store: &CrmStore, scope: &TenantScope, csv: &str) -> BatchJob {
    let id = begin(store, scope, csv, false).await;
    after(store, scope, id).await
}
