//! The rules, from the surest to the vaguest.

use super::words::{Ending, Word, Words};
use super::{Expected, Unfinished, lists, numbers};

/// Who speaks for longer than this has more to say than "yes", in milliseconds. The model's own time to notice the
/// end is in it.
const LONGEST_AGREEMENT_MS: u64 = 2_500;
/// And who says more words than this.
const MOST_AGREEMENT: usize = 4;
/// An address without a number is no longer than this, in words: what is longer is something else.
const LONGEST_ADDRESS: usize = 8;
/// The name of a street has so many words at most.
const LONGEST_STREET: usize = 2;
/// So many words may follow "let me check", or "a moment, I am looking for".
const MOST_LOOKED_FOR: usize = 3;
/// A phone number that nobody asked for is noticed from so many digits on.
const TELLING_DIGITS: usize = 3;

/// Whether somebody only listens: agrees, makes a sound, or said nothing that could be written down.
pub(super) fn only_listens(words: &Words, turn_ms: u64) -> bool {
    let list = &words.list;
    list.is_empty()
        || (list.len() <= MOST_AGREEMENT
            && turn_ms <= LONGEST_AGREEMENT_MS
            && words.ending != Ending::Question
            && list.iter().all(agrees))
}

/// What is missing of what was said, if something is.
pub(super) fn unfinished(words: &Words, expected: Expected) -> Option<Unfinished> {
    // A question is to be answered, whatever it was about.
    if words.list.is_empty() || words.ending == Ending::Question {
        return None;
    }
    if asks_for_time(words) {
        return Some(Unfinished::AskedForTime);
    }
    match number(words, expected) {
        Part::Whole => return None,
        Part::Missing => return Some(Unfinished::Number),
        Part::Unknown => {}
    }
    match address(words, expected) {
        Part::Whole => return None,
        Part::Missing => return Some(Unfinished::Address),
        Part::Unknown => {}
    }
    if looks_for_a_word(words) {
        return Some(Unfinished::Filler);
    }
    if breaks_off(words) {
        return Some(Unfinished::Conjunction);
    }
    (words.ending == Ending::TrailsOff).then_some(Unfinished::TrailsOff)
}

/// How far something is that has a known form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Missing,
    /// It is something else.
    Unknown,
}

fn agrees(word: &Word) -> bool {
    word.sounds_like(lists::AGREEMENT) || word.sounds_like(lists::FILLERS)
}

fn is_pause(word: &Word) -> bool {
    word.sounds_like(lists::PAUSES)
}

fn stands_around_pauses(word: &Word) -> bool {
    is_pause(word) || word.sounds_like(lists::AROUND_PAUSES) || agrees(word)
}

/// "Rega" in its forms. The same words mean a time ("he comes any moment"), a number ("second hand") or a length ("it
/// takes a minute"): then other words stand in the clause.
fn asks_for_time(words: &Words) -> bool {
    let clause = words.clause();
    let first_in_clause = |word: &Word| word.text == "עוד" || stands_around_pauses(word);
    let whole_clause = clause.iter().any(is_pause)
        && clause.iter().take(1).all(first_in_clause)
        && clause.iter().skip(1).all(stands_around_pauses);
    whole_clause || ends_with_request(&words.list) || is_looking(&words.list)
}

/// A request for a moment behind other words.
fn ends_with_request(list: &[Word]) -> bool {
    let other = list.iter().rposition(|word| !stands_around_pauses(word));
    let (before, request) = list.split_at(other.map_or(0, |last| last + 1));
    let Some(pause) = request.iter().rfind(|word| is_pause(word)) else {
        return false;
    };
    if request.iter().any(|word| word.sounds_like(lists::GIVE)) {
        return true;
    }
    let is_time = before
        .last()
        .is_some_and(|word| word.is_in(lists::BEFORE_A_TIME));
    matches!(pause.text.as_str(), "רגע" | "רגעון") && !is_time
}

/// "A moment, I am looking for it", "let me check".
fn is_looking(list: &[Word]) -> bool {
    let near_the_end = |at: usize| list.len() - at <= MOST_LOOKED_FOR + 1;
    let hebrew = |at: usize, pair: &[Word]| {
        let asked = list[..at].iter().rev().take(3).any(is_pause);
        asked && pair[0].text == "אני" && pair[1].is_in(lists::LOOKING)
    };
    let english = |three: &[Word]| {
        three[0].text == "let" && three[1].text == "me" && three[2].is_in(lists::LET_ME)
    };
    let looks = |(at, pair): (usize, &[Word])| hebrew(at, pair) && near_the_end(at + 1);
    list.windows(2).enumerate().any(looks)
        || list
            .windows(3)
            .enumerate()
            .any(|(at, three)| english(three) && near_the_end(at + 2))
}

/// A number that is asked for, or a phone number that is given unasked.
fn number(words: &Words, expected: Expected) -> Part {
    let list = &words.list;
    if words.star || words.any(lists::STAR) {
        return Part::Whole;
    }
    let digits = numbers::trailing(list);
    let needed = match expected {
        Expected::Identity => 9,
        Expected::Phone => numbers::phone_length(digits.as_bytes()),
        Expected::Nothing | Expected::Address => {
            let begins = digits.starts_with('0') && digits.len() >= TELLING_DIGITS;
            let named = words.any(lists::OWN_PHONE) && digits.starts_with('0');
            if !begins && !named {
                return Part::Unknown;
            }
            numbers::phone_length(digits.as_bytes())
        }
    };
    match digits.len() {
        // "Yes" to a request for a number comes before the number.
        0 if list.len() <= MOST_AGREEMENT && list.iter().all(agrees) => Part::Missing,
        0 => Part::Unknown,
        some if some < needed => Part::Missing,
        _ => Part::Whole,
    }
}

/// An address that is asked for, or a street that is named unasked.
fn address(words: &Words, expected: Expected) -> Part {
    let list = &words.list;
    let Some(last) = list.last() else {
        return Part::Unknown;
    };
    let asked = expected == Expected::Address;
    let street = list.iter().rposition(|word| word.is_in(lists::STREETS));
    if !asked && street.is_none() {
        return Part::Unknown;
    }
    if last.is_in(lists::PARTS_OF_HOUSES) {
        return Part::Missing;
    }
    let name = street.map_or(&list[..0], |at| &list[at + 1..]);
    // All words of an answer count, and of other sentences what stands behind the street.
    let told = if asked { list.as_slice() } else { name };
    if numbers::any(told) {
        return Part::Whole;
    }
    let needs_none = told.iter().any(|word| word.is_in(lists::NO_HOUSE_NUMBER));
    let is_short = (asked && list.len() <= LONGEST_ADDRESS)
        || (street.is_some() && name.len() <= LONGEST_STREET);
    if is_short && !needs_none {
        Part::Missing
    } else {
        Part::Unknown
    }
}

fn looks_for_a_word(words: &Words) -> bool {
    let list = &words.list;
    let fills = |word: &Word| word.sounds_like(lists::FILLERS);
    let phrase = |phrase: &&[&str]| {
        list.len() >= phrase.len()
            && list[list.len() - phrase.len()..]
                .iter()
                .zip(phrase.iter())
                .all(|(word, expected)| word.text == *expected)
    };
    list.last().is_some_and(fills) || lists::FILLER_PHRASES.iter().any(phrase)
}

/// Whether the last word is one with which no sentence ends.
fn breaks_off(words: &Words) -> bool {
    let list = &words.list;
    let Some((last, before)) = list.split_last() else {
        return false;
    };
    let previous = before.last();
    if last.is_in(lists::PERSONS) {
        return previous.is_some_and(|word| !word.is_in(lists::BEFORE_PERSONS));
    }
    let is_whole = previous.is_some_and(|word| {
        let pair = [word.text.as_str(), last.text.as_str()];
        lists::WHOLE_PAIRS.contains(&pair)
    });
    let gives = |word: &Word| word.is_in(lists::GIVEN);
    let begins_to_give = last.is_in(lists::IS) && before.iter().rev().take(2).any(gives);
    let names_it = last.text == "שלי"
        && previous.is_some_and(gives)
        && words
            .clause()
            .iter()
            .take_while(|word| agrees(word))
            .count()
            + 2
            == words.clause().len();
    (last.is_in(lists::CONJUNCTIONS) && !is_whole) || begins_to_give || names_it
}
