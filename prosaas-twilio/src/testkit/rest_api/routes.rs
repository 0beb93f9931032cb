//! The fake's answers.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shareable};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prosaas_core::{CallStatus, E164, ExposeSecret as _};
use serde_json::{Value, json};

use super::call_list::call_json;
use super::{FakeCall, FakeMessage, FakeNumber, Fault, Received, Shared, State};

const MAX_BODY_BYTES: usize = 64 * 1024;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(Shareable(shared): Shareable<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return error(StatusCode::PAYLOAD_TOO_LARGE, None, "the body is too long");
    };
    let account_path = format!("/2010-04-01/Accounts/{}", shared.account);
    let Some(path) = parts.uri.path().strip_prefix(&account_path) else {
        return not_found();
    };
    let received = Received {
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: decode(parts.uri.query().unwrap_or_default().as_bytes()),
        form: decode(&body),
        authorized: is_authorized(&shared, &parts.headers),
    };
    let mut state = shared.state();
    state.received.push(received.clone());
    if !received.authorized {
        return error(StatusCode::UNAUTHORIZED, Some(20_003), "Authenticate");
    }
    match state.faults.pop_front() {
        Some(Fault::DoneBut(status)) => {
            state.route(&received, &account_path);
            plain(status, "upstream failed")
        }
        Some(fault) => faulty(fault),
        None => state.route(&received, &account_path),
    }
}

fn decode(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn is_authorized(shared: &Shared, headers: &HeaderMap) -> bool {
    let expected = format!("{}:{}", shared.account, shared.secret.expose_secret());
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|credentials| STANDARD.decode(credentials).ok())
        .is_some_and(|credentials| credentials == expected.as_bytes())
}

fn faulty(fault: Fault) -> Response {
    match fault {
        Fault::RateLimited(retry_after) => {
            let mut response = error(
                StatusCode::TOO_MANY_REQUESTS,
                Some(20_429),
                "Too Many Requests",
            );
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Fault::Status(status) => error(status_code(status), Some(20_500), "An error as scripted"),
        Fault::NotFound => not_found(),
        Fault::NotJson(status) | Fault::DoneBut(status) => {
            plain(status, "<html>not the answer you expected</html>")
        }
        Fault::Redirect(location) => (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response(),
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn plain(status: u16, body: &'static str) -> Response {
    (
        status_code(status),
        [(header::CONTENT_TYPE, "text/html")],
        body,
    )
        .into_response()
}

fn error(status: StatusCode, code: Option<u32>, message: &str) -> Response {
    let body = json!({
        "code": code,
        "message": message,
        "more_info": "https://www.twilio.com/docs/errors",
        "status": status.as_u16(),
    });
    with_json(status, &body)
}

fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        Some(20_404),
        "The requested resource was not found",
    )
}

pub(super) fn with_json(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

impl State {
    fn route(&mut self, request: &Received, account_path: &str) -> Response {
        let segments: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["Calls.json"]) => self.create_call(request),
            ("GET", ["Calls.json"]) => self.list_calls(request, account_path),
            ("POST", ["Calls", file]) => self.update_call(stem(file), request),
            ("GET", ["Calls", file]) => match self.calls.get(stem(file)) {
                Some(call) => with_json(StatusCode::OK, &call_json(stem(file), call)),
                None => not_found(),
            },
            ("GET", ["Recordings", file]) => match file.strip_suffix(".wav") {
                Some(sid) => self.recording(sid),
                None => not_found(),
            },
            ("DELETE", ["Recordings", file]) => match self.recordings.remove(stem(file)) {
                Some(_) => StatusCode::NO_CONTENT.into_response(),
                None => not_found(),
            },
            ("GET", ["IncomingPhoneNumbers.json"]) => self.list_numbers(request, account_path),
            ("POST", ["IncomingPhoneNumbers", file]) => self.update_number(stem(file), request),
            ("POST", ["Messages.json"]) => self.send_message(request),
            _ => not_found(),
        }
    }

    fn create_call(&mut self, request: &Received) -> Response {
        let number = |name| request.field(name).and_then(|text| E164::parse(text).ok());
        let (Some(to), Some(from)) = (number("To"), number("From")) else {
            return error(
                StatusCode::BAD_REQUEST,
                Some(21_211),
                "Invalid 'To' Phone Number",
            );
        };
        let Some(document) = document(request) else {
            return error(
                StatusCode::BAD_REQUEST,
                Some(21_205),
                "Url parameter is required",
            );
        };
        let call = FakeCall {
            direction: "outbound-api",
            to: Some(to),
            from: Some(from),
            document: Some(document),
            ..FakeCall::new(CallStatus::Queued)
        };
        let sid = self.mint("CA");
        self.keep(sid.clone(), call);
        let body = self.calls.get(&sid).map(|call| call_json(&sid, call));
        with_json(StatusCode::CREATED, &body.unwrap_or_default())
    }

    fn update_call(&mut self, sid: &str, request: &Received) -> Response {
        let now = self.clock.now();
        let Some(call) = self.calls.get_mut(sid) else {
            return not_found();
        };
        if call.status.is_final() {
            return error(
                StatusCode::BAD_REQUEST,
                Some(21_220),
                "Call is not in-progress. Cannot redirect.",
            );
        }
        if request.field("Status") == Some("completed") {
            call.status = CallStatus::Completed;
            *call = call.clone().stamped(now);
        }
        if let Some(document) = document(request) {
            call.document = Some(document);
        }
        let body = call_json(sid, call);
        with_json(StatusCode::OK, &body)
    }

    fn recording(&self, sid: &str) -> Response {
        match self.recordings.get(sid) {
            Some(wav) => (
                [(header::CONTENT_TYPE, "audio/x-wav")],
                Body::from(wav.clone()),
            )
                .into_response(),
            None => not_found(),
        }
    }

    fn list_numbers(&self, request: &Received, account_path: &str) -> Response {
        let wanted = request.asked("PhoneNumber");
        let page: usize = request
            .asked("Page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(0);
        let all: Vec<Value> = self
            .numbers
            .iter()
            .filter(|(_, number)| wanted.is_none_or(|wanted| number.number.expose() == wanted))
            .map(|(sid, number)| number_json(sid, number))
            .collect();
        let start = page.saturating_mul(self.page_size);
        let entries: Vec<&Value> = all.iter().skip(start).take(self.page_size).collect();
        let next = (start + entries.len() < all.len())
            .then(|| format!("{account_path}/IncomingPhoneNumbers.json?Page={}", page + 1));
        let body = json!({
            "page": page,
            "page_size": self.page_size,
            "incoming_phone_numbers": entries,
            "next_page_uri": next,
        });
        with_json(StatusCode::OK, &body)
    }

    fn update_number(&mut self, sid: &str, request: &Received) -> Response {
        let Some(number) = self.numbers.get_mut(sid) else {
            return not_found();
        };
        number.settings.extend(request.form.iter().cloned());
        let body = number_json(sid, number);
        with_json(StatusCode::OK, &body)
    }

    fn send_message(&mut self, request: &Received) -> Response {
        let from = request
            .field("From")
            .or_else(|| request.field("MessagingServiceSid"));
        let (Some(to), Some(from)) = (request.field("To"), from) else {
            return error(
                StatusCode::BAD_REQUEST,
                Some(21_603),
                "A 'From' is required",
            );
        };
        self.messages.push(FakeMessage {
            to: to.to_owned(),
            from: from.to_owned(),
            body: request.field("Body").unwrap_or_default().to_owned(),
        });
        let sid = self.mint("SM");
        with_json(
            StatusCode::CREATED,
            &json!({ "sid": sid, "status": "queued" }),
        )
    }
}

/// A file's name without its extension.
fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// `Url` wins over `Twiml`, as at Twilio.
fn document(request: &Received) -> Option<(&'static str, String)> {
    let field = |name| request.field(name).map(|value| (name, value.to_owned()));
    field("Url").or_else(|| field("Twiml"))
}

fn number_json(sid: &str, number: &FakeNumber) -> Value {
    json!({
        "sid": sid,
        "phone_number": number.number.expose(),
        "voice_url": number.settings.get("VoiceUrl"),
        "status_callback": number.settings.get("StatusCallback"),
        "voice_application_sid": "",
        "trunk_sid": null,
    })
}
