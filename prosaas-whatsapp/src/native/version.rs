//! The version of WhatsApp's web program that a link says it is.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::{Clock, UnixMillis};
use tokio::sync::Mutex;
use whatsapp_rust::http::HttpClient;
use whatsapp_rust::wacore::store::Device;

/// First, second and third number.
pub(crate) type Version = (u32, u32, u32);

const FRESH_MS: i64 = 24 * 3_600_000;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Finds the version, once a day for all links.
pub(crate) struct Versions {
    fixed: Option<Version>,
    http: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<(Version, UnixMillis)>>,
}

impl Versions {
    pub(crate) fn new(
        fixed: Option<Version>,
        http: Arc<dyn HttpClient>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            fixed,
            http,
            clock,
            last: Mutex::default(),
        }
    }

    /// The version to use now. Never fails: the last good one, or the library's own, may well do.
    pub(crate) async fn now(&self) -> Version {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        if let Some((version, at)) = *last
            && now.since(at) < FRESH_MS
        {
            return version;
        }
        let asked = whatsapp_rust::version::fetch_latest_app_version(&self.http);
        match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(Ok(version)) => {
                *last = Some((version, now));
                version
            }
            _ => last.map_or_else(built_in, |(version, _)| version),
        }
    }

    /// WhatsApp refused the version: the next question goes out.
    pub(crate) async fn refresh(&self) {
        if let Some((_, at)) = self.last.lock().await.as_mut() {
            *at = UnixMillis(0);
        }
    }
}

fn built_in() -> Version {
    let device = Device::new();
    (
        device.app_version_primary,
        device.app_version_secondary,
        device.app_version_tertiary,
    )
}
