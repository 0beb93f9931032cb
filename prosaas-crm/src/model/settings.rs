//! The settings of a business, its numbers, and whom it does not answer.

use std::fmt;

use prosaas_core::{AccountSid, E164, Error, Language, Result, TenantId, TransferTarget};
use serde::{Deserialize, Serialize};

use super::check;
use super::hours::OpeningHours;
use super::id::BlockId;
use super::patch::{Patch, Replace, require_change};
use super::time::Time;
use super::words::words;
use crate::rules::answering::AnswerMode;
use crate::rules::slots::BookingRules;

/// The longest instructions to the agent, in characters.
const MAX_INSTRUCTIONS: usize = 20_000;

/// The longest sentence that a caller has to listen to, in characters.
const MAX_SPOKEN: usize = 1_000;

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
}

words! {
    /// What a block covers.
    BlockKind, "kind":
    /// One number.
    Number = "number",
    /// Every number that begins so.
    Prefix = "prefix",
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
    /// After how many days recordings are removed; never when empty.
    pub recording_days: Option<u32>,
    /// After how many days transcripts are removed; never when empty.
    pub transcript_days: Option<u32>,
    /// The business's own account at the carrier.
    pub twilio_account_sid: Option<AccountSid>,
    /// When they were changed last.
    pub updated_at: Time,
    /// Their version, for `If-Match`.
    pub version: u64,
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
    /// After how many days recordings are removed.
    pub recording_days: Patch<u32>,
    /// After how many days transcripts are removed.
    pub transcript_days: Patch<u32>,
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
            ..settings
        })
    }

    /// Which fields are mentioned.
    const fn changes(&self) -> [bool; 13] {
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
        ]
    }
}

/// A number of a business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct BusinessNumber {
    /// The number.
    pub number: E164,
    /// What the business calls it.
    pub label: String,
    /// Who takes the calls to it.
    pub answer_mode: AnswerMode,
    /// The phone that rings first.
    pub ring_number: Option<E164>,
    /// For how many seconds it rings.
    pub ring_seconds: u32,
    /// Whether its calls are recorded; as the business says when empty.
    pub record_calls: Option<bool>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A number as it is claimed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "number": "+97231234599" })))]
#[serde(deny_unknown_fields)]
pub struct NewNumber {
    /// The number.
    pub number: E164,
    /// What the business calls it.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub label: Option<String>,
    /// Who takes the calls to it; the agent when not said.
    #[serde(default)]
    pub answer_mode: Option<AnswerMode>,
    /// The phone that rings first.
    #[serde(default)]
    pub ring_number: Option<E164>,
}

/// What changes about a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "label": "Office" })))]
#[serde(deny_unknown_fields, default)]
pub struct NumberPatch {
    /// What the business calls it.
    pub label: Patch<String>,
    /// Who takes the calls to it.
    pub answer_mode: Replace<AnswerMode>,
    /// The phone that rings first.
    pub ring_number: Patch<E164>,
    /// For how many seconds it rings.
    pub ring_seconds: Replace<u32>,
    /// Whether its calls are recorded.
    pub record_calls: Patch<bool>,
}

impl NewNumber {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.label = check::optional("label", self.label.as_deref(), check::MAX_NAME)?;
        check_ringing(
            self.answer_mode.unwrap_or_default(),
            self.ring_number.as_ref(),
        )?;
        Ok(self)
    }
}

impl NumberPatch {
    /// The number after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, number: BusinessNumber) -> Result<BusinessNumber> {
        require_change(&[
            self.label.is_change(),
            self.answer_mode.is_change(),
            self.ring_number.is_change(),
            self.ring_seconds.is_change(),
            self.record_calls.is_change(),
        ])?;
        let label = self.label.apply(Some(number.label));
        let answer_mode = self.answer_mode.apply(number.answer_mode);
        let ring_number = self.ring_number.apply(number.ring_number);
        let ring_seconds = self.ring_seconds.apply(number.ring_seconds);
        check_ringing(answer_mode, ring_number.as_ref())?;
        Ok(BusinessNumber {
            label: check::optional("label", label.as_deref(), check::MAX_NAME)?.unwrap_or_default(),
            answer_mode,
            ring_number,
            ring_seconds: check::within("ring_seconds", ring_seconds, 5, 60)?,
            record_calls: self.record_calls.apply(number.record_calls),
            ..number
        })
    }
}

/// A number or a prefix that is not answered.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Block {
    /// Its id.
    pub id: BlockId,
    /// What it covers.
    pub kind: BlockKind,
    /// The number, or its first digits, with `+`.
    pub value: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: Time,
}

impl fmt::Debug for Block {
    /// The number is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entry = f.debug_struct("Block");
        entry.field("id", &self.id).field("kind", &self.kind);
        entry.finish_non_exhaustive()
    }
}

/// A block as it is asked for.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "kind": "prefix", "value": "+1900" })))]
#[serde(deny_unknown_fields)]
pub struct NewBlock {
    /// What it covers.
    pub kind: BlockKind,
    /// The number, or its first digits, with `+`.
    #[cfg_attr(
        feature = "axum",
        schema(pattern = r"^\+[1-9][0-9]{0,14}$", example = "+972501234567")
    )]
    pub value: String,
    /// Why.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub reason: Option<String>,
}

impl fmt::Debug for NewBlock {
    /// The number is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entry = f.debug_struct("NewBlock");
        entry.field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl NewBlock {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.reason = check::optional("reason", self.reason.as_deref(), check::MAX_NAME)?;
        self.value = match self.kind {
            BlockKind::Number => E164::parse(&self.value)?.expose().to_owned(),
            BlockKind::Prefix => check_prefix(&self.value)?,
        };
        Ok(self)
    }
}

/// Whom calls may be transferred to, as a whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "targets": [{ "label": "sales", "number": "+97231234568" }] })))]
#[serde(deny_unknown_fields)]
pub struct TransferList {
    /// The targets, in the order they are offered.
    pub targets: Vec<Transfer>,
}

/// Somebody a call may be transferred to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// What the agent calls this target, such as `sales`.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 100, pattern = r"\S")
    )]
    pub label: String,
    /// Where the call goes.
    pub number: E164,
}

impl TransferList {
    /// The targets, cleaned.
    ///
    /// # Errors
    /// `Invalid` when there are too many, or two have one label.
    pub fn checked(self) -> Result<Vec<TransferTarget>> {
        check::at_most("targets", &self.targets, 50)?;
        let mut targets: Vec<TransferTarget> = Vec::with_capacity(self.targets.len());
        for target in self.targets {
            let label = check::line("label", &target.label, 100)?;
            if targets.iter().any(|other| other.label == label) {
                return Err(Error::invalid(
                    "label",
                    "expected one of its own for every target",
                ));
            }
            targets.push(TransferTarget {
                label,
                number: target.number,
            });
        }
        Ok(targets)
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

fn check_ringing(mode: AnswerMode, ring: Option<&E164>) -> Result<()> {
    if mode == AnswerMode::AiAlways || ring.is_some() {
        return Ok(());
    }
    let expected = "expected the phone that rings before the agent answers";
    Err(Error::invalid("ring_number", expected))
}

fn check_prefix(value: &str) -> Result<String> {
    let digits = value.trim().strip_prefix('+');
    let is_prefix = |digits: &&str| {
        (1..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
    };
    let digits = digits.filter(is_prefix);
    let expected = "expected `+` and the first digits of the numbers, the country code first";
    let digits = digits.ok_or_else(|| Error::invalid("value", expected))?;
    Ok(format!("+{digits}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_that_rings_first_has_a_number() {
        let ring: E164 = "+972501234567".parse().unwrap();
        assert!(check_ringing(AnswerMode::RingFirst, None).is_err());
        assert!(check_ringing(AnswerMode::RingFirst, Some(&ring)).is_ok());
        assert!(check_ringing(AnswerMode::AiAlways, None).is_ok());
    }

    #[test]
    fn blocks_are_numbers_or_prefixes() {
        let block = |kind, value: &str| NewBlock {
            kind,
            value: value.to_owned(),
            reason: None,
        };
        let number = block(BlockKind::Number, "+972 50-123-4567")
            .checked()
            .unwrap();
        assert_eq!(number.value, "+972501234567");
        assert!(!format!("{number:?}").contains("4567"));
        assert!(block(BlockKind::Prefix, "+9725").checked().is_ok());
        for bad in ["", "+", "972", "+0", "+12a", "+1234567890123456"] {
            assert!(block(BlockKind::Prefix, bad).checked().is_err(), "{bad}");
        }
    }
}
