//! The measurements: each plays a load against a running subject.

pub mod first_audio;
pub mod short_calls;
pub mod soak;
pub mod steady;

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::generator::{
    carrier::CallLog,
    dial::{self, Route},
    rig::{Rig, lock},
    verdict::Verdict,
};

/// Calls in progress.
pub(crate) struct Calls {
    rig: Arc<Rig>,
    route: Arc<Route>,
    tasks: JoinSet<CallLog>,
    hang_up: CancellationToken,
    next: u32,
}

impl Calls {
    /// `first` is the number of the first call: numbers are never used twice on one rig.
    pub(crate) fn new(rig: &Arc<Rig>, route: &Arc<Route>, first: u32) -> Self {
        Self {
            rig: Arc::clone(rig),
            route: Arc::clone(route),
            tasks: JoinSet::new(),
            hang_up: CancellationToken::new(),
            next: first,
        }
    }

    /// Places one call that ends with `hang_up`.
    pub(crate) fn place(&mut self, hang_up: CancellationToken) {
        let (rig, route) = (Arc::clone(&self.rig), Arc::clone(&self.route));
        self.tasks.spawn(dial::call(rig, route, self.next, hang_up));
        self.next += 1;
    }

    /// Places `count` calls evenly spread over `over`, so that neither their frames nor their
    /// replies fall together.
    pub(crate) async fn ramp(&mut self, count: u32, over: std::time::Duration) {
        let begin = tokio::time::Instant::now();
        for number in 0..count {
            tokio::time::sleep_until(begin + over * number / count.max(1)).await;
            self.place(self.hang_up.clone());
        }
        tokio::time::sleep_until(begin + over).await;
    }

    /// Ends all calls and judges them.
    pub(crate) async fn finish(mut self) -> Verdict {
        self.hang_up.cancel();
        let mut verdict = Verdict::default();
        while let Some(ended) = self.tasks.join_next().await {
            judge(&self.rig, ended, &mut verdict);
        }
        verdict
    }
}

/// Adds one ended call to the counts.
fn judge(rig: &Rig, ended: Result<CallLog, tokio::task::JoinError>, verdict: &mut Verdict) {
    match ended {
        Ok(call) => {
            let logs = rig.take_logs(call.index);
            let logs: Vec<_> = logs.iter().map(|log| lock(log)).collect();
            let models: Vec<_> = logs.iter().map(|log| &**log).collect();
            verdict.add(call, &models);
        }
        Err(error) => verdict
            .failures
            .push(format!("the generator's own task failed: {error}")),
    }
}
