//! A browser of somebody who works with the CRM.

use std::net::SocketAddr;
use std::time::Duration;

use prosaas_core::{Business, Language, SecretString};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::password::{NewPassword, Passwords};
use prosaas_crm::auth::{Role, SystemScope};
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::NewUser;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{Answer, PUBLIC, TestApp};

/// The password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How long a stream may be silent about what was asked of it.
const HEARD_WITHIN: Duration = Duration::from_secs(15);
const OPERATOR: SystemScope = SystemScope::from_operator();

/// An account with the password of the tests.
async fn account(store: &CrmStore, email: &str, system_admin: bool) -> UserId {
    let new = NewUser::new(email, "Somebody", Language::En).unwrap();
    let user = store.add_user(&OPERATOR, &new, system_admin).await;
    let user = user.unwrap().id;
    let password = NewPassword::parse(&SecretString::from(PASSWORD), email).unwrap();
    let hashed = Passwords::standard().unwrap().hash(password).await;
    store.set_password(user, &hashed.unwrap()).await.unwrap();
    user
}

/// An owner of a business, not signed in.
pub(crate) async fn add_owner(store: &CrmStore, business: &Business, email: &str) -> UserId {
    let user = account(store, email, false).await;
    let scope = OPERATOR.tenant(business.id).unwrap();
    store.add_member(&scope, user, Role::Owner).await.unwrap();
    user
}

impl TestApp {
    /// An owner of a business, not signed in.
    pub(crate) async fn owner(&self, business: &Business, email: &str) -> UserId {
        add_owner(&self.store, business, email).await
    }

    /// Somebody with this role in a business, not signed in.
    pub(crate) async fn member(&self, business: &Business, email: &str, role: Role) {
        let user = account(&self.store, email, false).await;
        let scope = OPERATOR.tenant(business.id).unwrap();
        self.store.add_member(&scope, user, role).await.unwrap();
    }

    /// An administrator of the installation, not signed in.
    pub(crate) async fn administrator(&self, email: &str) -> UserId {
        account(&self.store, email, true).await
    }

    /// Signs in over the API.
    pub(crate) async fn sign_in(&self, email: &str) -> Browser {
        Browser::sign_in(self.server.address(), email).await
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Signs in over the API of the server at this address.
    pub(crate) async fn sign_in(server: SocketAddr, email: &str) -> Self {
        let mut browser = Self {
            base: String::new(),
            cookies: Vec::new(),
            // No limit on the whole answer: a stream has no end.
            http: reqwest::Client::builder().build().unwrap(),
        };
        browser.go_to(server);
        let login = json!({ "email": email, "password": PASSWORD });
        let answer = browser.post("/api/auth/login", &login).await;
        assert_eq!(answer["signed_in"], true, "{answer}");
        browser
    }

    /// The same session at a server that listens elsewhere.
    pub(crate) fn go_to(&mut self, server: SocketAddr) {
        self.base = format!("http://{server}");
    }

    /// The values of its cookies.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = &str> {
        self.cookies.iter().map(|(_, value)| value.as_str())
    }

    /// Asks for anything; `None` when the connection broke before the whole answer was there.
    pub(crate) async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        Some(Answer {
            status: answer.status().as_u16(),
            body: answer.text().await.ok()?,
        })
    }

    /// What a request for leads says about when to come again.
    pub(crate) async fn retry_after(&self) -> Option<String> {
        let body = json!({ "name": "Dana" });
        let request = self.request(reqwest::Method::POST, "/api/crm/leads");
        let answer = request.json(&body).send().await.unwrap();
        let wait = answer.headers().get("retry-after")?;
        Some(wait.to_str().unwrap().to_owned())
    }

    /// Its cookies as it sends them.
    pub(crate) fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("origin", PUBLIC)
            .header("x-prosaas-request", "1")
            .header("cookie", self.cookie())
    }

    /// Posts JSON; the answer has to be a success.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Value {
        let request = self.request(reqwest::Method::POST, path).json(body);
        let answer = request.send().await.unwrap();
        let status = answer.status();
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "POST {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Gets JSON; the answer has to be a success.
    /// Hands a file in.
    pub(crate) async fn upload(&self, path: &str, bytes: &'static [u8]) -> Value {
        let request = self.request(reqwest::Method::POST, path).body(bytes);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    /// Asks for something that comes piece by piece.
    pub(crate) async fn stream(&self, path: &str) -> reqwest::Response {
        let answer = self.request(reqwest::Method::GET, path).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        answer
    }

    /// Asks for something.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(reqwest::Method::GET, path).send().await;
        let answer = answer.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "GET {path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Opens the stream of events, and waits until it is open.
    pub(crate) async fn listen(&self) -> Events {
        let stream = self.request(reqwest::Method::GET, "/api/events");
        let stream = stream.send().await.unwrap();
        assert_eq!(stream.status(), 200);
        let mut events = Events {
            stream,
            read: String::new(),
        };
        assert_eq!(events.frame().await, ": welcome");
        events
    }
}

/// An open stream of events.
pub(crate) struct Events {
    stream: reqwest::Response,
    read: String,
}

impl Events {
    /// The next event's data; comments are passed over.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if let Some(data) = frame.lines().find_map(|line| line.strip_prefix("data:")) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// One frame, without the empty line at its end.
    async fn frame(&mut self) -> String {
        let until = Instant::now() + HEARD_WITHIN;
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let rest = self.read.split_off(end + 2);
                let frame = std::mem::replace(&mut self.read, rest);
                return frame[..end].to_owned();
            }
            let left = until.saturating_duration_since(Instant::now());
            let chunk = timeout(left, self.stream.chunk()).await;
            let chunk = chunk.expect("the stream is silent").unwrap();
            let chunk = chunk.expect("the stream ended");
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
