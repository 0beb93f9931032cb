//! The verbs of TwiML, except the stream itself.

use prosaas_core::E164;
use prosaas_core::leg::BYTES_PER_MS;

use super::document::Element;
use super::http;
use super::interpreter::{CallRecording, Fetch, LiveCall, Source, Step, pairs};
use super::observation::{CallEnding, CarrierEvent, codes};
use super::random_sid;
use super::script::DialResult;
use super::stream::StreamPlan;
use crate::testkit::stereo_wav;

impl LiveCall<'_> {
    /// Runs one verb of the document at `base`. Speech and files take no time here.
    pub(super) async fn run_verb(&mut self, verb: &Element, base: &str) -> Step {
        match verb.name.as_str() {
            "Say" => {
                self.tell(CarrierEvent::Said(verb.text.trim().to_owned()));
                Step::Next
            }
            "Play" => self.play(verb, base).await,
            "Pause" => self.pause(verb).await,
            "Record" => self.record(verb, base).await,
            "Dial" => self.dial(verb, base).await,
            "Start" => self.start(verb, base),
            "Connect" => self.connect(verb, base).await,
            "Redirect" => {
                self.tell(CarrierEvent::Redirected(verb.text.trim().to_owned()));
                self.goto("redirect", base, verb.text.trim(), Vec::new())
            }
            "Hangup" => Step::End(CallEnding::ServerHungUp),
            "Reject" => Step::End(CallEnding::Rejected),
            other => self.bad_document(format!("the fake carrier does not know <{other}>")),
        }
    }

    fn bad_document(&mut self, detail: String) -> Step {
        self.warn(codes::BAD_DOCUMENT, detail);
        Step::End(CallEnding::Failed {
            code: codes::BAD_DOCUMENT,
        })
    }

    fn goto(
        &mut self,
        what: &'static str,
        base: &str,
        reference: &str,
        fields: Vec<(String, String)>,
    ) -> Step {
        match http::resolve(base, reference) {
            Some(url) => Step::Goto(Source::Fetch(Fetch { what, url, fields })),
            None => self.bad_document(format!("the URL of the {what} cannot be resolved")),
        }
    }

    async fn play(&mut self, verb: &Element, base: &str) -> Step {
        let Some(url) = http::resolve(base, verb.text.trim()) else {
            return self.bad_document("the URL of <Play> cannot be resolved".to_owned());
        };
        let file = http::get(self.config, &url)
            .await
            .filter(|file| file.status == 200);
        if file.is_none() {
            self.warn(
                codes::HTTP_RETRIEVAL,
                "the file of <Play> could not be fetched",
            );
        }
        self.tell(CarrierEvent::Played {
            url,
            bytes: file.map(|file| file.body.len()),
        });
        Step::Next
    }

    async fn pause(&mut self, verb: &Element) -> Step {
        let seconds = number(verb, "length").unwrap_or(1);
        let until = self.now_ms().saturating_add(seconds.saturating_mul(1000));
        self.clock
            .wait_until(until.min(self.script.at_most_ms))
            .await;
        Step::Next
    }

    /// Takes the caller's next utterance as the message. Without one the document goes on.
    async fn record(&mut self, verb: &Element, base: &str) -> Step {
        let began = self.now_ms();
        let Some(mut message) = self.caller.message(began) else {
            self.tell(CarrierEvent::Recorded { ms: 0 });
            return Step::Next;
        };
        let longest_s = number(verb, "maxLength").unwrap_or(3600);
        message.truncate(longest_s.saturating_mul(8000) as usize);
        let ms = (message.len() / BYTES_PER_MS) as u64;
        self.clock.wait_until(began + ms).await;
        self.put_caller_audio(began, &message);
        self.tell(CarrierEvent::Recorded { ms });

        let (url, mut fields) = self.store_recording(stereo_wav(&message, &[]), ms, "1");
        fields.extend(pairs([("RecordingSource", "RecordVerb".to_owned())]));
        if let Some(callback) = verb
            .attribute("recordingStatusCallback")
            .and_then(|text| http::resolve(base, text))
        {
            self.call_back("recording callback", &callback, &fields)
                .await;
        }
        let result = pairs([
            ("RecordingUrl", url),
            ("RecordingDuration", (ms / 1000).to_string()),
            ("Digits", "hangup".to_owned()),
        ]);
        // Without an action Twilio asks for the same document again.
        let action = verb.attribute("action").unwrap_or(base);
        self.goto("record action", base, action, result)
    }

    async fn dial(&mut self, verb: &Element, base: &str) -> Step {
        let text = verb
            .child("Number")
            .map_or(verb.text.trim(), |number| number.text.trim());
        let Ok(number) = E164::parse(text) else {
            return self.bad_document("<Dial> has no international phone number".to_owned());
        };
        self.tell(CarrierEvent::Dialled(number));
        let (status, talked_ms) = match self.script.dial {
            DialResult::Answered(ms) => ("completed", ms),
            DialResult::Busy => ("busy", 0),
            DialResult::NoAnswer => ("no-answer", 0),
        };
        let until = self
            .now_ms()
            .saturating_add(talked_ms)
            .min(self.script.at_most_ms);
        self.clock.wait_until(until).await;
        let Some(action) = verb.attribute("action") else {
            return Step::Next;
        };
        let fields = pairs([
            ("DialCallStatus", status.to_owned()),
            ("DialCallSid", random_sid("CA")),
            ("DialCallDuration", (talked_ms / 1000).to_string()),
        ]);
        self.goto("dial action", base, action, fields)
    }

    fn start(&mut self, verb: &Element, base: &str) -> Step {
        let Some(recording) = verb.child("Recording") else {
            return self.bad_document("the fake carrier knows <Start><Recording> only".to_owned());
        };
        let callback = recording
            .attribute("recordingStatusCallback")
            .and_then(|text| http::resolve(base, text));
        let started_ms = self.now_ms();
        if self.recording.is_none() {
            self.recording = Some(CallRecording {
                callback,
                started_ms,
            });
            self.tell(CarrierEvent::RecordingStarted);
        }
        Step::Next
    }

    async fn connect(&mut self, verb: &Element, base: &str) -> Step {
        let Some(stream) = verb.child("Stream") else {
            return self.bad_document("the fake carrier knows <Connect><Stream> only".to_owned());
        };
        let Some(plan) = StreamPlan::of(stream, base) else {
            return self.bad_document("<Stream> has no url that can be resolved".to_owned());
        };
        let (end, step) = self.stream(&plan).await;
        self.tell(CarrierEvent::StreamEnded(end));
        match (step, verb.attribute("action")) {
            (Step::Next, Some(action)) => self.goto("connect action", base, action, Vec::new()),
            (step, _) => step,
        }
    }

    /// Writes what the caller said at this time into the caller's track.
    pub(super) fn put_caller_audio(&mut self, at_ms: u64, audio: &[u8]) {
        let at = at_ms as usize * BYTES_PER_MS;
        if self.caller_audio.len() < at {
            self.caller_audio.resize(at, prosaas_core::leg::SILENCE);
        }
        self.caller_audio.truncate(at);
        self.caller_audio.extend_from_slice(audio);
    }
}

fn number(verb: &Element, attribute: &str) -> Option<u64> {
    verb.attribute(attribute)?.parse().ok()
}
