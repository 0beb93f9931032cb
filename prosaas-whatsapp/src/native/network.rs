//! The two ways out: the socket to WhatsApp, and HTTP for files and the newest version.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use prosaas_core::{Error, Result};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use whatsapp_rust::anyhow;
use whatsapp_rust::async_channel::{self, Receiver, Sender};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::transport::{DisconnectReason, Transport, TransportEvent, TransportFactory};
use whatsapp_rust::wacore::net::{WHATSAPP_WEB_ORIGIN, WHATSAPP_WEB_WS_URL};

use super::tasks::Tasks;
use crate::http;

/// How long an HTTP exchange may take; a large file takes its time.
const HTTP_TIMEOUT: Duration = Duration::from_mins(5);
/// The largest answer that is taken, in bytes: WhatsApp's own bound of a file, and its sealing.
const MAX_ANSWER: u64 = 101_000_000;
/// The largest frame that is taken, in bytes: a frame's length has three bytes.
const MAX_FRAME: usize = 1 << 24;
/// Frames that wait for the library; then the socket is not read.
const FRAMES: usize = 64;

/// How WhatsApp is reached.
#[derive(Clone)]
pub struct Network {
    pub(crate) socket: String,
    pub(crate) http: Arc<dyn HttpClient>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// WhatsApp itself. A TLS provider must be installed before, and a builder may carry a proxy.
    ///
    /// # Errors
    /// `Internal` when no HTTP client can be built.
    pub fn whatsapp(http: reqwest::ClientBuilder) -> Result<Self> {
        let client = http
            .redirect(reqwest::redirect::Policy::none())
            .timeout(HTTP_TIMEOUT)
            .build()
            .map_err(|error| Error::internal("HTTP client", error))?;
        Ok(Self::at(WHATSAPP_WEB_WS_URL, Arc::new(Web(client))))
    }

    /// Another socket, such as a relay's, and another HTTP client. Who answers there must still prove to be WhatsApp:
    /// the certificate inside the socket is checked wherever it leads to.
    pub fn at(socket: impl Into<String>, http: Arc<dyn HttpClient>) -> Self {
        Self {
            socket: socket.into(),
            http,
        }
    }
}

/// Files and versions over the host's HTTP client.
struct Web(reqwest::Client);

#[async_trait]
impl HttpClient for Web {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())?;
        let mut asked = self.0.request(method, &request.url);
        for (name, value) in &request.headers {
            asked = asked.header(name, value);
        }
        if let Some(body) = request.body {
            asked = asked.body(body);
        }
        // The address of a file is as good as the file: it is not logged.
        let answer = asked.send().await.map_err(reqwest::Error::without_url)?;
        let status_code = answer.status().as_u16();
        let body = http::whole(answer, MAX_ANSWER).await?.to_vec();
        Ok(HttpResponse { status_code, body })
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Makes the sockets of one connection.
pub(crate) struct Dialer {
    url: String,
    tasks: Tasks,
    /// Whether nothing was reached the last time.
    unreachable: Arc<Mutex<bool>>,
}

impl Dialer {
    pub(crate) fn new(url: String, tasks: Tasks) -> Self {
        Self {
            url,
            tasks,
            unreachable: Arc::default(),
        }
    }

    /// Says whether nothing was reached, now or later.
    pub(crate) fn unreachable(&self) -> Arc<Mutex<bool>> {
        Arc::clone(&self.unreachable)
    }

    fn note(&self, unreachable: bool) {
        *self
            .unreachable
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = unreachable;
    }

    async fn dial(&self) -> anyhow::Result<Socket> {
        let mut request = self.url.as_str().into_client_request()?;
        let origin = HeaderValue::from_static(WHATSAPP_WEB_ORIGIN);
        request.headers_mut().insert("origin", origin);
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME))
            .read_buffer_size(16 * 1024)
            .write_buffer_size(0);
        let (socket, _) =
            tokio_tungstenite::connect_async_with_config(request, Some(config), true).await?;
        Ok(socket)
    }
}

#[async_trait]
impl TransportFactory for Dialer {
    async fn create_transport(
        &self,
    ) -> anyhow::Result<(Arc<dyn Transport>, Receiver<TransportEvent>)> {
        // Also when the library gives up waiting, nothing was reached.
        self.note(true);
        let socket = self.dial().await?;
        self.note(false);
        let (write, read) = socket.split();
        let (events, received) = async_channel::bounded(FRAMES);
        let _ = events.send(TransportEvent::Connected).await;
        self.tasks.start(Box::pin(receive(read, events)));
        let wire = Wire(tokio::sync::Mutex::new(write));
        Ok((Arc::new(wire), received))
    }
}

/// The writing half.
struct Wire(tokio::sync::Mutex<SplitSink<Socket, Message>>);

#[async_trait]
impl Transport for Wire {
    async fn send(&self, data: Bytes) -> anyhow::Result<()> {
        self.0.lock().await.send(Message::Binary(data)).await?;
        Ok(())
    }

    async fn disconnect(&self) {
        let _ = self.0.lock().await.close().await;
    }
}

/// Hands over what comes in, until the connection ends or nobody takes it.
async fn receive(mut read: SplitStream<Socket>, events: Sender<TransportEvent>) {
    let reason = loop {
        let event = match read.next().await {
            Some(Ok(Message::Binary(data))) => TransportEvent::DataReceived(data),
            Some(Ok(Message::Close(frame))) => {
                break DisconnectReason::ServerClose {
                    code: frame.as_ref().map(|frame| frame.code.into()),
                    reason: frame
                        .map(|frame| frame.reason.to_string())
                        .unwrap_or_default(),
                };
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => break DisconnectReason::ReadError(error.to_string()),
            None => break DisconnectReason::StreamEnded,
        };
        if events.send(event).await.is_err() {
            return;
        }
    };
    let _ = events.send(TransportEvent::Disconnected(reason)).await;
}
