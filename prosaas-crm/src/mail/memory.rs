//! A mailer that keeps what it was given, for tests and for an installation without a mail server.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use prosaas_core::Result;

use super::{Mail, Mailer};

/// Keeps the last mails in memory.
#[derive(Default)]
pub struct MemoryMailer(Mutex<Vec<Mail>>);

impl MemoryMailer {
    /// The most mails kept; the oldest goes first.
    pub const CAPACITY: usize = 1000;

    /// What was sent since the last call, the oldest first.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for MemoryMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryMailer")
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == Self::CAPACITY {
            kept.remove(0);
        }
        kept.push(mail.clone());
        Ok(())
    }
}
