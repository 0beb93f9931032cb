//! What became of telling a webhook of an event.

use std::fmt;

use prosaas_core::{Error, Result, UnixMillis};

use super::id::{DeliveryId, WebhookId};
use super::words::words;

words! {
    /// How far a delivery has come.
    DeliveryState, "state":
    /// It is to be sent, or to be sent again.
    Pending = "pending",
    /// The receiver has it.
    Delivered = "delivered",
    /// It was given up; it may be replayed.
    Dead = "dead",
}

/// The most deliveries that are sent once more at a time.
pub const MAX_REPLAY: u32 = 1_000;

/// Which deliveries of a webhook are sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayWindow {
    /// Events from then on.
    pub from: UnixMillis,
    /// Events before then.
    pub until: UnixMillis,
    /// Only those that have come so far.
    pub state: Option<DeliveryState>,
}

impl ReplayWindow {
    /// A window that something can be in.
    ///
    /// # Errors
    /// `Invalid` when it ends before it begins, or asks for what waits to be sent anyway.
    pub fn new(from: UnixMillis, until: UnixMillis, state: Option<DeliveryState>) -> Result<Self> {
        if until <= from {
            return Err(Error::invalid("until", "expected a time after `from`"));
        }
        if state == Some(DeliveryState::Pending) {
            return Err(Error::invalid("state", "expected `dead` or `delivered`"));
        }
        Ok(Self { from, until, state })
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its id: the receiver's key against copies.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The kind of event.
    pub kind: String,
    /// What is sent.
    pub payload: serde_json::Value,
    /// How far it has come.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The receiver's last HTTP status.
    pub last_status: Option<u16>,
    /// Why the last attempt failed without a status.
    pub last_error: Option<String>,
    /// When the event happened.
    pub created_at: UnixMillis,
    /// When the receiver had it.
    pub delivered_at: Option<UnixMillis>,
}

/// A delivery with what it takes to send it.
#[derive(Clone)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Where it goes.
    pub url: String,
    /// The sealed key.
    pub secret: Vec<u8>,
    /// The sealed key before it, while both sign.
    pub old_secret: Option<Vec<u8>>,
}

impl fmt::Debug for DueDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DueDelivery")
            .field("delivery", &self.delivery.id)
            .finish_non_exhaustive()
    }
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver has it.
    Delivered {
        /// What it answered.
        status: u16,
    },
    /// It does not.
    Failed {
        /// What it answered, if it did.
        status: Option<u16>,
        /// Why there is no answer.
        error: Option<String>,
        /// When it is tried again; `None` gives it up.
        again_at: Option<UnixMillis>,
    },
    /// It says that it will never take events again.
    Gone,
}
