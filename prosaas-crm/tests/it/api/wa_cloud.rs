//! `/api/wa/cloud`, over a way to WhatsApp that is configured and links no phone.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::Method;
use prosaas_core::message::{ChatAddress, InboundMedia, OutboundMessage};
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_core::whatsapp::{
    FileSink, LinkMethod, LinkState, WhatsAppCapabilities, WhatsAppTransport,
};
use prosaas_core::{Error, Result, TenantId};
use prosaas_crm::api;
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::{Permissions, TenantScope};
use prosaas_crm::model::id::UserId;
use prosaas_crm::store::AuditFilter;
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use serde_json::{Value, json};

use super::support::{Answer, Ask, Credulous, TestApi, generous_parts};
use crate::support::{NOW, Scratch};

const OWNER: &str = "member business:read business:manage keys:write";

/// Takes every number.
struct Configured;

#[async_trait]
impl WhatsAppTransport for Configured {
    fn capabilities(&self) -> WhatsAppCapabilities {
        WhatsAppCapabilities {
            links_by_qr: false,
            links_by_pairing_code: false,
            needs_templates: true,
            carries_media: true,
            reports_delivery: true,
            shows_typing: false,
        }
    }
    async fn state(&self, _: TenantId) -> Result<LinkState> {
        Ok(LinkState::Ready { number: None })
    }
    async fn link(&self, _: TenantId, _: LinkMethod) -> Result<LinkState> {
        Ok(LinkState::Ready { number: None })
    }
    async fn unlink(&self, _: TenantId) -> Result<()> {
        Ok(())
    }
    async fn send(&self, _: TenantId, _: OutboundMessage) -> Result<bool> {
        Ok(true)
    }
    async fn typing(&self, _: TenantId, _: &ChatAddress) -> Result<()> {
        Ok(())
    }
    async fn mark_read(&self, _: TenantId, _: &ChatAddress, _: &[String]) -> Result<()> {
        Ok(())
    }
    async fn fetch(
        &self,
        _: TenantId,
        _: &InboundMedia,
        _: u64,
        _: &mut dyn FileSink,
    ) -> Result<()> {
        Err(Error::NotFound { what: "file" })
    }
}

async fn ask(api: &TestApi, method: Method, path: &str, body: &Value) -> Answer {
    let ask = Ask::new(method, path).as_(OWNER);
    let ask = if body.is_null() { ask } else { ask.json(body) };
    ask.of(api).await
}

#[tokio::test]
async fn a_business_has_a_number_at_meta_instead_of_a_phone() {
    let scratch = Scratch::new();
    let clock = Arc::new(ManualClock::at(NOW));
    let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _).await;
    let store = Arc::new(store.unwrap());
    let seed = seed(1);
    let added = store.add_business(&OPERATOR, &seed.business, &seed.numbers);
    added.await.unwrap();
    let authenticator = Arc::new(Credulous::of(seed.business.id, UserId::mint(NOW)));
    let mut parts = generous_parts(Arc::clone(&store), clock, authenticator);
    parts.whatsapp = Some(Arc::new(Configured));
    let api = TestApi::over(api::router(&ApiState::new(parts)));
    let cloud = "/api/wa/cloud";

    let none = ask(&api, Method::GET, cloud, &Value::Null).await.json();
    assert_eq!(none["phone_number_id"], Value::Null);
    let early = ask(&api, Method::POST, "/api/wa/cloud/connect", &Value::Null).await;
    assert_eq!(
        (early.status.as_u16(), early.code().as_str()),
        (409, "cloud-not-set")
    );
    for bad in [
        json!({ "phone_number_id": "17" }),
        json!({ "phone_number_id": "+1", "account_id": "9" }),
        json!({ "phone_number_id": "17", "account_id": "9", "token": "x" }),
    ] {
        let answer = ask(&api, Method::PUT, cloud, &bad).await;
        assert_eq!(answer.status.as_u16(), 400, "{}", answer.text);
    }
    let entered = json!({ "phone_number_id": "17", "account_id": "9" });
    let set = ask(&api, Method::PUT, cloud, &entered).await;
    assert_eq!(set.json()["phone_number_id"], "17", "{}", set.text);
    let connected = ask(&api, Method::POST, "/api/wa/cloud/connect", &Value::Null).await;
    assert_eq!(connected.status.as_u16(), 200, "{}", connected.text);
    let status = ask(&api, Method::GET, "/api/wa/status", &Value::Null).await;
    let status = status.json();
    assert_eq!(
        (&status["way"], &status["ready"]),
        (&json!("cloud"), &json!(true))
    );
    assert_eq!(status["cloud"]["phone_number_id"], "17");
    for (method, path, body) in [
        (Method::GET, "/api/wa/qr", Value::Null),
        (Method::POST, "/api/wa/link", json!({ "method": "qr" })),
        (Method::POST, "/api/wa/unlink", Value::Null),
    ] {
        let answer = ask(&api, method, path, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (409, "cloud-configured"),
            "{path}"
        );
    }
    let gone = ask(&api, Method::DELETE, cloud, &Value::Null).await;
    assert_eq!(gone.status.as_u16(), 204, "{}", gone.text);
    let again = ask(&api, Method::DELETE, cloud, &Value::Null).await;
    assert_eq!(again.status.as_u16(), 404, "{}", again.text);
    let scope = TenantScope::from_trusted_host(seed.business.id, Permissions::all());
    let all = AuditFilter::default();
    let audit = store.audit_entries(&scope, &all, None, 50).await.unwrap();
    for action in [
        "whatsapp.cloud_set",
        "whatsapp.cloud_connect_requested",
        "whatsapp.cloud_forgotten",
    ] {
        assert!(audit.iter().any(|row| row.action == action), "{action}");
    }
}
