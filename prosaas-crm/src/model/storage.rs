//! How much a business stores in files, and how much it may.

use serde::Serialize;

/// The most that can be chosen, in bytes: ten terabytes.
pub const MAX_LIMIT: u64 = 10_000_000_000_000;

/// From this part of the limit on its owners are told, in percent.
pub const WARN_PERCENT: u64 = 90;

/// How often they are told at most, in milliseconds: once a day.
pub const WARN_EVERY_MS: i64 = 24 * 3_600_000;

/// What a business's files take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct StorageUse {
    /// What files of conversations take, in bytes.
    pub files_bytes: u64,
    /// What recordings of calls take, in bytes.
    pub recordings_bytes: u64,
    /// Both together.
    pub used_bytes: u64,
    /// The most that they may take. From there on files that come in are told of and not taken, and none is sent;
    /// calls go on being recorded.
    pub limit_bytes: u64,
}

impl StorageUse {
    /// So much of each, within a limit.
    pub const fn of(files_bytes: u64, recordings_bytes: u64, limit_bytes: u64) -> Self {
        Self {
            files_bytes,
            recordings_bytes,
            used_bytes: files_bytes.saturating_add(recordings_bytes),
            limit_bytes,
        }
    }

    /// What may still be stored, in bytes.
    pub const fn left(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    /// Whether so much that the owners are told.
    pub fn is_nearly_full(&self) -> bool {
        u128::from(self.used_bytes) * 100 >= u128::from(self.limit_bytes) * u128::from(WARN_PERCENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_told_from_nine_tenths_on() {
        assert!(!StorageUse::of(500, 399, 1_000).is_nearly_full());
        assert!(StorageUse::of(500, 400, 1_000).is_nearly_full());
        assert!(StorageUse::of(0, 0, 0).is_nearly_full());
        assert!(!StorageUse::of(0, 0, 1).is_nearly_full());
        let all = StorageUse::of(u64::MAX, 1, MAX_LIMIT);
        assert!(all.is_nearly_full() && all.left() == 0);
        assert_eq!(StorageUse::of(500, 399, 1_000).left(), 101);
    }
}
