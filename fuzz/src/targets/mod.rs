//! One target for each parser of foreign input.

mod core;

use crate::target::Target;

/// Every target.
pub(crate) fn all() -> Vec<Target> {
    vec![core::E164, core::IDS]
}

/// The text that bytes are: most of our parsers take text, as the layers below them do.
fn text(input: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(input)
}
