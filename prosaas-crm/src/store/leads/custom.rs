//! Fields that a business added: what a lead may hold in them.

use prosaas_core::{Error, Result};
use serde_json::{Map, Value};

use crate::model::check;
use crate::store::db::{Sql, TenantTx, args};

const FIELDS: Sql = Sql::both(
    "SELECT key, kind, choices FROM custom_fields WHERE tenant_id = $1 AND archived_at IS NULL",
);

/// Passes values of fields that exist, each of its field's kind; `null` removes a value.
///
/// # Errors
/// `Invalid` otherwise.
pub(super) async fn check(tx: &mut TenantTx, values: &Map<String, Value>) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let rows = tx.fetch_all(&FIELDS, args![]).await?;
    let mut fields = Vec::with_capacity(rows.len());
    for row in &rows {
        let kind: String = row.get("kind")?;
        let choices: Vec<String> = row.json("choices")?;
        fields.push((row.get::<String>("key")?, kind, choices));
    }
    for (key, value) in values {
        let field = fields.iter().find(|(name, ..)| name == key);
        let fits = field.is_some_and(|(_, kind, choices)| fits(kind, choices, value));
        if !fits {
            return Err(Error::invalid(
                "custom",
                "expected values for fields of this business, each of its field's kind",
            ));
        }
    }
    Ok(())
}

fn fits(kind: &str, choices: &[String], value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) | ("number", Value::Number(_)) => true,
        ("text", Value::String(text)) => text.chars().count() <= check::MAX_TEXT,
        ("date", Value::String(text)) => text.parse::<jiff::civil::Date>().is_ok(),
        ("choice", Value::String(text)) => choices.contains(text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_fit_the_kind_of_their_field() {
        let choices = ["small".to_owned()];
        for (kind, good, bad) in [
            ("text", json!("x"), json!(1)),
            ("number", json!(1.5), json!("1")),
            ("date", json!("2026-11-23"), json!("23.11.2026")),
            ("choice", json!("small"), json!("large")),
        ] {
            assert!(fits(kind, &choices, &good) && fits(kind, &choices, &Value::Null));
            assert!(!fits(kind, &choices, &bad), "{kind}");
        }
    }
}
