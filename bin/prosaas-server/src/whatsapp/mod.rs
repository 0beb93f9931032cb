//! WhatsApp: the ways out, the ways in, and what they keep in the database. A business goes by the phone that the
//! sidecar is linked to, or by its number at Meta.

mod meta;
mod ways;

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
use prosaas_whatsapp::cloud::{Cloud, CloudHost, Receiver as MetaReceiver};

use crate::calls::live::{LiveCalls, WrittenWords};
use crate::config::{Config, MetaConfig, WhatsAppConfig};
use crate::metrics::Metrics;
use ways::Ways;

/// How long the sidecar may take to accept a connection: it stands beside us.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// How long Meta may take to accept a connection.
const CONNECT_TO_META_WITHIN: Duration = Duration::from_secs(10);
/// One sidecar and one app at Meta serve all businesses.
const INSTALLATION: SystemScope = SystemScope::for_installation();

/// The ways to WhatsApp and back.
pub struct WhatsApp {
    transport: Arc<dyn WhatsAppTransport>,
    sidecar: Option<Receiver>,
    meta: Option<MetaReceiver>,
}

impl fmt::Debug for WhatsApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsApp").finish_non_exhaustive()
    }
}

/// What the ways to WhatsApp are made of.
pub(crate) struct Kit<'a> {
    pub(crate) store: &'a Arc<CrmStore>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) live: &'a LiveCalls,
    pub(crate) metrics: &'a Arc<Metrics>,
}

impl WhatsApp {
    /// The ways as configured; `None` with neither a sidecar nor an app at Meta. Nothing is asked of either yet.
    ///
    /// # Errors
    /// When an address or a secret cannot be used, or no HTTP client can be built.
    pub(crate) fn open(config: &Config, kit: &Kit<'_>) -> anyhow::Result<Option<Self>> {
        if config.whatsapp.is_none() && config.meta.is_none() {
            return Ok(None);
        }
        // A provider that is installed already is the host's choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let inbox: Arc<dyn WhatsAppInbox> = Arc::new(Inbox {
            store: Arc::clone(kit.store),
            live: kit.live.clone(),
        });
        let mut phones = None;
        let mut sidecar = None;
        if let Some(found) = &config.whatsapp {
            let shelf = Shelf::in_data_dir(&config.data_dir);
            let (transport, receiver) = to_sidecar(found, shelf, Arc::clone(&inbox), kit)?;
            phones = Some(Arc::new(transport) as Arc<dyn WhatsAppTransport>);
            sidecar = Some(receiver);
        }
        let mut numbers = None;
        let mut meta = None;
        if let Some(found) = &config.meta {
            let (transport, receiver) = to_meta(found, inbox, kit)?;
            numbers = Some(Arc::new(transport) as Arc<dyn WhatsAppTransport>);
            meta = Some(receiver);
        }
        let transport: Arc<dyn WhatsAppTransport> = match (phones, numbers) {
            (None, None) => return Ok(None),
            (Some(phones), None) => phones,
            (phones, Some(cloud)) => Arc::new(Ways {
                store: Arc::clone(kit.store),
                sidecar: phones,
                cloud,
            }),
        };
        Ok(Some(Self {
            transport,
            sidecar,
            meta,
        }))
    }

    /// The way out, whichever a business has.
    pub fn transport(&self) -> Arc<dyn WhatsAppTransport> {
        Arc::clone(&self.transport)
    }

    /// What the way out of a business can do.
    ///
    /// # Errors
    /// When it cannot be found out which way it is.
    pub async fn capabilities_of(&self, tenant: TenantId) -> Result<WhatsAppCapabilities> {
        self.transport.capabilities_of(tenant).await
    }

    /// The way in from the sidecar, where there is one.
    pub const fn sidecar(&self) -> Option<&Receiver> {
        self.sidecar.as_ref()
    }

    /// The way in from Meta, where there is an app.
    pub const fn meta(&self) -> Option<&MetaReceiver> {
        self.meta.as_ref()
    }
}

fn to_sidecar(
    sidecar: &WhatsAppConfig,
    shelf: Shelf,
    inbox: Arc<dyn WhatsAppInbox>,
    kit: &Kit<'_>,
) -> anyhow::Result<(Baileys, Receiver)> {
    let key = InternalKey::new(sidecar.secret.clone()).context("INTERNAL_SECRET")?;
    let host: Arc<dyn SidecarHost> = Arc::new(Host {
        store: Arc::clone(kit.store),
        shelf,
    });
    let transport = Baileys::new(
        &sidecar.sidecar_url,
        key.clone(),
        Arc::clone(kit.clock),
        Arc::clone(&host),
        reqwest::Client::builder().connect_timeout(CONNECT_WITHIN),
    );
    let transport = transport.context("the way to the WhatsApp sidecar could not be set up")?;
    let receiver = Receiver::new(key, Arc::clone(kit.clock), inbox, host);
    Ok((transport, receiver))
}

fn to_meta(
    app: &MetaConfig,
    inbox: Arc<dyn WhatsAppInbox>,
    kit: &Kit<'_>,
) -> anyhow::Result<(Cloud, MetaReceiver)> {
    let host: Arc<dyn CloudHost> = Arc::new(meta::Host {
        store: Arc::clone(kit.store),
        metrics: Arc::clone(kit.metrics),
    });
    let transport = Cloud::new(
        &app.graph_base,
        Arc::clone(kit.clock),
        Arc::clone(&host),
        reqwest::Client::builder().connect_timeout(CONNECT_TO_META_WITHIN),
    );
    let transport = transport.context("META_GRAPH_BASE cannot be used")?;
    let inbox = meta::Inbox::new(inbox, Arc::clone(kit.store), Arc::clone(kit.clock));
    let receiver = MetaReceiver::new(
        app.app_secret.clone(),
        app.verify_token.clone(),
        Arc::new(inbox),
        host,
    );
    Ok((transport, receiver))
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
