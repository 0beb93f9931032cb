//! Files of messages: they leave through here and nowhere else, as what they were found to be.

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use prosaas_core::whatsapp::FileSink as _;
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;
use tower_http::services::ServeFile;
use utoipa::ToSchema;

use crate::api::kit::{ApiResult, ApiState, Id, Problem, Scope};
use crate::auth::TenantScope;
use crate::model::id::{ConversationId, MessageId};
use crate::model::media_type::{MediaType, UNKNOWN};
use crate::model::message_file::{MOST_SENT, MessageFile, OutboundFile};
use crate::shelf::{Draft, Placed, Shelf};

/// A file that waits to be sent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadedFile {
    /// What a message names it by; once, and within a day.
    id: MessageId,
    /// Its size in bytes.
    bytes: u64,
}

/// A file to be sent with a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessageFile)]
pub(crate) struct NewFile {
    /// Under which it was uploaded.
    id: MessageId,
    /// Its name, which the other side sees of a document.
    #[schema(max_length = 120)]
    name: Option<String>,
}

impl NewFile {
    /// The file as it lies on the shelf.
    pub(super) async fn found(
        self,
        state: &ApiState,
        scope: &TenantScope,
        caption: Option<String>,
    ) -> ApiResult<OutboundFile> {
        let shelf = Shelf::in_data_dir(&state.config().data_dir);
        let name = self.name.as_deref().unwrap_or_default();
        let claimed = MediaType::claimed_by(name);
        let found = shelf.look(scope.tenant(), self.id, claimed).await?;
        let Placed { media_type, bytes } = found.ok_or_else(Problem::not_found)?;
        Ok(OutboundFile {
            id: self.id,
            media_type,
            bytes,
            name: self.name,
            caption,
        })
    }
}

/// Takes a file of at most 16 MB that is to be sent in a conversation. A message names it by its id within a day;
/// one that none does is removed. What it is, is found in its bytes.
#[utoipa::path(post, path = "/api/conversations/{id}/files",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The file, waiting.", body = UploadedFile)))]
pub(super) async fn upload_message_file(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ConversationId>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<UploadedFile>> {
    state.store().conversation(&scope, id).await?;
    state.whatsapp()?;
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MOST_SENT) {
        return Err(too_large());
    }
    let left = state.store().storage_use(&scope).await?.left();
    if left == 0 || announced.is_some_and(|length| length > left) {
        return Err(over_limit());
    }
    let file = MessageId::mint(state.now());
    let shelf = Shelf::in_data_dir(&state.config().data_dir);
    let mut draft = shelf.begin(scope.tenant(), file, 1).await?;
    match take(&mut draft, body.into_data_stream(), left).await {
        Ok(()) => {
            let Placed { bytes, .. } = draft.place("").await?;
            Ok(Json(UploadedFile { id: file, bytes }))
        }
        Err(problem) => {
            draft.discard().await;
            Err(problem)
        }
    }
}

async fn take(draft: &mut Draft, mut body: BodyDataStream, left: u64) -> ApiResult<()> {
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| broken_off())?;
        let bytes = draft.bytes() + piece.len() as u64;
        if bytes > MOST_SENT {
            return Err(too_large());
        }
        // Not everybody announces a length.
        if bytes > left {
            return Err(over_limit());
        }
        draft.write(piece).await?;
    }
    if draft.bytes() == 0 {
        return Err(Problem::bad_request("body-malformed", "the file is empty"));
    }
    Ok(())
}

fn too_large() -> Problem {
    let detail = "a file may have 16 MB: send a smaller one, or a link to it";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "attachment-too-large").detail(detail)
}

fn over_limit() -> Problem {
    let detail =
        "the business's files take all they may: remove some, or have an owner raise the limit";
    Problem::new(StatusCode::CONFLICT, "storage-full").detail(detail)
}

fn broken_off() -> Problem {
    let detail = "the file broke off before its end: nothing was kept";
    Problem::bad_request("body-malformed", detail)
}

/// Gives the file of a message; a part of it when the request has a `Range`. Pictures, sound and film may be
/// shown in a page; everything else is for download, as is what could not be told.
#[utoipa::path(get, path = "/api/messages/{id}/file",
    params(("id" = MessageId, Path, description = "The message.")),
    responses((status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn get_message_file(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<MessageId>,
    request: Request,
) -> ApiResult<Response> {
    let message = state.store().message(&scope, id).await?;
    let file = message.file.filter(MessageFile::is_stored);
    let file = file.ok_or_else(Problem::not_found)?;
    let shelf = Shelf::in_data_dir(&state.config().data_dir);
    let path = shelf.path(scope.tenant(), id);
    let Ok(served) = ServeFile::new(&path).oneshot(request).await;
    if served.status() == StatusCode::NOT_FOUND {
        return Err(Problem::not_found());
    }
    let media_type = file.media_type.unwrap_or(UNKNOWN);
    let mut response = served.into_response();
    let headers = response.headers_mut();
    // Kept by the browser, but asked about each time: whoever has signed out hears nothing.
    let private = HeaderValue::from_static("private, no-cache");
    headers.insert(header::CACHE_CONTROL, private);
    if headers.contains_key(header::CONTENT_TYPE) {
        let found = HeaderValue::from_static(media_type.name);
        headers.insert(header::CONTENT_TYPE, found);
    }
    let name = file
        .name
        .unwrap_or_else(|| format!("{id}.{}", media_type.extension));
    headers.insert(header::CONTENT_DISPOSITION, disposition(media_type, &name));
    Ok(response)
}

/// How a browser is to take the file (RFC 6266): in ASCII for old ones, and as it is.
fn disposition(media_type: &MediaType, name: &str) -> HeaderValue {
    let how = if media_type.is_inline {
        "inline"
    } else {
        "attachment"
    };
    let plain: String = name.chars().map(ascii).collect();
    let encoded: String = name.bytes().map(encoded).collect();
    let text = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

const fn ascii(c: char) -> char {
    match c {
        ' '..='~' if c != '"' && c != '\\' && c != '%' => c,
        _ => '_',
    }
}

/// A byte as RFC 8187 writes it.
fn encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(name: &str, of: &str) -> String {
        let media_type = MediaType::named(of).unwrap();
        let value = disposition(media_type, name);
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn only_what_is_passive_is_shown_and_a_name_stays_a_name() {
        assert_eq!(
            header_of("a b.jpg", "image/jpeg"),
            "inline; filename=\"a b.jpg\"; filename*=UTF-8''a%20b.jpg"
        );
        assert_eq!(
            header_of("דף.pdf", "application/pdf"),
            "attachment; filename=\"__.pdf\"; filename*=UTF-8''%D7%93%D7%A3.pdf"
        );
        let hostile = header_of("a\"\r\nx: y", "text/plain");
        assert!(
            hostile.starts_with("attachment; filename=\"a___x: y\";"),
            "{hostile}"
        );
    }
}
