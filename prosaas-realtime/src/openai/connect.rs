//! Opening the socket: TLS with an explicit provider, small buffers, one deadline for everything.

use std::io;
use std::sync::Arc;

use prosaas_core::leg::{AiError, AiErrorKind};
use prosaas_core::{AgentBrief, ExposeSecret};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tungstenite::Error as SocketError;
use tungstenite::client::IntoClientRequest;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::client::{Request, Response};
use tungstenite::http::HeaderValue;
use tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::config::OpenAiConfig;
use super::connection::{self, Socket};
use super::translate::{neutral_error, own_error};
use super::wire::VendorError;
use crate::loopback::is_loopback;

/// A connected model socket: plain towards loopback, else encrypted, which needs a good deal more memory.
pub(super) type ModelSocket = Socket<Either<TcpStream, Box<TlsStream<TcpStream>>>>;

/// What the library takes in one go from what was read. It keeps room for this beside the longest message, and
/// zeroes it every time; its own default is 128 KiB.
const READ_BUFFER: usize = 128;
/// A peer that leaves this much unread is stalled: about a minute of caller audio.
const MAX_WRITE_BUFFER: usize = 512 * 1024;
/// The vendor's largest frames are about 100 KiB of audio.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// The socket settings of a model leg.
pub(super) fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // What is written is gathered below the library.
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

/// A TLS configuration that names its provider: picking one automatically panics when a program
/// links two, or none is installed.
pub(super) fn tls_config() -> Result<Arc<ClientConfig>, prosaas_core::Error> {
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| prosaas_core::Error::internal("TLS set-up", error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Connects within the configured deadline.
pub(super) async fn connect(
    url: &Url,
    config: &OpenAiConfig,
    tls: Arc<ClientConfig>,
    brief: &AgentBrief,
) -> Result<ModelSocket, AiError> {
    let request = request(url, config, brief)?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let handshake = async {
        let stream = TcpStream::connect((host, port)).await?;
        // A frame every 20 ms is exactly the traffic Nagle's algorithm delays.
        stream.set_nodelay(true)?;
        let stream = if url.scheme() == "wss" {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let encrypted = TlsConnector::from(tls).connect(name, stream).await?;
            Either::Right(Box::new(encrypted))
        } else {
            Either::Left(stream)
        };
        connection::open(stream, request, socket_config()).await
    };
    match tokio::time::timeout(config.connect_timeout, handshake).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(connect_error(&error)),
        Err(_) => Err(own_error(
            AiErrorKind::Connect,
            "timeout",
            format!(
                "the model did not answer within {} ms",
                config.connect_timeout.as_millis()
            ),
        )),
    }
}

fn request(url: &Url, config: &OpenAiConfig, brief: &AgentBrief) -> Result<Request, AiError> {
    let mut request = url
        .as_str()
        .into_client_request()
        .map_err(|error| connect_error(&error))?;
    match brief.api_key.as_ref().or(config.api_key.as_ref()) {
        Some(key) => {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
                .map_err(|_| {
                    let message = "the API key holds characters that no API key has";
                    own_error(AiErrorKind::Account, "invalid_api_key", message)
                })?;
            value.set_sensitive(true);
            request.headers_mut().insert("authorization", value);
        }
        None if is_loopback(url) => {}
        None => {
            let message = "no API key: neither the business nor the installation has one";
            return Err(own_error(AiErrorKind::Account, "no_api_key", message));
        }
    }
    // A name that identifies nobody; one that no header can carry is our caller's mistake, not the call's end.
    if let Some(value) = brief
        .end_user
        .as_deref()
        .and_then(|u| HeaderValue::from_str(u).ok())
    {
        request
            .headers_mut()
            .insert("openai-safety-identifier", value);
    }
    Ok(request)
}

fn connect_error(error: &SocketError) -> AiError {
    match error {
        SocketError::Http(response) => refused(response),
        SocketError::Io(error) => own_error(AiErrorKind::Connect, "io", error.to_string()),
        other => own_error(AiErrorKind::Connect, "websocket", other.to_string()),
    }
}

/// The vendor's answer to a handshake it refused: the body says more than the status, when there is one.
fn refused(response: &Response) -> AiError {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: &'a serde_json::value::RawValue,
    }
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    let vendor = std::str::from_utf8(body)
        .ok()
        .and_then(|text| serde_json::from_str::<Body<'_>>(text).ok())
        .map(|body| VendorError::parse(body.error.get()))
        .unwrap_or_default();
    let mut error = neutral_error(&vendor);
    error.kind = match (error.kind, status.as_u16()) {
        (AiErrorKind::Account, _) | (_, 401 | 403) => AiErrorKind::Account,
        (_, 429) => AiErrorKind::RateLimited,
        _ => AiErrorKind::Connect,
    };
    // What is not there, or does not work, has many names in bodies and one status.
    if error.code.is_empty() || error.kind == AiErrorKind::Connect {
        error.code = format!("http_{}", status.as_u16());
    }
    if error.message.is_empty() {
        error.message = format!("the model refused the connection with {status}");
    }
    error
}

/// Whether a read error is only the connection's end.
pub(super) const fn is_end(error: &SocketError) -> bool {
    matches!(
        error,
        SocketError::ConnectionClosed
            | SocketError::AlreadyClosed
            | SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}
