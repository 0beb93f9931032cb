//! How long a caller waits for the first sound when the model takes its time to accept.

use std::{sync::Arc, time::Duration};

use super::Calls;
use crate::generator::{dial::Route, rig::Rig, verdict::Verdict};

/// How long the model takes to accept the connection.
pub const ACCEPT_DELAY: Duration = Duration::from_millis(300);
/// One call after the other starts, this far apart: queueing is not what is measured here.
const APART: Duration = Duration::from_millis(250);
/// The last call still gets its first audio.
const REST: Duration = Duration::from_secs(2);

/// Places `count` calls; the verdict's `first_audio` is the result.
pub async fn run(rig: &Arc<Rig>, route: &Arc<Route>, first: u32, count: u32) -> Verdict {
    rig.set_accept_delay(ACCEPT_DELAY);
    let mut calls = Calls::new(rig, route, first);
    calls.ramp(count, APART * count).await;
    rig.pass(REST).await;
    rig.set_accept_delay(Duration::ZERO);
    calls.finish().await
}
