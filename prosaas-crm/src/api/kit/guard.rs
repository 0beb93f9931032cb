//! What stands before every handler: limits, who asks, forgery, and the route's row of permissions.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::{Caller, Credential, Presented};
use super::etag::if_match;
use super::idempotency::once;
use super::limit::{Key, Standing, announce};
use super::problem::Problem;
use super::routes::{Needs, Row};
use super::state::ApiState;
use crate::auth::csrf::{CUSTOM_HEADER, RequestOrigin, require_own_origin};

/// The client's address as the server found it behind its proxies; put it into the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

#[derive(Clone)]
pub(super) struct Guard {
    pub(super) state: ApiState,
    pub(super) row: Row,
}

/// Lets a request through to its handler, or does not.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut standings = Vec::with_capacity(3);
    let mut response = match admit(&guard, request, &mut standings).await {
        Ok(request) => run(&guard, request, next).await,
        Err(problem) => problem.into_response(),
    };
    announce(response.headers_mut(), &standings);
    response
}

async fn run(Guard { state, row }: &Guard, request: Request, next: Next) -> Response {
    match request.extensions().get::<Caller>().copied() {
        Some(caller) => once(state, *row, &caller, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response),
        None => next.run(request).await,
    }
}

async fn admit(
    Guard { state, row }: &Guard,
    mut request: Request,
    standings: &mut Vec<Standing>,
) -> Result<Request, Problem> {
    let address = address(&request);
    let mut take = |key| -> Result<(), Problem> {
        standings.push(state.limiter().take(key, state.now())?);
        Ok(())
    };
    if let Some(address) = address {
        take(Key::address(address))?;
    }
    let unsafe_method = !matches!(*request.method(), Method::GET | Method::HEAD);
    if row.needs == Needs::Public {
        if unsafe_method {
            // Nobody is signed in yet, but a foreign page shall not sign anybody in either.
            forbid_forgery(request.headers(), state, false)?;
        }
        return Ok(request);
    }
    let presented = Presented {
        method: request.method(),
        headers: request.headers(),
        address,
    };
    let caller = state
        .authenticator()
        .authenticate(presented)
        .await?
        .ok_or_else(Problem::unauthenticated)?;
    if matches!(caller.credential(), Credential::Session(_)) {
        if row.is_socket() {
            forbid_foreign_socket(request.headers(), state)?;
        } else if unsafe_method {
            forbid_forgery(request.headers(), state, true)?;
        }
    }
    take(Key::Credential(caller.credential()))?;
    if let Some(scope) = caller.tenant() {
        take(Key::Tenant(scope.tenant()))?;
    }
    authorise(row.needs, &caller)?;
    if row.demands_version(request.method()) {
        if_match(request.headers())?;
    }
    request.extensions_mut().insert(caller);
    Ok(request)
}

/// The one place that compares what a route needs with who asks.
fn authorise(needs: Needs, caller: &Caller) -> Result<(), Problem> {
    match needs {
        Needs::Public => Ok(()),
        Needs::Session => match caller.credential() {
            Credential::Session(_) => Ok(()),
            Credential::ApiKey(_) => Err(Problem::forbidden("this is for signed-in users alone")),
        },
        Needs::Tenant(permission) => match caller.tenant() {
            Some(scope) => Ok(scope.require(permission)?),
            None => Err(Problem::forbidden("you are not at work in a business")),
        },
        Needs::System => match caller.system() {
            Some(_) => Ok(()),
            None => Err(Problem::forbidden(
                "this is for the installation's administrators",
            )),
        },
    }
}

fn address(request: &Request) -> Option<IpAddr> {
    let extensions = request.extensions();
    let told = extensions.get::<ClientAddress>().map(|told| told.0);
    let peer = || extensions.get::<ConnectInfo<SocketAddr>>();
    told.or_else(|| peer().map(|info| info.0.ip()))
}

fn forbid_forgery(headers: &HeaderMap, state: &ApiState, with_cookie: bool) -> Result<(), Problem> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    // An unreadable value is one, and not ours.
    let text = |name: HeaderName| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("unreadable"))
    };
    let origin = RequestOrigin {
        sec_fetch_site: text(FETCH_SITE),
        origin: text(header::ORIGIN),
        custom_header: !with_cookie || headers.contains_key(CUSTOM_HEADER),
    };
    require_own_origin(origin, &state.config().public_origin).map_err(|_| foreign_origin())
}

/// A page cannot add a header to the opening of a websocket, and a foreign one may open any. But a browser always
/// says whose page it is.
fn forbid_foreign_socket(headers: &HeaderMap, state: &ApiState) -> Result<(), Problem> {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    if origin == Some(state.config().public_origin.as_bytes()) {
        return Ok(());
    }
    Err(foreign_origin())
}

fn foreign_origin() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "foreign-origin")
        .detail("the request was not made by this site's own pages")
}
