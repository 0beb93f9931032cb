//! What a hostile or mistaken client sends, over HTTP: refused by code, and never with a 500.

use std::sync::Arc;

use axum::http::Method;
use prosaas_core::TenantId;
use prosaas_core::time::ManualClock;
use prosaas_crm::CrmStore;
use prosaas_crm::api::kit::{ApiState, Limits, Routes};
use prosaas_crm::model::id::UserId;
use serde_json::json;

use super::support::{Answer, Ask, Credulous, TestApi, generous_parts};
use super::things;
use crate::support::{NOW, Scratch};

const WRITER: &str = "member leads:read leads:write leads:purge";

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

fn thing() -> String {
    format!("/api/things/lead_{}", "0".repeat(32))
}

fn create(text: &str) -> Ask {
    Ask::new(Method::POST, "/api/things")
        .as_(WRITER)
        .text("application/json", text)
}

async fn api() -> TestApi {
    TestApi::new(Limits::default(), things::routes).await
}

#[tokio::test]
async fn bodies_are_bounded_and_of_their_type() {
    let api = api().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let deepest = "[".repeat(900_000);
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (text, status, code) in [
        (deep.as_str(), 400, "body-too-deep"),
        (deepest.as_str(), 400, "body-too-deep"),
        (long.as_str(), 413, "body-too-large"),
        ("", 400, "body-malformed"),
        ("{\"name\":", 400, "body-malformed"),
        ("{\"name\":\"a\"} {}", 400, "body-malformed"),
        ("null", 400, "body-invalid"),
        ("[]", 400, "body-invalid"),
        (" [\"a\"]", 400, "body-invalid"),
        ("\"name\"", 400, "body-invalid"),
        ("{\"name\":7}", 400, "body-invalid"),
        ("{\"name\":null}", 400, "body-invalid"),
        ("{\"name\":{\"$ne\":\"\"}}", 400, "body-invalid"),
        ("{\"name\":\"a\",\"name\":\"b\"}", 400, "body-invalid"),
        (
            "{\"name\":\"a\",\"business_id\":\"ten_1\"}",
            400,
            "body-invalid",
        ),
        ("{\"name\":\"\\ud800\"}", 400, "body-malformed"),
    ] {
        let answer = create(text).of(&api).await;
        let shown: String = text.chars().take(60).collect();
        assert_eq!(outcome(&answer), (status, code.to_owned()), "{shown}");
    }
}

#[tokio::test]
async fn pages_and_filters_are_bounded() {
    let api = api().await;
    let endless = format!("starts={}", "x".repeat(9_000));
    for query in [
        "limit=201",
        "limit=4294967296",
        "limit=-1",
        "limit=1e2",
        "limit=ten",
        "limit=1&limit=1",
        "count=all",
        "unknown=1",
        endless.as_str(),
    ] {
        let ask = Ask::get(format!("/api/things?{query}")).as_(WRITER);
        let answer = ask.of(&api).await;
        let shown: String = query.chars().take(60).collect();
        assert_eq!(
            outcome(&answer),
            (400, "query-invalid".to_owned()),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn cursors_are_ours_and_young() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::at(NOW));
    let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _)
        .await
        .unwrap();
    let store = Arc::new(store);
    let login = Credulous::of(TenantId::mint(NOW), UserId::mint(NOW));
    let parts = generous_parts(store, Arc::clone(&clock) as _, Arc::new(login));
    let state = ApiState::new(parts);
    let api = TestApi::over(Routes::router(|| things::routes().into(), &state));
    let ask = |uri: String| Ask::get(uri).as_(WRITER);

    let first = ask("/api/things?limit=4".to_owned()).of(&api).await.json();
    let cursor = first["page"]["next"].as_str().unwrap().to_owned();
    let (begin, end) = cursor.split_at(cursor.len() / 2);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    let long = "x".repeat(2_000);
    let forged = format!("{begin}{other}{}", &end[1..]);
    for wrong in [forged.as_str(), begin, "AAAA", "%00", long.as_str()] {
        let answer = ask(format!("/api/things?limit=4&cursor={wrong}"))
            .of(&api)
            .await;
        assert_eq!(
            outcome(&answer),
            (400, "cursor-invalid".to_owned()),
            "{wrong}"
        );
    }
    let uri = format!("/api/things?limit=4&cursor={cursor}");
    assert_eq!(ask(uri.clone()).of(&api).await.status, 200);
    clock.advance(24 * 60 * 60 * 1000 + 1);
    let late = ask(uri).of(&api).await;
    assert_eq!(outcome(&late), (400, "cursor-expired".to_owned()));
}

#[tokio::test]
async fn a_change_names_the_version_that_was_read() {
    let api = api().await;
    for (tag, status, code) in [
        ("\"-1\"", 412, "version-conflict"),
        ("\"99999999999999999999\"", 412, "version-conflict"),
        ("W/\"3\"", 400, "if-match-invalid"),
        ("*", 400, "if-match-invalid"),
        ("3", 400, "if-match-invalid"),
        ("\"3\", \"4\"", 400, "if-match-invalid"),
    ] {
        let patch = Ask::new(Method::PATCH, thing())
            .as_(WRITER)
            .with("if-match", tag)
            .json(&json!({ "name": "Noa" }));
        let answer = patch.of(&api).await;
        assert_eq!(outcome(&answer), (status, code.to_owned()), "{tag}");
    }
}

#[tokio::test]
async fn the_business_is_chosen_by_nobody() {
    let api = api().await;
    let of = format!("ten_{}", "0".repeat(32));
    for name in ["business_id", "tenant_id", "business", "tenant"] {
        let query = Ask::get(format!("/api/things?{name}={of}")).as_(WRITER);
        let body = create(&json!({ "name": "Dana", name: of }).to_string());
        for ask in [query, body] {
            let shown = format!("{ask:?}");
            assert_eq!(ask.of(&api).await.status, 400, "{shown}");
        }
    }
    for name in ["business-id", "x-business-id", "tenant-id", "x-tenant-id"] {
        let ask = Ask::get("/api/things").as_(WRITER).with(name, &of);
        let refused = (400, "business-id-not-accepted".to_owned());
        assert_eq!(outcome(&ask.of(&api).await), refused, "{name}");
    }
}
