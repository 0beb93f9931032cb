//! `prosaas reconcile`: our calls of a day beside Twilio's list of them.

use std::sync::Arc;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prosaas_core::time::SystemClock;
use prosaas_core::{Clock as _, UnixMillis};

use crate::config::Config;
use crate::reconcile::{Comparison, day_from, yesterday_and_today};
use crate::ui::Ui;
use crate::wiring;

/// Which calls are compared.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// A day of UTC, such as 2026-11-29; without it, yesterday and today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Option<Date>,
}

/// Compares, keeps what calls cost, stores lost calls as missed ones, and prints what it found.
///
/// # Errors
/// When a list of Twilio's could not be read, after printing what was found in the others.
pub async fn run(options: &Options, config: &Config, ui: &mut Ui) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let period = match options.day {
        Some(day) => {
            let midnight = day.to_zoned(TimeZone::UTC)?.timestamp();
            day_from(UnixMillis(midnight.as_millisecond()), now)
        }
        None => yesterday_and_today(now),
    };
    let store = wiring::open_store(config, Arc::new(SystemClock)).await?;
    let comparison = Comparison::beside_server(&store, config);
    let compared = Box::pin(comparison.run(period)).await;
    store.close().await;
    let report = compared.map_err(|error| anyhow::anyhow!(error.chain()))?;
    anyhow::ensure!(
        report.accounts > 0,
        "there is no list to compare with: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
    );
    report.print(ui);
    anyhow::ensure!(
        report.unread_accounts == 0,
        "the lists of {} Twilio accounts could not be read; the log says why",
        report.unread_accounts
    );
    Ok(())
}
