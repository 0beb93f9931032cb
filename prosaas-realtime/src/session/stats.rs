//! Figures of one call.

use prosaas_core::time::CallTime;

/// What a call counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallStats {
    /// Caller frames taken.
    pub frames_in: u64,
    /// Caller frames dropped because their time was already heard.
    pub frames_late: u64,
    /// Silence put into gaps of the caller's audio, in milliseconds.
    pub gap_ms: u64,
    /// Caller audio lost because the model could not hear it for too long, in milliseconds.
    pub caller_lost_ms: u64,
    /// Agent audio sent to the carrier, in 20 ms frames.
    pub frames_out: u64,
    /// When the first agent audio was sent.
    pub first_audio: Option<CallTime>,
    /// When the caller interrupted the agent.
    pub barge_ins: Vec<CallTime>,
    /// Pauses in which a caller who had not finished was waited for.
    pub waits: u64,
    /// What the caller said over the agent without wanting to stop it.
    pub back_channels: u64,
    /// Truncations the model refused.
    pub truncations_refused: u64,
    /// Messages of the carrier that could not be understood.
    pub malformed_from_carrier: u64,
    /// Messages of the model that could not be understood.
    pub malformed_from_model: u64,
    /// Events of the model that this version does not know.
    pub unknown_from_model: u64,
    /// Errors of the model that were not fatal.
    pub model_errors: u64,
    /// AI legs opened again after a failure or for a hand-over.
    pub reopened: u64,
    /// Recorded lines that asked the caller for patience.
    pub hold_lines: u64,
    /// Which model or account served from when on, where the bridge says so.
    pub served_by: Vec<(CallTime, String)>,
    /// Events that made no sense in the state they came in.
    pub out_of_place: u64,
}
