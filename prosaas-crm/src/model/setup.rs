//! What a business arranges its leads by: stages and tags.

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::check;
use super::id::{StageId, TagId};
use super::patch::{Replace, require_change};
use super::time::Time;
use super::words::words;

/// The most stages, tags or fields of a business.
pub const MAX_ITEMS: usize = 200;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_hex_digits() {
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
