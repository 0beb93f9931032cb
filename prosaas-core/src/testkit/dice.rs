//! Seeded chance for simulations: a run is one number, and the same on every machine.

/// A small generator (xorshift), good enough to choose what goes wrong.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Seeds that follow each other give numbers that have nothing in common.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    /// A number below this one, which is not zero.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }

    /// A number from one up to, not including, a greater one.
    pub fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.roll(until - from)
    }

    /// One of so many places.
    pub fn choose(&mut self, places: usize) -> usize {
        self.roll(places as u64) as usize
    }

    /// Whether one chance in so many came.
    pub fn one_in(&mut self, chances: u64) -> bool {
        self.roll(chances) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_the_next_one_others() {
        let numbers = |seed| {
            let mut dice = Dice::new(seed);
            (0..8).map(|_| dice.roll(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        let mut dice = Dice::new(0);
        assert!((0..100).all(|_| (3..5).contains(&dice.between(3, 5))));
    }
}
