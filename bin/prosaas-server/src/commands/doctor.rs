//! `prosaas doctor`: is everything in place?

mod storage;

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use prosaas_twilio::axum::paths;

use crate::config::{self, Config, ConfigErrors};
use crate::wiring;

/// What the doctor may do.
#[derive(Debug, Args)]
pub struct Options {
    /// Also ask Twilio how TWILIO_PHONE_NUMBER is set up, and the mail server whether it lets us in.
    #[arg(long)]
    pub online: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In order.
    Ok,
    /// Works, and worth a look.
    Warn,
    /// Broken.
    Fail,
}

/// What the doctor found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    lines: Vec<(Verdict, String)>,
}

impl Report {
    fn add(&mut self, verdict: Verdict, line: impl Into<String>) {
        self.lines.push((verdict, line.into()));
    }

    fn check(&mut self, what: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.add(Verdict::Ok, what),
            Err(problem) => self.add(Verdict::Fail, format!("{what}: {problem}")),
        }
    }

    /// The findings in order.
    pub fn lines(&self) -> &[(Verdict, String)] {
        &self.lines
    }

    /// Whether something is broken.
    pub fn failed(&self) -> bool {
        self.lines
            .iter()
            .any(|(verdict, _)| *verdict == Verdict::Fail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (verdict, line) in &self.lines {
            let word = match verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            writeln!(f, "{word}  {line}")?;
        }
        Ok(())
    }
}

/// Checks everything and prints it.
pub async fn run(options: &Options) -> ExitCode {
    let report = examine(Config::from_env(), config::variable_names(), options.online).await;
    let printed = write!(std::io::stdout(), "{report}");
    if report.failed() || printed.is_err() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Checks a configuration and what it needs. Nothing it returns holds a secret or a phone number.
pub async fn examine(
    config: Result<Config, ConfigErrors>,
    variables: Vec<String>,
    online: bool,
) -> Report {
    let mut report = Report::default();
    let google = config::unused_google_variables(variables);
    if !google.is_empty() {
        report.add(
            Verdict::Warn,
            format!(
                "unused: {} (speech comes from the realtime model)",
                google.join(", ")
            ),
        );
    }
    let config = match config {
        Ok(config) => config,
        Err(errors) => {
            for error in errors.0 {
                report.add(Verdict::Fail, format!("{}: {}", error.name, error.problem));
            }
            return report;
        }
    };
    report.add(
        Verdict::Ok,
        format!("configuration ({:?})", config.environment),
    );
    for warning in &config.warnings {
        report.add(Verdict::Warn, warning.clone());
    }
    report.check("data directory is writable", writable(&config.data_dir));
    storage::database(&mut report, &config).await;
    mail(&mut report, &config, online).await;
    report.check(
        "model backend is set up",
        wiring::openai_bridge(&config.model)
            .map(drop)
            .map_err(|e| format!("{e:#}")),
    );
    tls(&mut report);
    public_url(&mut report, &config);
    number(&mut report, &config, online).await;
    report
}

fn writable(directory: &Path) -> Result<(), String> {
    let probe = directory.join(".doctor");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&probe, b"x"))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| {
            format!(
                "{} cannot be written: {error}; set DATA_DIR",
                directory.display()
            )
        })
}

/// Where systems keep the certificates that HTTPS clients believe.
const CA_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn tls(report: &mut Report) {
    match rustls::crypto::CryptoProvider::get_default() {
        Some(_) => report.add(Verdict::Ok, "TLS provider is installed"),
        None => report.add(
            Verdict::Fail,
            "no TLS provider is installed: this build is broken",
        ),
    }
    let found = config::ca_file_override().is_some_and(|path| path.is_file())
        || CA_FILES.iter().any(|path| Path::new(path).is_file());
    let missing = || "there are none; install the package ca-certificates".to_owned();
    report.check(
        "CA certificates are installed",
        found.then_some(()).ok_or_else(missing),
    );
}

async fn mail(report: &mut Report, config: &Config, online: bool) {
    let Some(settings) = &config.mail else {
        return report.add(
            Verdict::Warn,
            "PROSAAS_SMTP_URL is not set: no mail leaves, so nobody is alerted, reminded or invited, and no password can be reset",
        );
    };
    let mailer = match wiring::smtp_mailer(config) {
        Ok(Some(mailer)) => mailer,
        Ok(None) => return,
        Err(error) => return report.add(Verdict::Fail, format!("{error:#}")),
    };
    if config::is_mail_in_clear(settings) {
        report.add(
            Verdict::Warn,
            "PROSAAS_SMTP_URL is not encrypted: links and passwords in mail can be read on the way; use smtps://",
        );
    }
    if online {
        let answer = mailer.probe().await.map_err(|error| error.chain());
        report.check("mail server takes our mail", answer);
    } else {
        report.add(
            Verdict::Ok,
            "mail is set up; use --online to ask the mail server",
        );
    }
}

fn public_url(report: &mut Report, config: &Config) {
    let base = &config.public_base_url;
    if base.starts_with("https://") {
        report.add(
            Verdict::Ok,
            format!(
                "Twilio reaches us at {base}; media at {}",
                config.public_media_url
            ),
        );
    } else if config.is_production() {
        report.add(
            Verdict::Warn,
            format!("PUBLIC_BASE_URL is {base}: Twilio cannot reach this machine by it"),
        );
    } else {
        report.add(
            Verdict::Ok,
            format!("local only: {base}; set PUBLIC_BASE_URL for real calls"),
        );
    }
    if base.ends_with("/webhook") || base.contains("/webhook/") {
        report.add(
            Verdict::Fail,
            "PUBLIC_BASE_URL must end before /webhook: our paths are appended to it",
        );
    }
}

async fn number(report: &mut Report, config: &Config, online: bool) {
    let Some(number) = &config.twilio.phone_number else {
        return report.add(
            Verdict::Ok,
            "TWILIO_PHONE_NUMBER is not set: no number set-up to check",
        );
    };
    let client = match wiring::twilio_client(config) {
        Ok(Some(client)) => client,
        Ok(None) => return report.add(Verdict::Warn, "TWILIO_ACCOUNT_SID or TWILIO_AUTH_TOKEN is not set: the number's set-up cannot be checked"),
        Err(error) => return report.add(Verdict::Fail, format!("{error:#}")),
    };
    if !online {
        return report.add(
            Verdict::Ok,
            format!("the set-up of {number} was not checked: use --online"),
        );
    }
    let found = match client.find_number(number).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            return report.add(
                Verdict::Fail,
                format!("{number} is not a number of this account"),
            );
        }
        Err(error) => {
            return report.add(Verdict::Fail, format!("Twilio could not be asked: {error}"));
        }
    };
    let wanted = format!("{}{}", config.public_base_url, paths::INCOMING_CALL);
    let status = format!("{}{}", config.public_base_url, paths::CALL_STATUS);
    let is_set = |sid: &Option<String>| sid.as_deref().is_some_and(|sid| !sid.is_empty());
    if is_set(&found.voice_application_sid) || is_set(&found.trunk_sid) {
        report.add(
            Verdict::Fail,
            format!("{number} has a TwiML application or trunk, which overrides its webhook"),
        );
    }
    if found.voice_url.as_deref() == Some(&wanted) {
        report.add(Verdict::Ok, format!("{number} calls {wanted}"));
    } else {
        report.add(Verdict::Fail, format!("{number} does not call {wanted}"));
    }
    if found.status_callback.as_deref() == Some(&status) {
        report.add(Verdict::Ok, format!("{number} reports to {status}"));
    } else {
        report.add(
            Verdict::Warn,
            format!("{number} does not report to {status}: missed calls are noticed late"),
        );
    }
}
