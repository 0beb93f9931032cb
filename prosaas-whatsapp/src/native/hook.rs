//! Messages that came in are kept before WhatsApp is told that they were received.

use std::sync::Arc;

use async_trait::async_trait;
use whatsapp_rust::anyhow;
use whatsapp_rust::traits::ProtocolStore as _;
use whatsapp_rust::types::durability_hook::InboundMessage;
use whatsapp_rust::{Client, InboundDurabilityHook};

use super::keys::Keys;
use super::listener;
use super::outbox::Outbox;
use super::queue::Queue;
use super::translate::{Envelope, Person};

/// Called by the library for every message, before it acknowledges it.
pub(crate) struct Hook {
    pub(crate) keys: Arc<Keys>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) queue: Arc<Queue>,
}

impl Hook {
    /// The other name of a person of whom WhatsApp told one.
    async fn complete(&self, person: &mut Person) -> anyhow::Result<()> {
        match (person.lid.as_deref(), person.phone.as_deref()) {
            (Some(lid), None) => {
                let user = lid.split('@').next().unwrap_or_default();
                let known = self.keys.get_lid_mapping(user).await?;
                person.phone = known.map(|known| known.phone_number);
            }
            (None, Some(phone)) => {
                let known = self.keys.get_pn_mapping(phone).await?;
                person.lid = known.map(|known| format!("{}@lid", known.lid));
            }
            _ => {}
        }
        Ok(())
    }

    async fn envelope(&self, message: &InboundMessage) -> anyhow::Result<Option<Envelope>> {
        let Some(mut envelope) = listener::envelope(&message.info) else {
            return Ok(None);
        };
        // What we sent ourselves comes back from the business's other devices.
        if envelope.from_me && self.queue.sent(&envelope.id).await? {
            return Ok(None);
        }
        self.complete(&mut envelope.with).await?;
        Ok(Some(envelope))
    }
}

#[async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        _client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        let mut kept = Vec::with_capacity(batch.len());
        for message in batch {
            if let Some(envelope) = self.envelope(message).await? {
                kept.push((envelope, Some(&*message.message)));
            }
        }
        self.outbox.keep(&kept).await?;
        Ok(())
    }
}
