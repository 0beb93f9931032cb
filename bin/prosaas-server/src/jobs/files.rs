//! Files of conversations: fetched, heard, given up, removed.

use std::collections::HashSet;

use prosaas_core::UnixMillis;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::id::MessageId;
use prosaas_crm::whatsapp::Files;

use super::{JobError, storage, whatsapp};
use crate::wiring::App;

/// How much is looked at between two questions to the store.
const AT_ONCE: u32 = 1_000;
/// How old a message is at least whose file is swept away: a younger one may be about to be written.
const LEFT_OVER_MS: i64 = 24 * 3_600_000;

pub(super) fn files(app: &App) -> Files<'_> {
    Files {
        store: &app.store,
        shelf: &app.shelf,
    }
}

/// Fetches the file of a message.
pub(super) async fn fetch(
    app: &App,
    scope: &TenantScope,
    (message, attempt): (MessageId, u32),
) -> Result<(), JobError> {
    let transport = whatsapp::transport(app)?;
    let fetched = files(app)
        .fetch(&*transport, scope, (message, attempt))
        .await;
    storage::look(app, scope).await;
    // Whatever came of it may have left work.
    app.work.notify_one();
    Ok(fetched?)
}

/// Writes down what is said in a voice note.
pub(super) async fn transcribe(
    app: &App,
    scope: &TenantScope,
    (message, attempt): (MessageId, u32),
) -> Result<(), JobError> {
    let transcriber = &*app.transcriber;
    let used = files(app)
        .transcribe(transcriber, scope, (message, attempt))
        .await?;
    app.metrics.usage(&used);
    app.work.notify_one();
    Ok(())
}

/// Goes on without a file, or without its words.
pub(super) async fn give_up(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
) -> Result<(), JobError> {
    app.store.give_up_file(scope, message).await?;
    app.work.notify_one();
    Ok(())
}

/// Removes the file of a message that is gone.
pub(super) async fn erase(
    app: &App,
    scope: &TenantScope,
    message: MessageId,
) -> Result<(), JobError> {
    Ok(app.shelf.remove(scope.tenant(), message).await?)
}

/// Removes files of messages of before a moment. The file goes first: a row without its file is found again, a
/// file without its row is not.
pub(super) async fn remove_old(
    app: &App,
    scope: &TenantScope,
    before: UnixMillis,
) -> Result<(), JobError> {
    loop {
        let old = app.store.old_files(scope, before, AT_ONCE).await?;
        if old.is_empty() {
            return Ok(());
        }
        for message in old {
            erase(app, scope, message).await?;
            app.store.forget_file(scope, message).await?;
        }
    }
}

/// Removes files that no message has: what a crash left between the two, or a restored database forgot.
pub(super) async fn sweep(app: &App, scope: &TenantScope) -> Result<(), JobError> {
    let lying = app.shelf.messages(scope.tenant()).await?;
    if lying.is_empty() {
        return Ok(());
    }
    let known = known(app, scope).await?;
    let young = MessageId::mint(app.clock.now().plus(-LEFT_OVER_MS));
    for message in lying {
        if message < young && !known.contains(&message) {
            tracing::warn!(%message, "a file without its message was removed");
            erase(app, scope, message).await?;
        }
    }
    Ok(())
}

async fn known(app: &App, scope: &TenantScope) -> Result<HashSet<MessageId>, JobError> {
    let mut known = HashSet::new();
    let mut after = None;
    loop {
        let page = app.store.messages_with_files(scope, after, AT_ONCE).await?;
        let Some(last) = page.last() else {
            return Ok(known);
        };
        after = Some(*last);
        known.extend(page);
    }
}
