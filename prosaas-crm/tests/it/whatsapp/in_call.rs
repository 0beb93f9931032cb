//! What the agent sends a caller by WhatsApp while they speak: to nobody but him, and as often as one call may.

use prosaas_core::message::ChatAddress;
use prosaas_core::{CallDirection, CallEnd, CallId, Clock as _, E164, Error, LeadId};
use prosaas_crm::JobWork;
use prosaas_crm::model::conversation::Message;
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::rules::missed_call::{PATIENCE_MS, Verdict};
use prosaas_crm::store::MAX_IN_CALL;

use super::missed::{Shop, number};
use super::sending::code;
use super::{
    CAN, LID, conversations, deliver, on_each_clock, person, text, the_conversation, theirs,
    work_until,
};

/// Another number of the same lead.
fn other() -> E164 {
    E164::parse("+972521234567").unwrap()
}

impl Shop {
    async fn writes_in(&self, call: CallId) -> Result<Message, Error> {
        let (scope, words) = (person(), "Herzl 1, Tel Aviv");
        self.store.write_in_call(&scope, call, words, CAN).await
    }

    async fn may_write(&self, number: &E164) -> bool {
        let may = self.store.may_write_in_call(&person(), number, CAN).await;
        may.unwrap()
    }

    /// The only conversation's lead has this number as well.
    async fn also_has(&self, number: &E164) -> LeadId {
        let lead = the_conversation(&self.store).await.lead.unwrap();
        let identity = NewIdentity::phone(number);
        let added = self
            .store
            .add_lead_identity(&person(), lead, &identity)
            .await;
        added.unwrap();
        lead
    }

    async fn numbers_behind(&self, chat: &str) -> Vec<E164> {
        let chat = ChatAddress(chat.to_owned());
        self.store.wa_numbers(&person(), &chat).await.unwrap()
    }
}

#[tokio::test]
async fn one_call_brings_its_caller_a_few_messages() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.hears("M1").await;
        let thread = the_conversation(&shop.store).await.id;
        let call = shop.begin(CallDirection::Inbound, Some(number())).await;
        assert!(shop.may_write(&number()).await);
        for _ in 0..MAX_IN_CALL {
            assert_eq!(shop.writes_in(call).await.unwrap().conversation, thread);
        }
        assert_eq!(code(&shop.writes_in(call).await), "too-many");
        let strange = shop
            .store
            .write_in_call(&theirs(), call, "Come here instead.", CAN)
            .await;
        assert_eq!(code(&strange), "call");
        let next = shop.begin(CallDirection::Inbound, Some(number())).await;
        shop.writes_in(next).await.unwrap();
        let work = work_until(&shop.store, shop.clock.now()).await;
        let sent = work
            .iter()
            .filter(|work| matches!(work, JobWork::SendMessage { .. }));
        assert_eq!(sent.count(), MAX_IN_CALL as usize + 1);
    })
    .await;
}

#[tokio::test]
async fn who_hides_his_number_or_never_wrote_is_not_written_to() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        let hidden = shop.begin(CallDirection::Inbound, None).await;
        assert_eq!(code(&shop.writes_in(hidden).await), "no-number");
        assert!(!shop.may_write(&number()).await);
        let stranger = shop.begin(CallDirection::Inbound, Some(number())).await;
        assert_eq!(code(&shop.writes_in(stranger).await), "stranger-refused");
        assert_eq!(conversations(&shop.store).await.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_thread_under_another_number_may_be_read_by_somebody_else() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.hears("M1").await;
        let lead = shop.also_has(&other()).await;
        assert!(!shop.may_write(&other()).await);
        let call = shop.begin(CallDirection::Inbound, Some(other())).await;
        shop.end(call, CallEnd::AgentEnded).await;
        assert_eq!(shop.entry(call).await.call.lead, Some(lead));
        assert_eq!(code(&shop.writes_in(call).await), "stranger-refused");
        shop.pass(PATIENCE_MS);
        let missed = shop.begin(CallDirection::Inbound, Some(other())).await;
        shop.end(missed, CallEnd::CallerHungUp).await;
        shop.pass(PATIENCE_MS);
        assert_eq!(shop.reply(missed).await, Verdict::Sms);
    })
    .await;
}

#[tokio::test]
async fn a_thread_under_a_name_of_whatsapps_own_is_the_leads() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        deliver(&shop.store, text("M1", "hello")).await;
        assert!(!shop.may_write(&number()).await);
        assert_eq!(shop.numbers_behind(LID).await, []);
        shop.also_has(&number()).await;
        assert!(shop.may_write(&number()).await);
        assert_eq!(shop.numbers_behind(LID).await, [number()]);
    })
    .await;
}

#[tokio::test]
async fn who_writes_is_known_by_the_number_that_the_channel_named() {
    on_each_clock(async |store, clock| {
        let shop = Shop::open(store, clock).await;
        shop.hears("M1").await;
        shop.also_has(&other()).await;
        assert_eq!(shop.numbers_behind(LID).await, [number()]);
        assert_eq!(shop.numbers_behind("777@lid").await, []);
        let chat = ChatAddress(LID.to_owned());
        let strange = shop.store.wa_numbers(&theirs(), &chat).await;
        assert_eq!(strange.unwrap(), []);
    })
    .await;
}
