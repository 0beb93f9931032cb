//! A number at Meta: whose it is, and what was handed over to be sent by it.

use prosaas_core::message::{ChatAddress, OutboundId};
use prosaas_core::whatsapp::{LinkState, WhatsAppEvent};
use prosaas_core::{Error, Result, WhatsAppInbox as _};
use prosaas_crm::CrmStore;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::conversation::NewOutbound;
use prosaas_crm::model::id::MessageId;
use prosaas_crm::model::whatsapp::{CloudNumber, MessageClaim};
use prosaas_crm::testkit::OPERATOR;

use super::{
    CAN, LID, deliver, on_each_backend, ours, person, phone, text, the_conversation, theirs,
};
use crate::support::NOW;

fn number(id: &str) -> CloudNumber {
    CloudNumber {
        number_id: id.to_owned(),
        account_id: "9".to_owned(),
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Conflict { what, .. } | Error::NotFound { what }) => what,
        Err(Error::Forbidden { .. }) => "forbidden",
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

async fn switch(store: &CrmStore, scope: &TenantScope, is_on: bool) -> Result<()> {
    store
        .switch_wa_cloud(&OPERATOR, scope.tenant(), is_on)
        .await
}

#[tokio::test]
async fn a_number_is_used_once_meta_took_it_and_by_one_business() {
    on_each_backend(async |store| {
        let owner = async |id: &str| store.wa_cloud_owner(&OPERATOR, id).await.unwrap();
        assert_eq!(
            code(switch(&store, &person(), true).await),
            "number at Meta"
        );
        for scope in [person(), theirs()] {
            store.set_wa_cloud(&scope, &number("17")).await.unwrap();
        }
        assert_eq!(owner("17").await, None, "nobody proved that it is his");
        switch(&store, &person(), true).await.unwrap();
        assert_eq!(owner("17").await, Some(ours()));
        assert_eq!(code(switch(&store, &theirs(), true).await), "number-taken");
        switch(&store, &person(), true).await.unwrap();
        store.note_wa_cloud_heard(&OPERATOR, ours()).await.unwrap();
        let cloud = store.wa_link(&person()).await.unwrap().cloud.unwrap();
        assert_eq!(cloud.number, number("17"));
        assert!(cloud.is_on);
        assert_eq!(cloud.heard_at, Some(NOW));
        // Another number has to be taken first.
        store.set_wa_cloud(&person(), &number("18")).await.unwrap();
        assert_eq!((owner("17").await, owner("18").await), (None, None));
        switch(&store, &theirs(), true).await.unwrap();
        assert_eq!(owner("17").await, Some(theirs().tenant()));
        store.forget_wa_cloud(&person()).await.unwrap();
        assert_eq!(
            code(store.forget_wa_cloud(&person()).await),
            "number at Meta"
        );
        let none = store.wa_cloud(&OPERATOR, ours()).await.unwrap();
        assert_eq!(none, None);
        let other = store.wa_cloud(&OPERATOR, theirs().tenant()).await.unwrap();
        assert_eq!(other.unwrap().number, number("17"));
    })
    .await;
}

#[tokio::test]
async fn a_number_takes_the_owner_and_no_phone_beside_it() {
    on_each_backend(async |store| {
        let nobody = TenantScope::from_trusted_host(ours(), Permissions::default());
        assert_eq!(
            code(store.set_wa_cloud(&nobody, &number("17")).await),
            "forbidden"
        );
        assert_eq!(code(store.forget_wa_cloud(&nobody).await), "forbidden");
        let wrong = store.set_wa_cloud(&person(), &number("+1555")).await;
        assert_eq!(code(wrong), "phone_number_id");
        let ready = WhatsAppEvent::Link(LinkState::Ready { number: None });
        store.accept(ours(), ready).await.unwrap();
        assert_eq!(
            code(store.set_wa_cloud(&person(), &number("17")).await),
            "phone-linked"
        );
        let gone = WhatsAppEvent::Link(LinkState::Unlinked);
        store.accept(ours(), gone).await.unwrap();
        store.set_wa_cloud(&person(), &number("17")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_handed_to_meta_is_written_down_before() {
    on_each_backend(async |store| {
        deliver(&store, text("M1", "hello")).await;
        let conversation = the_conversation(&store).await.id;
        let new = NewOutbound::text("we are open");
        let written = store.write_message(&person(), conversation, new, CAN).await;
        let id = written.unwrap().id;
        let claim = async |digest: u8| {
            let claimed = store
                .claim_message(&OPERATOR, ours(), (id, [digest; 32]))
                .await;
            claimed.unwrap()
        };
        let settle = async |is_sent: bool| {
            let settled = store.settle_claim(&OPERATOR, ours(), (id, is_sent)).await;
            settled.unwrap();
        };
        assert_eq!(claim(1).await, MessageClaim::New);
        assert_eq!(claim(1).await, MessageClaim::InDoubt);
        assert_eq!(claim(2).await, MessageClaim::Other);
        settle(false).await;
        assert_eq!(claim(2).await, MessageClaim::New, "it was not taken");
        settle(true).await;
        assert_eq!(claim(2).await, MessageClaim::Sent);
        settle(false).await;
        assert_eq!(
            claim(2).await,
            MessageClaim::Sent,
            "what was taken stays so"
        );
        // Another business's word changes nothing, and it has no such message.
        let elsewhere = theirs().tenant();
        let foreign = store
            .claim_message(&OPERATOR, elsewhere, (id, [2; 32]))
            .await;
        assert_eq!(code(foreign), "message");
        let unknown = MessageId::mint(NOW);
        let settled = store.settle_claim(&OPERATOR, ours(), (unknown, true)).await;
        settled.unwrap();
        let outbound = store.outbound(&person(), id).await.unwrap().unwrap();
        assert_eq!(outbound.message.id, OutboundId(id.to_string()));
    })
    .await;
}

#[tokio::test]
async fn whoever_wrote_to_the_phone_is_found_by_his_number_when_it_is_known() {
    on_each_backend(async |store| {
        let behind = async || {
            let chat = ChatAddress(LID.to_owned());
            let found = store.wa_number_behind(&OPERATOR, ours(), &chat).await;
            found.unwrap()
        };
        deliver(&store, text("M1", "hello")).await;
        assert_eq!(behind().await, None);
        let mut second = text("M2", "hello again");
        second.party.aliases.push(phone());
        deliver(&store, second).await;
        assert_eq!(behind().await.unwrap().expose(), super::PHONE);
    })
    .await;
}
