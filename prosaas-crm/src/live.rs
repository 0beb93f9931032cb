//! The calls that go on at this moment. The database knows that they began; what they are doing only the process
//! knows that carries them.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use prosaas_core::money::MicroUsd;
use prosaas_core::{CallId, E164, TenantId};
use serde::Serialize;

/// The longest part of a whisper that an agent is told, in characters.
pub const MAX_WHISPER: usize = 1_000;

/// Whose turn it is in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LiveTurn {
    /// The call was answered; its sound is not here yet.
    Ringing,
    /// The model is being connected, or out of reach.
    Connecting,
    /// The caller speaks.
    Caller,
    /// The agent prepares an answer.
    Thinking,
    /// The agent speaks.
    Agent,
    /// Both listen.
    Nobody,
    /// The call is coming to its end.
    Closing,
}

/// A call that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveCall {
    /// Which one.
    pub call: CallId,
    /// Whose turn it is.
    pub turn: LiveTurn,
    /// What the model cost so far.
    pub cost: MicroUsd,
    /// Which model or account serves it, as the installation names it; `None` when none does yet, or it has no
    /// name.
    pub served_by: Option<String>,
    /// Whether its caller was asked for patience and still waits.
    pub is_holding: bool,
    /// How often its caller was asked for patience.
    pub hold_lines: u32,
}

/// What somebody of the business wants of a call that goes on.
#[derive(Clone, PartialEq, Eq)]
pub enum LiveWish {
    /// The agent is told this, unheard by the caller.
    Whisper(String),
    /// The call is handed to this number: of the business's list, or of a member's own.
    HandTo(E164),
    /// The agent says goodbye.
    End,
}

impl std::fmt::Debug for LiveWish {
    /// What is whispered, and where a call goes, is not for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whisper(_) => "Whisper(…)",
            Self::HandTo(_) => "HandTo(…)",
            Self::End => "End",
        })
    }
}

/// Both sides of a call as they are heard, until it ends: a WAV file without an end.
pub type LiveSound = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// Where a host keeps the calls it carries.
///
/// Every method names the business: a call of another one is exactly like one that does not go on.
pub trait LiveDesk: Send + Sync + std::fmt::Debug {
    /// The business's calls that this process carries, in no order.
    fn calls(&self, tenant: TenantId) -> Vec<LiveCall>;

    /// Passes a wish on to a call; `false` when this process does not carry it, or it takes no more. `true` says
    /// that the call was told, not that it has happened.
    fn tell(&self, tenant: TenantId, call: CallId, wish: LiveWish) -> bool;

    /// What is heard in a call from here on; `None` when this process does not carry it, or enough listen.
    fn listen(&self, tenant: TenantId, call: CallId) -> Option<LiveSound>;
}
