//! One seed's run of the outbox, beside a reference that says in every step which jobs a worker gets and which report
//! counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use prosaas_core::UnixMillis;
use prosaas_core::testkit::dice::Dice;
use prosaas_core::testkit::samples;
use prosaas_core::time::{Clock as _, ManualClock};
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    BusinessAdmin as _, ClaimedJob, CrmStore, JobFate, JobWork, Jobs as _, RetryPolicy,
    StoreOptions,
};

use super::fault::{ALL, Fault};
use crate::support::{Databases, NOW};

const STEPS: u32 = 40;
const LEASE_MS: u32 = 60_000;
const POLICY: RetryPolicy = RetryPolicy {
    first_delay_ms: 1_000,
    max_delay_ms: 4_000,
    max_attempts: 3,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Running,
    Done,
    Dead,
}

/// What a job must be.
#[derive(Debug)]
struct Expected {
    state: State,
    due: UnixMillis,
    attempt: u32,
    /// How often the work was done.
    effects: u32,
}

/// A job in a worker's hands.
struct Held {
    n: u64,
    job: ClaimedJob,
}

/// The store that all seeds share: each leaves it without a job that waits.
pub(super) struct Bench {
    options: StoreOptions,
    clock: Arc<ManualClock>,
    store: CrmStore,
    dead: u64,
    runs: u64,
    pub(super) fired: [u32; ALL.len()],
}

impl Bench {
    async fn open(options: &StoreOptions, clock: &Arc<ManualClock>) -> CrmStore {
        let clock: Arc<ManualClock> = Arc::clone(clock);
        CrmStore::open_with(options, clock).await.unwrap()
    }

    pub(super) async fn new(databases: &Databases) -> Self {
        let options = databases.fresh().await;
        let clock = Arc::new(ManualClock::at(NOW));
        let store = Self::open(&options, &clock).await;
        let seed = samples::seed(1);
        store
            .add_business(&OPERATOR, &seed.business, &seed.numbers)
            .await
            .unwrap();
        Self {
            options,
            clock,
            store,
            dead: 0,
            runs: 0,
            fired: [0; ALL.len()],
        }
    }
}

/// One seed's run.
pub(super) struct Run<'a> {
    bench: &'a mut Bench,
    seed: u64,
    dice: Dice,
    began: UnixMillis,
    jobs: BTreeMap<u64, Expected>,
    workers: [Vec<Held>; 2],
    trace: String,
}

impl<'a> Run<'a> {
    pub(super) fn new(bench: &'a mut Bench, seed: u64) -> Self {
        bench.runs += 1;
        let began = bench.clock.now();
        Self {
            bench,
            seed,
            dice: Dice::new(seed),
            began,
            jobs: BTreeMap::new(),
            workers: [Vec::new(), Vec::new()],
            trace: String::new(),
        }
    }

    fn now(&self) -> UnixMillis {
        self.bench.clock.now()
    }

    fn fire(&mut self, fault: Fault) {
        self.bench.fired[fault as usize] += 1;
        self.note(&format!("{fault:?}"));
    }

    fn note(&mut self, what: &str) {
        let at = self.now().since(self.began);
        writeln!(self.trace, "{at} {what}").unwrap();
    }

    /// What stands at the head of a failure.
    fn context(&self) -> String {
        format!("seed {}\n{}", self.seed, self.trace)
    }

    /// The work of this number in this run; no such call needs to exist.
    fn work(&self, n: u64) -> JobWork {
        let number = self.bench.runs * 1_000 + n;
        let call = format!("call_01920000000070008000{number:012x}");
        JobWork::SummarizeCall {
            call: call.parse().unwrap(),
        }
    }

    fn number_of(&self, work: &JobWork) -> u64 {
        let own = self.jobs.keys().find(|n| self.work(**n) == *work);
        *own.unwrap_or_else(|| panic!("{work:?} is not of this run\n{}", self.context()))
    }

    async fn enqueue(&mut self) {
        // Ids are ordered by time: those of one millisecond would be by chance.
        self.bench.clock.advance(1);
        let n = self.jobs.len() as u64;
        let due = self.now().plus(self.dice.roll(20_000) as i64);
        assert!(self.enqueued(n, due).await, "new work\n{}", self.context());
        let job = Expected {
            state: State::Pending,
            due,
            attempt: 0,
            effects: 0,
        };
        self.jobs.insert(n, job);
    }

    async fn enqueued(&mut self, n: u64, due: UnixMillis) -> bool {
        let tenant = samples::seed(1).business.id;
        let work = self.work(n);
        let store = &self.bench.store;
        let added = store.enqueue_job(&scope(tenant), &work, due).await.unwrap();
        self.note(&format!("enqueue {n}: {added}"));
        added
    }

    /// What a claim at this time must give: number and attempt, in the order of the jobs' ids.
    fn expect_claim(&mut self, now: UnixMillis, limit: usize) -> Vec<(u64, u32)> {
        let mut abandoned = 0;
        for job in self.jobs.values_mut() {
            let over = job.state == State::Running && job.due <= now;
            if over && job.attempt >= POLICY.max_attempts {
                job.state = State::Dead;
                abandoned += 1;
            }
        }
        (0..abandoned).for_each(|_| self.fire(Fault::Abandoned));
        let waits = |job: &Expected| matches!(job.state, State::Pending | State::Running);
        let due = self.jobs.iter();
        let due = due.filter(|(_, job)| waits(job) && job.due <= now);
        let mut due: Vec<_> = due.map(|(n, job)| (job.due, *n)).collect();
        due.sort_unstable();
        due.truncate(limit);
        due.sort_unstable_by_key(|(_, n)| *n);
        let mut expected = Vec::new();
        for (_, n) in due {
            let Some(job) = self.jobs.get_mut(&n) else {
                continue;
            };
            let handed_on = job.state == State::Running;
            job.state = State::Running;
            job.attempt += 1;
            job.due = now.plus(i64::from(LEASE_MS));
            expected.push((n, job.attempt));
            if handed_on {
                self.fire(Fault::LeaseRanOut);
            }
        }
        expected
    }

    fn take(&mut self, worker: usize, claimed: Vec<ClaimedJob>, expected: &[(u64, u32)]) {
        let held = claimed.into_iter().map(|job| Held {
            n: self.number_of(&job.work),
            job,
        });
        let held: Vec<_> = held.collect();
        let got: Vec<_> = held.iter().map(|held| (held.n, held.job.attempt)).collect();
        self.note(&format!("worker {worker} gets {got:?}"));
        assert_eq!(got, expected, "{}", self.context());
        for held in &held {
            let due = self.jobs[&held.n].due;
            assert_eq!(held.job.leased_until, due, "{}", self.context());
        }
        self.workers[worker].extend(held);
    }

    async fn claim(&mut self, worker: usize, now: UnixMillis) {
        let limit = 1 + self.dice.roll(4) as u32;
        let store = &self.bench.store;
        let claimed = store.claim_jobs(&OPERATOR, now, LEASE_MS, limit, POLICY);
        let claimed = claimed.await.unwrap();
        let expected = self.expect_claim(now, limit as usize);
        self.take(worker, claimed, &expected);
    }

    /// Two claims at once: who gets what is not said, that each job is got once is.
    async fn claim_together(&mut self) {
        let now = self.now();
        let store = &self.bench.store;
        let (one, other) = tokio::join!(
            store.claim_jobs(&OPERATOR, now, LEASE_MS, 2, POLICY),
            store.claim_jobs(&OPERATOR, now, LEASE_MS, 2, POLICY),
        );
        let mut claimed = one.unwrap();
        claimed.extend(other.unwrap());
        claimed.sort_by_key(|job| job.id);
        let expected = self.expect_claim(now, 4);
        self.take(0, claimed, &expected);
    }

    /// Whether a report on a job must count.
    fn counts(&self, held: &Held) -> bool {
        let job = &self.jobs[&held.n];
        job.state == State::Running && job.attempt == held.job.attempt
    }

    fn becomes(&mut self, n: u64, state: State) {
        if let Some(job) = self.jobs.get_mut(&n) {
            job.state = state;
        }
    }

    fn does(&mut self, n: u64) {
        if let Some(job) = self.jobs.get_mut(&n) {
            job.effects += 1;
        }
    }

    async fn complete(&mut self, held: &Held) {
        let expected = self.counts(held);
        let counted = self.bench.store.complete_job(&held.job).await.unwrap();
        self.note(&format!("complete {}: {counted}", held.n));
        assert_eq!(counted, expected, "{}", self.context());
        if counted {
            self.becomes(held.n, State::Done);
        }
    }

    async fn fail(&mut self, held: &Held) {
        let now = self.now();
        let next = POLICY.next_run(held.job.attempt, now);
        let expected = match next {
            _ if !self.counts(held) => JobFate::LeaseLost,
            Some(at) => JobFate::RetryAt(at),
            None => JobFate::Dead,
        };
        let store = &self.bench.store;
        let fate = store.fail_job(&held.job, now, "down", POLICY).await;
        let fate = fate.unwrap();
        self.note(&format!("fail {}", held.n));
        assert_eq!(fate, expected, "{}", self.context());
        match fate {
            JobFate::RetryAt(at) => {
                self.becomes(held.n, State::Pending);
                if let Some(job) = self.jobs.get_mut(&held.n) {
                    job.due = at;
                }
            }
            JobFate::Dead => self.becomes(held.n, State::Dead),
            JobFate::LeaseLost => {}
        }
    }

    async fn bury(&mut self, held: &Held) {
        let expected = self.counts(held);
        let counted = self.bench.store.bury_job(&held.job, "gone").await.unwrap();
        self.note(&format!("bury {}: {counted}", held.n));
        assert_eq!(counted, expected, "{}", self.context());
        if counted {
            self.becomes(held.n, State::Dead);
        }
    }

    /// A worker does one of the jobs it holds.
    async fn work_on(&mut self, worker: usize) {
        let holds = self.workers[worker].len() as u64;
        if holds == 0 {
            return;
        }
        let one = self.dice.roll(holds) as usize;
        let held = self.workers[worker].remove(one);
        match self.dice.roll(10) {
            0 | 1 => {
                self.fire(Fault::Fails);
                self.fail(&held).await;
            }
            2 => {
                self.fire(Fault::FailsForGood);
                self.bury(&held).await;
            }
            3 => {
                self.fire(Fault::CrashAfterWork);
                self.does(held.n);
                self.workers[worker].clear();
            }
            4 => {
                self.fire(Fault::ReportsLate);
                self.does(held.n);
                self.bench.clock.advance(i64::from(LEASE_MS) + 1);
                let now = self.now();
                self.claim(1 - worker, now).await;
                if self.dice.roll(2) == 0 {
                    self.complete(&held).await;
                } else {
                    self.fail(&held).await;
                }
            }
            5 => {
                self.fire(Fault::ReportsTwice);
                self.does(held.n);
                self.complete(&held).await;
                self.complete(&held).await;
            }
            _ => {
                self.does(held.n);
                self.complete(&held).await;
            }
        }
    }

    /// Something goes wrong that no job asks for.
    async fn strike(&mut self, worker: usize) {
        match self.dice.roll(8) {
            0 => {
                self.fire(Fault::CrashBeforeWork);
                self.workers[worker].clear();
            }
            1 | 2 => self.enqueue_again().await,
            3 => {
                self.fire(Fault::ClaimTogether);
                self.claim_together().await;
            }
            4 => {
                self.fire(Fault::ClockBehind);
                let now = self.now().plus(-(self.dice.roll(30_000) as i64));
                self.claim(worker, now).await;
            }
            5 => {
                self.fire(Fault::ClockAhead);
                let ahead = u64::from(LEASE_MS) + self.dice.roll(30_000);
                let now = self.now().plus(ahead as i64);
                self.claim(worker, now).await;
            }
            6 if self.dice.roll(6) == 0 => {
                self.fire(Fault::ProcessRestarts);
                self.workers.iter_mut().for_each(Vec::clear);
                self.bench.store.close().await;
                let bench = &mut *self.bench;
                bench.store = Bench::open(&bench.options, &bench.clock).await;
            }
            _ => {
                self.fire(Fault::LongOutage);
                self.bench.clock.advance(3 * 3_600_000);
            }
        }
    }

    async fn enqueue_again(&mut self) {
        let known = self.jobs.len() as u64;
        if known == 0 {
            return;
        }
        let n = self.dice.roll(known);
        let over = matches!(self.jobs[&n].state, State::Done | State::Dead);
        self.fire(if over {
            Fault::EnqueuedAfterEnd
        } else {
            Fault::EnqueuedTwice
        });
        let now = self.now();
        assert!(!self.enqueued(n, now).await, "{}", self.context());
    }

    pub(super) async fn play(mut self) -> String {
        for _ in 0..STEPS {
            let worker = self.dice.roll(2) as usize;
            match self.dice.roll(10) {
                0..=2 => self.enqueue().await,
                3 | 4 => {
                    let now = self.now();
                    self.claim(worker, now).await;
                }
                5 | 6 => self.work_on(worker).await,
                7 | 8 => self.strike(worker).await,
                _ => {
                    let passes = self.dice.roll(20_000) as i64;
                    self.bench.clock.advance(passes);
                }
            }
        }
        self.drain().await;
        self.trace
    }

    /// Everything recovers, and in the end no job waits.
    async fn drain(&mut self) {
        self.workers.iter_mut().for_each(Vec::clear);
        loop {
            let waits = |job: &&Expected| matches!(job.state, State::Pending | State::Running);
            let next = self.jobs.values().filter(waits).map(|job| job.due).min();
            let said = self.bench.store.next_job_at(&OPERATOR).await.unwrap();
            assert_eq!(said, next, "{}", self.context());
            let Some(next) = next else {
                break;
            };
            let passes = next.since(self.now()).max(0);
            self.bench.clock.advance(passes);
            let now = self.now();
            self.claim(0, now).await;
            for held in std::mem::take(&mut self.workers[0]) {
                self.does(held.n);
                self.complete(&held).await;
            }
        }
        for (n, job) in &self.jobs {
            let done = job.state == State::Done && job.effects >= 1;
            let ended = done || job.state == State::Dead;
            assert!(ended, "{n} is lost: {job:?}\n{}", self.context());
            let often = job.effects <= job.attempt && job.attempt <= POLICY.max_attempts;
            assert!(often, "{n} was done too often: {job:?}\n{}", self.context());
        }
        let dead = self.jobs.values().filter(|job| job.state == State::Dead);
        self.bench.dead += dead.count() as u64;
        let counts = self.bench.store.count_jobs(&OPERATOR).await.unwrap();
        let counts = (counts.pending, counts.running, counts.dead);
        assert_eq!(counts, (0, 0, self.bench.dead), "{}", self.context());
    }
}
