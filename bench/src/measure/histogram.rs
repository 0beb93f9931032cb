//! A log-linear histogram: constant memory, 3 % resolution, from a nanosecond to minutes.

/// Sub-buckets per power of two: the resolution is one part in this many.
const SUB: u64 = 32;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Powers of two above the linear start that are told apart: 2^45 ns is nearly ten hours.
const POWERS: usize = 40;

/// Counts of durations in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; (POWERS + 1) * SUB as usize],
            total: 0,
            max: 0,
        }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, nanoseconds: u64) {
        let bucket = bucket(nanoseconds).min(self.counts.len() - 1);
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The largest duration counted, in nanoseconds; 0 when there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The duration that `percent` of the counted ones do not exceed, in nanoseconds (the upper
    /// edge of its bucket, so never an understatement); `None` when nothing was counted.
    pub fn percentile(&self, percent: f64) -> Option<u64> {
        if self.total == 0 {
            return None;
        }
        let rank = ((self.total as f64 * percent / 100.0).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(upper_edge(bucket).min(self.max));
            }
        }
        Some(self.max)
    }
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let power = value.ilog2() - SUB_BITS;
    (u64::from(power) * SUB + (value >> power)) as usize
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUB {
        return bucket;
    }
    let power = bucket / SUB - 1;
    ((bucket - power * SUB + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_their_edges_enclose_the_value() {
        let mut last = 0;
        for value in (0..100_000).chain([1 << 30, (1 << 30) + 12_345, 1 << 40]) {
            let bucket = bucket(value);
            assert!(bucket >= last);
            last = bucket;
            let edge = upper_edge(bucket);
            assert!(edge >= value, "{value} lies above its bucket's edge {edge}");
            assert!(
                edge - value <= value / SUB,
                "{value}: edge {edge} is too coarse"
            );
        }
    }

    #[test]
    fn percentiles_of_a_uniform_sample() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), None);
        for value in 1..=10_000 {
            histogram.record(value);
        }
        let median = histogram.percentile(50.0).unwrap();
        assert!((5_000..=5_160).contains(&median), "{median}");
        assert_eq!(histogram.percentile(100.0), Some(10_000));
        assert_eq!(histogram.max(), 10_000);
        assert_eq!(histogram.count(), 10_000);
    }
}
