//! Removes what a business no longer keeps, what has had its time, and the files of calls that were erased.

use std::io;
use std::path::Path;

use prosaas_core::{CallId, UnixMillis};
use prosaas_crm::auth::TenantScope;

use super::{JobError, files, recording};
use crate::calls::journal;
use crate::standby;
use crate::wiring::App;

/// How much is removed between two looks at the store.
const AT_ONCE: u32 = 100;
const DAY_MS: i64 = 24 * 3_600_000;
/// How many rows of the outbox are removed in one transaction.
const ROWS_AT_ONCE: u32 = 1_000;
/// How long deliveries to webhooks can be looked at and replayed.
const DELIVERIES_KEPT_DAYS: u32 = 30;
/// How long a job that was done is known: enqueued again within this time it is not done twice.
const JOBS_KEPT_DAYS: u32 = 30;
/// How long an upload may take, or an import rest, before it counts as forgotten.
const UPLOADS_KEPT_DAYS: u32 = 1;

/// Removes recordings, files of conversations and transcripts that are older than the business's days, and what the outbox is done
/// with.
pub(super) async fn run(app: &App, scope: &TenantScope) -> Result<(), JobError> {
    let settings = app.store.settings(scope).await?;
    let before = |days: u32| app.clock.now().plus(-i64::from(days) * DAY_MS);
    if let Some(days) = settings.recording_days {
        remove_recordings(app, scope, before(days)).await?;
        files::remove_old(app, scope, before(days)).await?;
    }
    if let Some(days) = settings.transcript_days {
        remove_transcripts(app, scope, before(days)).await?;
    }
    files::sweep(app, scope).await?;
    let store = &app.store;
    let old = before(DELIVERIES_KEPT_DAYS);
    while store.forget_deliveries(scope, old, ROWS_AT_ONCE).await? > 0 {}
    let old = before(JOBS_KEPT_DAYS);
    while store.forget_jobs(scope, old, ROWS_AT_ONCE).await? > 0 {}
    store.tidy_imports(scope, before(UPLOADS_KEPT_DAYS)).await?;
    store.forget_person_exports(scope, app.clock.now()).await?;
    Ok(())
}

/// The file goes first: a row without its file is found again, a file without its row is not.
async fn remove_recordings(
    app: &App,
    scope: &TenantScope,
    before: UnixMillis,
) -> Result<(), JobError> {
    loop {
        let old = app.store.old_recordings(scope, before, AT_ONCE).await?;
        if old.is_empty() {
            return Ok(());
        }
        for (sid, path) in old {
            remove(&app.config.data_dir.join(path)).await?;
            app.store.forget_recording(scope, &sid).await?;
        }
    }
}

async fn remove_transcripts(
    app: &App,
    scope: &TenantScope,
    before: UnixMillis,
) -> Result<(), JobError> {
    loop {
        let old = app
            .store
            .calls_with_old_transcripts(scope, before, AT_ONCE)
            .await?;
        if old.is_empty() {
            return Ok(());
        }
        for call in old {
            for folder in [journal::FOLDER, standby::FOLDER] {
                remove_files_of(app, folder, scope, call).await?;
            }
            app.store.forget_transcript(scope, call).await?;
        }
    }
}

/// Removes every file of a call: its recordings, its journal, and what waits for the database.
pub(super) async fn erase(app: &App, scope: &TenantScope, call: CallId) -> Result<(), JobError> {
    for folder in [recording::FOLDER, journal::FOLDER, standby::FOLDER] {
        remove_files_of(app, folder, scope, call).await?;
    }
    Ok(())
}

/// The files of a call begin with its id, whatever stands behind it.
async fn remove_files_of(
    app: &App,
    folder: &str,
    scope: &TenantScope,
    call: CallId,
) -> Result<(), JobError> {
    let folder = app
        .config
        .data_dir
        .join(folder)
        .join(scope.tenant().to_string());
    let call = call.to_string();
    let mut files = match tokio::fs::read_dir(&folder).await {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(&error)),
    };
    while let Some(file) = files.next_entry().await.map_err(|error| failed(&error))? {
        if file.file_name().to_string_lossy().starts_with(&call) {
            remove(&file.path()).await?;
        }
    }
    Ok(())
}

async fn remove(file: &Path) -> Result<(), JobError> {
    match tokio::fs::remove_file(file).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&error)),
        _ => Ok(()),
    }
}

fn failed(error: &io::Error) -> JobError {
    JobError::Retry(format!("a file could not be removed: {}", error.kind()))
}
