//! The outbox.

use async_trait::async_trait;
use prosaas_core::{Result, TenantId, UnixMillis};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::error::db_error;
use super::row::Columns;
use super::{SqliteStore, Tx, commit, require_business};
use crate::model::job::{ClaimedJob, JobCounts, JobFate, JobId, JobWork, RetryPolicy};
use crate::store::Jobs;

/// The longest failure reason that is kept, in characters.
const MAX_REASON_CHARS: usize = 500;

const ADD_JOB: &str = "
    INSERT INTO jobs (tenant_id, id, kind, work, idempotency_key, state, due_at, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?7)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING";

const BURY_ABANDONED: &str = "
    /* across tenants: one runner serves all businesses */
    UPDATE jobs SET state = 'dead', last_error = 'its worker never reported', updated_at = ?3
    WHERE state = 'running' AND due_at <= ?1 AND attempt >= ?2";
const CLAIM: &str = "
    /* across tenants: one runner serves all businesses; each job names its own */
    UPDATE jobs SET state = 'running', attempt = attempt + 1, due_at = ?2, updated_at = ?4
    WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs
                              WHERE state IN ('pending', 'running') AND due_at <= ?1
                              ORDER BY due_at, id LIMIT ?3)
    RETURNING tenant_id, id, work, attempt, due_at";

const COMPLETE: &str = "
    UPDATE jobs SET state = 'done', last_error = NULL, updated_at = ?4
    WHERE tenant_id = ?1 AND id = ?2 AND state = 'running' AND attempt = ?3";
const RETRY: &str = "
    UPDATE jobs SET state = 'pending', due_at = ?5, last_error = ?6, updated_at = ?4
    WHERE tenant_id = ?1 AND id = ?2 AND state = 'running' AND attempt = ?3";
const BURY: &str = "
    UPDATE jobs SET state = 'dead', last_error = ?5, updated_at = ?4
    WHERE tenant_id = ?1 AND id = ?2 AND state = 'running' AND attempt = ?3";

const NEXT_DUE: &str = "
    /* across tenants: one runner serves all businesses */
    SELECT min(due_at) AS due_at FROM jobs WHERE state IN ('pending', 'running')";
const COUNT: &str = "
    /* across tenants: the operator's numbers */
    SELECT state, count(*) AS jobs FROM jobs WHERE state IN ('pending', 'running', 'dead')
    GROUP BY state";

impl SqliteStore {
    /// Adds a job within a change; `false` when the same work is there already.
    pub(super) async fn add_job(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        work: &JobWork,
        run_at: UnixMillis,
    ) -> Result<bool> {
        let now = self.clock.now();
        let text = serde_json::to_string(work)
            .map_err(|error| prosaas_core::Error::internal("job", error))?;
        let added = sqlx::query(ADD_JOB)
            .bind(tenant.uuid())
            .bind(JobId::mint(now).uuid())
            .bind(work.kind())
            .bind(text)
            .bind(work.idempotency_key())
            .bind(run_at.0)
            .bind(now.0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(added.rows_affected() == 1)
    }

    /// Runs a report on a claimed job; `false` when its fence no longer holds.
    async fn report(
        &self,
        statement: &'static str,
        job: &ClaimedJob,
        more: Report<'_>,
    ) -> Result<bool> {
        let mut query = sqlx::query(statement)
            .bind(job.tenant.uuid())
            .bind(job.id.uuid())
            .bind(job.attempt)
            .bind(self.clock.now().0);
        if let Some(due_at) = more.due_at {
            query = query.bind(due_at.0);
        }
        if let Some(reason) = more.reason {
            query = query.bind(reason.chars().take(MAX_REASON_CHARS).collect::<String>());
        }
        let changed = query.execute(&self.writer).await.map_err(db_error)?;
        Ok(changed.rows_affected() == 1)
    }
}

/// What a report adds to tenant, id, attempt and now, in the order it is bound.
#[derive(Default)]
struct Report<'a> {
    due_at: Option<UnixMillis>,
    reason: Option<&'a str>,
}

#[async_trait]
impl Jobs for SqliteStore {
    async fn enqueue_job(
        &self,
        tenant: TenantId,
        work: &JobWork,
        run_at: UnixMillis,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        require_business(&mut tx, tenant).await?;
        let added = self.add_job(&mut tx, tenant, work, run_at).await?;
        commit(tx).await?;
        Ok(added)
    }

    async fn claim_jobs(
        &self,
        now: UnixMillis,
        lease_ms: u32,
        limit: u32,
        policy: RetryPolicy,
    ) -> Result<Vec<ClaimedJob>> {
        let stamp = self.clock.now();
        let mut tx = self.begin().await?;
        sqlx::query(BURY_ABANDONED)
            .bind(now.0)
            .bind(policy.max_attempts)
            .bind(stamp.0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        let rows = sqlx::query(CLAIM)
            .bind(now.0)
            .bind(now.plus(i64::from(lease_ms)).0)
            .bind(limit)
            .bind(stamp.0)
            .fetch_all(&mut *tx)
            .await
            .map_err(db_error)?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            match read_claimed(row)? {
                Ok(job) => claimed.push(job),
                Err(unknown) => bury_unknown(&mut tx, &unknown, stamp).await?,
            }
        }
        commit(tx).await?;
        claimed.sort_by_key(|job| job.id);
        Ok(claimed)
    }

    async fn complete_job(&self, job: &ClaimedJob) -> Result<bool> {
        self.report(COMPLETE, job, Report::default()).await
    }

    async fn fail_job(
        &self,
        job: &ClaimedJob,
        now: UnixMillis,
        reason: &str,
        policy: RetryPolicy,
    ) -> Result<JobFate> {
        let due_at = policy.next_run(job.attempt, now);
        let (statement, fate) = match due_at {
            Some(at) => (RETRY, JobFate::RetryAt(at)),
            None => (BURY, JobFate::Dead),
        };
        let held = self
            .report(
                statement,
                job,
                Report {
                    due_at,
                    reason: Some(reason),
                },
            )
            .await?;
        Ok(if held { fate } else { JobFate::LeaseLost })
    }

    async fn bury_job(&self, job: &ClaimedJob, reason: &str) -> Result<bool> {
        let report = Report {
            due_at: None,
            reason: Some(reason),
        };
        self.report(BURY, job, report).await
    }

    async fn next_job_at(&self) -> Result<Option<UnixMillis>> {
        let row = sqlx::query(NEXT_DUE)
            .fetch_one(&self.readers)
            .await
            .map_err(db_error)?;
        Columns::of("jobs", &row).optional_time("due_at")
    }

    async fn count_jobs(&self) -> Result<JobCounts> {
        let rows = sqlx::query(COUNT)
            .fetch_all(&self.readers)
            .await
            .map_err(db_error)?;
        let mut counts = JobCounts::default();
        for row in &rows {
            let columns = Columns::of("jobs", row);
            let jobs = columns.number("jobs")?;
            match columns.get("state")? {
                "pending" => counts.pending = jobs,
                "running" => counts.running = jobs,
                _ => counts.dead = jobs,
            }
        }
        Ok(counts)
    }
}

/// A claimed row whose work this version does not know; a newer version may have written it.
struct UnknownWork {
    tenant: TenantId,
    id: Uuid,
    attempt: u32,
}

fn read_claimed(row: &SqliteRow) -> Result<Result<ClaimedJob, UnknownWork>> {
    let columns = Columns::of("jobs", row);
    let (tenant, attempt) = (columns.tenant()?, columns.number("attempt")?);
    let id: Uuid = columns.get("id")?;
    let leased_until = columns.time("due_at")?;
    let Ok(work) = serde_json::from_str(columns.get("work")?) else {
        return Ok(Err(UnknownWork {
            tenant,
            id,
            attempt,
        }));
    };
    Ok(Ok(ClaimedJob {
        id: JobId::from_uuid(id),
        tenant,
        work,
        attempt,
        leased_until,
    }))
}

/// Left pending, it would be claimed again at once and for ever.
async fn bury_unknown(tx: &mut Tx, job: &UnknownWork, now: UnixMillis) -> Result<()> {
    sqlx::query(BURY)
        .bind(job.tenant.uuid())
        .bind(job.id)
        .bind(job.attempt)
        .bind(now.0)
        .bind("this version does not know this kind of work")
        .execute(&mut **tx)
        .await
        .map_err(db_error)?;
    Ok(())
}
