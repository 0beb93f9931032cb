//! What a business no longer keeps: recordings and transcripts that are older than its days.

use prosaas_core::{CallId, RecordingSid, Result, UnixMillis};

use super::CrmStore;
use super::db::{Change, Sql, args};
use crate::auth::TenantScope;

const OLD_RECORDINGS: Sql = Sql::both(
    "SELECT recording_sid, path FROM recordings
     WHERE tenant_id = $1 AND state = 'stored' AND created_at < $2
     ORDER BY created_at LIMIT $3",
);
const FORGET_RECORDING: Sql = Sql::both(
    "UPDATE recordings SET state = 'absent', path = NULL, updated_at = $3
     WHERE tenant_id = $1 AND recording_sid = $2",
);
const OLD_TRANSCRIPTS: Sql = Sql::both(
    "SELECT calls.id FROM calls
     WHERE calls.tenant_id = $1 AND calls.started_at < $2 AND EXISTS (
         SELECT 1 FROM transcript_lines
         WHERE transcript_lines.tenant_id = $1 AND transcript_lines.call_id = calls.id)
     ORDER BY calls.started_at LIMIT $3",
);
const FORGET_TRANSCRIPT: Sql =
    Sql::both("DELETE FROM transcript_lines WHERE tenant_id = $1 AND call_id = $2");

impl CrmStore {
    /// Stored recordings that came to be before this time, the oldest first, with their paths.
    pub async fn old_recordings(
        &self,
        scope: &TenantScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<(RecordingSid, String)>> {
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&OLD_RECORDINGS, args![before, limit]).await?;
        rows.iter()
            .map(|row| Ok((row.parse("recording_sid")?, row.get("path")?)))
            .collect()
    }

    /// Notes that a recording's file is gone.
    pub async fn forget_recording(
        &self,
        scope: &TenantScope,
        recording: &RecordingSid,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![recording.as_str(), self.now()];
        tx.execute(&FORGET_RECORDING, values).await?;
        let change = Change::new("recording.expired", "recording", recording);
        tx.record(change.without_event());
        tx.commit().await
    }

    /// Calls that began before this time and still have a transcript, the oldest first.
    pub async fn calls_with_old_transcripts(
        &self,
        scope: &TenantScope,
        before: UnixMillis,
        limit: u32,
    ) -> Result<Vec<CallId>> {
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&OLD_TRANSCRIPTS, args![before, limit]).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Removes a call's transcript; its summary stays.
    pub async fn forget_transcript(&self, scope: &TenantScope, call: CallId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        tx.execute(&FORGET_TRANSCRIPT, args![call.uuid()]).await?;
        tx.record(Change::new("transcript.expired", "call", call).without_event());
        tx.commit().await
    }
}
