//! The fake carrier against our own router.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use prosaas_core::leg::{FRAME_BYTES, LegCommand, LegEvent, MarkId, SILENCE, TelephonyLeg};
use prosaas_core::{CallSid, CallStatus, Error, SecretString};
use prosaas_twilio::axum::{MediaLimits, MediaSocket, VoiceHandler, VoiceRouter, paths, router};
use prosaas_twilio::media::Start;
use prosaas_twilio::rest::{Backoff, Client, ClientConfig};
use prosaas_twilio::signature::{StaticKeys, TwilioVerifier};
use prosaas_twilio::testkit::carrier::{
    CallEnding, CallObservation, CallScript, Carrier, CarrierConfig, CarrierEvent, DialResult,
    HangUp, KeyPress, Pace, StreamEnd, When, codes,
};
use prosaas_twilio::testkit::rest_api::FakeRestApi;
use prosaas_twilio::twiml::{Dial, RecordVerb, Response, Say, StartRecording, Stream};
use prosaas_twilio::webhook::{CallStatusCallback, IncomingCall, RecordingCallback, StreamEnded};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::signature::{TOKEN, token};
use crate::support::{NoSleep, account, http, number};

pub(crate) const PUBLIC: &str = "https://voice.example.com";
const PUBLIC_MEDIA: &str = "wss://voice.example.com/media";

/// Greets for 300 ms, falls silent when the caller speaks, then answers for 100 ms. Hangs up on `#`.
struct Agent {
    first: Response,
    after: Mutex<VecDeque<Response>>,
    seen: Mutex<Vec<String>>,
}

impl Agent {
    fn new(first: Response, after: impl IntoIterator<Item = Response>) -> Arc<Self> {
        let after = Mutex::new(after.into_iter().collect());
        Arc::new(Self {
            first,
            after,
            seen: Mutex::default(),
        })
    }

    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl VoiceHandler for Agent {
    async fn incoming_call(&self, call: IncomingCall) -> Response {
        assert_eq!(call.status, Some(CallStatus::Ringing));
        self.note("incoming_call");
        self.first.clone()
    }

    async fn call_status(&self, callback: CallStatusCallback) -> Result<(), Error> {
        self.note(format!("call_status {}", callback.status.unwrap().as_str()));
        Ok(())
    }

    async fn recording(&self, callback: RecordingCallback) -> Result<(), Error> {
        self.note(format!("recording {} channels", callback.channels.unwrap()));
        Ok(())
    }

    async fn stream_ended(&self, ended: StreamEnded) -> Response {
        let dial = ended
            .dial
            .map(|dial| format!(" dial {}", dial.status))
            .unwrap_or_default();
        let recorded = ended.recorded.map(|_| " recorded").unwrap_or_default();
        self.note(format!("stream_ended{dial}{recorded}"));
        self.after.lock().unwrap().pop_front().unwrap_or_default()
    }

    async fn authorize_stream(&self, start: &Start) -> bool {
        start
            .parameters
            .get("token")
            .is_some_and(|token| token == "t0ken")
    }

    async fn stream(&self, mut socket: MediaSocket, _: Start) {
        let (mut generation, mut audio) = (0, Vec::new());
        say(&mut socket, 15, MarkId { generation, seq: 0 }).await;
        loop {
            audio.clear();
            match poll_fn(|cx| socket.poll_event(cx, &mut audio)).await {
                LegEvent::Audio { .. } if generation == 0 && audio[0] != SILENCE => {
                    generation = 1;
                    socket.send(LegCommand::Clear).unwrap();
                    say(&mut socket, 5, MarkId { generation, seq: 1 }).await;
                }
                LegEvent::Dtmf(key) => {
                    self.note(format!("key {key}"));
                    if key == '#' {
                        return socket.close().await;
                    }
                }
                LegEvent::Mark(mark) => self.note(format!("mark {mark}")),
                LegEvent::Stopped | LegEvent::Lost => return,
                LegEvent::Audio { .. } | LegEvent::Malformed => {}
            }
        }
    }
}

async fn say(socket: &mut MediaSocket, frames: usize, mark: MarkId) {
    socket
        .send(LegCommand::Audio(&vec![0x20; frames * FRAME_BYTES]))
        .unwrap();
    socket.send(LegCommand::Mark(mark)).unwrap();
    poll_fn(|cx| socket.poll_flush(cx)).await.unwrap();
}

fn to_the_agent() -> Response {
    let action = format!("{PUBLIC}{}", paths::STREAM_ENDED);
    Response::new()
        .start_recording(StartRecording {
            recording_status_callback: Some(format!("{PUBLIC}{}", paths::HANDLE_RECORDING)),
            ..StartRecording::default()
        })
        .connect_stream(
            Stream::new(PUBLIC_MEDIA)
                .parameter("token", "t0ken")
                .action(action),
        )
}

pub(crate) struct Line {
    pub(crate) carrier: Carrier,
    pub(crate) config: CarrierConfig,
    _server: JoinSet<()>,
}

pub(crate) async fn serve(router: Router) -> Line {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let config = CarrierConfig {
        webhook_url: format!("{PUBLIC}{}", paths::INCOMING_CALL),
        status_callback: Some(format!("{PUBLIC}{}", paths::CALL_STATUS)),
        account_sid: account(),
        auth_token: SecretString::from(TOKEN),
        from: Some(number("+972501234567")),
        to: number("+97231234567"),
        extra_fields: vec![("StirVerstat".into(), "TN-Validation-Passed-A".into())],
        connect_to: Some(address),
        duplicate_callbacks: false,
        rest_api: None,
        http: http().build().unwrap(),
    };
    Line {
        carrier: Carrier::new(config.clone()),
        config,
        _server: server,
    }
}

async fn serve_agent(agent: &Arc<Agent>) -> Line {
    let verifier = Arc::new(TwilioVerifier::new(StaticKeys::new([token()])));
    let handler = Arc::<Agent>::clone(agent);
    let mut config = VoiceRouter::new(
        PUBLIC.parse().unwrap(),
        PUBLIC_MEDIA.parse().unwrap(),
        verifier,
        handler,
    );
    config.limits = MediaLimits {
        messages_per_second: u32::MAX,
        ..MediaLimits::default()
    };
    serve(router(config)).await
}

pub(crate) fn fast(hang_up: HangUp) -> CallScript {
    CallScript {
        pace: Pace::Fast,
        hang_up,
        at_most_ms: 600_000,
        ..CallScript::listening()
    }
}

fn bytes_of(audio: &[u8], wanted: u8) -> usize {
    audio.split(|byte| *byte == wanted).count() - 1
}

pub(crate) fn stream_end(call: &CallObservation) -> Option<StreamEnd> {
    call.timeline.iter().find_map(|timed| match timed.event {
        CarrierEvent::StreamEnded(end) => Some(end),
        _ => None,
    })
}

#[tokio::test]
async fn a_call_with_an_interruption_in_real_time() {
    let agent = Agent::new(to_the_agent(), []);
    let line = serve_agent(&agent).await;
    let (live, mut events) = mpsc::channel(1000);
    let mut script = CallScript::listening().then(When::AgentSpeaking(100), vec![0x30; 800]);
    script.hang_up = HangUp::WhenDone { silent_ms: 100 };
    script.at_most_ms = 20_000;
    let call = line.carrier.with_live_events(live).place_call(script).await;

    assert_eq!(call.ending, CallEnding::CallerHungUp, "{:?}", call.timeline);
    assert_eq!(call.clears, 1);
    assert!(call.warnings.is_empty(), "{:?}", call.warnings);
    assert_eq!(
        call.marks,
        ["0:0", "1:1"],
        "the cleared mark comes back, then the played one"
    );
    let barge_in = call.barge_ins_ms()[0].unwrap();
    assert!(barge_in < 1000, "{barge_in} ms from speech to clear");
    let dropped = call.timeline.iter().find_map(|timed| match timed.event {
        CarrierEvent::Cleared { dropped_ms } => Some(dropped_ms),
        _ => None,
    });
    assert!((1..=200).contains(&dropped.unwrap()), "{dropped:?}");

    // 100 ms of greeting at least, then 100 ms of answer; all of it is in the recording of the call.
    let heard = bytes_of(&call.agent_audio, 0x20);
    assert!((1600..=2400 + 800).contains(&heard), "{heard} bytes");
    assert_eq!(bytes_of(&call.caller_audio, 0x30), 800);
    assert_eq!(call.media_bytes, 20 * 160);
    assert!(call.frames_sent >= 10);
    assert!(call.first_audio_after_stream_ms().unwrap() <= call.first_audio_ms().unwrap());
    assert_eq!(
        agent.seen(),
        [
            "incoming_call",
            "mark 0:0",
            "mark 1:1",
            "call_status completed",
            "recording 2 channels"
        ]
    );
    let mut told = 0;
    while events.try_recv().is_ok() {
        told += 1;
    }
    assert_eq!(told, call.timeline.len());
}

#[tokio::test]
async fn the_server_hangs_up_and_the_document_goes_on() {
    let voicemail = Response::new()
        .say(Say::new("Please leave a message"))
        .record(RecordVerb {
            action: Some(paths::STREAM_ENDED.into()),
            recording_status_callback: Some(paths::HANDLE_RECORDING.into()),
            max_length_s: Some(60),
            ..RecordVerb::default()
        });
    let mut dial = Dial::new(number("+97239876543"));
    dial.action = Some(paths::STREAM_ENDED.into());
    let agent = Agent::new(
        to_the_agent(),
        [
            voicemail,
            Response::new().redirect(format!("{PUBLIC}{}", paths::STREAM_ENDED)),
            Response::new().dial(dial),
            Response::new().pause(1).hangup(),
        ],
    );
    let mut line = serve_agent(&agent).await;
    let api = FakeRestApi::start(account(), SecretString::from(TOKEN))
        .await
        .unwrap();
    line.config.rest_api = Some(api.clone());
    line.config.duplicate_callbacks = true;

    let mut script = fast(HangUp::Never).then(When::At(1_000_000), vec![0x30; 8000]);
    script.keys = vec![
        KeyPress {
            at_ms: 100,
            key: '5',
        },
        KeyPress {
            at_ms: 200,
            key: '#',
        },
    ];
    script.dial = DialResult::NoAnswer;
    let call = Carrier::new(line.config.clone()).place_call(script).await;

    assert_eq!(call.ending, CallEnding::ServerHungUp, "{:?}", call.timeline);
    assert!(
        matches!(stream_end(&call), Some(StreamEnd::ServerClosed(_))),
        "{:?}",
        call.timeline
    );
    assert_eq!(call.said().collect::<Vec<_>>(), ["Please leave a message"]);
    assert_eq!(
        call.dialled().collect::<Vec<_>>(),
        [&number("+97239876543")]
    );
    let seen: Vec<String> = agent
        .seen()
        .into_iter()
        .filter(|what| !what.starts_with("mark"))
        .collect();
    assert_eq!(
        seen,
        [
            "incoming_call",
            "key 5",
            "key #",
            "stream_ended",
            "recording 1 channels",
            "recording 1 channels",
            "stream_ended recorded",
            "stream_ended",
            "stream_ended dial no-answer",
            "call_status completed",
            "call_status completed",
            "recording 2 channels",
            "recording 2 channels",
        ]
    );
    fetch_all_recordings(&api, &call).await;
}

fn rest_client(api: &FakeRestApi) -> Client {
    let config = ClientConfig {
        base_url: api.base_url().to_owned(),
        account: account(),
        api_key: None,
        secret: SecretString::from(TOKEN),
        backoff: Backoff::ADVISED,
        sleeper: Arc::new(NoSleep::default()),
    };
    Client::new(config, http()).unwrap()
}

/// Both recordings are there for whoever has the credentials, and are stereo WAV.
async fn fetch_all_recordings(api: &FakeRestApi, call: &CallObservation) {
    let client = rest_client(api);
    let mut fetched = 0;
    for timed in &call.timeline {
        if let CarrierEvent::RecordingReady(sid) = &timed.event {
            let mut wav = Vec::new();
            client
                .fetch_recording(sid, 10_000_000, &mut wav)
                .await
                .unwrap();
            assert_eq!(wav[..4], *b"RIFF");
            assert!(
                wav.len() >= 44 + 32_000,
                "at least the second of the message"
            );
            fetched += 1;
        }
    }
    assert_eq!(fetched, 2);
}

#[tokio::test]
async fn a_wrong_auth_token_gets_nothing() {
    let agent = Agent::new(to_the_agent(), []);
    let mut line = serve_agent(&agent).await;
    line.config.auth_token = SecretString::from("0".repeat(32));
    let call = Carrier::new(line.config)
        .place_call(fast(HangUp::At(100)))
        .await;
    assert_eq!(
        call.ending,
        CallEnding::Failed {
            code: codes::HTTP_RETRIEVAL
        }
    );
    assert!(agent.seen().is_empty());
}

#[tokio::test]
async fn a_wrong_stream_token_ends_the_stream() {
    let action = format!("{PUBLIC}{}", paths::STREAM_ENDED);
    let stream = Stream::new(PUBLIC_MEDIA)
        .parameter("token", "guess")
        .action(action);
    let agent = Agent::new(Response::new().connect_stream(stream), []);
    let line = serve_agent(&agent).await;
    let call = line.carrier.place_call(fast(HangUp::Never)).await;
    assert_eq!(stream_end(&call), Some(StreamEnd::ServerClosed(Some(1008))));
    assert_eq!(
        agent.seen(),
        ["incoming_call", "stream_ended", "call_status completed"]
    );
}

#[tokio::test]
async fn a_live_call_obeys_the_rest_api() {
    let agent = Agent::new(to_the_agent(), []);
    let mut line = serve_agent(&agent).await;
    let api = FakeRestApi::start(account(), SecretString::from(TOKEN))
        .await
        .unwrap();
    line.config.rest_api = Some(api.clone());
    let (live, mut events) = mpsc::channel(1000);
    let carrier = Carrier::new(line.config.clone()).with_live_events(live);
    let sid: CallSid = "CA0000000000000000000000000000000f".parse().unwrap();
    let transfer = async {
        while let Some(timed) = events.recv().await {
            if matches!(timed.event, CarrierEvent::StreamStarted(_)) {
                let dial = Dial::new(number("+97239876543"));
                rest_client(&api).transfer(&sid, dial).await.unwrap();
                return;
            }
        }
        panic!("no stream began");
    };
    let script = CallScript {
        hang_up: HangUp::Never,
        at_most_ms: 20_000,
        dial: DialResult::Busy,
        ..CallScript::listening()
    };
    let (call, ()) = tokio::join!(carrier.place_call_as(sid.clone(), script), transfer);
    assert_eq!(
        stream_end(&call),
        Some(StreamEnd::TakenAway),
        "{:?}",
        call.timeline
    );
    assert_eq!(
        call.dialled().collect::<Vec<_>>(),
        [&number("+97239876543")]
    );
    assert_eq!(call.ending, CallEnding::ServerHungUp);
    assert!(
        !agent.seen().contains(&"stream_ended".to_owned()),
        "no action after a redirect"
    );
    assert_eq!(
        rest_client(&api).fetch_call(&sid).await.unwrap().status,
        CallStatus::Completed
    );
}
