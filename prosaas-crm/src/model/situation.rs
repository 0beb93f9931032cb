//! What is known when the phone rings: the business's rules for the number, and who is calling.

use std::fmt;

use prosaas_core::{LeadId, UnixMillis};

use super::hours::{NewSpecialDay, OpeningHours};
use super::settings::VoiceTool;
use super::spending::Account;
use super::wall::Zone;
use crate::rules::answering::AnswerRules;
use crate::rules::hours::{Openness, Schedule};
use crate::rules::slots::BookingRules;

/// Everything that decides how a call is answered and what the agent is told about the caller.
#[derive(Clone, Debug)]
pub struct CallSituation {
    /// What the business decided for the number.
    pub rules: AnswerRules,
    /// The zone of its clocks.
    pub zone: Zone,
    /// Whether it is open now.
    pub is_open: bool,
    /// How it takes appointments.
    pub booking: BookingRules,
    /// What its agent may do in a call beside what every agent does.
    pub tools: Vec<VoiceTool>,
    /// What the caller hears before anything else, with its version.
    pub announcement: Option<Announcement>,
    /// Whether calls to this number are recorded; `None` leaves it to the business.
    pub record_calls: Option<bool>,
    /// Whether the caller is on the block list.
    pub is_blocked: bool,
    /// Whether the caller is marked as spam.
    pub is_known_bad: bool,
    /// How often he called within the window of the business's call rate.
    pub calls_before: u32,
    /// Who he is, if the business knows him.
    pub caller: Option<KnownCaller>,
    /// When the business is open.
    pub hours: OpeningHours,
    /// The days around the call that have hours of their own.
    pub special: Vec<NewSpecialDay>,
    /// The business's money in this month.
    pub account: Account,
}

impl CallSituation {
    /// The same business at another time, for a caller of whom nothing is known: what can be said when
    /// nobody can be asked. The days with hours of their own are those of the day it was read on.
    #[must_use]
    pub fn for_stranger_at(&self, now: UnixMillis) -> Self {
        let schedule = Schedule {
            hours: &self.hours,
            special: &self.special,
        };
        Self {
            is_open: matches!(schedule.at(now), Openness::Open { .. }),
            is_blocked: false,
            is_known_bad: false,
            calls_before: 0,
            caller: None,
            account: self.account.at(&self.zone, now),
            ..self.clone()
        }
    }
}

/// The sentence that tells callers of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its text.
    pub text: String,
    /// Which version of the text it is; kept with the call.
    pub version: u32,
}

/// Somebody whose number the business has, and what is open between the two.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownCaller {
    /// His lead.
    pub lead: LeadId,
    /// His name, once it is known.
    pub name: Option<String>,
    /// What is to be done for him, the most pressing first.
    pub tasks: Vec<Matter>,
    /// His next appointments.
    pub appointments: Vec<Matter>,
    /// What his last calls were about, the newest first.
    pub calls: Vec<Matter>,
}

/// One thing that is open, or was spoken about.
#[derive(Clone, PartialEq, Eq)]
pub struct Matter {
    /// What it is, in a sentence.
    pub text: String,
    /// When it is due, begins or was.
    pub at: Option<UnixMillis>,
}

impl fmt::Debug for KnownCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownCaller")
            .field("lead", &self.lead)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matter")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
