//! Calls as the console lists them.

use prosaas_core::{
    CallDirection, CallEnd, Error, Language, LeadDraft, LeadId, MicroUsd, Result, UnixMillis,
    Verdict,
};

use super::call::StoredCall;
use super::check;
use super::conversation::{Channel, MessageStatus};
use super::email::EmailAddress;
use super::id::{ConversationId, MessageId};
use super::promise::NewPromise;
use super::words::words;

words! {
    /// Who took a call.
    AnsweredBy, "answered_by":
    /// The agent.
    Agent = "agent",
    /// Somebody of the business.
    Person = "person",
    /// Nobody; the caller could leave a message.
    Voicemail = "voicemail",
    /// Nobody: the caller hung up before anybody spoke with him.
    Nobody = "nobody",
    /// Nobody: the caller was turned away.
    Rejected = "rejected",
}

impl AnsweredBy {
    /// Whether the caller wanted something and nobody heard it.
    pub const fn is_missed(self) -> bool {
        matches!(self, Self::Voicemail | Self::Nobody)
    }
}

words! {
    /// How it ended for a caller whom nobody had heard.
    SettledHow, "how":
    /// Somebody spoke with him since.
    Answered = "answered",
    /// Nobody will: there is a reason.
    Dismissed = "dismissed",
}

/// Why a caller whom nobody had heard does not wait any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended for him.
    pub how: SettledHow,
    /// Why, where nobody spoke with him.
    pub reason: Option<String>,
    /// When it was said.
    pub at: UnixMillis,
}

/// What somebody says about a caller who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSettlement {
    /// How it ended for him.
    pub how: SettledHow,
    /// Why; demanded where nobody spoke with him.
    pub reason: Option<String>,
}

impl NewSettlement {
    /// The longest reason, in characters.
    pub const MAX_REASON: usize = 200;

    /// Whether it can be stored.
    ///
    /// # Errors
    /// `Invalid` names the field.
    pub fn checked(self) -> Result<Self> {
        let reason = check::optional("reason", self.reason.as_deref(), Self::MAX_REASON)?;
        if self.how == SettledHow::Dismissed && reason.is_none() {
            let expected =
                "expected why nobody calls back: a call is not dismissed without a reason";
            return Err(Error::invalid("reason", expected));
        }
        Ok(Self { reason, ..self })
    }
}

/// A call with what was found out about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEntry {
    /// The call.
    pub call: StoredCall,
    /// Who took it, once it is over.
    pub answered_by: Option<AnsweredBy>,
    /// What it was about.
    pub summary: Option<String>,
    /// What the caller wanted.
    pub intent: Option<String>,
    /// Whether somebody should see to it now.
    pub urgent: bool,
    /// When it was summed up.
    pub summarized_at: Option<UnixMillis>,
    /// Which announcement the caller heard.
    pub announcement_version: Option<u32>,
    /// What kept it from silence when its model failed.
    pub ladder: LadderUse,
    /// How it ended for a caller whom nobody had heard, once somebody said so.
    pub settled: Option<Settlement>,
    /// The message that its caller got because nobody heard him, the last one if there were two.
    pub reply: Option<CallReply>,
    /// What the carrier charges for it and the legs it made; `None` while that is not known.
    pub carrier_cost: Option<MicroUsd>,
}

/// The message to a caller whom nobody heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallReply {
    /// The message.
    pub message: MessageId,
    /// By which channel it went.
    pub channel: Channel,
    /// The conversation that it is in.
    pub conversation: ConversationId,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it was written.
    pub at: UnixMillis,
}

/// What kept a call from silence when its model failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LadderUse {
    /// Which model or account served it last, as the installation names it; `None` when none did, or none has a
    /// name.
    pub served_by: Option<String>,
    /// How often its caller was asked for patience.
    pub hold_lines: u32,
    /// How often its model was connected again.
    pub reconnects: u32,
}

/// Which calls a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Only these.
    pub direction: Option<CallDirection>,
    /// Only those that ended so.
    pub end: Option<CallEnd>,
    /// Only those that were taken so.
    pub answered_by: Option<AnsweredBy>,
    /// Only those that are urgent, or are not.
    pub urgent: Option<bool>,
    /// Only those that went so well, or so badly.
    pub verdict: Option<Verdict>,
    /// Only this lead's.
    pub lead: Option<LeadId>,
    /// Only those that began at this time or later.
    pub from: Option<UnixMillis>,
    /// Only those that began before this time.
    pub until: Option<UnixMillis>,
}

/// What was found out about a call after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFindings {
    /// What is new about the lead; its summary and intent are the call's own.
    pub lead: LeadDraft,
    /// Whether somebody should see to it now.
    pub urgent: bool,
    /// What the agent said somebody will do.
    pub promises: Vec<NewPromise>,
    /// What the caller asked for, and by when.
    pub tasks: Vec<(String, Option<UnixMillis>)>,
}

/// Somebody a mail goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// His address.
    pub email: EmailAddress,
    /// His language.
    pub language: Language,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_dismissed_without_a_reason() {
        let settle = |how, reason: Option<&str>| {
            let reason = reason.map(str::to_owned);
            NewSettlement { how, reason }.checked()
        };
        assert!(settle(SettledHow::Answered, None).is_ok());
        assert!(settle(SettledHow::Dismissed, None).is_err());
        assert!(settle(SettledHow::Dismissed, Some("  ")).is_err());
        let kept = settle(SettledHow::Dismissed, Some(" wrong number ")).unwrap();
        assert_eq!(kept.reason.as_deref(), Some("wrong number"));
        assert!(settle(SettledHow::Answered, Some(&"x".repeat(201))).is_err());
    }
}
