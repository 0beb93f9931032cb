//! Looking at a socket at fixed times instead of whenever something arrives.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Sockets look in the same moments, this far apart: one wake-up of the process serves all that are due.
const SLOT: Duration = Duration::from_millis(10);

/// What the moments are counted from.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When a socket is looked at.
#[derive(Debug)]
pub(super) struct Rounds {
    every: Duration,
    next: Instant,
    timer: Pin<Box<Sleep>>,
    resting: bool,
}

impl Rounds {
    /// A round at once, and then one every so often.
    pub(super) fn new(every: Duration) -> Self {
        let now = Instant::now();
        Self {
            every,
            next: now,
            timer: Box::pin(sleep_until(now)),
            resting: false,
        }
    }

    /// Ready while a round is going on; otherwise the task is woken for the next one. Says whether it is new.
    pub(super) fn poll_begin(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !self.resting {
            return Poll::Ready(false);
        }
        ready!(self.timer.as_mut().poll(cx));
        self.resting = false;
        Poll::Ready(true)
    }

    /// Ends the round: there is nothing left to read.
    pub(super) fn rest(&mut self) {
        let now = Instant::now();
        self.next += self.every;
        if self.next <= now || self.next > now + self.every {
            self.next = now + self.every;
        }
        let since = self.next.saturating_duration_since(*EPOCH).as_micros();
        let past = since % SLOT.as_micros();
        if past > 0 {
            let past = Duration::from_micros(u64::try_from(past).unwrap_or(0));
            self.next += SLOT.saturating_sub(past);
        }
        self.timer.as_mut().reset(self.next);
        self.resting = true;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_round_comes_every_so_often_and_in_the_moments_all_share() {
        let mut rounds = Rounds::new(Duration::from_millis(60));
        assert!(!poll_fn(|cx| rounds.poll_begin(cx)).await, "at once");
        tokio::time::advance(Duration::from_micros(3_700)).await;
        rounds.rest();
        poll_fn(|cx| rounds.poll_begin(cx)).await;
        let first = Instant::now();
        for round in 1..=100_u32 {
            rounds.rest();
            assert!(poll_fn(|cx| rounds.poll_begin(cx)).await);
            let expected = Duration::from_millis(60) * round;
            let late = first.elapsed().checked_sub(expected).unwrap();
            assert!(late < Duration::from_millis(2), "{late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_not_made_up_for() {
        let mut rounds = Rounds::new(Duration::from_millis(60));
        rounds.rest();
        tokio::time::advance(Duration::from_secs(5)).await;
        poll_fn(|cx| rounds.poll_begin(cx)).await;
        let began = Instant::now();
        rounds.rest();
        poll_fn(|cx| rounds.poll_begin(cx)).await;
        assert!(began.elapsed() >= Duration::from_millis(50));
    }
}
