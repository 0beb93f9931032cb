//! Many kinds of requests at once, as an open console and a ringing phone make them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prosaas_core::{E164, Error};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead_list::{LeadFilter, LeadSort};
use prosaas_crm::model::page::Page;
use prosaas_crm::model::phone::PhoneRegion;
use prosaas_crm::search::Query;
use tokio::task::JoinSet;

use super::random::Random;
use super::requests::{PAGE, Request};
use super::sampler::Sampler;
use crate::measure::histogram::Histogram;

/// Requests at once.
pub(crate) const CLIENTS: usize = 4;
/// Requests of each kind, made again and again: what pgbench is given has to be written down.
pub(crate) const SAMPLES: usize = 12;

/// One kind of request and how often it comes, of a hundred.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) weight: u64,
    pub(crate) samples: Vec<Request>,
}

/// Nine kinds of requests; five in six only read.
pub(crate) fn kinds(sampler: &mut Sampler<'_>) -> anyhow::Result<Vec<Kind>> {
    type Make = fn(&mut Sampler<'_>, usize) -> anyhow::Result<Request>;
    let kinds: [(&'static str, u64, Make); 9] = [
        ("list", 15, |s, n| {
            s.list(LeadFilter::default(), LeadSort::Active, n % 2 == 1)
        }),
        ("column", 10, |s, n| {
            let filter = s.of_stage();
            s.list(filter, LeadSort::Active, n % 2 == 1)
        }),
        ("filtered", 5, |s, _| {
            let filter = LeadFilter {
                assigned: s.of_member().assigned,
                ..s.of_stage()
            };
            s.list(filter, LeadSort::Active, false)
        }),
        ("details", 20, |s, _| Ok(Request::Details(s.person()?.id))),
        ("timeline", 15, |s, _| {
            Ok(Request::Timeline(s.person()?.id, Page::first(PAGE)))
        }),
        ("phone", 5, |s, _| Ok(Request::Phone(s.phone()?))),
        ("search", 15, |s, n| {
            let text = s.beginning(n % 3 + 2)?;
            let query = Query::parse(&text, PhoneRegion::IL);
            Ok(Request::Search(
                query.ok_or_else(|| anyhow::anyhow!("no query"))?,
                20,
            ))
        }),
        ("create", 5, |s, _| Ok(Request::Create(s.new_lead()?))),
        ("update", 10, |s, _| {
            let patch = s.moved();
            Ok(Request::Update(s.person()?.id, patch))
        }),
    ];
    let kind = |(name, weight, make): (&'static str, u64, Make)| {
        let samples = (0..SAMPLES)
            .map(|n| make(sampler, n))
            .collect::<Result<_, _>>()?;
        Ok(Kind {
            name,
            weight,
            samples,
        })
    };
    kinds.into_iter().map(kind).collect()
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Mixed {
    pub(crate) requests: u64,
    pub(crate) took: Duration,
    pub(crate) times: Histogram,
}

impl Mixed {
    /// Requests in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.took.as_secs_f64()
    }
}

/// Makes mixed requests for a while, after a third of it to warm up.
pub(crate) async fn run(
    store: &Arc<CrmStore>,
    scope: &TenantScope,
    kinds: &Arc<Vec<Kind>>,
    (lasting, fresh): (Duration, u64),
) -> anyhow::Result<Mixed> {
    let fresh = Arc::new(AtomicU64::new(fresh));
    drive(store, scope, kinds, (lasting / 3, &fresh)).await?;
    drive(store, scope, kinds, (lasting, &fresh)).await
}

async fn drive(
    store: &Arc<CrmStore>,
    scope: &TenantScope,
    kinds: &Arc<Vec<Kind>>,
    (lasting, fresh): (Duration, &Arc<AtomicU64>),
) -> anyhow::Result<Mixed> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (store, scope) = (Arc::clone(store), *scope);
        let (kinds, fresh) = (Arc::clone(kinds), Arc::clone(fresh));
        clients.spawn(async move {
            let mut random = Random::of(client as u64, fresh.load(Ordering::Relaxed));
            let mut times = Vec::new();
            while began.elapsed() < lasting {
                let request = fresh_one(pick(&kinds, &mut random), &fresh)?;
                let asked = Instant::now();
                match request.run(&store, &scope).await {
                    Ok(_) => {}
                    // Two clients changed one lead: an answer like any other.
                    Err(error) if is_conflict(&error) => {}
                    Err(error) => return Err(error),
                }
                times.push(u64::try_from(asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
            }
            Ok(times)
        });
    }
    let mut mixed = Mixed {
        requests: 0,
        took: Duration::ZERO,
        times: Histogram::default(),
    };
    while let Some(client) = clients.join_next().await {
        for time in client?? {
            mixed.times.record(time);
            mixed.requests += 1;
        }
    }
    mixed.took = began.elapsed();
    Ok(mixed)
}

fn pick<'k>(kinds: &'k [Kind], random: &mut Random) -> &'k Request {
    let total: u64 = kinds.iter().map(|kind| kind.weight).sum();
    let mut place = random.below(total);
    let kind = kinds.iter().find(|kind| {
        let is_it = place < kind.weight;
        place = place.wrapping_sub(kind.weight);
        is_it
    });
    let samples = &kind.unwrap_or(&kinds[0]).samples;
    &samples[random.below(samples.len() as u64) as usize]
}

/// A new lead has a number that nobody has.
fn fresh_one(request: &Request, fresh: &AtomicU64) -> anyhow::Result<Request> {
    let Request::Create(new) = request else {
        return Ok(request.clone());
    };
    let n = fresh.fetch_add(1, Ordering::Relaxed);
    let mut new = new.clone();
    let number = E164::parse(&format!("+1500{:011}", n % 100_000_000_000))?;
    new.identities = vec![
        NewIdentity::phone(&number),
        NewIdentity::email(&format!("mixed{n}@example.com"))?,
    ];
    Ok(Request::Create(new))
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(Error::Conflict {
            what: "version-conflict",
            ..
        })
    )
}
