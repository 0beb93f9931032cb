//! People's requests about their data: the list that somebody works through.

use prosaas_core::{LeadId, Result, UnixMillis};

use crate::auth::{Permission, TenantScope};
use crate::model::check;
use crate::model::id::SubjectRequestId;
use crate::model::page::Page;
use crate::model::privacy::{
    NewSubjectRequest, SubjectRequest, SubjectRequestPatch, SubjectRequestStatus,
};
use crate::model::time::Time;
use crate::store::CrmStore;
use crate::store::db::{Change, Row, Sql, TenantTx, args};
use crate::store::records::{below, expect_changed, expect_version};

const DAY_MS: i64 = 24 * 3600 * 1000;

const LEAD: Sql = Sql::both("SELECT 1 AS found FROM leads WHERE tenant_id = $1 AND id = $2");
const ADD: Sql = Sql::both(
    "INSERT INTO data_subject_requests (tenant_id, id, kind, status, lead_id, subject, contact, note,
         received_at, due_at, actor_kind, actor_id, created_at, updated_at)
     VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, $10, $11, $8, $8)",
);
const ONE: Sql = Sql::both("SELECT * FROM data_subject_requests WHERE tenant_id = $1 AND id = $2");
const LIST: Sql = Sql::both(
    "SELECT * FROM data_subject_requests
     WHERE tenant_id = $1 AND (created_at, id) < ($2, $3) AND ($4 IS NULL OR status = $4)
     ORDER BY created_at DESC, id DESC LIMIT $5",
);
const UPDATE: Sql = Sql::both(
    "UPDATE data_subject_requests SET status = $4, lead_id = $5, note = $6, due_at = $7,
         handled_kind = $8, handled_id = $9, handled_at = $10, updated_at = $11, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Writes a request down.
    ///
    /// # Errors
    /// `Forbidden` without the right; `Invalid`; `NotFound` when the business has no such lead.
    pub async fn add_subject_request(
        &self,
        scope: &TenantScope,
        new: NewSubjectRequest,
    ) -> Result<SubjectRequest> {
        scope.require(Permission::PrivacyRead)?;
        let new = new.checked()?;
        let mut tx = self.write(scope).await?;
        require_lead(&mut tx, new.lead_id).await?;
        let (now, actor) = (self.now(), tx.actor());
        let id = SubjectRequestId::mint(now);
        let due = new.due_at.map_or_else(
            || now.plus(SubjectRequest::DAYS_TO_ANSWER * DAY_MS),
            UnixMillis::from,
        );
        let values = args![
            id.uuid(),
            new.kind.as_str(),
            new.lead_id.map(LeadId::uuid),
            new.subject,
            new.contact,
            new.note,
            now,
            due,
            actor.kind(),
            actor.id(),
        ];
        tx.execute(&ADD, values).await?;
        tx.record(Change::new(
            "subject_request.created",
            "subject_request",
            id,
        ));
        let request = one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(request)
    }

    /// A request.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn subject_request(
        &self,
        scope: &TenantScope,
        id: SubjectRequestId,
    ) -> Result<SubjectRequest> {
        one(&mut self.read(scope).await?, id).await
    }

    /// The requests, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject_requests(
        &self,
        scope: &TenantScope,
        status: Option<SubjectRequestStatus>,
        page: Page<SubjectRequestId>,
    ) -> Result<Vec<SubjectRequest>> {
        let tx = self.look(scope).await?;
        let (at, id) = below(&page);
        let status = status.map(SubjectRequestStatus::as_str);
        let values = args![at, id, status, page.capped_limit()];
        let rows = tx.fetch_all(&LIST, values).await?;
        rows.iter().map(read).collect()
    }

    /// Changes a request that is still at version `expected`.
    ///
    /// # Errors
    /// `Forbidden` without the right; `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_subject_request(
        &self,
        scope: &TenantScope,
        id: SubjectRequestId,
        expected: u64,
        patch: SubjectRequestPatch,
    ) -> Result<SubjectRequest> {
        scope.require(Permission::PrivacyRead)?;
        let mut tx = self.write(scope).await?;
        let before = one(&mut tx, id).await?;
        expect_version(before.version, expected)?;
        if patch.lead_id.is_some() && patch.lead_id != before.lead_id {
            require_lead(&mut tx, patch.lead_id).await?;
        }
        let note = match &patch.note {
            Some(note) => check::optional("note", Some(note), check::MAX_TEXT)?.unwrap_or_default(),
            None => before.note,
        };
        let (now, actor) = (self.now(), tx.actor());
        let status = patch.status.unwrap_or(before.status);
        let is_over = matches!(
            status,
            SubjectRequestStatus::Done | SubjectRequestStatus::Refused
        );
        let (kind, who, at) = match (is_over, before.handled_at) {
            (true, Some(at)) => (before.handled_kind, before.handled_id, Some(at.into())),
            (true, None) => (Some(actor.kind().to_owned()), actor.id(), Some(now)),
            (false, _) => (None, None, None),
        };
        let values = args![
            id.uuid(),
            expected,
            status.as_str(),
            patch.lead_id.or(before.lead_id).map(LeadId::uuid),
            note,
            UnixMillis::from(patch.due_at.unwrap_or(before.due_at)),
            kind,
            who,
            at,
            now,
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let detail = serde_json::json!({ "status": status.as_str() });
        tx.record(Change::new("subject_request.updated", "subject_request", id).detail(detail));
        let request = one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(request)
    }
}

async fn require_lead(tx: &mut TenantTx, lead: Option<LeadId>) -> Result<()> {
    match lead {
        Some(lead) => tx.require(&LEAD, args![lead.uuid()], "lead").await,
        None => Ok(()),
    }
}

async fn one(tx: &mut TenantTx, id: SubjectRequestId) -> Result<SubjectRequest> {
    read(&tx.fetch_one(&ONE, args![id.uuid()], "request").await?)
}

fn read(row: &Row) -> Result<SubjectRequest> {
    let time = |column| Ok::<Time, prosaas_core::Error>(row.get::<UnixMillis>(column)?.into());
    Ok(SubjectRequest {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        status: row.parse("status")?,
        lead_id: row.optional_id("lead_id")?,
        subject: row.get("subject")?,
        contact: row.get("contact")?,
        note: row.get("note")?,
        received_at: time("received_at")?,
        due_at: time("due_at")?,
        job_id: row.optional_id("batch_id")?,
        handled_kind: row.get("handled_kind")?,
        handled_id: row.get("handled_id")?,
        handled_at: row.get::<Option<UnixMillis>>("handled_at")?.map(Time::from),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        version: row.get("version")?,
    })
}
