//! `prosaas twilio configure`, against the fake of Twilio's API.

use std::collections::HashMap;

use clap::Parser as _;
use prosaas_server::commands::{Cli, Command, twilio};
use prosaas_server::config::Config;
use prosaas_twilio::testkit::rest_api::FakeRestApi;

use crate::support::{ACCOUNT, AUTH_TOKEN, HUMAN, NUMBER, Paper, e164};

async fn account() -> FakeRestApi {
    let _ = rustls::crypto::ring::default_provider().install_default();
    FakeRestApi::start(ACCOUNT.parse().unwrap(), AUTH_TOKEN.to_owned().into())
        .await
        .unwrap()
}

/// Runs `prosaas twilio configure` with these arguments; what was printed, or what was wrong.
async fn configure(
    api: &FakeRestApi,
    vars: &[(&str, &str)],
    arguments: &[&str],
) -> Result<String, String> {
    let mut all: HashMap<&str, &str> = [
        ("TWILIO_API_BASE", api.base_url()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ("PUBLIC_BASE_URL", "https://voice.test"),
    ]
    .into();
    all.extend(vars.iter().copied());
    let config = Config::from_vars(|name| all.get(name).map(|value| (*value).to_owned())).unwrap();
    let line = ["prosaas", "twilio", "configure"].iter().chain(arguments);
    let Command::Twilio(command) = Cli::parse_from(line).command else {
        panic!("another command");
    };
    let paper = Paper::default();
    let done = twilio::run(command, &config, &mut paper.ui()).await;
    let printed = paper.text();
    match done {
        Ok(()) => Ok(printed),
        Err(error) => Err(format!("{error:#}")),
    }
}

#[tokio::test]
async fn numbers_are_pointed_at_this_installation() {
    let api = account().await;
    let first = api.add_number(e164(NUMBER));
    let second = api.add_number(e164(HUMAN));
    let printed = configure(&api, &[], &[NUMBER, HUMAN]).await.unwrap();
    assert!(
        printed.contains("https://voice.test/webhook/incoming_call"),
        "{printed}"
    );
    assert!(!printed.contains(NUMBER), "masked: {printed}");
    for sid in [first, second] {
        for (name, value) in [
            ("VoiceUrl", "https://voice.test/webhook/incoming_call"),
            ("VoiceMethod", "POST"),
            ("VoiceFallbackUrl", "https://voice.test/webhook/fallback"),
            ("VoiceFallbackMethod", "POST"),
            ("StatusCallback", "https://voice.test/webhook/call_status"),
            ("StatusCallbackMethod", "POST"),
        ] {
            assert_eq!(
                api.number_setting(&sid, name).as_deref(),
                Some(value),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn the_configured_number_is_the_one_when_none_is_named() {
    let api = account().await;
    let sid = api.add_number(e164(NUMBER));
    let vars = [("TWILIO_PHONE_NUMBER", NUMBER)];
    let fallback = ["--fallback", "https://elsewhere.test/sorry"];
    configure(&api, &vars, &fallback).await.unwrap();
    assert_eq!(
        api.number_setting(&sid, "VoiceFallbackUrl").as_deref(),
        Some(fallback[1])
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let api = account().await;
    for (vars, arguments, words) in [
        (vec![], vec![], "TWILIO_PHONE_NUMBER is not set"),
        (vec![], vec![NUMBER], "is not a number of this account"),
        (
            vec![("TWILIO_AUTH_TOKEN", "")],
            vec![NUMBER],
            "TWILIO_AUTH_TOKEN is not set",
        ),
        (
            vec![("PUBLIC_BASE_URL", "http://127.0.0.1:5000")],
            vec![NUMBER],
            "cannot reach this machine",
        ),
    ] {
        let error = configure(&api, &vars, &arguments).await.unwrap_err();
        assert!(error.contains(words), "{error}");
        assert!(!error.contains(NUMBER) && !error.contains(AUTH_TOKEN));
    }
}
