//! `Idempotency-Key`: a POST that was sent twice is done once, and answered twice.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prosaas_core::UnixMillis;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::auth::{Caller, Credential};
use super::json::{MAX_BODY, too_large};
use super::problem::Problem;
use super::routes::Row;
use super::state::ApiState;
use crate::model::id::UserId;
use crate::store::{KeyedAnswer, KeyedRequest, Reservation};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// What is kept of an answer's headers: those that belong to its content.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];
const MAX_KEY: usize = 64;
/// A request that takes longer than this has died with its process.
const LONGEST_MS: i64 = 60_000;

/// Runs the handler, or answers for it.
pub(super) async fn once(
    state: &ApiState,
    row: Row,
    caller: &Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if *request.method() != Method::POST || !request.headers().contains_key(KEY) {
        return Ok(next.run(request).await);
    }
    if row.is_streaming() {
        let detail = "an upload cannot be sent again under a key";
        return Err(Problem::bad_request("idempotency-key-not-accepted", detail));
    }
    let key = key(request.headers())?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.map_err(|_| too_large())?;
    let keyed = KeyedRequest {
        owner: owner(caller)?,
        key,
        operation: format!("{} {}", parts.method, parts.uri.path()),
        hash: hash(caller, &parts, &body),
    };
    let store = state.store();
    match store.reserve_key(&keyed).await? {
        Reservation::New => {}
        Reservation::Done(answer) => return replay(answer),
        Reservation::Begun(at) => return Err(in_progress(state.now(), at)),
        Reservation::Other => {
            let code = "idempotency-key-reused";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code)
                .detail("this key stands for another request; take a fresh one"));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    // A client that hangs up must not leave a request half answered: it comes back with the same key.
    let shared = state.clone();
    let work = async move { answer(&shared, row, &keyed, next.run(request).await).await };
    let task = state.tasks().spawn(work);
    task.await
        .unwrap_or_else(|_| Err(Problem::internal("a handler panicked")))
}

/// Keeps a success for the next time. After anything else the key is free again: nothing was done.
async fn answer(
    state: &ApiState,
    row: Row,
    keyed: &KeyedRequest,
    response: Response,
) -> Result<Response, Problem> {
    let store = state.store();
    let problem = response.extensions().get::<Problem>();
    if problem.is_some_and(Problem::is_unconfirmed) {
        // It may have been done: the key stays taken, so that sending it again does not do it twice.
        return Ok(response);
    }
    if !response.status().is_success() {
        store.release_key(keyed).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| Problem::internal("an answer is too long to be kept"))?;
    let kept = KeyedAnswer {
        status: parts.status.as_u16(),
        headers: headers_to_json(&parts.headers),
        body: (!row.has_secret_answer()).then(|| bytes.to_vec()),
    };
    store.finish_key(keyed, kept).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let text = values.next().and_then(|value| value.to_str().ok());
    let is_word = |text: &&str| {
        (1..=MAX_KEY).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match (text.filter(is_word), values.next()) {
        (Some(key), None) => Ok(key.to_owned()),
        _ => Err(Problem::bad_request(
            "idempotency-key-invalid",
            "expected 1 to 64 letters, digits, `-` or `_`",
        )),
    }
}

fn owner(caller: &Caller) -> Result<Uuid, Problem> {
    let tenant = caller.tenant().map(|scope| scope.tenant().uuid());
    let user = || caller.user().map(UserId::uuid);
    tenant
        .or_else(user)
        .ok_or_else(|| Problem::internal("a caller is neither of a business nor a user"))
}

/// Whoever asks is part of it: a colleague who happens to choose the same key is told so, and does not
/// get an answer that was not meant for him.
fn hash(caller: &Caller, parts: &Parts, body: &Bytes) -> [u8; 32] {
    let who = match (caller.user(), caller.credential()) {
        (Some(user), _) => user.to_string(),
        (None, Credential::ApiKey(key)) => key.to_string(),
        (None, Credential::Session(session)) => session.to_string(),
    };
    let query = parts.uri.query().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [who.as_bytes(), query.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn headers_to_json(headers: &HeaderMap) -> Value {
    let kept = KEPT.iter().filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), Value::from(value)))
    });
    Value::Object(kept.collect::<Map<_, _>>())
}

fn replay(answer: KeyedAnswer) -> Result<Response, Problem> {
    let Some(body) = answer.body else {
        return Err(Problem::new(StatusCode::CONFLICT, "already-done")
            .detail("it was done, and its answer is shown only once"));
    };
    let status = StatusCode::from_u16(answer.status)
        .map_err(|_| Problem::internal("a kept answer has no status"))?;
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for name in KEPT {
        let value = answer.headers.get(name.as_str()).and_then(Value::as_str);
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn in_progress(now: UnixMillis, since: UnixMillis) -> Problem {
    if now.since(since) < LONGEST_MS {
        return Problem::new(StatusCode::CONFLICT, "idempotency-key-in-progress")
            .detail("the same request is being done; ask again");
    }
    Problem::new(StatusCode::CONFLICT, "idempotency-outcome-unknown").detail(
        "the server stopped while it did this; look whether it was done, then take a fresh key",
    )
}
