//! The settings of a business.

use prosaas_core::{AccountSid, Error, Language, MicroUsd, Result, TenantId};
use serde::{Deserialize, Serialize};

use super::check;
use super::hours::OpeningHours;
use super::patch::{Patch, Replace, require_change};
use super::spending::MAX_BUDGET;
use super::storage::MAX_LIMIT;
use super::time::Time;
use super::words::words;
use crate::rules::slots::BookingRules;

/// The longest instructions to the agent, in characters.
const MAX_INSTRUCTIONS: usize = 20_000;

/// The longest sentence that a caller has to listen to, in characters.
const MAX_SPOKEN: usize = 1_000;

/// The longest message to a caller whom nobody heard, in characters: as a text message it costs by its length.
const MAX_REPLY: usize = 300;

words! {
    /// What the agent may do in a call.
    VoiceTool, "tools":
    /// Look for free appointment times.
    CheckAvailability = "check_availability",
    /// Book one.
    BookAppointment = "book_appointment",
    /// Leave a task.
    CreateTask = "create_task",
    /// Take a message.
    TakeMessage = "take_message",
    /// Answer from the business's knowledge.
    LookUpKnowledge = "look_up_knowledge",
    /// Send the caller a WhatsApp.
    SendWhatsapp = "send_whatsapp",
}

words! {
    /// When a caller whom nobody heard is written to.
    MissedCallReply, "missed_call_reply":
    /// Never.
    Never = "never",
    /// Whenever he called.
    Always = "always",
    /// When he called while the business was open.
    Open = "open",
    /// When he called while it was closed.
    Closed = "closed",
}

/// The settings of a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct BusinessSettings {
    /// The business.
    pub id: TenantId,
    /// The name callers know.
    pub name: String,
    /// The languages its agent speaks, the first one first.
    #[cfg_attr(feature = "axum", schema(value_type = Vec<String>))]
    pub languages: Vec<Language>,
    /// The country whose national numbers it writes, such as `IL`.
    pub country: String,
    /// When it is open.
    pub hours: OpeningHours,
    /// How it takes appointments.
    pub booking: BookingRules,
    /// How its agent speaks.
    pub voice: VoiceSettings,
    /// What its agent may do in a call.
    pub tools: Vec<VoiceTool>,
    /// Whether calls are recorded.
    pub record_calls: bool,
    /// What a caller hears about the recording.
    pub announcement: Option<String>,
    /// Grows with every change of the announcement; each call notes the one it played.
    pub announcement_version: u32,
    /// After how many days recordings, and files of conversations, are removed; never when empty.
    pub recording_days: Option<u32>,
    /// After how many days transcripts are removed; never when empty.
    pub transcript_days: Option<u32>,
    /// When a caller whom nobody heard gets a message: by WhatsApp if he wrote there before, by text message
    /// otherwise.
    pub missed_call_reply: MissedCallReply,
    /// What the message says; a sentence of ours when empty.
    pub missed_call_text: Option<String>,
    /// The most that models may cost in a calendar month, in millionths of a US dollar; without an end when
    /// empty.
    pub monthly_budget_micro_usd: Option<u64>,
    /// The most that files of conversations and recordings may take together, in bytes. From there on files that
    /// come in are not taken, and none is sent.
    pub storage_limit_bytes: u64,
    /// The business's own account at the carrier.
    pub twilio_account_sid: Option<AccountSid>,
    /// When they were changed last.
    pub updated_at: Time,
    /// Their version, for `If-Match`.
    pub version: u64,
}

impl BusinessSettings {
    /// The most that models may cost in a month.
    pub fn monthly_budget(&self) -> Option<MicroUsd> {
        let budget = self.monthly_budget_micro_usd?;
        Some(MicroUsd(i64::try_from(budget).unwrap_or(i64::MAX)))
    }
}

/// How the agent speaks for a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct VoiceSettings {
    /// The business's own instructions to the agent.
    pub instructions: String,
    /// The first sentence the caller hears.
    pub greeting: String,
    /// The model's voice.
    pub voice: String,
}

/// When a business is open and takes appointments, as it changes from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "booking": { "duration_min": 45 } })))]
#[serde(deny_unknown_fields, default)]
pub struct HoursPatch {
    /// When it is open, as a whole.
    pub hours: Replace<OpeningHours>,
    /// How it takes appointments, as a whole.
    pub booking: Replace<BookingRules>,
}

impl From<HoursPatch> for SettingsPatch {
    fn from(patch: HoursPatch) -> Self {
        Self {
            hours: patch.hours,
            booking: patch.booking,
            ..Self::default()
        }
    }
}

/// What changes about the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "greeting": "Hello, how can I help?" })))]
#[serde(deny_unknown_fields, default)]
pub struct SettingsPatch {
    /// The name callers know.
    pub name: Replace<String>,
    /// The languages its agent speaks.
    #[cfg_attr(feature = "axum", schema(value_type = Vec<String>))]
    pub languages: Replace<Vec<Language>>,
    /// The country whose national numbers it writes.
    pub country: Replace<String>,
    /// When it is open, as a whole.
    pub hours: Replace<OpeningHours>,
    /// How it takes appointments, as a whole.
    pub booking: Replace<BookingRules>,
    /// The business's own instructions to the agent.
    pub instructions: Replace<String>,
    /// The first sentence the caller hears.
    pub greeting: Replace<String>,
    /// The model's voice.
    pub voice: Replace<String>,
    /// What its agent may do in a call.
    pub tools: Replace<Vec<VoiceTool>>,
    /// Whether calls are recorded.
    pub record_calls: Replace<bool>,
    /// What a caller hears about the recording.
    pub announcement: Patch<String>,
    /// After how many days recordings, and files of conversations, are removed.
    pub recording_days: Patch<u32>,
    /// After how many days transcripts are removed.
    pub transcript_days: Patch<u32>,
    /// When a caller whom nobody heard gets a message.
    pub missed_call_reply: Replace<MissedCallReply>,
    /// What the message says, in at most 300 characters.
    pub missed_call_text: Patch<String>,
    /// The most that models may cost in a calendar month, in millionths of a US dollar.
    pub monthly_budget_micro_usd: Patch<u64>,
    /// The most that files of conversations and recordings may take together, in bytes.
    pub storage_limit_bytes: Replace<u64>,
}

impl SettingsPatch {
    /// The settings after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, settings: BusinessSettings) -> Result<BusinessSettings> {
        require_change(&self.changes())?;
        let announcement = self.announcement.apply(settings.announcement.clone());
        let announcement = check::optional("announcement", announcement.as_deref(), MAX_SPOKEN)?;
        let text = self.missed_call_text.apply(settings.missed_call_text);
        let says_something_new = announcement != settings.announcement;
        let hours = self.hours.apply(settings.hours);
        hours.check()?;
        let booking = self.booking.apply(settings.booking);
        booking.check()?;
        Ok(BusinessSettings {
            name: check::line("name", &self.name.apply(settings.name), check::MAX_NAME)?,
            languages: check_languages(self.languages.apply(settings.languages))?,
            country: check_country(self.country.apply(settings.country))?,
            hours,
            booking,
            voice: VoiceSettings {
                instructions: check::text(
                    "instructions",
                    &self.instructions.apply(settings.voice.instructions),
                    MAX_INSTRUCTIONS,
                )?,
                greeting: check::line(
                    "greeting",
                    &self.greeting.apply(settings.voice.greeting),
                    MAX_SPOKEN,
                )?,
                voice: check::line("voice", &self.voice.apply(settings.voice.voice), 40)?,
            },
            tools: without_doubles(self.tools.apply(settings.tools)),
            record_calls: self.record_calls.apply(settings.record_calls),
            announcement,
            announcement_version: settings.announcement_version + u32::from(says_something_new),
            recording_days: check_days(self.recording_days.apply(settings.recording_days))?,
            transcript_days: check_days(self.transcript_days.apply(settings.transcript_days))?,
            missed_call_reply: self.missed_call_reply.apply(settings.missed_call_reply),
            missed_call_text: check::optional("missed_call_text", text.as_deref(), MAX_REPLY)?,
            monthly_budget_micro_usd: check_budget(
                self.monthly_budget_micro_usd
                    .apply(settings.monthly_budget_micro_usd),
            )?,
            storage_limit_bytes: check::within(
                "storage_limit_bytes",
                self.storage_limit_bytes.apply(settings.storage_limit_bytes),
                0,
                MAX_LIMIT,
            )?,
            ..settings
        })
    }

    /// Which fields are mentioned.
    const fn changes(&self) -> [bool; 17] {
        [
            self.hours.is_change(),
            self.booking.is_change(),
            self.name.is_change(),
            self.languages.is_change(),
            self.country.is_change(),
            self.instructions.is_change(),
            self.greeting.is_change(),
            self.voice.is_change(),
            self.tools.is_change(),
            self.record_calls.is_change(),
            self.announcement.is_change(),
            self.recording_days.is_change(),
            self.transcript_days.is_change(),
            self.missed_call_reply.is_change(),
            self.missed_call_text.is_change(),
            self.monthly_budget_micro_usd.is_change(),
            self.storage_limit_bytes.is_change(),
        ]
    }
}

fn check_languages(languages: Vec<Language>) -> Result<Vec<Language>> {
    let languages = without_doubles(languages);
    if languages.is_empty() {
        return Err(Error::invalid("languages", "expected at least one"));
    }
    Ok(languages)
}

fn check_country(country: String) -> Result<String> {
    if country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(country);
    }
    Err(Error::invalid(
        "country",
        "expected two capital letters such as `IL`",
    ))
}

fn check_days(days: Option<u32>) -> Result<Option<u32>> {
    days.map(|days| check::within("days", days, 1, 3_650))
        .transpose()
}

fn check_budget(budget: Option<u64>) -> Result<Option<u64>> {
    budget
        .map(|budget| check::within("monthly_budget_micro_usd", budget, 0, MAX_BUDGET))
        .transpose()
}

fn without_doubles<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}
