//! Rungs that are asked at once, of which the first that is ready wins.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use prosaas_core::leg::AiError;
use tokio::time::{Duration, Instant};

use super::leg::LadderLeg;
use super::{Shared, Trouble, own_error};

/// A rung that was not ready for so long when everybody gave up, did fail.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(1_500);

type Opening = Pin<Box<dyn Future<Output = Result<LadderLeg, AiError>> + Send>>;

struct Runner {
    rung: usize,
    since: Instant,
    opening: Opening,
}

/// The rungs being asked. Dropping it closes their connections and remembers who was too slow.
pub(super) struct Race {
    shared: Arc<Shared>,
    runners: Vec<Runner>,
    won: bool,
}

impl Race {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            runners: Vec::new(),
            won: false,
        }
    }

    /// Another rung takes part.
    pub(super) fn enter(&mut self, rung: usize, opening: Opening) {
        self.runners.push(Runner {
            rung,
            since: Instant::now(),
            opening,
        });
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.runners.is_empty()
    }

    /// The next rung that is ready or has failed.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> (usize, Result<LadderLeg, AiError>) {
        std::future::poll_fn(|cx| {
            for at in 0..self.runners.len() {
                if let Poll::Ready(done) = self.runners[at].opening.as_mut().poll(cx) {
                    let runner = self.runners.swap_remove(at);
                    self.won = done.is_ok();
                    return Poll::Ready((runner.rung, done));
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Drop for Race {
    fn drop(&mut self) {
        for runner in &self.runners {
            let overtaken = self.won && runner.since.elapsed() >= self.shared.times.hedge;
            if overtaken || runner.since.elapsed() >= GIVEN_UP_AFTER {
                let error = own_error("slow", "the model was not ready in time");
                self.shared
                    .failed(runner.rung, Trouble::Unreachable, &error);
            }
        }
    }
}
