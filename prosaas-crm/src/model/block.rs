//! Whom a business does not answer.

use std::fmt;

use prosaas_core::{E164, Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::BlockId;
use super::time::Time;
use super::words::words;

words! {
    /// What a block covers.
    BlockKind, "kind":
    /// One number.
    Number = "number",
    /// Every number that begins so.
    Prefix = "prefix",
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

#[cfg(test)]
mod tests {
    use super::*;

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
