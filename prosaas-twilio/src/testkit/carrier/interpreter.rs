//! Runs a call: fetches documents, runs their verbs, posts the callbacks at the end.

use prosaas_core::leg::BYTES_PER_MS;
use prosaas_core::{CallSid, CallStatus, E164, RecordingSid};
use tokio::sync::mpsc;

use super::caller::Caller;
use super::clock::CallClock;
use super::document::{Element, parse_document};
use super::http::{self, Answer};
use super::observation::{CallEnding, CallObservation, CarrierEvent, Log, TimedEvent, codes};
use super::playout::Playout;
use super::{CallScript, CarrierConfig, random_sid};
use crate::testkit::rest_api::{FakeCall, LiveCommand};
use crate::testkit::stereo_wav;

/// More documents than this in one call are a loop.
const MAX_DOCUMENTS: usize = 50;

/// How often a document that nobody answers is asked for again, where the script says so.
const ASK_AGAIN_MS: u64 = 200;

/// A document to be run.
#[derive(Debug)]
pub(super) enum Source {
    Fetch(Fetch),
    /// Given through the REST API; there is no URL that others could be relative to.
    Inline(String),
}

/// A document to be fetched: where, and what is posted besides the usual fields.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) what: &'static str,
    pub(super) url: String,
    pub(super) fields: Vec<(String, String)>,
}

/// Where a call goes after a verb.
#[derive(Debug)]
pub(super) enum Step {
    Next,
    Goto(Source),
    End(CallEnding),
}

/// A recording of the call that was asked for by `<Start><Recording>`.
#[derive(Debug)]
pub(super) struct CallRecording {
    pub(super) callback: Option<String>,
    pub(super) started_ms: u64,
}

/// A call while it runs.
#[derive(Debug)]
pub(super) struct LiveCall<'a> {
    pub(super) config: &'a CarrierConfig,
    pub(super) script: CallScript,
    pub(super) call_sid: CallSid,
    pub(super) clock: CallClock,
    pub(super) caller: Caller,
    pub(super) playout: Playout,
    pub(super) log: Log,
    pub(super) status: CallStatus,
    pub(super) recording: Option<CallRecording>,
    pub(super) caller_audio: Vec<u8>,
    pub(super) seen: Seen,
    requests: u64,
    answered_ms: Option<u64>,
}

/// Counters for the observation.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) stream_start_ms: Option<u64>,
    pub(super) frames_sent: u64,
    pub(super) media_messages: u64,
    pub(super) media_bytes: u64,
    pub(super) partial_frames: u64,
    pub(super) clears: u64,
    pub(super) marks: Vec<String>,
}

/// One call from the first webhook to the last callback.
pub(super) async fn run(
    config: &CarrierConfig,
    live: Option<mpsc::Sender<TimedEvent>>,
    call_sid: CallSid,
    script: CallScript,
) -> CallObservation {
    let mut call = LiveCall {
        config,
        call_sid,
        clock: CallClock::start(script.pace),
        caller: Caller::new(&script),
        playout: Playout::default(),
        log: Log::new(live),
        status: CallStatus::Ringing,
        recording: None,
        caller_audio: Vec::new(),
        seen: Seen::default(),
        requests: 0,
        answered_ms: None,
        script,
    };
    call.publish();
    let ending = call.documents().await;
    call.finish(ending).await
}

impl LiveCall<'_> {
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(super) fn tell(&mut self, event: CarrierEvent) {
        let now = self.now_ms();
        self.log.tell(now, event);
    }

    pub(super) fn warn(&mut self, code: u32, detail: impl Into<String>) {
        let now = self.now_ms();
        self.log.warn(now, code, detail);
    }

    async fn documents(&mut self) -> CallEnding {
        let mut next = Source::Fetch(Fetch {
            what: "voice webhook",
            url: self.config.webhook_url.clone(),
            fields: Vec::new(),
        });
        for _ in 0..MAX_DOCUMENTS {
            let (document, url) = match next {
                Source::Fetch(fetch) => (self.fetch(&fetch).await, fetch.url),
                Source::Inline(xml) => (self.read_document(xml.as_bytes()), String::new()),
            };
            let step = match document {
                Ok(document) => self.run_document(&document, &url).await,
                Err(code) => return CallEnding::Failed { code },
            };
            match step {
                Step::Goto(source) => next = source,
                Step::End(ending) => return ending,
                Step::Next => return CallEnding::ServerHungUp,
            }
        }
        CallEnding::TooManyDocuments
    }

    /// Whether the media socket breaks now, by the script; each cut happens once.
    pub(super) fn is_cut(&mut self, now_ms: u64) -> bool {
        let began_ms = self.seen.stream_start_ms.unwrap_or(now_ms);
        let cuts = &mut self.script.trouble.cuts_ms;
        let due = cuts.first().is_some_and(|at| now_ms >= began_ms + at);
        if due {
            cuts.remove(0);
        }
        due
    }

    /// What the call was told through the REST API, when it is connected to one.
    pub(super) fn commanded(&self) -> Option<Step> {
        let command = self
            .config
            .rest_api
            .as_ref()?
            .take_command(&self.call_sid)?;
        Some(match command {
            LiveCommand::HangUp => Step::End(CallEnding::ServerHungUp),
            LiveCommand::Twiml(xml) => Step::Goto(Source::Inline(xml)),
            LiveCommand::Url(url) => Step::Goto(Source::Fetch(Fetch {
                what: "redirect",
                url,
                fields: Vec::new(),
            })),
        })
    }

    /// Tells the REST API how far the call is, so that it answers about it.
    fn publish(&self) {
        if let Some(api) = &self.config.rest_api {
            let (to, from) = (Some(self.config.to.clone()), self.config.from.clone());
            api.add_call(
                &self.call_sid,
                FakeCall {
                    to,
                    from,
                    ..FakeCall::new(self.status)
                },
            );
        }
    }

    /// Fetches a document; the error is Twilio's number for what is wrong with it.
    async fn fetch(&mut self, fetch: &Fetch) -> Result<Element, u32> {
        let answer = self.ask(fetch).await;
        let Some(answer) = answer.filter(|answer| (200..300).contains(&answer.status)) else {
            self.warn(
                codes::HTTP_RETRIEVAL,
                "the webhook was not answered with 200",
            );
            return Err(codes::HTTP_RETRIEVAL);
        };
        if !answer.content_type.contains("xml") {
            self.warn(codes::CONTENT_TYPE, "the answer is not text/xml");
            return Err(codes::CONTENT_TYPE);
        }
        self.read_document(&answer.body)
    }

    /// Asks for a document, again where the script allows it as long as there is no answer at all.
    async fn ask(&mut self, fetch: &Fetch) -> Option<Answer> {
        let until = self.now_ms() + self.script.trouble.ask_again_ms;
        loop {
            let answer = self.post(fetch.what, &fetch.url, &fetch.fields).await;
            let again = self.now_ms() + ASK_AGAIN_MS;
            if answer.is_some() || again > until {
                return answer;
            }
            self.clock.wait_until(again).await;
            // It is the same request, so it carries the same token.
            self.requests -= 1;
        }
    }

    fn read_document(&mut self, body: &[u8]) -> Result<Element, u32> {
        let parsed = std::str::from_utf8(body)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(|xml| parse_document(xml).map_err(|error| error.to_string()));
        match parsed {
            Ok(document) => {
                let verbs = document
                    .children
                    .iter()
                    .map(|verb| verb.name.clone())
                    .collect();
                self.tell(CarrierEvent::Document(verbs));
                Ok(document)
            }
            Err(detail) => {
                self.warn(codes::BAD_DOCUMENT, detail);
                Err(codes::BAD_DOCUMENT)
            }
        }
    }

    async fn run_document(&mut self, document: &Element, url: &str) -> Step {
        for verb in &document.children {
            if self.now_ms() >= self.script.at_most_ms {
                return Step::End(CallEnding::CallerHungUp);
            }
            // Rejecting and going elsewhere do not answer a call.
            if !matches!(verb.name.as_str(), "Reject" | "Redirect") {
                self.answer();
            }
            if let Some(step) = self.commanded() {
                return step;
            }
            match self.run_verb(verb, url).await {
                Step::Next => {}
                step => return step,
            }
        }
        Step::Next
    }

    fn answer(&mut self) {
        if self.answered_ms.is_none() {
            self.answered_ms = Some(self.now_ms());
            self.status = CallStatus::InProgress;
            self.publish();
        }
    }

    /// Posts the usual fields and these; logs the answer.
    pub(super) async fn post(
        &mut self,
        what: &'static str,
        url: &str,
        fields: &[(String, String)],
    ) -> Option<Answer> {
        let mut all = self.usual_fields();
        all.extend(fields.iter().cloned());
        self.requests += 1;
        let token = format!("{}-{}", self.call_sid, self.requests);
        let began = tokio::time::Instant::now();
        let answer = http::post(self.config, url, &all, &token).await;
        let took_ms = began.elapsed().as_millis() as u64;
        let status = answer.as_ref().map(|answer| answer.status);
        self.tell(CarrierEvent::Webhook {
            what,
            status,
            took_ms,
        });
        answer
    }

    /// Posts a callback whose answer does not matter; twice when the line is so configured.
    pub(super) async fn call_back(
        &mut self,
        what: &'static str,
        url: &str,
        fields: &[(String, String)],
    ) {
        self.post(what, url, fields).await;
        if self.config.duplicate_callbacks {
            self.requests -= 1;
            self.post(what, url, fields).await;
        }
    }

    /// What every request about a call carries.
    fn usual_fields(&self) -> Vec<(String, String)> {
        let from = self.config.from.as_ref().map_or("anonymous", E164::expose);
        let to = self.config.to.expose();
        let mut fields: Vec<(String, String)> = [
            ("AccountSid", self.config.account_sid.as_str()),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", self.call_sid.as_str()),
            ("CallStatus", self.status.as_str()),
            ("Direction", "inbound"),
            ("From", from),
            ("Caller", from),
            ("To", to),
            ("Called", to),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        // Present and empty, as they often are.
        for side in ["From", "Caller", "To", "Called"] {
            fields.extend(
                ["City", "State", "Zip", "Country"]
                    .map(|part| (format!("{side}{part}"), String::new())),
            );
        }
        fields.extend(self.config.extra_fields.iter().cloned());
        fields
    }

    async fn finish(mut self, ending: CallEnding) -> CallObservation {
        let duration_ms = self.now_ms();
        self.playout.advance(duration_ms, &mut Vec::new());
        self.tell(CarrierEvent::Ended(ending));
        self.status = match ending {
            CallEnding::Rejected => CallStatus::Busy,
            _ => CallStatus::Completed,
        };
        self.publish();
        if let Some(url) = self.config.status_callback.clone() {
            let talked_ms = self
                .answered_ms
                .map_or(0, |answered| duration_ms - answered);
            let fields = pairs([
                ("CallDuration", talked_ms.div_ceil(1000).to_string()),
                ("Duration", talked_ms.div_ceil(60_000).to_string()),
                ("CallbackSource", "call-progress-events".to_owned()),
                ("SequenceNumber", "0".to_owned()),
            ]);
            self.call_back("status callback", &url, &fields).await;
        }
        if let Some(recording) = self.recording.take() {
            self.deliver_call_recording(recording, duration_ms).await;
        }
        let (agent_audio, spans) = self.playout.into_parts();
        CallObservation {
            call_sid: self.call_sid,
            ending,
            duration_ms,
            timeline: self.log.timeline,
            caller_audio: self.caller_audio,
            agent_audio,
            spans,
            stream_start_ms: self.seen.stream_start_ms,
            frames_sent: self.seen.frames_sent,
            media_messages: self.seen.media_messages,
            media_bytes: self.seen.media_bytes,
            partial_frames: self.seen.partial_frames,
            marks: self.seen.marks,
            clears: self.seen.clears,
            warnings: self.log.warnings,
        }
    }

    async fn deliver_call_recording(&mut self, recording: CallRecording, end_ms: u64) {
        let from = recording.started_ms as usize * BYTES_PER_MS;
        let part = |audio: &[u8]| audio.get(from..).unwrap_or_default().to_vec();
        let (caller, agent) = (part(&self.caller_audio), part(self.playout.heard()));
        let wav = stereo_wav(&caller, &agent);
        let length_ms = end_ms.saturating_sub(recording.started_ms);
        let (_, mut fields) = self.store_recording(wav, length_ms, "2");
        fields.extend(pairs([(
            "RecordingSource",
            "StartCallRecordingAPI".to_owned(),
        )]));
        if let Some(url) = recording.callback {
            self.call_back("recording callback", &url, &fields).await;
        }
    }

    /// Makes a recording available for fetching; returns its URL and the callback's fields.
    pub(super) fn store_recording(
        &mut self,
        wav: Vec<u8>,
        length_ms: u64,
        channels: &str,
    ) -> (String, Vec<(String, String)>) {
        let sid: RecordingSid = random_sid("RE")
            .parse()
            .expect("a fresh SID has the form of one");
        let url = if let Some(api) = &self.config.rest_api {
            api.add_recording(&sid, wav);
            api.recording_url(&sid)
        } else {
            let account = &self.config.account_sid;
            format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{sid}")
        };
        let fields = pairs([
            ("RecordingSid", sid.to_string()),
            ("RecordingUrl", url.clone()),
            ("RecordingStatus", "completed".to_owned()),
            ("RecordingDuration", (length_ms / 1000).to_string()),
            ("RecordingChannels", channels.to_owned()),
            ("RecordingTrack", "both".to_owned()),
        ]);
        self.tell(CarrierEvent::RecordingReady(sid));
        (url, fields)
    }
}

/// Form fields with owned names.
pub(super) fn pairs<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}
