//! Transcript lines.

use prosaas_core::{CallId, CallTime, Result, Speaker, TenantId, TranscriptLine};
use sqlx::sqlite::SqliteRow;

use super::error::db_error;
use super::row::{Columns, stored};
use super::{SqliteStore, commit, require_call};

const LINES: &str = "
    SELECT seq, speaker, at_ms, text, interrupted FROM transcript_lines
    WHERE tenant_id = ?1 AND call_id = ?2 ORDER BY seq";
const ADD_LINE: &str = "
    INSERT INTO transcript_lines (tenant_id, call_id, seq, speaker, at_ms, text, interrupted)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (tenant_id, call_id, seq) DO NOTHING";

impl SqliteStore {
    pub(super) async fn add_lines(
        &self,
        tenant: TenantId,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        require_call(&mut *tx, tenant, call).await?;
        for line in lines {
            sqlx::query(ADD_LINE)
                .bind(tenant.uuid())
                .bind(call.uuid())
                .bind(line.seq)
                .bind(line.speaker.as_str())
                .bind(stored(line.at.0))
                .bind(&line.text)
                .bind(line.interrupted)
                .execute(&mut *tx)
                .await
                .map_err(db_error)?;
        }
        commit(tx).await
    }

    pub(super) async fn load_lines(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Vec<TranscriptLine>> {
        require_call(&self.readers, tenant, call).await?;
        let rows = sqlx::query(LINES)
            .bind(tenant.uuid())
            .bind(call.uuid())
            .fetch_all(&self.readers)
            .await
            .map_err(db_error)?;
        rows.iter().map(read_line).collect()
    }
}

fn read_line(row: &SqliteRow) -> Result<TranscriptLine> {
    let columns = Columns::of("transcript_lines", row);
    let speaker = match columns.get("speaker")? {
        "caller" => Speaker::Caller,
        "agent" => Speaker::Agent,
        _ => return Err(columns.unreadable("speaker", "expected `caller` or `agent`")),
    };
    Ok(TranscriptLine {
        seq: columns.number("seq")?,
        speaker,
        at: CallTime(columns.number("at_ms")?),
        text: columns.get("text")?,
        interrupted: columns.get("interrupted")?,
    })
}
