//! Whether the caller is speaking, judged by loudness alone: for the time in which no model listens, and before speech
//! that a model reports stops the agent.

use prosaas_core::leg::FRAME_MS;
use prosaas_core::time::CallTime;

/// The mean step of mu-law from which a frame is loud: about -34 dB of full scale. Speech on a telephone is
/// above it, the noise of a line is not.
const LOUD_STEP: u32 = 40;
/// A click is shorter than so many loud frames in a row.
const LOUD_FRAMES: u32 = 3;
/// Somebody who speaks is silent between words for so long, in milliseconds.
const BETWEEN_WORDS_MS: u64 = 400;

/// Whether a frame of mu-law audio is loud. A journal that holds no audio says so of every frame.
pub fn is_loud(audio: &[u8]) -> bool {
    // The bits of mu-law are inverted; without the sign, what is left grows with the logarithm of the amplitude.
    let sum: u32 = audio.iter().map(|byte| u32::from(!byte & 0x7F)).sum();
    !audio.is_empty() && sum >= LOUD_STEP * audio.len() as u32
}

/// Listens for the caller.
#[derive(Debug, Default)]
pub struct Ear {
    in_a_row: u32,
    spoke_at: Option<CallTime>,
}

impl Ear {
    /// Takes a frame; whether the caller is speaking since just now.
    pub fn frame(&mut self, now: CallTime, audio: &[u8]) -> bool {
        if !is_loud(audio) {
            self.in_a_row = 0;
            return false;
        }
        self.in_a_row += 1;
        if self.in_a_row < LOUD_FRAMES {
            return false;
        }
        let before = self.speaks(now);
        self.spoke_at = Some(now);
        !before
    }

    /// Whether the caller is speaking.
    pub fn speaks(&self, now: CallTime) -> bool {
        self.spoke_at
            .is_some_and(|at| now.since(at) <= BETWEEN_WORDS_MS + FRAME_MS)
    }

    /// When the caller was last heard.
    pub const fn spoke_at(&self) -> Option<CallTime> {
        self.spoke_at
    }

    /// Forgets what was heard.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Remembers which of the latest frames were loud, to tell a voice from a cough or a door.
#[derive(Clone, Copy, Debug, Default)]
pub struct Voice(u64);

/// So many frames count at most, of twice as many.
const MOST_FRAMES: u64 = 32;

impl Voice {
    /// Takes a frame.
    pub fn frame(&mut self, loud: bool) {
        self.0 = (self.0 << 1) | u64::from(loud);
    }

    /// Whether so many milliseconds were loud, 640 at most, of the latest twice as long: words have quiet parts.
    pub fn speaks_for(self, ms: u64) -> bool {
        let frames = ms.div_ceil(FRAME_MS).clamp(1, MOST_FRAMES);
        let latest = self.0 & (u64::MAX >> (64 - 2 * frames));
        u64::from(latest.count_ones()) >= frames
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::leg::{FRAME_BYTES, SILENCE};

    use super::*;
    use crate::audio::g711;

    fn tone(amplitude: i16) -> [u8; FRAME_BYTES] {
        let mut frame = [SILENCE; FRAME_BYTES];
        for (n, byte) in frame.iter_mut().enumerate() {
            *byte = g711::encode(if n % 16 < 8 { amplitude } else { -amplitude });
        }
        frame
    }

    #[test]
    fn speech_is_loud_and_the_noise_of_a_line_is_not() {
        assert!(is_loud(&tone(9_000)) && is_loud(&tone(1_500)));
        for quiet in [0, 60, 250] {
            assert!(!is_loud(&tone(quiet)), "{quiet}");
        }
        assert!(!is_loud(&[]));
    }

    #[test]
    fn a_voice_is_loud_for_long_enough_with_pauses_and_a_cough_is_not() {
        let speaks = |frames: &[bool], ms| {
            let mut voice = Voice::default();
            for loud in frames {
                voice.frame(*loud);
            }
            voice.speaks_for(ms)
        };
        assert!(!speaks(&[true; 5], 200), "a cough");
        assert!(!speaks(&[[true; 5], [false; 5]].concat(), 200));
        assert!(speaks(&[true; 10], 200));
        assert!(speaks(&[[true; 6], [false; 6], [true; 6]].concat(), 200));
        let long_ago = [vec![true; 10], vec![false; 20]].concat();
        assert!(!speaks(&long_ago, 200), "that was another word");
        assert!(!speaks(&[], 0));
        assert!(speaks(&[true; 64], u64::MAX), "more is not remembered");
    }

    #[test]
    fn a_click_is_not_speech_and_a_pause_between_words_not_its_end() {
        let mut ear = Ear::default();
        assert!(!ear.frame(CallTime(0), &tone(9_000)));
        assert!(!ear.frame(CallTime(20), &tone(0)));
        assert!(!ear.speaks(CallTime(20)));
        let mut began = 0;
        for frame in 2..10_u64 {
            began += u32::from(ear.frame(CallTime(frame * 20), &tone(3_000)));
        }
        assert_eq!(began, 1);
        assert!(ear.speaks(CallTime(500)));
        assert!(!ear.speaks(CallTime(700)));
    }
}
