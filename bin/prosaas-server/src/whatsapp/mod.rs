//! WhatsApp over the sidecar: the way out, the way in, and what the two keep in the database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use prosaas_core::message::{
    Author, ChatParty, ContactAlias, InboundBody, OutboundId, OutboundMedia,
};
use prosaas_core::whatsapp::{WhatsAppCapabilities, WhatsAppEvent};
use prosaas_core::{Clock, E164, Error, Result, TenantId, WhatsAppInbox, WhatsAppTransport};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::{SystemScope, TenantScope};
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::message_file::MOST_SENT;
use prosaas_crm::shelf::Shelf;
use prosaas_whatsapp::baileys::{Baileys, FILES_PATH, InternalKey, Receiver, SidecarHost};

use crate::calls::live::{LiveCalls, WrittenWords};
use crate::config::Config;

/// How long the sidecar may take to accept a connection: it stands beside us.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// One sidecar serves all businesses.
const INSTALLATION: SystemScope = SystemScope::for_installation();

/// The sidecar as this server sees it.
pub struct WhatsApp {
    transport: Arc<dyn WhatsAppTransport>,
    receiver: Receiver,
}

impl fmt::Debug for WhatsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsApp").finish_non_exhaustive()
    }
}

impl WhatsApp {
    /// Both ways, as configured; `None` without a sidecar. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When address or secret cannot be used, or no HTTP client can be built.
    pub fn open(
        config: &Config,
        store: &Arc<CrmStore>,
        clock: &Arc<dyn Clock>,
        live: &LiveCalls,
    ) -> anyhow::Result<Option<Self>> {
        let Some(sidecar) = &config.whatsapp else {
            return Ok(None);
        };
        // A provider that is installed already is the host's choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = InternalKey::new(sidecar.secret.clone()).context("INTERNAL_SECRET")?;
        let host: Arc<dyn SidecarHost> = Arc::new(Host {
            store: Arc::clone(store),
            shelf: Shelf::in_data_dir(&config.data_dir),
        });
        let transport = Baileys::new(
            &sidecar.sidecar_url,
            key.clone(),
            Arc::clone(clock),
            Arc::clone(&host),
            reqwest::Client::builder().connect_timeout(CONNECT_WITHIN),
        );
        let transport = transport.context("the way to the WhatsApp sidecar could not be set up")?;
        let inbox: Arc<dyn WhatsAppInbox> = Arc::new(Inbox {
            store: Arc::clone(store),
            live: live.clone(),
        });
        Ok(Some(Self {
            transport: Arc::new(transport),
            receiver: Receiver::new(key, Arc::clone(clock), inbox, host),
        }))
    }

    /// The way out.
    pub fn transport(&self) -> Arc<dyn WhatsAppTransport> {
        Arc::clone(&self.transport)
    }

    /// What the way out can do.
    pub fn capabilities(&self) -> WhatsAppCapabilities {
        self.transport.capabilities()
    }

    /// The way in.
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }
}

/// What is kept for the sidecar: who owns a session, and the files it is to send.
struct Host {
    store: Arc<CrmStore>,
    shelf: Shelf,
}
/// Keeps what comes in, and tells the call that its sender is speaking in, if this process carries it.
struct Inbox {
    store: Arc<CrmStore>,
    live: LiveCalls,
}

#[async_trait]
impl WhatsAppInbox for Inbox {
    async fn accept(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<()> {
        let scope = self.live.listening(tenant);
        let said = scope.zip(said(&event));
        self.store.accept(tenant, event).await?;
        if let Some((scope, (party, words))) = said {
            self.tell(&scope, &party, &words).await;
        }
        Ok(())
    }
}

impl Inbox {
    /// It is kept already: a call that cannot be told is no reason to be offered it again.
    async fn tell(&self, scope: &TenantScope, party: &ChatParty, words: &WrittenWords) {
        let mut numbers: Vec<E164> = party.aliases.iter().filter_map(number).collect();
        if numbers.is_empty() {
            match self.store.wa_numbers(scope, &party.address).await {
                Ok(known) => numbers = known,
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "nobody knows whether somebody who writes is on the phone");
                }
            }
        }
        let tenant = scope.tenant();
        if self.live.caller_wrote(tenant, &numbers, words) {
            tracing::info!(%tenant, "a caller wrote during his call, and the agent was told");
        }
    }
}

/// What a customer wrote, if there are words in it.
fn said(event: &WhatsAppEvent) -> Option<(ChatParty, WrittenWords)> {
    let WhatsAppEvent::Message(message) = event else {
        return None;
    };
    let InboundBody::Text(text) = &message.body else {
        return None;
    };
    if message.author != Author::Customer || text.trim().is_empty() {
        return None;
    }
    let words = WrittenWords {
        id: message.id.clone(),
        text: text.clone(),
        at: message.sent_at,
    };
    Some((message.party.clone(), words))
}

fn number(alias: &ContactAlias) -> Option<E164> {
    match alias {
        ContactAlias::Phone(number) => Some(number.clone()),
        _ => None,
    }
}

#[async_trait]
impl SidecarHost for Host {
    async fn owner_epoch(&self, tenant: TenantId) -> Result<u64> {
        self.store.wa_owner_epoch(&INSTALLATION, tenant).await
    }

    async fn raise_epoch(&self, tenant: TenantId) -> Result<u64> {
        self.store.raise_wa_epoch(&INSTALLATION, tenant).await
    }

    async fn note_epoch(&self, tenant: TenantId, epoch: u64) -> Result<()> {
        let held = self
            .store
            .recall_wa_epoch(&INSTALLATION, tenant, epoch)
            .await?;
        tracing::warn!(%tenant, epoch, held, "a sidecar speaks of a later owner than the database knew");
        Ok(())
    }

    /// The file is on the shelf since it was uploaded, and stays there.
    async fn shelve(
        &self,
        tenant: TenantId,
        id: &OutboundId,
        media: &OutboundMedia,
    ) -> Result<String> {
        let message: MessageId = id.0.parse()?;
        match self.shelf.read(tenant, message, MOST_SENT).await? {
            Some(bytes) if bytes == media.bytes => Ok(format!("{FILES_PATH}{tenant}/{message}")),
            _ => Err(Error::NotFound { what: "file" }),
        }
    }

    async fn shelved(&self, path: &str) -> Result<Option<Bytes>> {
        match file_of(path) {
            Some((tenant, message)) => self.shelf.read(tenant, message, MOST_SENT).await,
            None => Ok(None),
        }
    }
}

/// Whose file a path of the sidecar's names. Both ids are parsed: nothing else of it reaches the disk.
fn file_of(path: &str) -> Option<(TenantId, MessageId)> {
    let (tenant, message) = path.strip_prefix(FILES_PATH)?.split_once('/')?;
    Some((tenant.parse().ok()?, message.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_of_a_business_or_nothing() {
        let (tenant, message) = (
            TenantId::mint(prosaas_core::UnixMillis(1)),
            MessageId::mint(prosaas_core::UnixMillis(2)),
        );
        let path = format!("{FILES_PATH}{tenant}/{message}");
        assert_eq!(file_of(&path), Some((tenant, message)));
        for wrong in [
            format!("{FILES_PATH}{tenant}/../{message}"),
            format!("{FILES_PATH}{tenant}/{message}.1.part"),
            format!("{FILES_PATH}{message}/{tenant}"),
            format!("{FILES_PATH}{tenant}"),
            format!("/elsewhere/{tenant}/{message}"),
        ] {
            assert_eq!(file_of(&wrong), None, "{wrong}");
        }
    }
}
