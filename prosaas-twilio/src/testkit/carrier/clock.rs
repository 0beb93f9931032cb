//! The time of a call: real, or as fast as the machine goes.

use std::time::Duration;

use prosaas_core::leg::FRAME_MS;
use tokio::time::{Instant, sleep_until};

use super::Pace;

/// Milliseconds since the call began.
#[derive(Debug)]
pub(super) enum CallClock {
    Real { began: Instant },
    Virtual { now_ms: u64 },
}

impl CallClock {
    pub(super) fn start(pace: Pace) -> Self {
        match pace {
            Pace::RealTime => Self::Real {
                began: Instant::now(),
            },
            Pace::Fast => Self::Virtual { now_ms: 0 },
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        match self {
            Self::Real { began } => began.elapsed().as_millis() as u64,
            Self::Virtual { now_ms } => *now_ms,
        }
    }

    /// Waits until the call is this old. Measured from the beginning of the call, so delays never add up.
    ///
    /// # Cancel safety
    /// Dropped while waiting, no time has passed on a fast clock.
    pub(super) async fn wait_until(&mut self, at_ms: u64) {
        match self {
            Self::Real { began } => sleep_until(*began + Duration::from_millis(at_ms)).await,
            Self::Virtual { now_ms } => {
                // The server gets its turn between two frames.
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
                *now_ms = at_ms.max(*now_ms);
            }
        }
    }
}

/// When the `index`th frame of a stream is due, `began_ms` being when the stream began.
pub(super) const fn frame_due(began_ms: u64, index: u64) -> u64 {
    began_ms + index * FRAME_MS
}
