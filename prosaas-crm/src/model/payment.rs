//! Payments: money asked for by a link, or received otherwise. A record, not a tax invoice.

use prosaas_core::{Error, LeadId, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{DealId, PaymentId};
use super::money::Money;
use super::patch::{Patch, Replace, require_change};
use super::time::Time;
use super::words::words;

words! {
    /// What became of a payment.
    PaymentStatus, "status":
    /// It was asked for.
    Pending = "pending",
    /// The money came.
    Paid = "paid",
    /// It was tried and did not work.
    Failed = "failed",
    /// It is not wanted any more.
    Cancelled = "cancelled",
    /// The money went back.
    Refunded = "refunded",
}

words! {
    /// How the money comes.
    PaymentMethod, "method":
    /// By a link of a payment provider.
    Link = "link",
    /// In cash.
    Cash = "cash",
    /// By bank transfer.
    Transfer = "transfer",
    /// By card, outside of a link.
    Card = "card",
    /// Otherwise.
    Other = "other",
}

impl PaymentStatus {
    /// Whether a payment may go on from here to `next`. Money that came only goes back.
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending, _)
            | (Self::Paid, Self::Refunded)
            | (Self::Failed, Self::Pending | Self::Paid | Self::Cancelled) => true,
            _ => self as u8 == next as u8,
        }
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// From whom.
    pub lead_id: LeadId,
    /// For which deal.
    pub deal_id: Option<DealId>,
    /// How much.
    pub value: Money,
    /// For what.
    pub description: String,
    /// What became of it.
    pub status: PaymentStatus,
    /// How the money comes.
    pub method: PaymentMethod,
    /// The provider of the link.
    pub provider: Option<String>,
    /// What the provider calls it.
    pub provider_ref: Option<String>,
    /// Where it can be paid.
    pub link_url: Option<String>,
    /// The allocation number of the invoice that a provider issued for it.
    pub allocation_number: Option<String>,
    /// When the money came.
    pub paid_at: Option<Time>,
    /// When it was asked for or written down.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    /// When it was thrown away.
    pub deleted_at: Option<Time>,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A payment as it is asked for. By link it is pending; by any other method it is a record of money
/// that came.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "lead_id": "lead_0197e4c2a0007000800000000000a0b1", "value": { "amount": 45_000, "currency": "ILS" }, "method": "link" })))]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// From whom.
    pub lead_id: LeadId,
    /// For which deal.
    #[serde(default)]
    pub deal_id: Option<DealId>,
    /// How much.
    pub value: Money,
    /// For what.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 200))]
    pub description: Option<String>,
    /// How the money comes.
    pub method: PaymentMethod,
    /// When the money came; now when not said.
    #[serde(default)]
    pub paid_at: Option<Time>,
    /// The allocation number of its invoice.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(max_length = 40))]
    pub allocation_number: Option<String>,
}

impl NewPayment {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.value = self.value.checked()?;
        if self.value.amount == 0 {
            return Err(Error::invalid("amount", "expected more than nothing"));
        }
        if self.method == PaymentMethod::Link && self.paid_at.is_some() {
            let expected = "expected none: the provider says when a link was paid";
            return Err(Error::invalid("paid_at", expected));
        }
        let description = self.description.as_deref();
        self.description = check::optional("description", description, check::MAX_NAME)?;
        self.allocation_number = check_allocation(self.allocation_number.as_deref())?;
        Ok(self)
    }
}

/// What changes about a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "allocation_number": "123456789" })))]
#[serde(deny_unknown_fields, default)]
pub struct PaymentPatch {
    /// For which deal.
    pub deal_id: Patch<DealId>,
    /// For what.
    pub description: Patch<String>,
    /// What became of it.
    pub status: Replace<PaymentStatus>,
    /// The allocation number of its invoice.
    pub allocation_number: Patch<String>,
}

impl PaymentPatch {
    /// The payment after the patch. When the money came is the store's to note.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes; `Conflict` `payment-settled` when its
    /// status cannot become the one asked for.
    pub fn apply(self, payment: Payment) -> Result<Payment> {
        require_change(&[
            self.deal_id.is_change(),
            self.description.is_change(),
            self.status.is_change(),
            self.allocation_number.is_change(),
        ])?;
        let status = self.status.apply(payment.status);
        if !payment.status.may_become(status) {
            let detail = format!(
                "a payment that is {} does not become {status}",
                payment.status
            );
            let what = "payment-settled";
            return Err(Error::Conflict { what, detail });
        }
        let description = self.description.apply(Some(payment.description));
        let description = check::optional("description", description.as_deref(), check::MAX_NAME)?;
        let allocation = self.allocation_number.apply(payment.allocation_number);
        Ok(Payment {
            deal_id: self.deal_id.apply(payment.deal_id),
            description: description.unwrap_or_default(),
            status,
            allocation_number: check_allocation(allocation.as_deref())?,
            ..payment
        })
    }
}

/// Which payments are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "axum", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct PaymentFilter {
    /// With this status.
    pub status: Option<PaymentStatus>,
    /// From a lead.
    pub lead_id: Option<LeadId>,
    /// For a deal.
    pub deal_id: Option<DealId>,
    /// The ones in the trash, rather than the others.
    pub deleted: Option<bool>,
}

fn check_allocation(number: Option<&str>) -> Result<Option<String>> {
    let Some(number) = check::optional("allocation_number", number, 40)? else {
        return Ok(None);
    };
    if number
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    {
        return Ok(Some(number));
    }
    let expected = "expected letters, digits and dashes";
    Err(Error::invalid("allocation_number", expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_that_came_only_goes_back() {
        use PaymentStatus::*;
        for status in PaymentStatus::ALL {
            assert!(status.may_become(status), "{status}");
            assert!(Pending.may_become(status), "{status}");
            assert_eq!(Paid.may_become(status), matches!(status, Paid | Refunded));
            assert_eq!(Refunded.may_become(status), status == Refunded);
            assert_eq!(Cancelled.may_become(status), status == Cancelled);
        }
    }
}
