//! What every [`crate::Jobs`] must do.

use prosaas_core::testkit::join_all;
use prosaas_core::testkit::samples::{new_call, outcome, quality, seed};
use prosaas_core::{CallEnd, CallId, CallOutcome, ErrorClass, UnixMillis, Verdict};

use super::{Fixture, OPERATOR, ok, ours, refuses, scope, theirs, with_call};
use crate::model::job::{ClaimedJob, JobCounts, JobFate, JobWork, RetryPolicy};
use crate::store::{Jobs, PhoneStore as _};

/// Runs every rule of this module.
pub async fn suite(fixture: &impl Fixture) {
    finishing_a_call_enqueues_its_summary_once(fixture).await;
    a_missed_call_alerts_the_owners_once(fixture).await;
    many_poor_calls_alert_the_owners_once(fixture).await;
    the_same_work_is_enqueued_once(fixture).await;
    a_job_is_claimed_when_due_and_by_one_worker(fixture).await;
    racing_workers_share_the_jobs(fixture).await;
    a_failed_job_comes_back_later_and_dies_in_the_end(fixture).await;
    a_lost_lease_fences_late_reports(fixture).await;
    a_job_that_kills_its_workers_dies(fixture).await;
    a_buried_job_never_runs(fixture).await;
}

const NOW: UnixMillis = UnixMillis(2_000_000_000_000);
const LEASE_MS: u32 = 60_000;
const POLICY: RetryPolicy = RetryPolicy {
    first_delay_ms: 1_000,
    max_delay_ms: 4_000,
    max_attempts: 3,
};

fn work(n: i64) -> JobWork {
    JobWork::SummarizeCall {
        call: fixed_call(n),
    }
}

/// The same call id for the same `n`; no such call needs to exist.
fn fixed_call(n: i64) -> CallId {
    let text = format!("call_01920000000070008000{n:012x}");
    text.parse().expect("the id has its form")
}

async fn claim(store: &impl Jobs, now: UnixMillis, rule: &str) -> Vec<ClaimedJob> {
    ok(
        store.claim_jobs(&OPERATOR, now, LEASE_MS, 10, POLICY).await,
        rule,
    )
}

/// Everything that was enqueued so far.
async fn claim_all(store: &impl Jobs, rule: &str) -> Vec<ClaimedJob> {
    let mut all = Vec::new();
    while let Some(due) = ok(store.next_job_at(&OPERATOR).await, rule) {
        for job in claim(store, due.plus(600_000), rule).await {
            assert!(ok(store.complete_job(&job).await, rule), "{rule}");
            all.push(job);
        }
    }
    all
}

async fn claim_one(store: &impl Jobs, now: UnixMillis, rule: &str) -> ClaimedJob {
    let mut jobs = claim(store, now, rule).await;
    assert_eq!(jobs.len(), 1, "{rule}: expected one job, got {jobs:?}");
    jobs.remove(0)
}

async fn counts(store: &impl Jobs, rule: &str) -> (u64, u64, u64) {
    let JobCounts {
        pending,
        running,
        dead,
    } = ok(store.count_jobs(&OPERATOR).await, rule);
    (pending, running, dead)
}

/// Rule: the summary of a call is enqueued with its outcome, once, in its tenant.
pub async fn finishing_a_call_enqueues_its_summary_once(fixture: &impl Fixture) {
    let rule = "rule `finishing a call enqueues its summary once`";
    let (store, call) = with_call(fixture, rule).await;
    let (foreign, _) = ok(store.open_call(&scope(theirs()), new_call(2)).await, rule);
    assert_eq!(
        ok(store.next_job_at(&OPERATOR).await, rule),
        None,
        "{rule}: before"
    );
    for _ in 0..3 {
        let end = outcome(CallEnd::AgentEnded);
        ok(
            store
                .finish_call(&scope(ours()), call.id, end.clone())
                .await,
            rule,
        );
        ok(
            store.finish_call(&scope(theirs()), foreign.id, end).await,
            rule,
        );
    }
    let refused = store
        .finish_call(&scope(theirs()), call.id, outcome(CallEnd::AgentEnded))
        .await;
    refuses(&refused, ErrorClass::NotFound, rule);
    let due = ok(store.next_job_at(&OPERATOR).await, rule);
    let Some(due) = due else {
        panic!("{rule}: nothing was enqueued")
    };
    let jobs = claim(&store, due.plus(60_000), rule).await;
    let mut work: Vec<_> = jobs
        .iter()
        .map(|job| (job.tenant(), job.work.clone()))
        .collect();
    work.sort_by_key(|(tenant, _)| *tenant);
    let expected = [
        (ours(), JobWork::SummarizeCall { call: call.id }),
        (theirs(), JobWork::SummarizeCall { call: foreign.id }),
    ];
    assert_eq!(work, expected, "{rule}");
    for job in &jobs {
        assert!(
            ok(store.complete_job(job).await, rule),
            "{rule}: the lease holds"
        );
    }
    ok(
        store
            .finish_call(&scope(ours()), call.id, outcome(CallEnd::AgentEnded))
            .await,
        rule,
    );
    assert_eq!(
        counts(&store, rule).await,
        (0, 0, 0),
        "{rule}: enqueued again once done"
    );
}

/// Rule: a call whose caller was not heard enqueues an alert with its outcome, once.
pub async fn a_missed_call_alerts_the_owners_once(fixture: &impl Fixture) {
    let rule = "rule `a missed call alerts the owners once`";
    let (store, call) = with_call(fixture, rule).await;
    for _ in 0..2 {
        let end = outcome(CallEnd::CallerHungUp);
        ok(store.finish_call(&scope(ours()), call.id, end).await, rule);
    }
    let Some(due) = ok(store.next_job_at(&OPERATOR).await, rule) else {
        panic!("{rule}: nothing was enqueued")
    };
    let jobs = claim(&store, due.plus(60_000), rule).await;
    let alerts = jobs
        .iter()
        .filter(|job| job.work == JobWork::AlertOwners { call: call.id });
    assert_eq!(alerts.count(), 1, "{rule}: {jobs:?}");
}

/// Rule: when many of a business's last calls went badly its owners are told, once; another business's calls do not
/// count.
pub async fn many_poor_calls_alert_the_owners_once(fixture: &impl Fixture) {
    let rule = "rule `many poor calls alert the owners once`";
    let (store, _) = with_call(fixture, rule).await;
    let mut told = Vec::new();
    // One poor call of the other business for each of ours, and a good one in between.
    for n in 20..32_u8 {
        let theirs_or_ours = if n % 2 == 0 { theirs() } else { ours() };
        let scope = scope(theirs_or_ours);
        for (n, verdict) in [(n, Verdict::Poor), (n + 20, Verdict::Good)] {
            let (call, _) = ok(store.open_call(&scope, new_call(n)).await, rule);
            let end = CallOutcome {
                quality: Some(Box::new(quality(verdict))),
                ..outcome(CallEnd::AgentEnded)
            };
            for _ in 0..2 {
                ok(store.finish_call(&scope, call.id, end.clone()).await, rule);
            }
        }
        let jobs = claim_all(&store, rule).await;
        let alerts = jobs
            .iter()
            .filter(|job| matches!(job.work, JobWork::AlertQuality { .. }));
        told.extend(alerts.map(|job| (n, job.tenant())));
    }
    // The fifth poor call of each; the sixth finds them told.
    assert_eq!(told, [(28, theirs()), (29, ours())], "{rule}");
}

/// Rule: the same work is enqueued once per tenant, also when it is done or dead.
pub async fn the_same_work_is_enqueued_once(fixture: &impl Fixture) {
    let rule = "rule `the same work is enqueued once`";
    let (store, _) = with_call(fixture, rule).await;
    assert!(
        ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule),
        "{rule}: first"
    );
    assert!(
        !ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule),
        "{rule}: second"
    );
    assert!(
        ok(
            store.enqueue_job(&scope(theirs()), &work(1), NOW).await,
            rule
        ),
        "{rule}: another tenant"
    );
    assert!(
        ok(store.enqueue_job(&scope(ours()), &work(2), NOW).await, rule),
        "{rule}: other work"
    );
    let unknown = store
        .enqueue_job(&scope(seed(9).business.id), &work(1), NOW)
        .await;
    refuses(&unknown, ErrorClass::NotFound, rule);
    for job in claim(&store, NOW, rule).await {
        assert!(
            ok(store.complete_job(&job).await, rule),
            "{rule}: the lease holds"
        );
    }
    assert!(
        !ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule),
        "{rule}: done"
    );
    assert_eq!(counts(&store, rule).await, (0, 0, 0), "{rule}");
}

/// Rule: a job is claimed from its time on, oldest due first, and not again while the lease holds.
pub async fn a_job_is_claimed_when_due_and_by_one_worker(fixture: &impl Fixture) {
    let rule = "rule `a job is claimed when due and by one worker`";
    let (store, _) = with_call(fixture, rule).await;
    for (n, at) in [(1, NOW.plus(50)), (2, NOW), (3, NOW.plus(100))] {
        ok(store.enqueue_job(&scope(ours()), &work(n), at).await, rule);
    }
    assert_eq!(
        ok(store.next_job_at(&OPERATOR).await, rule),
        Some(NOW),
        "{rule}: the next one"
    );
    assert!(
        claim(&store, NOW.plus(-1), rule).await.is_empty(),
        "{rule}: too early"
    );
    let oldest = ok(
        store
            .claim_jobs(&OPERATOR, NOW.plus(99), LEASE_MS, 1, POLICY)
            .await,
        rule,
    );
    let [oldest] = oldest.as_slice() else {
        panic!("{rule}: the limit is 1, got {oldest:?}")
    };
    assert_eq!(
        (&oldest.work, oldest.attempt),
        (&work(2), 1),
        "{rule}: the oldest due first"
    );
    assert_eq!(
        oldest.leased_until,
        NOW.plus(99 + i64::from(LEASE_MS)),
        "{rule}: the lease"
    );
    let next = claim_one(&store, NOW.plus(99), rule).await;
    assert_eq!(next.work, work(1), "{rule}: the others");
    assert_eq!(counts(&store, rule).await, (1, 2, 0), "{rule}");
}

/// Rule: workers that claim at once get each job once.
pub async fn racing_workers_share_the_jobs(fixture: &impl Fixture) {
    let rule = "rule `racing workers share the jobs`";
    let (store, _) = with_call(fixture, rule).await;
    for n in 0..30 {
        ok(store.enqueue_job(&scope(ours()), &work(n), NOW).await, rule);
    }
    let store = &store;
    let workers = (0..10).map(|_| {
        Box::pin(async move {
            ok(
                store.claim_jobs(&OPERATOR, NOW, LEASE_MS, 4, POLICY).await,
                rule,
            )
        }) as _
    });
    let claimed: Vec<Vec<ClaimedJob>> = join_all(workers).await;
    let mut ids: Vec<_> = claimed.iter().flatten().map(|job| job.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30, "{rule}: different jobs claimed");
    assert_eq!(claimed.iter().flatten().count(), 30, "{rule}: claims");
}

/// Rule: a failed job runs again after the policy's delay, and is dead after its last attempt.
pub async fn a_failed_job_comes_back_later_and_dies_in_the_end(fixture: &impl Fixture) {
    let rule = "rule `a failed job comes back later and dies in the end`";
    let (store, _) = with_call(fixture, rule).await;
    ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule);
    let mut now = NOW;
    for attempt in 1..=2 {
        let job = claim_one(&store, now, rule).await;
        assert_eq!(job.attempt, attempt, "{rule}: the attempt");
        let fate = ok(
            store.fail_job(&job, now, "the model is down", POLICY).await,
            rule,
        );
        let next = now.plus(1_000 * i64::from(attempt));
        assert_eq!(fate, JobFate::RetryAt(next), "{rule}: attempt {attempt}");
        assert!(
            claim(&store, next.plus(-1), rule).await.is_empty(),
            "{rule}: came back early"
        );
        now = next;
    }
    let job = claim_one(&store, now, rule).await;
    let long_reason = "x".repeat(100_000);
    let fate = ok(store.fail_job(&job, now, &long_reason, POLICY).await, rule);
    assert_eq!(fate, JobFate::Dead, "{rule}: the last attempt");
    assert!(
        claim(&store, NOW.plus(1 << 40), rule).await.is_empty(),
        "{rule}: a dead job ran"
    );
    assert_eq!(counts(&store, rule).await, (0, 0, 1), "{rule}");
}

/// Rule: after its lease a job is claimed anew, and what the first worker reports then changes nothing.
pub async fn a_lost_lease_fences_late_reports(fixture: &impl Fixture) {
    let rule = "rule `a lost lease fences late reports`";
    let (store, _) = with_call(fixture, rule).await;
    ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule);
    let slow = claim_one(&store, NOW, rule).await;
    assert_eq!(
        ok(store.next_job_at(&OPERATOR).await, rule),
        Some(slow.leased_until),
        "{rule}: next"
    );
    let second = claim_one(&store, slow.leased_until, rule).await;
    assert_eq!(
        (second.id, second.attempt),
        (slow.id, 2),
        "{rule}: the same job again"
    );
    assert!(
        !ok(store.complete_job(&slow).await, rule),
        "{rule}: a late completion counted"
    );
    assert!(
        !ok(store.bury_job(&slow, "late").await, rule),
        "{rule}: a late burial counted"
    );
    let fate = ok(store.fail_job(&slow, NOW, "late", POLICY).await, rule);
    assert_eq!(fate, JobFate::LeaseLost, "{rule}: a late failure counted");
    assert!(
        ok(store.complete_job(&second).await, rule),
        "{rule}: the holder completes"
    );
    assert!(
        !ok(store.complete_job(&second).await, rule),
        "{rule}: only once"
    );
}

/// Rule: a job whose workers never report is dead after the last attempt, not tried for ever.
pub async fn a_job_that_kills_its_workers_dies(fixture: &impl Fixture) {
    let rule = "rule `a job that kills its workers dies`";
    let (store, _) = with_call(fixture, rule).await;
    ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule);
    let mut now = NOW;
    for _ in 0..POLICY.max_attempts {
        now = claim_one(&store, now, rule).await.leased_until;
    }
    assert!(
        claim(&store, now, rule).await.is_empty(),
        "{rule}: tried once more"
    );
    assert_eq!(counts(&store, rule).await, (0, 0, 1), "{rule}");
}

/// Rule: a job that cannot succeed is dead at once.
pub async fn a_buried_job_never_runs(fixture: &impl Fixture) {
    let rule = "rule `a buried job never runs`";
    let (store, _) = with_call(fixture, rule).await;
    ok(store.enqueue_job(&scope(ours()), &work(1), NOW).await, rule);
    let job = claim_one(&store, NOW, rule).await;
    assert!(
        ok(store.bury_job(&job, "the call is gone").await, rule),
        "{rule}: the lease holds"
    );
    assert!(
        claim(&store, NOW.plus(1 << 40), rule).await.is_empty(),
        "{rule}: it ran"
    );
    assert_eq!(counts(&store, rule).await, (0, 0, 1), "{rule}");
    assert_eq!(
        ok(store.next_job_at(&OPERATOR).await, rule),
        None,
        "{rule}: nothing is due"
    );
}
