//! What a business spends on models.

use prosaas_core::{CallId, LeadId, MicroUsd, UnixMillis};
use serde::Serialize;
use uuid::Uuid;

use super::id::MessageId;
use super::wall::Zone;
use crate::rules::budget::{self, BudgetState};

/// The largest budget, in millionths of a US dollar: a million dollars a month.
pub const MAX_BUDGET: u64 = 1_000_000_000_000;

/// Something that was paid for. Keeping the same one twice counts it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spending {
    /// What it was.
    pub what: SpentOn,
    /// Which try it was, where each one costs.
    pub part: u32,
    /// What it cost.
    pub cost: MicroUsd,
}

/// What money was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpentOn {
    /// A call: the model that spoke in it.
    Call(CallId),
    /// The summary of a call.
    Summary(CallId),
    /// The answer to a message.
    Chat(MessageId),
    /// Writing down what is said in a voice note.
    VoiceNote(MessageId),
    /// Somebody of the business talked to the agent from the console. It has a call's id, and no call is kept.
    Talk(CallId),
}

impl SpentOn {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call(_) => "call",
            Self::Summary(_) => "summary",
            Self::Chat(_) => "chat",
            Self::VoiceNote(_) => "voice_note",
            Self::Talk(_) => "talk",
        }
    }

    /// The call, the message or the talk.
    pub const fn subject(self) -> Uuid {
        match self {
            Self::Call(call) | Self::Summary(call) | Self::Talk(call) => call.uuid(),
            Self::Chat(message) | Self::VoiceNote(message) => message.uuid(),
        }
    }
}

/// What was spent in a month: on models by what they did, and on the carrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct MonthSpending {
    /// The month by the business's clocks, such as `2026-11`.
    pub month: String,
    /// What calls cost, in millionths of a US dollar.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub calls_micro_usd: MicroUsd,
    /// What their summaries cost.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub summaries_micro_usd: MicroUsd,
    /// What answers by WhatsApp cost.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub chats_micro_usd: MicroUsd,
    /// What it cost to write down voice notes.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub voice_notes_micro_usd: MicroUsd,
    /// What talking to the agent from the console cost.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub talks_micro_usd: MicroUsd,
    /// What the carrier charges for the calls that began in the month, as far as it is known; no part of the
    /// budget.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub carrier_micro_usd: MicroUsd,
    /// All of it.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub total_micro_usd: MicroUsd,
}

impl MonthSpending {
    /// A month in which nothing was spent.
    pub const fn nothing(month: String) -> Self {
        Self {
            month,
            calls_micro_usd: MicroUsd(0),
            summaries_micro_usd: MicroUsd(0),
            chats_micro_usd: MicroUsd(0),
            voice_notes_micro_usd: MicroUsd(0),
            talks_micro_usd: MicroUsd(0),
            carrier_micro_usd: MicroUsd(0),
            total_micro_usd: MicroUsd(0),
        }
    }

    /// The same with its sum.
    #[must_use]
    pub fn summed_up(self) -> Self {
        let total_micro_usd = self.models() + self.carrier_micro_usd;
        Self {
            total_micro_usd,
            ..self
        }
    }

    /// What models cost: what a budget is about.
    pub fn models(&self) -> MicroUsd {
        let parts = [
            self.calls_micro_usd,
            self.summaries_micro_usd,
            self.chats_micro_usd,
            self.voice_notes_micro_usd,
            self.talks_micro_usd,
        ];
        parts.into_iter().sum()
    }
}

/// What was spent on a lead: on models in his calls and in conversations with him, and on the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct LeadSpending {
    /// The lead.
    pub lead_id: LeadId,
    /// What calls and their summaries cost, in millionths of a US dollar.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub calls_micro_usd: MicroUsd,
    /// What answers and writing down voice notes cost.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub chats_micro_usd: MicroUsd,
    /// What the carrier charges for the calls, as far as it is known.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub carrier_micro_usd: MicroUsd,
    /// All of it.
    #[cfg_attr(feature = "axum", schema(value_type = i64))]
    pub total_micro_usd: MicroUsd,
}

/// A business's money in the present month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The month, such as `2026-11`.
    pub month: String,
    /// The most that may be spent in it.
    pub cap: Option<MicroUsd>,
    /// What was spent.
    pub spent: MicroUsd,
}

impl Account {
    /// How it stands when so much is given to what goes on.
    pub fn state(&self, going_on: MicroUsd) -> BudgetState {
        budget::state(self.cap, self.spent, going_on)
    }

    /// The same account at another time: a new month begins with nothing spent.
    #[must_use]
    pub fn at(&self, zone: &Zone, now: UnixMillis) -> Self {
        let month = zone.month_of(now);
        let spent = if month == self.month {
            self.spent
        } else {
            MicroUsd(0)
        };
        Self {
            month,
            cap: self.cap,
            spent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_month_begins_with_nothing_spent() {
        let zone = Zone::default();
        // 2026-11-24 in Jerusalem, and eight days later.
        let (now, later) = (
            UnixMillis(1_795_528_800_000),
            UnixMillis(1_795_528_800_000 + 8 * 86_400_000),
        );
        let account = Account {
            month: "2026-11".to_owned(),
            cap: Some(MicroUsd(10)),
            spent: MicroUsd(10),
        };
        assert_eq!(account.at(&zone, now), account);
        let next = account.at(&zone, later);
        assert_eq!((next.month.as_str(), next.spent), ("2026-12", MicroUsd(0)));
        assert_eq!(next.state(MicroUsd(0)), BudgetState::Plenty);
    }

    #[test]
    fn a_months_sum_is_that_of_its_parts() {
        let month = MonthSpending {
            calls_micro_usd: MicroUsd(1),
            summaries_micro_usd: MicroUsd(20),
            chats_micro_usd: MicroUsd(300),
            voice_notes_micro_usd: MicroUsd(4_000),
            carrier_micro_usd: MicroUsd(50_000),
            ..MonthSpending::nothing("2026-11".to_owned())
        };
        assert_eq!(month.models(), MicroUsd(4_321));
        assert_eq!(month.summed_up().total_micro_usd, MicroUsd(54_321));
    }
}
