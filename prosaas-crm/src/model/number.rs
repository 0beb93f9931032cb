//! The phone numbers of a business, and who takes the calls to them.

use prosaas_core::{E164, Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::patch::{Patch, Replace, require_change};
use crate::rules::answering::AnswerMode;
use crate::rules::full::{self, WhenFull};

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
    /// The most live calls it takes; only the business's own limit holds when empty.
    pub max_live_calls: Option<u32>,
    /// What happens to one more.
    pub when_full: WhenFull,
    /// The phone that rings then.
    pub overflow_number: Option<E164>,
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
    /// The most live calls it takes.
    pub max_live_calls: Patch<u32>,
    /// What happens to one more.
    pub when_full: Replace<WhenFull>,
    /// The phone that rings then.
    pub overflow_number: Patch<E164>,
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
            self.max_live_calls.is_change(),
            self.when_full.is_change(),
            self.overflow_number.is_change(),
        ])?;
        let label = self.label.apply(Some(number.label));
        let answer_mode = self.answer_mode.apply(number.answer_mode);
        let ring_number = self.ring_number.apply(number.ring_number);
        let ring_seconds = self.ring_seconds.apply(number.ring_seconds);
        check_ringing(answer_mode, ring_number.as_ref())?;
        let max_live_calls = self.max_live_calls.apply(number.max_live_calls);
        let max_live_calls =
            max_live_calls.map(|most| check::within("max_live_calls", most, 1, 1_000));
        let when_full = self.when_full.apply(number.when_full);
        let overflow_number = self.overflow_number.apply(number.overflow_number);
        full::check(when_full, overflow_number.as_ref())?;
        Ok(BusinessNumber {
            label: check::optional("label", label.as_deref(), check::MAX_NAME)?.unwrap_or_default(),
            answer_mode,
            ring_number,
            ring_seconds: check::within("ring_seconds", ring_seconds, 5, 60)?,
            record_calls: self.record_calls.apply(number.record_calls),
            max_live_calls: max_live_calls.transpose()?,
            when_full,
            overflow_number,
            ..number
        })
    }
}

fn check_ringing(mode: AnswerMode, ring: Option<&E164>) -> Result<()> {
    if mode == AnswerMode::AiAlways || ring.is_some() {
        return Ok(());
    }
    let expected = "expected the phone that rings before the agent answers";
    Err(Error::invalid("ring_number", expected))
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
}
