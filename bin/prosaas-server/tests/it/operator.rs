//! What operators ask for, and how the server stops.

use std::time::Duration;

use prosaas_core::CallEnd;
use prosaas_crm::testkit::scope;
use prosaas_crm::{CallStore as _, Page};

use crate::support::{NUMBER, TestApp, incoming, sid, token_in, until};

#[tokio::test]
async fn health_ready_and_metrics_answer() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/health").await.body, "ok\n");
    assert_eq!(app.get("/ready").await.status, 200);
    app.business(NUMBER).await;
    app.ring(&sid(1)).await;
    app.post_as("/webhook/incoming_call", &incoming(&sid(2)), None)
        .await;
    let metrics = app.get("/metrics").await.body;
    assert!(
        metrics
            .contains("prosaas_webhooks_total{route=\"/webhook/incoming_call\",status=\"200\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics
            .contains("prosaas_webhooks_total{route=\"/webhook/incoming_call\",status=\"403\"} 1"),
        "{metrics}"
    );
    assert!(metrics.contains("prosaas_calls_live 0"), "{metrics}");
    for private in ["97231234567", "972501234567", "Dana", "ten_"] {
        assert!(!metrics.contains(private), "{private} is in the metrics");
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_ready_but_alive() {
    let app = TestApp::start().await;
    app.store.close().await;
    assert_eq!(app.get("/ready").await.status, 503);
    assert_eq!(app.get("/health").await.status, 200);
}

#[tokio::test]
async fn draining_lets_a_live_call_finish_and_then_stops() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let token = token_in(&app.ring(&sid(1)).await.body);
    let mut socket = app.socket().await;
    socket.begin(&sid(1), &token).await;
    socket.hears_audio().await;
    let shared = std::sync::Arc::clone(app.app());
    let TestApp {
        server,
        store,
        directory,
        ..
    } = app;
    let stopping = server.stop(Duration::from_secs(30), std::future::pending());
    let hang_up = async {
        until("it drains", async || {
            shared.shutdown.is_draining().then_some(())
        })
        .await;
        assert_eq!(shared.live.seated(), 1, "the live call goes on");
        socket.hang_up(&sid(1)).await;
    };
    tokio::time::timeout(Duration::from_secs(10), async {
        tokio::join!(stopping, hang_up)
    })
    .await
    .expect("stops soon after the last call");
    let call = store
        .list_calls(&scope(business.id), Page::first(1))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(call.record.end, Some(CallEnd::CallerHungUp));
    drop(directory);
}

#[tokio::test]
async fn a_second_signal_ends_live_calls_with_their_rows_final() {
    let app = TestApp::start().await;
    let business = app.business(NUMBER).await;
    let mut sockets = Vec::new();
    for n in 1..=3 {
        let token = token_in(&app.ring(&sid(n)).await.body);
        let mut socket = app.socket().await;
        socket.begin(&sid(n), &token).await;
        socket.hears_audio().await;
        sockets.push(socket);
    }
    let TestApp {
        server,
        store,
        directory,
        ..
    } = app;
    let stopped = server.stop(Duration::from_hours(1), std::future::ready(()));
    tokio::time::timeout(Duration::from_secs(11), stopped)
        .await
        .expect("stops at once");
    for call in store
        .list_calls(&scope(business.id), Page::first(10))
        .await
        .unwrap()
    {
        assert_eq!(call.record.end, Some(CallEnd::Shutdown));
        assert!(call.lead.is_some());
    }
    drop(directory);
}
