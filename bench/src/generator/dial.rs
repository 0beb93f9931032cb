//! Places a call with a subject.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    carrier::{CallLog, Carrier, Identity},
    http,
    rig::Rig,
};

/// How calls reach the subject.
#[derive(Debug, Clone)]
pub enum Route {
    /// The media websocket is opened directly: the relay has no webhook.
    Direct(SocketAddr),
}

/// Places call `index` and plays it until `hang_up` is cancelled. Never fails: what went wrong is
/// in the log.
pub async fn call(
    rig: Arc<Rig>,
    route: Arc<Route>,
    index: u32,
    hang_up: CancellationToken,
) -> CallLog {
    let identity = Identity::new(index);
    let Route::Direct(address) = *route;
    let opened = http::open_websocket(address, "/media", &[("Host", "voice.example.com")]).await;
    match opened {
        Ok(socket) => Carrier::new(rig, socket, identity).run(hang_up).await,
        Err(error) => CallLog {
            index,
            failure: Some(format!("{error:#}")),
            ..CallLog::default()
        },
    }
}
