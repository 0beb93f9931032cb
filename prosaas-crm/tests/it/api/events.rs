//! The event stream: it resumes without a gap, and stops for whoever may not listen any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request, StatusCode};
use futures_util::StreamExt as _;
use prosaas_core::testkit::samples::seed;
use prosaas_core::time::ManualClock;
use prosaas_crm::api;
use prosaas_crm::api::kit::{ApiState, Authenticator, Caller, Presented, Problem, StreamTiming};
use prosaas_crm::auth::{Permission, Permissions, TenantScope};
use prosaas_crm::model::conversation::{Channel, MessageDirection, MessageStatus, NewMessage};
use prosaas_crm::model::id::{SessionId, UserId};
use prosaas_crm::testkit::OPERATOR;
use prosaas_crm::{BusinessAdmin as _, CrmStore};
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::support::generous_parts;
use crate::support::{NOW, Scratch};

/// One signed-in user, until he is not any more.
#[derive(Debug)]
struct Door {
    is_open: AtomicBool,
    rights: Permissions,
}

#[async_trait]
impl Authenticator for Door {
    async fn authenticate(&self, _: Presented<'_>) -> Result<Option<Caller>, Problem> {
        let scope = TenantScope::from_trusted_host(seed(1).business.id, self.rights);
        let caller = Caller::signed_in(SessionId::mint(NOW), UserId::mint(NOW)).in_business(scope);
        Ok(self.is_open.load(Ordering::SeqCst).then_some(caller))
    }

    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem> {
        Ok(self.is_open.load(Ordering::SeqCst).then_some(*caller))
    }
}

struct House {
    state: ApiState,
    router: Router,
    door: Arc<Door>,
    messages: u32,
    _scratch: Scratch,
}

/// What one stream says, piece by piece.
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    body: BodyDataStream,
}

impl House {
    async fn new(timing: StreamTiming, rights: Permissions) -> Self {
        let scratch = Scratch::new();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = CrmStore::open(&scratch.location("crm.db"), Arc::clone(&clock) as _)
            .await
            .unwrap();
        let seed = seed(1);
        store
            .add_business(&OPERATOR, &seed.business, &seed.numbers)
            .await
            .unwrap();
        let door = Arc::new(Door {
            is_open: AtomicBool::new(true),
            rights,
        });
        let mut parts = generous_parts(Arc::new(store), clock, Arc::clone(&door) as _);
        parts.config.streams = timing;
        let state = ApiState::new(parts);
        Self {
            router: api::router(&state),
            state,
            door,
            messages: 0,
            _scratch: scratch,
        }
    }

    /// Something happens.
    async fn happen(&mut self) {
        self.messages += 1;
        let scope = TenantScope::from_trusted_host(seed(1).business.id, Permissions::all());
        let message = NewMessage {
            channel: Channel::Web,
            peer: format!("visitor {}", self.messages),
            lead: None,
            direction: MessageDirection::Inbound,
            kind: "text".to_owned(),
            body: "a secret between two".to_owned(),
            media: None,
            external_id: None,
            status: MessageStatus::Received,
            at: NOW,
        };
        self.state
            .store()
            .add_message(&scope, message)
            .await
            .unwrap();
    }

    async fn listen(&self, last: Option<&str>) -> Heard {
        let mut request = Request::builder().uri("/api/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Heard {
            status: parts.status,
            headers: parts.headers,
            body: body.into_data_stream(),
        }
    }

    async fn last(&self) -> i64 {
        let scope = TenantScope::from_trusted_host(seed(1).business.id, Permissions::all());
        self.state.store().event_bounds(&scope).await.unwrap().last
    }
}

impl Heard {
    /// The next piece; an empty one at the end.
    async fn next(&mut self) -> String {
        let piece = timeout(Duration::from_secs(20), self.body.next()).await;
        let piece = piece.expect("the stream said nothing for 20 seconds");
        piece.map_or_else(String::new, |bytes| {
            String::from_utf8(bytes.unwrap().to_vec()).unwrap()
        })
    }

    /// The next piece that is an event.
    async fn event(&mut self) -> String {
        loop {
            let piece = self.next().await;
            if !piece.starts_with(':') {
                return piece;
            }
        }
    }
}

fn slow() -> StreamTiming {
    StreamTiming {
        heartbeat: Duration::from_hours(1),
        poll: Duration::from_hours(1),
    }
}

fn fast() -> StreamTiming {
    StreamTiming {
        heartbeat: Duration::from_millis(20),
        poll: Duration::from_millis(20),
    }
}

#[tokio::test]
async fn what_happens_is_heard_at_once_by_kind_and_id() {
    let mut house = House::new(slow(), Permissions::all()).await;
    let mut heard = house.listen(None).await;
    assert_eq!(heard.headers["x-accel-buffering"], "no");
    assert_eq!(heard.headers["cache-control"], "no-store");
    assert_eq!(heard.next().await, ": welcome\n\n");
    house.happen().await;
    let event = heard.event().await;
    assert!(event.contains("\"kind\":\"message.received\""), "{event}");
    assert!(
        event.contains(&format!("id: {}", house.last().await)),
        "{event}"
    );
    assert!(!event.contains("secret"), "{event}");
}

#[tokio::test]
async fn a_listener_comes_back_to_where_he_was() {
    let mut house = House::new(slow(), Permissions::all()).await;
    house.happen().await;
    let seen = house.last().await;
    house.happen().await;
    house.happen().await;
    let mut heard = house.listen(Some(&seen.to_string())).await;
    for number in [seen + 1, seen + 2] {
        let event = heard.event().await;
        assert!(event.contains(&format!("id: {number}\n")), "{event}");
    }
    let mut lost = house.listen(Some("99999")).await;
    let event = lost.event().await;
    assert!(event.contains("event: reset"), "{event}");
    assert!(event.contains(&format!("id: {}", seen + 2)), "{event}");
    let wrong = house.listen(Some("yesterday")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_is_signed_out_hears_nothing_more() {
    let mut house = House::new(slow(), Permissions::all()).await;
    let mut heard = house.listen(None).await;
    house.door.is_open.store(false, Ordering::SeqCst);
    house.happen().await;
    assert!(heard.event().await.contains("event: end"));
    assert_eq!(heard.next().await, "");
}

#[tokio::test]
async fn a_removal_is_noticed_without_an_event() {
    let house = House::new(slow(), Permissions::all()).await;
    let mut heard = house.listen(None).await;
    house.door.is_open.store(false, Ordering::SeqCst);
    house.state.recheck_streams();
    assert!(heard.event().await.contains("event: end"));
}

#[tokio::test]
async fn a_heartbeat_looks_again_too() {
    let house = House::new(fast(), Permissions::all()).await;
    let mut heard = house.listen(None).await;
    assert_eq!(heard.next().await, ": welcome\n\n");
    assert_eq!(heard.next().await, ": heartbeat\n\n");
    house.door.is_open.store(false, Ordering::SeqCst);
    assert!(heard.event().await.contains("event: end"));
}

#[tokio::test]
async fn nobody_hears_of_what_he_may_not_see() {
    let rights = [Permission::BusinessRead].into_iter().collect();
    let mut house = House::new(fast(), rights).await;
    let mut heard = house.listen(None).await;
    assert_eq!(heard.next().await, ": welcome\n\n");
    house.happen().await;
    for _ in 0..3 {
        assert_eq!(heard.next().await, ": heartbeat\n\n");
    }
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let house = House::new(slow(), Permissions::all()).await;
    let mut heard = house.listen(None).await;
    assert_eq!(heard.next().await, ": welcome\n\n");
    house.state.close_streams();
    assert_eq!(heard.next().await, "");
    let late = house.listen(None).await;
    assert_eq!(late.status, StatusCode::SERVICE_UNAVAILABLE);
}
