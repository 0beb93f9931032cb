//! Transcript lines.

use prosaas_core::{CallId, CallTime, Result, Speaker, TranscriptLine};

use super::CrmStore;
use super::calls::require_call;
use super::db::{Change, Row, Sql, args};
use crate::auth::TenantScope;

const LINES: Sql = Sql::both(
    "SELECT seq, speaker, at_ms, text, interrupted FROM transcript_lines
     WHERE tenant_id = $1 AND call_id = $2 ORDER BY seq",
);
const ADD_LINE: Sql = Sql::both(
    "INSERT INTO transcript_lines (tenant_id, call_id, seq, speaker, at_ms, text, interrupted)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant_id, call_id, seq) DO NOTHING",
);

impl CrmStore {
    pub(super) async fn add_lines(
        &self,
        scope: &TenantScope,
        call: CallId,
        lines: &[TranscriptLine],
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_call(&mut tx, call).await?;
        let mut added = 0;
        for line in lines {
            let values = args![
                call.uuid(),
                line.seq,
                line.speaker.as_str(),
                line.at.0,
                &line.text,
                line.interrupted,
            ];
            added += tx.execute(&ADD_LINE, values).await?;
        }
        if added > 0 {
            let change = Change::new("call.transcript", "call", call);
            tx.record(change.without_audit().without_webhooks());
        }
        tx.commit().await
    }

    pub(super) async fn load_lines(
        &self,
        scope: &TenantScope,
        call: CallId,
    ) -> Result<Vec<TranscriptLine>> {
        let mut tx = self.read(scope).await?;
        require_call(&mut tx, call).await?;
        let rows = tx.fetch_all(&LINES, args![call.uuid()]).await?;
        rows.iter().map(read_line).collect()
    }
}

fn read_line(row: &Row) -> Result<TranscriptLine> {
    let speaker = match row.get::<String>("speaker")?.as_str() {
        "caller" => Speaker::Caller,
        "agent" => Speaker::Agent,
        _ => return Err(row.unreadable("speaker", "expected `caller` or `agent`")),
    };
    Ok(TranscriptLine {
        seq: row.get("seq")?,
        speaker,
        at: CallTime(row.get("at_ms")?),
        text: row.get("text")?,
        interrupted: row.get("interrupted")?,
    })
}
