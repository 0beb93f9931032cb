//! Everything a demo call needs, in one process and over real sockets: the server exactly as
//! `prosaas serve` runs it, and beside it a fake of everything that it would find outside.

use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use prosaas_core::time::SystemClock;
use prosaas_core::{AccountSid, Business, E164, ExposeSecret as _, SecretString};
use prosaas_crm::auth::SystemScope;
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig};
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::paths;
use prosaas_twilio::testkit::carrier::CarrierConfig;
use prosaas_twilio::testkit::rest_api::FakeRestApi;
use tokio::time::{interval, timeout};

use super::clip::Clip;
use super::sidecar::LocalWhatsApp;
use super::{ModelChoice, Options, seed};
use crate::commands::fake::Fault;
use crate::commands::{serve, simulate};
use crate::config::{Config, process_variable};
use crate::server::Server;
use crate::wiring::{self, App};

/// The demo's database under the data directory: not the one of a real installation, whose waiting jobs
/// must not be done by a fake model.
const DATABASE: &str = "demo.db";
/// How long the model may take to speak the fallback sentence in advance.
const VOICE_WITHIN: Duration = Duration::from_secs(45);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What the real model's settings are taken from.
const OPENAI: [&str; 6] = [
    "OPENAI_API_KEY",
    "OPENAI_REALTIME_URL",
    "OPENAI_REALTIME_MODEL",
    "OPENAI_BASE_URL",
    "OPENAI_TEXT_MODEL",
    "OPENAI_TRANSCRIPTION_MODEL",
];

/// The running parts.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) server: Server,
    pub(super) business: Arc<Business>,
    pub(super) owner: seed::Owner,
    /// Absent when the call talks to the real model.
    pub(super) model: Option<FakeModel>,
    /// Absent without the sidecar's folder.
    pub(super) whatsapp: Option<LocalWhatsApp>,
    twilio: FakeRestApi,
    auth_token: SecretString,
}

impl Rig {
    /// Starts everything.
    ///
    /// # Errors
    /// When a port cannot be opened, the data directory cannot be written or the settings do not do.
    pub(super) async fn start(options: &Options, clip: &Clip) -> anyhow::Result<Self> {
        let auth_token = SecretString::from(StreamToken::mint()?.expose());
        let account = account()?;
        let model = match options.model {
            ModelChoice::Fake => Some(fake_model(clip).await?),
            ModelChoice::Openai => None,
        };
        let twilio = FakeRestApi::start(account, auth_token.clone())
            .await
            .context("the fake of Twilio's API could not be started")?;
        let mut variables = variables(&options.data_dir, model.as_ref())?;
        variables.insert("TWILIO_ACCOUNT_SID", twilio.account().to_string());
        variables.insert("TWILIO_AUTH_TOKEN", auth_token.expose_secret().to_owned());
        variables.insert("TWILIO_API_BASE", twilio.base_url().to_owned());

        variables.insert("PORT", options.port.to_string());
        let listener = serve::bind(&config(&variables)?).await?;
        // With `--port 0` the public URL is known only now.
        let address = listener.local_addr()?;
        variables.insert("PORT", address.port().to_string());
        let public = format!("http://{address}");
        let whatsapp = match &options.whatsapp {
            Some(folder) => Some(LocalWhatsApp::start(folder, &options.data_dir, &public).await?),
            None => None,
        };
        if let Some(local) = &whatsapp {
            variables.insert("BAILEYS_BASE_URL", local.sidecar_url.clone());
            variables.insert("INTERNAL_SECRET", local.secret.expose_secret().to_owned());
        }
        variables.insert("PUBLIC_BASE_URL", public);
        let config = config(&variables)?;
        let parts = wiring::parts(&config, Arc::new(SystemClock)).await?;
        let (app, speaker) = App::new(config, parts)?;
        let business = seed::business(app.store.as_ref(), app.clock.as_ref()).await?;
        let owner = seed::owner(app.store.as_ref(), &business).await?;
        let server = Server::start(app, speaker, listener)?;
        Ok(Self {
            server,
            business,
            owner,
            model,
            whatsapp,
            twilio,
            auth_token,
        })
    }

    pub(super) fn app(&self) -> &Arc<App> {
        self.server.app()
    }

    /// A line whose webhooks go to the server.
    pub(super) fn line(&self) -> anyhow::Result<CarrierConfig> {
        let app = self.app();
        Ok(CarrierConfig {
            webhook_url: app.url(paths::INCOMING_CALL),
            status_callback: Some(app.url(paths::CALL_STATUS)),
            account_sid: self.twilio.account().clone(),
            auth_token: self.auth_token.clone(),
            from: Some(E164::parse(seed::CALLER)?),
            to: E164::parse(seed::NUMBER)?,
            extra_fields: Vec::new(),
            connect_to: None,
            duplicate_callbacks: false,
            rest_api: Some(self.twilio.clone()),
            http: simulate::http_client()?,
        })
    }

    /// Lets the model speak the business's fallback sentence while it is healthy, as in an installation
    /// that has been running for a minute; then makes it fail.
    pub(super) async fn break_model(&self, fault: Fault) -> anyhow::Result<()> {
        let Some(model) = &self.model else {
            bail!("this fault is the fake model's; leave out --model openai");
        };
        let voices = &self.app().voices;
        let scope = SystemScope::from_operator().tenant(self.business.id)?;
        let spoken = async {
            let mut look = interval(LOOK_EVERY);
            while voices.fallback(&scope, &self.business).await.is_empty() {
                look.tick().await;
            }
        };
        timeout(VOICE_WITHIN, spoken).await.context(
            "the fallback sentence was not spoken in advance; run with PROSAAS_LOG=info to see why",
        )?;
        model.set_mode(fault.mode());
        Ok(())
    }

    /// How to place another call, for a shell. The token is random, of this run, and guards nothing but it.
    pub(super) fn another_call(&self) -> String {
        format!(
            "TWILIO_AUTH_TOKEN={} prosaas simulate call --url {} --to {}",
            self.auth_token.expose_secret(),
            self.app().url(paths::INCOMING_CALL),
            seed::NUMBER,
        )
    }

    /// Stops the server; a call that goes on is ended.
    pub(super) async fn stop(self) {
        self.server.stop(Duration::ZERO, pending()).await;
    }
}

async fn fake_model(clip: &Clip) -> anyhow::Result<FakeModel> {
    let config = FakeModelConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        caller_texts: clip.words().to_vec(),
        end_call_after: clip.ends_politely().then(|| clip.turns()),
        ..FakeModelConfig::default()
    };
    FakeModel::start(config)
        .await
        .context("the fake model could not be started")
}

/// An account that nobody has.
pub(crate) fn account() -> anyhow::Result<AccountSid> {
    Ok(format!("AC{}", "0".repeat(32)).parse()?)
}

type Variables = HashMap<&'static str, String>;

/// The settings of the demo's server. Nothing of the user's own environment reaches it, except how the
/// real model is reached when it was asked for, how loud the log is, and a key to seal secrets with.
fn variables(data_dir: &Path, model: Option<&FakeModel>) -> anyhow::Result<Variables> {
    let database = data_dir.join(DATABASE);
    let mut variables = Variables::from([
        ("PROSAAS_ENV", "development".to_owned()),
        ("DATA_DIR", data_dir.display().to_string()),
        ("DATABASE_URL", format!("sqlite:{}", database.display())),
        ("PROSAAS_LOG", log_level()),
    ]);
    if let Some(key) = process_variable("PROSAAS_MASTER_KEY") {
        variables.insert("PROSAAS_MASTER_KEY", key);
    }
    if let Some(model) = model {
        variables.insert("OPENAI_REALTIME_URL", model.url().to_string());
        variables.insert("OPENAI_BASE_URL", model.rest_base());
        variables.insert("OPENAI_API_KEY", "fake".to_owned());
        return Ok(variables);
    }
    let set = OPENAI
        .into_iter()
        .filter_map(|name| Some((name, process_variable(name)?)));
    variables.extend(set.filter(|(_, value)| !value.trim().is_empty()));
    if !variables.contains_key("OPENAI_API_KEY") {
        bail!(
            "--model openai needs OPENAI_API_KEY, which is not set; without it, leave out --model \
             and talk to the fake model"
        );
    }
    Ok(variables)
}

/// The demo prints what happens; its log tells only what went wrong, unless it is asked for more.
pub(super) fn log_level() -> String {
    process_variable("PROSAAS_LOG").unwrap_or_else(|| "error".to_owned())
}

fn config(variables: &Variables) -> anyhow::Result<Config> {
    Ok(Config::from_vars(|name| variables.get(name).cloned())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_server_is_configured_for_the_fakes_and_checks_signatures() {
        let clip = Clip::open(None).unwrap();
        let model = fake_model(&clip).await.unwrap();
        let variables = variables(Path::new("some/where"), Some(&model)).unwrap();
        let config = config(&variables).unwrap();
        assert_eq!(config.model.realtime_url, model.url().as_str());
        assert_eq!(config.model.base_url, model.rest_base());
        assert_eq!(
            config.database_url.expose_secret(),
            "sqlite:some/where/demo.db"
        );
        assert!(config.twilio.validate_signature && !config.is_production());
    }
}
