//! The fake carrier against servers that misbehave.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response as HttpResponse};
use axum::routing::get;
use prosaas_twilio::testkit::carrier::{
    CallEnding, CallScript, Carrier, CarrierEvent, HangUp, StreamEnd, codes,
};

use crate::carrier::{Line, PUBLIC, fast, serve, stream_end};

/// A server that answers every webhook with the next of these, then with an empty document.
#[derive(Clone)]
struct Scripted {
    answers: Arc<Mutex<VecDeque<(&'static str, String)>>>,
    paths: Arc<Mutex<Vec<String>>>,
}

async fn serve_scripted<const N: usize>(answers: [(&'static str, &str); N]) -> (Line, Scripted) {
    let answers = answers.map(|(kind, body)| (kind, body.to_owned()));
    let scripted = Scripted {
        answers: Arc::new(Mutex::new(answers.into())),
        paths: Arc::default(),
    };
    let router = Router::new()
        .route(
            "/media",
            get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(misbehave) }),
        )
        .fallback(answer)
        .with_state(scripted.clone());
    let mut line = serve(router).await;
    line.config.status_callback = None;
    line.carrier = Carrier::new(line.config.clone());
    (line, scripted)
}

async fn answer(State(scripted): State<Scripted>, request: Request) -> HttpResponse {
    scripted
        .paths
        .lock()
        .unwrap()
        .push(request.uri().path().to_owned());
    let next = scripted.answers.lock().unwrap().pop_front();
    let (kind, body) = next.unwrap_or(("text/xml", "<Response/>".to_owned()));
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Sends everything that Twilio objects to, then goes away without a close.
async fn misbehave(mut socket: WebSocket) {
    let mut stream_sid = None;
    while stream_sid.is_none() {
        let Some(Ok(Message::Text(text))) = socket.recv().await else {
            return;
        };
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        stream_sid = message["start"]["streamSid"].as_str().map(str::to_owned);
    }
    let sid = stream_sid.unwrap();
    for text in [
        format!(r#"{{"event":"media","streamSid":"{sid}","media":{{"payload":"AAAA"}}}}"#),
        format!(r#"{{"event":"media","streamSid":"{sid}","media":{{"payload":"AAAA"}},"x":1}}"#),
        r#"{"event":"clear","streamSid":"MZ00000000000000000000000000000000"}"#.to_owned(),
        "not json".to_owned(),
    ] {
        socket.send(Message::from(text)).await.unwrap();
    }
    socket.send(Message::from(vec![1_u8, 2, 3])).await.unwrap();
    let mark = format!(r#"{{"event":"mark","streamSid":"{sid}","mark":{{"name":"last"}}}}"#);
    socket.send(Message::from(mark)).await.unwrap();
    // Gone once the carrier has seen all of it: it has returned the mark.
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(&message, Message::Text(text) if text.contains("\"last\"")) {
            return;
        }
    }
}

#[tokio::test]
async fn what_twilio_objects_to_is_counted_and_a_broken_socket_goes_on() {
    let twiml = r#"<Response><Connect action="/after"><Stream url="wss://voice.example.com/media"/></Connect></Response>"#;
    let (line, server) = serve_scripted([("text/xml", twiml)]).await;
    let script = CallScript {
        hang_up: HangUp::Never,
        at_most_ms: 20_000,
        ..CallScript::listening()
    };
    let call = line.carrier.place_call(script).await;
    assert_eq!(
        stream_end(&call),
        Some(StreamEnd::Broken),
        "{:?}",
        call.timeline
    );
    assert_eq!(call.warnings[&codes::STREAM_MESSAGE], 3);
    assert_eq!(call.warnings[&codes::STREAM_BROKEN], 1);
    assert_eq!(call.warnings[&codes::STREAM_BINARY], 1);
    assert_eq!(
        (call.media_messages, call.partial_frames, call.clears),
        (1, 1, 0)
    );
    assert_eq!(
        *server.paths.lock().unwrap(),
        ["/webhook/incoming_call", "/after"]
    );
    assert_eq!(call.ending, CallEnding::ServerHungUp);
}

#[tokio::test]
async fn documents_that_cannot_be_run_fail_with_twilios_number() {
    for (kind, body, code) in [
        ("text/xml", "<Response><Say>", codes::BAD_DOCUMENT),
        (
            "text/xml",
            "<Response><Sing/></Response>",
            codes::BAD_DOCUMENT,
        ),
        ("application/json", "{}", codes::CONTENT_TYPE),
    ] {
        let (line, _) = serve_scripted([(kind, body)]).await;
        let call = line.carrier.place_call(fast(HangUp::Never)).await;
        assert_eq!(call.ending, CallEnding::Failed { code }, "{body}");
    }
}

#[tokio::test]
async fn streams_that_twilio_would_not_open_are_not_opened() {
    for (url, code) in [
        (
            "wss://voice.example.com/media?token=1",
            codes::STREAM_HANDSHAKE,
        ),
        ("wss://voice.example.com/nowhere", codes::STREAM_HANDSHAKE),
        ("https://voice.example.com/media", codes::STREAM_SCHEME),
        ("ws://voice.example.com/media", codes::STREAM_SCHEME),
    ] {
        let twiml = format!(
            r#"<Response><Connect><Stream url="{url}"/></Connect><Say>next verb</Say></Response>"#
        );
        let (line, _) = serve_scripted([("text/xml", twiml.as_str())]).await;
        let call = line.carrier.place_call(fast(HangUp::Never)).await;
        assert!(
            matches!(stream_end(&call), Some(StreamEnd::NotOpened(_))),
            "{url}"
        );
        assert_eq!(call.warnings[&code], 1, "{url}");
        assert_eq!(call.said().collect::<Vec<_>>(), ["next verb"]);
    }
}

#[tokio::test]
async fn reject_play_and_a_loop() {
    let (line, _) = serve_scripted([("text/xml", "<Response><Reject/></Response>")]).await;
    let call = line.carrier.place_call(fast(HangUp::Never)).await;
    assert_eq!(call.ending, CallEnding::Rejected);

    let (line, server) = serve_scripted([
        ("text/xml", "<Response><Play>/hello.wav</Play></Response>"),
        ("audio/wav", "RIFF"),
    ])
    .await;
    let call = line.carrier.place_call(fast(HangUp::Never)).await;
    let played = CarrierEvent::Played {
        url: format!("{PUBLIC}/hello.wav"),
        bytes: Some(4),
    };
    assert!(
        call.timeline.iter().any(|timed| timed.event == played),
        "{:?}",
        call.timeline
    );
    assert_eq!(server.paths.lock().unwrap().last().unwrap(), "/hello.wav");

    let again = (
        "text/xml",
        "<Response><Redirect>/again</Redirect></Response>",
    );
    let (line, _) = serve_scripted([again; 60]).await;
    let call = line.carrier.place_call(fast(HangUp::Never)).await;
    assert_eq!(call.ending, CallEnding::TooManyDocuments);
}
