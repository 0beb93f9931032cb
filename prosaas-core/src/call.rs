//! A call as it is stored.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::{CallId, CallSid, TenantId};
use crate::lead::LeadDraft;
use crate::money::Usage;
use crate::phone::E164;
use crate::quality::CallQuality;
use crate::time::UnixMillis;

/// Who called whom, from the business's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallDirection {
    /// Somebody called the business.
    Inbound,
    /// The business called somebody.
    Outbound,
}

impl CallDirection {
    /// The word stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// How far a call has come. The words are Twilio's `CallStatus` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Waiting at the carrier.
    Queued,
    /// Being dialled.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    InProgress,
    /// Ended after it was answered.
    Completed,
    /// The called side was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// Could not be set up.
    Failed,
    /// Ended by the calling side before it was answered.
    Canceled,
}

impl CallStatus {
    /// Every status, in the order a call passes them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Initiated,
        Self::Ringing,
        Self::InProgress,
        Self::Completed,
        Self::Busy,
        Self::NoAnswer,
        Self::Failed,
        Self::Canceled,
    ];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// How far along this status is; all final ones share the highest rank.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Initiated => 1,
            Self::Ringing => 2,
            Self::InProgress => 3,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => 4,
        }
    }

    /// Whether the call is over.
    pub const fn is_final(self) -> bool {
        self.rank() == 4
    }

    /// Whether a call in this status may move to `next`: only forward, and never out of a final one.
    pub const fn may_become(self, next: Self) -> bool {
        next.rank() > self.rank()
    }
}

impl std::str::FromStr for CallStatus {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                Error::invalid("CallStatus", "expected one of Twilio's CallStatus words")
            })
    }
}

/// A call about to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCall {
    /// The carrier's id; opening the same one twice gives the same call.
    pub call_sid: CallSid,
    /// Who called whom.
    pub direction: CallDirection,
    /// The other side's number; `None` when it is withheld.
    pub caller: Option<E164>,
    /// The business's number.
    pub business_number: E164,
    /// When the carrier told us.
    pub started_at: UnixMillis,
}

/// A call as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Our id.
    pub id: CallId,
    /// The business it belongs to.
    pub tenant: TenantId,
    /// What it was opened with.
    pub call: NewCall,
    /// How far it has come.
    pub status: CallStatus,
    /// When it ended, once it has.
    pub ended_at: Option<UnixMillis>,
    /// Why it ended, once it has.
    pub end: Option<CallEnd>,
    /// What it used.
    pub usage: Usage,
}

/// Why a call ended, as the call itself saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// The caller hung up.
    CallerHungUp,
    /// The agent said goodbye.
    AgentEnded,
    /// The call was handed to a person.
    Transferred,
    /// Nobody spoke for too long.
    Idle,
    /// The longest allowed time was reached.
    MaxDuration,
    /// The AI leg failed; the caller heard the fallback.
    AiFailed,
    /// The AI was off, or the call was refused before it; the caller heard the greeting and voicemail.
    Voicemail,
    /// The server was stopping.
    Shutdown,
    /// The carrier's socket broke.
    LegFailed,
}

impl CallEnd {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::CallerHungUp,
        Self::AgentEnded,
        Self::Transferred,
        Self::Idle,
        Self::MaxDuration,
        Self::AiFailed,
        Self::Voicemail,
        Self::Shutdown,
        Self::LegFailed,
    ];

    /// The word stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller_hung_up",
            Self::AgentEnded => "agent_ended",
            Self::Transferred => "transferred",
            Self::Idle => "idle",
            Self::MaxDuration => "max_duration",
            Self::AiFailed => "ai_failed",
            Self::Voicemail => "voicemail",
            Self::Shutdown => "shutdown",
            Self::LegFailed => "leg_failed",
        }
    }
}

impl std::str::FromStr for CallEnd {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|end| end.as_str() == text)
            .ok_or_else(|| Error::invalid("CallEnd", "expected one of the stored end reasons"))
    }
}

/// What a finished call leaves behind; stored in one transaction, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOutcome {
    /// When it ended.
    pub ended_at: UnixMillis,
    /// Why.
    pub end: CallEnd,
    /// What it used, with its price.
    pub usage: Usage,
    /// What the call learned about the caller; a lead is stored even when this is empty.
    pub lead: LeadDraft,
    /// How well it went; `None` when no socket carried it, or it was over before there was anything to judge.
    #[serde(default)]
    pub quality: Option<Box<CallQuality>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_only_moves_forward() {
        for from in CallStatus::ALL {
            for to in CallStatus::ALL {
                assert_eq!(from.may_become(to), to.rank() > from.rank());
                assert!(
                    !(from.is_final() && from.may_become(to)),
                    "{from:?} must stay"
                );
            }
        }
    }

    #[test]
    fn words_parse_back() {
        for status in CallStatus::ALL {
            assert_eq!(status.as_str().parse::<CallStatus>().unwrap(), status);
        }
        for end in CallEnd::ALL {
            assert_eq!(end.as_str().parse::<CallEnd>().unwrap(), end);
        }
    }
}
