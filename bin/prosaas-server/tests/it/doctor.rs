//! `prosaas doctor`.

use std::collections::HashMap;
use std::sync::Arc;

use prosaas_core::time::SystemClock;
use prosaas_core::{ExposeSecret as _, Language, SecretString, TenantId, UnixMillis};
use prosaas_crm::auth::SystemScope;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::model::access::SecretName;
use prosaas_crm::testkit::smtp::{FakeSmtp, Mood};
use prosaas_crm::{BusinessAdmin as _, default_business};
use prosaas_server::commands::doctor::{Report, Verdict, examine};
use prosaas_server::config::{Config, ConfigErrors};
use prosaas_server::wiring::connect;
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

/// The only line of a report that holds these words, and its verdict.
fn line(report: &Report, words: &str) -> (Verdict, String) {
    let mut found = report
        .lines()
        .iter()
        .filter(|(_, line)| line.contains(words));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("{words} in\n{report}"));
    assert!(found.next().is_none(), "one line with {words}\n{report}");
    line.clone()
}

#[tokio::test]
async fn a_mail_server_is_asked_for_online_and_its_absence_named() {
    let directory = TempDir::new().unwrap();
    let without = examine(config(&directory, &[]), Vec::new(), false).await;
    assert_eq!(line(&without, "PROSAAS_SMTP_URL").0, Verdict::Warn);

    let smtp = FakeSmtp::start(Mood::Takes).await.unwrap();
    let url = smtp.url();
    let vars = [
        ("PROSAAS_SMTP_URL", url.as_str()),
        ("PROSAAS_MAIL_FROM", "crm@example.com"),
    ];
    let offline = examine(config(&directory, &vars), Vec::new(), false).await;
    assert_eq!(line(&offline, "mail is set up").0, Verdict::Ok);
    let online = examine(config(&directory, &vars), Vec::new(), true).await;
    assert_eq!(line(&online, "mail server takes our mail").0, Verdict::Ok);
    assert!(smtp.take().is_empty(), "nothing was sent");
    drop(smtp);
    let gone = examine(config(&directory, &vars), Vec::new(), true).await;
    assert_eq!(line(&gone, "mail server takes our mail").0, Verdict::Fail);

    let clear = [
        ("PROSAAS_SMTP_URL", "smtp://crm:hunter2@mail.example.com"),
        ("PROSAAS_MAIL_FROM", "crm@example.com"),
    ];
    let report = examine(config(&directory, &clear), Vec::new(), false).await;
    assert_eq!(line(&report, "not encrypted").0, Verdict::Warn);
    assert!(!report.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_master_key_is_said_to_be_missing_wrong_old_or_in_order() {
    let directory = TempDir::new().unwrap();
    let report = async |keys: &str| {
        let vars = [("PROSAAS_MASTER_KEY", keys)];
        examine(config(&directory, &vars), Vec::new(), false).await
    };
    let without = examine(config(&directory, &[]), Vec::new(), false).await;
    assert_eq!(line(&without, "PROSAAS_MASTER_KEY").0, Verdict::Warn);
    let wrong = report("canary").await;
    assert!(
        wrong.failed() && !wrong.to_string().contains("canary"),
        "{wrong}"
    );

    let key = |id| MasterKeys::generate(id).unwrap();
    let (old, new) = (key(1), key(2));
    let (old, new) = (old.expose_secret(), new.expose_secret());
    let settings = config(&directory, &[("PROSAAS_MASTER_KEY", old)]).unwrap();
    let store = connect(&settings, Arc::new(SystemClock)).await.unwrap();
    let business = default_business(TenantId::mint(UnixMillis(1)), "Garage", Language::En);
    store
        .add_business(&SystemScope::from_operator(), &business, &[])
        .await
        .unwrap();
    let scope = SystemScope::from_operator().tenant(business.id).unwrap();
    let secret = SecretString::from("canary-0123456789");
    let name = SecretName::OpenAiApiKey;
    store.set_secret(&scope, name, &secret).await.unwrap();
    store.close().await;

    let words = "opens all 1 sealed secrets";
    assert_eq!(line(&report(old).await, words).0, Verdict::Ok);
    let rotated = report(&format!("{new},{old}")).await;
    assert_eq!(line(&rotated, words).0, Verdict::Ok);
    assert_eq!(
        line(&rotated, "1 sealed secrets are under an older").0,
        Verdict::Warn
    );
    let lost = report(new).await;
    assert_eq!(line(&lost, "1 sealed secrets do not open").0, Verdict::Fail);
}

#[tokio::test]
async fn urls_of_the_database_that_do_not_fit_are_named() {
    let directory = TempDir::new().unwrap();
    let direct = (
        "DATABASE_URL_DIRECT",
        "postgres://owner:hunter2@127.0.0.1:1/crm",
    );
    let sqlite = examine(config(&directory, &[direct]), Vec::new(), false).await;
    assert_eq!(line(&sqlite, "DATABASE_URL_DIRECT").0, Verdict::Warn);
    for (url, word, verdict) in [
        (
            "postgres://owner:hunter2@127.0.0.1:1/crm",
            "the same role `owner`",
            Verdict::Fail,
        ),
        (
            "postgres://app:hunter2@127.0.0.1:1/crm",
            "a role of their own",
            Verdict::Ok,
        ),
    ] {
        let vars = [direct, ("DATABASE_URL", url)];
        let report = examine(config(&directory, &vars), Vec::new(), false).await;
        assert_eq!(line(&report, word).0, verdict);
        assert_eq!(
            line(&report, "database opens").0,
            Verdict::Fail,
            "nobody listens"
        );
        assert!(!report.to_string().contains("hunter2"), "{report}");
    }
}
