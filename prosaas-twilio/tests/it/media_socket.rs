//! The media websocket over a real loopback connection.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use prosaas_core::Error;
use prosaas_core::leg::{LegCommand, LegEvent, MarkId, TelephonyLeg};
use prosaas_twilio::StreamToken;
use prosaas_twilio::axum::{MediaSocket, VoiceHandler, VoiceRouter, router};
use prosaas_twilio::media::Start;
use prosaas_twilio::signature::{
    SIGNATURE_HEADER, StaticKeys, TwilioVerifier, sign, websocket_url,
};
use prosaas_twilio::twiml;
use prosaas_twilio::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::signature::token;

const PUBLIC_MEDIA: &str = "wss://voice.example.com/media";
const STREAM: &str = "MZ00000000000000000000000000000001";
/// Longer than anything here takes; reaching it is a failure.
const SOON: Duration = Duration::from_secs(10);

/// Sends back what it hears and reports every event. The keys are orders: `D` panics, `#` closes, `9`
/// talks until the socket takes no more and then reports silence, any other clears.
struct Echo {
    events: mpsc::Sender<(LegEvent, Vec<u8>)>,
    token: StreamToken,
}

#[async_trait]
impl VoiceHandler for Echo {
    async fn incoming_call(&self, _: IncomingCall) -> twiml::Response {
        twiml::Response::new()
    }

    async fn call_status(&self, _: CallStatusCallback) -> Result<(), Error> {
        Ok(())
    }

    async fn recording(&self, _: RecordingCallback) -> Result<(), Error> {
        Ok(())
    }

    async fn stream_ended(&self, _: StreamEnded) -> twiml::Response {
        twiml::Response::new()
    }

    async fn authorize_stream(&self, start: &Start) -> bool {
        let given = start.parameters.get(StreamToken::PARAMETER);
        given
            .and_then(|text| text.parse::<StreamToken>().ok())
            .is_some_and(|token| token.matches(&self.token.hash()))
    }

    async fn stream(&self, mut socket: MediaSocket, start: Start) {
        assert_eq!(socket.stream_sid(), &start.stream_sid);
        let mut audio = Vec::new();
        loop {
            audio.clear();
            let event = poll_fn(|cx| socket.poll_event(cx, &mut audio)).await;
            self.events.send((event, audio.clone())).await.unwrap();
            match event {
                LegEvent::Stopped | LegEvent::Lost => {
                    assert!(
                        socket.send(LegCommand::Clear).is_err(),
                        "nothing goes out after the end"
                    );
                    return;
                }
                LegEvent::Dtmf('D') => panic!("the handler has a bug"),
                LegEvent::Dtmf('9') => {
                    let second = [0xFF; 8000];
                    let taken = (0..100_000)
                        .take_while(|_| socket.send(LegCommand::Audio(&second)).is_ok())
                        .count();
                    assert!(
                        taken < 100_000,
                        "the queue towards the carrier must be bounded"
                    );
                    self.events
                        .send((LegEvent::Lost, Vec::new()))
                        .await
                        .unwrap();
                    return;
                }
                LegEvent::Dtmf('#') => return socket.close().await,
                LegEvent::Dtmf(_) => socket.send(LegCommand::Clear).unwrap(),
                LegEvent::Audio { .. } => {
                    socket.send(LegCommand::Audio(&audio)).unwrap();
                    socket
                        .send(LegCommand::Mark(MarkId {
                            generation: 1,
                            seq: 7,
                        }))
                        .unwrap();
                }
                LegEvent::Mark(_) | LegEvent::Malformed => continue,
            }
            poll_fn(|cx| socket.poll_flush(cx)).await.unwrap();
        }
    }
}

struct Server {
    address: std::net::SocketAddr,
    events: mpsc::Receiver<(LegEvent, Vec<u8>)>,
    token: StreamToken,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut VoiceRouter)) -> Self {
        let token = StreamToken::mint().unwrap();
        let (sender, events) = mpsc::channel(1024);
        let verifier = TwilioVerifier::new(StaticKeys::new([crate::signature::token()]));
        let mut config = VoiceRouter::new(
            "https://voice.example.com".parse().unwrap(),
            PUBLIC_MEDIA.parse().unwrap(),
            Arc::new(verifier),
            Arc::new(Echo {
                events: sender,
                token: token.clone(),
            }),
        );
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router(config)).await.unwrap() });
        Self {
            address,
            events,
            token,
            _tasks: tasks,
        }
    }

    fn upgrade(&self, target: &str, signed_url: &str) -> Request {
        let mut request = format!("ws://{}{target}", self.address)
            .into_client_request()
            .unwrap();
        let signature = sign(&token(), signed_url, []);
        request
            .headers_mut()
            .insert(SIGNATURE_HEADER, signature.parse().unwrap());
        request
    }

    async fn open(&self, request: Request) -> Result<Client, tungstenite::Error> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = timeout(SOON, client_async(request, stream))
            .await
            .unwrap()?;
        Ok(Client(socket))
    }

    async fn refused(&self, request: Request) -> u16 {
        match self.open(request).await {
            Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
            other => panic!(
                "expected an HTTP refusal, got {:?}",
                other.map(|_| "a websocket")
            ),
        }
    }

    /// A connected socket, not yet started.
    async fn connect(&self) -> Client {
        let mut client = self
            .open(self.upgrade("/media", PUBLIC_MEDIA))
            .await
            .unwrap();
        client
            .send(json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
            .await;
        client
    }

    /// An authorised stream.
    async fn stream(&self) -> Client {
        let mut client = self.connect().await;
        client.send(start(&self.token.expose())).await;
        client
    }

    async fn event(&mut self) -> (LegEvent, Vec<u8>) {
        timeout(SOON, self.events.recv()).await.unwrap().unwrap()
    }
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn send(&mut self, message: Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    async fn next(&mut self) -> Option<Message> {
        timeout(SOON, self.0.next()).await.unwrap()?.ok()
    }

    async fn json(&mut self) -> Value {
        serde_json::from_str(self.next().await.unwrap().to_text().unwrap()).unwrap()
    }

    async fn close_code(&mut self) -> Option<u16> {
        match self.next().await {
            Some(Message::Close(Some(frame))) => Some(frame.code.into()),
            _ => None,
        }
    }
}

fn start(token: &str) -> Value {
    json!({"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": {
        "streamSid": STREAM,
        "accountSid": "AC00000000000000000000000000000001",
        "callSid": "CA00000000000000000000000000000001",
        "tracks": ["inbound"],
        "customParameters": {"token": token},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }})
}

fn media(stream: &str, track: &str, payload: &str) -> Value {
    json!({"event": "media", "sequenceNumber": "2", "streamSid": stream,
        "media": {"track": track, "chunk": "1", "timestamp": "40", "payload": payload}})
}

fn dtmf(digit: &str) -> Value {
    json!({"event": "dtmf", "streamSid": STREAM, "sequenceNumber": "3",
        "dtmf": {"track": "inbound_track", "digit": digit}})
}

fn stop() -> Value {
    json!({"event": "stop", "streamSid": STREAM, "stop": {}})
}

#[tokio::test]
async fn a_call_hears_is_heard_and_stops() {
    let mut server = Server::start().await;
    let mut client = server.stream().await;
    client.send(media(STREAM, "inbound", "/wD/")).await;
    assert_eq!(
        server.event().await,
        (
            LegEvent::Audio {
                timestamp_ms: Some(40)
            },
            vec![255, 0, 255]
        )
    );
    let expected = json!({"event": "media", "streamSid": STREAM, "media": {"payload": "/wD/"}});
    assert_eq!(client.json().await, expected);
    let expected = json!({"event": "mark", "streamSid": STREAM, "mark": {"name": "1:7"}});
    assert_eq!(client.json().await, expected);

    client.send(expected).await;
    assert_eq!(
        server.event().await.0,
        LegEvent::Mark(MarkId {
            generation: 1,
            seq: 7
        })
    );
    client.send(dtmf("5")).await;
    assert_eq!(server.event().await.0, LegEvent::Dtmf('5'));
    assert_eq!(
        client.json().await,
        json!({"event": "clear", "streamSid": STREAM})
    );
    client.send(stop()).await;
    assert_eq!(server.event().await.0, LegEvent::Stopped);
}

#[tokio::test]
async fn nonsense_is_counted_and_the_call_lives() {
    let mut server = Server::start().await;
    let mut client = server.stream().await;
    let bad_mark = json!({"event": "mark", "streamSid": STREAM, "mark": {"name": "not ours"}});
    for text in [
        "{",
        "[]",
        &bad_mark.to_string(),
        &media(STREAM, "inbound", "!!!").to_string(),
        &start(&server.token.expose()).to_string(),
    ] {
        client.0.send(Message::text(text)).await.unwrap();
        assert_eq!(
            server.event().await,
            (LegEvent::Malformed, vec![]),
            "{text}"
        );
    }
    client.0.send(Message::binary(vec![0; 160])).await.unwrap();
    assert_eq!(server.event().await.0, LegEvent::Malformed);

    // None of these is an event; the one after them is the next.
    client.send(media(STREAM, "outbound", "/w==")).await;
    client
        .send(media(
            "MZ00000000000000000000000000000002",
            "inbound",
            "/w==",
        ))
        .await;
    client
        .send(json!({"event": "hologram", "streamSid": STREAM}))
        .await;
    client.0.send(Message::Ping("p".into())).await.unwrap();
    client.send(media(STREAM, "inbound", "AA==")).await;
    assert_eq!(
        server.event().await,
        (
            LegEvent::Audio {
                timestamp_ms: Some(40)
            },
            vec![0]
        )
    );
    assert_eq!(client.next().await, Some(Message::Pong("p".into())));
}

#[tokio::test]
async fn ends_without_a_stop_are_losses() {
    let mut server = Server::start().await;
    let mut closed = server.stream().await;
    closed.0.close(None).await.unwrap();
    assert_eq!(server.event().await.0, LegEvent::Lost);

    let broken = server.stream().await;
    drop(broken);
    assert_eq!(server.event().await.0, LegEvent::Lost);

    let mut oversized = server.stream().await;
    // The server stops reading in the middle of it, so sending may fail.
    let _ = oversized.0.send(Message::text("x".repeat(65 * 1024))).await;
    assert_eq!(server.event().await.0, LegEvent::Lost);
}

#[tokio::test]
async fn a_flood_ends_its_socket() {
    let mut server = Server::start_with(|config| config.limits.messages_per_second = 50).await;
    let mut client = server.stream().await;
    let text = media(STREAM, "outbound", "/w==").to_string();
    for _ in 0..200 {
        // The server hangs up within the flood.
        if client.0.send(Message::text(text.clone())).await.is_err() {
            break;
        }
    }
    assert_eq!(server.event().await.0, LegEvent::Lost);
}

#[tokio::test]
async fn our_side_closes_politely() {
    let mut server = Server::start().await;
    let mut client = server.stream().await;
    client.send(dtmf("#")).await;
    assert_eq!(server.event().await.0, LegEvent::Dtmf('#'));
    client.send(media(STREAM, "inbound", "/w==")).await;
    assert_eq!(
        client.close_code().await,
        Some(1000),
        "unread audio must not turn it into a reset"
    );
}

#[tokio::test]
async fn upgrades_that_twilio_did_not_make_are_refused_before_they_happen() {
    let server = Server::start().await;
    let mut unsigned = server.upgrade("/media", PUBLIC_MEDIA);
    unsigned.headers_mut().remove(SIGNATURE_HEADER);
    let https_form = server.upgrade("/media", "https://voice.example.com/media");
    let mut browser = server.upgrade("/media", PUBLIC_MEDIA);
    browser
        .headers_mut()
        .insert("origin", "https://voice.example.com".parse().unwrap());
    let other_path = server.upgrade("/media/acme", PUBLIC_MEDIA);
    for request in [unsigned, https_form, browser, other_path] {
        assert_eq!(server.refused(request).await, 403);
    }
}

#[tokio::test]
async fn the_signed_url_is_the_public_one_with_what_follows_our_path() {
    let server = Server::start_with(|config| {
        config.media_url = "https://edge.example.com/calls/stream".parse().unwrap();
    })
    .await;
    for rest in ["", "/acme", "/a%20b", "?x=1"] {
        let signed = format!("wss://edge.example.com/calls/stream{rest}");
        assert_eq!(
            websocket_url("https://edge.example.com/calls/stream"),
            "wss://edge.example.com/calls/stream"
        );
        let opened = server
            .open(server.upgrade(&format!("/media{rest}"), &signed))
            .await;
        assert!(opened.is_ok(), "{rest}: {:?}", opened.err());
    }
}

#[tokio::test]
async fn a_wrong_token_closes_with_1008_and_no_stream_begins() {
    let mut server = Server::start().await;
    for wrong in ["", "guess", &StreamToken::mint().unwrap().expose()] {
        let mut client = server.connect().await;
        client.send(start(wrong)).await;
        assert_eq!(client.close_code().await, Some(1008));
    }
    assert!(server.events.try_recv().is_err());
}

#[tokio::test]
async fn without_a_start_in_time_the_socket_is_closed() {
    let server = Server::start_with(|config| {
        config.limits.start_within = Duration::from_millis(50);
    })
    .await;
    let mut client = server.connect().await;
    client.send(media(STREAM, "inbound", "/w==")).await;
    assert_eq!(client.close_code().await, Some(1008));
}

#[tokio::test]
async fn audio_of_another_form_is_refused() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let mut wide = start(&server.token.expose());
    wide["start"]["mediaFormat"]["sampleRate"] = json!(16000);
    client.send(wide).await;
    assert_eq!(client.close_code().await, Some(1003));
}

#[tokio::test]
async fn sockets_that_are_not_authorised_are_few() {
    let mut server = Server::start_with(|config| config.limits.unauthenticated_sockets = 1).await;
    let mut waiting = server.connect().await;
    let refused = server.refused(server.upgrade("/media", PUBLIC_MEDIA)).await;
    assert_eq!(refused, 503);
    waiting.send(start(&server.token.expose())).await;
    waiting.send(dtmf("1")).await;
    assert_eq!(
        server.event().await.0,
        LegEvent::Dtmf('1'),
        "it is authorised now"
    );
    assert!(
        server
            .open(server.upgrade("/media", PUBLIC_MEDIA))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_panicking_call_ends_alone() {
    let mut server = Server::start().await;
    let mut doomed = server.stream().await;
    let mut other = server.stream().await;
    doomed.send(dtmf("D")).await;
    assert_eq!(server.event().await.0, LegEvent::Dtmf('D'));
    assert_eq!(doomed.next().await, None);
    other.send(dtmf("2")).await;
    assert_eq!(server.event().await.0, LegEvent::Dtmf('2'));
}

#[tokio::test]
async fn a_carrier_that_does_not_read_is_noticed_instead_of_queued_for() {
    let mut server = Server::start().await;
    let mut deaf = server.stream().await;
    deaf.send(dtmf("9")).await;
    assert_eq!(server.event().await.0, LegEvent::Dtmf('9'));
    assert_eq!(server.event().await.0, LegEvent::Lost);
}
