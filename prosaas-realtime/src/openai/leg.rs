//! The AI leg over one websocket, polled by the task that owns the call: no task, no channel.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use prosaas_core::agent::{AgentBrief, HistoryTurn};
use prosaas_core::leg::{AiCommand, AiError, AiErrorKind, AiEvent, AiLeg, LegClosed};
use prosaas_core::time::{Clock, UnixMillis};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data as OpData, OpCode};
use tungstenite::{Error as SocketError, Message, Utf8Bytes};

use super::config::OpenAiConfig;
use super::connect::is_end;
use super::connection::{self, Socket};
use super::translate::{Translator, own_error};
use super::wire::{Encoder, session_update};

/// A message longer than this leaves a buffer that is not worth keeping, such as the echo of the configuration.
const LARGE: usize = 3 * 1024;
/// How often the leg looks whether the model is still there.
const TICK: Duration = Duration::from_secs(10);

/// Ping every 20 s, dead after 30 s without any frame. Counted in ticks, so that a frame costs no clock.
#[derive(Debug, Default)]
struct Keepalive {
    quiet_ticks: u32,
    ticks: u32,
    heard: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Tick {
    Nothing,
    Ping,
    Dead,
}

impl Keepalive {
    const fn tick(&mut self) -> Tick {
        self.ticks = self.ticks.wrapping_add(1);
        self.quiet_ticks = if self.heard { 0 } else { self.quiet_ticks + 1 };
        self.heard = false;
        if self.quiet_ticks >= 3 {
            Tick::Dead
        } else if self.ticks.is_multiple_of(2) {
            Tick::Ping
        } else {
            Tick::Nothing
        }
    }
}

/// A leg over any byte stream.
#[derive(Debug)]
pub(super) struct OpenAiLeg<S> {
    socket: Socket<S>,
    translator: Translator,
    encoder: Encoder,
    keepalive: Keepalive,
    interval: Interval,
    clock: Arc<dyn Clock>,
    closed: bool,
    large: Option<Large>,
}

/// A long message, kept until as much again was read: the library cannot go on in a buffer that somebody still
/// reads, takes a new one of its usual size, and the large one is given back.
#[derive(Debug)]
struct Large {
    _text: Utf8Bytes,
    left: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> OpenAiLeg<S> {
    /// A leg over a connected socket. Nothing is sent yet.
    pub(super) fn new(socket: Socket<S>, config: &OpenAiConfig) -> Self {
        let mut interval = interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval.reset();
        Self {
            socket,
            translator: Translator::new(&*config.model, config.transcription_model.as_deref()),
            encoder: Encoder::default(),
            keepalive: Keepalive::default(),
            interval,
            clock: Arc::clone(&config.clock),
            closed: false,
            large: None,
        }
    }

    /// Sends the configuration and what was said before.
    pub(super) async fn configure(
        &mut self,
        config: &OpenAiConfig,
        brief: &AgentBrief,
    ) -> Result<(), AiError> {
        let lost = |_: LegClosed| {
            own_error(
                AiErrorKind::Connect,
                "closed",
                "the model closed the connection at once",
            )
        };
        let setup = session_update(&mut self.encoder, config, brief);
        self.push_early(setup).map_err(lost)?;
        for turn in brief.history.iter().filter(|turn| !turn.is_empty()) {
            self.replay(turn).map_err(lost)?;
        }
        // The configuration was by far the longest message.
        self.encoder = Encoder::default();
        std::future::poll_fn(|cx| self.poll_flush(cx))
            .await
            .map_err(lost)
    }

    /// Tells a turn of an earlier leg: words as text, a tool call as what it was.
    fn replay(&mut self, turn: &HistoryTurn) -> Result<(), LegClosed> {
        let Some(tool) = &turn.tool else {
            let message = self.encoder.message(turn.speaker.into(), &turn.text);
            return self.push_early(message);
        };
        let call = self
            .encoder
            .tool_call(&tool.call, &tool.name, &tool.arguments);
        self.push_early(call)?;
        if let Some(output) = &tool.output {
            let output = self.encoder.tool_output(&tool.call, output);
            self.push_early(output)?;
        }
        Ok(())
    }

    /// Queues a long message before anything else was sent. It goes past the library, which would keep a buffer
    /// of that size for the rest of the call.
    fn push_early(&mut self, json: Bytes) -> Result<(), LegClosed> {
        let mask = getrandom::u32().map_err(|_| LegClosed)?;
        let mut frame = Frame::message(json, OpCode::Data(OpData::Text), true);
        frame.header_mut().mask = Some(mask.to_ne_bytes());
        let leaving = self.socket.get_mut().leaving();
        frame.format(leaving).map_err(|_| LegClosed)
    }

    fn push_audio(&mut self, mulaw: &[u8]) -> Result<(), LegClosed> {
        // Base64 between two constants needs no check that it is UTF-8.
        let text = OpCode::Data(OpData::Text);
        let frame = Frame::message(self.encoder.audio(mulaw), text, true);
        self.push_message(Message::Frame(frame))
    }

    /// Hands a message to the socket, which writes it at once or keeps it in its bounded buffer.
    fn push(&mut self, json: Bytes) -> Result<(), LegClosed> {
        let text = Utf8Bytes::try_from(json).map_err(|_| LegClosed)?;
        self.push_message(Message::Text(text))
    }

    fn push_message(&mut self, message: Message) -> Result<(), LegClosed> {
        if self.closed {
            return Err(LegClosed);
        }
        let queued = connection::queue(&mut self.socket, message);
        // The message's memory: between two frames it would only lie there.
        self.encoder = Encoder::default();
        queued.map_err(|error| {
            self.closed = true;
            tracing::debug!(%error, "the model does not take our messages");
            LegClosed
        })
    }

    /// One frame; `None` when it means nothing to the call.
    fn frame(
        &mut self,
        frame: Result<Message, SocketError>,
        audio: &mut Vec<u8>,
    ) -> Option<AiEvent> {
        self.keepalive.heard = true;
        match frame {
            Ok(Message::Text(text)) => {
                let event = self.translator.translate(&text, audio);
                self.give_back_after(text);
                event
            }
            Ok(Message::Binary(_)) => Some(AiEvent::Malformed),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => None,
            Ok(Message::Close(reason)) => {
                let code = reason.as_ref().map(|r| u16::from(r.code));
                tracing::debug!(code, "the model closed the connection");
                Some(self.close())
            }
            // Text that is not UTF-8 ends the stream as well: the protocol asks for it.
            Err(error) => {
                if !is_end(&error) {
                    tracing::debug!(%error, "the connection to the model broke");
                }
                Some(self.close())
            }
        }
    }

    fn give_back_after(&mut self, text: Utf8Bytes) {
        if let Some(large) = &mut self.large {
            large.left = large.left.saturating_sub(text.len());
        }
        if text.len() > LARGE {
            let left = 2 * text.len();
            self.large = Some(Large { _text: text, left });
        } else if self.large.as_ref().is_some_and(|large| large.left == 0) {
            self.large = None;
        }
    }

    /// How much longer the vendor keeps the session, once after it said so. A leg may have waited for its call
    /// meanwhile.
    fn life_left(&mut self) -> Option<AiEvent> {
        let ends = i64::try_from(self.translator.take_expiry()?).ok()?;
        let left = UnixMillis(ends.saturating_mul(1_000)).since(self.clock.now());
        let ms = u64::try_from(left).unwrap_or(0);
        Some(AiEvent::LifeLeft { ms })
    }

    const fn close(&mut self) -> AiEvent {
        self.closed = true;
        AiEvent::Closed
    }

    fn poll_keepalive(&mut self, cx: &mut Context<'_>) -> Poll<AiEvent> {
        loop {
            ready!(self.interval.poll_tick(cx));
            match self.keepalive.tick() {
                Tick::Nothing => {}
                Tick::Ping => {
                    if self.push_message(Message::Ping(Bytes::new())).is_err() {
                        return Poll::Ready(AiEvent::Closed);
                    }
                    // A ping that cannot be written now is written with the next message.
                    let _ = connection::poll_flush(&mut self.socket, cx);
                }
                Tick::Dead => {
                    tracing::debug!("nothing from the model for 30 s");
                    return Poll::Ready(self.close());
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> AiLeg for OpenAiLeg<S> {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent> {
        if let Some(event) = self.translator.take_pending() {
            return Poll::Ready(event);
        }
        if self.closed {
            return Poll::Ready(AiEvent::Closed);
        }
        if let Some(event) = self.life_left() {
            return Poll::Ready(event);
        }
        while let Poll::Ready(frame) = connection::poll_message(&mut self.socket, cx) {
            if let Some(event) = self.frame(frame, audio) {
                return Poll::Ready(event);
            }
        }
        self.poll_keepalive(cx)
    }

    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed> {
        let json = match command {
            AiCommand::Audio(mulaw) => return self.push_audio(mulaw),
            AiCommand::RequestReply {
                request,
                instructions,
            } => self.encoder.request_reply(request, instructions),
            // A reply or item the leg has forgotten is over long since.
            AiCommand::CancelReply { request, reply } => {
                let Some(name) = self.translator.reply_name(reply) else {
                    return Ok(());
                };
                self.encoder.cancel(request, name)
            }
            AiCommand::Truncate {
                request,
                item,
                content,
                played_ms,
            } => {
                let Some(name) = self.translator.item_name(item) else {
                    return Ok(());
                };
                self.encoder.truncate(request, name, content, played_ms)
            }
            AiCommand::ToolOutput { call, output } => self.encoder.tool_output(call, output),
            AiCommand::CallerNote(text) => self.encoder.message(super::wire::Author::Caller, text),
            AiCommand::SystemNote(text) => self.encoder.message(super::wire::Author::System, text),
        };
        self.push(json)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        if self.closed {
            return Poll::Ready(Err(LegClosed));
        }
        match ready!(connection::poll_flush(&mut self.socket, cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                tracing::debug!(%error, "the model does not take our messages");
                self.closed = true;
                Poll::Ready(Err(LegClosed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use prosaas_core::leg::{ItemId, ReplyEnd, RequestId};
    use prosaas_core::time::ManualClock;
    use tokio::io::DuplexStream;
    use tokio_tungstenite::WebSocketStream;
    use tungstenite::protocol::Role;

    use super::*;
    use crate::openai::connect::socket_config;
    use crate::openai::connection::Connection;

    /// A leg and the model's end of its connection.
    async fn connected() -> (OpenAiLeg<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        let config = OpenAiConfig::new("wss://h/".parse().unwrap(), "gpt-realtime-2.1");
        let ours = Connection::new(ours);
        let socket = Socket::from_raw_socket(ours, Role::Client, Some(socket_config()));
        let peer = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        (OpenAiLeg::new(socket, &config), peer)
    }

    async fn event(leg: &mut OpenAiLeg<DuplexStream>) -> AiEvent {
        std::future::poll_fn(|cx| leg.poll_event(cx, &mut Vec::new())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_model_is_dead_after_thirty_seconds() {
        let (mut leg, _peer) = connected().await;
        let began = tokio::time::Instant::now();
        assert_eq!(event(&mut leg).await, AiEvent::Closed);
        assert_eq!(began.elapsed().as_secs(), 30);
        assert_eq!(event(&mut leg).await, AiEvent::Closed, "and stays closed");
    }

    #[tokio::test(start_paused = true)]
    async fn pongs_keep_a_quiet_connection_alive() {
        let (mut leg, mut peer) = connected().await;
        // The peer reads for five minutes, which answers pings, and then says something.
        let quiet = async {
            let five_minutes = tokio::time::Instant::now() + Duration::from_mins(5);
            let mut pings = 0;
            while let Ok(frame) = tokio::time::timeout_at(five_minutes, peer.next()).await {
                pings += u32::from(matches!(frame, Some(Ok(Message::Ping(_)))));
            }
            peer.send(Message::text(r#"{"type":"session.updated"}"#))
                .await
                .unwrap();
            pings
        };
        let (seen, pings) = tokio::join!(event(&mut leg), quiet);
        assert_eq!(seen, AiEvent::Ready);
        assert!((14..=15).contains(&pings), "{pings} pings in five minutes");
    }

    #[tokio::test]
    async fn a_model_that_does_not_read_is_noticed() {
        let (mut leg, _peer) = connected().await;
        let frame = [0xFF; 8_000];
        let sent = (0..1_000)
            .take_while(|_| leg.send(AiCommand::Audio(&frame)).is_ok())
            .count();
        assert!((40..100).contains(&sent), "{sent} s of audio were queued");
        assert_eq!(event(&mut leg).await, AiEvent::Closed);
    }

    #[tokio::test]
    async fn frames_become_events_and_a_close_ends_the_leg() {
        let (mut leg, mut peer) = connected().await;
        for frame in [
            Message::text(r#"{"type":"rate_limits.updated"}"#),
            Message::binary(vec![1, 2]),
            Message::text(
                r#"{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"code":"x"}}}}"#,
            ),
            Message::Close(None),
        ] {
            peer.send(frame).await.unwrap();
        }
        assert_eq!(
            event(&mut leg).await,
            AiEvent::Malformed,
            "binary frames are not part of the wire"
        );
        assert!(matches!(event(&mut leg).await, AiEvent::Failed(_)));
        assert!(matches!(
            event(&mut leg).await,
            AiEvent::ReplyEnded {
                end: ReplyEnd::Failed,
                ..
            }
        ));
        assert_eq!(event(&mut leg).await, AiEvent::Closed);
        assert_eq!(leg.send(AiCommand::SystemNote("late")), Err(LegClosed));
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_told_as_what_is_left_of_it() {
        for (created, updated, left) in [
            (
                r#"{"expires_at":1000}"#,
                r#"{"expires_at":1000}"#,
                Some(60_000),
            ),
            (r#"{"expires_at":1000}"#, "{}", Some(60_000)),
            ("{}", r#"{"expires_at":900}"#, Some(0)),
            (r#"{"expires_at":"soon"}"#, r#"{"expires_at":-1}"#, None),
        ] {
            let (mut leg, mut peer) = connected().await;
            leg.clock = Arc::new(ManualClock::at(UnixMillis(940_000)));
            for (kind, session) in [("created", created), ("updated", updated)] {
                let text = format!(r#"{{"type":"session.{kind}","session":{session}}}"#);
                peer.send(Message::text(text)).await.unwrap();
            }
            peer.send(Message::binary(vec![1])).await.unwrap();
            assert_eq!(event(&mut leg).await, AiEvent::Ready);
            if let Some(ms) = left {
                assert_eq!(event(&mut leg).await, AiEvent::LifeLeft { ms }, "{created}");
            }
            assert_eq!(event(&mut leg).await, AiEvent::Malformed, "told once");
        }
    }

    #[tokio::test]
    async fn a_command_about_something_forgotten_is_left_out() {
        let (mut leg, mut peer) = connected().await;
        let request = RequestId(1);
        let truncate = AiCommand::Truncate {
            request,
            item: ItemId(5),
            content: 0,
            played_ms: 10,
        };
        leg.send(truncate).unwrap();
        leg.send(AiCommand::ToolOutput {
            call: "c",
            output: "{}",
        })
        .unwrap();
        std::future::poll_fn(|cx| leg.poll_flush(cx)).await.unwrap();
        let first = peer.next().await.unwrap().unwrap().into_text().unwrap();
        assert!(first.contains("function_call_output"), "{first}");
    }
}
