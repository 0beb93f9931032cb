//! Band-limited conversion to 8 kHz by a windowed sinc, one filter per phase.
//!
//! Dropping samples would fold everything above 4 kHz (sibilants, hiss) back into the voice.

use std::f64::consts::PI;

const OUT_RATE: u32 = 8_000;
/// Zero crossings of the sinc on each side of its centre: about 75 dB of rejection with this window.
const CROSSINGS: f64 = 24.0;
/// The pass band ends here, as a part of the narrower Nyquist frequency, to leave room for the slope.
const PASS_BAND: f64 = 0.93;

/// Converts mono samples at `rate` Hz to 8 kHz. The output is `len * 8000 / rate` samples long, rounded up.
///
/// # Panics
/// Never for a rate of 1 Hz or more; zero gives an empty output.
pub fn to_8khz(samples: &[i16], rate: u32) -> Vec<i16> {
    if rate == OUT_RATE {
        return samples.to_vec();
    }
    if rate == 0 || samples.is_empty() {
        return Vec::new();
    }
    let divisor = gcd(rate, OUT_RATE);
    // Output sample n lies at input position n * step / phases.
    let (step, phases) = (u64::from(rate / divisor), u64::from(OUT_RATE / divisor));
    let filters = Filters::new(f64::from(rate), phases);
    let out_len = (samples.len() as u64 * phases).div_ceil(step);
    (0..out_len)
        .map(|n| {
            let position = n * step;
            filters.apply(
                samples,
                (position / phases) as usize,
                (position % phases) as usize,
            )
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// For each phase the weights of the input samples from `half - 1` before the position to `half` after it.
struct Filters {
    half: usize,
    weights: Vec<f32>,
}

impl Filters {
    fn new(rate: f64, phases: u64) -> Self {
        let cutoff = PASS_BAND * (f64::from(OUT_RATE) / rate).min(1.0);
        let reach = CROSSINGS / cutoff;
        let half = reach.ceil() as usize;
        let mut weights = Vec::with_capacity(2 * half * phases as usize);
        for phase in 0..phases {
            let fraction = phase as f64 / phases as f64;
            let begin = weights.len();
            for tap in 0..2 * half {
                let distance = fraction + (half as f64 - 1.0) - tap as f64;
                weights.push((cutoff * sinc(cutoff * distance) * window(distance / reach)) as f32);
            }
            // Each phase passes a constant unchanged, or the phases would beat against each other.
            let sum: f32 = weights[begin..].iter().sum();
            weights[begin..].iter_mut().for_each(|w| *w /= sum);
        }
        Self { half, weights }
    }

    fn apply(&self, samples: &[i16], at: usize, phase: usize) -> i16 {
        let taps = &self.weights[phase * 2 * self.half..(phase + 1) * 2 * self.half];
        let first = at as isize - (self.half as isize - 1);
        // Beyond the ends of the recording there is silence.
        let skip = first.min(0).unsigned_abs().min(taps.len());
        let begin = first.max(0) as usize;
        let inside = samples.get(begin..).unwrap_or_default();
        let sum: f32 = taps[skip..]
            .iter()
            .zip(inside)
            .map(|(w, s)| w * f32::from(*s))
            .sum();
        sum.round() as i16
    }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// Blackman's window over `-1..=1`.
fn window(x: f64) -> f64 {
    if x.abs() >= 1.0 {
        0.0
    } else {
        0.42 + 0.5 * (PI * x).cos() + 0.08 * (2.0 * PI * x).cos()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(hz: f64, rate: u32, seconds: f64) -> Vec<i16> {
        let count = (seconds * f64::from(rate)) as usize;
        (0..count)
            .map(|n| (10_000.0 * (2.0 * PI * hz * n as f64 / f64::from(rate)).sin()) as i16)
            .collect()
    }

    /// The level of the middle of a signal, where the ends have no influence.
    fn rms(samples: &[i16]) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let sum: f64 = middle.iter().map(|s| f64::from(*s).powi(2)).sum();
        (sum / middle.len() as f64).sqrt()
    }

    #[test]
    fn tones_of_the_voice_band_pass_and_others_do_not_fold_back() {
        for rate in [
            11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
        ] {
            for hz in [300.0, 1_000.0, 3_000.0, 3_400.0] {
                let level = rms(&to_8khz(&tone(hz, rate, 0.5), rate));
                assert!(
                    (level / 7_071.0 - 1.0).abs() < 0.02,
                    "{hz} Hz at {rate}: {level}"
                );
            }
            for hz in [4_600.0, 5_000.0] {
                let level = rms(&to_8khz(&tone(hz, rate, 0.5), rate));
                assert!(level < 40.0, "{hz} Hz at {rate} folds back with {level}");
            }
        }
    }

    #[test]
    fn a_tone_keeps_its_phase() {
        let out = to_8khz(&tone(440.0, 48_000, 0.5), 48_000);
        let want = tone(440.0, 8_000, 0.5);
        let worst = out[1_000..3_000]
            .iter()
            .zip(&want[1_000..3_000])
            .map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs())
            .max()
            .unwrap();
        assert!(worst < 60, "off by {worst}");
    }

    proptest! {
        // An odd rate has thousands of phases, slow to build without optimisation.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_rate_and_any_samples_give_the_length_asked_for(
            samples in proptest::collection::vec(any::<i16>(), 0..400),
            rate in 8_000u32..=48_000,
        ) {
            let out = to_8khz(&samples, rate);
            let want = (samples.len() as u64 * 8_000).div_ceil(u64::from(rate));
            prop_assert_eq!(out.len() as u64, want);
        }
    }
}
