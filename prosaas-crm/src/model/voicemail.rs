//! The message that a caller left.

use std::fmt;

use prosaas_core::{E164, UnixMillis};

/// A message that a caller left.
#[derive(Clone, PartialEq, Eq)]
pub struct Voicemail {
    /// Who left it; `None` when the number is withheld.
    pub caller: Option<E164>,
    /// His name, once it is known.
    pub name: Option<String>,
    /// The number that he called.
    pub called: E164,
    /// When the call began.
    pub began_at: UnixMillis,
    /// When the carrier first spoke of the message.
    pub left_at: UnixMillis,
    /// How long it is, in milliseconds, once known.
    pub duration_ms: Option<u64>,
    /// Where its file is, relative to the data directory, once it is stored.
    pub path: Option<String>,
    /// What is said in it, once that was written down.
    pub words: Option<String>,
    /// When it was written down, or nobody tried any more.
    pub heard_at: Option<UnixMillis>,
    /// When the business's people were told of it.
    pub told_at: Option<UnixMillis>,
}

impl fmt::Debug for Voicemail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voicemail")
            .field("left_at", &self.left_at)
            .field("heard_at", &self.heard_at)
            .field("told_at", &self.told_at)
            .finish_non_exhaustive()
    }
}

/// How the business's people hear of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// They were told before.
    Earlier,
    /// A WhatsApp is on its way to them.
    Whatsapp,
    /// None of them can be written to on WhatsApp.
    Nobody,
}
