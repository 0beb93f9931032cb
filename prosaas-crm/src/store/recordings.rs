//! Recordings.

use prosaas_core::{CallId, Error, RecordingSid, Result};

use super::CrmStore;
use super::calls::{lock_call, require_call};
use super::db::{Row, Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::call::{Recording, RecordingState, RecordingUpdate};
use crate::model::job::JobWork;

const RECORDING: Sql =
    Sql::both("SELECT * FROM recordings WHERE tenant_id = $1 AND recording_sid = $2");
const RECORDINGS: Sql = Sql::both(
    "SELECT * FROM recordings WHERE tenant_id = $1 AND call_id = $2
     ORDER BY created_at, recording_sid",
);
const ADD_RECORDING: Sql = Sql::both(
    "INSERT INTO recordings (tenant_id, recording_sid, call_id, state, duration_ms, path, is_voicemail,
                             created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
);
const UPDATE_RECORDING: Sql = Sql::both(
    "UPDATE recordings SET state = $4, duration_ms = $5, path = $6, is_voicemail = $7, updated_at = $8
     WHERE tenant_id = $1 AND recording_sid = $2 AND call_id = $3",
);

impl CrmStore {
    pub(super) async fn note_recording(
        &self,
        scope: &TenantScope,
        call: CallId,
        update: RecordingUpdate,
    ) -> Result<bool> {
        update.check()?;
        let mut tx = self.write(scope).await?;
        // Two callbacks about one recording at once: the second decides on what the first one left.
        lock_call(&mut tx, call).await?;
        let known = stored_recording(&mut tx, call, &update.sid).await?;
        let was = known.as_ref().map(|recording| recording.state);
        let merged = update.merged_into(known.clone());
        if known.as_ref() == Some(&merged) {
            return Ok(false);
        }
        self.write_recording(&mut tx, call, &merged, known.is_some())
            .await?;
        if was != Some(merged.state)
            && let Some(work) = next_work(call, merged)
        {
            self.add_job(&mut tx, &work, self.now()).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn write_recording(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        recording: &Recording,
        exists: bool,
    ) -> Result<()> {
        let statement = if exists {
            &UPDATE_RECORDING
        } else {
            &ADD_RECORDING
        };
        let values = args![
            recording.sid.as_str(),
            call.uuid(),
            recording.state.as_str(),
            recording.duration_ms,
            recording.path.as_deref(),
            recording.is_voicemail,
            self.now(),
        ];
        tx.execute(statement, values).await.map(drop)
    }

    pub(super) async fn load_recordings(
        &self,
        scope: &TenantScope,
        call: CallId,
    ) -> Result<Vec<Recording>> {
        let mut tx = self.read(scope).await?;
        require_call(&mut tx, call).await?;
        let rows = tx.fetch_all(&RECORDINGS, args![call.uuid()]).await?;
        rows.iter().map(read_recording).collect()
    }
}

/// What has to be done with a recording that came so far.
fn next_work(call: CallId, reached: Recording) -> Option<JobWork> {
    let recording = reached.sid;
    match reached.state {
        RecordingState::Available => Some(JobWork::FetchRecording { call, recording }),
        RecordingState::Stored if reached.is_voicemail => {
            Some(JobWork::TranscribeVoicemail { call, recording })
        }
        _ => None,
    }
}

/// What is stored of a recording; `Conflict` when it is another call's.
async fn stored_recording(
    tx: &mut TenantTx,
    call: CallId,
    sid: &RecordingSid,
) -> Result<Option<Recording>> {
    let Some(row) = tx.fetch_optional(&RECORDING, args![sid.as_str()]).await? else {
        return Ok(None);
    };
    if row.id::<CallId>("call_id")? != call {
        let detail = "it belongs to another call".to_owned();
        return Err(Error::Conflict {
            what: "recording",
            detail,
        });
    }
    read_recording(&row).map(Some)
}

fn read_recording(row: &Row) -> Result<Recording> {
    Ok(Recording {
        sid: row.parse("recording_sid")?,
        state: row.parse("state")?,
        duration_ms: row.get("duration_ms")?,
        path: row.get("path")?,
        is_voicemail: row.get("is_voicemail")?,
    })
}
