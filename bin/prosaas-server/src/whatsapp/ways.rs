//! Which way a business's WhatsApp goes: by the phone that the sidecar is linked to, or by its number at Meta.

use std::sync::Arc;

use async_trait::async_trait;
use prosaas_core::message::{ChatAddress, InboundMedia, OutboundMessage};
use prosaas_core::whatsapp::{FileSink, LinkMethod, LinkState, WhatsAppCapabilities};
use prosaas_core::{Error, Result, TenantId, WhatsAppTransport};
use prosaas_crm::CrmStore;

use super::INSTALLATION;

/// What stands behind the digits of somebody's number in his address on a linked phone.
const ON_THE_PHONE: &str = "@s.whatsapp.net";

/// Both ways as one: a business with a number at Meta goes by that, and so does everybody where there is no
/// sidecar.
pub(super) struct Ways {
    pub(super) store: Arc<CrmStore>,
    pub(super) sidecar: Option<Arc<dyn WhatsAppTransport>>,
    pub(super) cloud: Arc<dyn WhatsAppTransport>,
}

impl Ways {
    /// The way to the business's phone; `None` when it goes by Meta.
    async fn phone_of(&self, tenant: TenantId) -> Result<Option<&dyn WhatsAppTransport>> {
        let Some(sidecar) = &self.sidecar else {
            return Ok(None);
        };
        let number = self.store.wa_cloud(&INSTALLATION, tenant).await?;
        Ok(number.is_none().then_some(&**sidecar))
    }

    async fn way_of(&self, tenant: TenantId) -> Result<&dyn WhatsAppTransport> {
        let phone = self.phone_of(tenant).await?;
        Ok(phone.unwrap_or(&*self.cloud))
    }

    /// Where Meta finds somebody whose conversation began on a phone: by the number.
    async fn at_meta(&self, tenant: TenantId, chat: ChatAddress) -> Result<ChatAddress> {
        if !chat.0.contains('@') {
            return Ok(chat);
        }
        if let Some(digits) = digits(&chat) {
            return Ok(digits);
        }
        let known = self
            .store
            .wa_number_behind(&INSTALLATION, tenant, &chat)
            .await?;
        let number = known.ok_or_else(|| Error::Conflict {
            what: "message",
            detail: "this person wrote to the phone that was linked before, and the number is not known: \
                     it cannot be written to by Meta"
                .to_owned(),
        })?;
        let digits = number.expose().trim_start_matches('+');
        Ok(ChatAddress(digits.to_owned()))
    }
}

/// Where a linked phone finds somebody whose conversation began at Meta: by the number.
fn on_the_phone(chat: ChatAddress) -> ChatAddress {
    let is_number = !chat.0.is_empty() && chat.0.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return ChatAddress(format!("{}{ON_THE_PHONE}", chat.0));
    }
    chat
}

/// The number in an address that holds one, as Meta writes it.
fn digits(chat: &ChatAddress) -> Option<ChatAddress> {
    let name = chat.0.strip_suffix(ON_THE_PHONE)?;
    let digits = name.split(':').next()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| ChatAddress(digits.to_owned()))
}

#[async_trait]
impl WhatsAppTransport for Ways {
    /// What the way of the usual business can do; [`Ways::capabilities_of`] knows better.
    fn capabilities(&self) -> WhatsAppCapabilities {
        let usual = self.sidecar.as_ref().unwrap_or(&self.cloud);
        usual.capabilities()
    }

    async fn capabilities_of(&self, tenant: TenantId) -> Result<WhatsAppCapabilities> {
        Ok(self.way_of(tenant).await?.capabilities())
    }

    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        self.way_of(tenant).await?.state(tenant).await
    }

    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        self.way_of(tenant).await?.link(tenant, method).await
    }

    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.way_of(tenant).await?.unlink(tenant).await
    }

    async fn send(&self, tenant: TenantId, mut message: OutboundMessage) -> Result<bool> {
        if let Some(phone) = self.phone_of(tenant).await? {
            message.to = on_the_phone(message.to);
            return phone.send(tenant, message).await;
        }
        message.to = self.at_meta(tenant, message.to).await?;
        self.cloud.send(tenant, message).await
    }

    async fn typing(&self, tenant: TenantId, chat: &ChatAddress) -> Result<()> {
        self.way_of(tenant).await?.typing(tenant, chat).await
    }

    async fn mark_read(
        &self,
        tenant: TenantId,
        chat: &ChatAddress,
        messages: &[String],
    ) -> Result<()> {
        let way = self.way_of(tenant).await?;
        way.mark_read(tenant, chat, messages).await
    }

    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        limit: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        let way = self.way_of(tenant).await?;
        way.fetch(tenant, media, limit, sink).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_on_a_phone_holds_a_number_or_does_not() {
        let digits = |text: &str| digits(&ChatAddress(text.to_owned())).map(|found| found.0);
        let number = Some("972501234567".to_owned());
        assert_eq!(digits("972501234567@s.whatsapp.net"), number);
        assert_eq!(digits("972501234567:3@s.whatsapp.net"), number);
        let there = |text: &str| on_the_phone(ChatAddress(text.to_owned())).0;
        assert_eq!(there("972501234567"), "972501234567@s.whatsapp.net");
        assert_eq!(there("888000222@lid"), "888000222@lid");
        for none in [
            "888000222@lid",
            "@s.whatsapp.net",
            "x1@s.whatsapp.net",
            "972501234567",
        ] {
            assert_eq!(digits(none), None, "{none}");
        }
    }
}
