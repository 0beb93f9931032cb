//! The recording status callback.

use prosaas_core::{AccountSid, CallSid, Error, RecordingSid};

use super::{Form, Webhook, optional, sid, text};

/// How far a recording has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordingStatus {
    /// Recording began.
    InProgress,
    /// The recording can be fetched.
    Completed,
    /// There is nothing to fetch, for example because it was silent.
    Absent,
    /// A word this version does not know, or none.
    Unknown,
}

impl RecordingStatus {
    fn from_wire(word: Option<&str>) -> Self {
        match word {
            Some("in-progress") => Self::InProgress,
            Some("completed") => Self::Completed,
            Some("absent") => Self::Absent,
            _ => Self::Unknown,
        }
    }
}

/// A recording began or is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingCallback {
    /// Whose account; compare it with the account of the business the call belongs to.
    pub account_sid: AccountSid,
    /// The recorded call.
    pub call_sid: CallSid,
    /// The recording. Fetch it by this id: the URL below is only what somebody sent us.
    pub recording_sid: RecordingSid,
    /// How far it has come.
    pub status: RecordingStatus,
    /// Where Twilio says it is, without extension.
    pub url: Option<String>,
    /// Seconds.
    pub duration_s: Option<u32>,
    /// 1 or 2.
    pub channels: Option<u8>,
    /// `inbound`, `outbound` or `both`.
    pub track: Option<String>,
    /// What asked for it, such as `StartCallRecordingAPI`.
    pub source: Option<String>,
    /// When it began, RFC 2822.
    pub start_time: Option<String>,
    /// Twilio's error number, when it failed.
    pub error_code: Option<u32>,
    /// Everything received.
    pub form: Form,
}

impl Webhook for RecordingCallback {
    fn from_form(form: &Form) -> Result<Self, Error> {
        Ok(Self {
            account_sid: sid(form, "AccountSid")?,
            call_sid: sid(form, "CallSid")?,
            recording_sid: sid(form, "RecordingSid")?,
            status: RecordingStatus::from_wire(form.get("RecordingStatus")),
            url: text(form, "RecordingUrl"),
            duration_s: optional(form, "RecordingDuration"),
            channels: optional(form, "RecordingChannels"),
            track: text(form, "RecordingTrack"),
            source: text(form, "RecordingSource"),
            start_time: text(form, "RecordingStartTime"),
            error_code: optional(form, "ErrorCode"),
            form: form.clone(),
        })
    }
}
