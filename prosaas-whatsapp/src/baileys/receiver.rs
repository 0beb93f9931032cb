//! The receiving end of what the sidecar reports.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prosaas_core::whatsapp::{WhatsAppEvent, WhatsAppInbox};
use prosaas_core::{Clock, ErrorClass, TenantId};
use serde_json::json;

use super::signing::{InternalKey, NonceWindow, Refusal, SignedParts};
use super::{FENCED, SidecarHost};
use super::{translate, wire};
use crate::Answer;

/// The path of reported events.
pub const EVENTS_PATH: &str = "/internal/wa/events";
/// The path of codes as they rotate.
pub const QR_PATH: &str = "/internal/wa/qr";
/// The path by which the sidecar asks whether we are there.
pub const PING_PATH: &str = "/internal/wa/ping";
/// Under this path the sidecar fetches files to be sent.
pub const FILES_PATH: &str = "/internal/wa/files/";
/// The longest body taken, in bytes: 50 events of 64 Ki characters would be more than a sidecar sends.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// Takes the sidecar's requests, whatever HTTP server they come through.
pub struct Receiver {
    key: InternalKey,
    window: Mutex<NonceWindow>,
    clock: Arc<dyn Clock>,
    inbox: Arc<dyn WhatsAppInbox>,
    host: Arc<dyn SidecarHost>,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl Receiver {
    /// A receiver that knows no nonce from before now.
    pub fn new(
        key: InternalKey,
        clock: Arc<dyn Clock>,
        inbox: Arc<dyn WhatsAppInbox>,
        host: Arc<dyn SidecarHost>,
    ) -> Self {
        let window = Mutex::new(NonceWindow::since(clock.now()));
        Self {
            key,
            window,
            clock,
            inbox,
            host,
        }
    }

    /// Answers a request to one of the paths above. Nothing is read of a request before its signature was
    /// checked, and an event is acknowledged only when the inbox has kept it.
    pub async fn handle(&self, request: SignedParts<'_>) -> Answer {
        if let Err(refusal) = self.check(request) {
            tracing::warn!(
                ?refusal,
                "a request to the internal WhatsApp routes was refused"
            );
            return match refusal {
                Refusal::Full => problem(503, "unavailable", "too many requests; try again"),
                _ => problem(
                    401,
                    "unauthorized",
                    "the request is not signed by the sidecar",
                ),
            };
        }
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method, path) {
            ("GET", PING_PATH) => Answer::empty(204),
            ("POST", EVENTS_PATH) => self.events(request.body).await,
            ("POST", QR_PATH) => self.code(request.body).await,
            ("GET", path) if path.starts_with(FILES_PATH) => self.file(path).await,
            _ => problem(404, "not_found", "there is no such route"),
        }
    }

    fn check(&self, request: SignedParts<'_>) -> Result<(), Refusal> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.check(&self.key, request, self.clock.now())
    }

    async fn events(&self, body: &[u8]) -> Answer {
        let batch: wire::Batch = match serde_json::from_slice(body) {
            Ok(batch) => batch,
            Err(error) => {
                return problem(
                    400,
                    "invalid",
                    &format!("expected a batch of events: {error}"),
                );
            }
        };
        let tenant = match self.owner(&batch.session, batch.owner_epoch).await {
            Ok(tenant) => tenant,
            Err(answer) => return answer,
        };
        let mut acked = None;
        for event in batch.events {
            let (seq, kind) = (event.seq, event.kind.clone());
            match translate::event(event) {
                None => tracing::debug!(%tenant, kind, "an event of the sidecar was passed over"),
                Some(event) => {
                    if let Err(answer) = self.keep(tenant, event).await {
                        // What is kept so far is acknowledged; the rest comes again.
                        return acked.map_or(answer, acknowledged);
                    }
                }
            }
            acked = Some(seq);
        }
        acked.map_or_else(
            || problem(400, "invalid", "expected at least one event"),
            acknowledged,
        )
    }

    async fn keep(&self, tenant: TenantId, event: WhatsAppEvent) -> Result<(), Answer> {
        self.inbox.accept(tenant, event).await.map_err(|error| {
            tracing::warn!(%tenant, error = %error.chain(), "an event of the sidecar was not kept");
            match error.class() {
                ErrorClass::NotFound => problem(404, "not_found", "there is no such business"),
                _ => problem(503, "unavailable", "the event could not be kept; try again"),
            }
        })
    }

    async fn code(&self, body: &[u8]) -> Answer {
        #[derive(serde::Deserialize)]
        struct Pushed {
            session: String,
            owner_epoch: u64,
            #[serde(flatten)]
            code: wire::Linking,
        }
        let Ok(pushed) = serde_json::from_slice::<Pushed>(body) else {
            return problem(400, "invalid", "expected the state of a linking");
        };
        let tenant = match self.owner(&pushed.session, pushed.owner_epoch).await {
            Ok(tenant) => tenant,
            Err(answer) => return answer,
        };
        let Some(state) = translate::code(pushed.code) else {
            return Answer::empty(204);
        };
        match self.keep(tenant, WhatsAppEvent::Link(state)).await {
            Ok(()) => Answer::empty(204),
            Err(answer) => answer,
        }
    }

    async fn file(&self, path: &str) -> Answer {
        match self.host.shelved(path).await {
            Ok(Some(bytes)) => Answer {
                status: 200,
                content_type: "application/octet-stream",
                body: bytes,
            },
            Ok(None) => problem(404, "not_found", "there is no such file"),
            Err(error) => {
                tracing::warn!(error = %error.chain(), "a file for the sidecar could not be read");
                problem(503, "unavailable", "the file cannot be read now; try again")
            }
        }
    }

    /// The business of a session, when the sidecar that speaks still owns it.
    async fn owner(&self, session: &str, epoch: u64) -> Result<TenantId, Answer> {
        let tenant: TenantId = session
            .parse()
            .map_err(|_| problem(404, "not_found", "there is no such business"))?;
        match self.host.owner_epoch(tenant).await {
            Ok(current) if epoch < current => Err(problem(
                409,
                FENCED,
                "another sidecar owns the session since then",
            )),
            Ok(current) if epoch > current => {
                // A restore brought an earlier owner back into our database; the later one is the owner.
                match self.host.note_epoch(tenant, epoch).await {
                    Ok(()) => Ok(tenant),
                    Err(_) => Err(problem(503, "unavailable", "try again")),
                }
            }
            Ok(_) => Ok(tenant),
            Err(error) if error.class() == ErrorClass::NotFound => {
                Err(problem(404, "not_found", "there is no such business"))
            }
            Err(_) => Err(problem(503, "unavailable", "try again")),
        }
    }
}

fn acknowledged(seq: u64) -> Answer {
    Answer::json(200, &json!({ "acked": seq }))
}

fn problem(status: u16, code: &str, message: &str) -> Answer {
    let mut answer = Answer::json(status, &json!({ "code": code, "message": message }));
    if status == 503 {
        answer.body = Bytes::from(
            json!({ "code": code, "message": message, "retry_after_ms": 1000 }).to_string(),
        );
    }
    answer
}
