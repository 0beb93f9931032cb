//! A synthetic voice: bursts of a buzzing tone, one per word, loud and clearly not a person.
//!
//! It says nothing anybody could mistake for recorded speech, but it has the length, the pauses and
//! the level of it, which is what playback accounting and turn detection look at.

use std::f64::consts::TAU;

use crate::audio::g711;

const RATE: f64 = 8_000.0;
/// Samples per letter: 60 ms, a calm speaker.
const PER_LETTER: usize = 480;
const SHORTEST_WORD: usize = 1_200;
/// Longest run of letters spoken as one word; a text without spaces is still speech.
const LONGEST_WORD: usize = 12;
const PAUSE: usize = 480;
/// An hour of audio is not an answer.
const MAX_SAMPLES: usize = 60 * 8_000;

/// The audio of a text, mu-law at 8 kHz, at most a minute.
pub(super) fn say(text: &str) -> Vec<u8> {
    let mut audio = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for part in letters.chunks(LONGEST_WORD) {
            burst(part, &mut audio);
            audio.resize(audio.len() + PAUSE, 0xFF);
        }
        if audio.len() > MAX_SAMPLES {
            break;
        }
    }
    audio.truncate(MAX_SAMPLES);
    audio
}

/// One word: a voice-like pitch with falling harmonics, swelling and fading once per letter.
fn burst(letters: &[char], audio: &mut Vec<u8>) {
    let samples = (letters.len() * PER_LETTER).max(SHORTEST_WORD);
    let seed = letters
        .iter()
        .fold(7u32, |sum, c| sum.wrapping_mul(31).wrapping_add(*c as u32));
    let pitch = 110.0 + f64::from(seed % 70);
    let step = TAU * pitch / RATE;
    for n in 0..samples {
        let phase = step * n as f64;
        let voice = phase.sin() + 0.6 * (2.0 * phase).sin() + 0.4 * (5.0 * phase).sin();
        let syllable = 0.75 + 0.25 * (TAU * n as f64 / (2 * PER_LETTER) as f64).sin();
        let edge = (n.min(samples - n) as f64 / 80.0).min(1.0);
        audio.push(g711::encode((7_000.0 * voice * syllable * edge) as i16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_texts_take_longer_and_are_heard() {
        let short = say("Hello there.");
        let long = say("Hello there, thank you for calling, how can I help you today?");
        assert!(short.len() > 4_000 && long.len() > 3 * short.len());
        let loudest = long
            .iter()
            .map(|c| g711::decode(*c).unsigned_abs())
            .max()
            .unwrap();
        assert!((8_000..20_000).contains(&loudest), "{loudest}");
    }

    #[test]
    fn no_text_is_silent_and_no_text_is_endless() {
        assert!(say("  ").is_empty());
        assert_eq!(say(&"word ".repeat(100_000)).len(), MAX_SAMPLES);
        assert_eq!(say(&"a".repeat(100_000)).len(), MAX_SAMPLES);
    }
}
