//! The ledger of a call: what the caller heard and when, from what arrived at the carrier's side alone.

use prosaas_core::leg::{BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENCE};
use prosaas_twilio::testkit::carrier::{CallEnding, CallObservation, CarrierEvent, StreamEnd};

/// A silence that is longer than the pause between two words.
const GAP_MS: u64 = 300;
/// So many frames in a row are words; a single one may be cut from a sentence spoken in advance.
const WORD_FRAMES: usize = 3;

/// What the caller heard from the moment of a loss on. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AfterLoss {
    /// From the beginning of the silence to the first sound.
    pub(super) sound: u64,
    /// Whether that sound was a sentence spoken in advance.
    pub(super) by_line: bool,
    /// From the beginning of the silence to the model's own words; `None` when they never came.
    pub(super) words: Option<u64>,
    /// The longest silence until those words, or until the end of the call.
    pub(super) silence: u64,
}

/// How long the caller waited for the first speech: from the beginning of the stream, or, when there was none
/// before, from the first document. `None` when nothing was ever said.
pub(super) fn first_speech(seen: &CallObservation) -> Option<u64> {
    let speech = speech_from(seen, 0)?;
    let stream = seen.stream_start_ms.filter(|at| *at <= speech);
    let document = || {
        let documents = seen.timeline.iter();
        let mut documents =
            documents.filter(|timed| matches!(timed.event, CarrierEvent::Document(_)));
        documents.next().map(|timed| timed.at_ms)
    };
    Some(speech.saturating_sub(stream.or_else(document)?))
}

/// The first moment from `at_ms` on at which the caller hears speech: audio of the stream, `<Say>` or `<Play>`.
pub(super) fn speech_from(seen: &CallObservation, at_ms: u64) -> Option<u64> {
    let by_stream = seen
        .spans
        .iter()
        .find(|span| span.end_ms > at_ms)
        .map(|span| span.start_ms.max(at_ms));
    let by_verb = seen.timeline.iter().find_map(|timed| match timed.event {
        CarrierEvent::Said(_) | CarrierEvent::Played { bytes: Some(_), .. }
            if timed.at_ms >= at_ms =>
        {
            Some(timed.at_ms)
        }
        _ => None,
    });
    by_stream.into_iter().chain(by_verb).min()
}

/// When the media socket broke, each time.
pub(super) fn breaks(seen: &CallObservation) -> impl Iterator<Item = u64> {
    seen.timeline.iter().filter_map(|timed| {
        let broke = matches!(timed.event, CarrierEvent::StreamEnded(StreamEnd::Broken));
        broke.then_some(timed.at_ms)
    })
}

/// Whether the caller was cut off by an error of ours instead of by somebody's hanging up.
pub(super) fn was_dropped(seen: &CallObservation) -> bool {
    matches!(
        seen.ending,
        CallEnding::Failed { .. } | CallEnding::TooManyDocuments
    )
}

/// Whether a request of this name was answered with success.
pub(super) fn was_acknowledged(seen: &CallObservation, name: &str) -> bool {
    seen.timeline.iter().any(|timed| match timed.event {
        CarrierEvent::Webhook {
            what,
            status: Some(status),
            ..
        } => what == name && (200..300).contains(&status),
        _ => false,
    })
}

/// What was heard after a loss at `from_ms`, in the audio of a call; `place` says where in a sentence spoken in
/// advance a frame is, in bytes. `None` when the caller noticed nothing: there was no silence.
pub(super) fn after_loss(
    audio: &[u8],
    from_ms: u64,
    place: impl Fn(&[u8]) -> Option<usize>,
) -> Option<AfterLoss> {
    let rest = audio.get(from_ms as usize * BYTES_PER_MS..)?;
    let frames: Vec<&[u8]> = rest.chunks_exact(FRAME_BYTES).collect();
    let is_silent = |frame: &&[u8]| frame.iter().all(|byte| *byte == SILENCE);
    let gap_frames = (GAP_MS / FRAME_MS) as usize;
    let gap = frames
        .windows(gap_frames)
        .position(|window| window.iter().all(is_silent))?;
    let after = &frames[gap..];
    let first = after.iter().position(|frame| !is_silent(frame));
    // The frame after the first, which may be cut. The model may begin with a word that is in a sentence as well,
    // so a line has to be at the sentence's beginning; what is no line is the model's words.
    let by_line = first
        .and_then(|at| place(after.get(at + 1)?))
        .is_some_and(|place| place <= 2 * FRAME_BYTES);
    let is_words = |frame: &&[u8]| !is_silent(frame) && place(frame).is_none();
    let words = if by_line {
        let mut windows = after.windows(WORD_FRAMES);
        windows.position(|window| window.iter().all(is_words))
    } else {
        first
    };
    let until = &after[..words.unwrap_or(after.len())];
    let silence = until
        .split(|frame| !is_silent(frame))
        .map(<[_]>::len)
        .max()
        .unwrap_or(0);
    let ms = |frames: usize| frames as u64 * FRAME_MS;
    Some(AfterLoss {
        sound: ms(first.unwrap_or(after.len())),
        by_line,
        words: words.map(ms),
        silence: ms(silence),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: u8 = 0x10;
    const WORD: u8 = 0x20;
    /// A word that is in the middle of a sentence spoken in advance, too.
    const WITHIN: u8 = 0x30;

    fn audio(parts: &[(u8, u64)]) -> Vec<u8> {
        let part = |(byte, ms): &(u8, u64)| vec![*byte; *ms as usize * BYTES_PER_MS];
        parts.iter().flat_map(part).collect()
    }

    fn heard(parts: &[(u8, u64)], from_ms: u64) -> Option<AfterLoss> {
        after_loss(&audio(parts), from_ms, |frame| match frame[0] {
            LINE => Some(FRAME_BYTES),
            WITHIN => Some(10 * FRAME_BYTES),
            _ => None,
        })
    }

    #[test]
    fn a_line_fills_the_gap_until_the_words_come() {
        let parts = [
            (WORD, 1_200),
            (SILENCE, 640),
            (LINE, 800),
            (SILENCE, 400),
            (WORD, 500),
        ];
        let expected = AfterLoss {
            sound: 640,
            by_line: true,
            words: Some(1_840),
            silence: 640,
        };
        // Counted from where the silence begins, not from the loss: what was there was still played.
        assert_eq!(heard(&parts, 1_000), Some(expected));
        assert_eq!(heard(&parts, 1_200), Some(expected));
    }

    #[test]
    fn a_word_that_is_in_a_line_as_well_is_not_the_line() {
        let parts = [(WORD, 400), (SILENCE, 900), (WITHIN, 160), (WORD, 500)];
        let found = heard(&parts, 300).unwrap();
        assert_eq!((found.sound, found.by_line), (900, false));
        assert_eq!(found.words, Some(900), "it is the model's");
    }

    #[test]
    fn the_pause_between_words_is_no_silence_and_no_sound_is_one_to_the_end() {
        assert_eq!(heard(&[(WORD, 500), (SILENCE, 60), (WORD, 500)], 100), None);
        let dead = heard(&[(WORD, 500), (SILENCE, 4_000)], 100).unwrap();
        assert_eq!(
            (dead.words, dead.silence, dead.by_line),
            (None, 4_000, false)
        );
        assert_eq!(heard(&[(WORD, 500)], 5_000), None, "after the end");
    }
}
