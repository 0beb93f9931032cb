//! `<Connect><Stream>`: the media socket of a call.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use prosaas_core::leg::{FRAME_BYTES, FRAME_MS};
use serde_json::{Map, Value};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use super::caller::{AgentState, CallerTurn};
use super::clock::frame_due;
use super::document::Element;
use super::http;
use super::interpreter::{LiveCall, Step, pairs};
use super::observation::{CallEnding, CarrierEvent, StreamEnd, codes};
use super::random_sid;
use super::server_message::{
    DtmfObject, FromServer, MarkObject, MediaFormat, MediaObject, StartObject, StopObject,
    ToServer, read,
};
use super::trouble::{Fate, fate};
use crate::signature::{SIGNATURE_HEADER, SignatureKey, sign};

/// Longest time for connecting, and for a send to a server that does not read.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the server may take to answer a close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A `<Stream>` element, resolved.
#[derive(Debug)]
pub(super) struct StreamPlan {
    /// As the document says it, which is what gets signed.
    url: String,
    status_callback: Option<String>,
    parameters: Map<String, Value>,
}

impl StreamPlan {
    pub(super) fn of(stream: &Element, base: &str) -> Option<Self> {
        let parameters = stream
            .children
            .iter()
            .filter(|child| child.name == "Parameter")
            .filter_map(|child| Some((child.attribute("name")?, child.attribute("value")?)))
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        Some(Self {
            url: http::resolve(base, stream.attribute("url")?)?,
            status_callback: stream
                .attribute("statusCallback")
                .and_then(|text| http::resolve(base, text)),
            parameters,
        })
    }
}

impl LiveCall<'_> {
    /// Runs a stream until either side ends it; says how it ended and, unless the document goes on, what is
    /// next.
    pub(super) async fn stream(&mut self, plan: &StreamPlan) -> (StreamEnd, Step) {
        let socket = match self.open(plan).await {
            Ok(socket) => socket,
            Err(end) => return (end, Step::Next),
        };
        let stream_sid = random_sid("MZ");
        self.report(plan, &stream_sid, "stream-started").await;
        let began_ms = self.now_ms();
        self.caller.stream_began(began_ms);
        self.seen.stream_start_ms.get_or_insert(began_ms);
        if let Ok(sid) = stream_sid.parse() {
            self.tell(CarrierEvent::StreamStarted(sid));
        }
        let mut stream = LiveStream {
            call: self,
            socket,
            stream_sid: stream_sid.clone(),
            began_ms,
            sequence: 0,
            frames: 0,
            returned: Vec::new(),
            late: None,
            agent_was_speaking: false,
        };
        let (end, step) = match stream.run(&plan.parameters).await {
            Ok(ended) => ended,
            Err(Gone) => (StreamEnd::Broken, Step::Next),
        };
        if stream.agent_was_speaking {
            stream.call.tell(CarrierEvent::AgentEnded);
        }
        self.playout.abandon();
        if end == StreamEnd::Broken {
            self.warn(
                codes::STREAM_BROKEN,
                "the media socket broke without a close",
            );
        }
        let event = if end == StreamEnd::Broken {
            "stream-error"
        } else {
            "stream-stopped"
        };
        self.report(plan, &stream_sid, event).await;
        (end, step)
    }

    async fn report(&mut self, plan: &StreamPlan, stream_sid: &str, event: &str) {
        if let Some(url) = &plan.status_callback {
            let fields = pairs([
                ("StreamSid", stream_sid.to_owned()),
                ("StreamEvent", event.to_owned()),
            ]);
            self.call_back("stream callback", url, &fields).await;
        }
    }

    /// Opens the socket with a signed upgrade.
    async fn open(&mut self, plan: &StreamPlan) -> Result<Socket, StreamEnd> {
        let public = Url::parse(&plan.url).map_err(|_| StreamEnd::NotOpened(None))?;
        let to_loopback = matches!(public.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if public.scheme() != "wss" && !(public.scheme() == "ws" && to_loopback) {
            self.warn(codes::STREAM_SCHEME, "the stream's URL is not wss");
            return Err(StreamEnd::NotOpened(None));
        }
        if public.query().is_some() {
            self.warn(
                codes::STREAM_HANDSHAKE,
                "the stream's URL has a query, which Twilio does not pass on",
            );
            return Err(StreamEnd::NotOpened(None));
        }
        let request = http::address(self.config.connect_to, &plan.url)
            .and_then(|address| address.as_str().into_client_request().ok());
        let Some(mut request) = request else {
            return Err(StreamEnd::NotOpened(None));
        };
        let key = SignatureKey::auth_token(self.config.auth_token.clone());
        if let Ok(signature) = HeaderValue::from_str(&sign(&key, &plan.url, [])) {
            request.headers_mut().insert(SIGNATURE_HEADER, signature);
        }
        let limits = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_message_size(Some(1 << 20))
            .max_frame_size(Some(1 << 20));
        let connecting = connect_async_with_config(request, Some(limits), true);
        match timeout(PATIENCE, connecting).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(WsError::Http(response))) => {
                self.warn(
                    codes::STREAM_HANDSHAKE,
                    "the upgrade was not answered with 101",
                );
                Err(StreamEnd::NotOpened(Some(response.status().as_u16())))
            }
            Ok(Err(_)) | Err(_) => {
                self.warn(
                    codes::STREAM_CONNECT,
                    "the media socket could not be reached",
                );
                Err(StreamEnd::NotOpened(None))
            }
        }
    }
}

/// The server does not read any more, or is not reached any more.
struct Gone;

fn text_of(message: &ToServer<'_>) -> String {
    serde_json::to_string(message).expect("these messages have text keys only")
}

struct LiveStream<'c, 'k> {
    call: &'c mut LiveCall<'k>,
    socket: Socket,
    stream_sid: String,
    began_ms: u64,
    sequence: u64,
    frames: u64,
    returned: Vec<String>,
    /// A frame that is sent after the next one.
    late: Option<String>,
    agent_was_speaking: bool,
}

impl LiveStream<'_, '_> {
    async fn run(&mut self, parameters: &Map<String, Value>) -> Result<(StreamEnd, Step), Gone> {
        self.greet(parameters).await?;
        loop {
            let due = frame_due(self.began_ms, self.frames);
            tokio::select! {
                biased;
                () = self.call.clock.wait_until(due) => {
                    if let Some(ended) = self.frame(due).await? {
                        self.stop().await;
                        return Ok(ended);
                    }
                }
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.server_says(&text),
                    Some(Ok(Message::Binary(_))) => {
                        self.call.warn(codes::STREAM_BINARY, "a binary message came");
                    }
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map(|frame| u16::from(frame.code));
                        // Answers the close.
                        let _ = timeout(CLOSE_PATIENCE, self.socket.close(None)).await;
                        return Ok((StreamEnd::ServerClosed(code), Step::Next));
                    }
                    Some(Ok(_)) => {}
                    None | Some(Err(_)) => return Ok((StreamEnd::Broken, Step::Next)),
                },
            }
            self.return_marks().await?;
        }
    }

    async fn send(&mut self, message: &ToServer<'_>) -> Result<(), Gone> {
        self.send_text(text_of(message)).await
    }

    async fn send_text(&mut self, text: String) -> Result<(), Gone> {
        match timeout(PATIENCE, self.socket.send(Message::from(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    fn next_sequence(&mut self) -> String {
        self.sequence += 1;
        self.sequence.to_string()
    }

    async fn greet(&mut self, parameters: &Map<String, Value>) -> Result<(), Gone> {
        self.send(&ToServer::Connected {
            protocol: "Call",
            version: "1.0.0",
        })
        .await?;
        let sequence_number = self.next_sequence();
        let (stream_sid, call_sid) = (self.stream_sid.clone(), self.call.call_sid.clone());
        let account_sid = self.call.config.account_sid.as_str();
        let start = StartObject {
            account_sid,
            stream_sid: &stream_sid,
            call_sid: call_sid.as_str(),
            tracks: ["inbound"],
            media_format: MediaFormat {
                encoding: "audio/x-mulaw",
                sample_rate: 8000,
                channels: 1,
            },
            custom_parameters: parameters,
        };
        self.send(&ToServer::Start {
            sequence_number,
            start,
            stream_sid: &stream_sid,
        })
        .await
    }

    /// One frame of the caller, at its due time; or how the stream ends from this side.
    async fn frame(&mut self, due_ms: u64) -> Result<Option<(StreamEnd, Step)>, Gone> {
        let now = self.call.now_ms();
        self.call.playout.advance(now, &mut self.returned);
        let agent = self.agent_state(now);
        if now >= self.call.script.at_most_ms || self.call.caller.hangs_up(now, agent) {
            return Ok(Some((
                StreamEnd::CallerHungUp,
                Step::End(CallEnding::CallerHungUp),
            )));
        }
        if let Some(step) = self.call.commanded() {
            return Ok(Some((StreamEnd::TakenAway, step)));
        }
        if self.call.is_cut(now) {
            return Err(Gone);
        }
        let mut audio = [0; FRAME_BYTES];
        match self.call.caller.frame(now, agent, &mut audio) {
            Some(CallerTurn::Begins(index)) => self.call.tell(CarrierEvent::CallerBegan(index)),
            Some(CallerTurn::Ended(index)) => self.call.tell(CarrierEvent::CallerEnded(index)),
            None => {}
        }
        self.call.put_caller_audio(due_ms, &audio);
        self.send_media(&audio).await?;
        while let Some(key) = self.call.caller.key(now) {
            self.call.tell(CarrierEvent::KeyPressed);
            let sequence_number = self.next_sequence();
            let stream_sid = &self.stream_sid.clone();
            let dtmf = DtmfObject {
                track: "inbound_track",
                digit: key.to_string(),
            };
            self.send(&ToServer::Dtmf {
                stream_sid,
                sequence_number,
                dtmf,
            })
            .await?;
        }
        Ok(None)
    }

    async fn send_media(&mut self, audio: &[u8; FRAME_BYTES]) -> Result<(), Gone> {
        let media = MediaObject {
            track: "inbound",
            chunk: (self.frames + 1).to_string(),
            timestamp: (self.frames * FRAME_MS).to_string(),
            payload: STANDARD.encode(audio),
        };
        let fate = fate(self.frames, self.call.script.trouble.one_frame_in);
        self.frames += 1;
        self.call.seen.frames_sent += 1;
        let sequence_number = self.next_sequence();
        let text = text_of(&ToServer::Media {
            sequence_number,
            media,
            stream_sid: &self.stream_sid,
        });
        let late = self.late.take();
        match fate {
            Fate::Arrives => self.send_text(text).await?,
            Fate::Lost => {}
            Fate::Doubled => {
                self.send_text(text.clone()).await?;
                self.send_text(text).await?;
            }
            Fate::Late => self.late = Some(text),
        }
        match late {
            Some(late) => self.send_text(late).await,
            None => Ok(()),
        }
    }

    /// What the caller hears now; tells when that changes.
    fn agent_state(&mut self, now_ms: u64) -> AgentState {
        let speaking = self.call.playout.is_speaking();
        if speaking != self.agent_was_speaking {
            self.agent_was_speaking = speaking;
            self.call.tell(if speaking {
                CarrierEvent::AgentBegan
            } else {
                CarrierEvent::AgentEnded
            });
        }
        let last_speech = self.call.playout.last_speech();
        AgentState {
            last_speech: last_speech
                .map(|span| (span.start_ms, if speaking { now_ms } else { span.end_ms })),
            speaking,
        }
    }

    fn server_says(&mut self, text: &str) {
        let now = self.call.now_ms();
        self.call.playout.advance(now, &mut self.returned);
        match read(text, &self.stream_sid) {
            Ok(FromServer::Media(audio)) => {
                self.call.seen.media_messages += 1;
                self.call.seen.media_bytes += audio.len() as u64;
                self.call.seen.partial_frames += u64::from(audio.len() % FRAME_BYTES != 0);
                if !self.call.playout.push(&audio) {
                    self.call
                        .warn(codes::STREAM_MESSAGE, "ten minutes of audio are queued");
                }
            }
            Ok(FromServer::Mark(name)) => {
                self.call.playout.push_mark(name);
                self.call.playout.advance(now, &mut self.returned);
            }
            Ok(FromServer::Clear) => {
                self.call.seen.clears += 1;
                let dropped_ms = self.call.playout.clear(&mut self.returned);
                self.call.tell(CarrierEvent::Cleared { dropped_ms });
            }
            Err(detail) => self.call.warn(codes::STREAM_MESSAGE, detail),
        }
    }

    async fn return_marks(&mut self) -> Result<(), Gone> {
        for name in std::mem::take(&mut self.returned) {
            let sequence_number = self.next_sequence();
            let stream_sid = &self.stream_sid.clone();
            let mark = MarkObject { name: &name };
            self.send(&ToServer::Mark {
                sequence_number,
                stream_sid,
                mark,
            })
            .await?;
            self.call.seen.marks.push(name);
        }
        Ok(())
    }

    /// Says `stop` and closes. A server that is gone already does not change why the stream ends.
    async fn stop(&mut self) {
        let sequence_number = self.next_sequence();
        let (stream_sid, call_sid) = (self.stream_sid.clone(), self.call.call_sid.clone());
        let account_sid = self.call.config.account_sid.as_str();
        let stop = StopObject {
            account_sid,
            call_sid: call_sid.as_str(),
        };
        let stopping = ToServer::Stop {
            sequence_number,
            stop,
            stream_sid: &stream_sid,
        };
        if self.send(&stopping).await.is_ok() {
            let _ = timeout(CLOSE_PATIENCE, async {
                self.socket.close(None).await?;
                while let Some(message) = self.socket.next().await {
                    message?;
                }
                Ok::<(), WsError>(())
            })
            .await;
        }
    }
}
