//! Random choices that are the same in every run.

/// SplitMix64: small, fast, and good enough to scatter names and numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for each pair of numbers.
    pub(crate) fn of(stream: u64, item: u64) -> Self {
        let mut random = Self(
            stream.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ item.wrapping_mul(0xd134_2543_de82_ef95),
        );
        random.next();
        random
    }

    /// 64 bits.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `bound`, which is not 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True in so many cases of a hundred.
    pub(crate) const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them, all alike.
    pub(crate) const fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// One of them, the first ones far more often, as with names.
    pub(crate) fn pick_skewed<T: Copy>(&mut self, from: &[T]) -> T {
        let len = from.len() as u64;
        let place = self.below(len).min(self.below(len)).min(self.below(len));
        from[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let of = |stream, item| {
            let mut random = Random::of(stream, item);
            [random.next(), random.next()]
        };
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
    }
}
