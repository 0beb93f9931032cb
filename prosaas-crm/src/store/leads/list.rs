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

// Each reads an index in its order and stops as soon as the page is full. None is put around another one:
// SQLite would sort anew what a sub-query has in order.
//   $2, $3  behind this key     $4  at most so many     $5 stage     $6 assignee
macro_rules! leads_page {
    ($at:literal, $of:literal, $behind:literal, $order:literal) => {
        concat!(
            "SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL",
            $of,
            " AND (",
            $at,
            ", id) ",
            $behind,
            " ($2, $3) ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}
// The key at place $4 behind one: that far one request looks.
macro_rules! leads_bound {
    ($at:literal, $of:literal, $behind:literal, $order:literal) => {
        concat!(
            "SELECT ",
            $at,
            " AS at, id FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL",
            $of,
            " AND (",
            $at,
            ", id) ",
            $behind,
            " ($2, $3) ORDER BY ",
            $order,
            " LIMIT 1 OFFSET $4"
        )
    };
}
// What the index does not decide is decided among its rows up to that key: on SQLite, which keeps the columns
// that are asked for in its indexes, without a look at the rows that do not pass.
//   $7 nobody's only   $8 source   $9 tag   $10, $11  no farther than this key
macro_rules! leads_among {
    ($at:literal, $of:literal, $behind:literal, $until:literal, $order:literal) => {
        concat!(
            "SELECT * FROM leads WHERE tenant_id = $1 AND deleted_at IS NULL",
            $of,
            " AND (",
            $at,
            ", id) ",
            $behind,
            " ($2, $3) AND (",
            $at,
            ", id) ",
            $until,
            " ($10, $11)
             AND ($5 IS NULL OR stage_id = $5) AND ($6 IS NULL OR assignee_id = $6)
             AND (NOT $7 OR assignee_id IS NULL) AND ($8 IS NULL OR source = $8)
             AND ($9 IS NULL OR EXISTS (
                 SELECT 1 FROM lead_tags
                 WHERE lead_tags.tenant_id = $1 AND lead_tags.lead_id = leads.id AND lead_tags.tag_id = $9))
             ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

/// A list that has an index: its pages, and how to look among its rows.
struct Order {
    page: Sql,
    bound: Sql,
    among: Sql,
}

const ACTIVE: Order = Order {
    page: Sql::both(leads_page!("active_at", "", "<", "active_at DESC, id DESC")),
    bound: Sql::both(leads_bound!(
        "active_at",
        "",
        "<",
        "active_at DESC, id DESC"
    )),
    among: Sql::both(leads_among!(
        "active_at",
        "",
        "<",
        ">=",
        "active_at DESC, id DESC"
    )),
};
const NEWEST: Order = Order {
    page: Sql::both(leads_page!(
        "created_at",
        "",
        "<",
        "created_at DESC, id DESC"
    )),
    bound: Sql::both(leads_bound!(
        "created_at",
        "",
        "<",
        "created_at DESC, id DESC"
    )),
    among: Sql::both(leads_among!(
        "created_at",
        "",
        "<",
        ">=",
        "created_at DESC, id DESC"
    )),
};
const OLDEST: Order = Order {
    page: Sql::both(leads_page!("created_at", "", ">", "created_at, id")),
    bound: Sql::both(leads_bound!("created_at", "", ">", "created_at, id")),
    among: Sql::both(leads_among!("created_at", "", ">", "<=", "created_at, id")),
};
const OF_STAGE: Order = Order {
    page: Sql::both(leads_page!(
        "active_at",
        " AND stage_id = $5",
        "<",
        "active_at DESC, id DESC"
    )),
    bound: Sql::both(leads_bound!(
        "active_at",
        " AND stage_id = $5",
        "<",
        "active_at DESC, id DESC"
    )),
    among: Sql::both(leads_among!(
        "active_at",
        " AND stage_id = $5",
        "<",
        ">=",
        "active_at DESC, id DESC"
    )),
};
const OF_ASSIGNEE: Order = Order {
    page: Sql::both(leads_page!(
        "active_at",
        " AND assignee_id = $6",
        "<",
        "active_at DESC, id DESC"
    )),
    bound: Sql::both(leads_bound!(
        "active_at",
        " AND assignee_id = $6",
        "<",
        "active_at DESC, id DESC"
    )),
    among: Sql::both(leads_among!(
        "active_at",
        " AND assignee_id = $6",
        "<",
        ">=",
        "active_at DESC, id DESC"
    )),
};
const OF_NOBODY: Order = Order {
    page: Sql::both(leads_page!(
        "active_at",
        " AND assignee_id IS NULL",
        "<",
        "active_at DESC, id DESC"
    )),
    bound: Sql::both(leads_bound!(
        "active_at",
        " AND assignee_id IS NULL",
        "<",
        "active_at DESC, id DESC"
    )),
    among: Sql::both(leads_among!(
        "active_at",
        " AND assignee_id IS NULL",
        "<",
        ">=",
        "active_at DESC, id DESC"
    )),
};
// Ids of leads are in the order of their creation, so the tag's own index is in the order wanted.
const OF_TAG: Sql = Sql::both(
    "SELECT leads.* FROM lead_tags JOIN leads
         ON leads.tenant_id = lead_tags.tenant_id AND leads.id = lead_tags.lead_id
     WHERE lead_tags.tenant_id = $1 AND lead_tags.tag_id = $9
       AND lead_tags.lead_id < $3 AND lead_tags.lead_id >= $11
       AND leads.tenant_id = $1 AND leads.created_at <= $2 AND leads.deleted_at IS NULL
       AND ($5 IS NULL OR stage_id = $5) AND ($6 IS NULL OR assignee_id = $6)
       AND (NOT $7 OR assignee_id IS NULL) AND ($8 IS NULL OR source = $8)
     ORDER BY lead_tags.lead_id DESC LIMIT $4",
);
const BOUND_OF_TAG: Sql = Sql::both(
    "SELECT lead_id AS id, $2 AS at FROM lead_tags
     WHERE tenant_id = $1 AND tag_id = $9 AND lead_id < $3
     ORDER BY lead_id DESC LIMIT 1 OFFSET $4",
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
       AND lead_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($3) AS value))",
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
        let tx = self.look(scope).await?;
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

    /// The statements of a list whose rows are those of one index of leads.
    const fn order(self) -> Option<&'static Order> {
        Some(match self {
            Self::Active => &ACTIVE,
            Self::Newest => &NEWEST,
            Self::Oldest => &OLDEST,
            Self::Stage => &OF_STAGE,
            Self::Assignee => &OF_ASSIGNEE,
            Self::Nobody => &OF_NOBODY,
            Self::Tag => return None,
        })
    }

    /// Whether the index decides all of a filter by itself.
    fn decides(self, filter: &LeadFilter) -> bool {
        let assigned = matches!(self, Self::Assignee | Self::Nobody);
        let rest = LeadFilter {
            stage: filter.stage.filter(|_| self != Self::Stage),
            assigned: filter.assigned.filter(|_| !assigned),
            ..filter.clone()
        };
        rest == LeadFilter::default()
    }
}

fn values(filter: &LeadFilter, after: LeadKey, limit: u32, until: LeadKey) -> Args {
    let assignee = match filter.assigned {
        Some(Assigned::To(user)) => Some(user),
        Some(Assigned::Nobody) | None => None,
    };
    args![
        after.at,
        after.id.uuid(),
        limit,
        filter.stage.map(StageId::uuid),
        assignee.map(UserId::uuid),
        filter.assigned == Some(Assigned::Nobody),
        filter.source.map(LeadSource::as_str),
        filter.tag.map(TagId::uuid),
        until.at,
        until.id.uuid(),
    ]
}

pub(super) async fn scanned(tx: &mut TenantTx, list: &LeadList) -> Result<LeadPage> {
    walked(tx, list, list.capped_limit()).await
}

/// A page of up to `limit` leads, whatever the list's own limit says: for whoever goes to its end.
pub(super) async fn walked(tx: &mut TenantTx, list: &LeadList, limit: u32) -> Result<LeadPage> {
    let LeadList { filter, sort, .. } = list;
    let by = By::best(filter, *sort);
    let after = list.after.unwrap_or_else(|| LeadKey::start(*sort));
    let (bound, among) = match by.order() {
        Some(order) if by.decides(filter) => {
            return page(tx, &order.page, list, after, limit).await;
        }
        Some(order) => (&order.bound, &order.among),
        None => (&BOUND_OF_TAG, &OF_TAG),
    };
    let end = LeadKey::end(*sort);
    let row = tx
        .fetch_optional(bound, values(filter, after, SCAN - 1, end))
        .await?;
    let bound = row.as_ref().map(read_key).transpose()?;
    let values = values(filter, after, limit + 1, bound.unwrap_or(end));
    let rows = tx.fetch_all(among, values).await?;
    let mut page = page_of(list, &rows, limit)?;
    page.next = page.next.or(bound);
    Ok(page)
}

/// A page of a list of which the index decides everything.
async fn page(
    tx: &mut TenantTx,
    sql: &Sql,
    list: &LeadList,
    after: LeadKey,
    limit: u32,
) -> Result<LeadPage> {
    let values = values(&list.filter, after, limit + 1, LeadKey::end(list.sort));
    page_of(list, &tx.fetch_all(sql, values).await?, limit)
}

/// The page of rows of which one more than the page holds was asked for.
fn page_of(list: &LeadList, rows: &[Row], limit: u32) -> Result<LeadPage> {
    let limit = limit as usize;
    let leads: Vec<_> = rows
        .iter()
        .take(limit)
        .map(read_lead)
        .collect::<Result<_>>()?;
    let last = leads.last().filter(|_| rows.len() > limit);
    let next = last.map(|lead| key(list.sort, lead));
    Ok(LeadPage { leads, next })
}

fn read_key(row: &Row) -> Result<LeadKey> {
    Ok(LeadKey {
        at: row.get("at")?,
        id: row.id("id")?,
    })
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
