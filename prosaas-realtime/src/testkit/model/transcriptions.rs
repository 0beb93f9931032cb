//! Sound files to words: `POST /v1/audio/transcriptions`, strictly as the API reads its multipart form.

use std::sync::Arc;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::rest::{fault, refusal};
use super::server::Shared;

/// The API takes files of up to 25 MB; the rest of the form is small.
const MOST_BYTES: usize = 25 * 1024 * 1024;
const MOST_FORM: usize = MOST_BYTES + 64 * 1024;
/// The formats it reads, told by the ending of the name.
const ENDINGS: [&str; 9] = [
    "flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm",
];

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/audio/transcriptions", post(transcribe))
        .layer(DefaultBodyLimit::max(MOST_FORM))
}

/// What the form holds.
#[derive(Default)]
struct Asked {
    model: String,
    format: String,
    ending: String,
    file: Option<usize>,
}

async fn transcribe(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    if let Some(fault) = fault(&shared, &headers).await {
        return fault;
    }
    let asked = match read(form).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let Some(bytes) = asked.file else {
        return missing("file");
    };
    if asked.model.is_empty() {
        return missing("model");
    }
    if !matches!(asked.format.as_str(), "" | "json") {
        let message = "This fake knows response_format json only.";
        return refusal(StatusCode::BAD_REQUEST, "unsupported_value", message);
    }
    if bytes == 0 || bytes > MOST_BYTES || !ENDINGS.contains(&asked.ending.as_str()) {
        let message = "Invalid file format.";
        return refusal(StatusCode::BAD_REQUEST, "unsupported_file", message);
    }
    Json(answer(&shared, bytes)).into_response()
}

async fn read(mut form: Multipart) -> Result<Asked, Response> {
    let broken = |_| {
        refusal(
            StatusCode::BAD_REQUEST,
            "invalid_form",
            "Could not parse the form.",
        )
    };
    let mut asked = Asked::default();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            "model" => asked.model = field.text().await.map_err(broken)?,
            "response_format" => asked.format = field.text().await.map_err(broken)?,
            "file" => {
                asked.ending = ending(&field);
                asked.file = Some(field.bytes().await.map_err(broken)?.len());
            }
            "language" | "prompt" | "temperature" => {}
            _ => {
                let message = "Unrecognized request argument supplied.";
                return Err(refusal(
                    StatusCode::BAD_REQUEST,
                    "unknown_parameter",
                    message,
                ));
            }
        }
    }
    Ok(asked)
}

fn ending(file: &Field<'_>) -> String {
    let name = file.file_name().unwrap_or_default();
    let (_, ending) = name.rsplit_once('.').unwrap_or_default();
    ending.to_ascii_lowercase()
}

fn missing(parameter: &str) -> Response {
    let message = format!("Missing required parameter: '{parameter}'.");
    refusal(
        StatusCode::BAD_REQUEST,
        "missing_required_parameter",
        &message,
    )
}

fn answer(shared: &Shared, bytes: usize) -> serde_json::Value {
    let mut heard = 0;
    shared.stats.send_modify(|stats| {
        heard = stats.transcriptions;
        stats.transcriptions += 1;
    });
    let told = usize::try_from(heard).ok();
    let told = told.and_then(|heard| shared.config.voice_notes.get(heard));
    let text = told
        .cloned()
        .unwrap_or_else(|| format!("[sound of {bytes} bytes]"));
    // A second of WhatsApp's Opus is about two kilobytes, and ten tokens.
    let (audio, written) = (10 + bytes / 200, 1 + text.len() / 4);
    json!({
        "text": text,
        "usage": {
            "type": "tokens", "input_tokens": audio, "output_tokens": written,
            "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
            "total_tokens": audio + written,
        },
    })
}
