//! What is to be sent: kept until WhatsApp has said that it took it.

use std::sync::Arc;

use prosaas_core::message::{Delivery, DeliveryReport, OutboundBody, OutboundId, OutboundMessage};
use prosaas_core::{Clock, Error, Result, TenantId, UnixMillis};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Notify};

use super::outbox::Outbox;
use super::vault::{Batch, Kind, Vault, hex, numbered};

const QUEUE: Kind = Kind("queue");
/// Messages of ours by our ids, and by WhatsApp's.
const OURS: Kind = Kind("ours");
const BY_WA_ID: Kind = Kind("by-wa-id");
/// How long an id is recognised.
const KEPT_MS: i64 = 60 * 24 * 3_600_000;

#[derive(Debug, Serialize, Deserialize)]
struct Ours {
    digest: String,
    at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    id: String,
    at: i64,
    /// The place in the queue.
    number: u64,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) wa_id: String,
    pub(crate) chat: String,
    /// The message as WhatsApp encodes it.
    pub(crate) message: Vec<u8>,
}

/// One business's queue.
pub(crate) struct Queue {
    vault: Vault,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    bound: usize,
    next: Mutex<u64>,
    news: Notify,
}

impl Queue {
    pub(crate) async fn open(
        vault: Vault,
        clock: Arc<dyn Clock>,
        tenant: TenantId,
        bound: usize,
    ) -> Result<Self> {
        let waiting = vault.list(QUEUE).await?;
        let last = waiting.last().and_then(|(id, _)| id.parse::<u64>().ok());
        let queue = Self {
            vault,
            clock,
            tenant,
            bound,
            next: Mutex::new(last.unwrap_or(0) + 1),
            news: Notify::new(),
        };
        queue.forget_old().await?;
        Ok(queue)
    }

    async fn forget_old(&self) -> Result<()> {
        let before = self.clock.now().plus(-KEPT_MS).0;
        let mut batch = Batch::default();
        for (id, ours) in self.vault.list_json::<Ours>(OURS).await? {
            if ours.at < before {
                self.vault.delete(&mut batch, OURS, &id);
                let wa_id = wa_id(self.tenant, &OutboundId(id));
                self.vault.delete(&mut batch, BY_WA_ID, &wa_id);
            }
        }
        self.vault.write(batch).await
    }

    /// Whether this very message was given before.
    ///
    /// # Errors
    /// `Conflict` when its id was used for another one.
    pub(crate) async fn has(&self, message: &OutboundMessage) -> Result<bool> {
        let ours: Option<Ours> = self.vault.get_json(OURS, &message.id.0).await?;
        match ours {
            None => Ok(false),
            Some(ours) if ours.digest == digest(message) => Ok(true),
            Some(_) => Err(Error::Conflict {
                what: "message",
                detail: "this id was used for another message".to_owned(),
            }),
        }
    }

    /// Puts a message at the end; `false` when it was given before.
    ///
    /// # Errors
    /// `RateLimited` when too many wait.
    pub(crate) async fn put(
        &self,
        message: &OutboundMessage,
        chat: String,
        encoded: Vec<u8>,
    ) -> Result<bool> {
        let mut next = self.next.lock().await;
        if self.has(message).await? {
            return Ok(false);
        }
        if self.vault.list(QUEUE).await?.len() >= self.bound {
            return Err(Error::RateLimited {
                retry_after: std::time::Duration::from_mins(1),
            });
        }
        let (at, number) = (self.clock.now().0, *next);
        let waiting = Waiting {
            wa_id: wa_id(self.tenant, &message.id),
            chat,
            message: encoded,
        };
        let ours = Ours {
            digest: digest(message),
            at,
        };
        let named = Named {
            id: message.id.0.clone(),
            at,
            number,
        };
        let mut batch = Batch::default();
        self.vault
            .put_json(&mut batch, QUEUE, &numbered(number), &waiting)?;
        self.vault
            .put_json(&mut batch, OURS, &message.id.0, &ours)?;
        self.vault
            .put_json(&mut batch, BY_WA_ID, &waiting.wa_id, &named)?;
        self.vault.write(batch).await?;
        *next += 1;
        self.news.notify_one();
        Ok(true)
    }

    /// The oldest message that waits.
    pub(crate) async fn first(&self) -> Result<Option<Waiting>> {
        let waiting = self.vault.list_json(QUEUE).await?;
        Ok(waiting.into_iter().next().map(|(_, waiting)| waiting))
    }

    /// WhatsApp said something of a message: the report goes to the outbox. A message that it took, or refused,
    /// waits no longer. Nothing happens for a message that is not ours.
    pub(crate) async fn heard(
        &self,
        wa_id: &str,
        delivery: Delivery,
        code: Option<String>,
        at: UnixMillis,
        outbox: &Outbox,
    ) -> Result<()> {
        let named: Option<Named> = self.vault.get_json(BY_WA_ID, wa_id).await?;
        let Some(named) = named else {
            return Ok(());
        };
        let report = DeliveryReport {
            id: OutboundId(named.id),
            delivery,
            sentence: code.as_deref().and_then(sentence).map(str::to_owned),
            code,
            at,
        };
        let mut batch = Batch::default();
        self.vault
            .delete(&mut batch, QUEUE, &numbered(named.number));
        outbox.report(&report, batch).await?;
        self.news.notify_one();
        Ok(())
    }

    /// There is no link to send by any more: what waits is reported as unsent.
    pub(crate) async fn give_up(&self, outbox: &Outbox) -> Result<()> {
        for (_, waiting) in self.vault.list_json::<Waiting>(QUEUE).await? {
            let (code, now) = (Some(UNSENT.to_owned()), self.clock.now());
            self.heard(&waiting.wa_id, Delivery::Failed, code, now, outbox)
                .await?;
        }
        Ok(())
    }

    /// Whether a message is one of ours, by WhatsApp's id.
    pub(crate) async fn sent(&self, wa_id: &str) -> Result<bool> {
        Ok(self.vault.get(BY_WA_ID, wa_id).await?.is_some())
    }

    /// Waits until something changed.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whoever waits for news looks once more.
    pub(crate) fn look(&self) {
        self.news.notify_one();
    }
}

/// WhatsApp's id of a message of ours: always the same, so that a message which is sent twice is shown once.
pub fn wa_id(tenant: TenantId, id: &OutboundId) -> String {
    let digest = Sha256::digest(format!("{tenant}\n{}", id.0).as_bytes());
    format!("3EB0{}", hex(&digest[..9]).to_uppercase())
}

/// What makes two messages the same.
fn digest(message: &OutboundMessage) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    part(message.to.0.as_bytes());
    match &message.body {
        OutboundBody::Text(text) => part(text.as_bytes()),
        OutboundBody::Media(media) => {
            part(media.kind.as_str().as_bytes());
            part(media.mime_type.as_bytes());
            part(media.file_name.as_deref().unwrap_or_default().as_bytes());
            part(media.caption.as_deref().unwrap_or_default().as_bytes());
            part(&media.bytes);
        }
        other => part(format!("{other:?}").as_bytes()),
    }
    hex(&hash.finalize())
}

/// What people are told of the codes that mean something to them.
fn sentence(code: &str) -> Option<&'static str> {
    match code {
        "463" => Some("WhatsApp does not let this number write to new people for the time being."),
        UNSENT => Some("The message could not be sent."),
        _ => None,
    }
}

/// The code of a message that the library could not send.
pub(crate) const UNSENT: &str = "unsent";

#[cfg(test)]
mod tests;
