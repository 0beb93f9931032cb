//! The lines of a call while it goes on: when, who, what.

use std::fmt::Display;

use prosaas_core::{AfterTool, Speaker, TranscriptLine};
use prosaas_realtime::session::CallUpdate;
use prosaas_twilio::testkit::carrier::{CallEnding, CarrierEvent, StreamEnd};

use crate::calls::news::News;
use crate::ui::{Style, Ui, printable};

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Caller,
    Agent,
    Carrier,
    Server,
}

impl Who {
    const fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Agent => "agent",
            Self::Carrier => "carrier",
            Self::Server => "server",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Caller => Style::Caller,
            Self::Agent => Style::Agent,
            Self::Carrier | Self::Server => Style::Dim,
        }
    }
}

/// Prints one line; `at_ms` counts from the first webhook.
pub(crate) fn line(ui: &mut Ui, at_ms: u64, who: Who, what: &str) {
    styled(ui, at_ms, who, who.style(), what);
}

/// Prints one line about something that went wrong.
pub(crate) fn alarm(ui: &mut Ui, at_ms: u64, who: Who, what: &str) {
    styled(ui, at_ms, who, Style::Alarm, what);
}

fn styled(ui: &mut Ui, at_ms: u64, who: Who, style: Style, what: &str) {
    let who = format!("{:<8}", who.word());
    let (who, what) = (ui.paint(style, &who), ui.paint(style, &printable(what)));
    ui.line(format_args!("{:>8}  {who} {what}", seconds(at_ms)));
}

/// `3.42 s`.
pub(crate) fn seconds(ms: u64) -> impl Display {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

/// What the carrier noticed, when it is worth a line.
pub(crate) fn carrier_event(ui: &mut Ui, at_ms: u64, event: &CarrierEvent) {
    let what = match event {
        CarrierEvent::Webhook {
            what,
            status,
            took_ms,
        } => match status {
            Some(status) => format!("{what}: HTTP {status} in {took_ms} ms"),
            None => return alarm(ui, at_ms, Who::Carrier, &format!("{what}: no answer")),
        },
        CarrierEvent::Document(verbs) => format!("is told to {}", verbs.join(", ")),
        CarrierEvent::Said(text) => return line(ui, at_ms, Who::Agent, &format!("<Say> {text}")),
        CarrierEvent::Played { url, bytes } => match bytes {
            Some(bytes) => format!("plays {url}, {bytes} bytes"),
            None => return alarm(ui, at_ms, Who::Carrier, &format!("could not fetch {url}")),
        },
        CarrierEvent::Recorded { ms } => format!("records a message of {}", seconds(*ms)),
        CarrierEvent::Dialled(number) => format!("dials {number}"),
        CarrierEvent::RecordingStarted => "records the call".to_owned(),
        CarrierEvent::RecordingReady(_) => "has a recording to fetch".to_owned(),
        CarrierEvent::StreamStarted(_) => "opened the media stream".to_owned(),
        CarrierEvent::StreamEnded(end) => format!("media stream ended: {}", stream_end(*end)),
        CarrierEvent::Ended(ending) => format!("call ended: {}", call_ending(*ending)),
        CarrierEvent::Warning { code, detail } => {
            return alarm(
                ui,
                at_ms,
                Who::Carrier,
                &format!("warning {code}: {detail}"),
            );
        }
        // Each sound of either side, `clear` and marks: told by the transcript and the summary.
        _ => return,
    };
    line(ui, at_ms, Who::Carrier, &what);
}

fn stream_end(end: StreamEnd) -> String {
    match end {
        StreamEnd::CallerHungUp => "the caller hung up".to_owned(),
        StreamEnd::ServerClosed(_) => "the server closed it".to_owned(),
        StreamEnd::Broken => "it broke".to_owned(),
        StreamEnd::NotOpened(Some(status)) => format!("it was refused with HTTP {status}"),
        StreamEnd::NotOpened(None) => "it could not be opened".to_owned(),
        _ => "the call went elsewhere".to_owned(),
    }
}

/// How a call ended, in words.
pub(crate) fn call_ending(ending: CallEnding) -> String {
    match ending {
        CallEnding::CallerHungUp => "the caller hung up".to_owned(),
        CallEnding::ServerHungUp => "the server hung up".to_owned(),
        CallEnding::Rejected => "the server rejected it".to_owned(),
        CallEnding::Failed { code } => format!("it failed with the carrier's error {code}"),
        CallEnding::TooManyDocuments => "documents led to documents without end".to_owned(),
    }
}

/// What the server told, when it is worth a line. `offset_ms` is when the media socket's own time began.
pub(crate) fn server_news(ui: &mut Ui, now_ms: u64, offset_ms: u64, news: &News) {
    match news {
        News::Update(CallUpdate::Line(said)) => transcript(ui, offset_ms, said),
        News::Update(CallUpdate::BargeIn { at, unheard_ms }) => {
            let unheard = seconds(*unheard_ms);
            let what = format!("barge-in: {unheard} of the answer is never heard");
            line(ui, offset_ms + at.0, Who::Caller, &what);
        }
        News::Update(CallUpdate::Reconnecting { at }) => {
            let what = "the model failed; connecting again";
            alarm(ui, offset_ms + at.0, Who::Server, what);
        }
        News::Update(CallUpdate::Fallback { at }) => {
            let what = "the model is out of reach: fallback";
            alarm(ui, offset_ms + at.0, Who::Server, what);
        }
        News::Tool {
            name,
            then,
            refused,
        } => {
            let result = match (refused, then) {
                (true, _) => "refused",
                (false, AfterTool::Continue) => "done",
                (false, AfterTool::EndCall) => "the call will end",
                (false, AfterTool::Transfer(_)) => "the call will be transferred",
            };
            line(ui, now_ms, Who::Agent, &format!("[tool {name}: {result}]"));
        }
        News::Update(CallUpdate::Holding { at }) => {
            let what = "the model keeps the caller waiting: one moment, please";
            alarm(ui, offset_ms + at.0, Who::Server, what);
        }
        News::Update(CallUpdate::FirstAudio { .. } | CallUpdate::Served { .. })
        | News::Began(_)
        | News::Ended(_) => {}
    }
}

fn transcript(ui: &mut Ui, offset_ms: u64, said: &TranscriptLine) {
    let who = match said.speaker {
        Speaker::Caller => Who::Caller,
        Speaker::Agent => Who::Agent,
    };
    let cut = if said.interrupted {
        " [interrupted]"
    } else {
        ""
    };
    line(
        ui,
        offset_ms + said.at.0,
        who,
        &format!("{}{cut}", said.text),
    );
}

#[cfg(test)]
mod tests {
    use prosaas_core::{CallTime, E164};

    use super::*;
    use crate::ui::tests::Paper;

    fn said(speaker: Speaker, text: &str, interrupted: bool) -> News {
        News::Update(CallUpdate::Line(TranscriptLine {
            seq: 0,
            speaker,
            at: CallTime(3_300),
            text: text.to_owned(),
            interrupted,
        }))
    }

    #[test]
    fn a_conversation_prints_who_said_what_when() {
        let paper = Paper::default();
        let mut ui = paper.ui();
        let mut tell = |news: &News| server_news(&mut ui, 9_990, 120, news);
        tell(&said(Speaker::Caller, "שלום, צריך אינסטלטור", false));
        tell(&said(Speaker::Agent, "I heard\u{1b}[2J", true));
        tell(&News::Update(CallUpdate::BargeIn {
            at: CallTime(5_000),
            unheard_ms: 2_100,
        }));
        tell(&News::Tool {
            name: "save_lead".to_owned(),
            then: AfterTool::Continue,
            refused: false,
        });
        assert_eq!(
            paper.text(),
            "  3.42 s  caller   שלום, צריך אינסטלטור\n\
             \x20 3.42 s  agent    I heard [2J [interrupted]\n\
             \x20 5.12 s  caller   barge-in: 2.10 s of the answer is never heard\n\
             \x20 9.99 s  agent    [tool save_lead: done]\n"
        );
    }

    #[test]
    fn the_carrier_says_what_it_does_and_masks_numbers() {
        let paper = Paper::default();
        let mut ui = paper.ui();
        let number = E164::parse("+97231234567").unwrap();
        let events = [
            CarrierEvent::Webhook {
                what: "voice webhook",
                status: Some(200),
                took_ms: 12,
            },
            CarrierEvent::Dialled(number),
            CarrierEvent::AgentBegan,
            CarrierEvent::StreamEnded(StreamEnd::NotOpened(Some(403))),
            CarrierEvent::Ended(CallEnding::Failed { code: 11_200 }),
        ];
        for event in &events {
            carrier_event(&mut ui, 61_234, event);
        }
        assert_eq!(
            paper.text(),
            " 61.23 s  carrier  voice webhook: HTTP 200 in 12 ms\n\
             \x2061.23 s  carrier  dials +972****4567\n\
             \x2061.23 s  carrier  media stream ended: it was refused with HTTP 403\n\
             \x2061.23 s  carrier  call ended: it failed with the carrier's error 11200\n"
        );
    }
}
