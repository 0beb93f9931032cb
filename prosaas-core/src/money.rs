//! What a call cost: token counts as the model reports them, and money in integer micro-dollars.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Millionths of a US dollar. Token prices are quoted per million tokens, so a token at
/// 1 USD per million costs exactly one of these.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MicroUsd(pub i64);

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:06} USD",
            micros / 1_000_000,
            micros % 1_000_000
        )
    }
}

impl Add for MicroUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MicroUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
        items.fold(Self::default(), Add::add)
    }
}

/// What an AI leg used, summed over replies. Backends that bill by time fill `seconds_ms`,
/// backends that bill by tokens the counts; `cached_*` are subsets of `input_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Text tokens read, cached ones included.
    pub input_text: u64,
    /// Audio tokens read, cached ones included.
    pub input_audio: u64,
    /// Image tokens read, cached ones included.
    pub input_image: u64,
    /// The cached part of `input_text`.
    pub cached_text: u64,
    /// The cached part of `input_audio`.
    pub cached_audio: u64,
    /// The cached part of `input_image`.
    pub cached_image: u64,
    /// Text tokens written.
    pub output_text: u64,
    /// Audio tokens written.
    pub output_audio: u64,
    /// Milliseconds billed by time (transcription, or a backend billed by the second).
    pub billed_ms: u64,
    /// The price of all that by the backend's own price list, zero when it has none for the model.
    pub cost: MicroUsd,
}

impl Add for Usage {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self {
            input_text: self.input_text.saturating_add(o.input_text),
            input_audio: self.input_audio.saturating_add(o.input_audio),
            input_image: self.input_image.saturating_add(o.input_image),
            cached_text: self.cached_text.saturating_add(o.cached_text),
            cached_audio: self.cached_audio.saturating_add(o.cached_audio),
            cached_image: self.cached_image.saturating_add(o.cached_image),
            output_text: self.output_text.saturating_add(o.output_text),
            output_audio: self.output_audio.saturating_add(o.output_audio),
            billed_ms: self.billed_ms.saturating_add(o.billed_ms),
            cost: self.cost + o.cost,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_prints_all_six_digits() {
        assert_eq!(MicroUsd(1_234_567).to_string(), "1.234567 USD");
        assert_eq!(MicroUsd(-5).to_string(), "-0.000005 USD");
    }
}
