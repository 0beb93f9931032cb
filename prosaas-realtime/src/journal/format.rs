//! The lines of a journal.
//!
//! | letter | event | rest of the line |
//! |---|---|---|
//! | `C` | configuration | JSON |
//! | `s` | stream started | |
//! | `a` | caller audio | timestamp or `-`, length, and with whole audio its base64, else `!` when it is loud |
//! | `k` | key pressed | the key |
//! | `m` | mark echoed | `generation:seq` |
//! | `?` | malformed message of the carrier | |
//! | `x` | stream stopped | |
//! | `l` | stream lost | |
//! | `o` | AI leg opened | |
//! | `f` | AI leg could not be opened | JSON |
//! | `n` | spare AI leg ready | |
//! | `N` | spare AI leg failed | |
//! | `A` | agent audio | reply, item, content, length, and with whole audio its base64 |
//! | `i` | any other event of the model | JSON |
//! | `t` | tool done | JSON |
//! | `c` | control | `taken_over`, `shutdown`, or `wrote` and the words as JSON |
//! | `w` | the deadline came | |
//! | `p` | actions so far | their number, fingerprint |
//! | `E` | end | number of actions, fingerprint |

use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prosaas_core::leg::{AiError, AiEvent, ItemId, LegEvent, MarkId, ReplyId, SILENCE};
use prosaas_core::phone::E164;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::{AfterTool, ToolReply};
use serde::{Deserialize, Serialize};

use super::AudioDetail;
use crate::session::ear::is_loud;
use crate::session::{Action, Actions, Control, Event, SessionConfig, SessionEnd};

/// A line longer than this is refused.
const MAX_LINE: usize = 256 * 1024;
/// Audio of one event is at most this long.
const MAX_AUDIO: usize = 1024 * 1024;

/// Why a journal could not be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the journal is not valid: {expected}")]
pub struct JournalError {
    /// Counts from 1; 0 when the error is about the whole file.
    pub line: usize,
    /// What was expected.
    pub expected: &'static str,
}

/// The lines of a journal, each with its number, counted from 1.
pub(super) fn lines(
    journal: impl BufRead,
) -> impl Iterator<Item = Result<(usize, Line), JournalError>> {
    journal.lines().zip(1..).map(|(text, line)| {
        let at = |expected| JournalError { line, expected };
        let text = text.map_err(|_| at("readable UTF-8 text"))?;
        Ok((line, parse_line(&text).map_err(at)?))
    })
}

/// One line, parsed.
#[derive(Clone, Debug)]
pub enum Line {
    /// The configuration.
    Config(Box<SessionConfig>),
    /// An event at its time; audio it carried, or silence of the same length.
    Event(CallTime, OwnedEvent),
    /// Up to this time: number of actions and their fingerprint.
    Check(CallTime, u64, u64),
    /// The end: number of actions and their fingerprint.
    End(u64, u64),
}

/// An [`Event`] that owns its audio.
#[derive(Clone, Debug)]
pub struct OwnedEvent {
    event: Event<'static>,
    audio: Vec<u8>,
}

impl OwnedEvent {
    /// The event, borrowing its audio.
    pub fn as_event(&self) -> Event<'_> {
        match &self.event {
            Event::Caller(event, _) => Event::Caller(*event, &self.audio),
            Event::Ai(event, _) => Event::Ai(event.clone(), &self.audio),
            other => other.clone(),
        }
    }
}

#[derive(Serialize)]
struct WrittenConfig<'a> {
    version: u32,
    #[serde(flatten)]
    config: &'a SessionConfig,
}

#[derive(Deserialize)]
struct ReadConfig {
    version: u32,
    #[serde(flatten)]
    config: SessionConfig,
}

const VERSION: u32 = 1;

/// Stands for the audio of a loud frame: whether it is loud is all that a decision depends on.
const LOUD: &str = "!";
const LOUD_MARK: &str = " !";
/// Full scale in mu-law.
const LOUDEST: u8 = 0x80;

pub(super) fn write_config(out: &mut String, config: &SessionConfig) {
    let _ = writeln!(out, "0 C {}", config_json(config));
}

/// A configuration as it is written.
pub(super) fn config_json(config: &SessionConfig) -> String {
    json(&WrittenConfig {
        version: VERSION,
        config,
    })
}

/// Reads what [`config_json`] wrote.
pub(super) fn config_from(text: &str) -> Result<SessionConfig, &'static str> {
    let read: ReadConfig = serde_json::from_str(text).map_err(|_| "the configuration as JSON")?;
    if read.version != VERSION {
        return Err("a journal of version 1; this one was written by another version");
    }
    Ok(read.config)
}

#[derive(Serialize, Deserialize)]
struct ToolLine {
    call: String,
    output: String,
    then: Then,
}

/// [`AfterTool`] without the number.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    Continue,
    EndCall,
    Transfer,
}

pub(super) fn write_event(out: &mut String, now: CallTime, event: &Event<'_>, detail: AudioDetail) {
    let t = now.0;
    let audio = match event {
        Event::Caller(
            LegEvent::Audio {
                timestamp_ms: Some(ms),
            },
            audio,
        ) => {
            // One line in twenty milliseconds: without the formatting machinery.
            for (before, number) in [("", t), (" a ", *ms), (" ", audio.len() as u64)] {
                out.push_str(before);
                push_number(out, number);
            }
            out.push('\n');
            audio
        }
        Event::Caller(LegEvent::Audio { timestamp_ms: None }, audio) => {
            line(out, format_args!("{t} a - {}", audio.len()));
            audio
        }
        Event::Ai(
            AiEvent::Audio {
                reply,
                item,
                content,
            },
            audio,
        ) => {
            let length = audio.len();
            line(
                out,
                format_args!("{t} A {} {} {content} {length}", reply.0, item.0),
            );
            audio
        }
        other => return write_plain_event(out, t, other),
    };
    if detail == AudioDetail::Whole {
        // Onto the line just written.
        out.pop();
        out.push(' ');
        STANDARD.encode_string(audio, out);
        out.push('\n');
    } else if matches!(event, Event::Caller(..)) && is_loud(audio) {
        out.pop();
        out.push_str(LOUD_MARK);
        out.push('\n');
    }
}

fn write_plain_event(out: &mut String, t: u64, event: &Event<'_>) {
    match event {
        Event::Started => line(out, format_args!("{t} s")),
        Event::Caller(LegEvent::Dtmf(key), _) => line(out, format_args!("{t} k {key}")),
        Event::Caller(LegEvent::Mark(mark), _) => line(out, format_args!("{t} m {mark}")),
        Event::Caller(LegEvent::Stopped, _) => line(out, format_args!("{t} x")),
        Event::Caller(LegEvent::Lost, _) => line(out, format_args!("{t} l")),
        Event::Caller(LegEvent::Malformed | LegEvent::Audio { .. }, _) => {
            line(out, format_args!("{t} ?"));
        }
        Event::AiOpened => line(out, format_args!("{t} o")),
        Event::AiOpenFailed(error) => line(out, format_args!("{t} f {}", json(error))),
        Event::SpareAiReady => line(out, format_args!("{t} n")),
        Event::SpareAiFailed => line(out, format_args!("{t} N")),
        Event::Ai(event, _) => line(out, format_args!("{t} i {}", json(event))),
        Event::ToolDone { call, reply } => {
            let then = match reply.then {
                AfterTool::Continue => Then::Continue,
                AfterTool::EndCall => Then::EndCall,
                AfterTool::Transfer(_) => Then::Transfer,
            };
            let tool = ToolLine {
                call: call.clone(),
                output: reply.output.clone(),
                then,
            };
            line(out, format_args!("{t} t {}", json(&tool)));
        }
        Event::Control(Control::CallerWrote(text)) => {
            line(out, format_args!("{t} c wrote {}", json(text)));
        }
        Event::Control(Control::Whispered(text)) => {
            line(out, format_args!("{t} c whispered {}", json(text)));
        }
        // Numbers are not written.
        Event::Control(Control::HandTo(_)) => line(out, format_args!("{t} c hand_to")),
        Event::Control(Control::EndCall) => line(out, format_args!("{t} c end_call")),
        Event::Control(Control::TakenOver) => line(out, format_args!("{t} c taken_over")),
        Event::Control(Control::Shutdown) => line(out, format_args!("{t} c shutdown")),
        Event::Wake => line(out, format_args!("{t} w")),
    }
}

fn push_number(out: &mut String, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

pub(super) fn write_check(out: &mut String, now: CallTime, so_far: &Fingerprint) {
    let Fingerprint { count, hash } = so_far;
    line(out, format_args!("{} p {count} {hash:016x}", now.0));
}

pub(super) fn write_end(out: &mut String, fingerprint: &Fingerprint) {
    let _ = writeln!(out, "0 E {} {:016x}", fingerprint.count, fingerprint.hash);
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Parses one line, without its line break. Any text gives a line or the sentence that says what was
/// expected.
pub fn parse_line(text: &str) -> Result<Line, &'static str> {
    if text.len() > MAX_LINE {
        return Err("a line of at most 256 KiB");
    }
    let (time, rest) = text
        .split_once(' ')
        .ok_or("a time, a letter and the event")?;
    let now = CallTime(time.parse().map_err(|_| "a time in milliseconds first")?);
    let (letter, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let event = match letter {
        "C" => return config_from(rest).map(|config| Line::Config(Box::new(config))),
        "p" => return counted(rest).map(|(count, hash)| Line::Check(now, count, hash)),
        "E" => return counted(rest).map(|(count, hash)| Line::End(count, hash)),
        "a" => return caller_audio(rest).map(|event| Line::Event(now, event)),
        "A" => return agent_audio(rest).map(|event| Line::Event(now, event)),
        "s" => Event::Started,
        "k" => {
            let mut keys = rest.chars();
            match (keys.next(), keys.next()) {
                (Some(key), None) => Event::Caller(LegEvent::Dtmf(key), &[]),
                _ => return Err("one key"),
            }
        }
        "m" => {
            let mark: MarkId = rest.parse().map_err(|_| "a mark as generation:seq")?;
            Event::Caller(LegEvent::Mark(mark), &[])
        }
        "?" => Event::Caller(LegEvent::Malformed, &[]),
        "x" => Event::Caller(LegEvent::Stopped, &[]),
        "l" => Event::Caller(LegEvent::Lost, &[]),
        "o" => Event::AiOpened,
        "f" => {
            let error: AiError = serde_json::from_str(rest).map_err(|_| "the error as JSON")?;
            Event::AiOpenFailed(error)
        }
        "n" => Event::SpareAiReady,
        "N" => Event::SpareAiFailed,
        "i" => {
            let event: AiEvent = serde_json::from_str(rest).map_err(|_| "a model event as JSON")?;
            Event::Ai(event, &[])
        }
        "t" => tool_done(rest)?,
        "c" => match rest {
            "taken_over" => Event::Control(Control::TakenOver),
            "shutdown" => Event::Control(Control::Shutdown),
            // A replay hands the call to nobody in particular.
            "hand_to" => Event::Control(Control::HandTo(nobody()?)),
            "end_call" => Event::Control(Control::EndCall),
            _ => Event::Control(written(rest)?),
        },
        "w" => Event::Wake,
        _ => return Err("one of the letters of the journal"),
    };
    Ok(Line::Event(
        now,
        OwnedEvent {
            event,
            audio: Vec::new(),
        },
    ))
}

fn counted(rest: &str) -> Result<(u64, u64), &'static str> {
    let (count, hash) = rest.split_once(' ').ok_or("a count and a fingerprint")?;
    let count = count.parse().map_err(|_| "a count of actions")?;
    let hash = u64::from_str_radix(hash, 16).map_err(|_| "a fingerprint, 16 hex digits")?;
    Ok((count, hash))
}

fn written(rest: &str) -> Result<Control, &'static str> {
    let (how, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let control = match how {
        "wrote" => Control::CallerWrote,
        "whispered" => Control::Whispered,
        _ => {
            return Err(
                "taken_over, shutdown, hand_to, end_call, or wrote or whispered and the words as JSON",
            );
        }
    };
    let words = serde_json::from_str(text).map_err(|_| "the words as JSON")?;
    Ok(control(words))
}

fn tool_done(rest: &str) -> Result<Event<'static>, &'static str> {
    let line: ToolLine = serde_json::from_str(rest).map_err(|_| "the tool's answer as JSON")?;
    let then = match line.then {
        Then::Continue => AfterTool::Continue,
        Then::EndCall => AfterTool::EndCall,
        // Numbers are not written; a replay hands the call to nobody in particular.
        Then::Transfer => AfterTool::Transfer(nobody()?),
    };
    Ok(Event::ToolDone {
        call: line.call,
        reply: ToolReply {
            output: line.output,
            then,
        },
    })
}

fn nobody() -> Result<E164, &'static str> {
    E164::parse("+10000000").map_err(|_| "a number that stands for nobody")
}

fn caller_audio(rest: &str) -> Result<OwnedEvent, &'static str> {
    let mut words = rest.split(' ');
    let timestamp_ms = match words.next() {
        Some("-") => None,
        Some(ms) => Some(ms.parse().map_err(|_| "a timestamp in milliseconds or -")?),
        None => return Err("a timestamp or -"),
    };
    let audio = audio(&mut words)?;
    Ok(OwnedEvent {
        event: Event::Caller(LegEvent::Audio { timestamp_ms }, &[]),
        audio,
    })
}

fn agent_audio(rest: &str) -> Result<OwnedEvent, &'static str> {
    let mut words = rest.split(' ');
    let mut number = || {
        words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or("reply, item, content")
    };
    let (reply, item, content) = (ReplyId(number()?), ItemId(number()?), number()?);
    let audio = audio(&mut words)?;
    Ok(OwnedEvent {
        event: Event::Ai(
            AiEvent::Audio {
                reply,
                item,
                content,
            },
            &[],
        ),
        audio,
    })
}

fn audio<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Vec<u8>, &'static str> {
    let length: usize = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or("the length of the audio")?;
    if length > MAX_AUDIO {
        return Err("at most 1 MiB of audio in one event");
    }
    match words.next() {
        None => Ok(vec![SILENCE; length]),
        Some(LOUD) => Ok(vec![LOUDEST; length]),
        Some(text) => {
            let bytes = STANDARD.decode(text).map_err(|_| "the audio as base64")?;
            if bytes.len() == length {
                Ok(bytes)
            } else {
                Err("audio as long as its length says")
            }
        }
    }
}

/// Counts the actions of a call and mixes them into one number. Audio counts by its length and numbers
/// not at all, since a journal need not hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub(super) count: u64,
    pub(super) hash: u64,
}

impl Fingerprint {
    pub(super) const fn new() -> Self {
        Self {
            count: 0,
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }

    pub(super) fn add(&mut self, actions: &Actions) {
        for action in actions.iter() {
            self.count += 1;
            std::mem::discriminant(action).hash(self);
            match action {
                Action::Play(span) | Action::SendAudio(span) => {
                    self.write_u64(actions.audio(*span).len() as u64);
                }
                Action::Mark(mark) => self.write(mark.to_string().as_bytes()),
                Action::ClearPlayback
                | Action::CloseAi
                | Action::UseSpareAi
                | Action::CloseSpareAi => {}
                Action::Ai(order) => self.write(format!("{order:?}").as_bytes()),
                Action::OpenAi(history) | Action::OpenSpareAi(history) => {
                    self.write(format!("{history:?}").as_bytes());
                }
                Action::RunTool(request) => self.write(format!("{request:?}").as_bytes()),
                Action::Update(update) => self.write(format!("{update:?}").as_bytes()),
                Action::End(SessionEnd::Call { end, .. }) => self.write(end.as_str().as_bytes()),
                Action::End(SessionEnd::TakenOver) => self.write(b"taken over"),
            }
        }
    }
}

/// FNV-1a (Fowler, Noll, Vo), 64 bit: the same on every machine, unlike the standard library's hasher.
impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
