//! An API to ask, and somebody who asks.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use prosaas_core::memory::MemoryWhatsApp;
use prosaas_core::time::ManualClock;
use prosaas_core::{CallId, Clock, Result, SecretString, TenantId};
use prosaas_crm::CrmStore;
use prosaas_crm::api::CallScripts;
use prosaas_crm::api::accounts::Accounts;
use prosaas_crm::api::kit::{
    ApiConfig, ApiParts, ApiState, Authenticator, Caller, Limits, Presented, Problem, Quota,
    Routes, StreamTiming,
};
use prosaas_crm::auth::{Permission, SystemScope, TenantScope};
use prosaas_crm::live::{LiveCall, LiveDesk, LiveSound, LiveWish};
use prosaas_crm::mail::MemoryMailer;
use prosaas_crm::model::id::{ApiKeyId, SessionId, UserId};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{NOW, Scratch};

pub(crate) const ORIGIN: &str = "https://crm.example";

/// Believes the words after `Bearer`: `admin`, `user`, or `member`, `colleague`, `key` and permissions.
#[derive(Debug)]
pub(crate) struct Credulous {
    tenant: TenantId,
    user: UserId,
}

impl Credulous {
    pub(crate) const fn of(tenant: TenantId, user: UserId) -> Self {
        Self { tenant, user }
    }
}

#[async_trait]
impl Authenticator for Credulous {
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>, Problem> {
        let Some(word) = presented
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        else {
            return Ok(None);
        };
        let (kind, rights) = word.split_once(' ').unwrap_or((word, ""));
        let rights = rights
            .split_whitespace()
            .map(|right| right.parse::<Permission>().unwrap())
            .collect();
        let scope = TenantScope::from_trusted_host(self.tenant, rights);
        let user = if kind == "colleague" {
            UserId::mint(NOW)
        } else {
            self.user
        };
        let signed_in = Caller::signed_in(SessionId::mint(NOW), user);
        Ok(Some(match kind {
            "member" | "colleague" => signed_in.in_business(scope),
            "key" => Caller::key(ApiKeyId::mint(NOW), scope),
            "admin" => signed_in.administering(SystemScope::from_operator()),
            _ => signed_in,
        }))
    }

    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        Ok(Some(*caller))
    }
}

/// An API over a database of its own, whose authenticator believes everything.
#[derive(Debug)]
pub(crate) struct TestApi {
    pub(crate) router: Router,
    _scratch: Option<Scratch>,
}

impl TestApi {
    pub(crate) async fn new<R: Into<Routes> + 'static>(limits: Limits, routes: fn() -> R) -> Self {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _)
            .await
            .unwrap();
        let authenticator = Arc::new(Credulous {
            tenant: TenantId::mint(NOW),
            user: UserId::mint(NOW),
        });
        let mut parts = generous_parts(Arc::new(store), clock, authenticator);
        parts.config.limits = limits;
        parts.config.data_dir = scratch.path("data");
        let state = ApiState::new(parts);
        Self {
            router: Routes::router(move || routes().into(), &state),
            _scratch: Some(scratch),
        }
    }

    /// An API whose database somebody else keeps.
    pub(crate) fn over(router: Router) -> Self {
        Self {
            router,
            _scratch: None,
        }
    }
}

/// Calls that take everything.
#[derive(Debug)]
struct Obedient;

impl LiveDesk for Obedient {
    fn calls(&self, _: TenantId) -> Vec<LiveCall> {
        Vec::new()
    }

    fn tell(&self, _: TenantId, _: CallId, _: LiveWish) -> bool {
        true
    }

    fn listen(&self, _: TenantId, _: CallId) -> Option<LiveSound> {
        Some(Box::pin(futures_util::stream::empty()))
    }
}

/// Journals of which every call has the same.
#[derive(Debug)]
struct SameScript;

#[async_trait]
impl CallScripts for SameScript {
    async fn script(&self, _: TenantId, _: CallId) -> Result<Option<String>> {
        Ok(Some("< 0 s\n".to_owned()))
    }
}

/// The parts of an API whose limits no test runs into.
pub(crate) fn generous_parts(
    store: Arc<CrmStore>,
    clock: Arc<dyn Clock>,
    authenticator: Arc<dyn Authenticator>,
) -> ApiParts {
    let plenty = Quota::per_minute(10_000_000);
    let whatsapp = MemoryWhatsApp::new(Arc::clone(&store) as _);
    ApiParts {
        config: ApiConfig {
            public_origin: ORIGIN.to_owned(),
            signing_key: SecretString::from("a key for tests"),
            limits: Limits {
                address: plenty,
                credential: plenty,
                tenant: plenty,
                exports: plenty,
            },
            streams: StreamTiming::default(),
            data_dir: PathBuf::from("nowhere"),
            webhook_targets: prosaas_crm::webhook::TargetPolicy::Public,
        },
        store,
        clock,
        authenticator,
        accounts: Accounts::standard(ORIGIN, Arc::new(MemoryMailer::default())).unwrap(),
        payments: Arc::new(prosaas_crm::payment::ExternalLinks),
        whatsapp: Some(Arc::new(whatsapp)),
        live: Some(Arc::new(Obedient)),
        // It answers with a websocket, which a router alone cannot open.
        talk: None,
        scripts: Some(Arc::new(SameScript)),
    }
}

/// An answer as a test looks at it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or("none").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A request under construction.
#[derive(Debug)]
pub(crate) struct Ask {
    method: Method,
    uri: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: Method, uri: impl Into<String>) -> Self {
        Self {
            method,
            uri: uri.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(uri: impl Into<String>) -> Self {
        Self::new(Method::GET, uri)
    }

    /// As somebody who is signed in by a cookie: with the header that our pages send.
    pub(crate) fn as_(self, word: &str) -> Self {
        self.with("authorization", format!("Bearer {word}"))
            .with("x-prosaas-request", "1")
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", body.to_string())
    }

    pub(crate) fn text(self, content_type: &str, body: impl Into<String>) -> Self {
        self.bytes(content_type, body.into().into_bytes())
    }

    pub(crate) fn bytes(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.body = body;
        self.with("content-type", content_type)
    }

    pub(crate) async fn of(self, api: &TestApi) -> Answer {
        let mut request = Request::builder().method(self.method).uri(self.uri);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(self.body)).unwrap();
        let response = api.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        // An event stream has no end to wait for.
        let is_endless = parts
            .headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let body = if is_endless { Body::empty() } else { body };
        let bytes = to_bytes(body, 4 * 1024 * 1024).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }
}
