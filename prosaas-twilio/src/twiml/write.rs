//! The serialiser.

use std::borrow::Cow;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{Dial, Gather, RecordVerb, Response, Say, StartRecording, Stream, Verb};

/// Longest text of one `<Say>`, in characters (Unicode scalar values). The rest is cut off.
pub const MAX_SAY_CHARS: usize = 4096;

/// The text without what XML 1.0 does not allow (control characters, U+FFFE, U+FFFF), every line end as
/// `\n`: what a reader of the document gets back.
pub fn legal_text(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_legal(c) && c != '\r') {
        return Cow::Borrowed(text);
    }
    let with_line_ends = text.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(with_line_ends.chars().filter(|&c| is_legal(c)).collect())
}

/// The production `Char` of XML 1.0, 2.2.
const fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..)
}

pub(super) fn document(response: &Response) -> String {
    let mut xml = Xml {
        writer: Writer::new(Vec::with_capacity(512)),
    };
    xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    xml.element("Response", Attributes::default(), |xml| {
        for verb in response.verbs() {
            xml.verb(verb);
        }
    });
    String::from_utf8(xml.writer.into_inner()).expect("the serialiser was given UTF-8 only")
}

/// The attributes that are present, sorted by name when written.
#[derive(Default)]
struct Attributes<'a>(Vec<(&'static str, Cow<'a, str>)>);

impl<'a> Attributes<'a> {
    fn text(mut self, name: &'static str, value: Option<&'a str>) -> Self {
        if let Some(value) = value {
            self.0.push((name, legal_text(value)));
        }
        self
    }

    fn number(mut self, name: &'static str, value: Option<u32>) -> Self {
        if let Some(value) = value {
            self.0.push((name, Cow::Owned(value.to_string())));
        }
        self
    }

    fn boolean(self, name: &'static str, value: Option<bool>) -> Self {
        self.text(
            name,
            value.map(|value| if value { "true" } else { "false" }),
        )
    }

    fn trim(self, value: Option<bool>) -> Self {
        self.text(
            "trim",
            value.map(|trim| if trim { "trim-silence" } else { "do-not-trim" }),
        )
    }

    fn on(mut self, element: &'static str) -> BytesStart<'static> {
        self.0.sort_by_key(|(name, _)| *name);
        let mut start = BytesStart::new(element);
        for (name, value) in &self.0 {
            start.push_attribute((*name, attribute_value(value).as_ref()));
        }
        start
    }
}

struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    fn event(&mut self, event: Event<'_>) {
        self.writer
            .write_event(event)
            .expect("writing to memory cannot fail");
    }

    fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        children: impl FnOnce(&mut Self),
    ) {
        self.event(Event::Start(attributes.on(name)));
        children(self);
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn empty(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.event(Event::Empty(attributes.on(name)));
    }

    fn text_element(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(name, attributes, |xml| {
            xml.event(Event::Text(BytesText::new(&legal_text(text))));
        });
    }

    fn verb(&mut self, verb: &Verb) {
        let none = Attributes::default();
        match verb {
            Verb::Say(say) => self.say(say),
            Verb::Play(play) => {
                self.text_element("Play", none.number("loop", play.times), &play.url);
            }
            Verb::Pause(pause) => self.empty("Pause", none.number("length", Some(pause.seconds))),
            Verb::Gather(gather) => self.gather(gather),
            Verb::Record(record) => self.record(record),
            Verb::Dial(dial) => self.dial(dial),
            Verb::StartRecording(recording) => self.start_recording(recording),
            Verb::ConnectStream(stream) => self.connect_stream(stream),
            Verb::Redirect(url) => self.text_element("Redirect", none, url),
            Verb::Hangup => self.empty("Hangup", none),
            Verb::Reject(reason) => {
                self.empty("Reject", none.text("reason", Some(reason.as_str())));
            }
        }
    }

    fn say(&mut self, say: &Say) {
        let attributes = Attributes::default()
            .text("language", say.language.as_deref())
            .text("voice", say.voice.as_deref());
        let text = legal_text(&say.text);
        let end = text
            .char_indices()
            .nth(MAX_SAY_CHARS)
            .map_or(text.len(), |(at, _)| at);
        self.text_element("Say", attributes, &text[..end]);
    }

    fn gather(&mut self, gather: &Gather) {
        let attributes = Attributes::default()
            .text("action", gather.action.as_deref())
            .text("input", Some(gather.input.as_str()))
            .text("language", gather.language.as_deref())
            .number("numDigits", gather.num_digits)
            .number("timeout", gather.timeout_s);
        self.element("Gather", attributes, |xml| {
            if let Some(prompt) = &gather.prompt {
                xml.say(prompt);
            }
        });
    }

    fn record(&mut self, record: &RecordVerb) {
        let attributes = Attributes::default()
            .text("action", record.action.as_deref())
            .text("finishOnKey", record.finish_on_key.as_deref())
            .number("maxLength", record.max_length_s)
            .boolean("playBeep", record.play_beep)
            .text(
                "recordingStatusCallback",
                record.recording_status_callback.as_deref(),
            )
            .number("timeout", record.timeout_s)
            .trim(record.trim_silence);
        self.empty("Record", attributes);
    }

    fn dial(&mut self, dial: &Dial) {
        let attributes = Attributes::default()
            .text("action", dial.action.as_deref())
            .boolean("answerOnBridge", dial.answer_on_bridge)
            .text(
                "callerId",
                dial.caller_id.as_ref().map(prosaas_core::E164::expose),
            )
            .number("timeLimit", dial.time_limit_s)
            .number("timeout", dial.timeout_s);
        self.element("Dial", attributes, |xml| {
            xml.text_element("Number", Attributes::default(), dial.number.expose());
        });
    }

    fn start_recording(&mut self, recording: &StartRecording) {
        let attributes = Attributes::default()
            .text(
                "channels",
                recording.channels.map(super::RecordingChannels::as_str),
            )
            .text(
                "recordingStatusCallback",
                recording.recording_status_callback.as_deref(),
            )
            .trim(recording.trim_silence);
        self.element("Start", Attributes::default(), |xml| {
            xml.empty("Recording", attributes);
        });
    }

    fn connect_stream(&mut self, stream: &Stream) {
        let connect = Attributes::default().text("action", stream.action.as_deref());
        let attributes = Attributes::default()
            .text("statusCallback", stream.status_callback.as_deref())
            .text("url", Some(&stream.url));
        self.element("Connect", connect, |xml| {
            xml.element("Stream", attributes, |xml| {
                for (name, value) in &stream.parameters {
                    let pair = Attributes::default()
                        .text("name", Some(name.as_str()))
                        .text("value", Some(value.as_str()));
                    xml.empty("Parameter", pair);
                }
            });
        });
    }
}

/// A reader turns tabs and line ends in attributes into spaces; writing them so keeps both sides equal.
fn attribute_value(value: &str) -> Cow<'_, str> {
    if value.contains(['\t', '\n']) {
        Cow::Owned(value.replace(['\t', '\n'], " "))
    } else {
        Cow::Borrowed(value)
    }
}
