//! Changes inputs at random, the same way for the same seed.

/// A small, fast and well-mixed generator (SplitMix64); not for secrets.
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator whose numbers follow from `seed` alone.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero when the bound is zero.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            0
        } else {
            (self.next() % bound as u64) as usize
        }
    }

    /// One of `items`.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// Longest input made: longer than any message we accept needs to be for its parser's sake.
const LONGEST: usize = 16 * 1024;
/// Bytes at which parsers turn: ends of ranges, structure, and broken UTF-8.
const BYTES: &[u8] = b"\0\x01\t\n\r \"%&'+,-./:;<=>?[\\]{}\x7f\x80\xc0\xe2\xed\xf4\xff";
/// Numbers at which arithmetic turns.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "1e9",
    "1e999",
    "255",
    "256",
    "32768",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775808",
    "18446744073709551616",
    "0.5",
    "NaN",
];

/// Changes `input` in one to four places, sometimes crossing it with `other`.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], dictionary: &[&str], rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        match rng.below(11) {
            0 => flip_bit(input, rng),
            1 => set_byte(input, rng),
            2 => insert(input, &[rng.next() as u8], rng),
            3 => remove(input, rng),
            4 => repeat(input, rng),
            5 => cross(input, other, rng),
            6 => replace_number(input, rng),
            7 => {
                let cut = rng.below(input.len() + 1);
                input.truncate(cut);
            }
            8 => insert(input, rng.pick(NUMBERS).unwrap_or(&"0").as_bytes(), rng),
            _ => {
                if let Some(word) = rng.pick(dictionary) {
                    insert(input, word.as_bytes(), rng);
                }
            }
        }
    }
    input.truncate(LONGEST);
}

fn flip_bit(input: &mut [u8], rng: &mut Rng) {
    let at = rng.below(input.len());
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << rng.below(8);
    }
}

fn set_byte(input: &mut [u8], rng: &mut Rng) {
    let at = rng.below(input.len());
    if let (Some(byte), Some(new)) = (input.get_mut(at), rng.pick(BYTES)) {
        *byte = *new;
    }
}

fn insert(input: &mut Vec<u8>, what: &[u8], rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    input.splice(at..at, what.iter().copied());
}

fn remove(input: &mut Vec<u8>, rng: &mut Rng) {
    let range = some_range(input, rng);
    input.drain(range);
}

/// Writes a piece again, a few or many times: depth and length.
fn repeat(input: &mut Vec<u8>, rng: &mut Rng) {
    let range = some_range(input, rng);
    let piece = input[range.clone()].to_vec();
    let times = if rng.below(16) == 0 {
        256
    } else {
        1 + rng.below(3)
    };
    let room = LONGEST.saturating_sub(input.len()) / piece.len().max(1);
    input.splice(range.end..range.end, piece.repeat(times.min(room)));
}

fn cross(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let head = rng.below(input.len() + 1);
    let tail = rng.below(other.len() + 1);
    input.truncate(head);
    input.extend_from_slice(&other[tail..]);
}

/// Puts another number in the place of one that is there.
fn replace_number(input: &mut Vec<u8>, rng: &mut Rng) {
    let from = rng.below(input.len());
    let Some(offset) = input[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + offset;
    let digits = input[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let number = rng.pick(NUMBERS).unwrap_or(&"0");
    input.splice(start..start + digits, number.bytes());
}

/// A short range inside the input, at times a long one.
fn some_range(input: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.below(input.len());
    let left = input.len() - start;
    let most = if rng.below(4) == 0 {
        left
    } else {
        left.min(16)
    };
    start..start + rng.below(most + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutated(seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed);
        let mut input = b"{\"a\":12}".to_vec();
        mutate(&mut input, b"other", &["word"], &mut rng);
        input
    }

    #[test]
    fn a_seed_decides_everything() {
        assert_eq!(mutated(7), mutated(7));
        let different = (0..100)
            .map(mutated)
            .collect::<std::collections::HashSet<_>>();
        assert!(
            different.len() > 50,
            "only {} inputs in 100 differ",
            different.len()
        );
    }

    #[test]
    fn any_input_can_be_mutated_and_none_grows_without_end() {
        let mut rng = Rng::new(1);
        let mut input = Vec::new();
        for round in 0..20_000 {
            mutate(&mut input, b"other", &["word", ""], &mut rng);
            assert!(
                input.len() <= LONGEST,
                "round {round}: {} bytes",
                input.len()
            );
        }
    }
}
