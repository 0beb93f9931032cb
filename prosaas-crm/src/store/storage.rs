//! How much a business stores in files: the sum of what the rows of the files say, never a counter that could drift
//! away from them.

use prosaas_core::{CallId, RecordingSid, Result};

use super::CrmStore;
use super::db::{Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::job::JobWork;
use crate::model::storage::{StorageUse, WARN_EVERY_MS};

const LIMIT: Sql = Sql::both("SELECT storage_limit_bytes FROM businesses WHERE tenant_id = $1");
const FILES: Sql = Sql::split(
    "SELECT CAST(coalesce(sum(media ->> 'bytes'), 0) AS BIGINT) AS taken FROM messages
     WHERE tenant_id = $1 AND file_state = 'stored'",
    "SELECT CAST(coalesce(sum(CAST(media ->> 'bytes' AS BIGINT)), 0) AS BIGINT) AS taken FROM messages
     WHERE tenant_id = $1 AND file_state = 'stored'",
);
// Of recordings from before their size was kept the length tells it: one channel of 8,000 samples of two bytes.
const RECORDINGS: Sql = Sql::both(
    "SELECT CAST(coalesce(sum(coalesce(bytes, duration_ms * 16)), 0) AS BIGINT) AS taken FROM recordings
     WHERE tenant_id = $1 AND state = 'stored'",
);
const NOTE_RECORDING: Sql = Sql::both(
    "UPDATE recordings SET bytes = $4
     WHERE tenant_id = $1 AND call_id = $2 AND recording_sid = $3",
);
const NOTE_WARNED: Sql = Sql::both(
    "UPDATE businesses SET storage_warned_at = $2
     WHERE tenant_id = $1 AND (storage_warned_at IS NULL OR storage_warned_at <= $3)",
);

impl CrmStore {
    /// What the business's files take, and how much they may.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    pub async fn storage_use(&self, scope: &TenantScope) -> Result<StorageUse> {
        storage_use(&mut self.read(scope).await?).await
    }

    /// Has the owners told that most of what may be stored is taken, once a day while it is. Whether they are now.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    pub async fn warn_of_storage(&self, scope: &TenantScope) -> Result<bool> {
        if !self.storage_use(scope).await?.is_nearly_full() {
            return Ok(false);
        }
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let values = args![now, now.plus(-WARN_EVERY_MS)];
        if tx.execute(&NOTE_WARNED, values).await? == 0 {
            return Ok(false);
        }
        let warn = JobWork::WarnOfStorage { at: now };
        self.add_job(&mut tx, &warn, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Notes how large a recording is that was fetched.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_recording_bytes(
        &self,
        scope: &TenantScope,
        (call, recording): (CallId, &RecordingSid),
        bytes: u64,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![call.uuid(), recording.as_str(), bytes];
        tx.execute(&NOTE_RECORDING, values).await?;
        tx.commit().await
    }
}

async fn storage_use(tx: &mut TenantTx) -> Result<StorageUse> {
    let limit = tx.fetch_one(&LIMIT, args![], "business").await?;
    let files = tx.fetch_one(&FILES, args![], "sum").await?;
    let recordings = tx.fetch_one(&RECORDINGS, args![], "sum").await?;
    Ok(StorageUse::of(
        files.get("taken")?,
        recordings.get("taken")?,
        limit.get("storage_limit_bytes")?,
    ))
}
