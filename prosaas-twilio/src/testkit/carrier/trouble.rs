//! Which frames of the caller go wrong on the way, and how.

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives.
    Arrives,
    /// It never arrives.
    Lost,
    /// It arrives twice.
    Doubled,
    /// It arrives after the next one.
    Late,
}

/// The fate of frame `index`: one in `one_in` goes wrong, in the three ways in turn. The same frames in every
/// call, so that a failure can be looked at again.
pub(super) const fn fate(index: u64, one_in: Option<u64>) -> Fate {
    let Some(one_in) = one_in else {
        return Fate::Arrives;
    };
    let one_in = if one_in < 2 { 2 } else { one_in };
    if index % one_in != one_in / 2 {
        return Fate::Arrives;
    }
    match index / one_in % 3 {
        0 => Fate::Lost,
        1 => Fate::Doubled,
        _ => Fate::Late,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_in_so_many_goes_wrong_in_each_way_equally_often() {
        let count = |wanted| {
            let fates = (0..6_000).map(|index| fate(index, Some(20)));
            fates.filter(|fate| *fate == wanted).count()
        };
        let [lost, doubled, late] = [Fate::Lost, Fate::Doubled, Fate::Late].map(count);
        assert_eq!((lost, doubled, late), (100, 100, 100));
        assert!((0..100).all(|index| fate(index, None) == Fate::Arrives));
        // No two in a row: a late frame always has a next one to come after.
        assert_eq!(fate(1, Some(0)), fate(1, Some(2)));
        assert_eq!(fate(2, Some(2)), Fate::Arrives);
    }
}
