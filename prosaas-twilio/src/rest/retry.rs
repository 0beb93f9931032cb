//! How long to wait before a request is sent again.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// The schedule of tries. Twilio's advice for 429: start at 100 ms, double, at most 30 s, 5 tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the second try.
    pub first: Duration,
    /// The longest wait, also when `Retry-After` asks for more.
    pub longest: Duration,
    /// Tries in all.
    pub tries: u32,
}

impl Backoff {
    /// Twilio's advice.
    pub const ADVISED: Self = Self {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(30),
        tries: 5,
    };

    /// The wait after `tries` tries: between half and all of the doubled time, as `jitter` (0 to 1) says;
    /// not less than what the server asked for.
    pub(super) fn delay(&self, tries: u32, asked: Option<Duration>, jitter: f64) -> Duration {
        let doublings = tries.saturating_sub(1).min(20);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        let jittered = whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        asked.map_or(jittered, |asked| asked.min(self.longest).max(jittered))
    }
}

/// Spreads clients that were refused at the same moment. No randomness is as good as some here, so a
/// failing random source is not an error.
pub(super) fn jitter() -> f64 {
    getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX))
}

/// Waits between tries; a parameter, so that tests do not wait.
#[async_trait]
pub trait Sleeper: Send + Sync + fmt::Debug + 'static {
    /// Returns after this time.
    async fn sleep(&self, duration: Duration);
}

/// Waits on tokio's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSleeper;

#[async_trait]
impl Sleeper for TokioSleeper {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the back-off that the ban's reason allows"
    )]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_heed_the_server() {
        let ms = Duration::from_millis;
        let backoff = Backoff::ADVISED;
        assert_eq!(backoff.delay(1, None, 1.0), ms(100));
        assert_eq!(backoff.delay(2, None, 1.0), ms(200));
        assert_eq!(backoff.delay(4, None, 0.0), ms(400));
        assert_eq!(backoff.delay(40, None, 1.0), ms(30_000));
        assert_eq!(backoff.delay(1, Some(ms(7_000)), 1.0), ms(7_000));
        assert_eq!(backoff.delay(1, Some(ms(900_000)), 1.0), ms(30_000));
    }
}
