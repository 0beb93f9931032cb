//! `prosaas doctor`.

use std::collections::HashMap;

use prosaas_server::commands::doctor::{Verdict, examine};
use prosaas_server::config::{Config, ConfigErrors};
use prosaas_twilio::testkit::rest_api::FakeRestApi;
use tempfile::TempDir;

use crate::support::{ACCOUNT, AUTH_TOKEN, NUMBER, e164};

fn config(directory: &TempDir, vars: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let data = directory.path().to_str().unwrap();
    let mut all: HashMap<&str, &str> = [("DATA_DIR", data)].into();
    all.extend(vars.iter().copied());
    Config::from_vars(|name| all.get(name).map(|value| (*value).to_owned()))
}

#[tokio::test]
async fn a_working_set_up_passes_and_names_unused_variables() {
    let directory = TempDir::new().unwrap();
    let names = vec![
        "GOOGLE_APPLICATION_CREDENTIALS".to_owned(),
        "GCP_PROJECT".to_owned(),
        "PATH".to_owned(),
    ];
    let report = examine(config(&directory, &[]), names, false).await;
    assert!(!report.failed(), "{report}");
    let printed = report.to_string();
    assert_eq!(
        printed
            .lines()
            .filter(|line| line.contains("unused"))
            .count(),
        1,
        "one line\n{printed}"
    );
    assert!(
        printed.contains("GCP_PROJECT, GOOGLE_APPLICATION_CREDENTIALS"),
        "{printed}"
    );
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_a_line() {
    let directory = TempDir::new().unwrap();
    let bad = [
        ("PORT", "x"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("PROSAAS_ENV", "staging"),
    ];
    let report = examine(config(&directory, &bad), Vec::new(), false).await;
    assert!(report.failed());
    assert_eq!(
        report
            .lines()
            .iter()
            .filter(|(verdict, _)| *verdict == Verdict::Fail)
            .count(),
        3,
        "{report}"
    );
    assert!(!report.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_directory_and_a_database_that_cannot_be_written_are_named() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, b"not a directory").unwrap();
    let data = file.to_str().unwrap();
    let report = examine(config(&directory, &[("DATA_DIR", data)]), Vec::new(), false).await;
    let printed = report.to_string();
    assert!(report.failed());
    assert!(
        printed.contains("FAIL  data directory is writable") && printed.contains(data),
        "{printed}"
    );
    assert!(printed.contains("FAIL  database opens"), "{printed}");
}

#[tokio::test]
async fn the_numbers_set_up_is_asked_for_online() {
    let rest = FakeRestApi::start(ACCOUNT.parse().unwrap(), AUTH_TOKEN.to_owned().into())
        .await
        .unwrap();
    let directory = TempDir::new().unwrap();
    let vars = [
        ("TWILIO_API_BASE", rest.base_url()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ("TWILIO_PHONE_NUMBER", NUMBER),
        ("PUBLIC_BASE_URL", "https://voice.test"),
    ];
    let offline = examine(config(&directory, &vars), Vec::new(), false).await;
    assert!(!offline.failed(), "{offline}");
    let unknown = examine(config(&directory, &vars), Vec::new(), true).await;
    assert!(
        unknown.failed()
            && unknown
                .to_string()
                .contains("is not a number of this account"),
        "{unknown}"
    );
    rest.add_number(e164(NUMBER));
    let elsewhere = examine(config(&directory, &vars), Vec::new(), true).await;
    assert!(
        elsewhere
            .to_string()
            .contains("does not call https://voice.test/webhook/incoming_call"),
        "{elsewhere}"
    );
    for report in [offline, unknown, elsewhere] {
        let printed = report.to_string();
        assert!(
            !printed.contains(AUTH_TOKEN) && !printed.contains(NUMBER),
            "{printed}"
        );
    }
}
