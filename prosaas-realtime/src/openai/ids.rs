//! Vendor ids as small numbers. Audio deltas name the same reply and item hundreds of times, so the
//! last one used is compared first and nothing is allocated for it.

use std::collections::VecDeque;

/// Ids remembered; an hour of talk has fewer live ones, and an older one would only get a new number.
const CAPACITY: usize = 256;
/// The vendor's own ids are under 40 bytes.
const MAX_BYTES: usize = 128;

/// Numbers vendor ids in order of appearance.
#[derive(Debug, Default)]
pub(super) struct Interner {
    names: VecDeque<Entry>,
    /// The number of the first remembered name.
    base: u32,
    last: Option<u32>,
}

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    announced: bool,
}

impl Interner {
    /// The number of `name`, new or known; `None` when it is too long to be an id.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        if let Some(last) = self.last
            && self.name(last) == Some(name)
        {
            return Some(last);
        }
        if name.len() > MAX_BYTES {
            return None;
        }
        let known = self.names.iter().rposition(|entry| &*entry.name == name);
        let place = known.unwrap_or_else(|| {
            if self.names.len() == CAPACITY {
                self.names.pop_front();
                self.base = self.base.wrapping_add(1);
            }
            self.names.push_back(Entry {
                name: name.into(),
                announced: false,
            });
            self.names.len() - 1
        });
        let number = self.base.wrapping_add(place as u32);
        self.last = Some(number);
        Some(number)
    }

    /// The vendor's id of a number.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.names.get(self.place(number)).map(|entry| &*entry.name)
    }

    /// The latest number given out.
    pub(super) fn latest(&self) -> Option<u32> {
        let count = u32::try_from(self.names.len()).ok()?;
        count
            .checked_sub(1)
            .map(|place| self.base.wrapping_add(place))
    }

    /// Whether this is the first time a number is announced.
    pub(super) fn announce(&mut self, number: u32) -> bool {
        let place = self.place(number);
        self.names
            .get_mut(place)
            .is_some_and(|e| !std::mem::replace(&mut e.announced, true))
    }

    const fn place(&self, number: u32) -> usize {
        number.wrapping_sub(self.base) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_numbers_and_the_table_stays_small() {
        let mut ids = Interner::default();
        assert_eq!(ids.latest(), None);
        for n in 0..1_000 {
            assert_eq!(ids.number(&format!("item_{n}")), Some(n));
            assert_eq!(ids.number(&format!("item_{n}")), Some(n));
        }
        assert_eq!(ids.number("item_990"), Some(990));
        assert_eq!(ids.name(990), Some("item_990"));
        assert_eq!(ids.name(3), None, "long forgotten");
        assert_eq!(ids.latest(), Some(999));
        assert_eq!(ids.names.len(), CAPACITY);
        assert_eq!(ids.number(&"x".repeat(129)), None);
    }

    #[test]
    fn an_item_is_announced_once() {
        let mut ids = Interner::default();
        let item = ids.number("item_1").unwrap();
        assert!(ids.announce(item));
        assert!(!ids.announce(item));
        assert!(!ids.announce(77), "an unknown number is nobody's");
    }
}
