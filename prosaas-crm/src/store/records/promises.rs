//! Promises that were made in calls.

use prosaas_core::{CallId, LeadId, Result, UnixMillis};
use serde_json::json;

use super::rows::{below, expect_changed, require_call};
use super::timeline::{Happening, append};
use super::{Record, any, at_version, moment, record_change, time};
use crate::auth::TenantScope;
use crate::model::id::PromiseId;
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::model::promise::{NewPromise, Promise, PromiseFilter, PromisePatch, PromiseStatus};
use crate::model::time::Time;
use crate::model::timeline::TimelineKind;
use crate::rules::promises::{first_telling, next_telling};
use crate::store::CrmStore;
use crate::store::db::{Row, Sql, TenantTx, args};

const LIST: Sql = Sql::both(
    "SELECT * FROM promises
     WHERE tenant_id = $1 AND (created_at, id) < ($2, $3)
       AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR lead_id = $6)
       AND ($7 IS NULL OR call_id = $7) AND ($8 IS NULL OR due_at < $8)
     ORDER BY created_at DESC, id DESC LIMIT $4",
);
const LEAD_OF_CALL: Sql =
    Sql::both("SELECT lead_id FROM call_leads WHERE tenant_id = $1 AND call_id = $2");
const ADD: Sql = Sql::both(
    "INSERT INTO promises (tenant_id, id, call_id, lead_id, what, who, due_at, said_at_ms, status,
                           created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $9)",
);
const UPDATE: Sql = Sql::both(
    "UPDATE promises
     SET what = $4, who = $5, due_at = $6, status = $7, updated_at = $8, version = version + 1
     WHERE tenant_id = $1 AND id = $2 AND version = $3",
);

impl CrmStore {
    /// Notes a promise; it is the call's lead that it was made to.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the business has no such call.
    pub async fn add_promise(&self, scope: &TenantScope, new: NewPromise) -> Result<Promise> {
        let mut tx = self.write(scope).await?;
        let promise = self.note_promise(&mut tx, new).await?;
        tx.commit().await?;
        Ok(promise)
    }

    /// [`CrmStore::add_promise`] within a transaction, such as the one that stores a call's summary.
    pub(crate) async fn note_promise(&self, tx: &mut TenantTx, new: NewPromise) -> Result<Promise> {
        let new = new.checked()?;
        require_call(tx, Some(new.call_id)).await?;
        let row = tx
            .fetch_optional(&LEAD_OF_CALL, args![new.call_id.uuid()])
            .await?;
        let lead: Option<LeadId> = row.map(|row| row.id("lead_id")).transpose()?;
        let now = self.now();
        let id = PromiseId::mint(now);
        let values = args![
            id.uuid(),
            new.call_id.uuid(),
            lead.map(LeadId::uuid),
            new.what,
            new.who.unwrap_or_default(),
            new.due_at.map(Time::millis),
            new.said_at_ms,
            now,
        ];
        tx.execute(&ADD, values).await?;
        let promise: Promise = any(tx, id).await?;
        self.watch_promise(tx, &promise).await?;
        let happened = Some(TimelineKind::PromiseMade);
        self.tell_of_promise(tx, &promise, "promise.made", happened)
            .await?;
        Ok(promise)
    }

    /// A promise.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn promise(&self, scope: &TenantScope, id: PromiseId) -> Result<Promise> {
        self.find(scope, id).await
    }

    /// Promises, the newest first.
    pub async fn promises(
        &self,
        scope: &TenantScope,
        filter: &PromiseFilter,
        page: Page<PromiseId>,
    ) -> Result<Vec<Promise>> {
        let (at, id) = below(&page);
        let values = args![
            at,
            id,
            page.capped_limit(),
            filter.status.map(PromiseStatus::as_str),
            filter.lead_id.map(LeadId::uuid),
            filter.call_id.map(CallId::uuid),
            filter.due_before.map(Time::millis),
        ];
        let rows = self.look(scope).await?.fetch_all(&LIST, values).await?;
        rows.iter().map(Promise::read).collect()
    }

    /// Changes a promise that is still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_promise(
        &self,
        scope: &TenantScope,
        id: PromiseId,
        expected: u64,
        patch: PromisePatch,
    ) -> Result<Promise> {
        let mut tx = self.write(scope).await?;
        let before: Promise = at_version(&mut tx, id, expected).await?;
        let (status, due) = (before.status, before.due_at);
        let after = patch.apply(before)?;
        let values = args![
            id.uuid(),
            expected,
            after.what,
            after.who,
            after.due_at.map(Time::millis),
            after.status.as_str(),
            self.now(),
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let after: Promise = any(&mut tx, id).await?;
        if (status, due) != (after.status, after.due_at) {
            self.watch_promise(&mut tx, &after).await?;
        }
        let happened = match after.status {
            PromiseStatus::Kept => Some(TimelineKind::PromiseKept),
            PromiseStatus::Broken => Some(TimelineKind::PromiseBroken),
            PromiseStatus::Open | PromiseStatus::Dropped => None,
        };
        let happened = happened.filter(|_| status != after.status);
        self.tell_of_promise(&mut tx, &after, "promise.updated", happened)
            .await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Notes that the owners were told that a promise is overdue, and has them told again as the rule says;
    /// nothing when it is not open any more, or due at another time.
    ///
    /// # Errors
    /// `NotFound` when the business has none such.
    pub async fn note_promise_told(
        &self,
        scope: &TenantScope,
        id: PromiseId,
        due: UnixMillis,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let promise: Promise = any(&mut tx, id).await?;
        if !promise.is_open_for(due) {
            return Ok(());
        }
        if let Some(at) = next_telling(due, self.now()) {
            self.escalate(&mut tx, id, due, at).await?;
        }
        self.tell_of_promise(&mut tx, &promise, "promise.overdue", None)
            .await?;
        tx.commit().await
    }

    /// Has the owners told when an open promise's time passes.
    async fn watch_promise(&self, tx: &mut TenantTx, promise: &Promise) -> Result<()> {
        let Some(due) = promise.due_at.map(Time::millis) else {
            return Ok(());
        };
        if promise.status != PromiseStatus::Open {
            return Ok(());
        }
        let at = first_telling(due, self.now());
        self.escalate(tx, promise.id, due, at).await
    }

    async fn escalate(
        &self,
        tx: &mut TenantTx,
        promise: PromiseId,
        due: UnixMillis,
        at: UnixMillis,
    ) -> Result<()> {
        let work = JobWork::EscalatePromise { promise, due, at };
        self.add_job(tx, &work, at).await.map(drop)
    }

    async fn tell_of_promise(
        &self,
        tx: &mut TenantTx,
        promise: &Promise,
        kind: &'static str,
        happened: Option<TimelineKind>,
    ) -> Result<()> {
        record_change(tx, kind, promise);
        let (Some(lead), Some(happened)) = (promise.lead_id, happened) else {
            return Ok(());
        };
        let data = json!({ "call_id": promise.call_id, "said_at_ms": promise.said_at_ms });
        let happening = Happening::new(lead, self.now(), happened);
        append(tx, happening.about(promise.id).data(data)).await
    }
}

impl Record for Promise {
    type Id = PromiseId;
    const NAME: &'static str = "promise";
    const ONE: Sql = Sql::both("SELECT * FROM promises WHERE tenant_id = $1 AND id = $2");

    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            call_id: row.id("call_id")?,
            lead_id: row.optional_id("lead_id")?,
            what: row.get("what")?,
            who: row.get("who")?,
            due_at: time(row, "due_at")?,
            said_at_ms: row.get("said_at_ms")?,
            status: row.parse("status")?,
            created_at: moment(row, "created_at")?,
            updated_at: moment(row, "updated_at")?,
            version: row.get("version")?,
        })
    }

    fn id(&self) -> PromiseId {
        self.id
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn lead(&self) -> Option<LeadId> {
        self.lead_id
    }
}
