//! What Prometheus sees. Labels are words from our own lists: never a number, a name or a tenant.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use prosaas_core::leg::AiErrorKind;
use prosaas_core::{CallEnd, Usage};

use crate::reconcile::{Finding, Report};

const CALLS_LIVE: &str = "prosaas_calls_live";
const CALLS: &str = "prosaas_calls_total";
const WEBHOOKS: &str = "prosaas_webhooks_total";
const FIRST_AUDIO: &str = "prosaas_first_audio_seconds";
const MODEL_ERRORS: &str = "prosaas_model_errors_total";
const MALFORMED: &str = "prosaas_malformed_frames_total";
const TOKENS: &str = "prosaas_tokens_total";
const COST: &str = "prosaas_cost_micro_usd_total";
const JOBS: &str = "prosaas_jobs_total";
const WA_NOBODYS: &str = "prosaas_whatsapp_numbers_of_nobody_total";
const LADDER: &str = "prosaas_ladder_rung_total";
const RECONCILES: &str = "prosaas_reconcile_runs_total";
const RECONCILE_CALLS: &str = "prosaas_reconcile_calls";
const RECONCILE_FINDINGS: &str = "prosaas_reconcile_findings";
const RECONCILE_UNREAD: &str = "prosaas_reconcile_unread_accounts";
const DATABASE_UP: &str = "prosaas_database_up";
const LAG: &str = "prosaas_event_loop_lag_seconds";
const WRITE_BEHIND: &str = "prosaas_write_behind_total";
const WRITE_BEHIND_CALLS: &str = "prosaas_write_behind_calls";
const WRITE_BEHIND_BYTES: &str = "prosaas_write_behind_bytes";

/// Bounds of the time-to-first-audio histogram, in seconds.
const FIRST_AUDIO_BUCKETS: [f64; 9] = [0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 5.0];

static METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// What keeps a call from silence when the first model fails, in the order it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// A recorded line asks for patience.
    Hold,
    /// The model is connected again.
    Reconnect,
    /// Another model or account serves.
    Spare,
    /// A person's phone rings.
    Forward,
    /// The caller is asked for a message.
    Voicemail,
}

impl Rung {
    /// The word of the label.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Reconnect => "reconnect",
            Self::Spare => "spare",
            Self::Forward => "forward",
            Self::Voicemail => "voicemail",
        }
    }
}

/// The metrics of one server. Owned, not global, so that tests count only themselves.
#[derive(Debug)]
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    /// Fresh metrics, all zero.
    ///
    /// # Errors
    /// Only when the fixed histogram bounds were refused.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(FIRST_AUDIO.to_owned()), &FIRST_AUDIO_BUCKETS)?
            .build_recorder();
        let handle = recorder.handle();
        let metrics = Self { recorder, handle };
        metrics.describe();
        Ok(metrics)
    }

    fn describe(&self) {
        let lines = [
            (CALLS, "Calls that ended, by reason."),
            (WEBHOOKS, "Webhooks answered, by route and HTTP status."),
            (MODEL_ERRORS, "Errors the model reported, by kind."),
            (MALFORMED, "Media messages that could not be understood."),
            (TOKENS, "Tokens used, by direction and kind."),
            (COST, "What the models cost, in millionths of a US dollar."),
            (JOBS, "Jobs run, by kind and result."),
            (
                WA_NOBODYS,
                "What Meta told of numbers that no business has here.",
            ),
            (
                RECONCILES,
                "Comparisons with Twilio's lists of calls, by result.",
            ),
            (
                LADDER,
                "What kept calls from silence when the first model failed, by rung.",
            ),
            (
                WRITE_BEHIND,
                "What calls left while the database was away: entries kept, lost because it was full or failed; calls stored, erased, refused.",
            ),
        ];
        for (name, text) in lines {
            self.recorder
                .describe_counter(name.into(), None, text.into());
        }
        self.recorder.describe_gauge(
            CALLS_LIVE.into(),
            None,
            "Calls with an open media stream.".into(),
        );
        for (name, text) in [
            (
                RECONCILE_CALLS,
                "Calls of the last comparison with Twilio's lists, by side.",
            ),
            (
                RECONCILE_FINDINGS,
                "What the last comparison with Twilio's lists of calls found, by kind.",
            ),
            (
                RECONCILE_UNREAD,
                "Twilio accounts whose list of calls could not be read in the last comparison.",
            ),
            (DATABASE_UP, "Whether the database answers calls: 1 or 0."),
            (
                LAG,
                "How late a timer of the server fired, in seconds: the worst of the last half minute or so.",
            ),
            (WRITE_BEHIND_CALLS, "Calls that wait for the database."),
            (
                WRITE_BEHIND_BYTES,
                "Bytes of files that wait for the database.",
            ),
        ] {
            self.recorder.describe_gauge(name.into(), None, text.into());
        }
        self.recorder.describe_histogram(
            FIRST_AUDIO.into(),
            None,
            "Seconds from the media stream's start to the first audio for the caller.".into(),
        );
        self.live_gauge().set(0.0);
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let labels = labels
            .iter()
            .map(|(key, value)| Label::new(*key, (*value).to_owned()))
            .collect::<Vec<_>>();
        self.recorder
            .register_counter(&Key::from_parts(name, labels), &METADATA)
    }

    fn gauge(&self, name: &'static str) -> Gauge {
        self.recorder
            .register_gauge(&Key::from_name(name), &METADATA)
    }

    fn gauge_of(&self, name: &'static str, label: (&'static str, &'static str)) -> Gauge {
        let labels = vec![Label::new(label.0, label.1)];
        self.recorder
            .register_gauge(&Key::from_parts(name, labels), &METADATA)
    }

    fn live_gauge(&self) -> Gauge {
        self.gauge(CALLS_LIVE)
    }

    fn first_audio_histogram(&self) -> Histogram {
        self.recorder
            .register_histogram(&Key::from_name(FIRST_AUDIO), &METADATA)
    }

    /// How many calls have an open media stream.
    pub fn calls_live(&self, live: usize) {
        self.live_gauge().set(live as f64);
    }

    /// A call ended.
    pub fn call_ended(&self, end: CallEnd) {
        self.counter(CALLS, &[("end", end.as_str())]).increment(1);
    }

    /// A webhook was answered. `route` is one of our own paths.
    pub fn webhook(&self, route: &'static str, status: u16) {
        self.counter(
            WEBHOOKS,
            &[("route", route), ("status", &status.to_string())],
        )
        .increment(1);
    }

    /// Meta told of a number that no business has here.
    pub fn number_of_nobody(&self) {
        self.counter(WA_NOBODYS, &[]).increment(1);
    }

    /// The caller heard the first audio so many milliseconds after the stream began.
    pub fn first_audio(&self, after_ms: u64) {
        self.first_audio_histogram()
            .record(after_ms as f64 / 1_000.0);
        // The recorder keeps every value, 24 bytes each, until somebody asks for the metrics or this is called
        // (`PrometheusHandle::run_upkeep`): a server that nobody scrapes would grow with each call.
        self.handle.run_upkeep();
    }

    /// The model reported an error.
    pub fn model_error(&self, kind: AiErrorKind) {
        let word = match kind {
            AiErrorKind::ReplyActive => "reply_active",
            AiErrorKind::NothingToCancel => "nothing_to_cancel",
            AiErrorKind::TruncateRefused => "truncate_refused",
            AiErrorKind::RateLimited => "rate_limited",
            AiErrorKind::SessionExpired => "session_expired",
            AiErrorKind::Account => "account",
            AiErrorKind::Connect => "connect",
            AiErrorKind::Other => "other",
        };
        self.counter(MODEL_ERRORS, &[("kind", word)]).increment(1);
    }

    /// Media messages of one call that could not be understood.
    pub fn malformed_frames(&self, count: u64) {
        self.counter(MALFORMED, &[]).increment(count);
    }

    /// What a call or a summary used.
    pub fn usage(&self, usage: &Usage) {
        let counts = [
            ("input", "text", usage.input_text),
            ("input", "audio", usage.input_audio),
            ("cached", "text", usage.cached_text),
            ("cached", "audio", usage.cached_audio),
            ("output", "text", usage.output_text),
            ("output", "audio", usage.output_audio),
        ];
        for (direction, kind, tokens) in counts {
            self.counter(TOKENS, &[("direction", direction), ("kind", kind)])
                .increment(tokens);
        }
        self.counter(COST, &[])
            .increment(u64::try_from(usage.cost.0).unwrap_or(0));
    }

    /// A call was kept from silence by a rung of the ladder.
    pub fn ladder_rung(&self, rung: Rung) {
        self.counter(LADDER, &[("rung", rung.as_str())])
            .increment(1);
    }

    /// A job was run.
    pub fn job(&self, kind: &'static str, result: &'static str) {
        self.counter(JOBS, &[("kind", kind), ("result", result)])
            .increment(1);
    }

    /// A comparison with Twilio's lists of calls was over, `done` or `failed`.
    pub fn reconcile_run(&self, result: &'static str) {
        self.counter(RECONCILES, &[("result", result)]).increment(1);
    }

    /// What the last comparison with Twilio's lists of calls found.
    pub fn reconciled(&self, report: &Report) {
        for (side, calls) in [("carrier", report.listed), ("ours", report.ours)] {
            self.gauge_of(RECONCILE_CALLS, ("side", side))
                .set(calls as f64);
        }
        for finding in Finding::ALL {
            self.gauge_of(RECONCILE_FINDINGS, ("finding", finding.as_str()))
                .set(report.count(finding) as f64);
        }
        self.gauge(RECONCILE_UNREAD)
            .set(report.unread_accounts as f64);
    }

    /// Whether the database answers calls.
    pub fn database_up(&self, is_up: bool) {
        self.gauge(DATABASE_UP).set(f64::from(u8::from(is_up)));
    }

    /// The worst that a timer was late lately.
    pub fn event_loop_lag(&self, late: Duration) {
        self.gauge(LAG).set(late.as_secs_f64());
    }

    /// What became of something that a call left while the database was away.
    pub fn write_behind(&self, result: &'static str) {
        self.counter(WRITE_BEHIND, &[("result", result)])
            .increment(1);
    }

    /// How many calls wait for the database, with how many bytes of files.
    pub fn write_behind_size(&self, calls: usize, bytes: u64) {
        self.gauge(WRITE_BEHIND_CALLS).set(calls as f64);
        self.gauge(WRITE_BEHIND_BYTES).set(bytes as f64);
    }

    /// Everything, in the Prometheus text format.
    pub fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_rendered() {
        let metrics = Metrics::new().unwrap();
        metrics.calls_live(2);
        metrics.call_ended(CallEnd::CallerHungUp);
        metrics.webhook("/webhook/incoming_call", 403);
        metrics.first_audio(450);
        metrics.model_error(AiErrorKind::RateLimited);
        metrics.malformed_frames(3);
        metrics.job("summarize_call", "done");
        metrics.ladder_rung(Rung::Forward);
        metrics.event_loop_lag(Duration::from_millis(1_250));
        let text = metrics.render();
        for line in [
            "prosaas_calls_live 2",
            "prosaas_calls_total{end=\"caller_hung_up\"} 1",
            "prosaas_webhooks_total{route=\"/webhook/incoming_call\",status=\"403\"} 1",
            "prosaas_first_audio_seconds_bucket{le=\"0.5\"} 1",
            "prosaas_model_errors_total{kind=\"rate_limited\"} 1",
            "prosaas_malformed_frames_total 3",
            "prosaas_jobs_total{kind=\"summarize_call\",result=\"done\"} 1",
            "prosaas_ladder_rung_total{rung=\"forward\"} 1",
            "prosaas_event_loop_lag_seconds 1.25",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(
            Metrics::new()
                .unwrap()
                .render()
                .contains("prosaas_calls_live 0"),
            "not shared"
        );
    }
}
