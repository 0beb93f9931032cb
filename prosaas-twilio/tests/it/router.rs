//! The webhooks over HTTP, without a socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::FromRef;
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::post;
use prosaas_core::{Error, SignatureVerifier};
use prosaas_twilio::axum::{
    MAX_BODY_BYTES, MediaSocket, VerifiedForm, VoiceHandler, VoiceRouter, WebhookGuard, paths,
    router,
};
use prosaas_twilio::media::Start;
use prosaas_twilio::signature::{
    InsecureAcceptAll, KeyError, KeySource, SIGNATURE_HEADER, SignatureKey, StaticKeys,
    TwilioVerifier, sign,
};
use prosaas_twilio::twiml;
use prosaas_twilio::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};
use tower::ServiceExt as _;

use crate::signature::token;

const PUBLIC: &str = "https://voice.example.com";
const FORM: &str = "application/x-www-form-urlencoded";

const CALL: &str = "CallSid=CA00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000001&From=%2B972501234567&To=%2B97231234567&CallStatus=ringing&Direction=inbound";

/// Remembers which webhooks reached it.
#[derive(Default)]
struct Recorder(Mutex<Vec<&'static str>>);

impl Recorder {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn reached(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl VoiceHandler for Recorder {
    async fn incoming_call(&self, call: IncomingCall) -> twiml::Response {
        assert!(
            call.from.number().is_some(),
            "a caller without a number makes this handler panic"
        );
        self.note("incoming_call");
        twiml::Response::new().say(twiml::Say::new("<hello>"))
    }

    async fn call_status(&self, callback: CallStatusCallback) -> Result<(), Error> {
        self.note("call_status");
        match callback.sequence {
            None => Ok(()),
            Some(0) => Err(Error::NotFound { what: "call" }),
            Some(_) => Err(Error::unavailable("database", "locked")),
        }
    }

    async fn recording(&self, _: RecordingCallback) -> Result<(), Error> {
        self.note("recording");
        Ok(())
    }

    async fn stream_ended(&self, _: StreamEnded) -> twiml::Response {
        self.note("stream_ended");
        twiml::Response::new().hangup()
    }

    async fn authorize_stream(&self, _: &Start) -> bool {
        false
    }

    async fn stream(&self, _: MediaSocket, _: Start) {}
}

fn app_with(verifier: Arc<dyn SignatureVerifier>) -> (Router, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let handler = Arc::clone(&recorder) as Arc<dyn VoiceHandler>;
    let media = "wss://voice.example.com/media".parse().unwrap();
    let config = VoiceRouter::new(PUBLIC.parse().unwrap(), media, verifier, handler);
    (router(config), recorder)
}

fn verifier() -> Arc<dyn SignatureVerifier> {
    Arc::new(TwilioVerifier::new(StaticKeys::new([token()])))
}

fn app() -> (Router, Arc<Recorder>) {
    app_with(verifier())
}

/// The body signed with `key` for `target` at the public URL.
fn signed(key: &SignatureKey, target: &str, body: &str) -> Request<Body> {
    let form = prosaas_twilio::webhook::Form::parse(body.as_bytes()).unwrap();
    let signature = sign(key, &format!("{PUBLIC}{target}"), form.pairs());
    Request::post(target)
        .header(header::CONTENT_TYPE, FORM)
        .header(SIGNATURE_HEADER, signature)
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn answer(app: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, text(response).await)
}

async fn text(response: Response<Body>) -> String {
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn every_route_answers_twiml_to_a_signed_webhook() {
    let (app, recorder) = app();
    let recording = format!("{CALL}&RecordingSid=RE00000000000000000000000000000001");
    for (path, body, expected) in [
        (paths::INCOMING_CALL, CALL, "<Say>&lt;hello&gt;</Say>"),
        (paths::STREAM_ENDED, CALL, "<Hangup/>"),
        (paths::CALL_STATUS, CALL, "<Response"),
        (paths::HANDLE_RECORDING, &recording, "<Response"),
    ] {
        let response = app
            .clone()
            .oneshot(signed(&token(), path, body))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let content_type = response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            content_type.starts_with("text/xml"),
            "{path}: {content_type}"
        );
        let body = text(response).await;
        assert!(
            body.starts_with("<?xml") && body.contains(expected),
            "{path}: {body}"
        );
    }
    assert_eq!(
        recorder.reached(),
        ["incoming_call", "stream_ended", "call_status", "recording"]
    );
}

#[tokio::test]
async fn forged_webhooks_reach_nothing_and_learn_nothing() {
    let (app, recorder) = app();
    let stranger = SignatureKey::auth_token("stranger".into());
    let unsigned = Request::post(paths::INCOMING_CALL).header(header::CONTENT_TYPE, FORM);
    let tampered = {
        let mut request = signed(&token(), paths::INCOMING_CALL, CALL);
        *request.body_mut() = Body::from(CALL.replace("972501234567", "972501234568"));
        request
    };
    let elsewhere = {
        let mut request = signed(&token(), paths::STREAM_ENDED, CALL);
        *request.uri_mut() = paths::INCOMING_CALL.parse().unwrap();
        request
    };
    let plain = {
        let mut request = signed(&token(), paths::INCOMING_CALL, CALL);
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        request
    };
    for request in [
        unsigned.body(Body::from(CALL)).unwrap(),
        signed(&stranger, paths::INCOMING_CALL, CALL),
        tampered,
        elsewhere,
        plain,
    ] {
        assert_eq!(
            answer(&app, request).await,
            (StatusCode::FORBIDDEN, String::new())
        );
    }
    assert!(recorder.reached().is_empty());
}

#[tokio::test]
async fn the_query_and_escapes_of_the_target_are_part_of_what_is_signed() {
    let (app, _) = app();
    let target = format!("{}?x=%2B&name=Jane%20Doe&y=a+b", paths::INCOMING_CALL);
    let request = signed(&token(), &target, CALL);
    assert_eq!(answer(&app, request).await.0, StatusCode::OK);
    let mut rewritten = signed(&token(), &target, CALL);
    *rewritten.uri_mut() = target.replace("%20", "+").parse().unwrap();
    assert_eq!(answer(&app, rewritten).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_nested_router_is_verified_under_its_whole_path() {
    let (app, _) = app();
    let outer = Router::new().nest("/telephony", app);
    let target = format!("/telephony{}", paths::INCOMING_CALL);
    assert_eq!(
        answer(&outer, signed(&token(), &target, CALL)).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn only_post_is_served() {
    let (app, _) = app();
    for path in [
        paths::INCOMING_CALL,
        paths::CALL_STATUS,
        paths::HANDLE_RECORDING,
        paths::STREAM_ENDED,
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            assert_eq!(
                answer(&app, request).await.0,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn oversized_bodies_are_refused_before_anything_else() {
    let (app, recorder) = app();
    let most = "x".repeat(MAX_BODY_BYTES - CALL.len() - 3);
    let fits = signed(&token(), paths::INCOMING_CALL, &format!("{CALL}&p={most}"));
    assert_eq!(answer(&app, fits).await.0, StatusCode::OK);
    let too_large = signed(&token(), paths::INCOMING_CALL, &format!("{CALL}&pp={most}"));
    assert_eq!(
        answer(&app, too_large).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(recorder.reached(), ["incoming_call"]);
}

#[tokio::test]
async fn verified_but_misshapen_webhooks_are_400() {
    let (app, recorder) = app();
    for body in [
        "",
        "CallSid=CA1&AccountSid=AC1",
        "CallSid=CA00000000000000000000000000000001",
    ] {
        // The verifier refuses an AccountSid that is none; the others reach the reading.
        let expected = if body.contains("AC1") {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::BAD_REQUEST
        };
        let request = signed(&token(), paths::INCOMING_CALL, body);
        assert_eq!(
            answer(&app, request).await,
            (expected, String::new()),
            "{body}"
        );
    }
    assert!(recorder.reached().is_empty());
}

struct NoDatabase;

#[async_trait]
impl KeySource for NoDatabase {
    async fn keys(
        &self,
        _: Option<&prosaas_core::AccountSid>,
        _: &str,
    ) -> Result<Arc<[SignatureKey]>, KeyError> {
        Err(KeyError::Unavailable)
    }
}

#[tokio::test]
async fn without_a_key_every_webhook_is_a_500_and_nothing_is_reached() {
    let no_key = app_with(Arc::new(TwilioVerifier::new(StaticKeys::new([]))));
    let no_database = app_with(Arc::new(TwilioVerifier::new(NoDatabase)));
    for (app, recorder) in [no_key, no_database] {
        let unsigned = Request::post(paths::INCOMING_CALL)
            .body(Body::empty())
            .unwrap();
        for request in [signed(&token(), paths::INCOMING_CALL, CALL), unsigned] {
            let expected = (StatusCode::INTERNAL_SERVER_ERROR, String::new());
            assert_eq!(answer(&app, request).await, expected);
        }
        assert!(recorder.reached().is_empty());
    }
}

#[tokio::test]
async fn development_may_believe_everyone_but_still_needs_a_form() {
    let (app, _) = app_with(Arc::new(InsecureAcceptAll));
    let unsigned = |content_type: &str, body: &'static str| {
        let request =
            Request::post(paths::INCOMING_CALL).header(header::CONTENT_TYPE, content_type);
        request.body(Body::from(body)).unwrap()
    };
    assert_eq!(answer(&app, unsigned(FORM, CALL)).await.0, StatusCode::OK);
    assert_eq!(
        answer(&app, unsigned("application/json", "{}")).await.0,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        answer(&app, unsigned(FORM, "a=%ff")).await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_panic_is_an_apology_to_the_caller_and_ends_nothing_else() {
    let (app, recorder) = app();
    let anonymous = CALL.replace("%2B972501234567", "anonymous");
    let (status, body) = answer(&app, signed(&token(), paths::INCOMING_CALL, &anonymous)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.contains("sorry") && body.contains("<Hangup/>"),
        "{body}"
    );
    assert_eq!(
        answer(&app, signed(&token(), paths::INCOMING_CALL, CALL))
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(recorder.reached(), ["incoming_call"]);
}

#[tokio::test]
async fn a_callback_error_becomes_the_status_of_its_class() {
    let (app, _) = app();
    for (sequence, expected) in [
        ("0", StatusCode::NOT_FOUND),
        ("1", StatusCode::SERVICE_UNAVAILABLE),
        ("x", StatusCode::OK),
    ] {
        let body = format!("{CALL}&SequenceNumber={sequence}");
        let request = signed(&token(), paths::CALL_STATUS, &body);
        assert_eq!(answer(&app, request).await.0, expected, "{sequence}");
    }
}

/// A host's own application state.
#[derive(Clone)]
struct HostState {
    guard: WebhookGuard,
}

impl FromRef<HostState> for WebhookGuard {
    fn from_ref(state: &HostState) -> Self {
        state.guard.clone()
    }
}

#[tokio::test]
async fn the_extractor_works_in_a_hosts_own_router() {
    async fn handler(call: VerifiedForm<IncomingCall>) -> String {
        call.call_sid.to_string()
    }
    let guard = WebhookGuard::new(verifier(), PUBLIC.parse().unwrap());
    let app = Router::new()
        .route("/mine", post(handler).get(handler))
        .with_state(HostState { guard });
    let request = signed(&token(), "/mine", CALL);
    assert_eq!(
        answer(&app, request).await.1,
        "CA00000000000000000000000000000001"
    );

    let target = format!("/mine?{CALL}");
    let get = Request::get(&target)
        .header(
            SIGNATURE_HEADER,
            sign(&token(), &format!("{PUBLIC}{target}"), []),
        )
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        answer(&app, get).await.0,
        StatusCode::OK,
        "a GET's form is its query"
    );
}
