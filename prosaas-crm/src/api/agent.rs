//! Trying the agent out: `/api/agent`.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa_axum::routes;

use super::kit::{ApiResult, ApiState, Caller, Needs, Problem, Routes, Scope};
use crate::auth::Permission;
use crate::talk::{TalkRefusal, Talker};

/// Talks to the agent from a browser: a websocket that carries what a phone call would.
///
/// Binary messages are mu-law audio (8 kHz, mono) in whole frames of 160 bytes, both ways. Text messages are JSON.
/// From the server: `{"clear":true}` drops what was not played yet, `{"mark":"0:1"}` is sent back once everything
/// before it was played or dropped, `{"line":{"seq":0,"speaker":"caller","text":"..."}}` is what was said, and
/// `{"ended":"agent_ended"}` comes last. From the browser: the marks, and `{"hang_up":true}`. No call and no lead is
/// kept, and the agent's tools write nothing.
#[utoipa::path(get, path = "/api/agent/talk",
    responses(
        (status = 101, description = "The websocket is open."),
        (status = 409, description = "`already-talking`, `too-many-calls` of the business, or its month's `budget-spent`."),
        (status = 426, description = "`websocket-expected`.")))]
async fn talk_to_agent(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    caller: Caller,
    request: Request,
) -> ApiResult<Response> {
    let Some(user) = caller.user() else {
        return Err(Problem::forbidden("this is for signed-in users alone"));
    };
    let talked = state.talk()?.talk(Talker { scope, user }, request).await;
    talked.map_err(refused)
}

fn refused(refusal: TalkRefusal) -> Problem {
    match refusal {
        TalkRefusal::NoWebSocket => {
            Problem::new(StatusCode::UPGRADE_REQUIRED, "websocket-expected")
                .detail("this address is for websockets alone")
        }
        TalkRefusal::AlreadyTalking => Problem::new(StatusCode::CONFLICT, "already-talking")
            .detail("you talk to the agent already, perhaps in another tab"),
        TalkRefusal::TooManyCalls => Problem::new(StatusCode::CONFLICT, "too-many-calls")
            .detail("the business has as many calls as it may at once"),
        TalkRefusal::BudgetSpent => Problem::new(StatusCode::CONFLICT, "budget-spent")
            .detail("what models may cost in this month is spent, or promised to calls that go on"),
        TalkRefusal::Unavailable => Problem::unavailable("agent"),
    }
}

pub(super) fn routes() -> Routes {
    Routes::tagged("agent")
        .add(
            Needs::Tenant(Permission::CallsWrite).socket(),
            routes!(talk_to_agent),
        )
        .into()
}
