//! A server for one test, and the carrier's side of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prosaas_core::memory::{AiHandle, MemoryTextModel, MemoryTranscriber, MockBridge};
use prosaas_core::time::{ManualClock, SystemClock};
use prosaas_core::{
    AudioBridge, Business, CallRecord, CallSid, Clock, E164, Language, SecretString, TenantId,
    TextModel, Transcriber, TransferTarget, UnixMillis,
};
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::mail::MemoryMailer;
use prosaas_crm::testkit::{OPERATOR, scope};
use prosaas_crm::{
    BusinessAdmin as _, CallStore as _, CrmStore, LeadStore as _, Page, PhoneStore as _,
    StoredCall, default_business,
};
use prosaas_realtime::testkit::model::FakeModel;
use prosaas_server::config::Config;
use prosaas_server::server::Server;
use prosaas_server::wiring::{
    App, Parts, mailer as mailer_of, model_bridge, openai_text, openai_transcriber, store_options,
    twilio_client,
};
use prosaas_twilio::signature::{SignatureKey, sign};
use prosaas_twilio::testkit::carrier::{Carrier, CarrierConfig};
use prosaas_twilio::testkit::rest_api::FakeRestApi;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

pub(crate) mod browser;
pub(crate) mod databases;
pub(crate) mod jobs;
pub(crate) mod locked;
mod log;
mod model;
pub(crate) mod page;
mod paper;
pub(crate) mod postgres;
pub(crate) mod serving;
pub(crate) mod sidecar;
mod socket;
pub(crate) mod webhooks;

pub(crate) use log::logged;
pub(crate) use model::{SwitchBridge, refusing, talking};
pub(crate) use paper::Paper;
pub(crate) use socket::Socket;

use log::keep_log;

pub(crate) const PUBLIC: &str = "https://voice.test";
pub(crate) const MEDIA: &str = "wss://voice.test/media";
pub(crate) const AUTH_TOKEN: &str = "canary-auth-token-5f2d1c0b";
pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const NUMBER: &str = "+97231234567";
pub(crate) const CALLER: &str = "+972501234567";
pub(crate) const HUMAN: &str = "+97239876543";

/// How long a test waits for what must happen soon.
const SOON: Duration = Duration::from_secs(10);

/// The models a server speaks to.
type Models = (
    Arc<dyn AudioBridge>,
    Arc<dyn TextModel>,
    Arc<dyn Transcriber>,
);

/// How a test's server differs from the usual one.
pub(crate) struct Setup {
    vars: HashMap<String, String>,
    bridge: MockBridge,
    text: MemoryTextModel,
    rest: bool,
    clock: Arc<dyn Clock>,
    directory: Option<Arc<TempDir>>,
    over_the_wire: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let vars = [
            ("PROSAAS_ENV", "production"),
            ("PUBLIC_BASE_URL", PUBLIC),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("INTERNAL_SECRET", "canary-internal-secret-1"),
            ("OPENAI_API_KEY", "sk-canary-openai"),
            ("PORT", "0"),
        ];
        Self {
            vars: vars
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            bridge: talking(),
            text: MemoryTextModel::failing(),
            rest: false,
            clock: Arc::new(SystemClock),
            directory: None,
            over_the_wire: false,
        }
    }
}

impl Setup {
    /// Speaks the vendor's wire to this model, voice and text, instead of using a scripted one.
    pub(crate) fn model(self, model: &FakeModel) -> Self {
        let over_the_wire = Self {
            over_the_wire: true,
            ..self
        };
        over_the_wire
            .var("OPENAI_REALTIME_URL", model.url().as_str())
            .var("OPENAI_BASE_URL", &model.rest_base())
    }

    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_owned(), value.to_owned());
        self
    }
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.vars.remove(name);
        self
    }
    pub(crate) fn bridge(mut self, bridge: MockBridge) -> Self {
        self.bridge = bridge;
        self
    }
    pub(crate) fn text(mut self, text: MemoryTextModel) -> Self {
        self.text = text;
        self
    }
    pub(crate) fn rest(mut self) -> Self {
        self.rest = true;
        self
    }
    pub(crate) fn clock(mut self, clock: Arc<ManualClock>) -> Self {
        self.clock = clock;
        self
    }
    /// Uses the data of an earlier server: the same installation after a crash.
    pub(crate) fn directory(mut self, directory: Arc<TempDir>) -> Self {
        self.directory = Some(directory);
        self
    }

    pub(crate) async fn start(mut self) -> TestApp {
        keep_log();
        // Two tests may come here at once; the second finds the provider in place.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = self
            .directory
            .take()
            .unwrap_or_else(|| Arc::new(TempDir::new().unwrap()));
        let data = directory.path().to_str().unwrap().to_owned();
        self.vars.insert("DATA_DIR".to_owned(), data);
        let rest = if self.rest {
            Some(fake_rest().await)
        } else {
            None
        };
        if let Some(rest) = &rest {
            self.vars
                .insert("TWILIO_API_BASE".to_owned(), rest.base_url().to_owned());
        }
        let config = Config::from_vars(|name| self.vars.get(name).cloned()).unwrap();
        let store = CrmStore::open_with(&store_options(&config), Arc::clone(&self.clock))
            .await
            .unwrap();
        let bridge = Arc::new(SwitchBridge::new(self.bridge));
        let text = Arc::new(self.text);
        let transcriber = Arc::new(MemoryTranscriber::default());
        let (used_bridge, used_text, used_transcriber): Models = if self.over_the_wire {
            (
                model_bridge(&config.model, Arc::clone(&self.clock)).unwrap(),
                Arc::new(openai_text(&config.model).unwrap()),
                Arc::new(openai_transcriber(&config.model).unwrap()),
            )
        } else {
            (
                Arc::clone(&bridge) as _,
                Arc::clone(&text) as _,
                Arc::clone(&transcriber) as _,
            )
        };
        let store = match &config.master_key {
            Some(keys) => store.with_master_keys(MasterKeys::parse(keys).unwrap()),
            None => store,
        };
        let mailer = Arc::new(MemoryMailer::default());
        let smtp = mailer_of(&config).unwrap();
        let store = Arc::new(store);
        let parts = Parts {
            store: Arc::clone(&store),
            bridge: used_bridge,
            text: used_text,
            transcriber: used_transcriber,
            twilio: twilio_client(&config).unwrap(),
            mailer: smtp.or(Some(Arc::clone(&mailer) as _)),
            clock: self.clock,
        };
        let (app, speaker) = App::new(config, parts).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let server = Server::start(app, speaker, listener).unwrap();
        TestApp {
            server,
            store,
            bridge,
            text,
            transcriber,
            mailer,
            rest,
            directory,
            http: http(),
        }
    }
}

async fn fake_rest() -> FakeRestApi {
    FakeRestApi::start(ACCOUNT.parse().unwrap(), AUTH_TOKEN.to_owned().into())
        .await
        .unwrap()
}

fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(15))
        .build()
        .unwrap()
}

/// The line of [`NUMBER`] to the server at this address.
pub(crate) fn line_to(server: SocketAddr) -> CarrierConfig {
    CarrierConfig {
        webhook_url: format!("{PUBLIC}/webhook/incoming_call"),
        status_callback: Some(format!("{PUBLIC}/webhook/call_status")),
        account_sid: ACCOUNT.parse().unwrap(),
        auth_token: AUTH_TOKEN.to_owned().into(),
        from: Some(e164(CALLER)),
        to: e164(NUMBER),
        extra_fields: Vec::new(),
        connect_to: Some(server),
        duplicate_callbacks: true,
        rest_api: None,
        http: http(),
    }
}

/// A running server with its database and its model.
pub(crate) struct TestApp {
    pub(crate) server: Server,
    pub(crate) store: Arc<CrmStore>,
    pub(crate) bridge: Arc<SwitchBridge>,
    pub(crate) text: Arc<MemoryTextModel>,
    pub(crate) transcriber: Arc<MemoryTranscriber>,
    pub(crate) mailer: Arc<MemoryMailer>,
    pub(crate) rest: Option<FakeRestApi>,
    pub(crate) directory: Arc<TempDir>,
    http: reqwest::Client,
}

/// An answer to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Setup::default().start().await
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        self.server.app()
    }

    pub(crate) fn data(&self) -> &Path {
        self.directory.path()
    }

    /// The model legs opened for calls; the voice cache opens others.
    pub(crate) fn legs_of_calls(&self) -> Vec<AiHandle> {
        let mut legs = self.bridge.current().opened();
        legs.retain(|leg| leg.brief().instructions.contains("answering the phone"));
        legs
    }

    /// Adds an English business with one number and one person to transfer to.
    pub(crate) async fn business(&self, number: &str) -> Business {
        self.business_with(number, |_| {}).await
    }

    pub(crate) async fn business_with(
        &self,
        number: &str,
        change: impl FnOnce(&mut Business),
    ) -> Business {
        add_business(&self.store, number, change).await
    }

    /// Posts a signed webhook.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let key = SignatureKey::auth_token(SecretString::from(AUTH_TOKEN.to_owned()));
        let signature = sign(&key, &format!("{PUBLIC}{path}"), fields.iter().copied());
        self.post_as(path, fields, Some(&signature)).await
    }

    /// Posts a webhook with this signature, or none.
    pub(crate) async fn post_as(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        signature: Option<&str>,
    ) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.post_body(path, body, signature).await
    }

    pub(crate) async fn post_body(
        &self,
        path: &str,
        body: String,
        signature: Option<&str>,
    ) -> Answer {
        let mut request = self
            .http
            .post(format!("http://{}{path}", self.server.address()))
            .header(
                "content-type",
                "application/x-www-form-urlencoded; charset=UTF-8",
            )
            .body(body);
        if let Some(signature) = signature {
            request = request.header("x-twilio-signature", signature);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let response = self
            .http
            .get(format!("http://{}{path}", self.server.address()))
            .send()
            .await
            .unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.text().await.unwrap(),
        }
    }

    /// A call comes in.
    pub(crate) async fn ring(&self, call: &CallSid) -> Answer {
        self.post("/webhook/incoming_call", &incoming(call)).await
    }

    /// Opens a media socket with a signed upgrade, without sending anything.
    pub(crate) async fn socket(&self) -> Socket {
        self.socket_signed(true)
            .await
            .expect("a signed upgrade is accepted")
    }

    /// `Err` holds the HTTP status of a refused upgrade.
    pub(crate) async fn socket_signed(&self, signed: bool) -> Result<Socket, u16> {
        let key = SignatureKey::auth_token(SecretString::from(AUTH_TOKEN.to_owned()));
        let mut request = format!("ws://{}/media", self.server.address())
            .into_client_request()
            .unwrap();
        if signed {
            let signature = sign(&key, MEDIA, []);
            request
                .headers_mut()
                .insert("x-twilio-signature", signature.parse().unwrap());
        }
        let stream = TcpStream::connect(self.server.address()).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Socket(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    /// The fake carrier, on the line of [`NUMBER`].
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier::new(CarrierConfig {
            rest_api: self.rest.clone(),
            ..line_to(self.server.address())
        })
    }

    /// The business's calls, newest first.
    pub(crate) async fn calls(&self, business: &Business) -> Vec<StoredCall> {
        self.store
            .list_calls(&scope(business.id), Page::first(200))
            .await
            .unwrap()
    }

    /// The row of this call, whoever's it is.
    pub(crate) async fn stored(&self, call: &CallSid) -> CallRecord {
        let found = self.store.find_call(&OPERATOR, call).await;
        found.unwrap().unwrap().into_inner()
    }

    pub(crate) async fn only_call(&self, business: &Business) -> StoredCall {
        let mut calls = self.calls(business).await;
        assert_eq!(calls.len(), 1, "exactly one call: {calls:?}");
        calls.remove(0)
    }

    /// How many leads the business has.
    pub(crate) async fn leads(&self, business: &Business) -> usize {
        self.store
            .list_leads(&scope(business.id), Page::first(200))
            .await
            .unwrap()
            .len()
    }

    /// Waits until so many lines of the only call's transcript are stored.
    pub(crate) async fn said(&self, business: &Business, lines: usize) {
        let call = self.only_call(business).await.record.id;
        until("the transcript has its lines", async || {
            let stored = self
                .store
                .transcript(&scope(business.id), call)
                .await
                .unwrap();
            (stored.len() >= lines).then_some(())
        })
        .await;
    }

    /// Waits until the call's outcome is stored.
    pub(crate) async fn finished(&self, business: &Business) -> StoredCall {
        until("the call's outcome is stored", async || {
            let call = self.calls(business).await.into_iter().next()?;
            call.is_finished().then_some(call)
        })
        .await
    }
}

/// Adds an English business with one number and one person to transfer to.
pub(crate) async fn add_business(
    store: &CrmStore,
    number: &str,
    change: impl FnOnce(&mut Business),
) -> Business {
    let id = TenantId::mint(UnixMillis(1_700_000_000_000));
    let mut business = default_business(id, "Dana's Garage", Language::En);
    business.transfer = vec![TransferTarget {
        label: "sales".to_owned(),
        number: e164(HUMAN),
    }];
    change(&mut business);
    store
        .add_business(&OPERATOR, &business, &[e164(number)])
        .await
        .unwrap();
    business
}

/// Asks again and again until there is an answer, for at most ten seconds.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(5));
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(SOON, asking)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

pub(crate) fn e164(text: &str) -> E164 {
    E164::parse(text).unwrap()
}

pub(crate) fn sid(n: u32) -> CallSid {
    format!("CA{n:032x}").parse().unwrap()
}

/// The fields of `incoming_call`.
pub(crate) fn incoming(call: &CallSid) -> Vec<(&str, &str)> {
    vec![
        ("CallSid", call.as_str()),
        ("AccountSid", ACCOUNT),
        ("From", CALLER),
        ("To", NUMBER),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("ApiVersion", "2010-04-01"),
        ("CallerName", ""),
    ]
}

/// The fields of a callback with this status.
pub(crate) fn status<'a>(call: &'a CallSid, status: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("CallSid", call.as_str()),
        ("AccountSid", ACCOUNT),
        ("From", CALLER),
        ("To", NUMBER),
        ("CallStatus", status),
        ("Direction", "inbound"),
    ]
}

/// The one-time token in a TwiML answer.
pub(crate) fn token_in(twiml: &str) -> String {
    let after = twiml
        .split("name=\"token\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no token in {twiml}"));
    after.split('"').next().unwrap().to_owned()
}
