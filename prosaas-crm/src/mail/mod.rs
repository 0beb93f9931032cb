//! Mail to people: what it says (pure) and how it leaves (a trait with an SMTP implementation).
//!
//! A mail may hold a one-time link, so neither its text nor its address prints.

pub mod memory;
#[cfg(feature = "mail")]
pub mod smtp;
mod text;

use std::fmt;

use async_trait::async_trait;
use prosaas_core::{Language, Result, SecretString, UnixMillis};

use crate::model::email::EmailAddress;

pub use memory::MemoryMailer;
#[cfg(feature = "mail")]
pub use smtp::SmtpMailer;
pub use text::{MailText, render};

/// What a mail is about.
#[derive(Clone, Debug)]
pub enum MailContent {
    /// Somebody was invited to a business.
    Invitation {
        /// The business's name.
        business: String,
        /// Who invites.
        invited_by: String,
        /// The one-time link.
        link: SecretString,
    },
    /// Somebody asked for a new password.
    PasswordReset {
        /// The one-time link.
        link: SecretString,
    },
    /// A system administrator began to act for the business.
    ActingNotice {
        /// The business's name.
        business: String,
        /// Who acts.
        admin: String,
        /// Why, in his words.
        reason: String,
        /// Until when at the latest, already written for the reader.
        until: String,
    },
    /// Something the business should know at once, such as an urgent call.
    Alert {
        /// The business's name.
        business: String,
        /// One line.
        headline: String,
        /// What happened.
        detail: String,
        /// Where to look.
        link: String,
    },
}

/// A mail to one person.
#[derive(Clone)]
pub struct Mail {
    /// To whom.
    pub to: EmailAddress,
    /// In which language.
    pub language: Language,
    /// About what.
    pub content: MailContent,
    /// When it was written.
    pub at: UnixMillis,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = match self.content {
            MailContent::Invitation { .. } => "invitation",
            MailContent::PasswordReset { .. } => "password reset",
            MailContent::ActingNotice { .. } => "acting notice",
            MailContent::Alert { .. } => "alert",
        };
        f.debug_struct("Mail")
            .field("to", &self.to)
            .field("content", &content)
            .finish_non_exhaustive()
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync + fmt::Debug + 'static {
    /// Hands a mail to the next server; `Ok` means that it took it.
    ///
    /// # Errors
    /// `Unavailable` when the server is away or asks to come back later, `Invalid` when it refuses the
    /// address for good.
    async fn send(&self, mail: &Mail) -> Result<()>;
}
