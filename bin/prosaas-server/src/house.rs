//! Housekeeping: what nobody asks for and somebody has to do. One task of the server owns all of it.
//!
//! Every minute: leads of missed calls that nobody brought, calls whose end got lost, acting sessions whose time is over, old stream tokens, messages that
//! were never sent. Every hour,
//! and at the start: what calls need to know when the database goes away, what has expired, and secrets under an older master key. Every day: each business's own
//! retention, as a job, and a comparison of our calls with Twilio's lists of them. What fails is said in the log and tried again in the next round.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{Error, UnixMillis};
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::{BusinessAdmin as _, JobWork, Jobs as _, StreamTokens as _};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::calls::heal;
use crate::reconcile::{self, Comparison};
use crate::wiring::App;

/// How often there is a round.
const ROUND: Duration = Duration::from_mins(1);
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long used stream tokens are kept, so that a second use is recognised.
const TOKENS_KEPT_MS: i64 = DAY_MS;
/// How long a session or a one-time link is kept after it expired, so that it can be looked into.
const EXPIRED_KEPT_MS: i64 = DAY_MS;
/// The window of events: a console that was away for longer reads everything again.
const EVENTS_KEPT_MS: i64 = 7 * DAY_MS;
/// How long a message may wait to be sent: far longer than its job is tried, and too old to be sent then.
const UNSENT_KEPT_MS: i64 = DAY_MS;
/// How many rows are removed in one transaction.
const AT_ONCE: u32 = 1_000;
/// How many acting sessions are ended in one round.
const ACTING_AT_ONCE: u32 = 100;
/// When in the day of UTC calls are compared with Twilio's lists, in milliseconds from its beginning: what the calls
/// of the day before cost is known by then.
const COMPARED_AT_MS: i64 = 3 * HOUR_MS;
/// How many rounds a process leaves calls to the callbacks and files that come in late after a pause, before it
/// compares.
const ROUNDS_BEFORE_COMPARING: u32 = 10;
/// The installation's own work.
const INSTALLATION: SystemScope = SystemScope::for_installation();

/// When something was done last: hours and days counted from 1970.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    hour: Option<i64>,
    day: Option<i64>,
    /// The night in which calls were compared with Twilio's lists.
    compared: Option<i64>,
    /// The hour in which that was last tried.
    comparison_tried: Option<i64>,
    /// How many rounds there were.
    rounds: u32,
}

impl Done {
    /// Whether calls are to be compared with Twilio's lists now: once a night, tried again every hour.
    fn wants_comparison(&self, now: UnixMillis) -> bool {
        self.rounds > ROUNDS_BEFORE_COMPARING
            && self.compared != Some(night_of(now))
            && self.comparison_tried != Some(now.0.div_euclid(HOUR_MS))
    }
}

/// The night that a moment belongs to: it begins with the hour in which calls are compared.
const fn night_of(now: UnixMillis) -> i64 {
    now.plus(-COMPARED_AT_MS).0.div_euclid(DAY_MS)
}

/// Keeps house until `stop`.
pub(crate) async fn keep(app: Arc<App>, stop: CancellationToken) {
    if app.config.model.use_realtime {
        speak_ahead(&app).await;
    }
    let mut done = Done::default();
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let round = Box::pin(round(&app, app.clock.now(), &mut done));
        if stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}

async fn round(app: &App, now: UnixMillis, done: &mut Done) {
    app.live.expire(now);
    let healed = heal::round(app).await;
    noted("lost calls could not be looked for", healed);
    let store = &app.store;
    let ended = store
        .end_expired_acting(&INSTALLATION, ACTING_AT_ONCE)
        .await;
    noted(
        "expired acting sessions could not be ended",
        ended.map(drop),
    );
    let forgotten = store
        .forget_stream_tokens(&INSTALLATION, now.plus(-TOKENS_KEPT_MS))
        .await;
    noted(
        "old stream tokens could not be forgotten",
        forgotten.map(drop),
    );
    let unsent = store
        .give_up_unsent(&INSTALLATION, now.plus(-UNSENT_KEPT_MS))
        .await;
    noted("unsent messages could not be given up", unsent.map(drop));
    let hour = now.0.div_euclid(HOUR_MS);
    if done.hour != Some(hour) {
        app.standby.remember_everybody().await;
        reseal(app).await;
        if noted("what expired could not be removed", sweep(app, now).await) {
            done.hour = Some(hour);
        }
    }
    let day = now.0.div_euclid(DAY_MS);
    if done.day != Some(day)
        && noted(
            "retention could not be enqueued",
            retain(app, day, now).await,
        )
    {
        done.day = Some(day);
    }
    done.rounds = done.rounds.saturating_add(1);
    if done.wants_comparison(now) {
        done.comparison_tried = Some(hour);
        if compare_calls(app, now).await {
            done.compared = Some(night_of(now));
        }
    }
}

/// Compares the calls of yesterday and today with Twilio's lists; whether every list could be read.
async fn compare_calls(app: &App, now: UnixMillis) -> bool {
    let period = reconcile::yesterday_and_today(now);
    match Box::pin(Comparison::of_server(app).run(period)).await {
        Ok(report) => {
            report.log();
            app.metrics.reconciled(&report);
            let is_whole = report.unread_accounts == 0;
            app.metrics
                .reconcile_run(if is_whole { "done" } else { "failed" });
            is_whole
        }
        Err(error) => {
            app.metrics.reconcile_run("failed");
            tracing::error!(error = %error.chain(), "calls could not be compared with Twilio's lists");
            false
        }
    }
}

/// Logs a failure; whether there was none.
fn noted(what: &'static str, result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(error = %error.chain(), "{what}");
            false
        }
    }
}

/// Removes what has expired and is of no use to anybody.
async fn sweep(app: &App, now: UnixMillis) -> Result<(), Error> {
    let (store, scope) = (&app.store, &INSTALLATION);
    let expired = now.plus(-EXPIRED_KEPT_MS);
    let sessions = store.forget_sessions(scope, expired).await?;
    let links = store.forget_links(scope, expired).await?;
    let keys = store.forget_keys(scope, now).await?;
    let ceremonies = store.forget_ceremonies(scope).await?;
    let traces = store.forget_login_traces(scope).await?;
    let mut events = 0;
    let before = now.plus(-EVENTS_KEPT_MS);
    loop {
        let removed = store.forget_events(scope, before, AT_ONCE).await?;
        if removed == 0 {
            break;
        }
        events += removed;
    }
    tracing::debug!(
        sessions,
        links,
        keys,
        ceremonies,
        traces,
        events,
        "what expired was removed"
    );
    Ok(())
}

/// Seals again what is under an older master key: after a rotation at the start, and later what another
/// process wrote that still had the older key.
async fn reseal(app: &App) {
    if app.config.master_key.is_none() {
        return;
    }
    match app.store.reseal(&INSTALLATION).await {
        Ok(seals) => {
            if seals.resealed > 0 {
                tracing::info!(
                    resealed = seals.resealed,
                    "secrets were sealed again under the current master key"
                );
            }
            if seals.unreadable > 0 {
                tracing::error!(
                    unreadable = seals.unreadable,
                    "sealed secrets do not open with PROSAAS_MASTER_KEY; put the key they were sealed under behind the current one"
                );
            }
        }
        Err(error) => {
            tracing::error!(error = %error.chain(), "secrets could not be sealed again");
        }
    }
}

/// Has every business's old recordings, transcripts and deliveries removed, once a day.
async fn retain(app: &App, day: i64, now: UnixMillis) -> Result<(), Error> {
    for listed in app.store.list_businesses(&INSTALLATION).await? {
        let work = JobWork::ApplyRetention { day };
        let scope = TenantScope::of_listed(&listed);
        app.store.enqueue_job(&scope, &work, now).await?;
    }
    app.work.notify_one();
    Ok(())
}

/// Asks for every business's sentences for when the model fails, so that they are there before the first failure.
async fn speak_ahead(app: &App) {
    match app.store.list_businesses(&INSTALLATION).await {
        Ok(businesses) => {
            for listed in businesses {
                let scope = TenantScope::of_listed(&listed);
                app.voices.fallback(&scope, &listed.business).await;
                app.voices.hold(&scope, &listed.business).await;
            }
        }
        Err(error) => tracing::error!(error = %error.chain(), "the businesses could not be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_compared_once_a_night_and_tried_again_every_hour() {
        // 2023-11-15T02:59Z, and 3:00.
        let before = UnixMillis(1_700_017_140_000);
        let at_three = before.plus(60_000);
        let mut done = Done {
            rounds: ROUNDS_BEFORE_COMPARING,
            ..Done::default()
        };
        assert!(!done.wants_comparison(before), "it has just begun");
        done.rounds += 1;
        assert!(done.wants_comparison(before), "nobody did in this night");
        done.compared = Some(night_of(before));
        assert!(!done.wants_comparison(before));
        assert!(done.wants_comparison(at_three), "another night");
        done.comparison_tried = Some(at_three.0.div_euclid(HOUR_MS));
        assert!(!done.wants_comparison(at_three.plus(HOUR_MS - 1)));
        assert!(done.wants_comparison(at_three.plus(HOUR_MS)));
        done.compared = Some(night_of(at_three));
        assert!(!done.wants_comparison(at_three.plus(DAY_MS - 1)));
        assert!(done.wants_comparison(at_three.plus(DAY_MS)));
    }
}
