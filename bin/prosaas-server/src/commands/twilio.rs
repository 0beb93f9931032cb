//! `prosaas twilio`: what is set up at Twilio.

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use prosaas_core::E164;
use prosaas_twilio::axum::paths;
use prosaas_twilio::rest::{Client, NumberSetup};

use crate::config::Config;
use crate::ui::Ui;
use crate::wiring;

/// What nginx answers while no server does: an apology (`deploy/nginx/site.conf`).
const FALLBACK: &str = "/webhook/fallback";

/// What can be set up.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Point phone numbers at this installation.
    Configure(Numbers),
}

/// Numbers of the account, and who answers when the server does not.
#[derive(Debug, Args)]
pub struct Numbers {
    /// Numbers in international form, such as +97231234567 [default: TWILIO_PHONE_NUMBER].
    #[arg(value_name = "E164")]
    pub numbers: Vec<E164>,
    /// What Twilio requests when the server does not answer [default: PUBLIC_BASE_URL/webhook/fallback, which
    /// our nginx answers].
    #[arg(long, value_name = "URL")]
    pub fallback: Option<String>,
}

/// Runs one command.
///
/// # Errors
/// When the account is not set, a number is not the account's, or Twilio refuses or does not answer.
pub async fn run(command: Command, config: &Config, ui: &mut Ui) -> anyhow::Result<()> {
    let Command::Configure(wanted) = command;
    let Some(client) = wiring::twilio_client(config)? else {
        bail!("TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN is not set: nobody can be asked");
    };
    let base = &config.public_base_url;
    ensure!(
        base.starts_with("https://"),
        "PUBLIC_BASE_URL is {base}: Twilio cannot reach this machine by it"
    );
    let numbers: Vec<E164> = if wanted.numbers.is_empty() {
        config.twilio.phone_number.iter().cloned().collect()
    } else {
        wanted.numbers
    };
    ensure!(
        !numbers.is_empty(),
        "no number was given, and TWILIO_PHONE_NUMBER is not set"
    );
    let fallback = wanted.fallback;
    let setup = NumberSetup {
        voice_url: format!("{base}{}", paths::INCOMING_CALL),
        voice_fallback_url: Some(fallback.unwrap_or_else(|| format!("{base}{FALLBACK}"))),
        status_callback: Some(format!("{base}{}", paths::CALL_STATUS)),
    };
    for number in &numbers {
        configure(&client, number, &setup, ui).await?;
    }
    Ok(())
}

async fn configure(
    client: &Client,
    number: &E164,
    setup: &NumberSetup,
    ui: &mut Ui,
) -> anyhow::Result<()> {
    let found = client.find_number(number).await;
    let found = found
        .context("Twilio could not be asked")?
        .with_context(|| format!("{number} is not a number of this account"))?;
    let overridden = [&found.voice_application_sid, &found.trunk_sid]
        .into_iter()
        .flatten()
        .any(|sid| !sid.is_empty());
    ensure!(
        !overridden,
        "{number} has a TwiML application or trunk, which overrides its webhook: take it off at Twilio first"
    );
    let changed = client.update_number(&found.sid, setup.clone()).await;
    let changed = changed.with_context(|| format!("{number} was not changed"))?;
    ensure!(
        changed.voice_url.as_deref() == Some(setup.voice_url.as_str()),
        "Twilio took the change of {number} and did not make it"
    );
    ui.line(number);
    ui.entry("calls", &setup.voice_url);
    for (name, url) in [
        ("when that fails", &setup.voice_fallback_url),
        ("reports to", &setup.status_callback),
    ] {
        ui.entry(name, url.as_deref().unwrap_or_default());
    }
    // What was there is how one goes back.
    if let Some(before) = found.voice_url.filter(|url| !url.is_empty())
        && before != setup.voice_url
    {
        ui.entry("called before", before);
    }
    Ok(())
}
