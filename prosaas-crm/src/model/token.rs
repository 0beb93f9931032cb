//! One-time tokens of media streams.

use prosaas_core::{CallId, TenantId, UnixMillis};

/// A token that is to be given out: what is stored of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewStreamToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Until when it can be redeemed.
    pub expires_at: UnixMillis,
}

/// What a redeemed stream token allows: to carry the audio of this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamGrant {
    /// The business.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
}
