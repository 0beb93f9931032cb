//! `/api/events`: what happens in the business, as it happens, by server-sent events.
//!
//! Events carry kinds and ids only; who wants to know more asks for it, and is asked for the right to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event as Frame, Sse};
use futures_util::stream::{self, Stream};
use prosaas_core::LeadId;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::kit::sse::{Bell, Seat};
use super::kit::{
    ApiQuery, ApiResult, ApiState, Caller, Needs, Problem, Routes, Scope, Tagged, Time,
};
use crate::auth::{Permission, TenantScope};
use crate::store::Event;

/// Events read at once.
const BATCH: u32 = 200;

/// Where a stream begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventStart {
    /// The last event seen, where a client cannot send the header `Last-Event-ID`.
    #[param(maximum = 9_007_199_254_740_991_i64, minimum = 0)]
    last_event_id: Option<i64>,
}

/// What one event says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventData {
    /// What happened, such as `lead.updated`.
    #[schema(example = "lead.updated")]
    kind: String,
    /// When.
    at: Time,
    /// To what kind of thing.
    #[schema(example = "lead")]
    entity: String,
    /// To which one.
    id: String,
    /// The lead it is about.
    lead_id: Option<LeadId>,
}

impl From<&Event> for EventData {
    fn from(event: &Event) -> Self {
        Self {
            kind: event.kind.clone(),
            at: event.at.into(),
            entity: event.entity_kind.clone(),
            id: event.entity_id.clone(),
            lead_id: event.lead,
        }
    }
}

/// Streams what happens in the business.
///
/// Each event has its number as `id`, and `EventData` as JSON in `data`. A client that comes back with
/// `Last-Event-ID` gets what it missed; when that is not kept any more, one event `reset` tells it to read
/// everything again. An event `end` says that the session or key is not good any more.
#[utoipa::path(get, path = "/api/events", params(EventStart),
    responses((status = 200, description = "The stream, without an end.", body = EventData,
               content_type = "text/event-stream")))]
async fn stream_events(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    caller: Caller,
    headers: HeaderMap,
    ApiQuery(start): ApiQuery<EventStart>,
) -> ApiResult<impl IntoResponse> {
    let seat = state.seats().take(scope.tenant())?;
    // Listens before it looks, so that nothing falls between the two.
    let news = state.store().watch_events(&scope);
    let bell = state.seats().listen();
    if *bell.borrow() == Bell::Close {
        return Err(Problem::unavailable("the stopping server"));
    }
    let seen = last_event_id(&headers)?.or(start.last_event_id);
    let bounds = state.store().event_bounds(&scope).await?;
    let mut frames = VecDeque::from([Frame::default().comment("welcome")]);
    let seq = match seen {
        Some(seq) if bounds.can_resume_after(seq) => seq,
        Some(_) => {
            frames.push_back(notice("reset").id(bounds.last.to_string()));
            bounds.last
        }
        None => bounds.last,
    };
    let timing = state.config().streams;
    let mut poll = ticker(timing.poll);
    if seq < bounds.last {
        poll.reset_immediately();
    }
    let listener = Listener {
        state,
        caller,
        seq,
        frames,
        news,
        bell,
        heartbeat: ticker(timing.heartbeat),
        poll,
        is_over: false,
        _seat: seat,
    };
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // nginx would collect the events of a minute and send them at once.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Sse::new(listener.into_stream())))
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = interval_at(Instant::now() + period, period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

fn last_event_id(headers: &HeaderMap) -> ApiResult<Option<i64>> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.filter(|id| *id >= 0).map(Some).ok_or_else(|| {
        Problem::bad_request("last-event-id-invalid", "expected the number of an event")
    })
}

fn notice(name: &str) -> Frame {
    Frame::default().event(name).data("{}")
}

/// The right to know that something happened to a kind of thing.
fn right_to_hear_of(entity: &str) -> Permission {
    match entity {
        "lead" | "identity" | "note" | "consent" | "import" | "merge" | "timeline" => {
            Permission::LeadsRead
        }
        "batch" => Permission::LeadsManage,
        "subject_request" => Permission::PrivacyRead,
        "task" | "appointment" => Permission::TasksRead,
        "deal" => Permission::DealsRead,
        "payment" => Permission::PaymentsRead,
        "call" | "recording" | "promise" => Permission::CallsRead,
        "conversation" | "message" => Permission::ConversationsRead,
        "api_key" | "secret" | "webhook" | "delivery" => Permission::KeysWrite,
        // `whatsapp` among them: everybody may know whether it works; the code is asked for with the right to link.
        _ => Permission::BusinessRead,
    }
}

/// One client, and what it has seen.
struct Listener {
    state: ApiState,
    caller: Caller,
    seq: i64,
    frames: VecDeque<Frame>,
    news: watch::Receiver<i64>,
    bell: watch::Receiver<Bell>,
    heartbeat: Interval,
    poll: Interval,
    is_over: bool,
    _seat: Seat,
}

/// Why a listener looks up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// There may be events.
    News,
    /// It is time for a heartbeat.
    Heartbeat,
    /// Somebody's leave to listen may have ended.
    Bell,
}

impl Listener {
    fn into_stream(self) -> impl Stream<Item = Result<Frame, Infallible>> {
        stream::unfold(self, |mut listener| async move {
            loop {
                if let Some(frame) = listener.frames.pop_front() {
                    return Some((Ok(frame), listener));
                }
                if listener.is_over {
                    return None;
                }
                let cause = listener.wait().await;
                if let Err(problem) = listener.look(cause).await {
                    // The client comes back with its last number and misses nothing.
                    let (code, cause) = (problem.code(), problem.cause().unwrap_or_default());
                    tracing::warn!(code, cause, "an event stream was cut");
                    return None;
                }
            }
        })
    }

    /// Every branch may be dropped at any time: all of them only wait.
    async fn wait(&mut self) -> Cause {
        tokio::select! {
            _ = self.heartbeat.tick() => Cause::Heartbeat,
            Ok(()) = self.bell.changed() => Cause::Bell,
            Ok(()) = self.news.changed() => Cause::News,
            _ = self.poll.tick() => Cause::News,
        }
    }

    /// Collects what is new, if the listener may still hear it.
    async fn look(&mut self, cause: Cause) -> ApiResult<()> {
        if *self.bell.borrow() == Bell::Close {
            self.is_over = true;
            return Ok(());
        }
        let scope = self.caller.tenant();
        let scope = scope.ok_or_else(|| Problem::internal("a listener without a business"))?;
        let events = self.state.store().events_after(&scope, self.seq, BATCH);
        let events = events.await?;
        if events.is_empty() && cause == Cause::News {
            return Ok(());
        }
        // Asked behind the read: who is removed while it runs does not get what it found.
        let Some(scope) = self.may_still_listen(&scope).await? else {
            self.frames.push_back(notice("end"));
            self.is_over = true;
            return Ok(());
        };
        if events.len() == BATCH as usize {
            // There is more: look again at once.
            self.poll.reset_immediately();
        }
        for event in &events {
            self.seq = event.seq;
            if scope
                .permissions()
                .contains(right_to_hear_of(&event.entity_kind))
            {
                self.frames.push_back(frame(event)?);
            }
        }
        if cause == Cause::Heartbeat {
            self.frames.push_back(Frame::default().comment("heartbeat"));
        }
        Ok(())
    }

    /// The listener's scope as it is now; `None` when he is signed out, removed, or elsewhere.
    async fn may_still_listen(&mut self, scope: &TenantScope) -> ApiResult<Option<TenantScope>> {
        let caller = self.state.authenticator().recheck(&self.caller).await?;
        let now = caller.and_then(|caller| {
            self.caller = caller;
            caller.tenant()
        });
        Ok(now.filter(|now| {
            now.tenant() == scope.tenant() && now.permissions().contains(Permission::BusinessRead)
        }))
    }
}

fn frame(event: &Event) -> ApiResult<Frame> {
    Frame::default()
        .id(event.seq.to_string())
        .json_data(EventData::from(event))
        .map_err(|_| Problem::internal("an event does not serialise"))
}

pub(crate) fn routes() -> Tagged {
    Routes::tagged("events").add(
        Needs::Tenant(Permission::BusinessRead),
        routes!(stream_events),
    )
}
