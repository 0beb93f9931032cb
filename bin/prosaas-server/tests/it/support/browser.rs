//! A browser of somebody who works with the CRM.

use std::time::Duration;

use prosaas_core::{Business, Language, SecretString};
use prosaas_crm::auth::password::{NewPassword, Passwords};
use prosaas_crm::auth::{Role, SystemScope};
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::user::NewUser;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{PUBLIC, TestApp};

const PASSWORD: &str = "correct horse battery staple";
/// How long a stream may be silent about what was asked of it.
const HEARD_WITHIN: Duration = Duration::from_secs(15);
const OPERATOR: SystemScope = SystemScope::from_operator();

impl TestApp {
    /// An account with the password of the tests.
    async fn account(&self, email: &str, system_admin: bool) -> UserId {
        let new = NewUser::new(email, "Somebody", Language::En).unwrap();
        let user = self.store.add_user(&OPERATOR, &new, system_admin).await;
        let user = user.unwrap().id;
        let password = NewPassword::parse(&SecretString::from(PASSWORD), email).unwrap();
        let hashed = Passwords::standard().unwrap().hash(password).await;
        let stored = self.store.set_password(user, &hashed.unwrap()).await;
        stored.unwrap();
        user
    }

    /// An owner of a business, not signed in.
    pub(crate) async fn owner(&self, business: &Business, email: &str) -> UserId {
        let user = self.account(email, false).await;
        let scope = OPERATOR.tenant(business.id).unwrap();
        let joined = self.store.add_member(&scope, user, Role::Owner).await;
        joined.unwrap();
        user
    }

    /// An administrator of the installation, not signed in.
    pub(crate) async fn administrator(&self, email: &str) -> UserId {
        self.account(email, true).await
    }

    /// Signs in over the API.
    pub(crate) async fn sign_in(&self, email: &str) -> Browser {
        let mut browser = Browser {
            base: format!("http://{}", self.server.address()),
            cookies: Vec::new(),
            // No limit on the whole answer: a stream has no end.
            http: reqwest::Client::builder().build().unwrap(),
        };
        let login = json!({ "email": email, "password": PASSWORD });
        let answer = browser.post("/api/auth/login", &login).await;
        assert_eq!(answer["signed_in"], true, "{answer}");
        browser
    }
}

/// A browser with its cookies.
pub(crate) struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.http
            .request(method, format!("{}{path}", self.base))
            .header("origin", PUBLIC)
            .header("x-prosaas-request", "1")
            .header("cookie", cookies.join("; "))
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
