//! Talking to the agent from the console: a call without a phone, of which nothing is kept but its cost.

use std::fmt;

use async_trait::async_trait;
use axum::extract::Request;
use axum::response::Response;

use crate::auth::TenantScope;
use crate::model::id::UserId;

/// Who wants to talk to his business's agent.
#[derive(Clone, Copy, Debug)]
pub struct Talker {
    /// Leave to act for the business.
    pub scope: TenantScope,
    /// The user.
    pub user: UserId,
}

/// Why nobody talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkRefusal {
    /// The request does not ask for a websocket.
    NoWebSocket,
    /// The same user talks to an agent already.
    AlreadyTalking,
    /// The business has as many calls as it may.
    TooManyCalls,
    /// What models may cost in this month is spent, or promised to calls that go on.
    BudgetSpent,
    /// The model is off, or the server is stopping.
    Unavailable,
}

/// Where a host lets people talk to the agent.
#[async_trait]
pub trait TalkDesk: Send + Sync + fmt::Debug {
    /// Answers a request for the websocket of a talk. The caller is authorised and his page is ours.
    ///
    /// # Errors
    /// Why there is none.
    async fn talk(&self, who: Talker, request: Request) -> Result<Response, TalkRefusal>;
}
