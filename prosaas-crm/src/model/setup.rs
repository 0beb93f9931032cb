//! What a business arranges its leads by: stages, tags and fields of its own.

use std::collections::BTreeMap;

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check;
use super::id::{CustomFieldId, StageId, TagId};
use super::patch::{Replace, require_change};
use super::time::Time;
use super::wall::Day;
use super::words::words;

/// The most stages, tags or fields of a business.
pub const MAX_ITEMS: usize = 200;

/// The longest value of a custom field, in characters.
const MAX_VALUE: usize = 1_000;

words! {
    /// What a stage means.
    StageKind, "kind":
    /// Still under way.
    Open = "open",
    /// Ended well.
    Won = "won",
    /// Ended otherwise.
    Lost = "lost",
}

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

/// A stage that leads pass through. Positions order the stages of a board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Stage {
    /// Its id.
    pub id: StageId,
    /// Its name.
    pub name: String,
    /// What it means.
    pub kind: StageKind,
    /// Its place among the stages.
    pub position: u32,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A stage as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "name": "Visited", "kind": "open" })))]
#[serde(deny_unknown_fields)]
pub struct NewStage {
    /// Its name.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub name: String,
    /// What it means.
    pub kind: StageKind,
    /// Its place among the stages; behind the last one when not said.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(maximum = 100_000))]
    pub position: Option<u32>,
}

/// What changes about a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "name": "Visited twice" })))]
#[serde(deny_unknown_fields, default)]
pub struct StagePatch {
    /// Its name.
    pub name: Replace<String>,
    /// What it means.
    pub kind: Replace<StageKind>,
    /// Its place among the stages.
    pub position: Replace<u32>,
}

impl NewStage {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.name = check_name(&self.name)?;
        self.position.map(check_position).transpose()?;
        Ok(self)
    }
}

impl StagePatch {
    /// Name, kind and position after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(
        self,
        name: String,
        kind: StageKind,
        position: u32,
    ) -> Result<(String, StageKind, u32)> {
        require_change(&[
            self.name.is_change(),
            self.kind.is_change(),
            self.position.is_change(),
        ])?;
        let name = check_name(&self.name.apply(name))?;
        let position = check_position(self.position.apply(position))?;
        Ok((name, self.kind.apply(kind), position))
    }
}

/// A tag on leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// Its colour as `#rrggbb`; empty for none.
    pub color: String,
    /// When it was changed last.
    pub updated_at: Time,
    /// Its version, for `If-Match`.
    pub version: u64,
}

/// A tag as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "name": "VIP", "color": "#00ff7a" })))]
#[serde(deny_unknown_fields)]
pub struct NewTag {
    /// Its name.
    #[cfg_attr(
        feature = "axum",
        schema(min_length = 1, max_length = 200, pattern = r"\S")
    )]
    pub name: String,
    /// Its colour as `#rrggbb`.
    #[serde(default)]
    #[cfg_attr(feature = "axum", schema(pattern = "^(#[0-9a-f]{6})?$"))]
    pub color: String,
}

/// What changes about a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "axum", schema(example = json!({ "color": "#ff0000" })))]
#[serde(deny_unknown_fields, default)]
pub struct TagPatch {
    /// Its name.
    pub name: Replace<String>,
    /// Its colour.
    pub color: Replace<String>,
}

impl NewTag {
    /// The input, cleaned.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(mut self) -> Result<Self> {
        self.name = check_name(&self.name)?;
        check_color(&self.color)?;
        Ok(self)
    }
}

impl TagPatch {
    /// The tag after the patch.
    ///
    /// # Errors
    /// `Invalid` names the field, or says that nothing changes.
    pub fn apply(self, tag: &Tag) -> Result<NewTag> {
        require_change(&[self.name.is_change(), self.color.is_change()])?;
        let name = self.name.apply(tag.name.clone());
        let color = self.color.apply(tag.color.clone());
        NewTag { name, color }.checked()
    }
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

/// The values of a lead's own fields, checked against the business's definitions.
///
/// Numbers become JSON numbers, dates and choices their texts, texts are trimmed; `null` and blank
/// texts remove a value.
///
/// # Errors
/// `Invalid` when a field is not known or put away, or a value is not of its kind. The values are
/// never repeated.
pub fn check_custom(
    fields: &[CustomField],
    values: BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>> {
    check::at_most("custom", &values.keys().collect::<Vec<_>>(), MAX_ITEMS)?;
    let mut checked = BTreeMap::new();
    for (key, value) in values {
        let field = fields.iter().find(|field| field.key == key);
        let field = field.filter(|field| field.archived_at.is_none());
        let field = field.ok_or_else(|| wrong("a field of this business"))?;
        if let Some(value) = check_value(field, value)? {
            checked.insert(key, value);
        }
    }
    Ok(checked)
}

fn check_value(field: &CustomField, value: Value) -> Result<Option<Value>> {
    match (field.kind, value) {
        (_, Value::Null) => Ok(None),
        (FieldKind::Number, Value::Number(number)) => Ok(Some(Value::Number(number))),
        (FieldKind::Number, _) => Err(wrong("a number")),
        (_, Value::String(text)) if text.trim().is_empty() => Ok(None),
        (FieldKind::Text, Value::String(text)) => {
            let text = check::text("custom", &text, MAX_VALUE)?;
            Ok(Some(Value::String(text)))
        }
        (FieldKind::Date, Value::String(text)) => {
            let day: Day = text.trim().parse().map_err(|_| wrong("a date"))?;
            Ok(Some(Value::String(day.to_string())))
        }
        (FieldKind::Choice, Value::String(text)) => {
            let choice = field.choices.iter().find(|choice| **choice == text.trim());
            let choice = choice.ok_or_else(|| wrong("one of the field's choices"))?;
            Ok(Some(Value::String(choice.clone())))
        }
        (FieldKind::Text, _) => Err(wrong("a text")),
        (FieldKind::Date, _) => Err(wrong("a date")),
        (FieldKind::Choice, _) => Err(wrong("one of the field's choices")),
    }
}

fn wrong(expected: &str) -> Error {
    Error::invalid("custom", format!("expected {expected}"))
}

/// The name of a stage, tag or pipeline, cleaned.
///
/// # Errors
/// `Invalid` when it is empty, too long or more than a line.
pub fn check_name(name: &str) -> Result<String> {
    check::line("name", name, check::MAX_NAME)
}

/// A place in a list.
///
/// # Errors
/// `Invalid` when it is absurd.
pub fn check_position(position: u32) -> Result<u32> {
    check::within("position", position, 0, 100_000)
}

fn check_color(color: &str) -> Result<()> {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let digits = color.strip_prefix('#');
    let is_color = digits.is_some_and(|digits| digits.len() == 6 && digits.bytes().all(is_hex));
    if color.is_empty() || is_color {
        return Ok(());
    }
    Err(Error::invalid("color", "expected `#` and six hex digits"))
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
    fn values_fit_their_fields() {
        let mut fields = vec![
            field("city", FieldKind::Text, &[]),
            field("budget", FieldKind::Number, &[]),
            field("moves_on", FieldKind::Date, &[]),
            field("size", FieldKind::Choice, &["קטן", "גדול"]),
            field("old", FieldKind::Text, &[]),
        ];
        fields[4].archived_at = Some(UnixMillis(1).into());
        let check = |value: Value| {
            let values = value.as_object().unwrap().clone().into_iter().collect();
            check_custom(&fields, values).map(|values| json!(values))
        };
        let good =
            json!({"city": " חיפה ", "budget": 4.5, "moves_on": "2026-06-01", "size": "גדול"});
        let stored =
            json!({"city": "חיפה", "budget": 4.5, "moves_on": "2026-06-01", "size": "גדול"});
        assert_eq!(check(good).unwrap(), stored);
        assert_eq!(
            check(json!({"city": " ", "budget": null})).unwrap(),
            json!({})
        );
        for bad in [
            json!({"unknown": 1}),
            json!({"old": "x"}),
            json!({"city": 1}),
            json!({"city": "x".repeat(1_001)}),
            json!({"budget": "4"}),
            json!({"moves_on": "tomorrow"}),
            json!({"moves_on": {}}),
            json!({"size": "medium"}),
            json!({"size": ["גדול"]}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
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
        for (color, good) in [
            ("", true),
            ("#00ff7a", true),
            ("#00FF7A", false),
            ("red", false),
            ("#12345é", false),
        ] {
            assert_eq!(check_color(color).is_ok(), good, "{color}");
        }
    }
}
