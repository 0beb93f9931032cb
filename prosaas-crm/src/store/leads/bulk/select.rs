//! Which leads a bulk change is of: ids, a filter's, or what another one threw away.

use prosaas_core::{LeadId, Result, UnixMillis};
use serde::{Deserialize, Serialize};

use super::super::{list, read_lead};
use crate::model::bulk::{BulkChange, BulkSelection};
use crate::model::lead_list::{LeadFilter, LeadKey, LeadList, LeadSort};
use crate::store::db::{Sql, TenantTx, args};

/// The leads of one page while they are counted.
const COUNTED_AT_ONCE: u32 = 200;

const TRASH: Sql = Sql::both(
    "SELECT * FROM leads
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL AND (deleted_at, id) < ($2, $3)
     ORDER BY deleted_at DESC, id DESC LIMIT $4",
);
const DELETED_BY: Sql = Sql::both(
    "SELECT id FROM leads WHERE tenant_id = $1 AND deleted_by = $2 AND id > $3 ORDER BY id LIMIT $4",
);

/// How far a bulk change has come.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Position {
    /// The next of the ids.
    at: usize,
    /// The last lead of a list, by what the list is ordered by.
    after: Option<(UnixMillis, LeadId)>,
}

/// The next leads, and whether they are the last ones; moves the position behind them.
pub(super) async fn next(
    tx: &mut TenantTx,
    change: &BulkChange,
    position: &mut Position,
    limit: u32,
) -> Result<(Vec<LeadId>, bool)> {
    match &change.select {
        BulkSelection::Ids { leads } => {
            let rest = leads.get(position.at..).unwrap_or_default();
            let taken: Vec<_> = rest.iter().take(limit as usize).copied().collect();
            position.at += taken.len();
            Ok((taken, position.at >= leads.len()))
        }
        BulkSelection::DeletedBy { batch } => {
            let after = position
                .after
                .map_or(LeadId::from_uuid(uuid::Uuid::nil()), |after| after.1);
            let values = args![batch.uuid(), after.uuid(), limit];
            let rows = tx.fetch_all(&DELETED_BY, values).await?;
            let leads: Vec<LeadId> = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
            if let Some(last) = leads.last() {
                position.after = Some((UnixMillis(0), *last));
            }
            let is_last = leads.len() < limit as usize;
            Ok((leads, is_last))
        }
        BulkSelection::Filter { filter, .. } => {
            let after = position.after.map(|(at, id)| LeadKey { at, id });
            let on_trash = change.action.is_on_trash();
            let (leads, next) = page(tx, &filter.parse()?, on_trash, after, limit).await?;
            position.after = next.map(|key| (key.at, key.id));
            Ok((leads, next.is_none()))
        }
    }
}

/// A page of what a filter passes. By creation, or by when it was thrown away: neither changes by what is
/// done here, so that no lead is met twice or left out.
async fn page(
    tx: &mut TenantTx,
    filter: &LeadFilter,
    on_trash: bool,
    after: Option<LeadKey>,
    limit: u32,
) -> Result<(Vec<LeadId>, Option<LeadKey>)> {
    if !on_trash {
        let wanted = LeadList {
            filter: filter.clone(),
            sort: LeadSort::Newest,
            after,
            limit,
        };
        let page = list::scanned(tx, &wanted).await?;
        return Ok((page.leads.iter().map(|lead| lead.id).collect(), page.next));
    }
    let start = after.unwrap_or_else(|| LeadKey::start(LeadSort::Newest));
    let rows = tx
        .fetch_all(&TRASH, args![start.at, start.id.uuid(), limit])
        .await?;
    let leads: Vec<_> = rows.iter().map(read_lead).collect::<Result<_>>()?;
    let last = leads.last().filter(|_| leads.len() == limit as usize);
    let next = last.and_then(|lead| {
        Some(LeadKey {
            at: lead.deleted_at?,
            id: lead.id,
        })
    });
    let passing = leads.iter().filter(|lead| list::passes(filter, lead));
    Ok((passing.map(|lead| lead.id).collect(), next))
}

pub(super) async fn count(tx: &mut TenantTx, filter: &LeadFilter, on_trash: bool) -> Result<u64> {
    let (mut total, mut after) = (0, None);
    loop {
        let (leads, next) = page(tx, filter, on_trash, after, COUNTED_AT_ONCE).await?;
        total += leads.len() as u64;
        if next.is_none() {
            return Ok(total);
        }
        after = next;
    }
}
