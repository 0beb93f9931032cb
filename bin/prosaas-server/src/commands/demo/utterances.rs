//! Where somebody speaks in a recording.

use std::ops::Range;

use prosaas_core::leg::{BYTES_PER_MS, FRAME_BYTES};
use prosaas_realtime::audio::g711;

/// A silence longer than this stands between two utterances, a shorter one within one.
const PAUSE_MS: usize = 1_200;
/// What is kept before an utterance, so that a soft beginning is not cut. Short: reaction times are measured
/// from here.
const BEFORE_MS: usize = 40;
/// What is kept after it: ends are softer than beginnings.
const AFTER_MS: usize = 160;
/// Shorter than this it is a click.
const SHORTEST_MS: usize = 100;
/// A frame counts as speech when it is at least this part as loud as the loudest one. 1/20 is 26 dB down:
/// below the softest syllables, above the noise of a telephone line.
const LOUD_PART: f64 = 1.0 / 20.0;
/// Below this level (root mean square of 16-bit samples) nothing is speech.
const SOFTEST: f64 = 60.0;

/// The stretches of mu-law audio in which somebody speaks, as byte ranges in order.
pub(super) fn find(audio: &[u8]) -> Vec<Range<usize>> {
    let levels: Vec<f64> = audio.chunks(FRAME_BYTES).map(level).collect();
    let loudest = levels.iter().copied().fold(0.0, f64::max);
    let threshold = (loudest * LOUD_PART).max(SOFTEST);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (index, _) in levels
        .iter()
        .enumerate()
        .filter(|(_, level)| **level >= threshold)
    {
        let frame = index * FRAME_BYTES..(index + 1) * FRAME_BYTES;
        match found.last_mut() {
            Some(last) if frame.start - last.end <= PAUSE_MS * BYTES_PER_MS => last.end = frame.end,
            _ => found.push(frame),
        }
    }
    found.retain(|range| range.len() >= SHORTEST_MS * BYTES_PER_MS);
    for range in &mut found {
        let start = range.start.saturating_sub(BEFORE_MS * BYTES_PER_MS);
        *range = start..(range.end + AFTER_MS * BYTES_PER_MS).min(audio.len());
    }
    found
}

fn level(frame: &[u8]) -> f64 {
    let square = |code: &u8| f64::from(g711::decode(*code)).powi(2);
    (frame.iter().map(square).sum::<f64>() / frame.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prosaas_core::leg::SILENCE;

    use super::*;

    /// Half a second of tone is 500; a negative number is silence.
    fn audio(parts: &[i32]) -> Vec<u8> {
        let mut audio = Vec::new();
        for part in parts {
            for n in 0..part.unsigned_abs() as usize * BYTES_PER_MS {
                let wave = (n as f64 * 0.3).sin() * 6_000.0;
                audio.push(if *part > 0 {
                    g711::encode(wave as i16)
                } else {
                    SILENCE
                });
            }
        }
        audio
    }

    fn found_ms(parts: &[i32]) -> Vec<(usize, usize)> {
        let found = find(&audio(parts));
        found
            .iter()
            .map(|range| (range.start / BYTES_PER_MS, range.end / BYTES_PER_MS))
            .collect()
    }

    #[test]
    fn long_silences_separate_and_short_ones_do_not() {
        assert_eq!(
            found_ms(&[-4_000, 1_000, -1_000, 500, -2_000, 600, -3_000]),
            [(3_960, 6_660), (8_460, 9_260)]
        );
    }

    #[test]
    fn a_recording_without_silence_is_one_utterance() {
        assert_eq!(found_ms(&[700]), [(0, 700)]);
    }

    #[test]
    fn clicks_and_silence_are_no_speech() {
        assert!(found_ms(&[-500, 40, -500]).is_empty());
        assert!(found_ms(&[-500]).is_empty());
        assert!(find(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_found_lies_in_order_within_the_audio(audio in proptest::collection::vec(any::<u8>(), 0..40_000)) {
            let found = find(&audio);
            prop_assert!(found.iter().all(|range| range.start < range.end && range.end <= audio.len()));
            prop_assert!(found.windows(2).all(|pair| pair[0].start < pair[1].start));
        }
    }
}
