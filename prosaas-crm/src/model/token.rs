//! One-time tokens of media streams.

use prosaas_core::{CallId, TenantId};

/// What a redeemed stream token allows: to carry the audio of this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamGrant {
    /// The business.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
}
