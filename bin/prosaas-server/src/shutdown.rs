//! How the server stops: first it drains, then it ends what is left.

use tokio_util::sync::CancellationToken;

/// The two steps of stopping. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    stopping: CancellationToken,
}

impl Shutdown {
    /// No new calls from here on; live ones go on.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Live calls are ended from here on.
    pub fn stop(&self) {
        self.draining.cancel();
        self.stopping.cancel();
    }

    /// Whether new calls are refused.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Completes when live calls are to end.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// The token behind [`Shutdown::stopping`], for background work that ends with the server.
    pub fn stop_token(&self) -> CancellationToken {
        self.stopping.clone()
    }
}
