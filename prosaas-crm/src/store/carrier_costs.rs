//! Comparing calls with the carrier's list of them, and what it charges.

use prosaas_core::{CallId, E164, Error, MicroUsd, Result, UnixMillis};
use uuid::Uuid;

use super::CrmStore;
use super::calls::lock_call;
use super::db::{Row, Sql, args};
use crate::auth::TenantScope;
use crate::model::wall::Zone;
use crate::rules::reconcile::OwnCall;

/// How many calls are read at once.
const AT_ONCE: u32 = 1_000;

const OWN_CALLS: Sql = Sql::both(
    "SELECT tenant_id, id, call_sid, caller_number, business_number, started_at, ended_at,
            carrier_ended_at, end_reason IS NOT NULL AND status_rank = 4 AS is_over
     FROM calls
     WHERE tenant_id = $1 AND (started_at, id) > ($2, $3) AND started_at < $4
     ORDER BY started_at, id LIMIT $5",
);
const HELD_NUMBER: Sql = Sql::both(
    "SELECT 1 AS found FROM business_numbers
     WHERE tenant_id = $1 AND number = $2 AND released_at IS NULL AND created_at <= $3",
);
const BEFORE: Sql = Sql::both(
    "SELECT calls.started_at, calls.carrier_cost_micro_usd, businesses.time_zone FROM calls
     JOIN businesses ON businesses.tenant_id = calls.tenant_id
     WHERE calls.tenant_id = $1 AND calls.id = $2",
);
const NOTE_COST: Sql = Sql::both(
    "UPDATE calls SET carrier_cost_micro_usd = $3, updated_at = $4
     WHERE tenant_id = $1 AND id = $2",
);
const ADD_TO_MONTH: Sql = Sql::both(
    "INSERT INTO monthly_spendings (tenant_id, month, carrier, updated_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, month) DO UPDATE
     SET carrier = monthly_spendings.carrier + excluded.carrier, updated_at = excluded.updated_at",
);

impl CrmStore {
    /// The business's calls that began at `from` or later and before `until`, the oldest first.
    pub async fn own_calls(
        &self,
        scope: &TenantScope,
        (from, until): (UnixMillis, UnixMillis),
    ) -> Result<Vec<OwnCall>> {
        let mut calls: Vec<OwnCall> = Vec::new();
        // Behind everything that began in the millisecond before.
        let mut last = (from.plus(-1), Uuid::max());
        loop {
            let tx = self.look(scope).await?;
            let values = args![last.0, last.1, until, AT_ONCE];
            let rows = tx.fetch_all(&OWN_CALLS, values).await?;
            for row in &rows {
                calls.push(read_own_call(row)?);
            }
            match calls.last() {
                Some(call) if rows.len() == AT_ONCE as usize => {
                    last = (call.started_at, call.id.uuid());
                }
                _ => return Ok(calls),
            }
        }
    }

    /// Whether a number is the business's, and was at this time.
    pub async fn held_number(
        &self,
        scope: &TenantScope,
        number: &E164,
        at: UnixMillis,
    ) -> Result<bool> {
        let tx = self.look(scope).await?;
        let found = tx.fetch_optional(&HELD_NUMBER, args![number, at]).await?;
        Ok(found.is_some())
    }

    /// Notes what the carrier charges for a call and the legs it made; `false` when that was known. The month in
    /// which the call began has the sum: what is said later takes the place of what was said before.
    ///
    /// # Errors
    /// `NotFound` when the business has no such call; `Invalid` below zero.
    pub async fn note_carrier_cost(
        &self,
        scope: &TenantScope,
        call: CallId,
        cost: MicroUsd,
    ) -> Result<bool> {
        if cost < MicroUsd(0) {
            return Err(Error::invalid("carrier cost", "expected zero or more"));
        }
        let mut tx = self.write(scope).await?;
        lock_call(&mut tx, call).await?;
        let row = tx.fetch_one(&BEFORE, args![call.uuid()], "call").await?;
        let before: Option<MicroUsd> = row.get("carrier_cost_micro_usd")?;
        if before == Some(cost) {
            return Ok(false);
        }
        let now = self.now();
        tx.execute(&NOTE_COST, args![call.uuid(), cost.0, now])
            .await?;
        let added = cost.0 - before.map_or(0, |before| before.0);
        if added != 0 {
            let zone: Zone = row.parse("time_zone")?;
            let month = zone.month_of(row.get("started_at")?);
            tx.execute(&ADD_TO_MONTH, args![&month, added, now]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn read_own_call(row: &Row) -> Result<OwnCall> {
    let (seen, told): (Option<UnixMillis>, Option<UnixMillis>) =
        (row.get("ended_at")?, row.get("carrier_ended_at")?);
    Ok(OwnCall {
        tenant: row.id("tenant_id")?,
        id: row.id("id")?,
        sid: row.parse("call_sid")?,
        caller: row.get("caller_number")?,
        business_number: row.get("business_number")?,
        started_at: row.get("started_at")?,
        ended_at: told.or(seen),
        is_over: row.get("is_over")?,
    })
}
