//! Files over HTTP: taken in as they come, refused with the line that is wrong.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_crm::CrmStore;
use prosaas_crm::api::kit::ApiState;
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::id::UserId;
use tower::ServiceExt as _;

use super::{businesses, run};
use crate::api::support::{Answer, Ask, Credulous, TestApi, generous_parts};
use crate::support::{NOW, Scratch};

const MANAGER: &str = "member leads:read leads:manage leads:export";

pub(super) struct House {
    pub(super) api: TestApi,
    pub(super) store: Arc<CrmStore>,
    pub(super) ours: TenantScope,
    _scratch: Scratch,
}

impl House {
    pub(super) async fn new() -> Self {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = Arc::new(scratch.open("crm.db").await);
        let (ours, _) = businesses(&store).await;
        let login = Credulous::of(seed(1).business.id, UserId::mint(NOW));
        let parts = generous_parts(Arc::clone(&store), clock, Arc::new(login));
        let router = prosaas_crm::api::router(&ApiState::new(parts));
        Self {
            api: TestApi::over(router),
            store,
            ours,
            _scratch: scratch,
        }
    }

    async fn post(&self, csv: impl Into<Vec<u8>>, query: &str) -> Answer {
        let uri = format!("/api/crm/leads/imports{query}");
        let ask = Ask::new(Method::POST, uri).as_(MANAGER);
        ask.bytes("text/csv", csv.into()).of(&self.api).await
    }

    async fn get(&self, uri: &str) -> Answer {
        Ask::get(uri).as_(MANAGER).of(&self.api).await
    }

    /// Nothing was begun, and there is room as before.
    async fn is_empty(&self) -> bool {
        let jobs = self.get("/api/jobs").await.json();
        let leads = self.get("/api/crm/leads").await.json();
        jobs["data"] == serde_json::json!([]) && leads["data"] == serde_json::json!([])
    }
}

#[tokio::test]
async fn a_file_is_accepted_and_its_job_tells_what_came_of_it() {
    let house = House::new().await;
    // What Excel in Hebrew writes: no UTF-8.
    let text = "שם;טלפון\r\nדנה;050-1234567\r\nשבור;12\r\n";
    let csv = encoding_rs::WINDOWS_1255.encode(text).0.into_owned();
    let accepted = house.post(csv, "").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.text);
    let location = accepted.header("location").to_owned();
    assert_eq!(accepted.json()["total"], 2);
    assert_eq!(house.get(&location).await.json()["state"], "queued");
    run(&house.store).await;
    let job = house.get(&location).await.json();
    assert_eq!(job["state"], "done");
    assert_eq!(job["done"], 1);
    assert_eq!(job["failed"], 1);
    assert_eq!(job["errors"][0]["item"], "3");
    let leads = house.get("/api/crm/leads?q=0501234567").await.json();
    assert_eq!(leads["data"][0]["name"], "דנה");
    assert_eq!(leads["data"][0]["import_id"], job["id"]);

    let uri = format!(
        "/api/crm/leads/imports/{}/undo",
        job["id"].as_str().unwrap()
    );
    let undo = Ask::new(Method::POST, uri)
        .as_(MANAGER)
        .of(&house.api)
        .await;
    assert_eq!(undo.status, StatusCode::ACCEPTED, "{}", undo.text);
    run(&house.store).await;
    let leads = house.get("/api/crm/leads").await.json();
    assert_eq!(leads["data"], serde_json::json!([]));
}

#[tokio::test]
async fn what_cannot_be_read_to_its_end_imports_nothing() {
    let house = House::new().await;
    let good = "Dana,050-1234567\n".repeat(5_000);
    let broken = format!("name,phone\n{good}\"Noa,050-7654321\n{good}");
    let long = format!("name,notes\n{good}Noa,{}\n", "x".repeat(70_000));
    for (csv, said) in [
        ("", "names its columns"),
        ("Dana,050-1234567\n", "`phone`"),
        (broken.as_str(), "line 5002"),
        (long.as_str(), "line 5002"),
    ] {
        let answer = house.post(csv, "?dry_run=true").await;
        let shown: String = csv.chars().take(40).collect();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{shown}");
        assert_eq!(answer.code(), "csv-invalid");
        assert!(answer.text.contains(said), "{shown}: {}", answer.text);
        assert!(!answer.text.contains("Dana"));
    }
    assert!(house.is_empty().await);
}

#[tokio::test]
async fn a_file_that_breaks_off_or_has_no_end_is_refused() {
    let house = House::new().await;
    let rows = Bytes::from("Dana,050-1234567\n".repeat(4_000));
    let send = |stream: Body, length: Option<u64>| {
        let mut request = Request::post("/api/crm/leads/imports")
            .header("authorization", format!("Bearer {MANAGER}"))
            .header("x-prosaas-request", "1")
            .header("content-type", "text/csv");
        if let Some(length) = length {
            request = request.header("content-length", length.to_string());
        }
        house
            .api
            .router
            .clone()
            .oneshot(request.body(stream).unwrap())
    };
    let heading = || Ok(Bytes::from_static(b"name,phone\n"));
    let broken = [
        heading(),
        Ok(rows.clone()),
        Err(std::io::Error::other("gone")),
    ];
    let broken = Body::from_stream(futures_util::stream::iter(broken));
    let answer = send(broken, None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let announced = send(Body::empty(), Some(300 * 1024 * 1024)).await.unwrap();
    assert_eq!(announced.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // One cell without an end costs no more than one row.
    let endless = std::iter::once(heading()).chain(std::iter::repeat_with(move || {
        Ok::<_, std::io::Error>(Bytes::from_static(b"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))
    }));
    let answer = send(Body::from_stream(futures_util::stream::iter(endless)), None).await;
    assert_eq!(answer.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(house.is_empty().await);
}
