//! Businesses, their numbers and whom they transfer calls to.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::business::{CallLimits, VoiceProfile};
use prosaas_core::{Business, E164, Error, NumberOwner, Result, TenantId, TransferTarget};
use sqlx::sqlite::SqliteRow;

use super::error::db_error;
use super::row::Columns;
use super::{SqliteStore, Tx, commit, require_business};
use crate::model::business::check_business;
use crate::store::{BusinessAdmin, ListedBusiness};

const BUSINESS: &str = "SELECT * FROM businesses WHERE tenant_id = ?1";
const TRANSFER_TARGETS: &str =
    "SELECT label, number FROM transfer_targets WHERE tenant_id = ?1 ORDER BY position";

const OWNERS_OF_NUMBER: &str = "
    /* across tenants: this look-up finds the tenant of a call */
    SELECT tenant_id FROM business_numbers WHERE number = ?1 LIMIT 100";

const ALL_BUSINESSES: &str = "
    /* across tenants: the operator's list */
    SELECT * FROM businesses ORDER BY created_at, tenant_id";
const ALL_NUMBERS: &str = "
    /* across tenants: the operator's list */
    SELECT tenant_id, number FROM business_numbers ORDER BY number";
const ALL_TRANSFER_TARGETS: &str = "
    /* across tenants: the operator's list */
    SELECT tenant_id, label, number FROM transfer_targets ORDER BY tenant_id, position";

const ADD_BUSINESS: &str = "
    INSERT INTO businesses (tenant_id, name, language, instructions, greeting, voice,
                            max_call_s, idle_s, max_live_calls, record_calls, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const ADD_TRANSFER_TARGET: &str = "
    INSERT INTO transfer_targets (tenant_id, position, label, number) VALUES (?1, ?2, ?3, ?4)";

const ADD_FIRST_STAGES: &str = "
    INSERT INTO stages (tenant_id, id, name, kind, position, created_at, updated_at)
    SELECT ?1, randomblob(16), value ->> 'name', value ->> 'kind', key, ?3, ?3 FROM json_each(?2)";
const FIRST_STAGES: &str = r#"[{"name":"new","kind":"open"},{"name":"contacted","kind":"open"},
    {"name":"qualified","kind":"open"},{"name":"won","kind":"won"},{"name":"lost","kind":"lost"}]"#;

const NUMBER_IS_TAKEN: &str = "
    /* across tenants: a number has one owner in the whole installation; tenant_id <> ?2 is the point */
    SELECT 1 FROM business_numbers WHERE number = ?1 AND tenant_id <> ?2";
const ADD_NUMBER: &str = "
    INSERT INTO business_numbers (tenant_id, number, imported, created_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (tenant_id, number) DO NOTHING";

impl SqliteStore {
    pub(super) async fn load_owner(&self, number: &E164) -> Result<NumberOwner> {
        let owners = sqlx::query(OWNERS_OF_NUMBER)
            .bind(number.expose())
            .fetch_all(&self.readers)
            .await
            .map_err(db_error)?;
        Ok(match owners.as_slice() {
            [] => NumberOwner::Nobody,
            [row] => {
                let tenant = Columns::of("business_numbers", row).tenant()?;
                self.load_business(tenant)
                    .await?
                    .map_or(NumberOwner::Nobody, NumberOwner::One)
            }
            several => NumberOwner::Several(several.len()),
        })
    }

    pub(super) async fn load_business(&self, tenant: TenantId) -> Result<Option<Arc<Business>>> {
        let row = sqlx::query(BUSINESS)
            .bind(tenant.uuid())
            .fetch_optional(&self.readers)
            .await;
        let Some(row) = row.map_err(db_error)? else {
            return Ok(None);
        };
        let targets = sqlx::query(TRANSFER_TARGETS)
            .bind(tenant.uuid())
            .fetch_all(&self.readers)
            .await
            .map_err(db_error)?;
        let transfer = targets.iter().map(read_target).collect::<Result<_>>()?;
        Ok(Some(Arc::new(read_business(&row, transfer)?)))
    }

    async fn give_number(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        number: &E164,
        imported: bool,
    ) -> Result<()> {
        sqlx::query(ADD_NUMBER)
            .bind(tenant.uuid())
            .bind(number.expose())
            .bind(imported)
            .bind(self.clock.now().0)
            .execute(&mut **tx)
            .await
            .map_err(db_error)?;
        Ok(())
    }

    async fn give_free_number(&self, tx: &mut Tx, tenant: TenantId, number: &E164) -> Result<()> {
        // The unique index covers numbers that were not imported; this look covers those as well.
        let taken = sqlx::query(NUMBER_IS_TAKEN)
            .bind(number.expose())
            .bind(tenant.uuid())
            .fetch_optional(&mut **tx)
            .await
            .map_err(db_error)?;
        if taken.is_some() {
            let detail = format!("{number} belongs to another business");
            return Err(Error::Conflict {
                what: "number",
                detail,
            });
        }
        self.give_number(tx, tenant, number, false).await
    }
}

#[async_trait]
impl BusinessAdmin for SqliteStore {
    async fn add_business(&self, business: &Business, numbers: &[E164]) -> Result<()> {
        check_business(business)?;
        let mut tx = self.begin().await?;
        sqlx::query(ADD_BUSINESS)
            .bind(business.id.uuid())
            .bind(&business.name)
            .bind(business.language.code())
            .bind(&business.voice.instructions)
            .bind(&business.voice.greeting)
            .bind(&business.voice.voice)
            .bind(business.limits.max_call_s)
            .bind(business.limits.idle_s)
            .bind(business.limits.max_live_calls)
            .bind(business.record_calls)
            .bind(self.clock.now().0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        sqlx::query(ADD_FIRST_STAGES)
            .bind(business.id.uuid())
            .bind(FIRST_STAGES)
            .bind(self.clock.now().0)
            .execute(&mut *tx)
            .await
            .map_err(db_error)?;
        for (target, position) in business.transfer.iter().zip(0_i64..) {
            sqlx::query(ADD_TRANSFER_TARGET)
                .bind(business.id.uuid())
                .bind(position)
                .bind(&target.label)
                .bind(target.number.expose())
                .execute(&mut *tx)
                .await
                .map_err(db_error)?;
        }
        for number in numbers {
            self.give_free_number(&mut tx, business.id, number).await?;
        }
        commit(tx).await
    }

    async fn list_businesses(&self) -> Result<Vec<ListedBusiness>> {
        // One transaction, so that the three lists show one moment.
        let mut tx = self.readers.begin().await.map_err(db_error)?;
        let rows = sqlx::query(ALL_BUSINESSES)
            .fetch_all(&mut *tx)
            .await
            .map_err(db_error)?;
        let targets = sqlx::query(ALL_TRANSFER_TARGETS).fetch_all(&mut *tx).await;
        let numbers = sqlx::query(ALL_NUMBERS)
            .fetch_all(&mut *tx)
            .await
            .map_err(db_error)?;
        let mut targets = by_tenant("transfer_targets", &targets.map_err(db_error)?, read_target)?;
        let mut numbers = by_tenant("business_numbers", &numbers, |row| {
            Columns::of("business_numbers", row).parse("number")
        })?;
        let listed = |row| {
            let tenant = Columns::of("businesses", row).tenant()?;
            let business = read_business(row, targets.remove(&tenant).unwrap_or_default())?;
            Ok(ListedBusiness {
                business,
                numbers: numbers.remove(&tenant).unwrap_or_default(),
            })
        };
        rows.iter().map(listed).collect()
    }

    async fn add_number(&self, tenant: TenantId, number: &E164) -> Result<()> {
        let mut tx = self.begin().await?;
        require_business(&mut tx, tenant).await?;
        self.give_free_number(&mut tx, tenant, number).await?;
        commit(tx).await
    }

    async fn import_number(&self, tenant: TenantId, number: &E164) -> Result<()> {
        let mut tx = self.begin().await?;
        require_business(&mut tx, tenant).await?;
        self.give_number(&mut tx, tenant, number, true).await?;
        commit(tx).await
    }
}

fn by_tenant<T>(
    table: &'static str,
    rows: &[SqliteRow],
    read: impl Fn(&SqliteRow) -> Result<T>,
) -> Result<HashMap<TenantId, Vec<T>>> {
    let mut grouped: HashMap<_, Vec<T>> = HashMap::new();
    for row in rows {
        grouped
            .entry(Columns::of(table, row).tenant()?)
            .or_default()
            .push(read(row)?);
    }
    Ok(grouped)
}

fn read_target(row: &SqliteRow) -> Result<TransferTarget> {
    let columns = Columns::of("transfer_targets", row);
    Ok(TransferTarget {
        label: columns.get("label")?,
        number: columns.parse("number")?,
    })
}

fn read_business(row: &SqliteRow, transfer: Vec<TransferTarget>) -> Result<Business> {
    let columns = Columns::of("businesses", row);
    Ok(Business {
        id: columns.tenant()?,
        name: columns.get("name")?,
        language: columns.parse("language")?,
        voice: VoiceProfile {
            instructions: columns.get("instructions")?,
            greeting: columns.get("greeting")?,
            voice: columns.get("voice")?,
        },
        limits: CallLimits {
            max_call_s: columns.number("max_call_s")?,
            idle_s: columns.number("idle_s")?,
            max_live_calls: columns.number("max_live_calls")?,
        },
        transfer,
        record_calls: columns.get("record_calls")?,
    })
}
