//! The server's jobs, as its metrics tell of them, and the time they wait for.

use prosaas_core::time::ManualClock;

use super::{TestApp, until};

/// Waits until so many jobs of a kind have ended so.
pub(crate) async fn jobs(app: &TestApp, kind: &str, result: &str, count: u32) {
    let wanted = format!("prosaas_jobs_total{{kind=\"{kind}\",result=\"{result}\"}} {count}");
    until(&wanted, async || {
        let metrics = app.get("/metrics").await.body;
        metrics.lines().any(|line| line == wanted).then_some(())
    })
    .await;
}

/// The time goes on, and the jobs see it.
pub(crate) fn pass(app: &TestApp, clock: &ManualClock, millis: i64) {
    clock.advance(millis);
    app.app().work.notify_one();
}
