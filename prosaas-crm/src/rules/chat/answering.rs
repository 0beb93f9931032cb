//! Whether the agent answers a message that came in.

use crate::model::conversation::PausedReason;
use crate::model::whatsapp::{AnswerHours, WaSettings};
use crate::rules::budget::BudgetState;

/// The oldest message that is still answered by itself, in milliseconds: what waited longer is a person's.
pub const OLDEST_MS: i64 = 10 * 60_000;
/// The most answers of the agent in one conversation within ten minutes: more of them is two machines talking
/// to each other.
pub const MOST_LATELY: u32 = 10;
/// What "lately" is, in milliseconds.
pub const LATELY_MS: i64 = 10 * 60_000;
/// What "a day" is, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// Everything that decides whether the agent answers a message.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, looked up for this one decision"
)]
pub struct Turn {
    /// What the business decided.
    pub settings: WaSettings,
    /// Whether the business is open now.
    pub is_open: bool,
    /// Why the agent is silent in this conversation, if it is.
    pub paused: Option<PausedReason>,
    /// Whether the other side is one person, and no group.
    pub is_person: bool,
    /// Whether it is on the block list, or marked as spam.
    pub is_unwanted: bool,
    /// Whether the message asks for an answer ([`super::asks_for_an_answer`]).
    pub asks: bool,
    /// How long ago it was sent, in milliseconds.
    pub age_ms: i64,
    /// Whether another one that asks for an answer came after it: that one is answered, with all before it.
    pub has_newer: bool,
    /// Whether it, or one after it, was answered.
    pub is_answered: bool,
    /// How often the agent answered here within a day.
    pub answers_today: u32,
    /// How often it answered here within [`LATELY_MS`].
    pub answers_lately: u32,
    /// How the business's budget of the month stands.
    pub budget: BudgetState,
}

/// What is done about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The agent answers it.
    Answer,
    /// Nobody does by himself; the conversation shows that it is unread.
    Silent(Silence),
    /// A person has to.
    HandOver(PausedReason),
}

/// Why the agent says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The agent is switched off.
    Off,
    /// It answers at other hours.
    Hours,
    /// A person has the conversation.
    Paused,
    /// It is a group, or somebody who is not to be answered.
    Unwanted,
    /// It asks for nothing.
    NothingAsked,
    /// It is too old.
    Old,
    /// What came after it is answered instead.
    Newer,
    /// It was answered.
    Answered,
}

/// Decides about a message.
pub fn decide(turn: &Turn) -> Verdict {
    let wrong_hour = match turn.settings.answer_hours {
        AnswerHours::Always => false,
        AnswerHours::Open => !turn.is_open,
        AnswerHours::Closed => turn.is_open,
    };
    let silences = [
        (!turn.settings.answers, Silence::Off),
        (turn.paused.is_some(), Silence::Paused),
        (!turn.is_person || turn.is_unwanted, Silence::Unwanted),
        (!turn.asks, Silence::NothingAsked),
        (turn.is_answered, Silence::Answered),
        (turn.has_newer, Silence::Newer),
        (turn.age_ms > OLDEST_MS, Silence::Old),
        (wrong_hour, Silence::Hours),
    ];
    if let Some((_, why)) = silences.into_iter().find(|(holds, _)| *holds) {
        return Verdict::Silent(why);
    }
    let is_often =
        turn.answers_today >= turn.settings.max_answers_a_day || turn.answers_lately >= MOST_LATELY;
    if is_often || turn.budget == BudgetState::Spent {
        return Verdict::HandOver(PausedReason::Limit);
    }
    Verdict::Answer
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turn() -> Turn {
        Turn {
            settings: WaSettings::default(),
            is_open: true,
            paused: None,
            is_person: true,
            is_unwanted: false,
            asks: true,
            age_ms: 4_000,
            has_newer: false,
            is_answered: false,
            answers_today: 0,
            answers_lately: 0,
            budget: BudgetState::Plenty,
        }
    }

    #[test]
    fn an_ordinary_message_is_answered() {
        assert_eq!(decide(&turn()), Verdict::Answer);
    }

    #[test]
    fn each_reason_to_say_nothing_is_one() {
        let with = |change: fn(&mut Turn)| {
            let mut turn = turn();
            change(&mut turn);
            decide(&turn)
        };
        let silent = Verdict::Silent;
        assert_eq!(with(|t| t.settings.answers = false), silent(Silence::Off));
        assert_eq!(
            with(|t| t.paused = Some(PausedReason::Person)),
            silent(Silence::Paused)
        );
        assert_eq!(with(|t| t.is_person = false), silent(Silence::Unwanted));
        assert_eq!(with(|t| t.is_unwanted = true), silent(Silence::Unwanted));
        assert_eq!(with(|t| t.asks = false), silent(Silence::NothingAsked));
        assert_eq!(with(|t| t.has_newer = true), silent(Silence::Newer));
        assert_eq!(with(|t| t.is_answered = true), silent(Silence::Answered));
        assert_eq!(with(|t| t.age_ms = OLDEST_MS + 1), silent(Silence::Old));
        assert_eq!(
            with(|t| t.settings.answer_hours = AnswerHours::Closed),
            silent(Silence::Hours)
        );
        assert_eq!(
            with(|t| {
                t.settings.answer_hours = AnswerHours::Open;
                t.is_open = false;
            }),
            silent(Silence::Hours)
        );
    }

    #[test]
    fn too_many_answers_are_a_persons_matter() {
        let limit = Verdict::HandOver(PausedReason::Limit);
        let mut turn = turn();
        turn.answers_today = turn.settings.max_answers_a_day;
        assert_eq!(decide(&turn), limit);
        turn.answers_today = 0;
        turn.answers_lately = MOST_LATELY;
        assert_eq!(decide(&turn), limit);
        turn.paused = Some(PausedReason::Limit);
        assert_eq!(decide(&turn), Verdict::Silent(Silence::Paused), "only once");
    }

    #[test]
    fn without_money_a_person_answers_and_what_needs_no_answer_is_nobodys_matter() {
        let at = |budget, asks| {
            decide(&Turn {
                asks,
                budget,
                ..turn()
            })
        };
        assert_eq!(at(BudgetState::Warn, true), Verdict::Answer);
        let limit = Verdict::HandOver(PausedReason::Limit);
        assert_eq!(at(BudgetState::Spent, true), limit);
        let nothing = Verdict::Silent(Silence::NothingAsked);
        assert_eq!(at(BudgetState::Spent, false), nothing);
    }

    proptest! {
        #[test]
        fn a_person_in_charge_is_never_talked_over(
            open: bool, newer: bool, answered: bool, today in 0_u32..300, lately in 0_u32..30,
        ) {
            let turn = Turn {
                paused: Some(PausedReason::Person),
                is_open: open,
                has_newer: newer,
                is_answered: answered,
                answers_today: today,
                answers_lately: lately,
                ..turn()
            };
            prop_assert!(matches!(decide(&turn), Verdict::Silent(_)));
        }
    }
}
