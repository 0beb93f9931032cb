//! Whom the calls of a business may be transferred to.

use prosaas_core::{E164, Error, Result, TransferTarget};
use serde::{Deserialize, Serialize};

use super::check;

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
