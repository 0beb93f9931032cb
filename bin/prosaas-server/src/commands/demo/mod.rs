//! `prosaas demo`: a whole installation in one process, and a call to it, shown live.
//!
//! Nothing in the path is short-circuited. The fakes of the carrier, of Twilio's API and of the model are
//! real peers on loopback sockets; the code that answers them is the code that answers in production.

pub(crate) mod clip;
mod console;
mod fault;
mod live;
pub(crate) mod print;
pub(crate) mod rig;
mod seed;
mod sidecar;
pub(crate) mod summary;
mod utterances;
mod whatsapp;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use prosaas_core::ExposeSecret as _;
use prosaas_realtime::audio::wav;
use prosaas_twilio::testkit::carrier::{CallObservation, CallScript};

use self::clip::Clip;
use self::console::{Console, Expected};
use self::fault::Fault;
use self::rig::Rig;
use super::fake::Fault as ModelFault;
use super::serve::Signals;
use crate::config::{LogConfig, LogFormat};
use crate::telemetry;
use crate::ui::{Style, Ui};

/// How the demo is run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// What the caller says: a WAV file (8-48 kHz, mono or stereo, 16-bit PCM or mu-law) or raw mu-law named
    /// .ulaw, with its words beside it in FILE.txt, one line per utterance. Without it a short clip is used.
    #[arg(long, value_name = "FILE")]
    pub caller: Option<PathBuf>,
    /// Exit after the call: with 0 when the API shows its lead, timeline and task to the owner, else with 1.
    /// The task is asked for of the built-in caller and the fake model without a fault.
    #[arg(long)]
    pub once: bool,
    /// The model to talk to; openai needs OPENAI_API_KEY.
    #[arg(long, value_enum, default_value_t = ModelChoice::Fake)]
    pub model: ModelChoice,
    /// Break something during the call; what, when and what to listen for is printed first.
    #[arg(long, value_enum, value_name = "NAME")]
    pub fault: Option<Fault>,
    /// Let the fake model fail during the call: the older name for some of --fault.
    #[arg(
        long,
        value_enum,
        value_name = "FAULT",
        hide = true,
        conflicts_with = "fault"
    )]
    pub model_fault: Option<ModelFault>,
    /// The WhatsApp sidecar's folder, built together with its local WhatsApp: after the call the caller writes.
    /// `cargo xtask demo` builds it where Node is.
    #[arg(long, value_name = "DIR")]
    pub whatsapp: Option<PathBuf>,
    /// Where both sides of the call are written, as a stereo WAV [default: DATA_DIR/demo/call.wav].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where the database, recordings and journals are kept.
    #[arg(long, env = "DATA_DIR", value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// The server's port; 0 takes a free one.
    #[arg(long, env = "PORT", default_value_t = 5000)]
    pub port: u16,
}

impl Options {
    /// How the model fails, by whichever option it was said.
    fn model_fault(&self) -> Option<ModelFault> {
        self.model_fault.or(self.fault.and_then(Fault::of_model))
    }
}

/// Which model the demo talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelChoice {
    /// The built-in fake, a real websocket server on loopback.
    Fake,
    /// The real one; costs money.
    Openai,
}

/// Runs the demo to its end.
///
/// # Errors
/// When it cannot be set up: the caller's file, a port, the data directory, the model's key.
pub async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    telemetry::install(&LogConfig {
        format: LogFormat::Text,
        filter: rig::log_level(),
    })?;
    demonstrate(options, &mut Ui::stdout()).await
}

/// As [`run`], printing to `ui`, and without touching the log.
///
/// # Errors
/// As [`run`].
pub async fn demonstrate(options: &Options, ui: &mut Ui) -> anyhow::Result<ExitCode> {
    // First of all: a file that is not audio must not leave anything behind.
    let clip = Clip::open(options.caller.as_deref())?;
    let rig = Box::pin(Rig::start(options, &clip)).await?;
    introduce(ui, &rig, &clip, options);
    break_it(options, &rig, ui).await?;
    let verdict = Box::pin(call(options, &rig, &clip, ui)).await?;
    if options.once {
        rig.stop().await;
        return Ok(verdict);
    }
    serve_on(rig, ui).await?;
    Ok(ExitCode::SUCCESS)
}

/// Breaks what is to be broken, and says what will be heard of it.
async fn break_it(options: &Options, rig: &Rig, ui: &mut Ui) -> anyhow::Result<()> {
    if let Some(fault) = options.model_fault() {
        rig.break_model(fault).await?;
        ui.entry(
            "voice cache",
            "filled while the model was healthy, as in an installation that has been running",
        );
    }
    if let Some(fault) = options.fault {
        let name = ui.paint(Style::Alarm, &fault.word());
        ui.entry("fault", format_args!("{name}: {}", fault.sentence()));
    } else if let Some(fault) = options.model_fault {
        let name = ui.paint(Style::Alarm, &fault.word());
        ui.entry("model fault", format_args!("from now on: {name}"));
    }
    Ok(())
}

fn introduce(ui: &mut Ui, rig: &Rig, clip: &Clip, options: &Options) {
    let config = &rig.app().config;
    ui.heading("prosaas demo");
    ui.entry(
        "business",
        format_args!("{}, {}", rig.business.name, rig.business.language.code()),
    );
    ui.entry(
        "database",
        config
            .database_url
            .expose_secret()
            .trim_start_matches("sqlite:"),
    );
    let model = match options.model {
        ModelChoice::Fake => "fake",
        ModelChoice::Openai => config.model.realtime_model.as_str(),
    };
    ui.entry(
        "model",
        format_args!("{model}, {}", config.model.realtime_url),
    );
    ui.entry(
        "Twilio's API",
        format_args!("fake, {}", config.twilio.api_base),
    );
    ui.entry("server", &config.public_base_url);
    ui.entry("caller", clip.describe());
}

/// Places the call, prints what it left behind and judges it.
async fn call(options: &Options, rig: &Rig, clip: &Clip, ui: &mut Ui) -> anyhow::Result<ExitCode> {
    ui.heading("call");
    let script = CallScript {
        trouble: options.fault.map(Fault::trouble).unwrap_or_default(),
        ..clip.script()
    };
    let placed = live::place(rig, script, ui).await?;
    let both_sides = write_both_sides(options, &placed.seen)?;
    let stored = summary::read_back(rig.app(), &placed.call).await?;
    summary::print(ui, rig.app(), &placed, &stored, &both_sides);
    let console = Console::sign_in(&rig.app().config.public_base_url, &rig.owner).await?;
    chat(rig, &console, ui).await?;
    let seen = console.look_at(stored.record.id).await?;
    seen.print(ui);
    print_login(ui, rig);
    let is_broken = options.fault.is_some() || options.model_fault.is_some();
    let is_healthy = options.model == ModelChoice::Fake && !is_broken;
    let expected = Expected {
        task: is_healthy && clip.asks_for_something(),
        chat: rig.whatsapp.is_some(),
    };
    let problem = if summary::was_spoken_to(&placed) {
        seen.problem(expected)
    } else {
        Some("nothing was ever said to the caller")
    };
    let Some(problem) = problem else {
        return Ok(ExitCode::SUCCESS);
    };
    let failed = ui.paint(Style::Alarm, &format!("failed: {problem}"));
    ui.line(format_args!("\n{failed}"));
    Ok(ExitCode::FAILURE)
}

/// The caller writes afterwards, where there is a way to.
async fn chat(rig: &Rig, console: &Console, ui: &mut Ui) -> anyhow::Result<()> {
    if let Some(local) = &rig.whatsapp {
        return whatsapp::converse(local, console, &rig.business.name, ui).await;
    }
    ui.line("\nWhatsApp is left out: `cargo xtask demo` shows it where there is Node 20 or later");
    Ok(())
}

/// Shows the login by which the lead was just read. It opens the same things in a browser; the password is
/// of this run and is shown nowhere else.
fn print_login(ui: &mut Ui, rig: &Rig) {
    ui.heading("login of the demo's owner");
    ui.entry("address", &rig.app().config.public_base_url);
    ui.entry("e-mail", rig.owner.email.expose());
    ui.entry("password", rig.owner.password.expose_secret());
}

/// Writes what was said and heard, for listening to: the caller on the left, the agent on the right.
fn write_both_sides(options: &Options, seen: &CallObservation) -> anyhow::Result<PathBuf> {
    let default = || options.data_dir.join("demo").join("call.wav");
    let file = options.out.clone().unwrap_or_else(default);
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)
        .and_then(|()| {
            std::fs::write(
                &file,
                wav::write_stereo(&seen.caller_audio, &seen.agent_audio),
            )
        })
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}

async fn serve_on(rig: Rig, ui: &mut Ui) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("signals cannot be received")?;
    ui.heading("serving");
    ui.line(format_args!(
        "  {} until Ctrl-C; to call again:",
        rig.app().config.public_base_url
    ));
    ui.line(format_args!("  {}", rig.another_call()));
    signals.next().await;
    rig.stop().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;
    use crate::ui::tests::Paper;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &[&str]) -> Options {
        Line::parse_from(["demo"].iter().chain(words)).options
    }

    #[test]
    fn options_are_read_and_unknown_ones_refused() {
        Line::command().debug_assert();
        let given = options(&[
            "--once",
            "--model-fault",
            "rate-limit",
            "--caller",
            "a.wav",
            "--port",
            "0",
        ]);
        assert!(given.once && given.port == 0);
        assert_eq!(given.model_fault(), Some(ModelFault::RateLimit));
        assert_eq!(given.caller.as_deref(), Some(Path::new("a.wav")));
        let given = options(&["--fault", "carrier-drop"]);
        assert_eq!(given.fault, Some(Fault::CarrierDrop));
        assert_eq!(given.model_fault(), None);
        assert_eq!(
            options(&["--fault", "drop"]).model_fault(),
            Some(ModelFault::Drop)
        );
        let unknown = Line::try_parse_from(["demo", "--fault", "sleep"]).unwrap_err();
        assert!(
            unknown.to_string().contains("carrier-drop"),
            "the list: {unknown}"
        );
        for wrong in [
            ["--model-fault", "sleep"],
            ["--model", "mine"],
            ["--port", "70000"],
        ] {
            assert!(
                Line::try_parse_from(["demo"].iter().chain(&wrong)).is_err(),
                "{wrong:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_bad_clip_is_refused_before_anything_is_begun() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let bad = folder.path().join("bad.wav");
        std::fs::write(&bad, b"RIFFnonsense").unwrap();
        let options = Options {
            caller: Some(bad.clone()),
            data_dir: data.clone(),
            ..options(&["--once", "--port", "0"])
        };
        let paper = Paper::default();
        let error = demonstrate(&options, &mut paper.ui()).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.starts_with(&format!("{} cannot be played: ", bad.display())),
            "{text}"
        );
        assert!(!data.exists() && paper.text().is_empty());
    }
}
