//! The media socket: who may open it, and what happens when it breaks.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{CallEnd, UnixMillis};
use prosaas_crm::CallStore as _;
use prosaas_crm::testkit::scope;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{NUMBER, Setup, TestApp, sid, status, token_in, until};

/// Policy violation, RFC 6455.
const REFUSED: Option<u16> = Some(1008);

#[tokio::test]
async fn an_upgrade_needs_a_signature() {
    let app = TestApp::start().await;
    assert_eq!(app.socket_signed(false).await.err(), Some(403));
}

#[tokio::test]
async fn a_socket_needs_the_right_token_for_its_call_and_uses_it_up() {
    let app = TestApp::start().await;
    app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let other = token_in(&app.ring(&sid(2)).await.body);
    for (call, token) in [
        (sid(1), ""),
        (sid(1), "AAAAAAAAAAAAAAAAAAAAAA"),
        (sid(1), &other),
        (sid(2), &token),
        (sid(3), &token),
    ] {
        let mut socket = app.socket().await;
        socket.begin(&call, token).await;
        assert_eq!(socket.closed().await, REFUSED, "{call} {token}");
    }
    let mut first = app.socket().await;
    first.begin(&sid(1), &token).await;
    first.hears_audio().await;
    let mut second = app.socket().await;
    second.begin(&sid(1), &token).await;
    assert_eq!(
        second.closed().await,
        REFUSED,
        "a used token, a second socket"
    );
    assert_eq!(app.app().live.seated(), 1, "the first one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_sockets_with_one_token_exactly_one_wins() {
    let app = TestApp::start().await;
    app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let sockets = futures_util::future::join_all((0..20).map(|_| async {
        let mut socket = app.socket().await;
        socket.begin(&sid(1), &token).await;
        socket
    }))
    .await;
    until("one holds the call", async || {
        (app.app().live.seated() == 1).then_some(())
    })
    .await;
    let mut refused = 0;
    let mut checks = Vec::new();
    for mut socket in sockets {
        checks.push(async move { socket.hears_or_closed().await });
    }
    for heard in futures_util::future::join_all(checks).await {
        refused += u32::from(!heard);
    }
    assert_eq!(refused, 19);
}

#[tokio::test]
async fn a_token_expires() {
    let clock = Arc::new(ManualClock::at(UnixMillis(1_700_000_000_000)));
    let app = Setup::default().clock(Arc::clone(&clock)).start().await;
    app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    clock.advance(60_000);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    assert_eq!(socket.closed().await, REFUSED);
}

#[tokio::test]
async fn a_token_of_a_call_that_is_over_opens_nothing() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    app.post("/webhook/call_status", &status(&sid(1), "completed"))
        .await;
    let before = app.only_call(&business).await;
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    socket.closed().await;
    assert_eq!(app.only_call(&business).await, before);
}

#[tokio::test]
async fn malformed_and_binary_messages_are_counted_and_the_call_lives() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    for text in [
        "",
        "{",
        "[]",
        "{\"event\":5}",
        "{\"event\":\"media\",\"media\":{\"payload\":\"*\"}}",
    ] {
        socket.raw(Message::text(text)).await;
    }
    socket.raw(Message::binary(vec![0_u8; 300])).await;
    socket
        .text(&serde_json::json!({ "event": "levitate" }))
        .await;
    socket.hears_audio().await;
    socket.hang_up(&sid(1)).await;
    assert_eq!(
        app.finished(&business).await.record.end,
        Some(CallEnd::CallerHungUp)
    );
    let metrics = app.get("/metrics").await.body;
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("prosaas_malformed_frames_total "));
    let counted: u32 = counted
        .expect("malformed frames are counted")
        .parse()
        .unwrap();
    assert!(counted >= 4, "{counted}");
}

#[tokio::test]
async fn a_broken_socket_is_resumed_with_the_conversation_and_one_lead() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    app.said(&business, 1).await;
    drop(socket);
    let ended = app
        .post("/webhook/stream_ended/1", &status(&sid(1), "in-progress"))
        .await;
    assert!(ended.body.contains("stream_ended/2"), "{}", ended.body);
    let copy = app
        .post("/webhook/stream_ended/1", &status(&sid(1), "in-progress"))
        .await;
    assert_eq!(ended, copy, "a repeated webhook gets the same answer");
    let new_token = token_in(&ended.body);
    assert_ne!(new_token, token);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &new_token).await;
    app.said(&business, 2).await;
    socket.hang_up(&sid(1)).await;
    let call = app.finished(&business).await;
    assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    assert_eq!(app.leads(&business).await, 1);
    let lines = app
        .store
        .transcript(&scope(business.id), call.record.id)
        .await
        .unwrap();
    let order: Vec<u32> = lines.iter().map(|line| line.seq).collect();
    assert_eq!(
        order,
        (0..lines.len() as u32).collect::<Vec<_>>(),
        "one transcript without gaps"
    );
    assert_eq!(lines.len(), 2, "what both sockets carried");
}

#[tokio::test]
async fn a_newer_socket_with_its_own_token_takes_over() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let mut old = app.socket().await;
    old.begin(&sid(1), &token).await;
    old.hears_audio().await;
    let resumed = app
        .post("/webhook/stream_ended/1", &status(&sid(1), "in-progress"))
        .await;
    let mut new = app.socket().await;
    new.begin(&sid(1), &token_in(&resumed.body)).await;
    old.closed().await;
    new.hears_audio().await;
    assert_eq!(app.app().live.seated(), 1);
    assert!(!app.only_call(&business).await.is_finished());
    new.hang_up(&sid(1)).await;
    app.finished(&business).await;
    assert_eq!(app.leads(&business).await, 1);
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_call_becomes_a_recovered_call() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    socket.hears_audio().await;
    app.said(&business, 1).await;
    let directory = Arc::clone(&app.directory);
    drop((socket, app));
    let app = Setup::default().directory(directory).start().await;
    let answer = app
        .post("/webhook/stream_ended/1", &status(&sid(1), "in-progress"))
        .await;
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token_in(&answer.body)).await;
    socket.hears_audio().await;
    let brief = app.legs_of_calls()[0].brief();
    assert_eq!(brief.history.len(), 1, "the model knows what was said");
    assert!(brief.instructions.contains("Do not greet again"));
    socket.hang_up(&sid(1)).await;
    assert_eq!(
        app.finished(&business).await.record.end,
        Some(CallEnd::CallerHungUp)
    );
}

#[tokio::test]
async fn a_stream_that_breaks_again_and_again_ends_in_voicemail() {
    let app = TestApp::start().await;
    let business = app.business_with(NUMBER, |b| b.transfer.clear()).await;
    app.ring(&sid(1)).await;
    let call = sid(1);
    let fields = status(&call, "in-progress");
    for attempt in 1..=3 {
        let answer = app
            .post(&format!("/webhook/stream_ended/{attempt}"), &fields)
            .await;
        assert!(
            answer.body.contains("<Connect"),
            "attempt {attempt}: {}",
            answer.body
        );
    }
    let last = app.post("/webhook/stream_ended/4", &fields).await;
    assert!(
        last.body.contains("<Say") && last.body.contains("<Record"),
        "{}",
        last.body
    );
    assert_eq!(
        app.only_call(&business).await.record.end,
        Some(CallEnd::AiFailed)
    );
    assert_eq!(app.leads(&business).await, 1);
    assert_eq!(
        app.post("/webhook/stream_ended/4", &fields).await,
        last,
        "a copy hears the same"
    );
}

#[tokio::test]
async fn the_end_of_a_stream_after_the_caller_hung_up_hangs_up_and_leaves_a_lead() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    let answer = app
        .post("/webhook/stream_ended/1", &status(&sid(1), "completed"))
        .await;
    assert!(answer.body.contains("<Hangup/>"), "{}", answer.body);
    assert_eq!(
        app.only_call(&business).await.record.end,
        Some(CallEnd::CallerHungUp)
    );
    assert_eq!(app.leads(&business).await, 1);
}
