//! Lists of leads, page by page.

use std::collections::HashSet;

use prosaas_core::{LeadId, Result};

use super::{id_list, read_lead, search};
use crate::auth::TenantScope;
use crate::model::id::{StageId, TagId, UserId};
use crate::model::lead::{Lead, LeadSource};
use crate::model::lead_list::{Assigned, LeadFilter, LeadKey, LeadList, LeadPage, LeadSort};
use crate::model::page::Page;
use crate::search::Query;
use crate::store::CrmStore;
use crate::store::db::{Args, Row, Sql, TenantTx, args};

/// How many leads one request looks at behind a filter that has no index of its own.
const SCAN: u32 = 2_000;

// Each reads an index in its order and stops as soon as the page is full. What the index does not
// decide is decided among the rows it brings, of which one request looks at `SCAN` at most.
//   $2, $3  behind this key     $4  at most so many rows of the index     $5  at most so many results
//   $6 stage   $7 assignee   $8 nobody's only   $9 source   $10 tag
const ACTIVE: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND (active_at, id) < ($2, $3)
         ORDER BY active_at DESC, id DESC LIMIT $4) AS seen
     WHERE ($6 IS NULL OR stage_id = $6) AND ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY active_at DESC, id DESC LIMIT $5",
);
const NEWEST: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) < ($2, $3)
         ORDER BY created_at DESC, id DESC LIMIT $4) AS seen
     WHERE ($6 IS NULL OR stage_id = $6) AND ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY created_at DESC, id DESC LIMIT $5",
);
const OLDEST: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND (created_at, id) > ($2, $3)
         ORDER BY created_at, id LIMIT $4) AS seen
     WHERE ($6 IS NULL OR stage_id = $6) AND ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY created_at, id LIMIT $5",
);
const OF_STAGE: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads
         WHERE tenant_id = $1 AND deleted_at IS NULL AND stage_id = $6 AND (active_at, id) < ($2, $3)
         ORDER BY active_at DESC, id DESC LIMIT $4) AS seen
     WHERE ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY active_at DESC, id DESC LIMIT $5",
);
const OF_ASSIGNEE: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads
         WHERE tenant_id = $1 AND deleted_at IS NULL AND assignee_id = $7 AND (active_at, id) < ($2, $3)
         ORDER BY active_at DESC, id DESC LIMIT $4) AS seen
     WHERE ($6 IS NULL OR stage_id = $6)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY active_at DESC, id DESC LIMIT $5",
);
const OF_NOBODY: Sql = Sql::both(
    "SELECT * FROM (
         SELECT * FROM leads
         WHERE tenant_id = $1 AND deleted_at IS NULL AND assignee_id IS NULL AND (active_at, id) < ($2, $3)
         ORDER BY active_at DESC, id DESC LIMIT $4) AS seen
     WHERE ($6 IS NULL OR stage_id = $6) AND ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
       AND ($10 IS NULL OR id IN (SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $10 AND lead_id = seen.id))
     ORDER BY active_at DESC, id DESC LIMIT $5",
);
// Ids of leads are in the order of their creation, so the tag's own index is in the order wanted.
const OF_TAG: Sql = Sql::both(
    "SELECT seen.* FROM (
         SELECT leads.* FROM lead_tags JOIN leads
             ON leads.tenant_id = lead_tags.tenant_id AND leads.id = lead_tags.lead_id
         WHERE lead_tags.tenant_id = $1 AND lead_tags.tag_id = $10 AND lead_tags.lead_id < $3
           AND leads.tenant_id = $1 AND leads.created_at <= $2
         ORDER BY lead_tags.lead_id DESC LIMIT $4) AS seen
     WHERE deleted_at IS NULL AND ($6 IS NULL OR stage_id = $6) AND ($7 IS NULL OR assignee_id = $7)
       AND (assignee_id IS NULL OR NOT $8) AND ($9 IS NULL OR source = $9)
     ORDER BY id DESC LIMIT $5",
);
const COUNT: Sql = Sql::both(
    "SELECT count(*) AS found FROM (
         SELECT 1 FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL LIMIT $2) AS counted",
);
const COUNT_OF_STAGE: Sql = Sql::both(
    "SELECT count(*) AS found FROM (
         SELECT 1 FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL AND stage_id = $2 LIMIT $3) AS counted",
);
const STAGES: Sql = Sql::both("SELECT id FROM stages WHERE tenant_id = $1 ORDER BY position, id");
const WITH_TAG: Sql = Sql::split(
    "SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $2
       AND lead_id IN (SELECT unhex(value) FROM json_each($3))",
    "SELECT lead_id FROM lead_tags WHERE tenant_id = $1 AND tag_id = $2
       AND lead_id IN (SELECT value::uuid FROM jsonb_array_elements_text($3) AS value)",
);

/// Up to how many leads are counted: exact counts of long lists cost more than they tell.
pub const COUNT_CAP: u32 = 1_000;

impl CrmStore {
    /// A page of leads.
    pub async fn find_leads(&self, scope: &TenantScope, list: &LeadList) -> Result<LeadPage> {
        let mut tx = self.read(scope).await?;
        match &list.filter.query {
            Some(query) => found(&mut tx, list, query).await,
            None => scanned(&mut tx, list).await,
        }
    }

    /// How many leads there are, counted up to [`COUNT_CAP`] and one more that says "and more".
    pub async fn count_leads(&self, scope: &TenantScope) -> Result<u32> {
        let mut tx = self.read(scope).await?;
        let row = tx.fetch_one(&COUNT, args![COUNT_CAP + 1], "count").await?;
        row.get("found")
    }

    /// How many leads are in each stage, in the stages' order, each counted up to [`COUNT_CAP`] and one.
    pub async fn count_leads_by_stage(&self, scope: &TenantScope) -> Result<Vec<(StageId, u32)>> {
        let mut tx = self.read(scope).await?;
        let stages = tx.fetch_all(&STAGES, args![]).await?;
        let mut counts = Vec::with_capacity(stages.len());
        for stage in &stages {
            let stage: StageId = stage.id("id")?;
            let values = args![stage.uuid(), COUNT_CAP + 1];
            let row = tx.fetch_one(&COUNT_OF_STAGE, values, "count").await?;
            counts.push((stage, row.get("found")?));
        }
        Ok(counts)
    }
}

/// Whose index a list is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Active,
    Newest,
    Oldest,
    Stage,
    Assignee,
    Nobody,
    Tag,
}

impl By {
    /// The index that decides most of what is asked.
    const fn best(filter: &LeadFilter, sort: LeadSort) -> Self {
        match (sort, filter.stage, filter.assigned) {
            (LeadSort::Newest, ..) if filter.tag.is_some() => Self::Tag,
            (LeadSort::Newest, ..) => Self::Newest,
            (LeadSort::Oldest, ..) => Self::Oldest,
            (LeadSort::Active, Some(_), _) => Self::Stage,
            (LeadSort::Active, None, Some(Assigned::To(_))) => Self::Assignee,
            (LeadSort::Active, None, Some(Assigned::Nobody)) => Self::Nobody,
            (LeadSort::Active, None, None) => Self::Active,
        }
    }

    const fn sql(self) -> &'static Sql {
        match self {
            Self::Active => &ACTIVE,
            Self::Newest => &NEWEST,
            Self::Oldest => &OLDEST,
            Self::Stage => &OF_STAGE,
            Self::Assignee => &OF_ASSIGNEE,
            Self::Nobody => &OF_NOBODY,
            Self::Tag => &OF_TAG,
        }
    }

    /// The part of a filter that the index decides by itself.
    fn part(self, filter: &LeadFilter) -> LeadFilter {
        let assigned = matches!(self, Self::Assignee | Self::Nobody);
        LeadFilter {
            stage: filter.stage.filter(|_| self == Self::Stage),
            assigned: filter.assigned.filter(|_| assigned),
            tag: filter.tag.filter(|_| self == Self::Tag),
            ..LeadFilter::default()
        }
    }
}

fn values(filter: &LeadFilter, after: LeadKey, scan: u32, limit: u32) -> Args {
    let assignee = match filter.assigned {
        Some(Assigned::To(user)) => Some(user),
        Some(Assigned::Nobody) | None => None,
    };
    args![
        after.at,
        after.id.uuid(),
        scan,
        limit,
        filter.stage.map(StageId::uuid),
        assignee.map(UserId::uuid),
        filter.assigned == Some(Assigned::Nobody),
        filter.source.map(LeadSource::as_str),
        filter.tag.map(TagId::uuid),
    ]
}

pub(super) async fn scanned(tx: &mut TenantTx, list: &LeadList) -> Result<LeadPage> {
    let LeadList { filter, sort, .. } = list;
    let by = By::best(filter, *sort);
    let after = list.after.unwrap_or_else(|| LeadKey::start(*sort));
    let limit = list.capped_limit();
    let rows = tx
        .fetch_all(by.sql(), values(filter, after, SCAN, limit + 1))
        .await?;
    let mut leads: Vec<_> = rows.iter().map(read_lead).collect::<Result<_>>()?;
    if leads.len() > limit as usize {
        leads.truncate(limit as usize);
        let next = leads.last().map(|lead| key(*sort, lead));
        return Ok(LeadPage { leads, next });
    }
    let next = scan_end(tx, by, list, after).await?;
    Ok(LeadPage { leads, next })
}

/// The next `rows` rows of the index that decides most, and those of them that pass the rest of the filter but
/// its tag: for whoever goes to the end of the list, however few pass.
pub(super) async fn walked(tx: &mut TenantTx, list: &LeadList, rows: u32) -> Result<LeadPage> {
    let by = By::best(&list.filter, list.sort);
    let after = list.after.unwrap_or_else(|| LeadKey::start(list.sort));
    let values = values(&by.part(&list.filter), after, rows, rows);
    let found = tx.fetch_all(by.sql(), values).await?;
    let mut leads: Vec<_> = found.iter().map(read_lead).collect::<Result<_>>()?;
    let last = leads.last().filter(|_| found.len() == rows as usize);
    let next = last.map(|lead| key(list.sort, lead));
    leads.retain(|lead| passes(&list.filter, lead));
    Ok(LeadPage { leads, next })
}

/// Where a scan that did not fill its page stopped; `None` when it came to the end of the list.
async fn scan_end(
    tx: &mut TenantTx,
    by: By,
    list: &LeadList,
    after: LeadKey,
) -> Result<Option<LeadKey>> {
    let part = by.part(&list.filter);
    if part == list.filter {
        return Ok(None);
    }
    let values = values(&part, after, SCAN, SCAN);
    let rows = tx.fetch_all(by.sql(), values).await?;
    let last = rows.last().filter(|_| rows.len() == SCAN as usize);
    let last = last.map(read_lead).transpose()?;
    Ok(last.map(|lead| key(list.sort, &lead)))
}

const fn key(sort: LeadSort, lead: &Lead) -> LeadKey {
    LeadKey {
        at: sort.key(lead),
        id: lead.id,
    }
}

/// A page of what a query finds: bounded, so it is sorted here.
pub(super) async fn found(tx: &mut TenantTx, list: &LeadList, query: &Query) -> Result<LeadPage> {
    let LeadList { filter, sort, .. } = list;
    let mut leads = search::find(tx, query, Page::<LeadId>::MAX_LIMIT as usize).await?;
    if let Some(tag) = filter.tag {
        let ids: Vec<_> = leads.iter().map(|lead| lead.id).collect();
        let rows = tx
            .fetch_all(&WITH_TAG, args![tag.uuid(), id_list(&ids)])
            .await?;
        let read = |row: &Row| row.id::<LeadId>("lead_id");
        let tagged: HashSet<_> = rows.iter().map(read).collect::<Result<_>>()?;
        leads.retain(|lead| tagged.contains(&lead.id));
    }
    leads.retain(|lead| passes(filter, lead));
    leads.sort_by_key(|lead| (sort.key(lead), lead.id));
    if *sort != LeadSort::Oldest {
        leads.reverse();
    }
    let is_behind = |lead: &Lead, after: LeadKey| {
        let order = (sort.key(lead), lead.id).cmp(&(after.at, after.id));
        if *sort == LeadSort::Oldest {
            order.is_gt()
        } else {
            order.is_lt()
        }
    };
    if let Some(after) = list.after {
        leads.retain(|lead| is_behind(lead, after));
    }
    let limit = list.capped_limit() as usize;
    let has_more = leads.len() > limit;
    leads.truncate(limit);
    let next = leads
        .last()
        .filter(|_| has_more)
        .map(|lead| key(*sort, lead));
    Ok(LeadPage { leads, next })
}

pub(super) fn passes(filter: &LeadFilter, lead: &Lead) -> bool {
    let assigned = match filter.assigned {
        None => true,
        Some(Assigned::Nobody) => lead.assignee.is_none(),
        Some(Assigned::To(user)) => lead.assignee == Some(user),
    };
    assigned
        && filter.stage.is_none_or(|stage| lead.stage == stage)
        && filter.source.is_none_or(|source| lead.source == source)
}
