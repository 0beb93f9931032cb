//! The outbox.

use async_trait::async_trait;
use prosaas_core::{Error, Result, TenantId, UnixMillis};
use uuid::Uuid;

use super::businesses::require_business;
use super::db::{Arg, Args, Json, Row, Sql, SystemTx, TenantTx, args};
use super::{CrmStore, Jobs};
use crate::auth::{SystemScope, TenantScope};
use crate::model::job::{ClaimedJob, JobCounts, JobFate, JobId, JobWork, RetryPolicy};

/// The longest failure reason that is kept, in characters.
const MAX_REASON_CHARS: usize = 500;

pub(super) const ADD_JOB: Sql = Sql::both(
    "INSERT INTO jobs (tenant_id, id, kind, work, idempotency_key, state, due_at,
                       created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $7)
     ON CONFLICT (tenant_id, idempotency_key) DO NOTHING",
);

// Two runners that claim at once lock rows in the same order, or not at all.
const BURY_ABANDONED: Sql = Sql::split(
    "/* across tenants: one runner serves all businesses */
     UPDATE jobs SET state = 'dead', last_error = 'its worker never reported', updated_at = $3
     WHERE state = 'running' AND due_at <= $1 AND attempt >= $2
     RETURNING tenant_id, work",
    "/* across tenants: one runner serves all businesses */
     UPDATE jobs SET state = 'dead', last_error = 'its worker never reported', updated_at = $3
     WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs
                               WHERE state = 'running' AND due_at <= $1 AND attempt >= $2
                               FOR UPDATE SKIP LOCKED)
     RETURNING tenant_id, work",
);
const CLAIM: Sql = Sql::split(
    "/* across tenants: one runner serves all businesses; each job names its own */
     UPDATE jobs SET state = 'running', attempt = attempt + 1, due_at = $2, updated_at = $4
     WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM jobs
                               WHERE state IN ('pending', 'running') AND due_at <= $1
                               ORDER BY due_at, id LIMIT $3)
     RETURNING tenant_id, id, work, attempt, due_at",
    "/* across tenants: one runner serves all businesses; each job names its own */
     WITH due AS MATERIALIZED (SELECT tenant_id, id FROM jobs
                               WHERE state IN ('pending', 'running') AND due_at <= $1
                               ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
     UPDATE jobs SET state = 'running', attempt = attempt + 1, due_at = $2, updated_at = $4
     FROM due WHERE jobs.tenant_id = due.tenant_id AND jobs.id = due.id
     RETURNING jobs.tenant_id, jobs.id, jobs.work, jobs.attempt, jobs.due_at",
);

const COMPLETE: Sql = Sql::both(
    "UPDATE jobs SET state = 'done', last_error = NULL, updated_at = $4
     WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempt = $3",
);
const RETRY: Sql = Sql::both(
    "UPDATE jobs SET state = 'pending', due_at = $6, last_error = $5, updated_at = $4
     WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempt = $3",
);
const BURY: Sql = Sql::both(
    "UPDATE jobs SET state = 'dead', last_error = $5, updated_at = $4
     WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND attempt = $3",
);

const NEXT_DUE: Sql = Sql::both(
    "/* across tenants: one runner serves all businesses */
     SELECT min(due_at) AS due_at FROM jobs WHERE state IN ('pending', 'running')",
);
const COUNT: Sql = Sql::both(
    "/* across tenants: the operator's numbers */
     SELECT state, count(*) AS jobs FROM jobs WHERE state IN ('pending', 'running', 'dead')
     GROUP BY state",
);

impl CrmStore {
    /// Adds a job within a change; `false` when the same work is there already.
    pub(super) async fn add_job(
        &self,
        tx: &mut TenantTx,
        work: &JobWork,
        run_at: UnixMillis,
    ) -> Result<bool> {
        let values = values(work, run_at, self.now())?;
        Ok(tx.execute(&ADD_JOB, values).await? == 1)
    }

    /// Runs a report on a claimed job; `false` when its fence no longer holds.
    async fn report(&self, statement: &Sql, job: &ClaimedJob, values: Args) -> Result<bool> {
        let mut tx = self.write(&TenantScope::of_job(job)).await?;
        let held = tx.execute(statement, values).await? == 1;
        tx.commit().await?;
        Ok(held)
    }
}

/// The values of [`ADD_JOB`] behind the tenant.
pub(super) fn values(work: &JobWork, run_at: UnixMillis, now: UnixMillis) -> Result<Args> {
    let described = serde_json::to_value(work).map_err(|error| Error::internal("job", error))?;
    Ok(args![
        JobId::mint(now).uuid(),
        work.kind(),
        Json(described),
        work.idempotency_key(),
        run_at,
        now,
    ])
}

/// The part of a reason that is kept.
fn kept(reason: &str) -> String {
    reason.chars().take(MAX_REASON_CHARS).collect()
}

#[async_trait]
impl Jobs for CrmStore {
    async fn enqueue_job(
        &self,
        scope: &TenantScope,
        work: &JobWork,
        run_at: UnixMillis,
    ) -> Result<bool> {
        let mut tx = self.write(scope).await?;
        require_business(&mut tx).await?;
        let added = self.add_job(&mut tx, work, run_at).await?;
        tx.commit().await?;
        Ok(added)
    }

    async fn claim_jobs(
        &self,
        scope: &SystemScope,
        now: UnixMillis,
        lease_ms: u32,
        limit: u32,
        policy: RetryPolicy,
    ) -> Result<Vec<ClaimedJob>> {
        let stamp = self.now();
        let mut tx = self.system_write(scope).await?;
        let abandoned = args![now, policy.max_attempts, stamp];
        let dead = tx.fetch_all(&BURY_ABANDONED, abandoned).await?;
        let mut unfinished = Vec::new();
        for row in &dead {
            // What this version does not know leaves nothing that it would know.
            if let Ok(work) = row.json::<JobWork>("work") {
                unfinished.extend(work.after_death().map(|rest| (row, rest)));
            }
        }
        for (row, rest) in unfinished {
            let tenant: TenantId = row.id("tenant_id")?;
            let values = values(&rest, now, stamp)?;
            let values = values.after(Arg::Id(Some(tenant.uuid())));
            tx.execute(&ADD_JOB, values).await?;
        }
        let due = args![now, now.plus(i64::from(lease_ms)), limit, stamp];
        let rows = tx.fetch_all(&CLAIM, due).await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            match read_claimed(row)? {
                Ok(job) => claimed.push(job),
                Err(unknown) => bury_unknown(&mut tx, &unknown, stamp).await?,
            }
        }
        tx.commit().await?;
        claimed.sort_by_key(|job| job.id);
        Ok(claimed)
    }

    async fn complete_job(&self, job: &ClaimedJob) -> Result<bool> {
        let values = args![job.id.uuid(), job.attempt, self.now()];
        self.report(&COMPLETE, job, values).await
    }

    async fn fail_job(
        &self,
        job: &ClaimedJob,
        now: UnixMillis,
        reason: &str,
        policy: RetryPolicy,
    ) -> Result<JobFate> {
        let Some(due_at) = policy.next_run(job.attempt, now) else {
            let held = self.bury_job(job, reason).await?;
            return Ok(if held {
                JobFate::Dead
            } else {
                JobFate::LeaseLost
            });
        };
        let values = args![job.id.uuid(), job.attempt, self.now(), kept(reason), due_at];
        let held = self.report(&RETRY, job, values).await?;
        Ok(if held {
            JobFate::RetryAt(due_at)
        } else {
            JobFate::LeaseLost
        })
    }

    async fn bury_job(&self, job: &ClaimedJob, reason: &str) -> Result<bool> {
        let now = self.now();
        let values = args![job.id.uuid(), job.attempt, now, kept(reason)];
        let mut tx = self.write(&TenantScope::of_job(job)).await?;
        let held = tx.execute(&BURY, values).await? == 1;
        if held && let Some(rest) = job.work.after_death() {
            self.add_job(&mut tx, &rest, now).await?;
        }
        tx.commit().await?;
        Ok(held)
    }

    async fn next_job_at(&self, scope: &SystemScope) -> Result<Option<UnixMillis>> {
        let tx = self.system_look(scope).await?;
        tx.fetch_one(&NEXT_DUE, args![], "job").await?.get("due_at")
    }

    async fn count_jobs(&self, scope: &SystemScope) -> Result<JobCounts> {
        let tx = self.system_look(scope).await?;
        let mut counts = JobCounts::default();
        for row in tx.fetch_all(&COUNT, args![]).await? {
            let jobs = row.get("jobs")?;
            match row.get::<String>("state")?.as_str() {
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

fn read_claimed(row: &Row) -> Result<Result<ClaimedJob, UnknownWork>> {
    let (tenant, attempt) = (row.id("tenant_id")?, row.get("attempt")?);
    let id: Uuid = row.get("id")?;
    let leased_until = row.get("due_at")?;
    let Ok(work) = row.json("work") else {
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
async fn bury_unknown(tx: &mut SystemTx, job: &UnknownWork, now: UnixMillis) -> Result<()> {
    let why = "this version does not know this kind of work";
    let values = args![job.tenant.uuid(), job.id, job.attempt, now, why];
    tx.execute(&BURY, values).await.map(drop)
}
