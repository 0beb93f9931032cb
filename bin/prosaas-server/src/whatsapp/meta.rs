//! What is kept for businesses' numbers at Meta, and what comes from there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use prosaas_core::message::{ChatAddress, OutboundId};
use prosaas_core::whatsapp::WhatsAppEvent;
use prosaas_core::{Clock, Result, TenantId, UnixMillis, WhatsAppInbox};
use prosaas_crm::CrmStore;
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::whatsapp::MessageClaim;
use prosaas_whatsapp::cloud::{Claim, CloudAccount, CloudHost};

use super::INSTALLATION;
use crate::metrics::Metrics;

/// How often it is written down that Meta told of a number, in milliseconds.
const NOTED_EVERY_MS: i64 = 60_000;

/// What is kept for businesses' numbers: their tokens, and which messages were handed over.
pub(super) struct Host {
    pub(super) store: Arc<CrmStore>,
    pub(super) metrics: Arc<Metrics>,
}

#[async_trait]
impl CloudHost for Host {
    async fn account(&self, tenant: TenantId) -> Result<Option<CloudAccount>> {
        let Some(link) = self.store.wa_cloud(&INSTALLATION, tenant).await? else {
            return Ok(None);
        };
        let token = self.store.wa_cloud_token(&INSTALLATION, tenant).await?;
        Ok(token.map(|token| CloudAccount {
            phone_number_id: link.number.number_id,
            token,
            linked: link.is_on,
        }))
    }

    async fn tenant_of(&self, phone_number_id: &str) -> Result<Option<TenantId>> {
        let owner = self
            .store
            .wa_cloud_owner(&INSTALLATION, phone_number_id)
            .await?;
        if owner.is_none() {
            self.metrics.number_of_nobody();
        }
        Ok(owner)
    }

    async fn set_linked(&self, tenant: TenantId, linked: bool) -> Result<()> {
        self.store
            .switch_wa_cloud(&INSTALLATION, tenant, linked)
            .await
    }

    async fn last_heard(&self, tenant: TenantId, chat: &ChatAddress) -> Result<Option<UnixMillis>> {
        self.store.wa_last_heard(&INSTALLATION, tenant, chat).await
    }

    async fn claim(&self, tenant: TenantId, id: &OutboundId, digest: [u8; 32]) -> Result<Claim> {
        let id: MessageId = id.0.parse()?;
        let claimed = self
            .store
            .claim_message(&INSTALLATION, tenant, (id, digest))
            .await?;
        Ok(match claimed {
            MessageClaim::New => Claim::New,
            MessageClaim::Sent => Claim::Sent,
            MessageClaim::InDoubt => Claim::InDoubt,
            MessageClaim::Other => Claim::Other,
        })
    }

    async fn settle(&self, tenant: TenantId, id: &OutboundId, sent: bool) -> Result<()> {
        let Ok(id) = id.0.parse::<MessageId>() else {
            // Some message that another program sent by the number.
            return Ok(());
        };
        self.store
            .settle_claim(&INSTALLATION, tenant, (id, sent))
            .await
    }
}

/// Keeps what Meta tells of, and when it last did.
pub(super) struct Inbox {
    kept_by: Arc<dyn WhatsAppInbox>,
    store: Arc<CrmStore>,
    clock: Arc<dyn Clock>,
    /// When it was last written down, by business.
    noted: Mutex<HashMap<TenantId, UnixMillis>>,
}

impl Inbox {
    pub(super) fn new(
        kept_by: Arc<dyn WhatsAppInbox>,
        store: Arc<CrmStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            kept_by,
            store,
            clock,
            noted: Mutex::default(),
        }
    }

    /// Whether it is to be written down that the business's number was told of.
    fn is_news(&self, tenant: TenantId) -> bool {
        let now = self.clock.now();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = noted
            .get(&tenant)
            .is_none_or(|at| now.since(*at) >= NOTED_EVERY_MS);
        if is_news {
            noted.insert(tenant, now);
        }
        is_news
    }
}

#[async_trait]
impl WhatsAppInbox for Inbox {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()> {
        self.kept_by.accept(tenant, event).await?;
        if self.is_news(tenant) {
            let noted = self.store.note_wa_cloud_heard(&INSTALLATION, tenant).await;
            // The event itself is kept: this is no reason to be told of it again.
            if let Err(error) = noted {
                tracing::warn!(error = %error.chain(), "when Meta last told of a number could not be noted");
            }
        }
        Ok(())
    }
}
