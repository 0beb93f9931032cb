//! Looking up, in one transaction, everything that decides how a call is answered.

use jiff::ToSpan as _;
use prosaas_core::{E164, LeadId, Result, UnixMillis};

use super::db::{Row, Sql, TenantTx, args};
use super::{CrmStore, spending};
use crate::auth::TenantScope;
use crate::model::hours::{NewSpecialDay, OpeningHours};
use crate::model::situation::{Announcement, CallSituation, KnownCaller, Matter};
use crate::model::wall::Day;
use crate::rules::answering::{AnswerRules, CallRate, RingPhone, Screening};
use crate::rules::full::FullRules;
use crate::rules::hours::{Openness, Schedule};

/// How many matters of each kind the agent is told about.
const MATTERS: u32 = 3;

const SETTINGS: Sql = Sql::both(
    "SELECT n.answer_mode, n.ring_number, n.ring_seconds, n.record_calls,
            n.max_live_calls, n.when_full, n.overflow_number,
            b.opening_hours, b.time_zone, b.holiday_calendar, b.booking, b.screening, b.tools,
            b.announcement, b.announcement_version, b.monthly_budget_micro_usd
     FROM business_numbers AS n
     JOIN businesses AS b ON b.tenant_id = n.tenant_id
     WHERE n.tenant_id = $1 AND n.number = $2 AND n.released_at IS NULL",
);
// Opening times may reach over midnight by a change of the clocks, so the days beside it are read as well.
const SPECIAL_DAYS: Sql = Sql::both(
    "SELECT day, name, hours FROM holidays WHERE tenant_id = $1 AND day BETWEEN $2 AND $3",
);
const BLOCKED: Sql = Sql::both(
    "SELECT 1 AS blocked FROM block_list
     WHERE tenant_id = $1 AND ((kind = 'number' AND value = $2)
        OR (kind = 'prefix' AND substr($2, 1, length(value)) = value))
     LIMIT 1",
);
const CALLS_SINCE: Sql = Sql::both(
    "SELECT count(*) AS calls FROM calls
     WHERE tenant_id = $1 AND started_at >= $3 AND caller_number = $2 AND direction = 'inbound'",
);
const CALLER: Sql = Sql::split(
    "SELECT leads.id, leads.name FROM lead_identities
     JOIN leads ON leads.tenant_id = lead_identities.tenant_id AND leads.id = lead_identities.lead_id
     WHERE lead_identities.tenant_id = $1 AND lead_identities.kind = 'e164'
       AND lead_identities.value = $2 AND lead_identities.live = 1",
    "SELECT leads.id, leads.name FROM lead_identities
     JOIN leads ON leads.tenant_id = lead_identities.tenant_id AND leads.id = lead_identities.lead_id
     WHERE lead_identities.tenant_id = $1 AND lead_identities.kind = 'e164'
       AND lead_identities.value = $2 AND lead_identities.live",
);
const NAME: Sql =
    Sql::both("SELECT name FROM leads WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL");
/// A lead that somebody tagged with one of these words is not answered again.
const SPAM: Sql = Sql::both(
    "SELECT 1 AS spam FROM lead_tags
     JOIN tags ON tags.tenant_id = lead_tags.tenant_id AND tags.id = lead_tags.tag_id
     WHERE lead_tags.tenant_id = $1 AND lead_tags.lead_id = $2 AND lower(tags.name) IN ('spam', 'ספאם')
     LIMIT 1",
);
const OPEN_TASKS: Sql = Sql::both(
    "SELECT title AS text, due_at AS at FROM tasks
     WHERE tenant_id = $1 AND lead_id = $2 AND status = 'open' AND deleted_at IS NULL
     ORDER BY due_at IS NULL, due_at, id LIMIT $3",
);
const NEXT_APPOINTMENTS: Sql = Sql::both(
    "SELECT title AS text, starts_at AS at FROM appointments
     WHERE tenant_id = $1 AND lead_id = $2 AND starts_at >= $4 AND status = 'booked'
       AND deleted_at IS NULL
     ORDER BY starts_at, id LIMIT $3",
);
const LAST_CALLS: Sql = Sql::both(
    "SELECT calls.summary AS text, calls.started_at AS at FROM call_leads
     JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $2 AND calls.summary IS NOT NULL
     ORDER BY calls.started_at DESC, calls.id DESC LIMIT $3",
);

impl CrmStore {
    /// How a call from `caller` to `called` stands at `now`. The call's own row is not counted among
    /// the earlier ones when it is not stored yet.
    ///
    /// # Errors
    /// `NotFound` when the number is not the business's.
    pub async fn call_situation(
        &self,
        scope: &TenantScope,
        called: &E164,
        caller: Option<&E164>,
        now: UnixMillis,
    ) -> Result<CallSituation> {
        let mut tx = self.read(scope).await?;
        let settings = tx.fetch_one(&SETTINGS, args![called], "number").await?;
        let hours = opening_hours(&settings)?;
        let special = special_days(&mut tx, hours.time_zone.day_of(now)).await?;
        let schedule = Schedule {
            hours: &hours,
            special: &special,
        };
        let is_open = matches!(schedule.at(now), Openness::Open { .. });
        let account = spending::account(&mut tx, &settings, now).await?;
        let screening: Screening = settings.json("screening")?;
        let mut situation = CallSituation {
            rules: answer_rules(&settings, screening)?,
            zone: hours.time_zone.clone(),
            is_open,
            booking: settings.json("booking")?,
            tools: settings.json("tools")?,
            announcement: announcement(&settings)?,
            record_calls: settings.get("record_calls")?,
            is_blocked: false,
            is_known_bad: false,
            calls_before: 0,
            caller: None,
            hours: hours.clone(),
            special: special.clone(),
            account,
        };
        if let Some(caller) = caller {
            situation.is_blocked = is_blocked(&mut tx, caller).await?;
            if let Some(rate) = screening.rate {
                situation.calls_before = calls_since(&mut tx, caller, rate, now).await?;
            }
            if let Some(row) = tx.fetch_optional(&CALLER, args![caller]).await? {
                let lead: LeadId = row.id("id")?;
                situation.is_known_bad = is_spam(&mut tx, lead).await?;
                let name = row.get("name")?;
                situation.caller = Some(known_caller(&mut tx, lead, name, now).await?);
            }
        }
        Ok(situation)
    }
}

/// Whether a number is on the block list.
pub(super) async fn is_blocked(tx: &mut TenantTx, number: &E164) -> Result<bool> {
    let blocked = tx.fetch_optional(&BLOCKED, args![number]).await?;
    Ok(blocked.is_some())
}

/// Whether somebody tagged a lead as spam.
pub(super) async fn is_spam(tx: &mut TenantTx, lead: LeadId) -> Result<bool> {
    let spam = tx.fetch_optional(&SPAM, args![lead.uuid()]).await?;
    Ok(spam.is_some())
}

/// A live lead with what is open between him and the business.
pub(super) async fn known_lead(
    tx: &mut TenantTx,
    lead: LeadId,
    now: UnixMillis,
) -> Result<Option<KnownCaller>> {
    match tx.fetch_optional(&NAME, args![lead.uuid()]).await? {
        Some(row) => known_caller(tx, lead, row.get("name")?, now)
            .await
            .map(Some),
        None => Ok(None),
    }
}

/// The columns override what the JSON says of the same: they are what an owner edits by themselves.
fn opening_hours(row: &Row) -> Result<OpeningHours> {
    let mut hours: OpeningHours = row.json("opening_hours")?;
    hours.time_zone = row.parse("time_zone")?;
    let calendar: String = row.get("holiday_calendar")?;
    hours.holiday_calendar = serde_json::from_value(calendar.into())
        .map_err(|error| row.unreadable("holiday_calendar", error))?;
    Ok(hours)
}

pub(super) async fn special_days(tx: &mut TenantTx, today: Day) -> Result<Vec<NewSpecialDay>> {
    let day = |offset: i64| Day::from(today.date().saturating_add(offset.days())).to_string();
    let rows = tx.fetch_all(&SPECIAL_DAYS, args![day(-1), day(1)]).await?;
    rows.iter()
        .map(|row| {
            Ok(NewSpecialDay {
                date: row.parse("day")?,
                name: row.get("name")?,
                open: row.json("hours")?,
            })
        })
        .collect()
}

fn answer_rules(row: &Row, screening: Screening) -> Result<AnswerRules> {
    let number: Option<E164> = row.get("ring_number")?;
    let ring = number.map(|number| RingPhone::new(number, row.get("ring_seconds")?));
    Ok(AnswerRules {
        mode: row.parse("answer_mode")?,
        ring: ring.transpose()?,
        screening,
        full: FullRules {
            max_live_calls: row.get("max_live_calls")?,
            when: row.parse("when_full")?,
            overflow: row.get("overflow_number")?,
        },
    })
}

fn announcement(row: &Row) -> Result<Option<Announcement>> {
    let text: Option<String> = row.get("announcement")?;
    let version = row.get("announcement_version")?;
    let text = text.filter(|text| !text.trim().is_empty());
    Ok(text.map(|text| Announcement { text, version }))
}

async fn calls_since(
    tx: &mut TenantTx,
    caller: &E164,
    rate: CallRate,
    now: UnixMillis,
) -> Result<u32> {
    let since = now.plus(-rate.window_ms());
    let row = tx.fetch_one(&CALLS_SINCE, args![caller, since], "count");
    row.await?.get("calls")
}

async fn known_caller(
    tx: &mut TenantTx,
    lead: LeadId,
    name: Option<String>,
    now: UnixMillis,
) -> Result<KnownCaller> {
    let of_lead = || args![lead.uuid(), MATTERS];
    Ok(KnownCaller {
        lead,
        name: name.filter(|name| !name.trim().is_empty()),
        tasks: matters(&tx.fetch_all(&OPEN_TASKS, of_lead()).await?)?,
        appointments: matters(
            &tx.fetch_all(&NEXT_APPOINTMENTS, args![lead.uuid(), MATTERS, now])
                .await?,
        )?,
        calls: matters(&tx.fetch_all(&LAST_CALLS, of_lead()).await?)?,
    })
}

fn matters(rows: &[Row]) -> Result<Vec<Matter>> {
    rows.iter()
        .map(|row| {
            Ok(Matter {
                text: row.get("text")?,
                at: row.get("at")?,
            })
        })
        .collect()
}
