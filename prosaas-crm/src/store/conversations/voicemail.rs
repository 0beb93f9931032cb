//! The message that a caller left: its words are written down once, and the business's people are told of it once.

use prosaas_core::whatsapp::WhatsAppCapabilities;
use prosaas_core::{
    CallId, CallTime, E164, Error, ErrorClass, LeadDraft, RecordingSid, Result, Speaker,
};
use serde_json::json;

use super::missed::{LINK, caller};
use super::{Conversation, locked};
use crate::auth::TenantScope;
use crate::model::conversation::NewOutbound;
use crate::model::job::JobWork;
use crate::model::phone::may_be_mobile;
use crate::model::timeline::TimelineKind;
use crate::model::voicemail::{ToldBy, Voicemail};
use crate::model::whatsapp::WaState;
use crate::store::CrmStore;
use crate::store::calls::lock_call;
use crate::store::db::{Change, Row, Sql, TenantTx, args};
use crate::store::records::timeline::{self, Happening};

const VOICEMAIL: Sql = Sql::both(
    "SELECT recordings.path, recordings.duration_ms, recordings.created_at, recordings.heard_at,
            recordings.told_at, calls.caller_number, calls.business_number, calls.started_at,
            transcript_lines.text, leads.name
     FROM recordings
     JOIN calls ON calls.tenant_id = recordings.tenant_id AND calls.id = recordings.call_id
     LEFT JOIN transcript_lines ON transcript_lines.tenant_id = recordings.tenant_id
                               AND transcript_lines.call_id = recordings.call_id
                               AND transcript_lines.seq = recordings.line_seq
     LEFT JOIN call_leads ON call_leads.tenant_id = calls.tenant_id AND call_leads.call_id = calls.id
     LEFT JOIN leads ON leads.tenant_id = call_leads.tenant_id AND leads.id = call_leads.lead_id
                    AND leads.deleted_at IS NULL
     WHERE recordings.tenant_id = $1 AND recordings.call_id = $2 AND recordings.recording_sid = $3
       AND recordings.is_voicemail",
);
const LAST_LINE: Sql = Sql::both(
    "SELECT max(seq) AS seq, max(at_ms) AS at_ms FROM transcript_lines
     WHERE tenant_id = $1 AND call_id = $2",
);
const ADD_LINE: Sql = Sql::both(
    "INSERT INTO transcript_lines (tenant_id, call_id, seq, speaker, at_ms, text, interrupted)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const NOTE_HEARD: Sql = Sql::both(
    "UPDATE recordings SET heard_at = $3, line_seq = $4, updated_at = $3
     WHERE tenant_id = $1 AND recording_sid = $2",
);
const NOTE_TOLD: Sql = Sql::both(
    "UPDATE recordings SET told_at = $3, updated_at = $3
     WHERE tenant_id = $1 AND recording_sid = $2 AND told_at IS NULL",
);
const WAS_TOLD: Sql = Sql::both(
    "SELECT 1 AS found FROM recordings
     WHERE tenant_id = $1 AND call_id = $2 AND told_at IS NOT NULL LIMIT 1",
);
// Who would have had the call: the phone of the number that was called, then the list.
const OWN_PHONES: Sql = Sql::both(
    "SELECT ring_number AS number, -1 AS position FROM business_numbers
     WHERE tenant_id = $1 AND number = $2 AND released_at IS NULL AND ring_number IS NOT NULL
     UNION ALL
     SELECT number, position FROM transfer_targets WHERE tenant_id = $1
     ORDER BY position",
);

impl CrmStore {
    /// A message that a caller left; `None` when the recording is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn voicemail(
        &self,
        scope: &TenantScope,
        call: CallId,
        recording: &RecordingSid,
    ) -> Result<Option<Voicemail>> {
        voicemail(&mut self.read(scope).await?, call, recording).await
    }

    /// Keeps what is said in a message, as the caller's last line, and has the business's people told; `false` when
    /// that was done before. `None`, or no words, says that it could not be heard: it is there to be listened to.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call or message.
    pub async fn note_voicemail(
        &self,
        scope: &TenantScope,
        (call, recording): (CallId, &RecordingSid),
        words: Option<&str>,
    ) -> Result<bool> {
        let now = self.now();
        let mut tx = self.write(scope).await?;
        // Of two jobs the second waits here, and then finds what the first wrote.
        lock_call(&mut tx, call).await?;
        let Some(left) = voicemail(&mut tx, call, recording).await? else {
            return Err(Error::NotFound { what: "voicemail" });
        };
        if left.heard_at.is_some() {
            return Ok(false);
        }
        let words = words.map(str::trim).filter(|words| !words.is_empty());
        let seq = match words {
            Some(words) => Some(add_line(&mut tx, (call, &left), words).await?),
            None => None,
        };
        let heard = args![recording.as_str(), now, seq];
        tx.execute(&NOTE_HEARD, heard).await?;
        let lead = self.merge_lead(&mut tx, call, LeadDraft::default()).await?;
        let data = json!({ "recording": recording.as_str(), "line": seq });
        let happened = Happening::new(lead, left.left_at, TimelineKind::CallVoicemail)
            .about(call)
            .by_contact()
            .data(data);
        timeline::append(&mut tx, happened).await?;
        let work = JobWork::TellOfVoicemail {
            call,
            recording: recording.clone(),
        };
        self.add_job(&mut tx, &work, now).await?;
        let change = Change::new("call.voicemail", "call", call).lead(lead);
        tx.record(change.without_audit());
        tx.commit().await?;
        Ok(true)
    }

    /// Writes of a message to the business's own people on WhatsApp, once, and has it sent: to whoever would have
    /// had the call. Says otherwise when there is no such way to them.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call or message.
    pub async fn write_of_voicemail(
        &self,
        scope: &TenantScope,
        (call, recording): (CallId, &RecordingSid),
        (text, can): (&str, WhatsAppCapabilities),
    ) -> Result<ToldBy> {
        let mut tx = self.write(scope).await?;
        // Of two jobs the second waits here, and then finds what the first wrote.
        tx.lock_business().await?;
        let Some(left) = voicemail(&mut tx, call, recording).await? else {
            return Err(Error::NotFound { what: "voicemail" });
        };
        if left.told_at.is_some() {
            return Ok(ToldBy::Earlier);
        }
        let Some(number) = own_phone(&mut tx, &left).await? else {
            return Ok(ToldBy::Nobody);
        };
        match self.write_to(&mut tx, number, (text, can)).await {
            Ok(()) => {}
            // The business does not write there, or not now.
            Err(error) if matches!(error.class(), ErrorClass::Conflict | ErrorClass::Invalid) => {
                tracing::info!(%call, error = %error.chain(), "nobody is told of a voicemail by WhatsApp");
                return Ok(ToldBy::Nobody);
            }
            Err(error) => return Err(error),
        }
        tx.execute(&NOTE_TOLD, args![recording.as_str(), self.now()])
            .await?;
        tx.commit().await?;
        Ok(ToldBy::Whatsapp)
    }

    /// Notes that the business's people were told of a message; `false` when they were told before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_voicemail_told(
        &self,
        scope: &TenantScope,
        recording: &RecordingSid,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        let told = args![recording.as_str(), self.now()];
        let is_news = tx.execute(&NOTE_TOLD, told).await? == 1;
        tx.commit().await?;
        Ok(is_news)
    }

    /// Whether the business's people were told of a message that was left in this call.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn was_told_of_voicemail(&self, scope: &TenantScope, call: CallId) -> Result<bool> {
        let mut tx = self.read(scope).await?;
        let told = tx.fetch_optional(&WAS_TOLD, args![call.uuid()]).await?;
        Ok(told.is_some())
    }

    async fn write_to(
        &self,
        tx: &mut TenantTx,
        number: E164,
        (text, can): (&str, WhatsAppCapabilities),
    ) -> Result<()> {
        let person = caller(tx, number.clone(), None).await?;
        let thread: Conversation = match person.thread {
            Some(thread) => locked(tx, thread.id).await?,
            None => self.thread_of(tx, &number).await?,
        };
        let new = NewOutbound {
            is_wanted: true,
            is_to_own_people: true,
            ..NewOutbound::text(text)
        };
        self.write_within(tx, &thread, new, (can, None)).await?;
        Ok(())
    }
}

async fn voicemail(
    tx: &mut TenantTx,
    call: CallId,
    recording: &RecordingSid,
) -> Result<Option<Voicemail>> {
    let values = args![call.uuid(), recording.as_str()];
    let row = tx.fetch_optional(&VOICEMAIL, values).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Voicemail> {
    Ok(Voicemail {
        caller: row.get("caller_number")?,
        name: row.get("name")?,
        called: row.get("business_number")?,
        began_at: row.get("started_at")?,
        left_at: row.get("created_at")?,
        duration_ms: row.get("duration_ms")?,
        path: row.get("path")?,
        words: row.get("text")?,
        heard_at: row.get("heard_at")?,
        told_at: row.get("told_at")?,
    })
}

/// Adds the words as the caller's last line.
async fn add_line(
    tx: &mut TenantTx,
    (call, left): (CallId, &Voicemail),
    words: &str,
) -> Result<u32> {
    let row = tx.fetch_one(&LAST_LINE, args![call.uuid()], "call").await?;
    let seq = row.get::<Option<u32>>("seq")?.map_or(0, |seq| seq + 1);
    let at = row
        .get::<Option<u64>>("at_ms")?
        .unwrap_or(0)
        .max(offset(left).0);
    let values = args![call.uuid(), seq, Speaker::Caller.as_str(), at, words, false];
    tx.execute(&ADD_LINE, values).await?;
    Ok(seq)
}

/// When in the call the message was left, as far as is known.
fn offset(left: &Voicemail) -> CallTime {
    CallTime(u64::try_from(left.left_at.since(left.began_at)).unwrap_or(0))
}

/// The phone of the business's own people that can be written to; none while its WhatsApp is not linked.
async fn own_phone(tx: &mut TenantTx, left: &Voicemail) -> Result<Option<E164>> {
    let linked: Option<E164> = match tx.fetch_optional(&LINK, args![]).await? {
        Some(row) if row.parse::<WaState>("state")? == WaState::Ready => row.get("number")?,
        _ => return Ok(None),
    };
    let rows = tx.fetch_all(&OWN_PHONES, args![&left.called]).await?;
    for row in rows {
        let number: E164 = row.get("number")?;
        // What one writes to oneself rings nowhere, and the caller knows what he said.
        let is_other = linked.as_ref() != Some(&number) && left.caller.as_ref() != Some(&number);
        if is_other && may_be_mobile(&number) {
            return Ok(Some(number));
        }
    }
    Ok(None)
}
