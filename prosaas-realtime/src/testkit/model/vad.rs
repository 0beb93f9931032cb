//! Turn detection by energy, in the time of the audio received, not of any clock.

use crate::audio::g711;

/// Bytes of mu-law in one step of 20 ms.
const STEP: usize = 160;
const STEP_MS: u64 = 20;
/// Loud steps in a row before it is speech: 100 ms, longer than a click.
const STEPS_TO_START: u32 = 5;
/// The level (root mean square of 16-bit samples) above which a step is loud, at a threshold of 1.
const FULL_THRESHOLD: f64 = 1_000.0;

/// What the detector noticed; times are milliseconds of audio written to the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Speech began, padding included.
    Started { at_ms: u64 },
    /// Speech ended; `speech_ms` is how long somebody spoke, without the silence at the end.
    Stopped { at_ms: u64, speech_ms: u64 },
}

/// A detector with the settings of `session.update`.
#[derive(Clone, Debug)]
pub(super) struct Vad {
    mean_square_threshold: f64,
    silence_steps: u32,
    padding_ms: u64,
    partial: Vec<u8>,
    heard_ms: u64,
    loud_run: u32,
    quiet_run: u32,
    speaking_since: Option<u64>,
}

impl Vad {
    pub(super) fn new(threshold: f64, silence_ms: u64, padding_ms: u64) -> Self {
        Self {
            mean_square_threshold: (FULL_THRESHOLD * threshold).powi(2),
            silence_steps: u32::try_from((silence_ms / STEP_MS).max(1)).unwrap_or(u32::MAX),
            padding_ms,
            partial: Vec::with_capacity(STEP),
            heard_ms: 0,
            loud_run: 0,
            quiet_run: 0,
            speaking_since: None,
        }
    }

    /// Takes new settings without losing what was heard.
    pub(super) fn adopt(&mut self, settings: &Self) {
        self.mean_square_threshold = settings.mean_square_threshold;
        self.silence_steps = settings.silence_steps;
        self.padding_ms = settings.padding_ms;
    }

    /// Milliseconds of audio heard so far.
    pub(super) const fn heard_ms(&self) -> u64 {
        self.heard_ms
    }

    /// Whether somebody speaks.
    pub(super) const fn speaking(&self) -> bool {
        self.speaking_since.is_some()
    }

    /// Forgets the turn in progress.
    pub(super) const fn reset(&mut self) {
        self.speaking_since = None;
        self.loud_run = 0;
        self.quiet_run = 0;
    }

    /// Hears more audio.
    pub(super) fn push(&mut self, mut mulaw: &[u8], turns: &mut Vec<Turn>) {
        while !mulaw.is_empty() {
            let take = (STEP - self.partial.len()).min(mulaw.len());
            self.partial.extend_from_slice(&mulaw[..take]);
            mulaw = &mulaw[take..];
            if self.partial.len() == STEP {
                let loud = mean_square(&self.partial) > self.mean_square_threshold;
                self.partial.clear();
                turns.extend(self.step(loud));
            }
        }
    }

    fn step(&mut self, loud: bool) -> Option<Turn> {
        self.heard_ms += STEP_MS;
        if loud {
            self.loud_run += 1;
            self.quiet_run = 0;
        } else {
            self.quiet_run += 1;
            self.loud_run = 0;
        }
        match self.speaking_since {
            None if self.loud_run >= STEPS_TO_START => {
                let began = self.heard_ms - u64::from(STEPS_TO_START) * STEP_MS;
                self.speaking_since = Some(began);
                Some(Turn::Started {
                    at_ms: began.saturating_sub(self.padding_ms),
                })
            }
            Some(began) if self.quiet_run >= self.silence_steps => {
                self.speaking_since = None;
                let ended = self.heard_ms - u64::from(self.quiet_run) * STEP_MS;
                Some(Turn::Stopped {
                    at_ms: self.heard_ms,
                    speech_ms: ended - began,
                })
            }
            _ => None,
        }
    }
}

fn mean_square(mulaw: &[u8]) -> f64 {
    let sum: f64 = mulaw
        .iter()
        .map(|code| f64::from(g711::decode(*code)).powi(2))
        .sum();
    sum / mulaw.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::model::speech;

    fn heard(vad: &mut Vad, mulaw: &[u8], piece: usize) -> Vec<Turn> {
        let mut turns = Vec::new();
        for piece in mulaw.chunks(piece) {
            vad.push(piece, &mut turns);
        }
        turns
    }

    #[test]
    fn a_sentence_is_one_turn_however_it_is_cut() {
        let mut audio = vec![0xFF; 8_000];
        let sentence = speech::say("I would like to book a table for two.");
        audio.extend_from_slice(&sentence);
        audio.extend_from_slice(&[0xFF; 8_000]);
        for piece in [1, 7, 160, 480, 5_000] {
            let turns = heard(&mut Vad::new(0.5, 500, 300), &audio, piece);
            let [Turn::Started { at_ms }, Turn::Stopped { speech_ms, .. }] = turns[..] else {
                panic!("{turns:?}");
            };
            assert!((680..=800).contains(&at_ms), "{at_ms}");
            let length = sentence.len() as u64 / 8;
            assert!(speech_ms.abs_diff(length) < 150, "{speech_ms} of {length}");
        }
    }

    #[test]
    fn clicks_and_hiss_are_not_speech() {
        let mut audio = vec![0xFF; 16_000];
        audio[4_000..4_320].fill(0x80); // 40 ms at full level
        audio[9_000..12_000].fill(0xF0); // faint
        assert_eq!(heard(&mut Vad::new(0.5, 500, 300), &audio, 160), []);
    }
}
