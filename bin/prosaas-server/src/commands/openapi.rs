//! `prosaas openapi`: the API's document, as it is committed in `docs/openapi.json`.

use std::io::{self, Write};

/// Prints the document.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(out: &mut impl Write) -> io::Result<()> {
    let document = prosaas_crm::api::document();
    writeln!(out, "{document:#}")
}
