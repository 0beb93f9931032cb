//! The media websocket as a telephony leg.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use prosaas_core::leg::{LegClosed, LegCommand, LegEvent, TelephonyLeg};
use prosaas_core::{StreamSid, leg::MarkId};
use tokio::time::{Instant, timeout};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, Utf8Bytes};

use super::connection::{self, Socket};
use super::rounds::Rounds;
use crate::media::{self, Encoder, Inbound};

/// How long a polite close waits for the other side.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The authorised media socket of one call.
///
/// Reports only the caller's audio. A `stop` message is [`LegEvent::Stopped`]; an error, a close without a
/// `stop`, and a flood of messages are [`LegEvent::Lost`], since the call may well live on. Reading a
/// frame allocates nothing of its own once the buffers have grown.
pub struct MediaSocket {
    socket: Socket,
    /// When it is read; `None` whenever something arrives.
    rounds: Option<Rounds>,
    encoder: Encoder,
    rate: RateGuard,
    ended: Option<LegEvent>,
}

impl MediaSocket {
    pub(super) fn new(socket: Socket, stream_sid: StreamSid, rate: RateGuard) -> Self {
        let encoder = Encoder::new(stream_sid);
        Self {
            socket,
            rounds: None,
            encoder,
            rate,
            ended: None,
        }
    }

    /// The stream.
    pub const fn stream_sid(&self) -> &StreamSid {
        self.encoder.stream_sid()
    }

    /// Reads at fixed times, `every` so often, instead of whenever something arrives.
    ///
    /// A frame comes every 20 ms, and being woken for it costs more than handling it. With 60 ms one wake-up
    /// takes in three frames, and calls of one process are woken together. The price: what the carrier says,
    /// audio, keys, marks and `stop`, is noticed up to `every` later. A mark that is noticed late lets less
    /// count as played, never more. What is sent still leaves at once.
    pub fn read_every(&mut self, every: Duration) {
        self.socket.get_mut().unwatch();
        self.rounds = Some(Rounds::new(every));
    }

    /// Ends the stream with a closing handshake of at most a second; Twilio goes on with the next verb.
    pub async fn close(mut self) {
        self.socket.get_mut().watch();
        close(self.socket, CloseCode::Normal, "").await;
    }

    /// The next message that has arrived; `None` when the connection is over.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let Some(rounds) = &mut self.rounds else {
            return connection::poll_message(&mut self.socket, cx);
        };
        loop {
            if ready!(rounds.poll_begin(cx)) {
                self.socket.get_mut().look_again();
            }
            if let Poll::Ready(message) = connection::poll_message(&mut self.socket, cx) {
                return Poll::Ready(message);
            }
            rounds.rest();
        }
    }

    fn end(&mut self, event: LegEvent) -> LegEvent {
        self.ended = Some(event);
        event
    }

    /// What a text message means, if it means anything to a call.
    fn read(&mut self, text: &str, audio: &mut Vec<u8>) -> Option<LegEvent> {
        if let Some(at) = media::usual_frame(text, self.encoder.stream_sid(), audio) {
            let timestamp_ms = Some(at);
            return Some(LegEvent::Audio { timestamp_ms });
        }
        let Ok(message) = media::parse_of(text, self.encoder.stream_sid()) else {
            return Some(LegEvent::Malformed);
        };
        match message {
            Inbound::Media {
                inbound: true,
                timestamp_ms,
                payload,
                ..
            } => match media::decode_payload(&payload, audio) {
                Ok(_) => Some(LegEvent::Audio { timestamp_ms }),
                Err(_) => Some(LegEvent::Malformed),
            },
            Inbound::Dtmf(key) => Some(LegEvent::Dtmf(key)),
            // A name that is not ours is no mark we sent.
            Inbound::Mark(name) => Some(
                name.parse::<MarkId>()
                    .map_or(LegEvent::Malformed, LegEvent::Mark),
            ),
            Inbound::Stop => Some(self.end(LegEvent::Stopped)),
            // A socket has one stream, which has begun.
            Inbound::Start(_) => Some(LegEvent::Malformed),
            _ => None,
        }
    }
}

impl TelephonyLeg for MediaSocket {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<LegEvent> {
        if let Some(end) = self.ended {
            return Poll::Ready(end);
        }
        loop {
            let message = match ready!(self.poll_message(cx)) {
                Some(message) if self.rate.allows_one_more() => message,
                _ => return Poll::Ready(self.end(LegEvent::Lost)),
            };
            let event = match message {
                Message::Text(text) => self.read(&text, audio),
                Message::Binary(_) => Some(LegEvent::Malformed),
                Message::Close(_) => Some(self.end(LegEvent::Lost)),
                // The websocket answers pings by itself.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
            };
            if let Some(event) = event {
                return Poll::Ready(event);
            }
        }
    }

    fn send(&mut self, command: LegCommand<'_>) -> Result<(), LegClosed> {
        if self.ended.is_some() {
            return Err(LegClosed);
        }
        match command {
            LegCommand::Audio(audio) => self.encoder.media(audio),
            LegCommand::Mark(mark) => self.encoder.mark(mark),
            LegCommand::Clear => self.encoder.clear(),
        };
        // A few messages a second: a buffer kept for them would be as large as one and mostly idle.
        let text = Utf8Bytes::from(self.encoder.take());
        connection::queue(&mut self.socket, Message::Text(text)).map_err(|_| LegClosed)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        connection::poll_flush(&mut self.socket, cx).map_err(|_| LegClosed)
    }
}

impl fmt::Debug for MediaSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaSocket")
            .field("stream_sid", self.stream_sid())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Says goodbye, then reads what the other side still sends: closing over unread data would reset the
/// connection, and the goodbye would be lost.
pub(super) async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) {
    let goodbye = async {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        if connection::queue(&mut socket, Message::Close(Some(frame))).is_ok()
            && poll_fn(|cx| connection::poll_flush(&mut socket, cx))
                .await
                .is_ok()
        {
            while poll_fn(|cx| connection::poll_message(&mut socket, cx))
                .await
                .is_some()
            {}
        }
    };
    // A peer that does not answer is simply dropped.
    let _ = timeout(CLOSE_WITHIN, goodbye).await;
}

/// Notices a flood. Twilio sends 50 messages a second; a short burst after a network stall is normal.
///
/// Reads the clock once per `limit` messages, so a flood is noticed within twice as many.
#[derive(Debug)]
pub(super) struct RateGuard {
    limit: u32,
    count: u32,
    since: Instant,
}

impl RateGuard {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            count: 0,
            since: Instant::now(),
        }
    }

    pub(super) fn allows_one_more(&mut self) -> bool {
        self.count += 1;
        if self.count <= self.limit {
            return true;
        }
        let now = Instant::now();
        let too_fast = now.duration_since(self.since) < Duration::from_secs(1);
        (self.count, self.since) = (1, now);
        !too_fast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_noticed_and_an_ordinary_stream_is_not() {
        let mut guard = RateGuard::new(200);
        for _ in 0..10_000 {
            assert!(guard.allows_one_more());
            tokio::time::advance(Duration::from_millis(20)).await;
        }
        let allowed = (0..10_000).take_while(|_| guard.allows_one_more()).count();
        assert!((200..=400).contains(&allowed), "{allowed} messages passed");
    }
}
