//! Long work with progress: asked for in a transaction, driven slice by slice by jobs, watched and stopped
//! over its row.
//!
//! Whoever writes a new kind of work begins it with [`CrmStore::begin_batch`], opens each of its
//! transactions with [`CrmStore::begin_step`] (which locks the row, so that two runners never do the same
//! piece) and ends it with [`Open::end_step`].

use prosaas_core::{Error, Result, UnixMillis};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::CrmStore;
use super::db::{Change, Json, Row, Sql, TenantTx, args};
use crate::auth::{Actor, Permission, Role, TenantScope};
use crate::model::batch::{BatchError, BatchJob, BatchKind, BatchState};
use crate::model::id::{ActingId, BatchJobId};
use crate::model::job::JobWork;
use crate::model::page::Page;
use crate::model::time::Time;

const ADD: Sql = Sql::both(
    "INSERT INTO batch_jobs (tenant_id, id, kind, spec, state, total, actor_kind, actor_id, acting_id,
                             created_at, updated_at)
     VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $9)",
);
const ONE: Sql = Sql::both("SELECT * FROM batch_jobs WHERE tenant_id = $1 AND id = $2");
const LOCKED: Sql = Sql::split(
    "SELECT * FROM batch_jobs WHERE tenant_id = $1 AND id = $2",
    "SELECT * FROM batch_jobs WHERE tenant_id = $1 AND id = $2 FOR UPDATE",
);
const LIST: Sql = Sql::both(
    "SELECT * FROM batch_jobs WHERE tenant_id = $1 AND (created_at, id) < ($2, $3)
       AND ($4 OR kind <> 'trash.emptied') AND ($5 OR kind NOT IN ('person.export', 'person.erasure'))
     ORDER BY created_at DESC, id DESC LIMIT $6",
);
const KEEP: Sql = Sql::both(
    "UPDATE batch_jobs SET state = $3, position = $4, total = $5, done = $6, failed = $7, errors = $8,
         result = $9, updated_at = $10, ended_at = coalesce(ended_at, $11), version = version + 1
     WHERE tenant_id = $1 AND id = $2",
);
const ROLE: Sql = Sql::both(
    "SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2 AND status = 'active'",
);
const KEY: Sql = Sql::both(
    "SELECT scopes FROM api_keys
     WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)",
);

/// Work that is open in a transaction, with its row locked.
pub(crate) struct Open {
    pub(crate) id: BatchJobId,
    pub(crate) kind: BatchKind,
    pub(crate) spec: Value,
    pub(crate) position: Value,
    pub(crate) total: Option<u64>,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) result: Value,
    /// When it was asked for.
    pub(crate) begun: UnixMillis,
    errors: Vec<BatchError>,
    version: u64,
}

impl CrmStore {
    /// Begins long work within the transaction in which it was asked for.
    pub(crate) async fn begin_batch(
        &self,
        tx: &mut TenantTx,
        kind: BatchKind,
        spec: Value,
        total: Option<u64>,
    ) -> Result<BatchJobId> {
        let id = BatchJobId::mint(self.now());
        self.begin_batch_as(tx, id, kind, spec, total).await?;
        Ok(id)
    }

    /// [`CrmStore::begin_batch`] with an id that is used already, such as that of an uploaded file.
    pub(crate) async fn begin_batch_as(
        &self,
        tx: &mut TenantTx,
        id: BatchJobId,
        kind: BatchKind,
        spec: Value,
        total: Option<u64>,
    ) -> Result<()> {
        let now = self.now();
        let actor = tx.actor();
        let values = args![
            id.uuid(),
            kind.as_str(),
            Json(spec),
            total,
            actor.kind(),
            actor.id(),
            actor.acting_id().map(ActingId::uuid),
            now,
        ];
        tx.execute(&ADD, values).await?;
        let work = JobWork::RunBatch {
            batch: id,
            version: 1,
        };
        self.add_job(tx, &work, now).await?;
        let detail = json!({ "kind": kind.as_str() });
        tx.record(Change::new("batch.started", "batch", id).detail(detail));
        Ok(())
    }

    /// A batch job that the scope may see.
    ///
    /// # Errors
    /// `NotFound` when there is none such, or it is of a kind that the scope has no right to.
    pub async fn batch(&self, scope: &TenantScope, id: BatchJobId) -> Result<BatchJob> {
        let tx = self.look(scope).await?;
        visible(
            scope,
            read(&tx.fetch_one(&ONE, args![id.uuid()], "job").await?)?,
        )
    }

    /// The batch jobs that the scope may see, the newest first.
    pub async fn batches(
        &self,
        scope: &TenantScope,
        page: Page<BatchJobId>,
    ) -> Result<Vec<BatchJob>> {
        let tx = self.look(scope).await?;
        let (at, id) = super::records::below(&page);
        let may = |right| scope.permissions().contains(right);
        let values = args![
            at,
            id,
            may(Permission::LeadsPurge),
            may(Permission::PrivacyWrite),
            page.capped_limit(),
        ];
        let rows = tx.fetch_all(&LIST, values).await?;
        let mut jobs: Vec<_> = rows.iter().map(read).collect::<Result<_>>()?;
        for job in &mut jobs {
            job.errors.truncate(BatchJob::MAX_LISTED_ERRORS);
        }
        Ok(jobs)
    }

    /// Stops a batch job. What it has done stays done.
    ///
    /// # Errors
    /// `NotFound` as [`CrmStore::batch`]; `Conflict` `batch-over` when it is over.
    pub async fn cancel_batch(&self, scope: &TenantScope, id: BatchJobId) -> Result<BatchJob> {
        let mut tx = self.write(scope).await?;
        let row = tx.fetch_one(&LOCKED, args![id.uuid()], "job").await?;
        let found = visible(scope, read(&row)?)?;
        if found.state.is_over() {
            return Err(Error::Conflict {
                what: "batch-over",
                detail: format!("it is {} already", found.state),
            });
        }
        let mut open = read_open(&row)?;
        open.end(&mut tx, self.now(), BatchState::Cancelled).await?;
        let stopped = read(&tx.fetch_one(&ONE, args![id.uuid()], "job").await?)?;
        tx.commit().await?;
        Ok(stopped)
    }

    /// Ends a batch job that cannot go on, such as one whose runner was given up; one that is over stays
    /// as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn fail_batch(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        code: &'static str,
    ) -> Result<()> {
        let mut tx = self.write(scope).await?;
        let Some(mut open) = open(&mut tx, id).await? else {
            return Ok(());
        };
        open.fail("", code);
        open.end(&mut tx, self.now(), BatchState::Failed).await?;
        tx.commit().await
    }

    /// The kind of a batch job: who runs it is chosen by that.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn batch_kind(&self, scope: &TenantScope, id: BatchJobId) -> Result<BatchKind> {
        Ok(self.batch_scope(scope, id).await?.1)
    }

    /// In whose name a batch job is done, and of which kind it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) async fn batch_scope(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
    ) -> Result<(TenantScope, BatchKind)> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_one(&ONE, args![id.uuid()], "job").await?;
        let kind: String = row.get("actor_kind")?;
        let who: Option<String> = row.get("actor_id")?;
        let acting = row.optional_id("acting_id")?;
        let actor = Actor::stored(&kind, who.as_deref(), acting)
            .ok_or_else(|| Error::internal("batch job", "its actor cannot be read"))?;
        Ok((
            TenantScope::for_batch(scope.tenant(), actor),
            row.parse("kind")?,
        ))
    }

    /// The transaction of the next piece of work, with the work's row locked; `None` when it is over, also
    /// because whoever asked has lost the right to it since.
    pub(crate) async fn begin_step(
        &self,
        scope: &TenantScope,
        id: BatchJobId,
        right: impl FnOnce(&Open) -> Result<Permission> + Send,
    ) -> Result<Option<(TenantTx, Open)>> {
        let mut tx = self.write(scope).await?;
        let Some(mut open) = open(&mut tx, id).await? else {
            return Ok(None);
        };
        let (now, right) = (self.now(), right(&open)?);
        if may_still(&mut tx, now, right).await? {
            return Ok(Some((tx, open)));
        }
        open.fail("", "not-permitted");
        open.end(&mut tx, now, BatchState::Failed).await?;
        tx.commit().await?;
        Ok(None)
    }

    /// Has the work gone on with in another job, so that one job never runs for long.
    pub(crate) async fn continue_batch(&self, scope: &TenantScope, id: BatchJobId) -> Result<()> {
        let mut tx = self.write(scope).await?;
        if let Some(open) = open(&mut tx, id).await? {
            let work = JobWork::RunBatch {
                batch: id,
                version: open.version,
            };
            self.add_job(&mut tx, &work, self.now()).await?;
        }
        tx.commit().await
    }
}

fn visible(scope: &TenantScope, job: BatchJob) -> Result<BatchJob> {
    if scope.permissions().contains(job.kind.permission()) {
        return Ok(job);
    }
    Err(Error::NotFound { what: "job" })
}

/// Opens work that is not over, for this transaction alone; `None` when it is over.
pub(crate) async fn open(tx: &mut TenantTx, id: BatchJobId) -> Result<Option<Open>> {
    let (open, state) = locked(tx, id).await?;
    Ok((!state.is_over()).then_some(open))
}

/// Opens work for this transaction alone, over or not.
pub(crate) async fn locked(tx: &mut TenantTx, id: BatchJobId) -> Result<(Open, BatchState)> {
    let row = tx.fetch_one(&LOCKED, args![id.uuid()], "job").await?;
    Ok((read_open(&row)?, row.parse("state")?))
}

/// Whether whoever asked for the work still has the right to it: a member may have been removed and a key
/// revoked since.
pub(crate) async fn may_still(
    tx: &mut TenantTx,
    now: UnixMillis,
    right: Permission,
) -> Result<bool> {
    match tx.actor() {
        Actor::User(user) => {
            let Some(row) = tx.fetch_optional(&ROLE, args![user.uuid()]).await? else {
                return Ok(false);
            };
            let role: Role = row.parse("role")?;
            Ok(role.permissions().contains(right))
        }
        Actor::ApiKey(key) => {
            let Some(row) = tx.fetch_optional(&KEY, args![key.uuid(), now]).await? else {
                return Ok(false);
            };
            let scopes: Vec<String> = row.json("scopes")?;
            Ok(scopes.iter().any(|scope| scope == right.as_str()))
        }
        _ => Ok(true),
    }
}

impl Open {
    /// What is to be done, as the kind of work understands it.
    pub(crate) fn spec<T: DeserializeOwned>(&self) -> Result<T> {
        understood(&self.spec)
    }

    /// How far the work has come, as the kind of work understands it.
    pub(crate) fn position<T: DeserializeOwned>(&self) -> Result<T> {
        understood(&self.position)
    }

    /// Ends a piece of work, together with what was done in its transaction: the work stands at this position
    /// now, or without one is done. Returns whether there is more to do.
    pub(crate) async fn end_step(
        mut self,
        mut tx: TenantTx,
        now: UnixMillis,
        position: Option<Value>,
    ) -> Result<bool> {
        let has_more = position.is_some();
        if let Some(position) = position {
            self.position = position;
            self.keep(&mut tx, now).await?;
        } else {
            self.end(&mut tx, now, BatchState::Done).await?;
        }
        tx.commit().await?;
        Ok(has_more)
    }

    /// Notes that an item failed.
    pub(crate) fn fail(&mut self, item: impl std::fmt::Display, code: &str) {
        self.failed += 1;
        if self.errors.len() < self.kind.max_errors() {
            self.errors.push(BatchError {
                item: item.to_string(),
                code: code.to_owned(),
            });
        }
    }

    /// The version of the row, as it was written last.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    /// Writes down how far the work has come.
    pub(crate) async fn keep(&mut self, tx: &mut TenantTx, now: UnixMillis) -> Result<()> {
        self.note(tx, now, BatchState::Running).await
    }

    /// Writes something down about work in this state; what is over stays over since then.
    pub(crate) async fn note(
        &mut self,
        tx: &mut TenantTx,
        now: UnixMillis,
        state: BatchState,
    ) -> Result<()> {
        self.write(tx, now, state).await?;
        let change = Change::new("batch.progressed", "batch", self.id);
        tx.record(change.without_audit().without_webhooks());
        Ok(())
    }

    /// Writes down that the work is over.
    pub(crate) async fn end(
        &mut self,
        tx: &mut TenantTx,
        now: UnixMillis,
        state: BatchState,
    ) -> Result<()> {
        self.write(tx, now, state).await?;
        let detail = json!({
            "kind": self.kind.as_str(),
            "state": state.as_str(),
            "done": self.done,
            "failed": self.failed,
        });
        tx.record(Change::new("batch.ended", "batch", self.id).detail(detail));
        Ok(())
    }

    async fn write(&mut self, tx: &mut TenantTx, now: UnixMillis, state: BatchState) -> Result<()> {
        self.version += 1;
        let values = args![
            self.id.uuid(),
            state.as_str(),
            Json(self.position.clone()),
            self.total,
            self.done,
            self.failed,
            Json(json!(self.errors)),
            Json(self.result.clone()),
            now,
            state.is_over().then_some(now),
        ];
        tx.execute(&KEEP, values).await.map(drop)
    }
}

fn understood<T: DeserializeOwned>(value: &Value) -> Result<T> {
    serde_json::from_value(value.clone()).map_err(|error| Error::internal("batch job", error))
}

fn read_open(row: &Row) -> Result<Open> {
    Ok(Open {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        spec: row.get("spec")?,
        position: row.get("position")?,
        total: row.get("total")?,
        done: row.get("done")?,
        failed: row.get("failed")?,
        result: row.get("result")?,
        begun: row.get("created_at")?,
        errors: row.json("errors")?,
        version: row.get("version")?,
    })
}

fn read(row: &Row) -> Result<BatchJob> {
    let time = |column| Ok::<Time, Error>(row.get::<UnixMillis>(column)?.into());
    Ok(BatchJob {
        id: row.id("id")?,
        kind: row.parse("kind")?,
        state: row.parse("state")?,
        total: row.get("total")?,
        done: row.get("done")?,
        failed: row.get("failed")?,
        errors: row.json("errors")?,
        result: row.get("result")?,
        actor_kind: row.get("actor_kind")?,
        actor_id: row.get("actor_id")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        ended_at: row.get::<Option<UnixMillis>>("ended_at")?.map(Time::from),
        version: row.get("version")?,
    })
}
