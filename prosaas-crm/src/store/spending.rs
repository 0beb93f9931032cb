//! What a business spends on models: each thing once, summed up by month.

use prosaas_core::{LeadId, MicroUsd, Result, UnixMillis};

use super::CrmStore;
use super::db::{Row, Sql, TenantTx, args};
use crate::auth::TenantScope;
use crate::model::job::JobWork;
use crate::model::spending::{Account, LeadSpending, MonthSpending, Spending, SpentOn};
use crate::model::wall::Zone;

const BUDGET: Sql =
    Sql::both("SELECT time_zone, monthly_budget_micro_usd FROM businesses WHERE tenant_id = $1");
const ADD: Sql = Sql::both(
    "INSERT INTO spendings (tenant_id, kind, subject_id, part, month, at, cost_micro_usd)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant_id, kind, subject_id, part) DO NOTHING",
);
// One row a month: who adds to it waits for whoever else does, so what it returns is the whole sum.
const ADD_TO_MONTH: Sql = Sql::both(
    "INSERT INTO monthly_spendings (tenant_id, month, calls, summaries, chats, voice_notes, talks, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (tenant_id, month) DO UPDATE
     SET calls = monthly_spendings.calls + excluded.calls,
         summaries = monthly_spendings.summaries + excluded.summaries,
         chats = monthly_spendings.chats + excluded.chats,
         voice_notes = monthly_spendings.voice_notes + excluded.voice_notes,
         talks = monthly_spendings.talks + excluded.talks,
         updated_at = excluded.updated_at
     RETURNING month, calls, summaries, chats, voice_notes, talks, carrier, alerted",
);
const NOTE_ALERTED: Sql = Sql::both(
    "UPDATE monthly_spendings SET alerted = $3
     WHERE tenant_id = $1 AND month = $2 AND alerted < $3",
);
const MONTH: Sql = Sql::both(
    "SELECT month, calls, summaries, chats, voice_notes, talks, carrier FROM monthly_spendings
     WHERE tenant_id = $1 AND month = $2",
);
const MONTHS: Sql = Sql::both(
    "SELECT month, calls, summaries, chats, voice_notes, talks, carrier FROM monthly_spendings
     WHERE tenant_id = $1 ORDER BY month DESC LIMIT $2",
);
const LEAD: Sql = Sql::both(
    "SELECT 1 AS found FROM leads WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL",
);
const IN_CALLS: Sql = Sql::both(
    "SELECT CAST(coalesce(sum(spendings.cost_micro_usd), 0) AS BIGINT) AS cost FROM call_leads
     JOIN spendings ON spendings.tenant_id = call_leads.tenant_id
          AND spendings.kind IN ('call', 'summary') AND spendings.subject_id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $2",
);
const TO_CARRIER: Sql = Sql::both(
    "SELECT CAST(coalesce(sum(calls.carrier_cost_micro_usd), 0) AS BIGINT) AS cost FROM call_leads
     JOIN calls ON calls.tenant_id = call_leads.tenant_id AND calls.id = call_leads.call_id
     WHERE call_leads.tenant_id = $1 AND call_leads.lead_id = $2",
);
const IN_CHATS: Sql = Sql::both(
    "SELECT CAST(coalesce(sum(spendings.cost_micro_usd), 0) AS BIGINT) AS cost FROM conversations
     JOIN messages ON messages.tenant_id = conversations.tenant_id
          AND messages.conversation_id = conversations.id
     JOIN spendings ON spendings.tenant_id = messages.tenant_id
          AND spendings.kind IN ('chat', 'voice_note') AND spendings.subject_id = messages.id
     WHERE conversations.tenant_id = $1 AND conversations.lead_id = $2",
);

impl CrmStore {
    /// Counts something that was paid for; `false` when it was counted before, or cost nothing. The first time
    /// that most of the month's budget is gone, and all of it, its owners are told.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    pub async fn settle(&self, scope: &TenantScope, spending: Spending) -> Result<bool> {
        if spending.cost <= MicroUsd(0) {
            return Ok(false);
        }
        let mut tx = self.write(scope).await?;
        let now = self.now();
        let is_new = self.settle_within(&mut tx, spending, now).await?;
        tx.commit().await?;
        Ok(is_new)
    }

    /// [`CrmStore::settle`] within a change, of something that was over at `at`.
    pub(super) async fn settle_within(
        &self,
        tx: &mut TenantTx,
        spending: Spending,
        at: UnixMillis,
    ) -> Result<bool> {
        let Spending { what, part, cost } = spending;
        if cost <= MicroUsd(0) {
            return Ok(false);
        }
        let row = tx.fetch_one(&BUDGET, args![], "business").await?;
        let zone: Zone = row.parse("time_zone")?;
        let month = zone.month_of(at);
        let values = args![what.as_str(), what.subject(), part, &month, at, cost.0];
        if tx.execute(&ADD, values).await? == 0 {
            return Ok(false);
        }
        let [calls, summaries, chats, voice_notes, talks] = by_kind(what, cost);
        let values = args![
            &month,
            calls,
            summaries,
            chats,
            voice_notes,
            talks,
            self.now()
        ];
        let sums = tx.fetch_one(&ADD_TO_MONTH, values, "month").await?;
        let account = Account {
            month,
            cap: row.get("monthly_budget_micro_usd")?,
            spent: read_month(&sums)?.models(),
        };
        self.tell_owners(tx, &account, sums.get("alerted")?).await?;
        Ok(true)
    }

    /// Has the owners told of a budget that is nearly gone, or gone, unless they were.
    async fn tell_owners(&self, tx: &mut TenantTx, account: &Account, told: u32) -> Result<()> {
        let percent = account.state(MicroUsd(0)).percent();
        if percent <= told {
            return Ok(());
        }
        tx.execute(&NOTE_ALERTED, args![&account.month, percent])
            .await?;
        let alert = JobWork::WarnOfBudget {
            month: account.month.clone(),
            percent,
        };
        self.add_job(tx, &alert, self.now()).await.map(drop)
    }

    /// The business's money in the present month.
    ///
    /// # Errors
    /// `NotFound` when the business does not exist.
    pub async fn account(&self, scope: &TenantScope) -> Result<Account> {
        let now = self.now();
        let mut tx = self.read(scope).await?;
        let row = tx.fetch_one(&BUDGET, args![], "business").await?;
        account(&mut tx, &row, now).await
    }

    /// What was spent by month, the newest first: only months in which something was, and two years at most.
    pub async fn spending_by_month(&self, scope: &TenantScope) -> Result<Vec<MonthSpending>> {
        let months = 24;
        let tx = self.look(scope).await?;
        let rows = tx.fetch_all(&MONTHS, args![months]).await?;
        rows.iter().map(read_month).collect()
    }

    /// What was spent on a lead: in his calls, on messages in conversations with him that are still there, and
    /// what the carrier charges for the calls.
    ///
    /// # Errors
    /// `NotFound` when the business has no such lead.
    pub async fn lead_spending(&self, scope: &TenantScope, lead: LeadId) -> Result<LeadSpending> {
        let mut tx = self.read(scope).await?;
        let of_lead = || args![lead.uuid()];
        tx.require(&LEAD, of_lead(), "lead").await?;
        let calls = tx.fetch_one(&IN_CALLS, of_lead(), "sum").await?;
        let chats = tx.fetch_one(&IN_CHATS, of_lead(), "sum").await?;
        let carrier = tx.fetch_one(&TO_CARRIER, of_lead(), "sum").await?;
        let (calls, chats): (MicroUsd, MicroUsd) = (calls.get("cost")?, chats.get("cost")?);
        let carrier: MicroUsd = carrier.get("cost")?;
        Ok(LeadSpending {
            lead_id: lead,
            calls_micro_usd: calls,
            chats_micro_usd: chats,
            carrier_micro_usd: carrier,
            total_micro_usd: calls + chats + carrier,
        })
    }
}

/// The account of a business whose `time_zone` and `monthly_budget_micro_usd` were read.
pub(super) async fn account(tx: &mut TenantTx, business: &Row, now: UnixMillis) -> Result<Account> {
    let zone: Zone = business.parse("time_zone")?;
    let cap = business.get("monthly_budget_micro_usd")?;
    account_of(tx, (&zone, cap), now).await
}

/// The account of a business with these clocks and this budget.
pub(super) async fn account_of(
    tx: &mut TenantTx,
    (zone, cap): (&Zone, Option<MicroUsd>),
    now: UnixMillis,
) -> Result<Account> {
    let month = zone.month_of(now);
    let found = tx.fetch_optional(&MONTH, args![&month]).await?;
    let spent = match &found {
        Some(row) => read_month(row)?.models(),
        None => MicroUsd(0),
    };
    Ok(Account { month, cap, spent })
}

/// The cost in the column of its kind: calls, summaries, chats, voice notes, talks.
const fn by_kind(what: SpentOn, cost: MicroUsd) -> [i64; 5] {
    match what {
        SpentOn::Call(_) => [cost.0, 0, 0, 0, 0],
        SpentOn::Summary(_) => [0, cost.0, 0, 0, 0],
        SpentOn::Chat(_) => [0, 0, cost.0, 0, 0],
        SpentOn::VoiceNote(_) => [0, 0, 0, cost.0, 0],
        SpentOn::Talk(_) => [0, 0, 0, 0, cost.0],
    }
}

fn read_month(row: &Row) -> Result<MonthSpending> {
    let month = MonthSpending {
        month: row.get("month")?,
        calls_micro_usd: row.get("calls")?,
        summaries_micro_usd: row.get("summaries")?,
        chats_micro_usd: row.get("chats")?,
        voice_notes_micro_usd: row.get("voice_notes")?,
        talks_micro_usd: row.get("talks")?,
        carrier_micro_usd: row.get("carrier")?,
        total_micro_usd: MicroUsd(0),
    };
    Ok(month.summed_up())
}
