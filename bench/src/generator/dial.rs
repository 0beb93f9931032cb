//! Places a call with a subject.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    carrier::{CallLog, Carrier, Identity},
    http,
    rig::Rig,
    webhook::Webhooks,
};

/// How calls reach the subject.
#[derive(Debug)]
pub enum Route {
    /// The media websocket is opened directly: the relay has no webhook.
    Direct(SocketAddr),
    /// Signed webhook, TwiML, signed upgrade, one-time token, status callback.
    Webhooks(Webhooks),
}

/// Places call `index` and plays it until `hang_up` is cancelled. Never fails: what went wrong is
/// in the log.
pub async fn call(
    rig: Arc<Rig>,
    route: Arc<Route>,
    index: u32,
    hang_up: CancellationToken,
) -> CallLog {
    match &*route {
        Route::Direct(address) => {
            let opened =
                http::open_websocket(*address, "/media", &[("Host", "voice.example.com")]).await;
            match opened {
                Ok(socket) => {
                    Carrier::new(rig, socket, Identity::new(index))
                        .run(hang_up)
                        .await
                }
                Err(error) => failed(index, &error),
            }
        }
        Route::Webhooks(webhooks) => through_webhooks(rig, webhooks, index, hang_up).await,
    }
}

async fn through_webhooks(
    rig: Arc<Rig>,
    webhooks: &Webhooks,
    index: u32,
    hang_up: CancellationToken,
) -> CallLog {
    let mut identity = Identity::new(index);
    let asked_ns = rig.now_ns();
    let target = match webhooks.incoming_call(&identity).await {
        Ok(target) => target,
        Err(error) => return failed(index, &error),
    };
    let webhook_ns = rig.now_ns() - asked_ns;
    let socket = match webhooks.open_stream(&target).await {
        Ok(socket) => socket,
        Err(error) => return failed(index, &error),
    };
    identity.parameters = target.parameters;
    let mut log = Carrier::new(rig, socket, identity.clone())
        .run(hang_up)
        .await;
    log.webhook_ns = Some(webhook_ns);
    let seconds = log.ended_ns.saturating_sub(log.started_ns) / 1_000_000_000;
    if let Err(error) = webhooks.completed(&identity, seconds).await {
        log.failure.get_or_insert(format!("{error:#}"));
    }
    log
}

fn failed(index: u32, error: &anyhow::Error) -> CallLog {
    CallLog {
        index,
        failure: Some(format!("{error:#}")),
        ..CallLog::default()
    }
}
