//! Twilio's REST API (2010-04-01), as far as a voice service needs it: calls, recordings, phone numbers,
//! messages.
//!
//! What may be repeated is repeated: a request that Twilio says it did not process (429), one that never
//! reached it, and harmless ones that failed there. Creating a call or a message is never repeated after
//! an answer of 5xx, because Twilio has no idempotency key for it: [`Error::Ambiguous`] says so.
//!
//! Credentials go to the configured host only: redirects are off, and every address is built from SIDs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{AccountSid, ExposeSecret, SecretString};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

mod call_list;
mod calls;
mod error;
mod messages;
mod numbers;
mod price;
mod recordings;
mod retry;
mod wire_time;

pub use call_list::ListedCall;
pub use calls::{Call, CreateCall, Document, MachineDetection, StatusEvent};
pub use error::Error;
pub use messages::{Address, Message, SendMessage, Sender};
pub use numbers::{NumberSetup, NumberSid, PhoneNumber};
pub use price::Price;
pub use retry::{Backoff, Sleeper, TokioSleeper};

use error::{Failure, Fate};

/// Where Twilio's API is, unless a region is chosen.
pub const DEFAULT_BASE: &str = "https://api.twilio.com";

/// Longest JSON answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// Longest time for one try of a request; recordings have longer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How to reach an account.
pub struct ClientConfig {
    /// The API's address, [`DEFAULT_BASE`] or a region's. Plain `http` is taken towards loopback only.
    pub base_url: String,
    /// The account or subaccount all requests are about.
    pub account: AccountSid,
    /// The SID of an API key (`SK...`), when `secret` is that key's.
    pub api_key: Option<String>,
    /// The account's auth token, or the API key's secret.
    pub secret: SecretString,
    /// How failed requests are repeated.
    pub backoff: Backoff,
    /// How the waiting between tries is done; [`TokioSleeper`] outside tests.
    pub sleeper: Arc<dyn Sleeper>,
}

impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("base_url", &self.base_url)
            .field("account", &self.account)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// A client of the REST API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    config: Arc<ClientConfig>,
    base: Url,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.config).finish()
    }
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It would act twice.
    Never,
    /// Twice is the same as once.
    Harmless,
    /// As `Harmless`, and what is not there yet may be there soon.
    UntilFound,
}

/// One request, kept so that it can be built again for every try.
struct Request {
    what: &'static str,
    method: Method,
    url: Url,
    form: Vec<(&'static str, String)>,
    repeat: Repeat,
    timeout: Duration,
}

impl Client {
    /// A client over this HTTP client's settings. Redirects are switched off here, so that credentials
    /// cannot be led to another host.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the base URL is no `https` URL (or `http` to loopback), or when the HTTP
    /// client cannot be built.
    pub fn new(config: ClientConfig, http: reqwest::ClientBuilder) -> Result<Self, Error> {
        let base = Url::parse(&config.base_url)
            .ok()
            .filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url)))
            .ok_or(Error::Invalid {
                field: "base_url",
                expected: "expected an https URL such as https://api.twilio.com (http towards loopback only)",
            })?;
        let http = http
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| Error::Invalid {
                field: "http",
                expected: "expected settings from which an HTTP client can be built",
            })?;
        Ok(Self {
            http,
            config: Arc::new(config),
            base,
        })
    }

    /// The account all requests are about.
    pub fn account(&self) -> &AccountSid {
        &self.config.account
    }

    /// An address under the account: `path` is made of literals and checked SIDs only.
    fn account_url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "/2010-04-01/Accounts/{}/{path}",
            self.config.account
        ));
        url
    }

    fn get(what: &'static str, url: Url) -> Request {
        Request {
            what,
            method: Method::GET,
            url,
            form: Vec::new(),
            repeat: Repeat::Harmless,
            timeout: TIMEOUT,
        }
    }

    fn post(
        &self,
        what: &'static str,
        path: &str,
        form: Vec<(&'static str, String)>,
        repeat: Repeat,
    ) -> Request {
        let url = self.account_url(path);
        Request {
            what,
            method: Method::POST,
            url,
            form,
            repeat,
            timeout: TIMEOUT,
        }
    }

    /// Sends a request until it succeeds, is refused, or the tries are used up.
    async fn send(&self, request: &Request) -> Result<reqwest::Response, Error> {
        let backoff = self.config.backoff;
        let mut tries = 1;
        loop {
            let failure = match self.try_once(request).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let again = match failure.fate {
                Fate::NotProcessed => true,
                Fate::Unclear => request.repeat != Repeat::Never,
                Fate::NotFound => request.repeat == Repeat::UntilFound,
                Fate::Refused => false,
            };
            if !again || tries >= backoff.tries {
                return Err(failure.into_error(request.what, request.repeat));
            }
            let wait = backoff.delay(tries, failure.retry_after, retry::jitter());
            tracing::debug!(
                what = request.what,
                tries,
                wait_ms = wait.as_millis() as u64,
                "trying again"
            );
            self.config.sleeper.sleep(wait).await;
            tries += 1;
        }
    }

    async fn try_once(&self, request: &Request) -> Result<reqwest::Response, Failure> {
        let user = self
            .config
            .api_key
            .as_deref()
            .unwrap_or(self.config.account.as_str());
        let mut builder = self
            .http
            .request(request.method.clone(), request.url.clone())
            .basic_auth(user, Some(self.config.secret.expose_secret()))
            .timeout(request.timeout);
        if request.method == Method::POST {
            builder = builder.form(&request.form);
        }
        let response = builder.send().await.map_err(Failure::from_transport)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Failure::from_answer(response).await)
    }

    /// Sends a request and reads the JSON of its answer.
    async fn send_json<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Error> {
        let response = self.send(request).await?;
        // Twilio did it; only its description of what it did is lost.
        let unreadable = |detail| match request.repeat {
            Repeat::Never => Error::Ambiguous {
                what: request.what,
                status: None,
            },
            Repeat::Harmless | Repeat::UntilFound => Error::UnexpectedAnswer {
                what: request.what,
                detail,
            },
        };
        let body = error::read_bounded(response, MAX_ANSWER_BYTES)
            .await
            .ok_or_else(|| unreadable("expected a JSON body of at most 1 MiB"))?;
        serde_json::from_slice(&body)
            .map_err(|_| unreadable("expected the JSON of the documented resource"))
    }

    /// The next page of a list, which Twilio names by a path. It must not lead to another host.
    fn page_url(&self, what: &'static str, next: &str) -> Result<Url, Error> {
        self.base
            .join(next)
            .ok()
            .filter(|url| url.origin() == self.base.origin())
            .ok_or(Error::UnexpectedAnswer {
                what,
                detail: "expected next_page_uri to be a path on the same host",
            })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An answer that says the thing is not there.
fn is_gone(status: StatusCode, code: Option<u32>) -> bool {
    status == StatusCode::NOT_FOUND || code == Some(20_404)
}
