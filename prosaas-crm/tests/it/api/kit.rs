//! What the kit does for every resource, seen through one that keeps nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use prosaas_crm::api::kit::{Limits, Quota, Routes};
use serde_json::json;

use super::support::{Answer, Ask, ORIGIN, TestApi};
use super::things;

const READER: &str = "member leads:read";
const WRITER: &str = "member leads:read leads:write";

async fn api() -> TestApi {
    TestApi::new(Limits::default(), things::routes).await
}

fn thing() -> String {
    format!("/api/things/lead_{}", "0".repeat(32))
}

fn patch() -> Ask {
    Ask::new(Method::PATCH, thing())
        .as_(WRITER)
        .with("if-match", "\"3\"")
        .json(&json!({ "name": "Noa" }))
}

fn create() -> Ask {
    Ask::new(Method::POST, "/api/things")
        .as_(WRITER)
        .json(&json!({ "name": "Dana" }))
}

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

#[tokio::test]
async fn rows_decide_who_passes() {
    let api = api().await;
    let sweep = || Ask::new(Method::POST, "/api/system/sweep");
    for (ask, status) in [
        (Ask::get("/api/things"), 401),
        (Ask::get("/api/things").as_("user"), 403),
        (Ask::get("/api/things").as_("admin"), 403),
        (Ask::get("/api/things").as_("member tasks:read"), 403),
        (Ask::get("/api/things").as_(READER), 200),
        (Ask::get("/api/things").as_("key leads:read"), 200),
        (create().without("authorization").as_(READER), 403),
        (create(), 201),
        (Ask::get("/api/whoami").as_("user"), 200),
        (Ask::get("/api/whoami").as_("admin"), 200),
        (Ask::get("/api/whoami").as_("key leads:read"), 403),
        (sweep().as_(WRITER), 403),
        (sweep().as_("admin"), 204),
        (sweep(), 401),
        (Ask::get("/api/wrong").as_(WRITER), 500),
    ] {
        let shown = format!("{ask:?}");
        assert_eq!(ask.of(&api).await.status.as_u16(), status, "{shown}");
    }
}

#[tokio::test]
async fn versions_travel_as_etags() {
    let api = api().await;
    let read = Ask::get(thing()).as_(READER).of(&api).await;
    assert_eq!(read.header("etag"), "\"3\"");
    let changed = patch().of(&api).await;
    assert_eq!(
        (changed.status.as_u16(), changed.header("etag")),
        (200, "\"4\"")
    );
    let blind = patch().without("if-match").of(&api).await;
    assert_eq!(outcome(&blind), (428, "precondition-required".to_owned()));
    let nothing = patch()
        .without("content-type")
        .json(&json!({}))
        .of(&api)
        .await;
    assert_eq!(outcome(&nothing), (400, "invalid".to_owned()));
    let created = create().of(&api).await;
    assert!(created.header("location").starts_with("/api/things/lead_"));
    assert_eq!(created.header("etag"), "\"1\"");
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let api = api().await;
    let (mut uri, mut versions) = ("/api/things?limit=4".to_owned(), Vec::new());
    loop {
        let page = Ask::get(&uri).as_(READER).of(&api).await.json();
        versions.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|t| t["version"].clone()),
        );
        match page["page"]["next"].as_str() {
            Some(next) => uri = format!("/api/things?limit=4&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(json!(versions), json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    let other = uri.replace("limit=4", "starts=a");
    let other = Ask::get(other).as_(READER).of(&api).await;
    assert_eq!(outcome(&other), (400, "cursor-mismatch".to_owned()));
}

#[tokio::test]
async fn refusals_name_their_code() {
    let api = api().await;
    let business = |name| format!("/api/things?{name}=ten_{}", "0".repeat(32));
    for (ask, status, code) in [
        (Ask::get("/api/nowhere"), 404, "not-found"),
        (
            Ask::new(Method::PUT, "/api/things"),
            405,
            "method-not-allowed",
        ),
        (Ask::get("/api/things/lead_1").as_(READER), 404, "not-found"),
        (
            Ask::get(business("business_id")).as_(READER),
            400,
            "business-id-not-accepted",
        ),
        (
            Ask::get("/api/things")
                .as_("admin")
                .with("x-tenant-id", "ten_1"),
            400,
            "business-id-not-accepted",
        ),
        (
            create().with("origin", "https://evil.example"),
            403,
            "foreign-origin",
        ),
        (create().with("origin", "null"), 403, "foreign-origin"),
        (create().without("x-prosaas-request"), 403, "foreign-origin"),
        (
            create().without("content-type").text("text/plain", "{}"),
            415,
            "unsupported-media-type",
        ),
        (
            create()
                .without("content-type")
                .json(&json!({ "tenant_id": 1 })),
            400,
            "body-invalid",
        ),
    ] {
        let shown = format!("{ask:?}");
        let answer = ask.of(&api).await;
        assert_eq!(outcome(&answer), (status, code.to_owned()), "{shown}");
    }
    let own = create().with("origin", ORIGIN).of(&api).await;
    assert_eq!(own.status.as_u16(), 201);
}

#[tokio::test]
async fn a_foreign_page_cannot_sign_anybody_in() {
    let api = api().await;
    let sign_in = || Ask::new(Method::POST, "/api/public").json(&json!({ "name": "Dana" }));
    assert_eq!(sign_in().of(&api).await.status.as_u16(), 204);
    let foreign = sign_in()
        .with("origin", "https://evil.example")
        .of(&api)
        .await;
    assert_eq!(outcome(&foreign), (403, "foreign-origin".to_owned()));
}

#[tokio::test]
async fn every_answer_is_private_and_named() {
    let api = api().await;
    for ask in [
        Ask::get("/api/things").as_(READER),
        Ask::get("/api/things"),
        Ask::get("/api/nowhere"),
        Ask::get("/api/broken").as_("user"),
        Ask::new(Method::DELETE, "/api/things"),
    ] {
        let shown = format!("{ask:?}");
        let answer = ask.of(&api).await;
        assert_eq!(answer.header("cache-control"), "no-store", "{shown}");
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{shown}"
        );
        assert!(answer.header("x-request-id").starts_with("req_"), "{shown}");
        if !answer.status.is_success() {
            assert_eq!(
                answer.header("content-type"),
                "application/problem+json",
                "{shown}"
            );
            assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
            assert!(!answer.text.contains("hunter2"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn who_asks_too_much_is_told_to_wait() {
    let limits = Limits {
        tenant: Quota::per_minute(2),
        ..Limits::default()
    };
    let api = TestApi::new(limits, things::routes).await;
    let ask = || Ask::get("/api/things").as_(READER);
    assert_eq!(
        ask().of(&api).await.header("ratelimit"),
        "\"business\";r=1;t=30"
    );
    assert_eq!(ask().of(&api).await.status.as_u16(), 200);
    let third = ask().of(&api).await;
    assert_eq!(outcome(&third), (429, "rate-limited".to_owned()));
    assert_eq!(third.header("retry-after"), "30");
}

#[tokio::test]
async fn a_post_sent_twice_is_done_once() {
    let api = api().await;
    let again = || create().with("idempotency-key", "order-1");
    let first = again().of(&api).await;
    let second = again().of(&api).await;
    assert_eq!(first.status.as_u16(), 201);
    assert_eq!(first.text, second.text, "each thing has an id of its own");
    assert_eq!(second.header("idempotency-replayed"), "true");
    for name in ["etag", "location", "content-type"] {
        assert_eq!(first.header(name), second.header(name));
    }
    let colleague = again()
        .without("authorization")
        .as_("colleague leads:write");
    assert_eq!(
        outcome(&colleague.of(&api).await),
        (422, "idempotency-key-reused".to_owned())
    );
    let fresh = create().with("idempotency-key", "order-2").of(&api).await;
    assert_ne!(fresh.text, first.text);
    let other = again()
        .without("content-type")
        .json(&json!({ "name": "Noa" }));
    assert_eq!(
        outcome(&other.of(&api).await),
        (422, "idempotency-key-reused".to_owned())
    );
}

#[tokio::test]
async fn a_key_is_free_again_when_nothing_was_done() {
    let api = api().await;
    let wrong = create()
        .without("content-type")
        .json(&json!({ "nam": "Dana" }))
        .with("idempotency-key", "order-1");
    assert_eq!(wrong.of(&api).await.status.as_u16(), 400);
    let right = create().with("idempotency-key", "order-1").of(&api).await;
    assert_eq!(right.status.as_u16(), 201);
    for key in ["", "a b", &"k".repeat(65), "ключ"] {
        let answer = create().with("idempotency-key", key).of(&api).await;
        assert_eq!(
            outcome(&answer),
            (400, "idempotency-key-invalid".to_owned())
        );
    }
}

#[tokio::test]
async fn an_answer_with_a_secret_is_not_kept() {
    let api = api().await;
    let secret = || {
        Ask::new(Method::POST, "/api/secrets")
            .as_(WRITER)
            .with("idempotency-key", "order-1")
    };
    assert_eq!(secret().of(&api).await.text, "shown once");
    let again = secret().of(&api).await;
    assert_eq!(outcome(&again), (409, "already-done".to_owned()));
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let api = api().await;
    let served = Ask::get("/api/openapi.json").of(&api).await;
    let document = Routes::from(things::routes()).document();
    assert_eq!(served.json(), document);
}

#[tokio::test]
async fn the_document_is_put_together_when_it_is_asked_for_and_once() {
    static LISTED: AtomicUsize = AtomicUsize::new(0);
    fn counted() -> Routes {
        LISTED.fetch_add(1, Ordering::Relaxed);
        things::routes().into()
    }
    let api = TestApi::new(Limits::default(), counted).await;
    assert_eq!(LISTED.load(Ordering::Relaxed), 1, "for the router alone");
    for _ in 0..3 {
        let served = Ask::get("/api/openapi.json").of(&api).await;
        assert_eq!(served.status.as_u16(), 200);
    }
    assert_eq!(LISTED.load(Ordering::Relaxed), 2, "and for the document");
}

#[test]
fn the_document_says_what_the_rows_say() {
    let document = Routes::from(things::routes()).document();
    let operation = &document["paths"]["/api/things/{id}"]["patch"];
    assert_eq!(operation["operationId"], "update_thing");
    assert_eq!(operation["x-permission"], "leads:write");
    assert_eq!(operation["parameters"][1]["name"], "If-Match");
    assert_eq!(
        operation["responses"]["412"]["$ref"],
        "#/components/responses/412"
    );
    let created = &document["paths"]["/api/things"]["post"]["responses"]["201"];
    assert!(created["headers"]["ETag"].is_object() && created["headers"]["Location"].is_object());
    assert_eq!(
        document["paths"]["/api/public"]["post"]["security"],
        json!([])
    );
    assert_eq!(document["tags"], json!([{ "name": "things" }]));
}

#[test]
#[should_panic(expected = "two operations are called `list_things`")]
fn two_operations_never_share_an_id() {
    let _ = Routes::default()
        .merge(things::routes())
        .merge(things::routes())
        .document();
}
