//! Businesses, their numbers and whom they transfer calls to.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::business::{CallLimits, VoiceProfile};
use prosaas_core::{Business, E164, Error, NumberOwner, Result, TenantId, TransferTarget};
use serde_json::json;

use super::CrmStore;
use super::db::{Json, Row, Sql, SystemTx, TenantTx, args};
use crate::auth::{Scoped, SystemScope, TenantScope};
use crate::model::business::check_business;
use crate::model::id::StageId;
use crate::model::settings::VoiceTool;
use crate::store::{BusinessAdmin, ListedBusiness};

const BUSINESS: Sql = Sql::both("SELECT * FROM businesses WHERE tenant_id = $1");
const BUSINESS_EXISTS: Sql = Sql::both("SELECT 1 FROM businesses WHERE tenant_id = $1");
const TRANSFER_TARGETS: Sql =
    Sql::both("SELECT label, number FROM transfer_targets WHERE tenant_id = $1 ORDER BY position");

const OWNERS_OF_NUMBER: Sql = Sql::both(
    "/* across tenants: this look-up finds the tenant of a call */
     SELECT business_numbers.tenant_id FROM business_numbers
     JOIN businesses ON businesses.tenant_id = business_numbers.tenant_id
     WHERE business_numbers.number = $1 AND business_numbers.released_at IS NULL
       AND businesses.status = 'active' LIMIT 100",
);

const ALL_BUSINESSES: Sql = Sql::both(
    "/* across tenants: the operator's list */
     SELECT * FROM businesses ORDER BY created_at, tenant_id",
);
const ALL_NUMBERS: Sql = Sql::both(
    "/* across tenants: the operator's list */
     SELECT tenant_id, number FROM business_numbers WHERE released_at IS NULL ORDER BY number",
);
const ALL_TRANSFER_TARGETS: Sql = Sql::both(
    "/* across tenants: the operator's list */
     SELECT tenant_id, label, number FROM transfer_targets ORDER BY tenant_id, position",
);

const ADD_BUSINESS: Sql = Sql::both(
    "INSERT INTO businesses (tenant_id, name, language, instructions, greeting, voice,
                             max_call_s, idle_s, max_live_calls, record_calls, created_at, tools, languages)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
const ADD_TRANSFER_TARGET: Sql = Sql::both(
    "INSERT INTO transfer_targets (tenant_id, position, label, number) VALUES ($1, $2, $3, $4)",
);

const ADD_STAGE: Sql = Sql::both(
    "INSERT INTO stages (tenant_id, id, name, kind, position, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $6)",
);
/// The stages a new business begins with: name and kind.
const FIRST_STAGES: [(&str, &str); 5] = [
    ("new", "open"),
    ("contacted", "open"),
    ("qualified", "open"),
    ("won", "won"),
    ("lost", "lost"),
];

const NUMBER_IS_TAKEN: Sql = Sql::both(
    "/* across tenants: a number has one owner in the whole installation */
     SELECT 1 FROM business_numbers WHERE number = $2 AND tenant_id <> $1 AND released_at IS NULL",
);
const ADD_NUMBER: Sql = Sql::both(
    "INSERT INTO business_numbers (tenant_id, number, imported, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, number) DO UPDATE SET released_at = NULL",
);

/// The business of the transaction; `None` when there is none.
pub(super) async fn load_business(tx: &mut TenantTx) -> Result<Option<Arc<Business>>> {
    let Some(row) = tx.fetch_optional(&BUSINESS, args![]).await? else {
        return Ok(None);
    };
    let targets = tx.fetch_all(&TRANSFER_TARGETS, args![]).await?;
    let transfer = targets.iter().map(read_target).collect::<Result<_>>()?;
    Ok(Some(Arc::new(read_business(&row, transfer)?)))
}

/// `NotFound` unless the transaction's business exists.
pub(super) async fn require_business(tx: &mut TenantTx) -> Result<()> {
    tx.require(&BUSINESS_EXISTS, args![], "business").await
}

/// `Conflict` when the number belongs to another business.
///
/// The unique index covers numbers that were not imported; this look covers those as well.
pub(super) async fn require_free(tx: &mut SystemTx, tenant: TenantId, number: &E164) -> Result<()> {
    let values = args![tenant.uuid(), number];
    match tx.fetch_optional(&NUMBER_IS_TAKEN, values).await? {
        None => Ok(()),
        Some(_) => Err(Error::Conflict {
            what: "number-taken",
            detail: format!("{number} belongs to another business"),
        }),
    }
}

impl CrmStore {
    pub(super) async fn load_owner(
        &self,
        scope: &SystemScope,
        number: &E164,
    ) -> Result<NumberOwner<Scoped<Arc<Business>>>> {
        let mut tx = self.system_read(scope).await?;
        let owners = tx.fetch_all(&OWNERS_OF_NUMBER, args![number]).await?;
        let [row] = owners.as_slice() else {
            return Ok(match owners.len() {
                0 => NumberOwner::Nobody,
                several => NumberOwner::Several(several),
            });
        };
        let scope = TenantScope::for_agent(row.id("tenant_id")?);
        let mut tx = tx.enter(&scope).await?;
        let business = load_business(&mut tx).await?;
        Ok(business.map_or(NumberOwner::Nobody, |business| {
            NumberOwner::One(Scoped::new(scope, business))
        }))
    }

    pub(super) async fn give_number(
        &self,
        tx: &mut TenantTx,
        number: &E164,
        imported: bool,
    ) -> Result<()> {
        let values = args![number, imported, self.now()];
        tx.execute(&ADD_NUMBER, values).await.map(drop)
    }

    pub(super) async fn insert_business(
        &self,
        tx: &mut SystemTx,
        business: &Business,
    ) -> Result<()> {
        let values = args![
            business.id.uuid(),
            &business.name,
            business.language.code(),
            &business.voice.instructions,
            &business.voice.greeting,
            &business.voice.voice,
            business.limits.max_call_s,
            business.limits.idle_s,
            business.limits.max_live_calls,
            business.record_calls,
            self.now(),
            // A new agent may do everything; its owner takes away what it shall not.
            Json(json!(VoiceTool::ALL)),
            Json(json!([business.language])),
        ];
        tx.execute(&ADD_BUSINESS, values).await.map(drop)
    }

    pub(super) async fn fill_new_business(
        &self,
        tx: &mut TenantTx,
        business: &Business,
    ) -> Result<()> {
        let now = self.now();
        for ((name, kind), position) in FIRST_STAGES.into_iter().zip(0_i64..) {
            let values = args![StageId::mint(now).uuid(), name, kind, position, now];
            tx.execute(&ADD_STAGE, values).await?;
        }
        for (target, position) in business.transfer.iter().zip(0_i64..) {
            let values = args![position, &target.label, &target.number];
            tx.execute(&ADD_TRANSFER_TARGET, values).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl BusinessAdmin for CrmStore {
    async fn add_business(
        &self,
        scope: &SystemScope,
        business: &Business,
        numbers: &[E164],
    ) -> Result<()> {
        check_business(business)?;
        let mut tx = self.system_write(scope).await?;
        for number in numbers {
            require_free(&mut tx, business.id, number).await?;
        }
        self.insert_business(&mut tx, business).await?;
        let mut tx = tx.enter(&TenantScope::for_operator(business.id)).await?;
        self.fill_new_business(&mut tx, business).await?;
        for number in numbers {
            self.give_number(&mut tx, number, false).await?;
        }
        tx.commit().await
    }

    async fn list_businesses(&self, scope: &SystemScope) -> Result<Vec<ListedBusiness>> {
        // One transaction, so that the three lists show one moment.
        let mut tx = self.system_read(scope).await?;
        let rows = tx.fetch_all(&ALL_BUSINESSES, args![]).await?;
        let targets = tx.fetch_all(&ALL_TRANSFER_TARGETS, args![]).await?;
        let numbers = tx.fetch_all(&ALL_NUMBERS, args![]).await?;
        let mut targets = by_tenant(&targets, read_target)?;
        let mut numbers = by_tenant(&numbers, |row| row.get("number"))?;
        let listed = |row: &Row| {
            let tenant = row.id("tenant_id")?;
            let business = read_business(row, targets.remove(&tenant).unwrap_or_default())?;
            Ok(ListedBusiness {
                business,
                numbers: numbers.remove(&tenant).unwrap_or_default(),
                tenant,
            })
        };
        rows.iter().map(listed).collect()
    }

    async fn add_number(&self, scope: &SystemScope, tenant: TenantId, number: &E164) -> Result<()> {
        let mut tx = self.system_write(scope).await?;
        require_free(&mut tx, tenant, number).await?;
        let mut tx = tx.enter(&TenantScope::for_operator(tenant)).await?;
        require_business(&mut tx).await?;
        self.give_number(&mut tx, number, false).await?;
        tx.commit().await
    }

    async fn import_number(
        &self,
        scope: &SystemScope,
        tenant: TenantId,
        number: &E164,
    ) -> Result<()> {
        let tx = self.system_write(scope).await?;
        let mut tx = tx.enter(&TenantScope::for_operator(tenant)).await?;
        require_business(&mut tx).await?;
        self.give_number(&mut tx, number, true).await?;
        tx.commit().await
    }
}

fn by_tenant<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T>,
) -> Result<HashMap<TenantId, Vec<T>>> {
    let mut grouped: HashMap<_, Vec<T>> = HashMap::new();
    for row in rows {
        let tenant = row.id("tenant_id")?;
        grouped.entry(tenant).or_default().push(read(row)?);
    }
    Ok(grouped)
}

fn read_target(row: &Row) -> Result<TransferTarget> {
    Ok(TransferTarget {
        label: row.get("label")?,
        number: row.get("number")?,
    })
}

fn read_business(row: &Row, transfer: Vec<TransferTarget>) -> Result<Business> {
    Ok(Business {
        id: row.id("tenant_id")?,
        name: row.get("name")?,
        language: row.parse("language")?,
        voice: VoiceProfile {
            instructions: row.get("instructions")?,
            greeting: row.get("greeting")?,
            voice: row.get("voice")?,
        },
        limits: CallLimits {
            max_call_s: row.get("max_call_s")?,
            idle_s: row.get("idle_s")?,
            max_live_calls: row.get("max_live_calls")?,
        },
        transfer,
        record_calls: row.get("record_calls")?,
    })
}
