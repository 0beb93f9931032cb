//! What happened in a business, in order, for whoever watches: kinds and ids, never contents.

use prosaas_core::{LeadId, Result, UnixMillis};

use super::crm_store::CrmStore;
use super::db::{Row, Sql, args};
use crate::auth::TenantScope;

const AFTER: Sql = Sql::both(
    "SELECT seq, at, kind, entity_kind, entity_id, lead_id FROM events
      WHERE tenant_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
);
const BOUNDS: Sql = Sql::both(
    "SELECT event_seq AS last,
            (SELECT min(seq) FROM events WHERE events.tenant_id = $1) AS first
       FROM businesses WHERE tenant_id = $1",
);

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number in the business: later events have higher ones.
    pub seq: i64,
    /// When.
    pub at: UnixMillis,
    /// What, such as `lead.updated`.
    pub kind: String,
    /// To what kind of thing.
    pub entity_kind: String,
    /// To which one, as the API prints its id.
    pub entity_id: String,
    /// The lead it is about.
    pub lead: Option<LeadId>,
}

/// Which numbers a business's events have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventBounds {
    /// The oldest one that is kept; `None` when none is.
    pub first: Option<i64>,
    /// The newest one ever given; 0 when nothing has happened.
    pub last: i64,
}

impl EventBounds {
    /// Whether somebody who has seen everything up to `seq` can go on from there without a gap.
    pub fn can_resume_after(&self, seq: i64) -> bool {
        let kept = self.first.unwrap_or(self.last + 1);
        (kept - 1..=self.last).contains(&seq)
    }
}

impl CrmStore {
    /// The events behind `seq` in order, `limit` of them at most.
    pub async fn events_after(
        &self,
        scope: &TenantScope,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<Event>> {
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&AFTER, args![seq, limit]).await?;
        rows.iter().map(event).collect()
    }

    /// Which events there are.
    ///
    /// # Errors
    /// `NotFound` when the business is gone.
    pub async fn event_bounds(&self, scope: &TenantScope) -> Result<EventBounds> {
        let tx = self.look(scope).await?;
        let row = tx.fetch_one(&BOUNDS, args![], "business").await?;
        Ok(EventBounds {
            first: row.get("first")?,
            last: row.get("last")?,
        })
    }
}

fn event(row: &Row) -> Result<Event> {
    Ok(Event {
        seq: row.get("seq")?,
        at: row.get("at")?,
        kind: row.get("kind")?,
        entity_kind: row.get("entity_kind")?,
        entity_id: row.get("entity_id")?,
        lead: row.get::<Option<_>>("lead_id")?.map(LeadId::from_uuid),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_noticed() {
        let bounds = |first, last| EventBounds { first, last };
        assert!(bounds(None, 0).can_resume_after(0));
        assert!(bounds(Some(5), 9).can_resume_after(4));
        assert!(bounds(Some(5), 9).can_resume_after(9));
        assert!(!bounds(Some(5), 9).can_resume_after(3), "some are deleted");
        assert!(
            !bounds(Some(5), 9).can_resume_after(10),
            "of another database"
        );
        assert!(bounds(None, 9).can_resume_after(9));
        assert!(!bounds(None, 9).can_resume_after(8));
    }
}
