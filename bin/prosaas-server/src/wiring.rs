//! Puts the parts together: the one place where the libraries meet.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prosaas_core::ExposeSecret as _;
use prosaas_core::{
    AccountSid, AudioBridge, CallSid, Clock, Error, SecretString, SignatureVerifier, TextModel,
    Transcriber,
};
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::mail::{Mailer, SmtpMailer};
use prosaas_crm::shelf::Shelf;
use prosaas_crm::{CrmStore, StoreOptions};
use prosaas_realtime::ladder::{Ladder, Rung};
use prosaas_realtime::openai::{OpenAiBridge, OpenAiConfig, TurnDetection};
use prosaas_realtime::text::{OpenAiText, OpenAiTextConfig};
use prosaas_realtime::transcription::{OpenAiTranscriber, OpenAiTranscriberConfig};
use prosaas_twilio::axum::paths;
use prosaas_twilio::signature::{InsecureAcceptAll, TwilioVerifier};
use prosaas_twilio::{StreamToken, rest, twiml};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::api;
use crate::calls::agent::Pseudonyms;
use crate::calls::journal::Journals;
use crate::calls::live::LiveCalls;
use crate::calls::metered::MeteredBridge;
use crate::calls::news::NewsDesk;
use crate::calls::once::AnswerOnce;
use crate::calls::prewarm::Prewarm;
use crate::calls::purse::Purse;
use crate::calls::talk::Talks;
use crate::calls::voice_cache::{VoiceCache, VoiceSpeaker};
use crate::config::{Config, ModelConfig, SpareModel};
use crate::jobs::webhook::send::{Sender, SystemResolver};
use crate::keys::AccountKeys;
use crate::lag::Lag;
use crate::metrics::Metrics;
use crate::shutdown::Shutdown;
use crate::standby::Standby;
use crate::whatsapp::{self, WhatsApp};

/// The folder of the voice cache under the data directory.
const VOICES: &str = "voice-cache";
/// The name that mail comes from.
const MAIL_FROM_NAME: &str = "ProSaaS";
/// How long a summary may take.
const SUMMARY_WITHIN: Duration = Duration::from_mins(1);
/// How long writing down a voice note may take.
const TRANSCRIPT_WITHIN: Duration = Duration::from_mins(1);

/// What the model is called that calls begin with, where there is a spare one.
pub(crate) const FIRST_RUNG: &str = "first";

/// What the server needs from outside: real in production, fakes in tests and in the demo.
pub struct Parts {
    /// The database.
    pub store: Arc<CrmStore>,
    /// Opens the model's side of calls.
    pub bridge: Arc<dyn AudioBridge>,
    /// Summarises calls.
    pub text: Arc<dyn TextModel>,
    /// Writes down what is said in voice notes.
    pub transcriber: Arc<dyn Transcriber>,
    /// Twilio's REST API; absent without credentials.
    pub twilio: Option<rest::Client>,
    /// Sends mail; absent without a mail server.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// A running server, shared by everything in it.
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The database.
    pub store: Arc<CrmStore>,
    /// The database as calls see it, also while it is away.
    pub standby: Arc<Standby>,
    /// Opens the model's side of calls; its errors are counted.
    pub bridge: Arc<dyn AudioBridge>,
    /// Summarises calls.
    pub text: Arc<dyn TextModel>,
    /// Writes down what is said in voice notes.
    pub transcriber: Arc<dyn Transcriber>,
    /// The files of conversations.
    pub shelf: Shelf,
    /// Twilio's REST API; absent without credentials.
    pub twilio: Option<rest::Client>,
    /// Sends mail; absent without a mail server.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// The ways to WhatsApp and back; absent with neither a sidecar nor an app at Meta.
    pub whatsapp: Option<WhatsApp>,
    /// Which keys may have signed a webhook.
    pub keys: AccountKeys,
    /// Tells webhooks of events.
    pub webhooks: Sender,
    /// The CRM's HTTP API.
    pub api: ApiState,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// What Prometheus sees.
    pub metrics: Arc<Metrics>,
    /// Derives callers' pseudonyms and stream tokens.
    pub pseudonyms: Pseudonyms,
    /// The calls this process carries.
    pub live: LiveCalls,
    /// Whether this process is behind, so that no more calls are let in.
    pub lag: Lag,
    /// The money of the calls this process carries.
    pub purse: Purse,
    /// What happens in calls, for whoever watches.
    pub news: NewsDesk,
    /// Answers to incoming calls, for copies of the same webhook.
    pub answers: AnswerOnce<twiml::Response>,
    /// Model legs opened ahead of their media sockets.
    pub prewarm: Prewarm,
    /// Sentences spoken in advance.
    pub voices: VoiceCache,
    /// Told when there may be a job to run.
    pub work: Notify,
    /// How the server stops.
    pub shutdown: Shutdown,
    /// Every task of the server, so that none outlives it unseen.
    pub tasks: TaskTracker,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("config", &self.config)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Puts a server together; nothing runs yet. The speaker has to be run for the voice cache to fill.
    ///
    /// # Errors
    /// When the metrics cannot be set up or the operating system has no randomness.
    pub fn new(config: Config, parts: Parts) -> anyhow::Result<(Arc<Self>, VoiceSpeaker)> {
        let metrics = Arc::new(Metrics::new().context("the metrics could not be set up")?);
        let Parts {
            store,
            bridge,
            text,
            transcriber,
            twilio,
            mailer,
            clock,
        } = parts;
        let standby = Standby::open(
            &config.data_dir,
            config.standby,
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&metrics),
        );
        let standby = Arc::new(standby.context("DATA_DIR/write-behind cannot be read")?);
        let keys = AccountKeys::new(&config.twilio, Arc::clone(&standby) as _);
        let targets = api::webhook_targets(&config);
        let bridge: Arc<dyn AudioBridge> =
            Arc::new(MeteredBridge::new(bridge, Arc::clone(&metrics)));
        let (voices, speaker) = VoiceCache::new(
            &config.data_dir.join(VOICES),
            Arc::clone(&bridge),
            Arc::clone(&store) as _,
            Arc::clone(&clock),
        );
        let tasks = TaskTracker::new();
        let key = match &config.internal_secret {
            Some(secret) => secret.clone(),
            None => SecretString::from(StreamToken::mint()?.expose()),
        };
        let pseudonyms = Pseudonyms::new(key);
        let live = LiveCalls::default();
        let talks = Talks::default();
        let kit = whatsapp::Kit {
            store: &store,
            clock: &clock,
            live: &live,
            metrics: &metrics,
        };
        let whatsapp = WhatsApp::open(&config, &kit)?;
        let services = api::Services {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            mailer: mailer.clone(),
            whatsapp: whatsapp.as_ref().map(WhatsApp::transport),
            live: Arc::new(live.clone()),
            talk: Arc::new(talks.clone()),
            scripts: Arc::new(Journals::in_data_dir(&config.data_dir)),
        };
        let api = api::state(&config, &pseudonyms, services)?;
        let app = Self {
            shelf: Shelf::in_data_dir(&config.data_dir),
            config,
            store,
            standby,
            api,
            bridge,
            text,
            transcriber,
            twilio,
            mailer,
            whatsapp,
            keys,
            webhooks: Sender::new(Arc::new(SystemResolver), targets),
            clock,
            metrics,
            pseudonyms,
            live,
            lag: Lag::default(),
            purse: Purse::default(),
            news: NewsDesk::default(),
            answers: AnswerOnce::default(),
            prewarm: Prewarm::new(tasks.clone()),
            voices,
            work: Notify::new(),
            shutdown: Shutdown::default(),
            tasks,
        };
        let app = Arc::new(app);
        talks.open(&app);
        Ok((app, speaker))
    }

    /// The public URL of one of our paths.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.public_base_url)
    }

    /// Where Twilio asks how a call goes on after a stream; `attempt` is the number of the next one.
    pub fn resume_url(&self, attempt: u32) -> String {
        format!("{}/{attempt}", self.url(paths::STREAM_ENDED))
    }

    /// Where a call that waits for a line is tried again, `waited` times so far.
    pub fn held_url(&self, waited: u32) -> String {
        format!("{}/{waited}", self.url(crate::calls::full::PATH))
    }

    /// The one-time token of a call's stream number `attempt`. Derived, not drawn: copies of one webhook
    /// carry the same token, and without the key nobody can make one.
    ///
    /// # Errors
    /// Never in practice: the derived text has a token's form.
    pub fn stream_token(&self, call: &CallSid, attempt: u32) -> Result<StreamToken, Error> {
        let derived = self.pseudonyms.derive(
            "stream-token",
            &[call.as_str().as_bytes(), &attempt.to_be_bytes()],
        );
        URL_SAFE_NO_PAD.encode(&derived[..16]).parse()
    }
}

/// The parts of a production server.
///
/// # Errors
/// When one cannot be set up, with a sentence that says which.
pub async fn parts(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Parts> {
    Ok(Parts {
        store: open_store(config, Arc::clone(&clock)).await?,
        bridge: model_bridge(&config.model, Arc::clone(&clock))?,
        text: Arc::new(openai_text(&config.model)?),
        transcriber: Arc::new(openai_transcriber(&config.model)?),
        twilio: twilio_client(config)?,
        mailer: mailer(config)?,
        clock,
    })
}

/// The mail server as configured; `None` without one.
///
/// # Errors
/// When its URL cannot be used.
pub fn mailer(config: &Config) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    let mailer = smtp_mailer(config)?;
    Ok(mailer.map(|mailer| Arc::new(mailer) as _))
}

/// [`mailer`] as what it is.
///
/// # Errors
/// When its URL cannot be used.
pub fn smtp_mailer(config: &Config) -> anyhow::Result<Option<SmtpMailer>> {
    let Some(mail) = &config.mail else {
        return Ok(None);
    };
    SmtpMailer::new(&mail.smtp_url, MAIL_FROM_NAME, &mail.from)
        .map(Some)
        .context("PROSAAS_SMTP_URL cannot be used")
}

/// The keys that secrets are sealed under, as configured; `None` without any.
///
/// # Errors
/// When they cannot be read, without repeating them.
pub fn master_keys(config: &Config) -> anyhow::Result<Option<MasterKeys>> {
    let Some(key) = &config.master_key else {
        return Ok(None);
    };
    MasterKeys::parse(key)
        .map(Some)
        .context("PROSAAS_MASTER_KEY cannot be read")
}

/// The database as configured; created when it is missing.
///
/// # Errors
/// When it cannot be opened or written; in production also when the database itself does not keep
/// businesses apart.
pub async fn open_store(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<CrmStore>> {
    let store = connect(config, clock).await?;
    let isolation = store.audit_isolation().await.map_err(unusable)?;
    if config.is_production() {
        anyhow::ensure!(
            isolation.holds(),
            "the database does not isolate: {isolation}"
        );
    } else if !isolation.holds() {
        tracing::warn!(%isolation, "production would refuse this database");
    }
    Ok(Arc::new(store))
}

/// The database as configured, whether it keeps businesses apart or not: for looking at it.
///
/// # Errors
/// When it cannot be opened or written, or the master keys cannot be read.
pub async fn connect(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<CrmStore> {
    let keys = master_keys(config)?;
    let opened = CrmStore::open_with(&store_options(config), clock).await;
    let store = opened.map_err(unusable)?;
    Ok(match keys {
        Some(keys) => store.with_master_keys(keys),
        None => store,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "an argument of `map_err`")]
fn unusable(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{}; check DATABASE_URL and DATA_DIR", error.chain())
}

/// Where the database is, as configured.
pub fn store_options(config: &Config) -> StoreOptions {
    let options = StoreOptions::new(config.database_url.expose_secret());
    let options = options.patience(config.database_wait);
    match &config.database_url_direct {
        Some(direct) => options.migrate_over(direct.expose_secret()),
        None => options,
    }
}

/// The model as configured.
///
/// # Errors
/// When the URL cannot be used.
pub fn openai_bridge(config: &ModelConfig) -> anyhow::Result<OpenAiBridge> {
    let first = SpareModel {
        realtime_url: config.realtime_url.clone(),
        realtime_model: config.realtime_model.clone(),
        api_key: config.api_key.clone(),
    };
    bridge_to(&first, config)
}

fn bridge_to(model: &SpareModel, config: &ModelConfig) -> anyhow::Result<OpenAiBridge> {
    let url = url::Url::parse(&model.realtime_url).context("a model's address is not a URL")?;
    let mut openai = OpenAiConfig::new(url, model.realtime_model.clone());
    openai.api_key.clone_from(&model.api_key);
    openai.transcription_model = Some(config.transcription_model.clone());
    if config.turn_taking {
        openai.turn_detection = TurnDetection::left_to_session();
    }
    OpenAiBridge::new(openai).context("the model's backend could not be set up")
}

/// The model that answers calls, with the one behind it that stands in where there is one.
///
/// # Errors
/// When a URL cannot be used.
pub fn model_bridge(
    config: &ModelConfig,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn AudioBridge>> {
    let first = Arc::new(openai_bridge(config)?);
    let Some(spare) = &config.spare else {
        return Ok(first);
    };
    let spare = Arc::new(bridge_to(spare, config)?);
    let rungs = vec![
        Rung::new(FIRST_RUNG, first),
        Rung::new("spare", spare).with_own_key(),
    ];
    let ladder = Ladder::new(rungs, clock).context("the models could not be put in order")?;
    Ok(Arc::new(ladder))
}

/// The model that summarises calls, as configured.
///
/// # Errors
/// When the URL cannot be used or the HTTP client cannot be built.
pub fn openai_text(config: &ModelConfig) -> anyhow::Result<OpenAiText> {
    let text = OpenAiTextConfig {
        api_base: url::Url::parse(&config.base_url).context("OPENAI_BASE_URL is not a URL")?,
        model: config.text_model.clone(),
        api_key: config.api_key.clone(),
        deadline: SUMMARY_WITHIN,
    };
    OpenAiText::new(text, OpenAiText::http_client()?).context("the text model could not be set up")
}

/// The model that writes down voice notes, as configured.
///
/// # Errors
/// When the URL cannot be used or the HTTP client cannot be built.
pub fn openai_transcriber(config: &ModelConfig) -> anyhow::Result<OpenAiTranscriber> {
    let transcriber = OpenAiTranscriberConfig {
        api_base: url::Url::parse(&config.base_url).context("OPENAI_BASE_URL is not a URL")?,
        model: config.transcription_model.clone(),
        api_key: config.api_key.clone(),
        deadline: TRANSCRIPT_WITHIN,
    };
    OpenAiTranscriber::new(transcriber, OpenAiText::http_client()?)
        .context("the transcription model could not be set up")
}

/// Twilio's REST API as configured; `None` without credentials.
///
/// # Errors
/// When the HTTP client cannot be built.
pub fn twilio_client(config: &Config) -> anyhow::Result<Option<rest::Client>> {
    let (Some(account), Some(token)) = (&config.twilio.account_sid, &config.twilio.auth_token)
    else {
        return Ok(None);
    };
    twilio_client_of(config, account.clone(), token.clone()).map(Some)
}

/// Twilio's REST API for this account.
///
/// # Errors
/// When the HTTP client cannot be built.
pub fn twilio_client_of(
    config: &Config,
    account: AccountSid,
    token: SecretString,
) -> anyhow::Result<rest::Client> {
    let settings = rest::ClientConfig {
        base_url: config.twilio.api_base.clone(),
        account,
        api_key: None,
        secret: token,
        backoff: rest::Backoff::ADVISED,
        sleeper: Arc::new(rest::TokioSleeper),
    };
    let client = rest::Client::new(settings, reqwest::Client::builder());
    client.context("the client of Twilio's API could not be set up")
}

/// Decides which webhooks are believed. Without a token none is, unless development switched checking off.
pub fn verifier(app: &App) -> Arc<dyn SignatureVerifier> {
    if !app.config.twilio.validate_signature {
        return Arc::new(InsecureAcceptAll);
    }
    Arc::new(TwilioVerifier::new(app.keys.clone()))
}
