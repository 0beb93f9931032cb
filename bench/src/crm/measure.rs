//! One request after the other, timed.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use prosaas_crm::CrmStore;
use prosaas_crm::auth::TenantScope;

use super::figures::{Class, Figure};
use crate::measure::histogram::Histogram;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Requests of one figure, at most.
    pub(crate) requests: usize,
    /// Time for one figure, at most; a slow one has fewer requests, and at least [`Effort::LEAST`].
    pub(crate) limit: Duration,
    /// How long mixed requests are made.
    pub(crate) mixed: Duration,
}

impl Effort {
    /// Fewer than these say nothing about one in a hundred.
    const LEAST: usize = 30;
    /// Requests before the clock starts: connections are opened, statements planned.
    const WARM_UP: usize = 12;
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) times: Histogram,
    /// Rows that one request brought, on average.
    pub(crate) rows: f64,
}

impl Measured {
    /// The time that so many of a hundred requests kept to.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_nanos(self.times.percentile(percent).unwrap_or(u64::MAX))
    }

    /// Whether it is over its bar.
    pub(crate) fn is_red(&self) -> bool {
        let (p50, p99) = self.class.bar();
        self.percentile(50.0) > p50 || self.percentile(99.0) > p99
    }
}

/// Makes the requests of a figure, one at a time.
pub(crate) async fn measure(
    store: &CrmStore,
    scope: &TenantScope,
    figure: &Figure,
    effort: Effort,
) -> anyhow::Result<Measured> {
    let mut times = Histogram::default();
    let (mut rows, mut made) = (0, 0);
    let mut requests = figure.requests.iter();
    for request in requests.by_ref().take(Effort::WARM_UP) {
        request
            .run(store, scope)
            .await
            .with_context(|| format!("`{}`", figure.name))?;
    }
    let began = Instant::now();
    for request in requests {
        let answer = request
            .run(store, scope)
            .await
            .with_context(|| format!("`{}`", figure.name))?;
        times.record(u64::try_from(answer.took.as_nanos()).unwrap_or(u64::MAX));
        rows += answer.rows;
        made += 1;
        if made == effort.requests || (made >= Effort::LEAST && began.elapsed() > effort.limit) {
            break;
        }
    }
    anyhow::ensure!(made > 0, "`{}`: no request was measured", figure.name);
    anyhow::ensure!(
        rows > 0 || !figure.finds,
        "`{}` found nothing at all",
        figure.name
    );
    Ok(Measured {
        name: figure.name,
        class: figure.class,
        times,
        rows: rows as f64 / made as f64,
    })
}
