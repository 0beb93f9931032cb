//! The carrier's side of one call: the media websocket as Twilio would speak it.

use std::{collections::HashMap, fmt::Write as _, sync::Arc, time::Duration};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    playout::{Playout, Reply},
    rig::Rig,
    stamp::{FRAME_MS, Reframer, Stamp, Tally},
    wire::{Incoming, Socket},
};

/// How long a call goes on after its last caller frame, so that frames under way arrive.
const DRAIN: Duration = Duration::from_millis(700);
/// How long the subject may take to answer our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
const FRAME_NS: u64 = FRAME_MS * 1_000_000;

/// What names a call on the wire.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The generator's own number of the call, in every stamp.
    pub index: u32,
    /// `CA` and 32 hex digits.
    pub call_sid: String,
    /// `AC` and 32 hex digits.
    pub account_sid: String,
    /// `<Parameter>` names and values from the TwiML.
    pub parameters: Vec<(String, String)>,
}

impl Identity {
    /// The identity of call `index`, without parameters.
    pub fn new(index: u32) -> Self {
        Self {
            index,
            call_sid: format!("CA{index:032x}"),
            account_sid: format!("AC{:032x}", 1),
            parameters: Vec::new(),
        }
    }
}

/// A `clear` as the carrier saw it.
#[derive(Debug, Clone)]
pub struct Clear {
    /// When it was read.
    pub at_ns: u64,
    /// The reply that was being played, and how much of it had been heard.
    pub heard: Option<(Reply, u64)>,
}

/// Everything the carrier noticed about one call.
#[derive(Debug, Default)]
pub struct CallLog {
    /// The generator's number of the call.
    pub index: u32,
    /// When `start` was sent.
    pub started_ns: u64,
    /// When the call was over.
    pub ended_ns: u64,
    /// Caller frames handed to the socket.
    pub frames_sent: u64,
    /// How long the webhook took to answer with TwiML, where there is one.
    pub webhook_ns: Option<u64>,
    /// When the first agent audio was read.
    pub first_audio_ns: Option<u64>,
    /// Agent frames per reply.
    pub agent: HashMap<Reply, Tally>,
    /// How much of each reply was heard at the end.
    pub heard_ms: HashMap<Reply, u64>,
    /// Agent audio heard in all.
    pub heard_total_ms: u64,
    /// Agent frames of a reply that had been cleared before.
    pub stale: u64,
    /// Agent frames without a stamp.
    pub unstamped: u64,
    /// Agent messages that were not whole frames.
    pub ragged: u64,
    /// The subject's clears.
    pub clears: Vec<Clear>,
    /// Messages Twilio would have refused (wrong StreamSid, unknown event, not JSON).
    pub refused: u64,
    /// Why the call ended before it was told to.
    pub failure: Option<String>,
}

/// One call in progress.
#[derive(Debug)]
pub struct Carrier {
    rig: Arc<Rig>,
    socket: Socket,
    identity: Identity,
    stream_sid: String,
    sequence: u64,
    log: CallLog,
    playout: Playout,
    reframer: Reframer,
    last_reply: Option<Reply>,
    text: String,
    audio: Vec<u8>,
    decoded: Vec<u8>,
}

/// What the subject may send.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    event: &'a str,
    stream_sid: &'a str,
    #[serde(borrow)]
    media: Option<Media<'a>>,
    mark: Option<Mark>,
}

#[derive(Deserialize)]
struct Media<'a> {
    payload: &'a str,
}

#[derive(Deserialize)]
struct Mark {
    name: String,
}

impl Carrier {
    /// A call on an accepted media websocket.
    pub fn new(rig: Arc<Rig>, socket: Socket, identity: Identity) -> Self {
        let stream_sid = format!("MZ{:032x}", identity.index);
        let log = CallLog {
            index: identity.index,
            ..CallLog::default()
        };
        Self {
            rig,
            socket,
            identity,
            stream_sid,
            sequence: 0,
            log,
            playout: Playout::default(),
            reframer: Reframer::default(),
            last_reply: None,
            text: String::new(),
            audio: Vec::new(),
            decoded: Vec::new(),
        }
    }

    /// Plays the caller until `hang_up` is cancelled or the subject ends the call.
    pub async fn run(mut self, hang_up: CancellationToken) -> CallLog {
        if let Err(error) = self.talk(&hang_up).await {
            self.log.failure = Some(format!("{error:#}"));
        }
        let now = self.rig.now_ns();
        self.log.ended_ns = now;
        self.log.ragged = self.reframer.ragged;
        self.log.heard_total_ms = self.playout.total_ms(now);
        self.log.heard_ms = self
            .log
            .agent
            .keys()
            .map(|reply| (*reply, self.playout.played_ms(now, *reply)))
            .collect();
        self.log
    }

    async fn talk(&mut self, hang_up: &CancellationToken) -> anyhow::Result<()> {
        self.greet().await?;
        self.log.started_ns = self.rig.now_ns();
        let mut next_frame_ns = self.log.started_ns + FRAME_NS + self.phase_ns();
        let ticks = self.rig.ticks(next_frame_ns);
        let (mut ends_ns, mut due_ns) = (u64::MAX, u64::MAX);
        let timer = tokio::time::sleep_until(self.rig.instant(self.log.started_ns));
        tokio::pin!(timer);
        loop {
            tokio::select! {
                biased;
                () = ticks.tick() => {}
                () = &mut timer, if due_ns < u64::MAX => {}
                filled = self.socket.fill() => {
                    filled.context("the subject dropped the media websocket")?;
                    self.read()?;
                }
                () = hang_up.cancelled(), if ends_ns == u64::MAX => {
                    ends_ns = self.rig.now_ns() + DRAIN.as_nanos() as u64;
                }
            }
            let now = self.rig.now_ns();
            if now >= ends_ns {
                return self.hang_up().await;
            }
            while now >= next_frame_ns {
                if ends_ns == u64::MAX {
                    self.rig
                        .measure(|live| live.lag.record(now - next_frame_ns));
                    self.queue_frame();
                }
                next_frame_ns += FRAME_NS;
            }
            self.socket.flush().await?;
            // A message of its own, as the carrier sends it: not coalesced with the frame.
            while let Some(name) = self.playout.due_mark(now) {
                self.send_mark(&name).await?;
            }
            // The timer serves marks and the end; frames have their own clock.
            let due = self.playout.next_mark_ns().unwrap_or(u64::MAX).min(ends_ns);
            if due != due_ns {
                due_ns = due;
                if due < u64::MAX {
                    timer.as_mut().reset(self.rig.instant(due));
                }
            }
        }
    }

    /// Spreads the calls' frames evenly over 20 ms, whenever the calls began: multiples of the
    /// golden ratio leave no two close together.
    fn phase_ns(&self) -> u64 {
        let wanted = (f64::from(self.identity.index) * 0.618_033_988_75).fract() * FRAME_NS as f64;
        (wanted as u64 + FRAME_NS - self.log.started_ns % FRAME_NS) % FRAME_NS
    }

    async fn greet(&mut self) -> anyhow::Result<()> {
        self.socket
            .send(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
            .await?;
        self.sequence = 1;
        let parameters: serde_json::Map<_, _> = self
            .identity
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().into()))
            .collect();
        let start = serde_json::json!({
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": self.identity.account_sid,
                "streamSid": self.stream_sid,
                "callSid": self.identity.call_sid,
                "tracks": ["inbound"],
                "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
                "customParameters": parameters,
            },
            "streamSid": self.stream_sid,
        });
        self.socket.send(&start.to_string()).await
    }

    fn queue_frame(&mut self) {
        let stamp = Stamp {
            source: self.identity.index,
            part: 0,
            sequence: self.log.frames_sent as u32,
            sent_ns: self.rig.now_ns(),
        };
        self.audio.clear();
        stamp.append_frame(&mut self.audio);
        self.sequence += 1;
        self.log.frames_sent += 1;
        self.text.clear();
        let written = write!(
            self.text,
            r#"{{"event":"media","sequenceNumber":"{}","media":{{"track":"inbound","chunk":"{}","timestamp":"{}","payload":""#,
            self.sequence,
            self.log.frames_sent,
            self.log.frames_sent * FRAME_MS,
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        STANDARD.encode_string(&self.audio, &mut self.text);
        self.text.push_str(r#""},"streamSid":""#);
        self.text.push_str(&self.stream_sid);
        self.text.push_str(r#""}"#);
        self.socket.queue(&self.text);
    }

    async fn send_mark(&mut self, name: &str) -> anyhow::Result<()> {
        self.sequence += 1;
        let mark = serde_json::json!({
            "event": "mark",
            "sequenceNumber": self.sequence.to_string(),
            "streamSid": self.stream_sid,
            "mark": { "name": name },
        });
        self.socket.send(&mark.to_string()).await
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let now = self.rig.now_ns();
        while let Some(incoming) = self.socket.message()? {
            let Incoming::Text(range) = incoming else {
                anyhow::bail!("the subject closed the media websocket");
            };
            match serde_json::from_slice::<Message<'_>>(self.socket.bytes(range)) {
                Ok(message) if message.stream_sid == self.stream_sid => match message.event {
                    "media" => {
                        self.decoded.clear();
                        let payload = message.media.map_or("", |media| media.payload);
                        let valid = STANDARD.decode_vec(payload, &mut self.decoded).is_ok();
                        self.log.refused += u64::from(!valid);
                        self.hear(now);
                    }
                    "mark" => {
                        self.playout
                            .mark(now, message.mark.map(|mark| mark.name).unwrap_or_default());
                    }
                    "clear" => {
                        let heard = self
                            .last_reply
                            .map(|reply| (reply, self.playout.played_ms(now, reply)));
                        self.log.clears.push(Clear { at_ns: now, heard });
                        self.playout.clear(now);
                    }
                    _ => self.log.refused += 1,
                },
                _ => self.log.refused += 1,
            }
        }
        Ok(())
    }

    /// Takes the frames of one media message.
    fn hear(&mut self, now: u64) {
        let Self {
            rig,
            log,
            playout,
            reframer,
            last_reply,
            decoded,
            ..
        } = self;
        log.first_audio_ns.get_or_insert(now);
        reframer.push(decoded, |frame| {
            let Some(stamp) = Stamp::read(frame) else {
                log.unstamped += 1;
                playout.frame(now, None);
                return;
            };
            let reply = (stamp.source, stamp.part);
            let cleared = log
                .clears
                .iter()
                .any(|clear| clear.heard.is_some_and(|(key, _)| key == reply));
            log.stale += u64::from(cleared);
            log.agent.entry(reply).or_default().arrived(stamp.sequence);
            rig.measure(|live| live.agent_transit.record(now - stamp.sent_ns));
            *last_reply = Some(reply);
            playout.frame(now, Some(reply));
        });
    }

    async fn hang_up(&mut self) -> anyhow::Result<()> {
        self.sequence += 1;
        let stop = serde_json::json!({
            "event": "stop",
            "sequenceNumber": self.sequence.to_string(),
            "streamSid": self.stream_sid,
            "stop": { "accountSid": self.identity.account_sid, "callSid": self.identity.call_sid },
        });
        self.socket.send(&stop.to_string()).await?;
        self.socket.close().await?;
        let closed = async {
            while self.socket.fill().await.is_ok() {
                while let Ok(Some(incoming)) = self.socket.message() {
                    if incoming == Incoming::Close {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(CLOSE_TIMEOUT, closed)
            .await
            .context("the subject did not close the media websocket within 2 s of the hang-up")
    }
}
