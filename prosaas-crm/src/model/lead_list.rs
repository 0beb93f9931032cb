//! Lists of leads: what is asked for, and in which order.

use prosaas_core::{Error, LeadId, Result, UnixMillis};
use uuid::Uuid;

use super::id::{StageId, TagId, UserId};
use super::lead::{Lead, LeadSource};
use super::page::Page;
use crate::search::Query;

/// In which order leads are listed. Each order has an index that ends in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LeadSort {
    /// Those where something happened last, first. Also the order of a board's column.
    #[default]
    Active,
    /// Newest first.
    Newest,
    /// Oldest first.
    Oldest,
}

impl LeadSort {
    /// The word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "-active_at",
            Self::Newest => "-created_at",
            Self::Oldest => "created_at",
        }
    }

    /// The value of a lead by which the list is ordered, before the id.
    pub const fn key(self, lead: &Lead) -> UnixMillis {
        match self {
            Self::Active => lead.active_at,
            Self::Newest | Self::Oldest => lead.created_at,
        }
    }
}

impl std::str::FromStr for LeadSort {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Active, Self::Newest, Self::Oldest]
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(
                    "sort",
                    "expected `-active_at`, `-created_at` or `created_at`",
                )
            })
    }
}

/// Whose leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assigned {
    /// This member's.
    To(UserId),
    /// Nobody's.
    Nobody,
}

/// Which leads are wanted; what is not said does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadFilter {
    /// In this stage.
    pub stage: Option<StageId>,
    /// With this tag.
    pub tag: Option<TagId>,
    /// Looked after by.
    pub assigned: Option<Assigned>,
    /// Come from there.
    pub source: Option<LeadSource>,
    /// Found by these words.
    pub query: Option<Query>,
}

/// Where a page of a list begins: behind this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadKey {
    /// The value by which the list is ordered.
    pub at: UnixMillis,
    /// The lead with it.
    pub id: LeadId,
}

impl LeadKey {
    /// Behind every lead, in the order of `sort`.
    pub const fn end(sort: LeadSort) -> Self {
        match sort {
            LeadSort::Active | LeadSort::Newest => Self::start(LeadSort::Oldest),
            LeadSort::Oldest => Self::start(LeadSort::Newest),
        }
    }

    /// Before every lead, in the order of `sort`.
    pub const fn start(sort: LeadSort) -> Self {
        let (at, id) = match sort {
            LeadSort::Active | LeadSort::Newest => (i64::MAX, Uuid::max()),
            LeadSort::Oldest => (i64::MIN, Uuid::nil()),
        };
        Self {
            at: UnixMillis(at),
            id: LeadId::from_uuid(id),
        }
    }
}

/// What is asked of the list of leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeadList {
    /// Which leads.
    pub filter: LeadFilter,
    /// In which order.
    pub sort: LeadSort,
    /// Behind which one.
    pub after: Option<LeadKey>,
    /// How many at most; cut to [`Page::MAX_LIMIT`].
    pub limit: u32,
}

impl LeadList {
    /// The limit that applies.
    pub fn capped_limit(&self) -> u32 {
        self.limit.clamp(1, Page::<LeadId>::MAX_LIMIT)
    }
}

/// A page of leads.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadPage {
    /// The leads.
    pub leads: Vec<Lead>,
    /// Where the next page begins; `None` when there is none.
    ///
    /// A page may be shorter than its limit and have a next one: of a filter that hardly any lead
    /// passes, one request looks at a bounded number of leads only.
    pub next: Option<LeadKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_parse_back_and_limits_are_kept() {
        for sort in [LeadSort::Active, LeadSort::Newest, LeadSort::Oldest] {
            assert_eq!(sort.as_str().parse::<LeadSort>().unwrap(), sort);
        }
        assert!("name".parse::<LeadSort>().is_err());
        let list = |limit| LeadList {
            limit,
            ..LeadList::default()
        };
        assert_eq!(list(0).capped_limit(), 1);
        assert_eq!(list(1_000_000).capped_limit(), Page::<LeadId>::MAX_LIMIT);
    }
}
