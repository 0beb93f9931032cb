//! Opening the AI leg of a call.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::agent::AgentBrief;
use crate::leg::{AiError, AiLeg};
use crate::time::UnixMillis;

/// How a backend charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// By tokens read and written.
    Tokens,
    /// By connected time.
    Seconds,
}

/// What a backend can do; the call session does the rest itself or leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of capabilities is a set of yes and no"
)]
pub struct AiCapabilities {
    /// Whether it can be told how much of an item was heard ([`crate::AiCommand::Truncate`]).
    pub can_truncate: bool,
    /// Whether a reply can be cancelled ([`crate::AiCommand::CancelReply`]).
    pub can_cancel: bool,
    /// Whether replies are asked for ([`crate::AiCommand::RequestReply`]); a full-duplex model speaks by itself.
    pub takes_requests: bool,
    /// Whether its audio arrives at the speed it is meant to be heard, silence included.
    pub paces_itself: bool,
    /// How it charges.
    pub billing: Billing,
    /// The longest life of a leg in milliseconds, when the vendor sets one. A leg may tell a shorter one
    /// ([`crate::AiEvent::LifeLeft`]).
    pub max_leg_ms: Option<u64>,
}

/// Whether a backend is worth asking, from what it met lately. Known without connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BridgeHealth {
    /// Nothing is known against it.
    Up,
    /// Every way to a model failed lately: a new call is better answered without one.
    Down {
        /// When it is worth asking again.
        until: UnixMillis,
    },
}

/// Opens the AI leg of a call.
///
/// `open` connects and sends the configuration; the leg reports [`crate::AiEvent::Ready`] when the
/// vendor accepted it. It may be called before the carrier's media arrives (pre-warming), and the leg
/// may be dropped at any time, which closes the connection.
#[async_trait]
pub trait AudioBridge: Send + Sync + 'static {
    /// What legs of this bridge can do.
    fn capabilities(&self) -> AiCapabilities;

    /// Whether a new call is worth the try. A backend that remembers nothing is [`BridgeHealth::Up`].
    fn health(&self) -> BridgeHealth {
        BridgeHealth::Up
    }

    /// Connects a leg.
    ///
    /// # Errors
    /// [`AiError`] whose kind says whether a second try makes sense.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError>;
}
