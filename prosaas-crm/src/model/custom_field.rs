//! Fields that a business adds to its leads, and the values they take.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check;
use super::id::CustomFieldId;
use super::patch::{Replace, require_change};
use super::setup::check_position;
use super::time::Time;
use super::words::words;

words! {
    /// What values a custom field has.
    FieldKind, "kind":
    /// A text.
    Text = "text",
    /// A number.
    Number = "number",
    /// A date such as `2026-06-01`.
    Date = "date",
    /// One of its choices.
    Choice = "choice",
}

/// A field that a business added to its leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct CustomField {
    /// Its id.
    pub id: CustomFieldId,
    /// Its name in a lead's `custom`; never changes.
    pub key: String,
    /// What people read.
    pub label: String,
    /// What values it has; never changes.
    pub kind: FieldKind,
    /// The choices, for a field of them.
    pub choices: Vec<String>,
    /// Its place among the fields.
    pub position: u32,
    /// When it was put away: its values stay, new ones are refused.
    pub archived_at: Option<Time>,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A field as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "key": "size", "label": "Size", "kind": "choice", "choices": ["small", "large"] })))]
#[serde(deny_unknown_fields)]
pub struct NewCustomField {
    /// Its name in a lead's `custom`.
    #[cfg_attr(feature = "axum", schema(pattern = "^[a-z][a-z0-9_]{0,39}$"))]
    pub key: String,
    /// What people read.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub label: String,
    /// What values it has.
    pub kind: FieldKind,
    /// The choices, for a field of them.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Its place among the fields; behind the last one when not said.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(maximum = 100_000))]
    pub position: Option<u32>,
}

/// What changes about a field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "label": "Size of the car" })))]
#[serde(deny_unknown_fields, default)]
pub struct CustomFieldPatch {
    /// What people read.
    pub label: Replace<String>,
    /// The choices. Values that are no choice any more stay where they are.
    pub choices: Replace<Vec<String>>,
    /// Its place among the fields.
    pub position: Replace<u32>,
    /// Whether it is put away.
    pub archived: Replace<bool>,
}

impl NewCustomField {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        let is_key = |key: &str| {
            let mut bytes = key.bytes();
            bytes.next().is_some_and(|b| b.is_ascii_lowercase())
                && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if self.key.len() > 40 || !is_key(&self.key) {
            let expected = "expected up to 40 small letters, digits and `_`, a letter first";
            return Err(Error::invalid("key", expected));
        }
        self.label = check::line("label", &self.label, check::MAX_NAME)?;
        self.choices = check_choices(self.kind, &self.choices)?;
        self.position.map(check_position).transpose()?;
        Ok(self)
    }
}

impl CustomFieldPatch {
    /// The field after the patch; when it is put away by it is the store's to note.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, field: CustomField) -> Result<CustomField> {
        require_change(&[
            self.label.is_change(),
            self.choices.is_change(),
            self.position.is_change(),
            self.archived.is_change(),
        ])?;
        let label = self.label.apply(field.label);
        let choices = self.choices.apply(field.choices);
        Ok(CustomField {
            label: check::line("label", &label, check::MAX_NAME)?,
            choices: check_choices(field.kind, &choices)?,
            position: check_position(self.position.apply(field.position))?,
            ..field
        })
    }
}

impl CustomField {
    /// Whether a lead may hold this value in the field; `null` removes one.
    pub fn fits(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (_, Value::Null) | (FieldKind::Number, Value::Number(_)) => true,
            (FieldKind::Text, Value::String(text)) => text.chars().count() <= check::MAX_TEXT,
            (FieldKind::Date, Value::String(text)) => text.parse::<jiff::civil::Date>().is_ok(),
            (FieldKind::Choice, Value::String(text)) => self.choices.contains(text),
            _ => false,
        }
    }
}

fn check_choices(kind: FieldKind, choices: &[String]) -> Result<Vec<String>> {
    check::at_most("choices", choices, 100)?;
    let checked: Vec<_> = choices
        .iter()
        .map(|choice| check::line("choices", choice, check::MAX_NAME))
        .collect::<Result<_>>()?;
    let mut sorted = checked.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let fits = (kind == FieldKind::Choice) != checked.is_empty();
    if fits && sorted.len() == checked.len() {
        return Ok(checked);
    }
    let expected = "expected different choices, for a field of choices only";
    Err(Error::invalid("choices", expected))
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;
    use serde_json::json;

    use super::*;

    fn field(key: &str, kind: FieldKind, choices: &[&str]) -> CustomField {
        CustomField {
            id: CustomFieldId::mint(UnixMillis(1)),
            key: key.to_owned(),
            label: key.to_owned(),
            kind,
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
            position: 0,
            archived_at: None,
            updated_at: UnixMillis(1).into(),
            version: 1,
        }
    }

    #[test]
    fn values_fit_the_kind_of_their_field() {
        for (kind, good, bad) in [
            (FieldKind::Text, json!("x"), json!(1)),
            (FieldKind::Number, json!(1.5), json!("1")),
            (FieldKind::Date, json!("2026-11-23"), json!("23.11.2026")),
            (FieldKind::Choice, json!("small"), json!("large")),
        ] {
            let field = field("x", kind, &["small"]);
            assert!(field.fits(&good) && field.fits(&Value::Null));
            for bad in [bad, json!({}), json!([good])] {
                assert!(!field.fits(&bad), "{kind:?} {bad}");
            }
        }
        let text = field("x", FieldKind::Text, &[]);
        assert!(!text.fits(&json!("x".repeat(check::MAX_TEXT + 1))));
    }

    #[test]
    fn definitions_make_sense() {
        let new = |key: &str, kind, choices: &[&str]| NewCustomField {
            key: key.to_owned(),
            label: "x".to_owned(),
            kind,
            choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
            position: None,
        };
        assert!(new("move_date", FieldKind::Date, &[]).checked().is_ok());
        assert!(
            new("size", FieldKind::Choice, &["a", "b"])
                .checked()
                .is_ok()
        );
        for bad in [
            new("", FieldKind::Text, &[]),
            new("Size", FieldKind::Text, &[]),
            new("1st", FieldKind::Text, &[]),
            new("size", FieldKind::Choice, &[]),
            new("size", FieldKind::Text, &["a"]),
            new("size", FieldKind::Choice, &["a", " a"]),
        ] {
            assert!(bad.clone().checked().is_err(), "{bad:?}");
        }
    }
}
