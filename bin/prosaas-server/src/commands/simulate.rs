//! `prosaas simulate`: our fake carrier as a client of any webhook URL.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use prosaas_core::{AccountSid, E164, SecretString};
use prosaas_twilio::testkit::carrier::{
    CallEnding, CallObservation, Carrier, CarrierConfig, CarrierEvent,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

use super::demo::clip::Clip;
use super::demo::{print, rig, summary};
use crate::ui::{Style, Ui};

/// Twilio's limit for one exchange with a voice webhook.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(15);
/// The most calls at once: each holds a few sockets.
const MOST_CALLS: i64 = 500;
/// How many events may wait to be printed.
const EVENTS: usize = 256;
/// Words that begin this long after the ones before begin a turn.
const NEW_TURN_MS: u64 = 1_500;

/// What can be simulated.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Place calls; exits with 0 when every call got TwiML and ended normally.
    Call(Box<CallOptions>),
}

/// Where to call and what to say.
#[derive(Clone, Debug, Args)]
pub struct CallOptions {
    /// The voice webhook, such as http://127.0.0.1:5000/webhook/incoming_call.
    #[arg(long)]
    pub url: Url,
    /// The called number, which decides which business answers.
    #[arg(long, value_name = "E164")]
    pub to: E164,
    /// The caller's number; without it the number is withheld.
    #[arg(long, value_name = "E164")]
    pub from: Option<E164>,
    /// What the caller says, as for `prosaas demo`.
    #[arg(long, value_name = "FILE")]
    pub caller: Option<PathBuf>,
    /// The account's auth token, which signs every request; better given in the environment.
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    pub auth_token: SecretString,
    /// The account that calls [default: AC and 32 zeros].
    #[arg(long, env = "TWILIO_ACCOUNT_SID")]
    pub account_sid: Option<AccountSid>,
    /// How many calls are placed at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_CALLS))]
    pub calls: u32,
    /// What the server believes to be its public URL, when `--url` reaches it by another one: the
    /// signatures are made for it.
    #[arg(long, value_name = "URL")]
    pub public_base_url: Option<Url>,
    /// Where the end of the call is told.
    #[arg(long, value_name = "URL")]
    pub status_callback: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the caller's file or an address cannot be used.
pub async fn run(Command::Call(options): Command) -> anyhow::Result<ExitCode> {
    simulate(&options, &mut Ui::stdout()).await
}

/// Places the calls and prints them.
///
/// # Errors
/// As [`run`].
pub async fn simulate(options: &CallOptions, ui: &mut Ui) -> anyhow::Result<ExitCode> {
    let clip = Clip::open(options.caller.as_deref())?;
    let carrier = Carrier::new(line(options).await?);
    ui.entry("caller", clip.describe());
    let seen = if options.calls == 1 {
        vec![one(carrier, &clip, ui).await]
    } else {
        many(&carrier, options.calls, &clip, ui).await
    };
    let failed = seen.iter().filter(|call| !is_normal(call)).count();
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let failed = format!("{failed} of {} calls did not end normally", options.calls);
    let failed = ui.paint(Style::Alarm, &failed);
    ui.line(format_args!("\n{failed}"));
    Ok(ExitCode::FAILURE)
}

/// A client for webhooks as Twilio is one: no redirects, 15 s.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(WEBHOOK_TIMEOUT)
        .build()
        .context("the HTTP client could not be set up")
}

/// The URL that is signed, and where requests go when it is another one.
async fn route(options: &CallOptions) -> anyhow::Result<(String, Option<SocketAddr>)> {
    let Some(public) = &options.public_base_url else {
        return Ok((options.url.to_string(), None));
    };
    let base = public.as_str().trim_end_matches('/');
    let path = &options.url[url::Position::BeforePath..];
    Ok((format!("{base}{path}"), Some(address(&options.url).await?)))
}

async fn line(options: &CallOptions) -> anyhow::Result<CarrierConfig> {
    let (webhook_url, connect_to) = route(options).await?;
    let account_sid = match &options.account_sid {
        Some(account) => account.clone(),
        None => rig::account()?,
    };
    Ok(CarrierConfig {
        webhook_url,
        status_callback: options.status_callback.clone(),
        account_sid,
        auth_token: options.auth_token.clone(),
        from: options.from.clone(),
        to: options.to.clone(),
        extra_fields: Vec::new(),
        connect_to,
        duplicate_callbacks: false,
        rest_api: None,
        http: http_client()?,
    })
}

/// Where a plain connection to this URL goes.
async fn address(url: &Url) -> anyhow::Result<SocketAddr> {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        bail!("{url} names no host to connect to");
    };
    let host = host.trim_matches(['[', ']']);
    let mut found = tokio::net::lookup_host((host, port))
        .await
        .with_context(|| format!("{host} was not found"))?;
    found
        .next()
        .with_context(|| format!("{host} has no address"))
}

async fn one(carrier: Carrier, clip: &Clip, ui: &mut Ui) -> CallObservation {
    let (live, mut events) = mpsc::channel(EVENTS);
    let carrier = carrier.with_live_events(live);
    ui.heading("call");
    let script = clip.script();
    let mut agent = Agent::default();
    let seen = {
        let mut placed = std::pin::pin!(carrier.place_call(script));
        loop {
            tokio::select! {
                Some(timed) = events.recv() => event(ui, &mut agent, timed.at_ms, &timed.event),
                seen = &mut placed => break seen,
            }
        }
    };
    while let Ok(timed) = events.try_recv() {
        event(ui, &mut agent, timed.at_ms, &timed.event);
    }
    ui.heading("summary");
    summary::observed(ui, &seen, &[]);
    seen
}

/// When the agent was heard to begin last. It pauses between words, and begins again after each.
#[derive(Default)]
struct Agent {
    began_ms: Option<u64>,
}

impl Agent {
    /// Whether this is the beginning of a turn rather than of its next words.
    fn takes_a_turn(&mut self, at_ms: u64) -> bool {
        let before = self.began_ms.replace(at_ms);
        before.is_none_or(|before| at_ms.saturating_sub(before) >= NEW_TURN_MS)
    }
}

/// Without a server of our own nobody knows what is said, so who begins is told.
fn event(ui: &mut Ui, agent: &mut Agent, at_ms: u64, event: &CarrierEvent) {
    match event {
        CarrierEvent::AgentBegan if !agent.takes_a_turn(at_ms) => {}
        CarrierEvent::CallerBegan(index) => {
            // Whatever the agent says next is an answer.
            *agent = Agent::default();
            let what = format!("begins utterance {}", index + 1);
            print::line(ui, at_ms, print::Who::Caller, &what);
        }
        CarrierEvent::AgentBegan => print::line(ui, at_ms, print::Who::Agent, "begins to speak"),
        CarrierEvent::Cleared { dropped_ms } => {
            let what = format!("interrupted; {dropped_ms} ms are never heard");
            print::line(ui, at_ms, print::Who::Agent, &what);
        }
        _ => print::carrier_event(ui, at_ms, event),
    }
}

async fn many(carrier: &Carrier, calls: u32, clip: &Clip, ui: &mut Ui) -> Vec<CallObservation> {
    ui.heading(&format!("{calls} calls"));
    let mut running = JoinSet::new();
    for _ in 0..calls {
        let (carrier, script) = (carrier.clone(), clip.script());
        running.spawn(async move { carrier.place_call(script).await });
    }
    let mut seen = Vec::new();
    while let Some(ended) = running.join_next().await {
        let Ok(call) = ended else { continue };
        let first_audio = call.first_audio_ms().map_or_else(
            || "no audio".to_owned(),
            |ms| format!("first audio after {ms} ms"),
        );
        let ending = print::call_ending(call.ending);
        let count = seen.len() + 1;
        let what = format!("call {count} of {calls}: {ending}; {first_audio}");
        print::line(ui, call.duration_ms, print::Who::Carrier, &what);
        seen.push(call);
    }
    seen
}

/// Whether the call was answered with TwiML and then ended by one of the two sides.
fn is_normal(seen: &CallObservation) -> bool {
    let answered = |event: &CarrierEvent| matches!(event, CarrierEvent::Document(_));
    seen.timeline.iter().any(|timed| answered(&timed.event))
        && matches!(
            seen.ending,
            CallEnding::CallerHungUp | CallEnding::ServerHungUp
        )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: CallOptions,
    }

    fn options(words: &[&str]) -> Result<CallOptions, clap::Error> {
        let always = ["call", "--to", "+12025550142", "--auth-token", "hush"];
        Line::try_parse_from(always.iter().chain(words)).map(|line| line.options)
    }

    #[tokio::test]
    async fn signatures_are_made_for_the_public_url() {
        let given = options(&[
            "--url",
            "http://127.0.0.1:5000/webhook/incoming_call?a=1",
            "--public-base-url",
            "https://voice.example.com/",
        ]);
        let (signed, goes_to) = route(&given.unwrap()).await.unwrap();
        assert_eq!(
            signed,
            "https://voice.example.com/webhook/incoming_call?a=1"
        );
        assert_eq!(goes_to, Some(SocketAddr::from(([127, 0, 0, 1], 5000))));
        let plain = options(&["--url", "http://127.0.0.1:5000/x"]).unwrap();
        let (signed, goes_to) = route(&plain).await.unwrap();
        assert_eq!(
            (signed.as_str(), goes_to),
            ("http://127.0.0.1:5000/x", None)
        );
    }

    #[test]
    fn the_token_is_not_shown_and_nonsense_is_refused() {
        let given = options(&["--url", "http://127.0.0.1:5000/x"]).unwrap();
        assert!(!format!("{given:?}").contains("hush"));
        let url = ["--url", "http://127.0.0.1:5000/x"];
        for wrong in [
            ["--calls", "0"],
            ["--calls", "501"],
            ["--from", "031234567"],
        ] {
            assert!(options(&[url, wrong].concat()).is_err(), "{wrong:?}");
        }
        assert!(options(&["--url", "incoming_call"]).is_err());
    }
}
