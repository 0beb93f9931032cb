//! Recordings.

use prosaas_core::{CallId, Error, RecordingSid, Result, TenantId};
use sqlx::sqlite::SqliteRow;

use super::error::db_error;
use super::row::{Columns, stored};
use super::{SqliteStore, Tx, commit, require_call};
use crate::model::call::{Recording, RecordingState, RecordingUpdate};
use crate::model::job::JobWork;

const RECORDING: &str = "SELECT * FROM recordings WHERE tenant_id = ?1 AND recording_sid = ?2";
const RECORDINGS: &str = "
    SELECT * FROM recordings WHERE tenant_id = ?1 AND call_id = ?2 ORDER BY created_at, recording_sid";
const ADD_RECORDING: &str = "
    INSERT INTO recordings (tenant_id, recording_sid, call_id, state, duration_ms, path,
                            created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
const UPDATE_RECORDING: &str = "
    UPDATE recordings SET state = ?3, duration_ms = ?4, path = ?5, updated_at = ?6
    WHERE tenant_id = ?1 AND recording_sid = ?2";

impl SqliteStore {
    pub(super) async fn note_recording(
        &self,
        tenant: TenantId,
        call: CallId,
        update: RecordingUpdate,
    ) -> Result<bool> {
        update.check()?;
        let mut tx = self.begin().await?;
        require_call(&mut *tx, tenant, call).await?;
        let known = stored_recording(&mut tx, tenant, call, &update.sid).await?;
        let was = known.as_ref().map(|recording| recording.state);
        let merged = update.merged_into(known.clone());
        if known.as_ref() == Some(&merged) {
            return Ok(false);
        }
        self.write_recording(&mut tx, tenant, call, &merged, known.is_some())
            .await?;
        if merged.state == RecordingState::Available && was != Some(RecordingState::Available) {
            let work = JobWork::FetchRecording {
                call,
                recording: merged.sid,
            };
            self.add_job(&mut tx, tenant, &work, self.clock.now())
                .await?;
        }
        commit(tx).await?;
        Ok(true)
    }

    async fn write_recording(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        call: CallId,
        recording: &Recording,
        exists: bool,
    ) -> Result<()> {
        let query = if exists {
            sqlx::query(UPDATE_RECORDING)
                .bind(tenant.uuid())
                .bind(recording.sid.as_str())
        } else {
            let query = sqlx::query(ADD_RECORDING).bind(tenant.uuid());
            query.bind(recording.sid.as_str()).bind(call.uuid())
        };
        query
            .bind(recording.state.as_str())
            .bind(recording.duration_ms.map(stored))
            .bind(recording.path.as_deref())
            .bind(self.clock.now().0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(())
    }

    pub(super) async fn load_recordings(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Vec<Recording>> {
        require_call(&self.readers, tenant, call).await?;
        let query = sqlx::query(RECORDINGS)
            .bind(tenant.uuid())
            .bind(call.uuid());
        let rows = query.fetch_all(&self.readers).await.map_err(db_error)?;
        rows.iter().map(read_recording).collect()
    }
}

/// What is stored of a recording; `Conflict` when it is another call's.
async fn stored_recording(
    tx: &mut Tx,
    tenant: TenantId,
    call: CallId,
    sid: &RecordingSid,
) -> Result<Option<Recording>> {
    let query = sqlx::query(RECORDING)
        .bind(tenant.uuid())
        .bind(sid.as_str());
    let Some(row) = query.fetch_optional(&mut **tx).await.map_err(db_error)? else {
        return Ok(None);
    };
    if Columns::of("recordings", &row).call("call_id")? != call {
        let detail = "it belongs to another call".to_owned();
        return Err(Error::Conflict {
            what: "recording",
            detail,
        });
    }
    read_recording(&row).map(Some)
}

fn read_recording(row: &SqliteRow) -> Result<Recording> {
    let columns = Columns::of("recordings", row);
    Ok(Recording {
        sid: columns.parse("recording_sid")?,
        state: columns.parse("state")?,
        duration_ms: columns.optional_number("duration_ms")?,
        path: columns.get("path")?,
    })
}
