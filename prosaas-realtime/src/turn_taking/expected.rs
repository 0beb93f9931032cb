//! What the agent asked for, by its last words.

use serde::{Deserialize, Serialize};

use super::words::{Word, Words};
use super::{lists, numbers};

/// So many sentences at the end are looked at: behind a question often stands a reason for it.
const SENTENCES: usize = 2;
/// So much of the agent's words is looked at, in characters.
const MOST_CHARS: usize = 400;
/// Who says so many digits reads a number back.
const READ_BACK: usize = 4;

/// What the caller is expected to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// Anything.
    #[default]
    Nothing,
    /// A phone number.
    Phone,
    /// The number of an identity card.
    Identity,
    /// An address.
    Address,
}

impl Expected {
    /// What follows from the agent's words.
    pub fn after(agent: &str) -> Self {
        let from = agent.char_indices().rev().nth(MOST_CHARS - 1);
        let agent = &agent[from.map_or(0, |(at, _)| at)..];
        let sentences = agent.split(['.', '?', '!', '\n', '؟']);
        let mut asked = sentences
            .rev()
            .map(Words::of)
            .filter(|words| !words.list.is_empty())
            .take(SENTENCES)
            .map(|words| of_sentence(&words));
        let found = asked.find(|found| *found != Some(Self::Nothing));
        found.flatten().unwrap_or_default()
    }
}

/// What a sentence asks for; `None` when it asks whether something is right, which ends the search.
fn of_sentence(words: &Words) -> Option<Expected> {
    let digits = |word: &Word| word.text.bytes().filter(u8::is_ascii_digit).count();
    let read = words.list.iter().map(digits).sum::<usize>();
    let spoken = numbers::trailing(&words.list).len();
    if words.any(lists::CONFIRMS) || read.max(spoken) >= READ_BACK {
        return None;
    }
    let asks = words.any(lists::ASKS);
    Some(if !asks {
        Expected::Nothing
    } else if words.any(lists::IDENTITY) {
        Expected::Identity
    } else if words.any(lists::OTHER_ADDRESSES) {
        Expected::Nothing
    } else if words.any(lists::ADDRESSES) {
        Expected::Address
    } else if words.any(lists::OTHER_NUMBERS) {
        Expected::Nothing
    } else if words.any(lists::PHONES) || words.any(lists::NUMBERS) {
        Expected::Phone
    } else {
        Expected::Nothing
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_follows_from_the_agents_last_sentences() {
        for (agent, expected) in [
            ("מה מספר הטלפון שלך?", Expected::Phone),
            ("אפשר מספר טלפון? ככה נוכל לחזור אלייך.", Expected::Phone),
            ("לאיזה מספר לחזור אליך?", Expected::Phone),
            ("רשמתי 0521234567. המספר נכון?", Expected::Nothing),
            ("מה הכתובת? ומה מספר הטלפון?", Expected::Phone),
            ("ומה הכתובת שלך בבקשה?", Expected::Address),
            ("איפה אתה גר?", Expected::Address),
            ("מה כתובת המייל שלך?", Expected::Nothing),
            ("מה מספר תעודת הזהות?", Expected::Identity),
            ("מה מספר ההזמנה?", Expected::Nothing),
            ("אשמח לעזור. במה מדובר?", Expected::Nothing),
            ("What is your phone number?", Expected::Phone),
            ("", Expected::Nothing),
        ] {
            assert_eq!(Expected::after(agent), expected, "{agent}");
        }
    }
}
