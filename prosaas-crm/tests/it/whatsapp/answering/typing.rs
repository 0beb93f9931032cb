//! The other side sees that somebody writes.

use prosaas_core::message::{ChatAddress, InboundMedia, OutboundMessage};
use prosaas_core::whatsapp::{FileSink, LinkMethod, LinkState, WhatsAppCapabilities};
use prosaas_core::{TenantId, WhatsAppTransport};

use super::*;

#[tokio::test]
async fn the_other_side_sees_at_once_that_somebody_writes_unless_nobody_does() {
    in_a_shop(async |shop| {
        let typed = async |message| {
            let shown = shop.transport.typed_to(ours()).len();
            whatsapp::show_typing(&shop.store, &shop.transport, &person(), message)
                .await
                .unwrap();
            shop.transport.typed_to(ours()).len() - shown
        };
        let message = shop.hears("M1", "Are you open?").await;
        assert_eq!(typed(message).await, 1);
        assert_eq!(
            shop.answered(&says("Until six."), message).await,
            Answered::Yes
        );
        assert_eq!(typed(message).await, 0, "it was answered");
        let off: WaSettingsPatch = serde_json::from_str(r#"{"answers":false}"#).unwrap();
        shop.store
            .update_wa_settings(&person(), 1, off)
            .await
            .unwrap();
        let message = shop.hears("M2", "and tomorrow?").await;
        assert_eq!(typed(message).await, 0, "the agent is switched off");
    })
    .await;
}

#[tokio::test]
async fn somebody_writes_for_as_long_as_the_model_thinks() {
    /// A model that takes half a minute.
    struct Thinking(MemoryTextModel);

    #[async_trait]
    impl TextModel for Thinking {
        async fn ask(&self, request: TextRequest) -> Result<TextReply> {
            let a_while = std::time::Duration::from_secs(30);
            // No database is asked meanwhile: only timers pass.
            tokio::time::pause();
            let _ = tokio::time::timeout(a_while, std::future::pending::<()>()).await;
            tokio::time::resume();
            self.0.ask(request).await
        }
    }

    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        let model = Thinking(says("Until six."));
        assert_eq!(shop.answered(&model, message).await, Answered::Yes);
        assert_eq!(shop.transport.typed_to(ours()).len(), 4);
    })
    .await;
}

/// A way to WhatsApp on which nobody is ever seen to write: it takes the request and says nothing.
struct Mute(Arc<Shop>);

#[async_trait]
impl WhatsAppTransport for Mute {
    fn capabilities(&self) -> WhatsAppCapabilities {
        self.0.transport.capabilities()
    }
    async fn state(&self, tenant: TenantId) -> Result<LinkState> {
        self.0.transport.state(tenant).await
    }
    async fn link(&self, tenant: TenantId, method: LinkMethod) -> Result<LinkState> {
        self.0.transport.link(tenant, method).await
    }
    async fn unlink(&self, tenant: TenantId) -> Result<()> {
        self.0.transport.unlink(tenant).await
    }
    async fn send(&self, tenant: TenantId, message: OutboundMessage) -> Result<bool> {
        self.0.transport.send(tenant, message).await
    }
    async fn typing(&self, _: TenantId, _: &ChatAddress) -> Result<()> {
        std::future::pending().await
    }
    async fn mark_read(&self, tenant: TenantId, chat: &ChatAddress, ids: &[String]) -> Result<()> {
        self.0.transport.mark_read(tenant, chat, ids).await
    }
    async fn fetch(
        &self,
        tenant: TenantId,
        media: &InboundMedia,
        most: u64,
        sink: &mut dyn FileSink,
    ) -> Result<()> {
        self.0.transport.fetch(tenant, media, most, sink).await
    }
}

#[tokio::test]
async fn a_sign_of_writing_that_hangs_holds_up_no_answer() {
    in_a_shop(async |shop| {
        let message = shop.hears("M1", "Are you open?").await;
        let model = says("Until six.");
        let answering = Answering {
            store: &shop.store,
            model: &model,
            transport: &Mute(Arc::clone(&shop)),
        };
        let scope = person();
        let answered = Box::pin(answering.answer(&scope, message, 1));
        // Less than the eight seconds after which a sign would be shown again.
        let within = std::time::Duration::from_secs(7);
        let answered = tokio::time::timeout(within, answered).await;
        let (answered, _) = answered.expect("an answer in time").unwrap();
        assert_eq!(answered, Answered::Yes);
        assert_eq!(shop.said().await, ["Until six."]);
    })
    .await;
}
