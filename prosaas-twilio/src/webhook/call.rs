//! The webhooks about a call.

use std::fmt;

use prosaas_core::{AccountSid, CallSid, CallStatus, Error, RecordingSid, StreamSid};

use super::{Form, Party, Webhook, optional, sid, text};

/// Who called whom, in Twilio's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// Somebody called a number of the account.
    Inbound,
    /// A call made through the REST API.
    OutboundApi,
    /// A call made by `<Dial>`.
    OutboundDial,
    /// A word this version does not know, or none.
    Unknown,
}

impl Direction {
    fn from_wire(word: Option<&str>) -> Self {
        match word {
            Some("inbound") => Self::Inbound,
            Some("outbound-api") => Self::OutboundApi,
            Some("outbound-dial") => Self::OutboundDial,
            _ => Self::Unknown,
        }
    }

    /// Whether our side placed the call, so that its number is `From`.
    pub const fn is_outbound(self) -> bool {
        matches!(self, Self::OutboundApi | Self::OutboundDial)
    }
}

/// A call wants its first TwiML.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingCall {
    /// Whose account. A key of this account signed the webhook, so it must be the account of the business
    /// that owns the called number.
    pub account_sid: AccountSid,
    /// The call.
    pub call_sid: CallSid,
    /// The calling side.
    pub from: Party,
    /// The called side.
    pub to: Party,
    /// The call's status; `None` for a word this version does not know.
    pub status: Option<CallStatus>,
    /// Who called whom.
    pub direction: Direction,
    /// Where the caller dialled before the call was forwarded here; depends on the carrier.
    pub forwarded_from: Option<Party>,
    /// The caller's registered name, when the account pays for the look-up.
    pub caller_name: Option<String>,
    /// The call this one is a leg of.
    pub parent_call_sid: Option<CallSid>,
    /// Who answered an outbound call, such as `human` or `machine_start`.
    pub answered_by: Option<String>,
    /// How far the caller's number is attested, such as `TN-Validation-Passed-A`.
    pub stir_verstat: Option<String>,
    /// Why Twilio asks here instead of at the primary URL, when this is a fallback request.
    pub error_code: Option<u32>,
    /// Everything received.
    pub form: Form,
}

impl IncomingCall {
    /// The side whose number belongs to a business of ours: the called one, or for a call we placed the
    /// calling one.
    pub const fn our_side(&self) -> &Party {
        if self.direction.is_outbound() {
            &self.from
        } else {
            &self.to
        }
    }

    /// The other side.
    pub const fn their_side(&self) -> &Party {
        if self.direction.is_outbound() {
            &self.to
        } else {
            &self.from
        }
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The caller's name is left out: it is a person's, and some carriers put the number there.
        f.debug_struct("IncomingCall")
            .field("account_sid", &self.account_sid)
            .field("call_sid", &self.call_sid)
            .field("from", &self.from)
            .field("to", &self.to)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("error_code", &self.error_code)
            .finish_non_exhaustive()
    }
}

impl Webhook for IncomingCall {
    fn from_form(form: &Form) -> Result<Self, Error> {
        Ok(Self {
            account_sid: sid(form, "AccountSid")?,
            call_sid: sid(form, "CallSid")?,
            from: Party::parse(form.get("From").unwrap_or_default()),
            to: called(form)?,
            status: optional(form, "CallStatus"),
            direction: Direction::from_wire(form.get("Direction")),
            forwarded_from: text(form, "ForwardedFrom").map(|from| Party::parse(&from)),
            caller_name: text(form, "CallerName"),
            parent_call_sid: optional(form, "ParentCallSid"),
            answered_by: text(form, "AnsweredBy"),
            stir_verstat: text(form, "StirVerstat"),
            error_code: optional(form, "ErrorCode"),
            form: form.clone(),
        })
    }
}

/// `To` is how the business is found, so a call without one cannot be answered.
fn called(form: &Form) -> Result<Party, Error> {
    form.get("To")
        .filter(|to| !to.trim().is_empty())
        .map(Party::parse)
        .ok_or_else(|| Error::invalid("To", "the webhook must say which number was called"))
}

/// A call changed its status. May arrive twice and out of order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStatusCallback {
    /// Whose account; compare it with the account of the business the call belongs to.
    pub account_sid: AccountSid,
    /// The call.
    pub call_sid: CallSid,
    /// The call this one is a leg of.
    pub parent_call_sid: Option<CallSid>,
    /// The new status; `None` for a word this version does not know.
    pub status: Option<CallStatus>,
    /// The calling side.
    pub from: Party,
    /// The called side; [`Party::Anonymous`] when missing.
    pub to: Party,
    /// Who called whom.
    pub direction: Direction,
    /// Orders the callbacks of one call, from 0.
    pub sequence: Option<u32>,
    /// How long the call lasted, seconds; with the last callback.
    pub duration_s: Option<u32>,
    /// When it happened, RFC 2822.
    pub timestamp: Option<String>,
    /// The carrier's SIP answer, such as 486.
    pub sip_response_code: Option<u16>,
    /// Who answered, such as `human` or `machine_start`.
    pub answered_by: Option<String>,
    /// The recording, when the call was recorded as a whole.
    pub recording_sid: Option<RecordingSid>,
    /// Everything received.
    pub form: Form,
}

impl Webhook for CallStatusCallback {
    fn from_form(form: &Form) -> Result<Self, Error> {
        Ok(Self {
            account_sid: sid(form, "AccountSid")?,
            call_sid: sid(form, "CallSid")?,
            parent_call_sid: optional(form, "ParentCallSid"),
            status: optional(form, "CallStatus"),
            from: Party::parse(form.get("From").unwrap_or_default()),
            to: Party::parse(form.get("To").unwrap_or_default()),
            direction: Direction::from_wire(form.get("Direction")),
            sequence: optional(form, "SequenceNumber"),
            duration_s: optional(form, "CallDuration"),
            timestamp: text(form, "Timestamp"),
            sip_response_code: optional(form, "SipResponseCode"),
            answered_by: text(form, "AnsweredBy"),
            recording_sid: optional(form, "RecordingSid"),
            form: form.clone(),
        })
    }
}

/// How a `<Dial>` ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialOutcome {
    /// `completed`, `answered`, `busy`, `no-answer`, `failed` or `canceled`, as Twilio wrote it.
    pub status: String,
    /// The dialled leg.
    pub call_sid: Option<CallSid>,
    /// Seconds the two sides were connected.
    pub duration_s: Option<u32>,
}

impl DialOutcome {
    /// Whether somebody answered.
    pub fn was_answered(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "answered")
    }
}

/// What a `<Record>` took down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMessage {
    /// Where Twilio says it is, without extension.
    pub url: String,
    /// The recording, when Twilio names it.
    pub recording_sid: Option<RecordingSid>,
    /// Seconds.
    pub duration_s: Option<u32>,
    /// The key that ended it, or `hangup`.
    pub ended_by: Option<String>,
}

/// A verb that held the call has ended and the call wants to know what comes next: the `action` of
/// `<Connect>`, and of the `<Dial>` or `<Record>` that may follow it under the same URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEnded {
    /// Whose account; compare it with the account of the business the call belongs to.
    pub account_sid: AccountSid,
    /// The call.
    pub call_sid: CallSid,
    /// The calling side.
    pub from: Party,
    /// The called side; [`Party::Anonymous`] when missing.
    pub to: Party,
    /// The call's status; final when the caller hung up.
    pub status: Option<CallStatus>,
    /// Who called whom.
    pub direction: Direction,
    /// The stream that ended, when Twilio names it.
    pub stream_sid: Option<StreamSid>,
    /// How the `<Dial>` ended, when it was one.
    pub dial: Option<DialOutcome>,
    /// What was recorded, when it was a `<Record>`.
    pub recorded: Option<RecordedMessage>,
    /// Everything received.
    pub form: Form,
}

impl Webhook for StreamEnded {
    fn from_form(form: &Form) -> Result<Self, Error> {
        let dial = text(form, "DialCallStatus").map(|status| DialOutcome {
            status,
            call_sid: optional(form, "DialCallSid"),
            duration_s: optional(form, "DialCallDuration"),
        });
        // A recorded <Dial> has a recording as well; it is not a message that somebody left.
        let recorded = text(form, "RecordingUrl")
            .filter(|_| dial.is_none())
            .map(|url| RecordedMessage {
                url,
                recording_sid: optional(form, "RecordingSid"),
                duration_s: optional(form, "RecordingDuration"),
                ended_by: text(form, "Digits"),
            });
        Ok(Self {
            account_sid: sid(form, "AccountSid")?,
            call_sid: sid(form, "CallSid")?,
            from: Party::parse(form.get("From").unwrap_or_default()),
            to: Party::parse(form.get("To").unwrap_or_default()),
            status: optional(form, "CallStatus"),
            direction: Direction::from_wire(form.get("Direction")),
            stream_sid: optional(form, "StreamSid"),
            dial,
            recorded,
            form: form.clone(),
        })
    }
}
