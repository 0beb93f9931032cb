//! What a call is given, and what it leaves.

use std::sync::Arc;

use prosaas_core::agent::AgentBrief;
use prosaas_core::audio_bridge::AudioBridge;
use prosaas_core::call::CallEnd;
use prosaas_core::leg::{AiError, AiLeg};
use prosaas_core::money::Usage;
use prosaas_core::phone::E164;
use prosaas_core::tool_host::{CallContext, ToolHost};
use prosaas_core::transcript::TranscriptLine;
use tokio::sync::{mpsc, oneshot, watch};

use crate::journal;
use crate::listen::Listeners;
use crate::session::{Activity, CallStats, CallUpdate, Control, SessionConfig};
use crate::verdict::Figures;

/// How an AI leg arrives that somebody else opened, such as while the webhook was being answered.
pub type PendingAi = oneshot::Receiver<Result<Box<dyn AiLeg>, AiError>>;

/// Everything [`run_call`](super::run_call) needs beside the carrier's leg.
pub struct CallSetup {
    /// What the session decides by.
    pub session: SessionConfig,
    /// Whose call it is; tools see this and nothing the model says.
    pub context: CallContext,
    /// What the AI is told.
    pub brief: AgentBrief,
    /// Opens AI legs.
    pub bridge: Arc<dyn AudioBridge>,
    /// An AI leg being opened already; without it, one is opened now.
    pub ai: Option<PendingAi>,
    /// Runs tools.
    pub tools: Arc<dyn ToolHost>,
    /// Live news of the call. Bounded: while it is full, news is dropped, and [`CallReport`] has it all.
    pub updates: mpsc::Sender<CallUpdate>,
    /// What the application wants of the call. Closing it means nothing.
    pub control: mpsc::Receiver<Control>,
    /// Where it stands what the call is doing, for whoever watches.
    pub activity: Option<watch::Sender<Activity>>,
    /// Those who listen in.
    pub listeners: Option<Arc<Listeners>>,
    /// Where the call's inputs are written.
    pub journal: Option<journal::Writer>,
}

impl std::fmt::Debug for CallSetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallSetup")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// What a call was.
#[derive(Clone, Debug, PartialEq)]
pub struct CallReport {
    /// Why it ended; `None` when another socket of the same call took over.
    pub end: Option<CallEnd>,
    /// Whom it is handed to, when it was transferred.
    pub transfer_to: Option<E164>,
    /// What it used.
    pub usage: Usage,
    /// Everything that was said.
    pub transcript: Vec<TranscriptLine>,
    /// Whether the caller heard the recorded fallback.
    pub spoke_fallback: bool,
    /// What it counted.
    pub stats: CallStats,
    /// What was measured of how well it went.
    pub figures: Figures,
    /// How long the session ran, in milliseconds.
    pub duration_ms: u64,
}
