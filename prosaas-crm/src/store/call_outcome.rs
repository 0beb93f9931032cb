//! How a call ended, for whom, and who has to hear of it.

use prosaas_core::{CallEnd, CallId, Error, LeadDraft, LeadId, Result, UnixMillis};
use serde_json::json;

use super::CrmStore;
use super::call_list::ladder;
use super::calls::{lock_call, require_call};
use super::db::{Change, Sql, TenantTx, args};
use super::records::timeline::{self, Happening};
use crate::auth::TenantScope;
use crate::model::call::AfterStream;
use crate::model::call_list::{AnsweredBy, CallFindings, LadderUse, Recipient};
use crate::model::id::UserId;
use crate::model::job::JobWork;
use crate::model::task::{NewTask, Priority};
use crate::model::timeline::TimelineKind;

/// How long the alert of a missed call waits that goes on with a person's phone or with voicemail, in
/// milliseconds: longer than the phone rings, and than most messages are.
const ALERT_AFTER_MS: i64 = 90_000;

const CALLER_SPOKE: Sql = Sql::both(
    "SELECT 1 AS spoke FROM transcript_lines
     WHERE tenant_id = $1 AND call_id = $2 AND speaker = 'caller' AND text <> '' LIMIT 1",
);
const BEFORE_END: Sql = Sql::both(
    "SELECT answered_by, served_by, hold_lines, reconnects FROM calls
     WHERE tenant_id = $1 AND id = $2",
);
const NOTE_LADDER: Sql = Sql::both(
    "UPDATE calls SET served_by = $3, hold_lines = $4, reconnects = $5, updated_at = $6
     WHERE tenant_id = $1 AND id = $2",
);
// After its outcome, a call goes on that was handed to a person.
const EXPECT_ANSWER: Sql = Sql::both(
    "UPDATE calls SET answered_by = $3, updated_at = $4
     WHERE tenant_id = $1 AND id = $2
       AND (end_reason IS NULL OR $3 = 'person' AND answered_by = 'nobody')",
);
const NOTE_ANSWERED: Sql = Sql::both(
    "UPDATE calls SET answered_by = $3, updated_at = $4
     WHERE tenant_id = $1 AND id = $2 AND answered_by IS NULL",
);
const NOTE_ANNOUNCEMENT: Sql = Sql::both(
    "UPDATE calls SET announcement_version = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2",
);
const REJECT: Sql = Sql::both(
    "UPDATE calls SET end_reason = $3, ended_at = $4, after_stream = 'hang_up',
            answered_by = 'rejected', updated_at = $4
     WHERE tenant_id = $1 AND id = $2 AND end_reason IS NULL",
);
const SUMMARIZED: Sql =
    Sql::both("SELECT summarized_at FROM calls WHERE tenant_id = $1 AND id = $2");
const NOTE_FINDINGS: Sql = Sql::both(
    "UPDATE calls SET summary = $3, intent = $4, urgent = $5, summarized_at = $6, updated_at = $6
     WHERE tenant_id = $1 AND id = $2",
);
const HAS_TASKS: Sql =
    Sql::both("SELECT 1 AS found FROM tasks WHERE tenant_id = $1 AND call_id = $2 LIMIT 1");
const OWNERS: Sql = Sql::both(
    "SELECT users.email, users.language FROM memberships
     JOIN users ON users.id = memberships.user_id
     WHERE memberships.tenant_id = $1 AND memberships.role = 'owner'
       AND memberships.status = 'active' AND users.deleted_at IS NULL
     ORDER BY memberships.created_at, users.id",
);
const MEMBER: Sql = Sql::both(
    "SELECT users.email, users.language FROM memberships
     JOIN users ON users.id = memberships.user_id
     WHERE memberships.tenant_id = $1 AND memberships.user_id = $2
       AND memberships.status = 'active' AND users.deleted_at IS NULL",
);
const NOTE_ALERTED: Sql = Sql::both(
    "UPDATE calls SET alerted_at = $3, updated_at = $3
     WHERE tenant_id = $1 AND id = $2 AND alerted_at IS NULL",
);

impl CrmStore {
    /// Says who takes a call, as far as it is known before its end; `None` takes it back. Whoever is noted
    /// when the call's outcome is stored has taken it; only a person who picked up after that takes a call that
    /// nobody had.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn expect_answer(
        &self,
        scope: &TenantScope,
        call: CallId,
        by: Option<AnsweredBy>,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let values = args![call.uuid(), by.map(AnsweredBy::as_str), self.now()];
        tx.execute(&EXPECT_ANSWER, values).await?;
        tx.commit().await
    }

    /// Says which announcement of the recording the caller hears.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn note_announcement(
        &self,
        scope: &TenantScope,
        call: CallId,
        version: u32,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![call.uuid(), version, self.now()];
        match tx.execute(&NOTE_ANNOUNCEMENT, values).await? {
            0 => Err(Error::NotFound { what: "call" }),
            _ => tx.commit().await,
        }
    }

    /// Says what served a call, and how often its caller had to wait: before its outcome is stored, whose place in
    /// the timeline tells of it.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn note_ladder(
        &self,
        scope: &TenantScope,
        call: CallId,
        ladder: &LadderUse,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![
            call.uuid(),
            ladder.served_by.as_deref(),
            ladder.hold_lines,
            ladder.reconnects,
            self.now(),
        ];
        match tx.execute(&NOTE_LADDER, values).await? {
            0 => Err(Error::NotFound { what: "call" }),
            _ => tx.commit().await,
        }
    }

    /// Ends a call whose caller was turned away. It leaves no lead, and nobody is told of it.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn reject_call(&self, scope: &TenantScope, call: CallId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let values = args![call.uuid(), CallEnd::Voicemail.as_str(), self.now()];
        if tx.execute(&REJECT, values).await? == 0 {
            return require_call(&mut tx, call).await;
        }
        tx.record(Change::new("call.rejected", "call", call).without_audit());
        tx.commit().await
    }

    /// What follows from a call's end, in the transaction that stores it: who took it, its place in the
    /// lead's timeline, and an alert when the caller was not heard.
    pub(super) async fn follow_end(
        &self,
        tx: &mut TenantTx,
        call: CallId,
        lead: LeadId,
        (end, after): (CallEnd, &AfterStream),
    ) -> Result<()> {
        let now = self.now();
        let row = tx
            .fetch_one(&BEFORE_END, args![call.uuid()], "call")
            .await?;
        let noted = row.parse_optional("answered_by")?;
        let by = if let Some(by) = noted {
            by
        } else {
            let spoke = tx.fetch_optional(&CALLER_SPOKE, args![call.uuid()]).await?;
            let by = answered_by(end, spoke.is_some());
            let values = args![call.uuid(), by.as_str(), now];
            tx.execute(&NOTE_ANSWERED, values).await?;
            by
        };
        let LadderUse {
            served_by,
            hold_lines,
            reconnects,
        } = ladder(&row)?;
        let data = json!({
            "end": end.as_str(), "answered_by": by, "then": after.as_str(),
            "served_by": served_by, "hold_lines": hold_lines, "reconnects": reconnects,
        });
        let ended = Happening::new(lead, now, TimelineKind::CallEnded)
            .about(call)
            .data(data);
        timeline::append(tx, ended).await?;
        if by.is_missed() {
            // Somebody may still have it, or the caller leave a message that says more.
            let goes_on = noted.is_some() || *after != AfterStream::HangUp;
            let at = now.plus(if goes_on { ALERT_AFTER_MS } else { 0 });
            self.add_job(tx, &JobWork::AlertOwners { call }, at).await?;
            self.ask_for_reply(tx, call).await?;
            let missed = Change::new("call.missed", "call", call);
            tx.record(missed.lead(lead).without_audit());
        }
        let finished = Change::new("call.finished", "call", call);
        tx.record(finished.lead(lead).without_audit());
        Ok(())
    }

    /// Keeps what was found out about a call after it, once: what the lead learned, promises, tasks unless
    /// the agent made some in the call, and an alert when it cannot wait.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call; `Invalid` when a finding cannot be stored.
    pub async fn note_findings(
        &self,
        scope: &TenantScope,
        call: CallId,
        found: CallFindings,
    ) -> Result<LeadId> {
        let now = self.now();
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let row = tx
            .fetch_one(&SUMMARIZED, args![call.uuid()], "call")
            .await?;
        let is_first = row.get::<Option<UnixMillis>>("summarized_at")?.is_none();
        if !is_first {
            return self.merge_lead(&mut tx, call, LeadDraft::default()).await;
        }
        let (summary, intent) = (found.lead.summary.clone(), found.lead.intent.clone());
        let lead = self.merge_lead(&mut tx, call, found.lead).await?;
        let values = args![call.uuid(), summary, intent, found.urgent, now];
        tx.execute(&NOTE_FINDINGS, values).await?;
        for promise in found.promises {
            self.note_promise(&mut tx, promise).await?;
        }
        let has_tasks = tx.fetch_optional(&HAS_TASKS, args![call.uuid()]).await?;
        if has_tasks.is_none() {
            for (title, due_at) in found.tasks {
                let priority = found.urgent.then_some(Priority::Urgent);
                let task = NewTask {
                    lead_id: Some(lead),
                    call_id: Some(call),
                    title,
                    priority,
                    due_at: due_at.map(Into::into),
                    remind_at: due_at.map(Into::into),
                    ..NewTask::default()
                };
                self.add_task(&mut tx, task).await?;
            }
        }
        if found.urgent {
            self.add_job(&mut tx, &JobWork::AlertOwners { call }, now)
                .await?;
        }
        let summarized = Happening::new(lead, now, TimelineKind::CallSummarized)
            .about(call)
            .data(json!({ "urgent": found.urgent }));
        timeline::append(&mut tx, summarized).await?;
        let change = Change::new("call.summarized", "call", call).lead(lead);
        tx.record(change.without_audit());
        tx.commit().await?;
        Ok(lead)
    }

    /// Has the owners told of a call that cannot wait, once.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call.
    pub async fn alert_owners(&self, scope: &TenantScope, call: CallId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        require_call(&mut tx, call).await?;
        self.add_job(&mut tx, &JobWork::AlertOwners { call }, self.now())
            .await?;
        tx.commit().await
    }

    /// Who is told of a call that was missed or cannot wait: the owners.
    pub async fn owners_to_alert(&self, scope: &TenantScope) -> Result<Vec<Recipient>> {
        self.recipients(scope, None).await
    }

    /// Where a member is written to; the owners when nobody is named, or he is no active member.
    pub async fn recipients(
        &self,
        scope: &TenantScope,
        member: Option<UserId>,
    ) -> Result<Vec<Recipient>> {
        let mut tx = self.read(scope).await?;
        let mut rows = match member {
            Some(user) => tx.fetch_all(&MEMBER, args![user.uuid()]).await?,
            None => Vec::new(),
        };
        if rows.is_empty() {
            rows = tx.fetch_all(&OWNERS, args![]).await?;
        }
        rows.iter()
            .map(|row| {
                Ok(Recipient {
                    email: row.parse("email")?,
                    language: row.parse("language")?,
                })
            })
            .collect()
    }

    /// Notes that the owners were told of a call; `false` when they were told before.
    pub async fn note_alerted(&self, scope: &TenantScope, call: CallId) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        if tx
            .execute(&NOTE_ALERTED, args![call.uuid(), self.now()])
            .await?
            == 0
        {
            return Ok(false);
        }
        tx.record(Change::new("call.alerted", "call", call).without_audit());
        tx.commit().await?;
        Ok(true)
    }
}

/// Who took a call that nobody said anything about before its end.
const fn answered_by(end: CallEnd, caller_spoke: bool) -> AnsweredBy {
    match (end, caller_spoke) {
        (CallEnd::Voicemail, _) => AnsweredBy::Voicemail,
        (CallEnd::AgentEnded | CallEnd::Transferred, _) | (_, true) => AnsweredBy::Agent,
        (_, false) => AnsweredBy::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_was_not_heard_was_missed() {
        for end in CallEnd::ALL {
            let missed = answered_by(end, false).is_missed();
            let is_fine = matches!(end, CallEnd::AgentEnded | CallEnd::Transferred);
            assert_eq!(missed, !is_fine, "{end:?}");
            let heard = answered_by(end, true).is_missed();
            assert_eq!(heard, end == CallEnd::Voicemail, "{end:?}");
        }
    }
}
