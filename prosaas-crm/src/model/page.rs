//! Reading a long list piece by piece.

use prosaas_core::UnixMillis;

/// One piece of a list ordered newest first.
///
/// Pages are keyed by the last row seen rather than counted by offset, so a row added meanwhile
/// neither repeats nor hides another one, and the thousandth page costs what the first one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<Id> {
    /// Only rows older than this one: the time and id of the last row of the page before.
    pub before: Option<(UnixMillis, Id)>,
    /// At most this many rows; more than [`Page::MAX_LIMIT`] is cut to it.
    pub limit: u32,
}

impl<Id> Page<Id> {
    /// The most rows one page holds: the API's 200, and one that says whether there are more.
    pub const MAX_LIMIT: u32 = 201;

    /// The newest `limit` rows.
    pub const fn first(limit: u32) -> Self {
        Self {
            before: None,
            limit,
        }
    }

    /// The rows after (older than) the one with this time and id.
    pub const fn after(at: UnixMillis, id: Id, limit: u32) -> Self {
        Self {
            before: Some((at, id)),
            limit,
        }
    }

    /// The limit that applies.
    pub fn capped_limit(&self) -> u32 {
        self.limit.min(Self::MAX_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::LeadId;

    use super::*;

    #[test]
    fn nobody_reads_a_whole_table_at_once() {
        assert_eq!(Page::<LeadId>::first(50).capped_limit(), 50);
        assert_eq!(
            Page::<LeadId>::first(u32::MAX).capped_limit(),
            Page::<LeadId>::MAX_LIMIT
        );
    }
}
