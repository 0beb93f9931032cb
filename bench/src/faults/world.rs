//! A server under calls whose frames carry the time at which they were sent: the generator of the calls' benchmark,
//! for rows that measure milliseconds or need many calls.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::task::JoinSet;

use super::installation::{AUTH_TOKEN, Installation, Setup};
use crate::{
    generator::{
        dial::Route,
        model,
        rig::{Dialect, Live, Rig},
        schedule::CYCLE_MS,
        webhook::Webhooks,
    },
    scenario::Calls,
};

/// How long a call has its greeting, in which the caller's frames are kept back: they are not measured until then.
pub(super) const GREETED: Duration = Duration::from_millis(CYCLE_MS);

/// A running server, its model and the way to it.
pub(super) struct World {
    pub(super) rig: Arc<Rig>,
    pub(super) installation: Installation,
    pub(super) webhooks: Webhooks,
    _model: JoinSet<anyhow::Result<()>>,
}

impl World {
    /// A business with so many live calls at most, on a file or on PostgreSQL.
    pub(super) async fn new(
        limit: u32,
        voices: &Path,
        postgres: Option<(String, String)>,
    ) -> anyhow::Result<Self> {
        let rig = Arc::new(Rig::new(Dialect::Realtime));
        rig.leave_out(GREETED);
        let (listener, model) = model::bind().await?;
        let mut serving = JoinSet::new();
        serving.spawn(model::serve(Arc::clone(&rig), listener));
        let setup = Setup {
            model,
            limit,
            voices: Some(voices),
            postgres,
            transfer: &[],
        };
        let installation = Installation::start(&setup).await?;
        let webhooks = Webhooks::new(installation.address(), AUTH_TOKEN, 1);
        Ok(Self {
            rig,
            installation,
            webhooks,
            _model: serving,
        })
    }

    /// The way by which the generator's own calls go.
    pub(super) fn route(&self) -> Arc<Route> {
        let address = self.installation.address();
        Arc::new(Route::Webhooks(Webhooks::new(address, AUTH_TOKEN, 1)))
    }

    /// Calls from this number on.
    pub(super) fn calls(&self, first: u32) -> Calls {
        Calls::new(&self.rig, &self.route(), first)
    }
}

/// The delay of callers' frames on their way to the model once they were greeted, 99 %.
pub(super) fn p99_ms(live: &Live) -> f64 {
    live.caller_delay.percentile(99.0).unwrap_or(0) as f64 / 1e6
}
