//! `prosaas-bench calls`: every scenario against every subject, in turn.

use std::{io::Write as _, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use crate::progress;
use crate::{
    generator::{
        dial::Route,
        model,
        rig::{Dialect, Rig},
        webhook::Webhooks,
    },
    measure::machine::Environment,
    report::{RELAY, Report, Run},
    scenario::{first_audio, short_calls, steady},
    subject::{Pinning, Server, Subject, server_program},
};

/// Options of `calls`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Numbers of calls at once.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 200])]
    calls: Vec<u32>,
    /// Length of the measured window.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Short calls placed after the steady runs; 0 leaves them out. 10,000 take four minutes.
    #[arg(long, default_value_t = 500)]
    short: u32,
    /// Calls that measure the time to first audio; 0 leaves them out.
    #[arg(long, default_value_t = 20)]
    first_audio: u32,
    /// How much caller audio one message of ours to the model carries, in milliseconds: 20, 40, 60.
    #[arg(long, value_delimiter = ',', default_values_t = [20, 60])]
    batch: Vec<u32>,
    /// Measure one subject alone.
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Do not pin subject and generator to a core each.
    #[arg(long)]
    pub no_pin: bool,
    /// Print Markdown.
    #[arg(long)]
    markdown: bool,
}

/// The subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The bare relay.
    Relay,
    /// `prosaas serve`.
    Ours,
}

/// Signs the generator's webhooks. Made up.
const AUTH_TOKEN: &str = "5f2d1c0b9a8e7d6c5b4a39281706f5e4";
/// A business has a bound on live calls (10 unless changed); this many stay below it.
const CALLS_PER_BUSINESS: u32 = 5;
/// Enough businesses for the short calls as well, of which some sixty are live at once.
const LEAST_BUSINESSES: u32 = 40;

/// Runs everything and prints the report.
pub async fn run(
    options: Options,
    environment: Environment,
    pinning: Option<Pinning>,
) -> anyhow::Result<()> {
    let mut report = Report::new(environment, pinning.is_some());
    for &count in &options.calls {
        if options.only != Some(Kind::Ours) {
            progress(format_args!("{RELAY}, {count} calls"));
            report.runs.push(relay(&options, count, pinning).await?);
        }
        if options.only != Some(Kind::Relay) {
            for &batch_ms in &options.batch {
                progress(format_args!("ours at {batch_ms} ms, {count} calls"));
                report
                    .runs
                    .push(ours(&options, count, batch_ms, pinning).await?);
            }
        }
    }
    let text = report.render(options.markdown);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// The relay, through all scenarios, in a fresh process.
async fn relay(options: &Options, count: u32, pinning: Option<Pinning>) -> anyhow::Result<Run> {
    let rig = Arc::new(Rig::new(Dialect::Carrier));
    let (listener, model_address) = model::bind().await?;
    let mut background = JoinSet::new();
    background.spawn(model::serve(Arc::clone(&rig), listener));
    let subject = Subject::relay(model_address, pinning).await?;
    let route = Arc::new(Route::Direct(subject.address));
    measure(options, RELAY, &rig, &route, subject, count).await
}

/// Our server, through all scenarios, in a fresh process with a fresh database.
async fn ours(
    options: &Options,
    count: u32,
    batch_ms: u32,
    pinning: Option<Pinning>,
) -> anyhow::Result<Run> {
    let rig = Arc::new(Rig::new(Dialect::Realtime));
    let (listener, model) = model::bind().await?;
    let mut background = JoinSet::new();
    background.spawn(model::serve(Arc::clone(&rig), listener));
    let businesses = count.div_ceil(CALLS_PER_BUSINESS).max(LEAST_BUSINESSES);
    let program = server_program()?;
    let server = Server {
        program: &program,
        model,
        auth_token: AUTH_TOKEN,
        batch_ms,
        businesses,
    };
    let subject = Subject::ours(&server, pinning).await?;
    let webhooks = Webhooks::new(subject.address, AUTH_TOKEN, businesses);
    let route = Arc::new(Route::Webhooks(webhooks));
    measure(
        options,
        &format!("ours {batch_ms} ms"),
        &rig,
        &route,
        subject,
        count,
    )
    .await
}

async fn measure(
    options: &Options,
    name: &str,
    rig: &Arc<Rig>,
    route: &Arc<Route>,
    subject: Subject,
    count: u32,
) -> anyhow::Result<Run> {
    let window = Duration::from_secs(options.seconds);
    let steady = steady::run(rig, route, subject.pid, count, window).await?;
    let mut run = Run {
        subject: name.to_owned(),
        steady,
        first_audio: None,
        short_calls: None,
    };
    let first = 1_000_000;
    if options.first_audio > 0 {
        progress(format_args!(
            "{name}: first audio, {} calls",
            options.first_audio
        ));
        run.first_audio = Some(first_audio::run(rig, route, first, options.first_audio).await);
    }
    if options.short > 0 {
        progress(format_args!("{name}: {} short calls", options.short));
        let first = first + options.first_audio;
        let short = short_calls::run(rig, route, subject.pid, first, options.short).await?;
        run.short_calls = Some(short);
    }
    subject.stop().await?;
    Ok(run)
}
