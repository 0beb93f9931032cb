//! Planted secrets, numbers and words: a real server process at the most talkative settings runs a call,
//! requests good and bad, jobs and failures, and none of what was planted is in its log, in the body of an
//! error, or in its metrics, in any form in which it could be read.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use prosaas_core::time::SystemClock;
use prosaas_core::{CallSid, ExposeSecret as _, leg::FRAME_BYTES};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::seal::MasterKeys;
use prosaas_crm::testkit::smtp::{FakeSmtp, Mood};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode};
use prosaas_twilio::testkit::carrier::{CallScript, Carrier, CarrierConfig};
use prosaas_twilio::testkit::rest_api::FakeRestApi;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::browser::{Browser, PASSWORD, add_owner};
use crate::support::locked::Locked;
use crate::support::serving::Serving;
use crate::support::webhooks::Webhooks;
use crate::support::{
    ACCOUNT, AUTH_TOKEN, Answer, CALLER, HUMAN, NUMBER, PUBLIC, add_business, incoming, line_to,
    sid, status, token_in, until,
};

const OPENAI_KEY: &str = "sk-canary-Openai-8d1f0b7c55";
const INTERNAL_SECRET: &str = "canary-Internal-4e0a9c77b1";
const SMTP_PASSWORD: &str = "canary-Smtp-61c2f8d4";
const OWN_TWILIO: &str = "canaryOwnTwilio0f9e8d7c6b5a4938";
const OWN_OPENAI: &str = "sk-canary-OwnOpenai-2b7d9e";
const WRONG_PASSWORD: &str = "canary-Wrong-passphrase-93";
const FORGED: &str = "canaryForgedToken7c1d5e9a3b";
const OWNER: &str = "canary.owner@example.com";
const LEAD_NAME: &str = "Canaryna Leadson";
const LEAD_EMAIL: &str = "canaryna@example.com";
const LEAD_PHONE: &str = "+972585551742";
const NOTE: &str = "canary note about a divorce";
const SPOKEN: &str = "my canary brakes squeak terribly";

/// What is looked for, and what it is.
struct Planted(Vec<(&'static str, String)>);

impl Planted {
    fn secret(&mut self, what: &'static str, value: &str) {
        assert!(value.len() >= 8, "{what} is too short to be looked for");
        self.0.push((what, value.to_owned()));
    }

    /// The first thing that is in `text`, in whatever form.
    fn found_in(&self, text: &str) -> Option<(&'static str, String)> {
        let lower = text.to_lowercase();
        self.0.iter().find_map(|(what, value)| {
            let form = forms(value)
                .into_iter()
                .find(|form| text.contains(form) || lower.contains(&form.to_lowercase()))?;
            Some((*what, form))
        })
    }
}

/// A value as it is, encoded, and, for a number, without what is written around its digits.
fn forms(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}")).unwrap();
        hex
    });
    let encoded = url::form_urlencoded::byte_serialize(bytes).collect::<String>();
    let mut forms = vec![value.to_owned(), hex, encoded.replace('+', "%20"), encoded];
    // Wherever it begins within a longer text, some part of its base64 is the same.
    for skipped in 0..3_usize {
        let padded = [&b"xx"[..skipped], bytes].concat();
        for text in [
            STANDARD_NO_PAD.encode(&padded),
            URL_SAFE_NO_PAD.encode(&padded),
        ] {
            let inside = &text[(skipped * 8).div_ceil(6)..text.len() - 2];
            forms.push(inside.to_owned());
        }
    }
    if let Some(digits) = value.strip_prefix('+') {
        // The last four are shown on purpose; seven tell who it is.
        forms.push(digits[digits.len() - 7..].to_owned());
    }
    forms
}

/// Everything outside of the server under test.
struct World {
    directory: TempDir,
    smtp: FakeSmtp,
    model: FakeModel,
    rest: FakeRestApi,
    master_key: String,
    planted: Planted,
    /// The bodies of every answer that was an error.
    errors: Vec<Answer>,
}

impl World {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        seed(directory.path()).await;
        let config = FakeModelConfig {
            mode: Mode::Noisy,
            caller_texts: vec![SPOKEN.to_owned()],
            ..FakeModelConfig::default()
        };
        let account = ACCOUNT.parse().unwrap();
        let master_key = MasterKeys::generate(1).unwrap().expose_secret().to_owned();
        let mut planted = Planted(Vec::new());
        for (what, value) in [
            ("the Twilio token", AUTH_TOKEN),
            ("the OpenAI key", OPENAI_KEY),
            ("the internal secret", INTERNAL_SECRET),
            ("the SMTP password", SMTP_PASSWORD),
            ("a business's Twilio token", OWN_TWILIO),
            ("a business's OpenAI key", OWN_OPENAI),
            ("the password", PASSWORD),
            ("a wrong password", WRONG_PASSWORD),
            ("a forged token", FORGED),
            ("an owner's address", OWNER),
            ("a lead's name", LEAD_NAME),
            ("a lead's address", LEAD_EMAIL),
            ("a lead's number", LEAD_PHONE),
            ("a caller's number", CALLER),
            ("the business's number", NUMBER),
            ("a colleague's number", HUMAN),
            ("a note", NOTE),
            ("a caller's words", SPOKEN),
            ("any canary", "-canary-"),
        ] {
            planted.secret(what, value);
        }
        planted.secret("the master key", master_key.split_once(':').unwrap().1);
        Self {
            smtp: FakeSmtp::start(Mood::Takes).await.unwrap(),
            model: FakeModel::start(config).await.unwrap(),
            rest: FakeRestApi::start(account, AUTH_TOKEN.to_owned().into())
                .await
                .unwrap(),
            directory,
            master_key,
            planted,
            errors: Vec::new(),
        }
    }

    async fn serve(&self, environment: &str, format: &str) -> Serving {
        let smtp = self
            .smtp
            .url()
            .replace("smtp://", &format!("smtp://crm:{SMTP_PASSWORD}@"));
        let model = (self.model.url().to_string(), self.model.rest_base());
        let everything = "trace,hyper=trace,hyper_util=trace,sqlx=trace,rustls=trace,tungstenite=trace,\
                          tokio_tungstenite=trace,reqwest=trace,axum=trace,tower_http=trace,lettre=trace,h2=trace";
        let vars = [
            ("PROSAAS_ENV", environment),
            ("PROSAAS_LOG_FORMAT", format),
            ("PROSAAS_LOG", everything),
            ("RUST_LOG", "trace"),
            ("RUST_BACKTRACE", "full"),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_API_BASE", self.rest.base_url()),
            ("OPENAI_API_KEY", OPENAI_KEY),
            ("OPENAI_REALTIME_URL", &model.0),
            ("OPENAI_BASE_URL", &model.1),
            ("INTERNAL_SECRET", INTERNAL_SECRET),
            ("PROSAAS_MASTER_KEY", &self.master_key),
            ("PROSAAS_SMTP_URL", &smtp),
            ("PROSAAS_MAIL_FROM", "crm@example.com"),
            ("PROSAAS_WEBHOOKS_TO_ANYWHERE", "true"),
        ];
        Serving::start(self.directory.path(), &vars).await
    }

    /// Keeps an answer if it is an error.
    fn note(&mut self, answer: Option<Answer>) -> u16 {
        let answer = answer.expect("an answer");
        let status = answer.status;
        if status >= 400 {
            self.errors.push(answer);
        }
        status
    }

    async fn ask(
        &mut self,
        browser: &Browser,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let answer = browser.ask(method, path, &[], body).await;
        self.note(answer.clone());
        answer.unwrap()
    }
}

async fn seed(data: &Path) {
    let url = format!("sqlite:{}", data.join("prosaas.db").display());
    let store = CrmStore::open(&url, Arc::new(SystemClock)).await.unwrap();
    let business = add_business(&store, NUMBER, |business| business.record_calls = true).await;
    add_owner(&store, &business, OWNER).await;
    store.close().await;
}

/// A whole call that is recorded, and its jobs.
async fn call(world: &World, serving: &Serving) {
    let speech: Vec<u8> = (0..75 * FRAME_BYTES)
        .map(|at| if (at / 20) % 2 == 0 { 0x10 } else { 0x90 })
        .collect();
    let config = CarrierConfig {
        rest_api: Some(world.rest.clone()),
        ..line_to(serving.address())
    };
    let script = CallScript {
        at_most_ms: 20_000,
        ..CallScript::saying(speech)
    };
    let seen = Carrier::new(config).place_call(script).await;
    assert!(seen.first_audio_ms().is_some(), "{:?}", seen.timeline);
    until("the call was summarised", async || {
        let url = format!("http://{}/metrics", serving.address());
        let metrics = reqwest::get(url).await.ok()?.text().await.ok()?;
        metrics
            .contains("kind=\"summarize_call\",result=\"done\"")
            .then_some(())
    })
    .await;
}

/// Secrets that the API itself gives out, and a lead with everything.
async fn good_requests(world: &mut World, browser: &Browser) {
    for cookie in browser.cookies() {
        world.planted.secret("the session's token", cookie);
    }
    let scopes = json!({ "name": "n8n", "scopes": ["leads:read"] });
    let webhook = json!({ "url": "http://127.0.0.1:9/hook" });
    let password = json!({ "password": PASSWORD });
    for (what, path, body) in [
        ("an API key", "/api/api-keys", &scopes),
        ("a webhook's secret", "/api/webhooks", &webhook),
        (
            "the secret of an authenticator app",
            "/api/auth/totp",
            &password,
        ),
    ] {
        let answer = world.ask(browser, Method::POST, path, Some(body)).await;
        assert!(
            answer.status < 300,
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        let secret = answer["secret"].as_str().unwrap();
        world.planted.secret(what, secret);
    }
    for (name, value) in [
        ("twilio_auth_token", OWN_TWILIO),
        ("openai_api_key", OWN_OPENAI),
    ] {
        let path = format!("/api/business/secrets/{name}");
        let body = json!({ "value": value });
        world.ask(browser, Method::PUT, &path, Some(&body)).await;
    }
    let lead = json!({
        "name": LEAD_NAME, "email": LEAD_EMAIL, "phone": LEAD_PHONE, "notes": NOTE,
    });
    let made = world
        .ask(browser, Method::POST, "/api/crm/leads", Some(&lead))
        .await;
    assert_eq!(made.status, 201, "{}", made.body);
    let twice = world
        .ask(browser, Method::POST, "/api/crm/leads", Some(&lead))
        .await;
    assert!((400..500).contains(&twice.status), "the number is taken");
}

/// Requests that are wrong in every way we know, each with something planted in it.
async fn bad_requests(world: &mut World, browser: &Browser) {
    let get = [
        format!("/api/crm/leads/{FORGED}"),
        format!("/api/crm/leads?cursor={FORGED}"),
        format!("/api/crm/leads?unknown={FORGED}"),
        format!("/api/crm/leads?limit={FORGED}"),
        format!("/api/crm/leads?stage_id={FORGED}"),
        format!("/api/nothing/{FORGED}"),
        format!("/api/businesses/{FORGED}/numbers/%2B972585551742"),
        format!("/api/calendar/{FORGED}.ics"),
        format!("/{FORGED}"),
    ];
    for path in &get {
        world.ask(browser, Method::GET, path, None).await;
    }
    let posts = [
        (
            "/api/crm/leads",
            json!({ "unknown": LEAD_PHONE, "other": FORGED }),
        ),
        (
            "/api/crm/leads",
            json!({ "phone": format!("{LEAD_PHONE}{FORGED}") }),
        ),
        ("/api/crm/leads", json!({ "name": { "a": NOTE } })),
        (
            "/api/crm/leads",
            json!({ "email": NOTE, "stage_id": FORGED }),
        ),
        ("/api/crm/leads", json!(NOTE)),
        ("/api/crm/notes", json!({ "lead_id": FORGED, "body": NOTE })),
        ("/api/crm/tasks", json!({ "title": NOTE, "due_at": NOTE })),
        (
            "/api/auth/login",
            json!({ "email": OWNER, "password": WRONG_PASSWORD }),
        ),
        (
            "/api/auth/login",
            json!({ "email": OWNER, "password": [WRONG_PASSWORD] }),
        ),
        (
            "/api/auth/password-reset/confirm",
            json!({ "token": FORGED, "password": WRONG_PASSWORD }),
        ),
        ("/api/auth/totp/confirm", json!({ "code": FORGED })),
        (
            "/api/auth/password",
            json!({ "current": WRONG_PASSWORD, "new": WRONG_PASSWORD }),
        ),
        ("/api/api-keys", json!({ "name": NOTE, "scopes": [FORGED] })),
        (
            "/api/webhooks",
            json!({ "url": format!("http://user:{FORGED}@127.0.0.1/{FORGED}") }),
        ),
    ];
    for (path, body) in &posts {
        let answer = world.ask(browser, Method::POST, path, Some(body)).await;
        assert!(answer.status >= 400, "{path}: {}", answer.body);
    }
    let forged = format!("Bearer {FORGED}");
    let cookie = format!("__Host-prosaas_session={FORGED}");
    let huge = json!({ "name": FORGED.repeat(60_000) });
    for (headers, body) in [
        ([("authorization", forged.as_str())], None),
        ([("cookie", cookie.as_str())], None),
        ([("idempotency-key", FORGED)], Some(&huge)),
        ([("if-match", FORGED)], Some(&posts[0].1)),
        ([("origin", FORGED)], Some(&posts[0].1)),
    ] {
        let answer = browser.ask(Method::POST, "/api/crm/leads", &headers, body);
        let answer = answer.await;
        world.note(answer);
    }
    let reset = json!({ "email": OWNER });
    world
        .ask(
            browser,
            Method::POST,
            "/api/auth/password-reset",
            Some(&reset),
        )
        .await;
    let mail = until("the mail with the link", async || {
        world
            .smtp
            .take()
            .into_iter()
            .find(|mail| mail.data.contains("reset"))
    })
    .await;
    let text = mail.data.replace("=\r\n", "").replace("=3D", "=");
    let link = text.split(PUBLIC).nth(1).expect("a link");
    let link = link.split(|c: char| c.is_whitespace() || matches!(c, '"' | '<'));
    let link = link.into_iter().next().unwrap();
    let token = link.rsplit(['/', '=', '#', '?']).next().unwrap();
    world.planted.secret("a one-time link", token);
}

/// Webhooks of calls whose ids begin at `first`: a call that is over is not answered again.
async fn webhooks(world: &mut World, serving: &Serving, first: u32) {
    let webhooks = Webhooks::to(serving.address());
    let call = sid(first);
    let answer = webhooks
        .post("/webhook/incoming_call", &incoming(&call))
        .await;
    let token = token_in(&answer.as_ref().unwrap().body);
    world.planted.secret("a stream token", &token);
    world.note(answer);
    let unknown = sid(first + 1);
    let mut stranger = incoming(&unknown);
    stranger[3].1 = LEAD_PHONE;
    let garbled = [("CallSid", FORGED), ("From", CALLER), ("To", NUMBER)];
    let short = [("From", CALLER), ("SpeechResult", SPOKEN)];
    for (fields, signed) in [
        (&stranger[..], true),
        (&garbled[..], true),
        (&short[..], true),
        (&stranger[..], false),
        (&garbled[..], false),
    ] {
        for path in [
            "/webhook/incoming_call",
            "/webhook/call_status",
            "/webhook/handle_recording",
            "/webhook/stream_ended/1",
        ] {
            let answer = if signed {
                webhooks.post(path, fields).await
            } else {
                webhooks.post_as(path, fields, Some(FORGED)).await
            };
            world.note(answer);
        }
    }
    let done = status(&call, "completed");
    let answer = webhooks.post("/webhook/call_status", &done).await;
    world.note(answer);
}

/// The database does not take writes: what it says of the statement is in nobody's answer.
async fn without_database(world: &mut World, serving: &Serving, browser: &Browser, call: &CallSid) {
    let locked = Locked::new(world.directory.path()).await;
    let lead = json!({ "name": LEAD_NAME, "notes": NOTE });
    let answer = world
        .ask(browser, Method::POST, "/api/crm/leads", Some(&lead))
        .await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    let webhooks = Webhooks::to(serving.address());
    let answer = webhooks
        .post("/webhook/incoming_call", &incoming(call))
        .await;
    world.note(answer);
    locked.release().await;
}

async fn search(world: &World, serving: &Serving) {
    let url = format!("http://{}/metrics", serving.address());
    let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("prosaas_calls_total"), "{metrics}");
    assert_eq!(world.planted.found_in(&metrics), None, "in the metrics");
    for error in &world.errors {
        // The number that this message gives as an example ends as the tests' caller does.
        let body = error.body.replace("such as 050-1234567", "");
        let found = world.planted.found_in(&body);
        assert_eq!(found, None, "in an error: {error:?}");
    }
    let log = serving.log();
    assert!(
        log.contains("the call is finished")
            && log.contains("the signature does not match")
            && log.contains("belongs to no business"),
        "the log is there: {log}"
    );
    for line in log.lines() {
        // The one secret that is meant to be read there, and it is nobody's here.
        if line.contains("nobody administers this installation") {
            continue;
        }
        let found = world.planted.found_in(line);
        assert_eq!(found, None, "in the log: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_is_in_logs_errors_or_metrics_of_a_whole_server_at_trace() {
    let mut world = World::new().await;
    for (environment, format, first) in [("development", "text", 41), ("production", "json", 51)] {
        let serving = world.serve(environment, format).await;
        let browser = Browser::sign_in(serving.address(), OWNER).await;
        call(&world, &serving).await;
        if environment == "development" {
            good_requests(&mut world, &browser).await;
        }
        bad_requests(&mut world, &browser).await;
        webhooks(&mut world, &serving, first).await;
        without_database(&mut world, &serving, &browser, &sid(first + 2)).await;
        let by_status = |status| world.errors.iter().filter(|e| e.status == status).count();
        for status in [400, 401, 403, 404, 503] {
            assert!(by_status(status) > 0, "no {status} was looked at");
        }
        search(&world, &serving).await;
    }
}

#[test]
fn a_planted_value_is_found_in_every_form() {
    let planted = Planted(vec![
        ("a key", AUTH_TOKEN.to_owned()),
        ("a number", CALLER.to_owned()),
    ]);
    for text in [
        format!("token={AUTH_TOKEN};"),
        format!(
            "basic {}",
            STANDARD_NO_PAD.encode(format!("AC1:{AUTH_TOKEN}"))
        ),
        format!(
            "basic {}",
            STANDARD_NO_PAD.encode(format!("AC:{AUTH_TOKEN}"))
        ),
        format!(
            "basic {}",
            URL_SAFE_NO_PAD.encode(format!("A:{AUTH_TOKEN}\u{3fff}"))
        ),
        AUTH_TOKEN.to_uppercase(),
        "From=%2B972501234567".to_owned(),
        "050-1234567".to_owned(),
        "2b393732353031323334353637".to_owned(),
    ] {
        assert!(planted.found_in(&text).is_some(), "{text}");
    }
    assert_eq!(planted.found_in("+972*****4567"), None);
}
