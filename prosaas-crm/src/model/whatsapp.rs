//! A business's WhatsApp: where its link stands, and what its agent may do there.

use std::fmt;

use prosaas_core::whatsapp::LinkState;
use prosaas_core::{E164, Error, Result, UnixMillis};
use serde::{Deserialize, Serialize};

use super::check;
use super::patch::{Patch, Replace, require_change};
use super::words::words;

words! {
    /// Where a link stands; [`LinkState`] without what is secret in it.
    WaState, "state":
    /// Not linked.
    Unlinked = "unlinked",
    /// The connection is being made.
    Connecting = "connecting",
    /// A code waits to be scanned.
    Qr = "qr",
    /// A code waits to be typed into the phone.
    PairingCode = "pairing_code",
    /// The codes ran out.
    Expired = "expired",
    /// WhatsApp asks for a passkey.
    NeedsPasskey = "needs_passkey",
    /// Linked and connected.
    Ready = "ready",
    /// WhatsApp cannot be reached.
    Unreachable = "unreachable",
    /// Another program uses the same link.
    Replaced = "replaced",
    /// The link was ended on the phone.
    LoggedOut = "logged_out",
    /// WhatsApp refuses the account.
    Banned = "banned",
    /// WhatsApp does not speak with this version any more.
    Outdated = "outdated",
    /// The link keeps breaking.
    Broken = "broken",
}

impl From<&LinkState> for WaState {
    /// One that this version does not know is a broken one.
    fn from(state: &LinkState) -> Self {
        state.as_str().parse().unwrap_or(Self::Broken)
    }
}

words! {
    /// At which hours the agent answers.
    AnswerHours, "answer_hours":
    /// Always.
    Always = "always",
    /// While the business is open.
    Open = "open",
    /// While the business is closed.
    Closed = "closed",
}

words! {
    /// Whether the business writes to people who never wrote to it.
    Strangers, "strangers":
    /// Never: it only answers.
    Never = "never",
    /// When somebody of the business asks for that very message.
    Asked = "asked",
}

/// What a business decided about its WhatsApp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaSettings {
    /// Whether the agent answers.
    pub answers: bool,
    /// At which hours.
    pub answer_hours: AnswerHours,
    /// How often it answers in one conversation within 24 hours; then a person has it.
    pub max_answers_a_day: u32,
    /// What it is told beside the business's own instructions.
    pub instructions: Option<String>,
    /// Whether people who never wrote may be written to.
    pub strangers: Strangers,
    /// Whether the other side sees that its messages were read.
    pub read_receipts: bool,
}

impl Default for WaSettings {
    fn default() -> Self {
        Self {
            answers: true,
            answer_hours: AnswerHours::Always,
            max_answers_a_day: 30,
            instructions: None,
            strangers: Strangers::Never,
            read_receipts: true,
        }
    }
}

/// What changes about them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "answer_hours": "closed" })))]
#[serde(deny_unknown_fields, default)]
pub struct WaSettingsPatch {
    /// Whether the agent answers.
    pub answers: Replace<bool>,
    /// At which hours.
    pub answer_hours: Replace<AnswerHours>,
    /// How often it answers in one conversation within 24 hours, from 1 to 200.
    pub max_answers_a_day: Replace<u32>,
    /// What it is told beside the business's own instructions.
    pub instructions: Patch<String>,
    /// Whether people who never wrote may be written to.
    pub strangers: Replace<Strangers>,
    /// Whether the other side sees that its messages were read.
    pub read_receipts: Replace<bool>,
}

impl WaSettingsPatch {
    /// The longest instructions, in characters.
    pub const MAX_INSTRUCTIONS: usize = 5_000;

    /// The settings after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, before: WaSettings) -> Result<WaSettings> {
        require_change(&[
            self.answers.is_change(),
            self.answer_hours.is_change(),
            self.max_answers_a_day.is_change(),
            self.instructions.is_change(),
            self.strangers.is_change(),
            self.read_receipts.is_change(),
        ])?;
        let most = self.max_answers_a_day.apply(before.max_answers_a_day);
        let instructions = self.instructions.apply(before.instructions);
        Ok(WaSettings {
            answers: self.answers.apply(before.answers),
            answer_hours: self.answer_hours.apply(before.answer_hours),
            max_answers_a_day: check::within("max_answers_a_day", most, 1, 200)?,
            instructions: check::optional(
                "instructions",
                instructions.as_deref(),
                Self::MAX_INSTRUCTIONS,
            )?,
            strangers: self.strangers.apply(before.strangers),
            read_receipts: self.read_receipts.apply(before.read_receipts),
        })
    }
}

/// A business's number at Meta, by Meta's own ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudNumber {
    /// Of the number: not the number itself.
    pub number_id: String,
    /// Of the WhatsApp business account that it belongs to.
    pub account_id: String,
}

impl CloudNumber {
    /// The longest id, in digits.
    pub const MAX_DIGITS: usize = 32;

    /// Passes when both ids have their form.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn check(&self) -> Result<()> {
        for (field, id) in [
            ("phone_number_id", &self.number_id),
            ("account_id", &self.account_id),
        ] {
            let is_id = (1..=Self::MAX_DIGITS).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_digit());
            if !is_id {
                return Err(Error::invalid(
                    field,
                    "expected the id that Meta shows: 1 to 32 digits",
                ));
            }
        }
        Ok(())
    }
}

/// A business's number at Meta, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudLink {
    /// Which one.
    pub number: CloudNumber,
    /// Whether Meta took it: only then is it written by and heard.
    pub is_on: bool,
    /// When Meta's webhook last told of it, to the minute.
    pub heard_at: Option<UnixMillis>,
}

/// What is known of a message that is about to be handed to Meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageClaim {
    /// Nothing: that it is about to be is written down now.
    New,
    /// Meta took it.
    Sent,
    /// It was handed over, and nobody knows whether Meta took it.
    InDoubt,
    /// It was handed over with another content.
    Other,
}

/// A business's link, as far as it is stored: no codes and no keys.
#[derive(Clone, PartialEq, Eq)]
pub struct WaLink {
    /// Where it stands, as the transport reported it last.
    pub state: WaState,
    /// Since when.
    pub state_at: UnixMillis,
    /// When a refusal by WhatsApp ends, if it said.
    pub until: Option<UnixMillis>,
    /// The business's own number, where it is known.
    pub number: Option<E164>,
    /// When it last became ready.
    pub linked_at: Option<UnixMillis>,
    /// The number at Meta that it has instead of a phone.
    pub cloud: Option<CloudLink>,
    /// What the business decided.
    pub settings: WaSettings,
    /// Fences the owners of the session.
    pub epoch: u64,
    /// When the settings were changed last.
    pub updated_at: UnixMillis,
    /// Counts the changes of the settings.
    pub version: u64,
}

impl fmt::Debug for WaLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaLink")
            .field("state", &self.state)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use prosaas_core::SecretString;

    use super::*;

    #[test]
    fn every_state_of_a_link_has_its_word() {
        let states = [
            LinkState::Unlinked,
            LinkState::Connecting,
            LinkState::PairingCode(SecretString::from("ABCD1234")),
            LinkState::Expired,
            LinkState::NeedsPasskey,
            LinkState::Ready { number: None },
            LinkState::Unreachable,
            LinkState::Replaced,
            LinkState::LoggedOut,
            LinkState::Banned { until: None },
            LinkState::Outdated,
            LinkState::Broken,
        ];
        for state in states {
            assert_eq!(WaState::from(&state).as_str(), state.as_str());
        }
    }

    #[test]
    fn metas_ids_are_digits() {
        let number = |number_id: &str, account_id: &str| CloudNumber {
            number_id: number_id.to_owned(),
            account_id: account_id.to_owned(),
        };
        assert!(number("106540352242922", "1").check().is_ok());
        let long = "1".repeat(33);
        for (wrong, field) in [
            (number("", "1"), "phone_number_id"),
            (number("+97231234567", "1"), "phone_number_id"),
            (number(&long, "1"), "phone_number_id"),
            (number("1", "1/messages"), "account_id"),
        ] {
            let error = wrong.check().unwrap_err();
            assert!(matches!(error, Error::Invalid { field: named, .. } if named == field));
        }
    }

    #[test]
    fn settings_that_a_newer_version_wrote_are_read_and_a_patch_is_bounded() {
        let read: WaSettings = serde_json::from_str(r#"{"answers":false,"new":1}"#).unwrap();
        assert!(!read.answers && read.read_receipts);
        let patch = |text: &str| serde_json::from_str::<WaSettingsPatch>(text).unwrap();
        let apply = |text: &str| patch(text).apply(WaSettings::default());
        assert!(apply("{}").is_err());
        assert!(apply(r#"{"max_answers_a_day":0}"#).is_err());
        let told = apply(r#"{"instructions":" Be brief. ","strangers":"asked"}"#).unwrap();
        assert_eq!(told.instructions.as_deref(), Some("Be brief."));
        assert_eq!(told.strangers, Strangers::Asked);
    }
}
