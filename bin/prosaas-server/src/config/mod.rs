//! The configuration: read from the environment here and nowhere else.
//!
//! [`Config::from_vars`] is pure; it reports every problem at once. Secrets are [`SecretString`]s from
//! the moment they are read, so neither `Debug` nor an error can print one.

mod error;
mod meta;
mod model;
mod patience;
mod proxies;
mod reader;
mod twilio;
mod urls;
mod whatsapp;

use std::path::PathBuf;
use std::time::Duration;

use prosaas_core::{ExposeSecret as _, SecretString};
use prosaas_crm::model::email::EmailAddress;
use prosaas_crm::webhook::InsideService;

pub use error::{ConfigError, ConfigErrors};
pub use meta::MetaConfig;
pub use model::{DEFAULT_REALTIME_MODEL, ModelConfig, SpareModel};
pub use proxies::{AddressRange, client_address};
pub use twilio::TwilioConfig;
pub use whatsapp::WhatsAppConfig;

use crate::{lag, standby};
use reader::Reader;

/// Whether the installation answers real callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// On a developer's machine; signature checks may be switched off.
    Development,
    /// Everything is enforced.
    Production,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// What is logged and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `PROSAAS_LOG_FORMAT`: `json` (the default in production) or `text`.
    pub format: LogFormat,
    /// `PROSAAS_LOG`: a level or a `tracing` filter, default `info`. Libraries never log below `info`,
    /// whatever it says: their debug lines hold headers and bodies.
    pub filter: String,
}

/// Where mail is handed in.
#[derive(Clone, Debug)]
pub struct MailConfig {
    /// `PROSAAS_SMTP_URL`, such as `smtps://user:password@mail.example:465`.
    pub smtp_url: SecretString,
    /// `PROSAAS_MAIL_FROM`, the address that mail comes from.
    pub from: EmailAddress,
}

/// Everything that is configured outside the database.
#[derive(Clone, Debug)]
pub struct Config {
    /// `PROSAAS_ENV`, or `FLASK_ENV` for existing deployments.
    pub environment: Environment,
    /// `HOST`.
    pub host: String,
    /// `PORT`; 0 lets the system choose.
    pub port: u16,
    /// `PUBLIC_BASE_URL`, exactly as Twilio is told it, without a trailing slash.
    pub public_base_url: String,
    /// `PUBLIC_MEDIA_URL`, where Twilio opens the media websocket.
    pub public_media_url: String,
    /// `DATABASE_URL`: `sqlite:PATH`, or `postgres://...`, which may hold a password.
    pub database_url: SecretString,
    /// `DATABASE_URL_DIRECT`: PostgreSQL as the role that owns the tables, past any pooler.
    pub database_url_direct: Option<SecretString>,
    /// `PROSAAS_DATABASE_WAIT_MS`: how long a request of the API waits for the database.
    pub database_wait: Duration,
    /// `PROSAAS_CALL_DATABASE_MS` and `PROSAAS_WRITE_BEHIND_KB`: how calls go on without the database.
    pub standby: standby::Limits,
    /// `PROSAAS_LAG_LIMIT_MS` and `PROSAAS_LAG_SECONDS`: when the server is behind and lets no more calls in.
    pub lag: lag::Limits,
    /// `DATA_DIR`: recordings, cached voices, journals, and the database unless it is told elsewhere.
    pub data_dir: PathBuf,
    /// Twilio.
    pub twilio: TwilioConfig,
    /// OpenAI.
    pub model: ModelConfig,
    /// `INTERNAL_SECRET`: the key of stream tokens and of callers' pseudonyms, and what the WhatsApp sidecar
    /// signs with.
    pub internal_secret: Option<SecretString>,
    /// The WhatsApp sidecar; absent without `BAILEYS_BASE_URL`.
    pub whatsapp: Option<WhatsAppConfig>,
    /// The app at Meta, for businesses that have a number there; absent without `META_APP_SECRET`.
    pub meta: Option<MetaConfig>,
    /// `PROSAAS_MASTER_KEY`: the keys that businesses' secrets are sealed under.
    pub master_key: Option<SecretString>,
    /// Mail; absent without `PROSAAS_SMTP_URL`.
    pub mail: Option<MailConfig>,
    /// `PROSAAS_WEBHOOKS_TO_ANYWHERE`: outgoing webhooks and notifications also to private addresses, without TLS. Counts in
    /// development only.
    pub webhooks_to_anywhere: bool,
    /// `PROSAAS_WEBHOOKS_ALSO_TO`: services beside the server that webhooks may lead to, such as `n8n:5678`.
    pub webhooks_also_to: Vec<InsideService>,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<AddressRange>,
    /// `PROSAAS_API_REQUESTS_PER_MINUTE`: what one session or API key may ask of the API in a minute. One
    /// address may ask twice as much, one business ten times.
    pub api_requests_per_minute: u32,
    /// `PROSAAS_DRAIN_SECONDS`: how long live calls may go on after SIGTERM.
    pub drain: Duration,
    /// Logging.
    pub log: LogConfig,
    /// What works and is still worth a look: settings that were ignored, keys that are missing.
    pub warnings: Vec<String>,
}

/// The voice of a business that chose none.
pub const DEFAULT_VOICE: &str = "alloy";

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 5000;
const DEFAULT_DRAIN_S: u64 = 3_600;
const DEFAULT_API_REQUESTS: u32 = 600;
const SHORTEST_INTERNAL_SECRET: usize = 16;

impl Config {
    /// Reads the process environment.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_vars(process_variable)
    }

    /// Builds the configuration from a look-up of variables.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem.
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut vars = Reader::new(lookup);
        let mut warnings = Vec::new();
        let environment = environment(&mut vars, &mut warnings);
        let host = vars.parsed("HOST", DEFAULT_HOST.to_owned(), host);
        let port = vars.parsed("PORT", DEFAULT_PORT, |text| {
            text.parse()
                .map_err(|_| "expected a port number from 0 to 65535".to_owned())
        });
        let public_base_url = public_base_url(&mut vars, environment, &host, port);
        let public_media_url = vars.parsed(
            "PUBLIC_MEDIA_URL",
            format!("{}/media", urls::websocket_of(&public_base_url)),
            // Twilio drops a query from a `<Stream>` URL, so one here could never match.
            |text| urls::checked_base(text, urls::WEBSOCKET),
        );
        let data_dir = PathBuf::from(vars.text("DATA_DIR").unwrap_or_else(|| "./data".to_owned()));
        let default_database = format!("sqlite:{}", data_dir.join("prosaas.db").display());
        let database_url = vars.parsed("DATABASE_URL", default_database, database_url);
        let database_url_direct = vars.optional("DATABASE_URL_DIRECT", postgres_url);
        let database_wait = patience::of_requests(&mut vars);
        let standby = patience::of_calls(&mut vars);
        let lag = patience::of_server(&mut vars);
        let twilio = twilio::of_account(&mut vars, environment, &mut warnings);
        let model = model::of_openai(&mut vars, &mut warnings);
        let internal_secret = internal_secret(&mut vars, environment, &mut warnings);
        let whatsapp = whatsapp::of_sidecar(&mut vars, internal_secret.as_ref());
        let meta = meta::of_app(&mut vars);
        let master_key = vars.secret("PROSAAS_MASTER_KEY");
        let mail = mail(&mut vars);
        let webhooks_to_anywhere = vars.switch("PROSAAS_WEBHOOKS_TO_ANYWHERE", false)
            && environment == Environment::Development;
        let webhooks_also_to = vars.parsed("PROSAAS_WEBHOOKS_ALSO_TO", Vec::new(), inside_services);
        let trusted_proxies = vars.parsed("TRUSTED_PROXIES", Vec::new(), proxies::parse_list);
        let api_requests_per_minute = vars.parsed(
            "PROSAAS_API_REQUESTS_PER_MINUTE",
            DEFAULT_API_REQUESTS,
            requests_per_minute,
        );
        let drain = vars.parsed("PROSAAS_DRAIN_SECONDS", DEFAULT_DRAIN_S, |text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds <= 86_400);
            seconds.ok_or_else(|| "expected seconds from 0 to 86400".to_owned())
        });
        let log = log(&mut vars, environment);
        let errors = vars.into_errors();
        if !errors.is_empty() {
            return Err(ConfigErrors(errors));
        }
        Ok(Self {
            environment,
            host,
            port,
            public_base_url,
            public_media_url,
            database_url: database_url.into(),
            database_url_direct: database_url_direct.map(SecretString::from),
            database_wait,
            standby,
            lag,
            data_dir,
            twilio,
            model,
            internal_secret,
            whatsapp,
            meta,
            master_key,
            mail,
            webhooks_to_anywhere,
            webhooks_also_to,
            trusted_proxies,
            api_requests_per_minute,
            drain: Duration::from_secs(drain),
            log,
            warnings,
        })
    }

    /// Whether everything is enforced.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }
}

/// One variable of the process, for a command that puts its own configuration together.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where configuration is read"
)]
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Names of the Google speech variables of older deployments, among `names`. No code reads them.
pub fn unused_google_variables(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let is_google = |name: &String| name.starts_with("GOOGLE_") || name.starts_with("GCP_");
    let mut found: Vec<String> = names.into_iter().filter(is_google).collect();
    found.sort();
    found
}

/// The names of all variables of the process.
pub fn variable_names() -> Vec<String> {
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect()
}

/// `SSL_CERT_FILE`, which TLS libraries read for themselves.
pub fn ca_file_override() -> Option<PathBuf> {
    std::env::var_os("SSL_CERT_FILE").map(PathBuf::from)
}

/// Whether mail leaves for another machine without encryption.
pub fn is_mail_in_clear(mail: &MailConfig) -> bool {
    let Ok(url) = url::Url::parse(mail.smtp_url.expose_secret()) else {
        return false;
    };
    let asks_for_tls = url.query_pairs().any(|(name, _)| name == "tls");
    url.scheme() == "smtp" && !asks_for_tls && !urls::is_loopback(&url)
}

type Vars<'a, F> = &'a mut Reader<F>;

fn environment<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    warnings: &mut Vec<String>,
) -> Environment {
    let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
        "production" => Ok(Environment::Production),
        "development" | "testing" => Ok(Environment::Development),
        _ => Err("expected `production` or `development`".to_owned()),
    };
    let alias = vars.optional("FLASK_ENV", parse);
    let named = vars.optional("PROSAAS_ENV", parse);
    if let (Some(named), Some(alias)) = (named, alias)
        && named != alias
    {
        warnings.push("FLASK_ENV contradicts PROSAAS_ENV and is ignored".to_owned());
    }
    named.or(alias).unwrap_or(Environment::Development)
}

fn requests_per_minute(text: &str) -> Result<u32, String> {
    let requests = text.parse().ok().filter(|n| (1..=1_000_000).contains(n));
    requests.ok_or_else(|| "expected requests from 1 to 1000000".to_owned())
}

fn inside_services(text: &str) -> Result<Vec<InsideService>, String> {
    let parts = text.split(',').map(str::trim);
    let read = parts.filter(|part| !part.is_empty()).map(str::parse);
    read.collect::<Result<_, _>>().map_err(|_| {
        "expected hosts with their ports, separated by commas, such as n8n:5678".to_owned()
    })
}

fn host(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if text.chars().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("expected an address or host name to listen on, such as 127.0.0.1".to_owned())
    }
}

fn public_base_url<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    environment: Environment,
    host: &str,
    port: u16,
) -> String {
    const NAME: &str = "PUBLIC_BASE_URL";
    if vars.text(NAME).is_none() {
        let bracketed = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let local = urls::checked_base(&format!("http://{bracketed}:{port}"), urls::HTTP);
        match (environment, local) {
            (Environment::Development, Ok(local)) => return local,
            _ => vars.problem(
                NAME,
                "is not set; set it to the https URL that Twilio reaches, without a path of ours",
            ),
        }
    }
    vars.parsed(NAME, String::new(), |text| {
        urls::checked_base(text, urls::HTTP)
    })
}

fn database_url(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("sqlite", path)) if !path.trim_start_matches('/').is_empty() => Ok(text.to_owned()),
        Some(("postgres" | "postgresql", _)) => postgres_url(text),
        _ => Err(
            "expected sqlite:PATH, such as sqlite:./data/prosaas.db, or postgres://...".to_owned(),
        ),
    }
}

fn postgres_url(text: &str) -> Result<String, String> {
    let expected = || "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE".to_owned();
    let url = url::Url::parse(text).map_err(|_| expected())?;
    let is_postgres = matches!(url.scheme(), "postgres" | "postgresql");
    if is_postgres && url.has_host() && url.path().len() > 1 {
        return Ok(text.to_owned());
    }
    Err(expected())
}

fn internal_secret<F: Fn(&str) -> Option<String>>(
    vars: Vars<'_, F>,
    environment: Environment,
    warnings: &mut Vec<String>,
) -> Option<SecretString> {
    let secret = vars.optional("INTERNAL_SECRET", |text| {
        if text.len() < SHORTEST_INTERNAL_SECRET {
            return Err(format!(
                "expected at least {SHORTEST_INTERNAL_SECRET} random characters"
            ));
        }
        Ok(SecretString::from(text.to_owned()))
    });
    if secret.is_none() && environment == Environment::Production {
        warnings.push(
            "INTERNAL_SECRET is not set: a random key is used, so callers' pseudonyms change at every start"
                .to_owned(),
        );
    }
    secret
}

fn mail<F: Fn(&str) -> Option<String>>(vars: Vars<'_, F>) -> Option<MailConfig> {
    let smtp_url = vars.secret("PROSAAS_SMTP_URL")?;
    let from = vars.optional("PROSAAS_MAIL_FROM", |text| {
        text.parse()
            .map_err(|_| "expected an address such as crm@example.com".to_owned())
    });
    let Some(from) = from else {
        vars.problem(
            "PROSAAS_MAIL_FROM",
            "is not set; set it to the address that mail comes from",
        );
        return None;
    };
    Some(MailConfig { smtp_url, from })
}

fn log<F: Fn(&str) -> Option<String>>(vars: Vars<'_, F>, environment: Environment) -> LogConfig {
    let default = match environment {
        Environment::Production => LogFormat::Json,
        Environment::Development => LogFormat::Text,
    };
    let format = vars.parsed("PROSAAS_LOG_FORMAT", default, |text| match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err("expected `json` or `text`".to_owned()),
    });
    let filter = vars.parsed("PROSAAS_LOG", "info".to_owned(), |text| {
        match text.parse::<tracing_subscriber::filter::Targets>() {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => Err(
                "expected a level (error, warn, info, debug, trace) or `target=level` pairs"
                    .to_owned(),
            ),
        }
    });
    LogConfig { format, filter }
}

#[cfg(test)]
mod tests;
