//! Who asks: found out once, before the handler, by whoever knows sessions and keys.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use super::problem::Problem;
use crate::auth::{SystemScope, TenantScope};
use crate::model::id::{ApiKeyId, SessionId, UserId};

/// What a request shows of itself.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its headers: the cookie and the bearer token are among them.
    pub headers: &'a HeaderMap,
    /// The client's address, as our own proxy tells it.
    pub address: Option<IpAddr>,
}

/// Finds out who asks.
#[async_trait]
pub trait Authenticator: fmt::Debug + Send + Sync + 'static {
    /// Who asks; `None` when the request shows no session and no key, or one that is not good any more.
    ///
    /// # Errors
    /// A problem that says more, such as that the second factor is still missing.
    async fn authenticate(&self, presented: Presented<'_>) -> Result<Option<Caller>, Problem>;

    /// Who the caller of a long answer is by now: `None` when the session or key has ended. Asked at
    /// every heartbeat of an event stream.
    async fn recheck(&self, caller: &Caller) -> Result<Option<Caller>, Problem>;
}

/// What proved who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A session's cookie.
    Session(SessionId),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    credential: Credential,
    user: Option<UserId>,
    tenant: Option<TenantScope>,
    system: Option<SystemScope>,
}

impl Caller {
    /// A signed-in user, as yet of no business.
    pub const fn signed_in(session: SessionId, user: UserId) -> Self {
        Self {
            credential: Credential::Session(session),
            user: Some(user),
            tenant: None,
            system: None,
        }
    }

    /// An API key of a business.
    pub const fn key(key: ApiKeyId, scope: TenantScope) -> Self {
        Self {
            credential: Credential::ApiKey(key),
            user: None,
            tenant: Some(scope),
            system: None,
        }
    }

    /// The same, at work in a business: as its member, or in an acting session.
    #[must_use]
    pub const fn in_business(mut self, scope: TenantScope) -> Self {
        self.tenant = Some(scope);
        self
    }

    /// The same, with the installation's administration. Not in an acting session.
    #[must_use]
    pub const fn administering(mut self, scope: SystemScope) -> Self {
        self.system = Some(scope);
        self
    }

    /// What proved it.
    pub const fn credential(&self) -> Credential {
        self.credential
    }

    /// The user, if a user asks.
    pub const fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The business he works in.
    pub const fn tenant(&self) -> Option<TenantScope> {
        self.tenant
    }

    /// The installation, if he administers it.
    pub const fn system(&self) -> Option<SystemScope> {
        self.system
    }
}

/// The proof of a signed-in user: the argument of handlers of [`Needs::Session`](super::Needs::Session).
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The whole caller.
    pub caller: Caller,
}

/// The key to a business's data: the argument of handlers of [`Needs::Tenant`](super::Needs::Tenant).
#[derive(Clone, Copy, Debug)]
pub struct Scope(pub TenantScope);

/// The key to the installation: the argument of handlers of [`Needs::System`](super::Needs::System).
#[derive(Clone, Copy, Debug)]
pub struct System(pub SystemScope);

fn caller(parts: &Parts) -> Result<Caller, Problem> {
    parts
        .extensions
        .get::<Caller>()
        .copied()
        .ok_or_else(|| Problem::internal("the route's row lets anybody in, its handler does not"))
}

fn wrong_row() -> Problem {
    Problem::internal("the route's row and its handler ask for different callers")
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        caller(parts)
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = caller(parts)?;
        match (caller.credential, caller.user) {
            (Credential::Session(session), Some(user)) => Ok(Self {
                session,
                user,
                caller,
            }),
            _ => Err(wrong_row()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Scope {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        caller(parts)?.tenant.map(Self).ok_or_else(wrong_row)
    }
}

impl<S: Sync> FromRequestParts<S> for System {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        caller(parts)?.system.map(Self).ok_or_else(wrong_row)
    }
}
