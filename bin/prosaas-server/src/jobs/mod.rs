//! Work that follows a call: claimed from the store's outbox, tried again until it succeeds or is given up.

mod acting;
mod alert;
mod batch;
mod budget;
mod files;
mod missed;
mod promise;
mod push;
mod quality;
mod recording;
mod reminder;
mod retention;
mod sms;
mod storage;
mod summary;
mod tell;
mod voicemail;
pub mod webhook;
mod whatsapp;

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{Error, UnixMillis};
use prosaas_crm::Jobs as _;
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::{ClaimedJob, JobFate, JobWork, RetryPolicy};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::wiring::App;

pub(crate) use recording::FOLDER as RECORDINGS;

/// One runner serves all businesses; each job names its own.
const INSTALLATION: SystemScope = SystemScope::for_installation();

/// How many jobs run at once.
const AT_ONCE: usize = 4;
/// How long a job may run before somebody else may take it.
const LEASE_MS: u32 = 10 * 60_000;
/// The longest pause between two looks at the outbox.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The pause after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long running jobs may go on when the server stops.
const LAST_JOBS_WITHIN: Duration = Duration::from_secs(3);

/// Why a job did not succeed.
#[derive(Debug, thiserror::Error)]
enum JobError {
    /// Trying again may help.
    #[error("{0}")]
    Retry(String),
    /// Trying again will not help.
    #[error("{0}")]
    Final(String),
}

impl From<Error> for JobError {
    /// What the store or the text model said. Even a refused key is tried again: somebody may mend it.
    fn from(error: Error) -> Self {
        Self::Retry(error.chain())
    }
}

/// Runs jobs until `stop`. Those that run then get a moment; what is left is claimed again after its lease.
pub async fn run(app: Arc<App>, policy: RetryPolicy, stop: CancellationToken) {
    let mut running: JoinSet<()> = JoinSet::new();
    let asked_for = app.store.new_work();
    loop {
        let free = AT_ONCE - running.len();
        let pause = match claim(&app, free, policy).await {
            Ok((jobs, next)) => {
                for job in jobs {
                    let app = Arc::clone(&app);
                    running.spawn(async move { run_one(&app, job, policy).await });
                }
                pause_until(next, app.clock.now())
            }
            Err(error) => {
                tracing::error!(error = %error.chain(), "jobs could not be claimed");
                STORE_PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = running.join_next() => {
                if let Err(panic) = ended {
                    tracing::error!(error = %panic, "a job panicked; it is tried again after its lease");
                }
            }
            () = asked_for.notified() => {}
            _ = tokio::time::timeout(pause, app.work.notified()) => {}
        }
    }
    let finish = async { while running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_JOBS_WITHIN, finish).await;
}

/// Jobs that are due, and when the next one will be. Looking is one statement that disturbs nobody; only where
/// something is due the store is written to.
async fn claim(
    app: &App,
    free: usize,
    policy: RetryPolicy,
) -> Result<(Vec<ClaimedJob>, Option<UnixMillis>), Error> {
    let (store, now) = (&app.store, app.clock.now());
    let next = store.next_job_at(&INSTALLATION).await?;
    if free == 0 || next.is_none_or(|due| due > now) {
        return Ok((Vec::new(), next));
    }
    let jobs = store
        .claim_jobs(&INSTALLATION, now, LEASE_MS, free as u32, policy)
        .await?;
    Ok((jobs, store.next_job_at(&INSTALLATION).await?))
}

fn pause_until(next: Option<UnixMillis>, now: UnixMillis) -> Duration {
    let Some(due) = next else {
        return LONGEST_PAUSE;
    };
    let wait = u64::try_from(due.since(now)).unwrap_or(0);
    // A job that is due but not claimed is held by a lease of somebody else's.
    Duration::from_millis(wait.max(100)).min(LONGEST_PAUSE)
}

async fn work(app: &App, job: &ClaimedJob, policy: RetryPolicy) -> Result<(), JobError> {
    let scope = &TenantScope::of_job(job);
    match &job.work {
        JobWork::SummarizeCall { call } => summary::run(app, scope, (*call, job.attempt)).await,
        JobWork::FetchRecording { call, recording } => {
            recording::run(app, scope, *call, recording).await
        }
        JobWork::TranscribeVoicemail { call, recording } => {
            voicemail::transcribe(app, scope, (*call, recording), job.attempt).await
        }
        JobWork::TellOfVoicemail { call, recording } => {
            voicemail::tell_of(app, scope, (*call, recording)).await
        }
        JobWork::AlertOwners { call } => alert::run(app, scope, *call).await,
        JobWork::PushAlert { call, subscription } => {
            push::run(app, scope, *call, *subscription).await
        }
        JobWork::AlertQuality { at } => quality::run(app, scope, *at).await,
        JobWork::RemindTask { task, at } => reminder::task(app, scope, *task, *at).await,
        JobWork::RemindAppointment { appointment, at } => {
            reminder::appointment(app, scope, *appointment, *at).await
        }
        JobWork::DeliverWebhook { delivery, .. } => webhook::run(app, scope, *delivery).await,
        JobWork::ApplyRetention { .. } => retention::run(app, scope).await,
        JobWork::RunBatch { batch, .. } => batch::run(app, scope, *batch).await,
        JobWork::DeleteCarrierRecording { recording } => {
            recording::delete_at_carrier(app, scope, recording).await
        }
        JobWork::EraseCallFiles { call } => retention::erase(app, scope, *call).await,
        JobWork::NotifyActing { acting } => acting::run(app, scope, *acting).await,
        JobWork::EscalatePromise { promise, due, .. } => {
            promise::run(app, scope, *promise, *due).await
        }
        JobWork::SendMessage { message } => {
            let is_last_try = job.attempt >= policy.max_attempts;
            whatsapp::send(app, scope, *message, is_last_try).await
        }
        JobWork::FetchFile { message } => files::fetch(app, scope, (*message, job.attempt)).await,
        JobWork::TranscribeMessage { message } => {
            files::transcribe(app, scope, (*message, job.attempt)).await
        }
        JobWork::GiveUpFile { message } => files::give_up(app, scope, *message).await,
        JobWork::EraseFile { message } => files::erase(app, scope, *message).await,
        JobWork::SendSms { message } => sms::send(app, scope, *message).await,
        JobWork::NoteMissedCall { call } => missed::note(app, scope, *call).await,
        JobWork::ReplyToMissedCall { call, instead_of } => {
            missed::reply(app, scope, *call, *instead_of).await
        }
        JobWork::ShowTyping { message } => whatsapp::show_typing(app, scope, *message).await,
        JobWork::AnswerMessage { message } => {
            whatsapp::answer(app, scope, *message, job.attempt).await
        }
        JobWork::HandOverMessage { message } => whatsapp::hand_over(app, scope, *message).await,
        JobWork::MarkRead { conversation, at } => {
            whatsapp::mark_read(app, scope, *conversation, *at).await
        }
        JobWork::WakeConversation { conversation, at } => {
            let woken = app.store.wake_conversation(scope, *conversation, *at).await;
            Ok(woken.map(drop)?)
        }
        JobWork::AlertConversation { conversation, .. } => {
            whatsapp::alert(app, scope, *conversation).await
        }
        JobWork::WarnOfBudget { month, percent } => {
            budget::warn(app, scope, (month.as_str(), *percent)).await
        }
        JobWork::WarnOfStorage { .. } => storage::warn(app, scope).await,
        _ => Err(JobError::Final(
            "this version does not know this kind of job".to_owned(),
        )),
    }
}

/// What is left to do for a job that will not be tried again, beside [`JobWork::after_death`].
async fn give_up(app: &App, job: &ClaimedJob) {
    let scope = &TenantScope::of_job(job);
    match &job.work {
        JobWork::RunBatch { batch, .. } => batch::give_up(app, scope, *batch).await,
        JobWork::SendMessage { message } => whatsapp::give_up(app, scope, *message).await,
        JobWork::SendSms { message } => sms::give_up(app, scope, *message).await,
        _ => {}
    }
}

async fn run_one(app: &App, job: ClaimedJob, policy: RetryPolicy) {
    let kind = job.work.kind();
    let result = work(app, &job, policy).await;
    let noted = match &result {
        Ok(()) => app.store.complete_job(&job).await.map(|_| "done"),
        Err(JobError::Retry(reason)) => {
            let fate = app
                .store
                .fail_job(&job, app.clock.now(), reason, policy)
                .await;
            fate.map(|fate| {
                if fate == JobFate::Dead {
                    "dead"
                } else {
                    "failed"
                }
            })
        }
        Err(JobError::Final(reason)) => app.store.bury_job(&job, reason).await.map(|_| "dead"),
    };
    if matches!(noted, Ok("dead")) {
        give_up(app, &job).await;
    }
    if let Err(reason) = &result {
        tracing::warn!(job = %job.id, kind, attempt = job.attempt, %reason, "a job failed");
    }
    match noted {
        Ok(outcome) => app.metrics.job(kind, outcome),
        Err(error) => {
            tracing::error!(job = %job.id, kind, error = %error.chain(), "a job's result was not stored");
        }
    }
}
