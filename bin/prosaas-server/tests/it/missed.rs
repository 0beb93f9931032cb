//! A caller whom nobody heard is written to: by WhatsApp if he wrote there before, else by text message. Sidecar and
//! carrier are fakes that speak the wire; time is the tests' own.

use std::sync::Arc;

use prosaas_core::time::ManualClock;
use prosaas_core::{Business, UnixMillis};
use prosaas_crm::model::conversation::MessageStatus;
use prosaas_crm::rules::missed_call::{DAY_MS, PATIENCE_MS};
use prosaas_crm::testkit::scope;
use prosaas_twilio::testkit::rest_api::{FakeRestApi, Fault};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::jobs::{jobs, pass};
use crate::support::sidecar::Sidecar;
use crate::support::{CALLER, NUMBER, TestApp, sid, status};

/// 2026-11-24T14:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_528_800_000);
const OWNER: &str = "owner@example.com";

struct Shop {
    app: TestApp,
    sidecar: Sidecar,
    clock: Arc<ManualClock>,
    business: Business,
}

impl Shop {
    /// Its WhatsApp is linked, and its owner wants callers to be written to.
    async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let sidecar = Sidecar::start(Arc::clone(&clock) as _).await;
        let app = sidecar.answering(&clock).rest().start().await;
        let business = app.business(NUMBER).await;
        app.owner(&business, OWNER).await;
        let mut owner = app.sign_in(OWNER).await;
        sidecar.links(&app, &business, &mut owner).await;
        let shop = Self {
            app,
            sidecar,
            clock,
            business,
        };
        shop.wants(&json!({ "missed_call_reply": "always" })).await;
        shop
    }

    /// The owner, signed in now: days pass here, and sessions with them.
    async fn owner(&self) -> Browser {
        self.app.sign_in(OWNER).await
    }

    fn rest(&self) -> &FakeRestApi {
        self.app.rest.as_ref().unwrap()
    }

    /// The owner changes his settings.
    async fn wants(&self, patch: &Value) {
        let owner = self.owner().await;
        let path = format!("/api/businesses/{}", self.business.id);
        let version = owner.get(&path).await["version"].to_string();
        let tag = format!("\"{version}\"");
        let headers = [("if-match", tag.as_str())];
        let method = reqwest::Method::PATCH;
        let answer = owner.ask(method, &path, &headers, Some(patch)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Somebody calls and hangs up before anybody spoke with him.
    async fn misses(&self, n: u32) {
        let call = sid(n);
        self.app.ring(&call).await;
        let ended = status(&call, "no-answer");
        self.app.post("/webhook/call_status", &ended).await;
        jobs(&self.app, "alert_owners", "done", n).await;
    }

    fn pass(&self, millis: i64) {
        pass(&self.app, &self.clock, millis);
    }

    /// What the console shows of the newest call on the board.
    async fn on_the_board(&self) -> Value {
        let board = self.owner().await.get("/api/calls/waiting").await;
        board["data"][0].clone()
    }
}

#[tokio::test]
async fn a_missed_call_of_somebody_who_wrote_before_becomes_a_whatsapp_thread() {
    let shop = Shop::open().await;
    let (app, sidecar) = (&shop.app, &shop.sidecar);
    sidecar.hears(app, &shop.business, 2, "Are you open?").await;
    shop.pass(3_000);
    jobs(app, "send_message", "done", 1).await;
    shop.pass(2 * DAY_MS);
    shop.misses(1).await;
    assert_eq!(shop.on_the_board().await["reply"], Value::Null);
    shop.pass(PATIENCE_MS);
    jobs(app, "reply_to_missed_call", "done", 1).await;
    jobs(app, "send_message", "done", 2).await;
    let sent = sidecar.sent(shop.business.id).await;
    assert_eq!(sent.len(), 2, "{sent:?}");
    let words = "Hello, this is Dana's Garage.";
    assert!(sent[1].starts_with(words), "{sent:?}");
    assert_eq!(shop.rest().messages(), []);
    let waiting = shop.on_the_board().await;
    assert_eq!(waiting["reply"]["channel"], "whatsapp", "{waiting}");
    assert_eq!(waiting["reply"]["status"], "sent");
    let lead = waiting["lead_id"].as_str().unwrap();
    let timeline = shop
        .owner()
        .await
        .get(&format!("/api/crm/leads/{lead}/timeline"))
        .await;
    let of_ours = timeline["data"].as_array().unwrap().iter().find(|one| {
        one["kind"] == "message"
            && one["data"]["direction"] == "outbound"
            && one["actor_kind"] == "job"
    });
    assert!(of_ours.is_some(), "{timeline}");
    // He calls once more the same day, and is not written to again.
    shop.misses(2).await;
    shop.pass(PATIENCE_MS);
    jobs(app, "reply_to_missed_call", "done", 2).await;
    assert_eq!(sidecar.sent(shop.business.id).await.len(), 2);
    // What he answers is answered.
    sidecar.hears(app, &shop.business, 3, "Until when?").await;
    shop.pass(3_000);
    jobs(app, "send_message", "done", 3).await;
    assert_eq!(sidecar.sent(shop.business.id).await[2], "Until six.");
}

#[tokio::test]
async fn a_caller_who_never_wrote_gets_one_text_message_from_the_number_he_called() {
    let shop = Shop::open().await;
    shop.misses(1).await;
    shop.pass(PATIENCE_MS);
    jobs(&shop.app, "send_sms", "done", 1).await;
    let sent = shop.rest().messages();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (sent[0].to.as_str(), sent[0].from.as_str()),
        (CALLER, NUMBER)
    );
    assert!(sent[0].body.contains("Dana's Garage"), "{}", sent[0].body);
    assert_eq!(shop.sidecar.sent(shop.business.id).await, [""; 0]);
    let waiting = shop.on_the_board().await;
    assert_eq!(waiting["reply"]["channel"], "sms", "{waiting}");
    assert_eq!(waiting["reply"]["status"], "sent");
    let path = format!(
        "/api/conversations?channel=sms&lead_id={}",
        waiting["lead_id"].as_str().unwrap()
    );
    let threads = shop.owner().await.get(&path).await;
    assert_eq!(
        threads["data"][0]["id"],
        waiting["reply"]["conversation_id"]
    );
}

#[tokio::test]
async fn a_text_message_is_sent_at_most_once_whatever_the_carrier_answers() {
    let shop = Shop::open().await;
    // It was taken, and the answer got lost: nobody sends it again.
    shop.rest().fail_next(1, Fault::DoneBut(502));
    shop.misses(1).await;
    shop.pass(PATIENCE_MS);
    jobs(&shop.app, "send_sms", "done", 1).await;
    assert_eq!(shop.rest().messages().len(), 1);
    let reply = shop.on_the_board().await["reply"].clone();
    assert_eq!(reply["status"], "failed", "{reply}");
    shop.pass(DAY_MS);
    // A refusal for good is the end.
    shop.rest().fail_next(1, Fault::Status(400));
    shop.misses(2).await;
    shop.pass(PATIENCE_MS);
    jobs(&shop.app, "send_sms", "done", 2).await;
    assert_eq!(shop.rest().messages().len(), 1);
    let call = shop.app.calls(&shop.business).await[0].record.id;
    let store = &shop.app.store;
    let entry = store.call_entry(&scope(shop.business.id), call).await;
    let message = entry.unwrap().reply.unwrap().message;
    let message = store.message(&scope(shop.business.id), message).await;
    let message = message.unwrap();
    assert_eq!(message.status, MessageStatus::Failed);
    assert_eq!(message.failure.unwrap().code, "refused");
}

#[tokio::test]
async fn nobody_is_written_to_by_a_business_that_did_not_ask_for_it() {
    let shop = Shop::open().await;
    shop.wants(&json!({ "missed_call_reply": "never" })).await;
    shop.misses(1).await;
    shop.pass(PATIENCE_MS);
    shop.wants(&json!({ "missed_call_reply": "always" })).await;
    shop.misses(2).await;
    shop.pass(PATIENCE_MS);
    jobs(&shop.app, "reply_to_missed_call", "done", 1).await;
    jobs(&shop.app, "send_sms", "done", 1).await;
    assert_eq!(shop.rest().messages().len(), 1);
}
