//! The settings of a business.

use prosaas_core::{Error, Language, Result, TenantId, TransferTarget};
use serde_json::json;

use super::rows::{expect_changed, expect_version};
use super::{Record, moment};
use crate::auth::{SystemScope, TenantScope};
use crate::model::hours::{HolidayCalendar, OpeningHours, SpecialDay};
use crate::model::settings::{BusinessSettings, SettingsPatch, VoiceSettings};
use crate::model::transfer::{Transfer, TransferList};
use crate::store::CrmStore;
use crate::store::db::{Change, Json, Row, Sql, SystemTx, TenantTx, args};

const SETTINGS: Sql =
    Sql::both("SELECT * FROM businesses WHERE tenant_id = $1 AND deleted_at IS NULL");
const UPDATE: Sql = Sql::both(
    "UPDATE businesses
     SET name = $3, language = $4, languages = $5, country = $6, time_zone = $7, opening_hours = $8,
         holiday_calendar = $9, booking = $10, instructions = $11, greeting = $12, voice = $13,
         tools = $14, record_calls = $15, announcement = $16, announcement_version = $17,
         recording_days = $18, transcript_days = $19, missed_call_reply = $20, missed_call_text = $21,
         monthly_budget_micro_usd = $22, storage_limit_bytes = $23, updated_at = $24, version = version + 1
     WHERE tenant_id = $1 AND version = $2 AND deleted_at IS NULL",
);
const SPECIAL_DAYS: Sql =
    Sql::both("SELECT * FROM holidays WHERE tenant_id = $1 ORDER BY day LIMIT 1000");
const TRANSFERS: Sql =
    Sql::both("SELECT label, number FROM transfer_targets WHERE tenant_id = $1 ORDER BY position");
const CLEAR_TRANSFERS: Sql = Sql::both("DELETE FROM transfer_targets WHERE tenant_id = $1");
const ADD_TRANSFER: Sql = Sql::both(
    "INSERT INTO transfer_targets (tenant_id, position, label, number) VALUES ($1, $2, $3, $4)",
);
const DELETE_BUSINESS: Sql = Sql::both(
    "/* across tenants: the installation removes a business */
     UPDATE businesses SET deleted_at = $2, updated_at = $2, version = version + 1
     WHERE tenant_id = $1 AND deleted_at IS NULL",
);
const RELEASE_NUMBERS: Sql = Sql::both(
    "/* across tenants: the numbers of a removed business are free for others */
     UPDATE business_numbers SET released_at = $2, version = version + 1
     WHERE tenant_id = $1 AND released_at IS NULL",
);
const RESTORE_BUSINESS: Sql = Sql::both(
    "/* across tenants: the installation takes a business back */
     UPDATE businesses SET deleted_at = NULL, updated_at = $2, version = version + 1
     WHERE tenant_id = $1 AND deleted_at IS NOT NULL",
);

impl CrmStore {
    /// The settings of the business.
    ///
    /// # Errors
    /// `NotFound` when it was removed.
    pub async fn settings(&self, scope: &TenantScope) -> Result<BusinessSettings> {
        load(&mut self.read(scope).await?).await
    }

    /// Changes settings that are still at version `expected`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound`; `Conflict` `version-conflict`.
    pub async fn update_settings(
        &self,
        scope: &TenantScope,
        expected: u64,
        patch: SettingsPatch,
    ) -> Result<BusinessSettings> {
        let mut tx = self.write(scope).await?;
        let before = load(&mut tx).await?;
        expect_version(before.version, expected)?;
        let after = patch.apply(before)?;
        let language = after.languages.first().copied().unwrap_or_default();
        let values = args![
            expected,
            after.name,
            language.code(),
            Json(json!(after.languages)),
            after.country,
            after.hours.time_zone.name(),
            Json(json!(after.hours)),
            stored_calendar(after.hours.holiday_calendar),
            Json(json!(after.booking)),
            after.voice.instructions,
            after.voice.greeting,
            after.voice.voice,
            Json(json!(after.tools)),
            after.record_calls,
            after.announcement,
            after.announcement_version,
            after.recording_days,
            after.transcript_days,
            after.missed_call_reply.as_str(),
            after.missed_call_text,
            after.monthly_budget_micro_usd,
            after.storage_limit_bytes,
            self.now(),
        ];
        expect_changed(tx.execute(&UPDATE, values).await?)?;
        let settings = load(&mut tx).await?;
        tx.record(Change::new("business.updated", "business", settings.id));
        tx.commit().await?;
        Ok(settings)
    }

    /// Whom calls may be transferred to, in the order they are offered.
    pub async fn transfer_targets(&self, scope: &TenantScope) -> Result<Vec<Transfer>> {
        let rows = self
            .look(scope)
            .await?
            .fetch_all(&TRANSFERS, args![])
            .await?;
        rows.iter().map(read_transfer).collect()
    }

    /// Replaces whom calls may be transferred to.
    ///
    /// # Errors
    /// `Invalid` when there are too many, or two have one label.
    pub async fn set_transfer_targets(
        &self,
        scope: &TenantScope,
        list: TransferList,
    ) -> Result<Vec<Transfer>> {
        let targets: Vec<TransferTarget> = list.checked()?;
        let mut tx = self.write(scope).await?;
        tx.lock_business().await?;
        tx.execute(&CLEAR_TRANSFERS, args![]).await?;
        for (target, position) in targets.iter().zip(0_u32..) {
            let values = args![position, &target.label, &target.number];
            tx.execute(&ADD_TRANSFER, values).await?;
        }
        let rows = tx.fetch_all(&TRANSFERS, args![]).await?;
        let tenant = tx.tenant();
        tx.record(Change::new("business.updated", "business", tenant));
        tx.commit().await?;
        rows.iter().map(read_transfer).collect()
    }

    /// Removes a business: nobody may act in it any more, and its numbers are free for others. What it
    /// stored stays until it is purged.
    ///
    /// # Errors
    /// `NotFound` when there is none such.
    pub async fn delete_business(&self, scope: &SystemScope, tenant: TenantId) -> Result<()> {
        let tx = self.system_write(scope).await?;
        self.remove_business(tx, tenant).await
    }

    pub(crate) async fn remove_business(&self, mut tx: SystemTx, tenant: TenantId) -> Result<()> {
        let values = args![tenant.uuid(), self.now()];
        require_one(tx.execute(&DELETE_BUSINESS, values.clone()).await?)?;
        tx.execute(&RELEASE_NUMBERS, values).await?;
        finish(tx, "business.deleted", tenant).await
    }

    /// Takes a removed business back. Its numbers have to be claimed anew: others may have them.
    ///
    /// # Errors
    /// `NotFound` when none such was removed.
    pub async fn restore_business(&self, scope: &SystemScope, tenant: TenantId) -> Result<()> {
        let mut tx = self.system_write(scope).await?;
        let values = args![tenant.uuid(), self.now()];
        require_one(tx.execute(&RESTORE_BUSINESS, values).await?)?;
        finish(tx, "business.restored", tenant).await
    }
}

fn require_one(rows: u64) -> Result<()> {
    if rows == 1 {
        return Ok(());
    }
    Err(Error::NotFound { what: "business" })
}

async fn finish(mut tx: SystemTx, action: &'static str, tenant: TenantId) -> Result<()> {
    tx.audit(action, Some(tenant.to_string()), json!({}))
        .await?;
    tx.commit().await
}

/// The settings of the transaction's business.
pub(crate) async fn load(tx: &mut TenantTx) -> Result<BusinessSettings> {
    read_settings(&tx.fetch_one(&SETTINGS, args![], "business").await?)
}

/// The business's special days, by date.
pub(crate) async fn special_days(tx: &mut TenantTx) -> Result<Vec<SpecialDay>> {
    let rows = tx.fetch_all(&SPECIAL_DAYS, args![]).await?;
    rows.iter().map(SpecialDay::read).collect()
}

/// The word of the column that repeats it for statements.
const fn stored_calendar(calendar: HolidayCalendar) -> &'static str {
    match calendar {
        HolidayCalendar::Israel => "israel",
        HolidayCalendar::None => "none",
    }
}

fn read_transfer(row: &Row) -> Result<Transfer> {
    Ok(Transfer {
        label: row.get("label")?,
        number: row.get("number")?,
    })
}

fn read_settings(row: &Row) -> Result<BusinessSettings> {
    let languages: Vec<Language> = row.json("languages")?;
    let hours: OpeningHours = row.json("opening_hours")?;
    Ok(BusinessSettings {
        id: row.id("tenant_id")?,
        name: row.get("name")?,
        languages,
        country: row.get("country")?,
        hours: OpeningHours {
            time_zone: row.parse("time_zone")?,
            holiday_calendar: match row.get::<String>("holiday_calendar")?.as_str() {
                "none" => HolidayCalendar::None,
                _ => HolidayCalendar::Israel,
            },
            ..hours
        },
        booking: row.json("booking")?,
        voice: VoiceSettings {
            instructions: row.get("instructions")?,
            greeting: row.get("greeting")?,
            voice: row.get("voice")?,
        },
        tools: row.json("tools")?,
        record_calls: row.get("record_calls")?,
        announcement: row.get("announcement")?,
        announcement_version: row.get("announcement_version")?,
        recording_days: row.get("recording_days")?,
        transcript_days: row.get("transcript_days")?,
        missed_call_reply: row.parse("missed_call_reply")?,
        missed_call_text: row.get("missed_call_text")?,
        monthly_budget_micro_usd: row.get("monthly_budget_micro_usd")?,
        storage_limit_bytes: row.get("storage_limit_bytes")?,
        twilio_account_sid: row.parse_optional("twilio_account_sid")?,
        updated_at: moment(row, "updated_at")?,
        version: row.get("version")?,
    })
}
