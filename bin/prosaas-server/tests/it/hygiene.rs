//! Nothing personal and nothing secret reaches the log, at any level.

use prosaas_core::memory::MemoryTextModel;
use prosaas_twilio::testkit::carrier::CallScript;
use serde_json::json;

use crate::support::{
    AUTH_TOKEN, CALLER, HUMAN, NUMBER, Setup, TestApp, incoming, logged, refusing, sid, status,
    token_in, until,
};

/// Everything an attacker would like to read in a log.
fn planted(tokens: &[String]) -> Vec<String> {
    let digits = |number: &str| number.trim_start_matches('+').to_owned();
    let mut planted = vec![
        AUTH_TOKEN.to_owned(),
        "canary".to_owned(),
        digits(CALLER),
        digits(NUMBER),
        digits(HUMAN),
        "Dana Levi".to_owned(),
        "Hello from the agent".to_owned(),
    ];
    planted.extend_from_slice(tokens);
    planted
}

async fn exercise(app: &TestApp) -> Vec<String> {
    let business = app.business(NUMBER).await;
    app.carrier()
        .place_call(CallScript {
            at_most_ms: 6_000,
            ..CallScript::listening()
        })
        .await;
    app.finished(&business).await;
    until("the summary ran", async || {
        app.get("/metrics")
            .await
            .body
            .contains("summarize_call")
            .then_some(())
    })
    .await;
    let call = sid(7);
    let token = token_in(&app.ring(&call).await.body);
    app.post_as("/webhook/incoming_call", &incoming(&call), Some("AAAA"))
        .await;
    app.post(
        "/webhook/incoming_call",
        &[("From", CALLER), ("To", NUMBER)],
    )
    .await;
    let stranger = sid(8);
    let mut unknown = incoming(&stranger);
    unknown[3].1 = HUMAN;
    app.post("/webhook/incoming_call", &unknown).await;
    let mut socket = app.socket().await;
    socket.begin(&call, "AAAAAAAAAAAAAAAAAAAAAA").await;
    socket.closed().await;
    app.bridge.set(refusing());
    let mut socket = app.socket().await;
    socket.begin(&call, &token).await;
    drop(socket);
    let resumed = app
        .post("/webhook/stream_ended/1", &status(&call, "in-progress"))
        .await;
    app.post("/webhook/call_status", &status(&call, "completed"))
        .await;
    vec![token, token_in(&resumed.body)]
}

#[tokio::test]
async fn no_number_no_name_and_no_secret_is_logged_at_trace() {
    // The lines of every test of this binary, written at the most talkative level.
    let summary = json!({ "summary": "Dana Levi called", "intent": "x", "name": "Dana Levi", "next_step": "" });
    let app = Setup::default()
        .text(MemoryTextModel::answering(summary))
        .rest()
        .start()
        .await;
    let tokens = exercise(&app).await;
    let text = logged();
    assert!(
        text.contains("the call is finished") && text.contains("belongs to no business"),
        "the log is there: {text}"
    );
    for secret in planted(&tokens) {
        let line = text.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "`{secret}` is in the log");
    }
    let of_calls = text
        .lines()
        .filter(|line| line.contains("the call is finished"));
    for line in of_calls {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            line["span"]["call"].as_str().unwrap().starts_with("call_"),
            "{line}"
        );
    }
}
