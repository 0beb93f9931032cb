//! What a person hands us as audio or as a journal, and what the model's server sends.

use prosaas_core::business::CallLimits;
use prosaas_core::time::CallTime;
use prosaas_realtime::audio;
use prosaas_realtime::journal::{AudioDetail, Line, Writer, parse_line, replay};
use prosaas_realtime::openai::Translator;
use prosaas_realtime::session::{Actions, CallSession, Event, Opening, SessionConfig, TurnTaking};
use prosaas_realtime::turn_taking::{
    CallerTurn, Decision, Expected, LONGEST_WAIT_MS, LanguageOfCall, Spoken, decide,
};
use tokio::sync::mpsc;

use super::text;
use crate::target::{Outcome, Target};

/// Lines of one input that are fed: enough for a conversation, and each may stand for a minute of audio.
const MOST_LINES: usize = 40;

/// A caller's recording, as `--caller FILE` takes it.
pub(crate) const RECORDING: Target = Target {
    name: "recording",
    run: |input| {
        let read = audio::read(input, None);
        let raw = audio::read(input, Some("ulaw"));
        if let Ok(audio) = &read {
            // No form of audio that we read is longer at 8 kHz mu-law than in its file.
            assert!(
                audio.len() <= input.len(),
                "{} bytes made {}",
                input.len(),
                audio.len()
            );
        }
        let length = |audio: &Vec<u8>| audio.len().min(40);
        Outcome::of((
            Outcome::parsed(&read, length),
            Outcome::parsed(&raw, length),
        ))
    },
    dictionary: &[
        "RIFF",
        "WAVE",
        "fmt ",
        "data",
        "LIST",
        "fact",
        "\u{10}\0\0\0",
        "\x01\0",
        "\x07\0",
        "\x40\x1f\0\0",
    ],
};

/// The model's events, one a line, through the translator into a live session.
pub(crate) const MODEL_EVENTS: Target = Target {
    name: "model_events",
    run: |input| {
        let text = text(input);
        let decides = SessionConfig {
            turn_taking: Some(TurnTaking::new(Spoken::Hebrew)),
            ..config()
        };
        Outcome::of((converse(&text, config()), converse(&text, decides)))
    },
    dictionary: &[
        "{\"type\":\"",
        "session.updated",
        "response.created",
        "response.done",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.done",
        "error",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "conversation.item.input_audio_transcription.completed",
        "response.output_item.done",
        "\"response_id\":\"r1\"",
        "\"item_id\":\"i1\"",
        "\"delta\":\"",
        "\"function_call\"",
        "\"usage\":{",
        "\"cached_tokens_details\":{",
        "\"audio_tokens\":",
        "\n",
        "null",
        "{}",
        "[]",
        "\\u0000",
        "\\ud83d",
    ],
};

/// A journal after its configuration line: each line alone, then all of them replayed.
pub(crate) const JOURNAL: Target = Target {
    name: "journal",
    run: |input| {
        let text = text(input);
        let lines: Vec<&str> = text.lines().take(MOST_LINES).collect();
        let kinds: Vec<_> = lines
            .iter()
            .map(|line| match parse_line(line) {
                Ok(Line::Config(_)) => "a configuration",
                Ok(Line::Event(..)) => "an event",
                Ok(Line::Check(..)) => "actions so far",
                Ok(Line::End(..)) => "the end",
                Err(expected) => expected,
            })
            .collect();
        let journal = format!("{}{}", configuration_line(), lines.join("\n"));
        let replayed = replay(journal.as_bytes(), |_, _, _| {});
        Outcome::of((
            kinds,
            Outcome::parsed(&replayed, |replay| (replay.actions.min(50), replay.same)),
        ))
    },
    dictionary: &[
        " s",
        " o",
        " a 0 160",
        " A 1 1 0 1600",
        " m 0:1",
        " k 5",
        " w",
        " x",
        " l",
        " t {",
        " c shutdown",
        " i {\"",
        " f {\"",
        " E 0 0",
        " p 0 0",
        "\n",
        "-",
        "20 ",
        "999999 ",
        "0 C {",
    ],
};

/// Turns of a caller as somebody wrote them down, one a line, after the agent's words in the first line.
pub(crate) const TURN_TAKING: Target = Target {
    name: "turn_taking",
    run: |input| {
        let text = text(input);
        let mut lines = text.lines();
        let expected = Expected::after(lines.next().unwrap_or_default());
        let mut call = LanguageOfCall::new(Spoken::Hebrew);
        let mut happened = Vec::new();
        for line in lines.take(MOST_LINES) {
            for over_agent in [false, true] {
                let turn = CallerTurn {
                    text: line,
                    silent_ms: 300,
                    turn_ms: 900,
                    expected,
                    over_agent,
                };
                let decision = decide(&turn);
                assert_eq!(decision, decide(&turn), "the same every time");
                happened.push(match decision {
                    Decision::Answer => "answer".to_owned(),
                    Decision::Wait { ms, why } => {
                        assert!(ms > 0 && ms <= LONGEST_WAIT_MS, "waits for {ms} ms");
                        format!("{why:?}")
                    }
                    Decision::BackChannel => "back-channel".to_owned(),
                });
            }
            happened.push(format!("{:?}", call.hear(line)));
        }
        Outcome::of((expected, happened))
    },
    dictionary: &[
        "רגע",
        "שנייה",
        "אממ",
        "אני בודקת",
        "אפס חמש",
        "חמישים ושתיים",
        "פעמיים",
        "מאות",
        "רחוב הרצל",
        "דירה",
        "כן",
        "אבל",
        "let me check",
        "минутку",
        "لحظة",
        "\u{5b7}",
        "...",
        "?",
        "*",
        "\n",
    ],
};

/// A session hears these events of the model; how much it does about each.
fn converse(events: &str, config: SessionConfig) -> Vec<usize> {
    let mut translator = Translator::new("gpt-realtime", Some("gpt-4o-transcribe"));
    let mut session = CallSession::new(config);
    let mut actions = Actions::default();
    let mut now = CallTime::ZERO;
    let mut happened = Vec::new();
    session.handle(now, Event::Started, &mut actions);
    session.handle(now, Event::AiOpened, &mut actions);
    for line in events.lines().take(MOST_LINES) {
        let mut audio = Vec::new();
        let mut next = translator.translate(line, &mut audio);
        while let Some(event) = next {
            now = now.plus(20);
            actions.clear();
            session.handle(now, Event::Ai(event, &audio), &mut actions);
            happened.push(actions.iter().count().min(4));
            next = translator.take_pending();
        }
    }
    happened
}

fn config() -> SessionConfig {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 15,
        max_live_calls: 10,
    };
    SessionConfig::new(Opening::Greet("Say hello.".to_owned()), limits)
}

/// The first line as today's version writes it.
fn configuration_line() -> String {
    let (to, mut from) = mpsc::channel(1);
    let mut writer = Writer::new(AudioDetail::Lengths, to);
    writer.begin(&config());
    writer.finish();
    let written = from
        .try_recv()
        .expect("the writer hands over what it has when it is finished");
    let end = written.find('\n').map_or(written.len(), |at| at + 1);
    written[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seeds that no longer parse would fuzz nothing but the error path.
    #[test]
    fn the_journal_seed_is_still_a_journal() {
        let seed = include_str!("../../corpus/journal/call");
        let journal = format!("{}{seed}", configuration_line());
        let replayed = replay(journal.as_bytes(), |_, _, _| {}).unwrap();
        assert!(replayed.events >= 8, "{} events", replayed.events);
        assert!(replayed.actions > 0);
    }
}
