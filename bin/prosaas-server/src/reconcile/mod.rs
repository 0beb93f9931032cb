//! Compares our calls with Twilio's lists of them: what each call costs there, calls that we never heard of, and
//! calls that we hold open though they are over.
//!
//! The server does it once a day for yesterday and today, `prosaas reconcile` for any day. The rule is
//! [`prosaas_crm::rules::reconcile`]; here its words become rows.

mod mend;
mod read;
mod report;

use std::fmt;

use prosaas_core::{Error, UnixMillis};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::SystemScope;
use prosaas_crm::rules::reconcile::{Charge, Differences, Period, compare};

use self::read::Read;
pub use self::report::{Finding, Line, Report};
use crate::config::Config;
use crate::wiring::App;

/// The calls of all businesses.
const INSTALLATION: SystemScope = SystemScope::for_installation();
const DAY_MS: i64 = 86_400_000;

/// Yesterday and today, by the days of UTC, which are Twilio's.
pub const fn yesterday_and_today(now: UnixMillis) -> Period {
    let today = UnixMillis(now.0.div_euclid(DAY_MS) * DAY_MS);
    Period {
        from: today.plus(-DAY_MS),
        until: today.plus(DAY_MS),
        now,
    }
}

/// The day of UTC that begins then.
pub const fn day_from(begins: UnixMillis, now: UnixMillis) -> Period {
    Period {
        from: begins,
        until: begins.plus(DAY_MS),
        now,
    }
}

/// Who compares, and with what.
#[derive(Clone, Copy)]
pub struct Comparison<'a> {
    store: &'a CrmStore,
    config: &'a Config,
    /// The server that carries calls; without it only the database is touched.
    app: Option<&'a App>,
}

impl fmt::Debug for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Comparison")
            .field("in_server", &self.app.is_some())
            .finish_non_exhaustive()
    }
}

impl<'a> Comparison<'a> {
    /// Within the server: calls end as they do when a callback comes.
    pub fn of_server(app: &'a App) -> Self {
        Self {
            store: &app.store,
            config: &app.config,
            app: Some(app),
        }
    }

    /// Beside the server, or without one: what is over is noted, and the server finishes it.
    pub const fn beside_server(store: &'a CrmStore, config: &'a Config) -> Self {
        Self {
            store,
            config,
            app: None,
        }
    }

    /// Compares the calls of a period, keeps what they cost, mends what is missing, and says what it found.
    ///
    /// # Errors
    /// When the store cannot be reached. A list that Twilio does not give is part of the report.
    pub async fn run(&self, period: Period) -> Result<Report, Error> {
        let mut read = Box::pin(read::everything(self, period)).await?;
        let mut report = Report::of(&read);
        let is_mended = {
            let found = compare(&read.ours, &read.theirs, period);
            self.settle(&read, &found, &mut report).await;
            !found.lost.is_empty()
        };
        if is_mended {
            // What was lost has a cost as well.
            read.ours = read::ours(self.store, &read.scopes, period).await?;
        }
        let found = compare(&read.ours, &read.theirs, period);
        self.price(&read, &found, &mut report).await?;
        Ok(report)
    }

    /// Sees to every difference. What cannot be mended is said, and keeps nothing else from it.
    async fn settle(&self, read: &Read, found: &Differences<'_>, report: &mut Report) {
        for call in &found.lost {
            let (finding, detail) = match Box::pin(self.store_lost(call)).await {
                Ok(told) => told,
                Err(error) => {
                    tracing::error!(call_sid = %call.sid, error = %error.chain(), "a lost call could not be stored");
                    (Finding::Lost, "it could not be stored")
                }
            };
            report.add(Line::of_theirs(finding, call, detail.to_owned()));
        }
        for (own, call) in &found.open {
            let detail = match Box::pin(self.close(read, own, call)).await {
                Ok(()) => format!("Twilio says {}", call.status.as_str()),
                Err(error) => {
                    tracing::error!(call = %own.id, error = %error.chain(), "a call that is over could not be closed");
                    "it could not be closed".to_owned()
                }
            };
            report.add(Line::of_ours(Finding::Open, own, detail));
        }
        for apart in &found.apart {
            let (ours, theirs) = (seconds(apart.ours_ms), seconds(apart.theirs_ms));
            let detail = format!("{ours} s for us, {theirs} s for Twilio");
            report.add(Line::of_ours(Finding::Apart, apart.call, detail));
        }
        // Whose list could not be read, of his calls nobody can say that they are not on it.
        let unlisted = found.unlisted.iter();
        for own in unlisted.filter(|own| !read.unread.contains(&own.tenant)) {
            let detail = "Twilio does not list it".to_owned();
            report.add(Line::of_ours(Finding::Unlisted, own, detail));
        }
    }

    /// Keeps what calls cost.
    async fn price(
        &self,
        read: &Read,
        found: &Differences<'_>,
        report: &mut Report,
    ) -> Result<(), Error> {
        for (own, charge) in &found.costs {
            let Some(scope) = read.scopes.get(&own.tenant) else {
                continue;
            };
            match charge {
                Charge::Known(cost) => {
                    let noted = self.store.note_carrier_cost(scope, own.id, *cost).await?;
                    report.priced += usize::from(noted);
                    report.cost += *cost;
                }
                Charge::NotYet => report.unpriced += 1,
                Charge::Foreign => {
                    let detail = "its price is not in US dollars and stays unknown".to_owned();
                    report.add(Line::of_ours(Finding::Foreign, own, detail));
                }
            }
        }
        Ok(())
    }
}

/// Seconds, with one digit behind the point.
fn seconds(ms: i64) -> String {
    format!("{:.1}", ms as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_utc() {
        let now = UnixMillis(1_700_000_000_000);
        let both = yesterday_and_today(now);
        assert_eq!(both.from, UnixMillis(1_699_833_600_000));
        assert_eq!(both.until, UnixMillis(1_700_006_400_000));
        let one = day_from(both.from, now);
        assert_eq!(one.until, both.from.plus(DAY_MS));
    }

    #[test]
    fn durations_are_told_in_seconds() {
        assert_eq!(seconds(61_049), "61.0");
        assert_eq!(seconds(-500), "-0.5");
    }
}
