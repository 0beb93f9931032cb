//! Runs long work that somebody watches, one slice a job.

use prosaas_core::Error;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::batch::BatchKind;
use prosaas_crm::model::id::BatchJobId;

use super::JobError;
use crate::erasures::Erasures;
use crate::wiring::App;

/// One slice; what is left is a job of its own.
pub(super) async fn run(app: &App, scope: &TenantScope, batch: BatchJobId) -> Result<(), JobError> {
    let kind = match app.store.batch_kind(scope, batch).await {
        Err(Error::NotFound { .. }) => return Ok(()),
        kind => kind?,
    };
    match kind {
        BatchKind::LeadsBulk | BatchKind::TrashEmptied => app.store.run_bulk(scope, batch).await?,
        BatchKind::LeadsImport => app.store.run_import(scope, batch).await?,
        BatchKind::LeadsImportUndo => app.store.run_import_undo(scope, batch).await?,
        BatchKind::PersonErasure => {
            let erasures = Erasures::open(&app.config.data_dir)
                .map_err(|error| JobError::Retry(format!("{error:#}")))?;
            app.store
                .run_erasure(scope, batch, erasures.key(), &erasures)
                .await?;
        }
        BatchKind::PersonExport => app.store.run_person_export(scope, batch).await?,
        BatchKind::LeadDuplicates => app.store.run_find_duplicates(scope, batch).await?,
    }
    // The next slice need not wait for the next look at the outbox.
    app.work.notify_one();
    Ok(())
}

/// Says to whoever watches that it will not go on.
pub(super) async fn give_up(app: &App, scope: &TenantScope, batch: BatchJobId) {
    if let Err(error) = app.store.fail_batch(scope, batch, "given-up").await {
        tracing::error!(%batch, error = %error.chain(), "a batch job that was given up could not be ended");
    }
}
