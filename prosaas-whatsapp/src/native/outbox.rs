//! What came in and was acknowledged to WhatsApp, kept until the host's inbox has taken it.

use std::sync::Arc;

use prosaas_core::message::{Delivery, DeliveryReport, OutboundId};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{Clock, Error, Result, UnixMillis};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Notify};
use whatsapp_rust::waproto::codec;
use whatsapp_rust::waproto::whatsapp as wa;

use super::translate::{self, Envelope, FileKey};
use super::vault::{Batch, Kind, Vault, numbered};

const OUTBOX: Kind = Kind("outbox");
/// Messages that came in, so that one which comes again is not offered again.
const SEEN: Kind = Kind("seen");
/// People who wrote to the business, by their addresses.
const KNOWN: Kind = Kind("known");
const FILE: Kind = Kind("file");
/// How long messages are recognised and files can be fetched: WhatsApp itself keeps either no longer.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// A record of the outbox; a message's bytes follow it.
#[derive(Debug, Serialize, Deserialize)]
enum Kept {
    Message(Envelope),
    Report {
        id: String,
        delivery: Delivery,
        code: Option<String>,
        sentence: Option<String>,
        at: i64,
    },
}

/// One business's outbox.
pub(crate) struct Outbox {
    vault: Vault,
    clock: Arc<dyn Clock>,
    /// The most events that wait; beyond it messages are left with WhatsApp.
    bound: usize,
    ends: Mutex<Ends>,
    news: Notify,
}

/// The numbers of the oldest event that waits and of the next one.
#[derive(Clone, Copy, Debug)]
struct Ends {
    first: u64,
    next: u64,
}

impl Outbox {
    pub(crate) async fn open(vault: Vault, clock: Arc<dyn Clock>, bound: usize) -> Result<Self> {
        let waiting = vault.list(OUTBOX).await?;
        let mut numbers = waiting.iter().filter_map(|(id, _)| id.parse::<u64>().ok());
        let first = numbers.next();
        let next = numbers.next_back().or(first).map_or(1, |last| last + 1);
        let ends = Ends {
            first: first.unwrap_or(next),
            next,
        };
        let outbox = Self {
            vault,
            clock,
            bound,
            ends: Mutex::new(ends),
            news: Notify::new(),
        };
        outbox.forget_old().await?;
        Ok(outbox)
    }

    async fn forget_old(&self) -> Result<()> {
        let before = self.clock.now().plus(-KEPT_MS).0;
        let mut batch = Batch::default();
        for (id, at) in self.vault.list_json::<i64>(SEEN).await? {
            if at < before {
                self.vault.delete(&mut batch, SEEN, &id);
            }
        }
        for (id, file) in self.vault.list_json::<FileKey>(FILE).await? {
            if file.at < before {
                self.vault.delete(&mut batch, FILE, &id);
            }
        }
        self.vault.write(batch).await
    }

    /// Keeps messages that came in, all or none. Those that came before are left out.
    ///
    /// # Errors
    /// When they could not be kept, or too many wait: WhatsApp is to keep them.
    pub(crate) async fn keep(&self, messages: &[(Envelope, Option<&wa::Message>)]) -> Result<()> {
        let mut ends = self.ends.lock().await;
        let waiting = ends.next.saturating_sub(ends.first) as usize;
        if waiting + messages.len() > self.bound {
            return Err(Error::unavailable(
                "WhatsApp inbox",
                "too much waits for it",
            ));
        }
        let (mut batch, mut next, mut seen) = (Batch::default(), ends.next, Vec::new());
        for (envelope, message) in messages {
            let id = seen_id(envelope);
            if seen.contains(&id) || self.vault.get(SEEN, &id).await?.is_some() {
                continue;
            }
            self.add(&mut batch, next, envelope, *message)?;
            let now = self.clock.now().0;
            self.vault.put_json(&mut batch, SEEN, &id, &now)?;
            seen.push(id);
            next += 1;
        }
        self.vault.write(batch).await?;
        ends.next = next;
        self.news.notify_one();
        Ok(())
    }

    fn add(
        &self,
        batch: &mut Batch,
        number: u64,
        envelope: &Envelope,
        message: Option<&wa::Message>,
    ) -> Result<()> {
        let bytes = message.map(codec::message_to_vec).unwrap_or_default();
        let kept = Kept::Message(envelope.clone());
        self.vault
            .put(batch, OUTBOX, &numbered(number), &joined(&kept, &bytes)?)?;
        if !envelope.from_me {
            for name in names(envelope) {
                self.vault.put(batch, KNOWN, &name, &[])?;
            }
        }
        let now = self.clock.now().0;
        if let Some(file) = message.and_then(|message| translate::file_key(message, now)) {
            let handle = format!("{} {}", envelope.id, envelope.with.address());
            self.vault.put_json(batch, FILE, &handle, &file)?;
        }
        Ok(())
    }

    /// Keeps a report, with other changes that belong to it.
    pub(crate) async fn report(&self, report: &DeliveryReport, mut batch: Batch) -> Result<()> {
        let mut ends = self.ends.lock().await;
        let kept = Kept::Report {
            id: report.id.0.clone(),
            delivery: report.delivery,
            code: report.code.clone(),
            sentence: report.sentence.clone(),
            at: report.at.0,
        };
        let record = joined(&kept, &[])?;
        self.vault
            .put(&mut batch, OUTBOX, &numbered(ends.next), &record)?;
        self.vault.write(batch).await?;
        ends.next += 1;
        self.news.notify_one();
        Ok(())
    }

    /// The oldest event that waits, with its number; `None` for a record that says nothing to people.
    pub(crate) async fn first(&self) -> Result<Option<(u64, Option<WhatsAppEvent>)>> {
        let ends = *self.ends.lock().await;
        if ends.first == ends.next {
            return Ok(None);
        }
        let record = self.vault.get(OUTBOX, &numbered(ends.first)).await?;
        let event = record.and_then(|record| event(&record));
        Ok(Some((ends.first, event)))
    }

    /// The inbox has taken an event, or there was nothing in it.
    pub(crate) async fn taken(&self, number: u64) -> Result<()> {
        let mut ends = self.ends.lock().await;
        if ends.first == number {
            self.vault.delete_now(OUTBOX, &numbered(number)).await?;
            ends.first += 1;
        }
        Ok(())
    }

    /// Waits until something new is there.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Whoever waits for news looks once more.
    pub(crate) fn look(&self) {
        self.news.notify_one();
    }

    /// Whether this person ever wrote to the business.
    pub(crate) async fn knows(&self, address: &str) -> Result<bool> {
        Ok(self.vault.get(KNOWN, address).await?.is_some())
    }

    /// What the file of a message is fetched by.
    pub(crate) async fn file(&self, handle: &str) -> Result<Option<FileKey>> {
        self.vault.get_json(FILE, handle).await
    }
}

/// Ids of messages are one chat's and one side's own. What could not be read yet may come again with its content.
fn seen_id(envelope: &Envelope) -> String {
    let address = envelope.with.address();
    let instead = envelope.instead.as_deref().unwrap_or_default();
    format!(
        "{address}\n{}\n{}\n{instead}",
        envelope.id, envelope.from_me
    )
}

fn names(envelope: &Envelope) -> Vec<String> {
    let phone = envelope.with.phone.as_deref();
    let phone = phone.map(|digits| format!("{digits}@s.whatsapp.net"));
    envelope.with.lid.clone().into_iter().chain(phone).collect()
}

/// A record: the length of its JSON, the JSON, the bytes.
fn joined(kept: &Kept, bytes: &[u8]) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(kept).map_err(|error| Error::internal("an event", error))?;
    let length = (json.len() as u32).to_be_bytes();
    Ok([length.as_slice(), &json, bytes].concat())
}

fn event(record: &[u8]) -> Option<WhatsAppEvent> {
    let (length, rest) = record.split_first_chunk::<4>()?;
    let (json, bytes) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    match serde_json::from_slice(json).ok()? {
        Kept::Message(envelope) => translate::inbound(envelope, bytes).map(WhatsAppEvent::Message),
        Kept::Report {
            id,
            delivery,
            code,
            sentence,
            at,
        } => Some(WhatsAppEvent::Delivery(DeliveryReport {
            id: OutboundId(id),
            delivery,
            code,
            sentence,
            at: UnixMillis(at),
        })),
    }
}
