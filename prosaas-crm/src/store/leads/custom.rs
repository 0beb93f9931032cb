//! Fields that a business added: what a lead may hold in them.

use prosaas_core::{Error, Result};
use serde_json::{Map, Value};

use crate::store::db::TenantTx;
use crate::store::records::setup::all_custom_fields;

/// Passes values of fields that exist and are not put away, each of its field's kind; `null` removes a
/// value.
///
/// # Errors
/// `Invalid` otherwise.
pub(super) async fn check(tx: &mut TenantTx, values: &Map<String, Value>) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut fields = all_custom_fields(tx).await?;
    fields.retain(|field| field.archived_at.is_none());
    let fits = |(key, value): (&String, &Value)| {
        fields
            .iter()
            .any(|field| field.key == *key && field.fits(value))
    };
    if values.iter().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(
        "custom",
        "expected values for fields of this business, each of its field's kind",
    ))
}
