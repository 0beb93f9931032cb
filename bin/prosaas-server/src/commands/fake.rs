//! `prosaas fake`: fakes of what we depend on, alone, for other programs to talk to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use prosaas_core::SecretString;
use prosaas_core::time::SystemClock;
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode};
use prosaas_whatsapp::baileys::InternalKey;
use prosaas_whatsapp::testkit::FakeSidecar;

use super::demo::clip;
use super::serve::Signals;
use crate::config::process_variable;
use crate::ui::Ui;

/// What can be faked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The model: a websocket server with the Realtime API and the REST API behind summaries.
    Model(ModelOptions),
    /// The WhatsApp sidecar: its routes, signed with INTERNAL_SECRET, and nobody who ever scans a code.
    Sidecar,
}

/// How the fake model is run.
#[derive(Debug, Args)]
pub struct ModelOptions {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How it fails; without this it behaves as the real one.
    #[arg(long, value_enum)]
    pub mode: Option<Fault>,
    /// What callers say, one line per turn; without it, turns are shown as `[speech 3.4 s]`.
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
}

/// How the fake model fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Refuses every connection with HTTP 401.
    Refuse,
    /// Accepts the connection and never says anything.
    Hang,
    /// Drops every connection after five seconds.
    Drop,
    /// Sends nothing but garbage.
    Garbage,
    /// Fails every reply under a rate limit.
    RateLimit,
    /// Takes two seconds to connect and one more for each reply.
    Slow,
    /// Works, with garbage between its messages.
    Noisy,
}

impl Fault {
    /// The fake model's mode.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Refuse => Mode::Refuse { status: 401 },
            Self::Hang => Mode::Hang,
            Self::Drop => Mode::DropAfter(Duration::from_secs(5)),
            Self::Garbage => Mode::Garbage,
            Self::RateLimit => Mode::RateLimited,
            Self::Slow => Mode::Slow {
                connect: Duration::from_secs(2),
                reply: Duration::from_secs(1),
            },
            Self::Noisy => Mode::Noisy,
        }
    }

    /// The word on the command line.
    pub fn word(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

/// Runs one until SIGINT or SIGTERM.
///
/// # Errors
/// When the address cannot be listened on, the transcript cannot be read, or the sidecar has no secret.
pub async fn run(command: Command) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("signals cannot be received")?;
    match command {
        Command::Model(options) => {
            let model = start(&options).await?;
            announce(&model, &options, &mut Ui::stdout());
            model.run_until(signals.next()).await;
        }
        Command::Sidecar => {
            let secret = process_variable("INTERNAL_SECRET").unwrap_or_default();
            let sidecar = sidecar(secret.into()).await?;
            let mut ui = Ui::stdout();
            ui.line("fake sidecar; stop it with Ctrl-C");
            ui.line(format_args!("BAILEYS_BASE_URL={}", sidecar.base_url()));
            signals.next().await;
        }
    }
    Ok(())
}

async fn sidecar(secret: SecretString) -> anyhow::Result<FakeSidecar> {
    let key = InternalKey::new(secret).context("INTERNAL_SECRET")?;
    let sidecar = FakeSidecar::start(key, Arc::new(SystemClock)).await;
    sidecar.context("no loopback port can be listened on")
}

async fn start(options: &ModelOptions) -> anyhow::Result<FakeModel> {
    let caller_texts = match &options.transcript {
        Some(file) => clip::words(file)?,
        None => Vec::new(),
    };
    let config = FakeModelConfig {
        listen: options.listen,
        mode: options.mode.map_or(Mode::Normal, Fault::mode),
        caller_texts,
        ..FakeModelConfig::default()
    };
    FakeModel::start(config)
        .await
        .with_context(|| format!("{} cannot be listened on", options.listen))
}

fn announce(model: &FakeModel, options: &ModelOptions, ui: &mut Ui) {
    ui.line("fake model; stop it with Ctrl-C");
    ui.line(format_args!("OPENAI_REALTIME_URL={}", model.url()));
    ui.line(format_args!("OPENAI_BASE_URL={}", model.rest_base()));
    if let Some(fault) = options.mode {
        ui.line(format_args!("it fails: {}", fault.word()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::Paper;

    fn options(mode: Option<Fault>, transcript: Option<PathBuf>) -> ModelOptions {
        ModelOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            mode,
            transcript,
        }
    }

    #[tokio::test]
    async fn the_printed_urls_are_those_a_server_is_configured_with() {
        let options = options(Some(Fault::RateLimit), None);
        let model = start(&options).await.unwrap();
        let paper = Paper::default();
        announce(&model, &options, &mut paper.ui());
        let port = model.address().port();
        let printed = paper.text().replace(&port.to_string(), "PORT");
        assert_eq!(
            printed,
            "fake model; stop it with Ctrl-C\n\
             OPENAI_REALTIME_URL=ws://127.0.0.1:PORT/v1/realtime\n\
             OPENAI_BASE_URL=http://127.0.0.1:PORT/v1\n\
             it fails: rate-limit\n"
        );
    }

    #[tokio::test]
    async fn a_sidecar_without_a_secret_names_it() {
        let error = sidecar(SecretString::from("")).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.starts_with("INTERNAL_SECRET: "), "{error}");
    }

    #[tokio::test]
    async fn an_address_in_use_and_a_missing_transcript_are_named() {
        let model = start(&options(None, None)).await.unwrap();
        let taken = ModelOptions {
            listen: model.address(),
            ..options(None, None)
        };
        let error = start(&taken).await.unwrap_err().to_string();
        assert_eq!(error, format!("{} cannot be listened on", model.address()));
        let missing = options(None, Some(PathBuf::from("no/such.txt")));
        let error = start(&missing).await.unwrap_err().to_string();
        assert_eq!(error, "no/such.txt cannot be read");
    }
}
