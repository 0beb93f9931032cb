//! The model's side: one listener that every subject connects to, one task per connection.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    http::{self, Head},
    model_events::{self as events, ReplyIds},
    rig::{Dialect, Rig, lock},
    schedule::{Conversation, DELTA_FRAMES, Step},
    stamp::{FRAME_MS, Reframer, Stamp, Tally},
    wire::{Incoming, Socket},
};

/// One reply as the model knows it.
#[derive(Debug, Default, Clone)]
pub struct ReplyLog {
    /// Frames sent.
    pub frames: u32,
    /// When it was complete (or reported as cancelled).
    pub ended_ns: Option<u64>,
    /// When the caller's interruption was reported.
    pub interrupted_ns: Option<u64>,
    /// The subject's truncations: when they arrived, and `audio_end_ms`.
    pub truncations: Vec<(u64, u64)>,
}

/// Everything one model connection noticed.
#[derive(Debug, Default)]
pub struct ModelLog {
    /// Number of the connection, the source in its stamps.
    pub connection: u32,
    /// The caller's frames.
    pub caller: Tally,
    /// Frames without a stamp: padding, or silence made by the subject.
    pub unstamped: u64,
    /// Appends that were not whole frames.
    pub ragged: u64,
    /// Messages that carried caller audio.
    pub appends: u64,
    /// Its replies, in order.
    pub replies: Vec<ReplyLog>,
    /// `response.create` while a reply was active, refused as the API does.
    pub create_refused: u64,
    /// Truncations beyond the audio sent, or of an item that does not exist: refused as the API does.
    pub truncate_refused: u64,
}

/// Accepts connections until the task is aborted.
pub async fn serve(rig: Arc<Rig>, listener: TcpListener) -> anyhow::Result<()> {
    let connections = Arc::new(AtomicU32::new(1));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.context("the model's listener failed")?;
                let number = connections.fetch_add(1, Ordering::Relaxed);
                tasks.spawn(exchange(Arc::clone(&rig), stream, number));
            }
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Binds the model's listener on a free port of the loopback interface.
pub async fn bind() -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .context("no free loopback port")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn exchange(rig: Arc<Rig>, mut stream: TcpStream, number: u32) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut head = Head::read(&mut stream).await?;
    if head.header("upgrade").is_none() {
        let body = head.body(&mut stream).await?;
        return http::answer_json(&mut stream, &super::rest::answer(&head.first_line, &body)).await;
    }
    let delay = rig.accept_delay();
    if !delay.is_zero() {
        rig.pass(delay).await;
    }
    let socket = http::accept_websocket(stream, head).await?;
    Model::new(rig, socket, number).run().await
}

struct Model {
    rig: Arc<Rig>,
    socket: Socket,
    log: Arc<Mutex<ModelLog>>,
    number: u32,
    bound: bool,
    conversation: Conversation,
    stream_sid: String,
    ids: ReplyIds,
    items: HashMap<String, usize>,
    reply_active: bool,
    caller_item: u32,
    event: u64,
    reframer: Reframer,
    audio: Vec<u8>,
    text: String,
}

impl Model {
    fn new(rig: Arc<Rig>, socket: Socket, number: u32) -> Self {
        let conversation = Conversation::new(Arc::clone(&rig.timeline), number);
        let log = ModelLog {
            connection: number,
            ..ModelLog::default()
        };
        Self {
            rig,
            socket,
            log: Arc::new(Mutex::new(log)),
            number,
            bound: false,
            conversation,
            stream_sid: String::new(),
            ids: ReplyIds::default(),
            items: HashMap::new(),
            reply_active: false,
            caller_item: 0,
            event: 0,
            reframer: Reframer::default(),
            audio: Vec::new(),
            text: String::new(),
        }
    }

    async fn run(mut self) -> anyhow::Result<()> {
        if self.rig.dialect == Dialect::Realtime {
            self.send(events::session(
                "session.created",
                self.number,
                &Value::Null,
            ))
            .await?;
        }
        let timer = tokio::time::sleep_until(tokio::time::Instant::now());
        tokio::pin!(timer);
        loop {
            tokio::select! {
                biased;
                filled = self.socket.fill() => {
                    if filled.is_err() || self.read().await? == Reading::Closed {
                        return Ok(());
                    }
                }
                () = &mut timer, if self.conversation.due_ns().is_some() => {}
            }
            while self
                .conversation
                .due_ns()
                .is_some_and(|due| due <= self.rig.now_ns())
            {
                let step = self.conversation.advance();
                self.take_step(step).await?;
            }
            if let Some(due) = self.conversation.due_ns() {
                timer.as_mut().reset(self.rig.instant(due));
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<Reading> {
        let now = self.rig.now_ns();
        while let Some(incoming) = self.socket.message()? {
            let Incoming::Text(range) = incoming else {
                self.socket.close().await?;
                return Ok(Reading::Closed);
            };
            let text = std::str::from_utf8(self.socket.bytes(range))?;
            let key = match self.rig.dialect {
                Dialect::Carrier => r#""payload":""#,
                Dialect::Realtime => r#""audio":""#,
            };
            if let Some(payload) = audio_of(text, key) {
                self.audio.clear();
                STANDARD
                    .decode_vec(payload, &mut self.audio)
                    .context("caller audio not base64")?;
                self.hear(now);
            } else {
                let message: Value = serde_json::from_str(text)?;
                self.obey(now, &message).await?;
            }
        }
        self.socket.flush().await?;
        Ok(Reading::Open)
    }

    /// Takes the caller's frames of one message.
    fn hear(&mut self, now: u64) {
        let mut log = lock(&self.log);
        let (mut source, rig) = (None, &self.rig);
        self.reframer
            .push(&self.audio, |frame| match Stamp::read(frame) {
                Some(stamp) => {
                    source = Some(stamp.source);
                    log.caller.arrived(stamp.sequence);
                    if rig.is_steady(stamp.sequence) {
                        let delay = now.saturating_sub(stamp.sent_ns);
                        rig.measure(|live| live.caller_delay.record(delay));
                    }
                }
                None => log.unstamped += 1,
            });
        log.appends += 1;
        log.ragged = self.reframer.ragged;
        drop(log);
        if let (false, Some(index)) = (self.bound, source) {
            self.bound = true;
            self.rig.bind(index, &self.log);
        }
    }

    /// Everything that is not audio.
    async fn obey(&mut self, now: u64, message: &Value) -> anyhow::Result<()> {
        if self.rig.dialect == Dialect::Carrier {
            if message["event"] == "start" {
                self.stream_sid = message["streamSid"].as_str().unwrap_or_default().to_owned();
                self.conversation.begin(now);
            }
            return Ok(());
        }
        match message["type"].as_str().unwrap_or_default() {
            "session.update" => {
                let asked = &message["session"];
                self.send(events::session("session.updated", self.number, asked))
                    .await
            }
            "response.create" => {
                if self.conversation.begin(now) && self.reply_active {
                    lock(&self.log).create_refused += 1;
                    let about = message["event_id"].as_str();
                    let code = "conversation_already_has_active_response";
                    self.send(events::error(code, "a response is in progress", about))
                        .await?;
                }
                Ok(())
            }
            "conversation.item.truncate" => self.truncate(now, message).await,
            _ => Ok(()),
        }
    }

    async fn truncate(&mut self, now: u64, message: &Value) -> anyhow::Result<()> {
        let item = message["item_id"].as_str().unwrap_or_default();
        let end_ms = message["audio_end_ms"].as_u64();
        let answer = {
            let mut log = lock(&self.log);
            let reply = self
                .items
                .get(item)
                .and_then(|index| log.replies.get_mut(*index));
            match (reply, end_ms) {
                (Some(reply), Some(end)) if end <= u64::from(reply.frames) * FRAME_MS => {
                    reply.truncations.push((now, end));
                    events::truncated(item, end)
                }
                _ => {
                    log.truncate_refused += 1;
                    let text = format!("Audio content is already shorter than {end_ms:?}ms");
                    events::error("invalid_value", &text, message["event_id"].as_str())
                }
            }
        };
        self.send(answer).await
    }

    async fn take_step(&mut self, step: Step) -> anyhow::Result<()> {
        let now = self.rig.now_ns();
        match step {
            Step::ReplyBegins => {
                let reply = {
                    let mut log = lock(&self.log);
                    log.replies.push(ReplyLog::default());
                    log.replies.len() as u32 - 1
                };
                self.ids = ReplyIds::new(self.number, reply);
                self.items.insert(self.ids.item.clone(), reply as usize);
                self.reply_active = true;
                self.send_all(events::reply_begins(&self.ids)).await
            }
            Step::Delta | Step::LateDelta => self.send_delta().await,
            Step::ReplyEnds | Step::ReplyCancelled => {
                self.with_reply(|reply| reply.ended_ns = Some(now));
                self.reply_active = false;
                let cancelled = step == Step::ReplyCancelled;
                self.send_all(events::reply_ends(&self.ids, TRANSCRIPT, cancelled))
                    .await
            }
            Step::BargeIn => {
                self.with_reply(|reply| reply.interrupted_ns = Some(now));
                match self.rig.dialect {
                    Dialect::Carrier => {
                        self.socket
                            .send(&events::carrier_clear(&self.stream_sid))
                            .await
                    }
                    Dialect::Realtime => self.send_caller_speaks().await,
                }
            }
            Step::CallerSpeaks => self.send_caller_speaks().await,
            Step::CallerStops => {
                let item = format!("item_c{:08x}{:08x}", self.number, self.caller_item);
                let at_ms = lock(&self.log).caller.received * FRAME_MS;
                self.send_all(events::caller_stops(
                    &item,
                    at_ms,
                    "Yes, tomorrow at ten, please.",
                ))
                .await
            }
        }
    }

    async fn send_caller_speaks(&mut self) -> anyhow::Result<()> {
        self.caller_item += 1;
        let item = format!("item_c{:08x}{:08x}", self.number, self.caller_item);
        let at_ms = lock(&self.log).caller.received * FRAME_MS;
        self.send(events::caller_speaks(&item, at_ms)).await
    }

    async fn send_delta(&mut self) -> anyhow::Result<()> {
        let (first, part) = {
            let mut log = lock(&self.log);
            let part = log.replies.len() as u32 - 1;
            let reply = &mut log.replies[part as usize];
            let first = reply.frames;
            reply.frames += DELTA_FRAMES;
            (first, part)
        };
        let sent_ns = self.rig.now_ns();
        self.audio.clear();
        for sequence in first..first + DELTA_FRAMES {
            Stamp {
                source: self.number,
                part,
                sequence,
                sent_ns,
            }
            .append_frame(&mut self.audio);
        }
        match self.rig.dialect {
            Dialect::Carrier => {
                events::carrier_media(&mut self.text, &self.stream_sid, &self.audio);
                self.socket.send(&self.text).await
            }
            Dialect::Realtime => {
                // The API's transcript runs ahead of its audio, a few words at a time.
                if (first / DELTA_FRAMES).is_multiple_of(3) {
                    self.send(events::transcript_delta(&self.ids, "you can come "))
                        .await?;
                }
                self.event += 1;
                events::audio_delta(&mut self.text, self.event, &self.ids, &self.audio);
                self.socket.send(&self.text).await
            }
        }
    }

    fn with_reply(&self, change: impl FnOnce(&mut ReplyLog)) {
        if let Some(reply) = lock(&self.log).replies.last_mut() {
            change(reply);
        }
    }

    /// The relay is given audio and clears only, hence nothing for it here.
    async fn send_all<const N: usize>(&mut self, events: [Value; N]) -> anyhow::Result<()> {
        for event in events {
            self.send(event).await?;
        }
        Ok(())
    }

    async fn send(&mut self, mut event: Value) -> anyhow::Result<()> {
        if self.rig.dialect == Dialect::Carrier {
            return Ok(());
        }
        self.event += 1;
        event["event_id"] = format!("event_{:x}", self.event).into();
        self.socket.send(&event.to_string()).await
    }
}

#[derive(PartialEq, Eq)]
enum Reading {
    Open,
    Closed,
}

const TRANSCRIPT: &str =
    "Of course, you can come tomorrow at ten or at half past eleven, which one would you like?";

/// The base64 text behind `key`, when the message has it.
fn audio_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let start = text.find(key)? + key.len();
    let length = text[start..].find('"')?;
    Some(&text[start..start + length])
}
