//! A browser's websocket as a telephony leg.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::Message;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use prosaas_core::leg::{FRAME_BYTES, LegClosed, LegCommand, LegEvent, TelephonyLeg};
use prosaas_realtime::session::CallUpdate;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::wire::{FromPage, ToPage};

/// The longest sound in one message: a browser that was busy sends what it has gathered.
const MAX_SOUND: usize = 10 * FRAME_BYTES;
/// Half a minute of sound that the page has not taken: it is not listening.
const MAX_WAITING: usize = 1_500 * FRAME_BYTES;
/// What a small message counts for, in bytes.
const SMALLEST: usize = 16;
/// Bytes in a millisecond, twice as many as speech has.
const FASTEST: u64 = 16;
/// What may come at once after a pause of the network, in bytes.
const BURST: u64 = 32_000;
/// How long a polite close waits for the page.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// What a websocket is to a leg.
pub(super) trait Socket:
    Stream<Item = Result<Message, axum::Error>> + Sink<Message> + Unpin + Send
{
}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message> + Unpin + Send
{
}

/// The websocket of one talk. A close is the caller hanging up; there is nobody who would connect again.
pub(super) struct BrowserLeg<S> {
    socket: S,
    /// What the session says of the talk: the page is told what was said.
    updates: mpsc::Receiver<CallUpdate>,
    /// What the socket has not taken yet.
    outbox: VecDeque<Message>,
    /// How many bytes that is.
    waiting: usize,
    pace: Pace,
    ended: Option<LegEvent>,
}

impl<S> fmt::Debug for BrowserLeg<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserLeg")
            .field("waiting", &self.waiting)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl<S: Socket> BrowserLeg<S> {
    /// A talk over this socket, which passes on what the session says.
    pub(super) fn new(socket: S, updates: mpsc::Receiver<CallUpdate>) -> Self {
        Self {
            socket,
            updates,
            outbox: VecDeque::new(),
            waiting: 0,
            pace: Pace::new(),
            ended: None,
        }
    }

    /// Tells the page how the talk ended, and closes.
    pub(super) async fn finish(mut self, end: &'static str) {
        while let Ok(update) = self.updates.try_recv() {
            self.pass_on(&update);
        }
        self.tell(&ToPage::Ended(end));
        self.push(Message::Close(None));
        let goodbye = async {
            if poll_fn(|cx| self.poll_out(cx)).await.is_err() {
                return;
            }
            // What the page still sends is read: closing over it would lose the goodbye.
            while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut self.socket).poll_next(cx)).await {}
        };
        // A page that does not answer is simply dropped.
        let _ = timeout(CLOSE_WITHIN, goodbye).await;
    }

    fn pass_on(&mut self, update: &CallUpdate) {
        if let CallUpdate::Line(line) = update {
            self.tell(&ToPage::Line {
                seq: line.seq,
                speaker: line.speaker,
                text: &line.text,
            });
        }
    }

    fn tell(&mut self, message: &ToPage<'_>) {
        self.push(Message::text(message.to_json()));
    }

    fn push(&mut self, message: Message) {
        self.waiting += size(&message);
        self.outbox.push_back(message);
        if self.waiting > MAX_WAITING {
            self.ended = Some(LegEvent::Lost);
        }
    }

    /// Hands the socket what waits, and pushes that to the wire.
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        while !self.outbox.is_empty() {
            if ready!(Pin::new(&mut self.socket).poll_ready(cx)).is_err() {
                return Poll::Ready(Err(LegClosed));
            }
            let Some(message) = self.outbox.pop_front() else {
                break;
            };
            self.waiting -= size(&message);
            if Pin::new(&mut self.socket).start_send(message).is_err() {
                return Poll::Ready(Err(LegClosed));
            }
        }
        Pin::new(&mut self.socket)
            .poll_flush(cx)
            .map_err(|_| LegClosed)
    }

    /// What a message means, if it means anything to a call.
    fn read(&mut self, message: Message, audio: &mut Vec<u8>) -> Option<LegEvent> {
        if !self.pace.allows(size(&message)) {
            tracing::warn!("a page sends faster than anybody speaks; it was cut off");
            return Some(LegEvent::Lost);
        }
        match message {
            Message::Binary(sound) => Some(hear(&sound, audio)),
            Message::Text(text) => Some(match FromPage::read(text.as_str()) {
                Some(FromPage::Mark(mark)) => LegEvent::Mark(mark),
                Some(FromPage::HangUp) => LegEvent::Stopped,
                None => LegEvent::Malformed,
            }),
            Message::Close(_) => Some(LegEvent::Stopped),
            // The websocket answers pings by itself.
            Message::Ping(_) | Message::Pong(_) => None,
        }
    }
}

impl<S: Socket> TelephonyLeg for BrowserLeg<S> {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<LegEvent> {
        while let Poll::Ready(Some(update)) = self.updates.poll_recv(cx) {
            self.pass_on(&update);
        }
        // A socket that is gone says so when it is read.
        let _ = self.poll_out(cx);
        loop {
            if let Some(end) = self.ended {
                return Poll::Ready(end);
            }
            let event = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(message)) => self.read(message, audio),
                Some(Err(_)) | None => Some(LegEvent::Lost),
            };
            match event {
                Some(end @ (LegEvent::Stopped | LegEvent::Lost)) => self.ended = Some(end),
                Some(event) => return Poll::Ready(event),
                None => {}
            }
        }
    }

    fn send(&mut self, command: LegCommand<'_>) -> Result<(), LegClosed> {
        if self.ended.is_some() {
            return Err(LegClosed);
        }
        match command {
            LegCommand::Audio(audio) => self.push(Message::Binary(Bytes::copy_from_slice(audio))),
            LegCommand::Mark(mark) => self.tell(&ToPage::Mark(mark)),
            LegCommand::Clear => self.tell(&ToPage::Clear),
        }
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        self.poll_out(cx)
    }
}

fn hear(sound: &[u8], audio: &mut Vec<u8>) -> LegEvent {
    let is_whole = sound.len().is_multiple_of(FRAME_BYTES);
    if sound.is_empty() || !is_whole || sound.len() > MAX_SOUND {
        return LegEvent::Malformed;
    }
    audio.extend_from_slice(sound);
    LegEvent::Audio { timestamp_ms: None }
}

fn size(message: &Message) -> usize {
    let bytes = match message {
        Message::Text(text) => text.as_str().len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    };
    bytes.max(SMALLEST)
}

/// Notices a page that sends faster than anybody speaks: what a model hears, the business pays for.
#[derive(Debug)]
struct Pace {
    since: Instant,
    taken: u64,
}

impl Pace {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            taken: 0,
        }
    }

    fn allows(&mut self, bytes: usize) -> bool {
        self.taken += bytes as u64;
        let passed = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.taken <= passed.saturating_mul(FASTEST).saturating_add(BURST)
    }
}

#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
