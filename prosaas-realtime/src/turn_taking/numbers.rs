//! Numbers as people say them on the phone: digit by digit, in pairs ("fifty-two"), in hundreds, or written as digits.

use super::lists;
use super::words::Word;

/// More digits than any number that is asked for.
const MOST_DIGITS: usize = 40;

/// What a word adds to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Written digits.
    Written(&'a str),
    /// A digit, and whether it takes the place of the zero before it: twenty-three.
    Unit(char, bool),
    /// Ten; behind a digit of Hebrew, the number of the teens.
    Ten,
    /// Twenty to ninety.
    Tens(char),
    /// Eleven to nineteen in one word.
    Teen(&'a str),
    /// One or two hundred.
    Hundred(&'a str),
    /// The digit before it counts hundreds.
    Hundreds,
    /// The next digit comes twice.
    Twice,
    /// The next digit comes as often as the one before says.
    Times,
    /// A sound between two digits.
    Between,
}

const UNITS: &[(&str, char)] = &[
    ("אפס", '0'),
    ("אחת", '1'),
    ("אחד", '1'),
    ("שתיים", '2'),
    ("שתים", '2'),
    ("שניים", '2'),
    ("שלוש", '3'),
    ("שלושה", '3'),
    ("ארבע", '4'),
    ("ארבעה", '4'),
    ("חמש", '5'),
    ("חמישה", '5'),
    ("שש", '6'),
    ("שישה", '6'),
    ("שבע", '7'),
    ("שבעה", '7'),
    ("שמונה", '8'),
    ("תשע", '9'),
    ("תשעה", '9'),
    ("صفر", '0'),
    ("واحد", '1'),
    ("اثنين", '2'),
    ("تنين", '2'),
    ("ثلاثة", '3'),
    ("تلاتة", '3'),
    ("اربعة", '4'),
    ("أربعة", '4'),
    ("خمسة", '5'),
    ("ستة", '6'),
    ("سبعة", '7'),
    ("ثمانية", '8'),
    ("تمانية", '8'),
    ("تسعة", '9'),
];

/// Units that follow tens without "and".
const JOINING_UNITS: &[(&str, char)] = &[
    ("one", '1'),
    ("two", '2'),
    ("three", '3'),
    ("four", '4'),
    ("five", '5'),
    ("six", '6'),
    ("seven", '7'),
    ("eight", '8'),
    ("nine", '9'),
    ("один", '1'),
    ("два", '2'),
    ("три", '3'),
    ("четыре", '4'),
    ("пять", '5'),
    ("шесть", '6'),
    ("семь", '7'),
    ("восемь", '8'),
    ("девять", '9'),
];

const ZEROS: &[&str] = &["zero", "oh", "ноль"];

const TENS: &[(&str, char)] = &[
    ("עשרים", '2'),
    ("שלושים", '3'),
    ("ארבעים", '4'),
    ("חמישים", '5'),
    ("שישים", '6'),
    ("ששים", '6'),
    ("שבעים", '7'),
    ("שמונים", '8'),
    ("תשעים", '9'),
    ("twenty", '2'),
    ("thirty", '3'),
    ("forty", '4'),
    ("fifty", '5'),
    ("sixty", '6'),
    ("seventy", '7'),
    ("eighty", '8'),
    ("ninety", '9'),
    ("двадцать", '2'),
    ("тридцать", '3'),
    ("сорок", '4'),
    ("пятьдесят", '5'),
    ("шестьдесят", '6'),
    ("семьдесят", '7'),
    ("восемьдесят", '8'),
    ("девяносто", '9'),
];

const TEENS: &[(&str, &str)] = &[
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
];

const HUNDREDS: &[(&str, &str)] = &[("מאה", "100"), ("מאתיים", "200")];

/// The digits at the end of what was said, up to the last word.
pub(super) fn trailing(words: &[Word]) -> String {
    let before = words.iter().rposition(|word| part(word).is_none());
    let begins = before.map_or(0, |last| last + 1);
    let mut number = Number::default();
    for part in words[begins..].iter().filter_map(part) {
        number.add(part);
    }
    number.digits
}

/// Whether a number stands in what was said. A street is called "one of the people", though.
pub(super) fn any(words: &[Word]) -> bool {
    let street = |next: Option<&Word>| next.is_some_and(|word| word.text == "העם");
    words
        .iter()
        .enumerate()
        .any(|(at, word)| is_number(word) && !street(words.get(at + 1)))
}

/// How many digits a phone number has that begins like this, as Israeli numbers do.
pub(super) const fn phone_length(digits: &[u8]) -> usize {
    match digits {
        [b'0', b'5' | b'7', ..] | [b'1', b'7' | b'8' | b'9', ..] => 10,
        [b'9', b'7', b'2', b'5' | b'7', ..] => 12,
        [b'9', b'7', b'2', ..] => 11,
        _ => 9,
    }
}

fn is_number(word: &Word) -> bool {
    part(word).is_some_and(|part| {
        !matches!(
            part,
            Part::Hundreds | Part::Twice | Part::Times | Part::Between
        )
    })
}

fn part(word: &Word) -> Option<Part<'_>> {
    let text = word.text.as_str();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Part::Written(text));
    }
    if word.sounds_like(lists::FILLERS) || text == "ואז" {
        return Some(Part::Between);
    }
    if let Some(part) = spoken(text, false) {
        return Some(part);
    }
    // "And" is a letter before the word.
    let joined = text.strip_prefix('ו').or_else(|| text.strip_prefix('و'))?;
    spoken(joined, true)
}

fn spoken(text: &str, joins: bool) -> Option<Part<'static>> {
    if let Some(digit) = find(UNITS, text) {
        return Some(Part::Unit(digit, joins && digit != '0'));
    }
    if let Some(digit) = find(JOINING_UNITS, text) {
        return Some(Part::Unit(digit, true));
    }
    if ZEROS.contains(&text) {
        return Some(Part::Unit('0', false));
    }
    if let Some(digit) = find(TENS, text) {
        return Some(Part::Tens(digit));
    }
    if let Some(digits) = find(TEENS, text) {
        return Some(Part::Teen(digits));
    }
    if let Some(digits) = find(HUNDREDS, text) {
        return Some(Part::Hundred(digits));
    }
    match text {
        "עשר" | "עשרה" => Some(Part::Ten),
        "מאות" => Some(Part::Hundreds),
        "פעמיים" | "double" => Some(Part::Twice),
        "פעמים" => Some(Part::Times),
        _ => None,
    }
}

fn find<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    let found = table.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value)
}

/// A number while it is said.
#[derive(Debug)]
struct Number {
    digits: String,
    /// How many zeros at its end stand for what may follow.
    open: usize,
    /// How often the next digit comes.
    times: usize,
    /// The word before was a digit.
    after_unit: bool,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            digits: String::new(),
            open: 0,
            times: 1,
            after_unit: false,
        }
    }
}

impl Number {
    fn add(&mut self, part: Part<'_>) {
        match part {
            Part::Between => return,
            Part::Twice => self.times = 2,
            Part::Times => self.take_times(),
            Part::Written(digits) | Part::Teen(digits) => self.push(digits, 0),
            Part::Hundred(digits) => self.push(digits, 2),
            Part::Hundreds => self.push("00", 2),
            Part::Unit(digit, joins) => self.add_unit(digit, joins),
            Part::Ten => self.add_ten(),
            Part::Tens(digit) => {
                if self.open == 2 {
                    self.digits.pop();
                    self.digits.pop();
                }
                let mut tens = [0; 4];
                self.push(digit.encode_utf8(&mut tens), 0);
                self.push("0", 1);
            }
        }
        self.after_unit = matches!(part, Part::Unit(..));
        self.digits.truncate(MOST_DIGITS);
    }

    fn push(&mut self, digits: &str, open: usize) {
        self.digits.push_str(digits);
        self.open = open;
        self.times = 1;
    }

    fn add_unit(&mut self, digit: char, joins: bool) {
        if joins && self.open > 0 {
            self.digits.pop();
            self.digits.push(digit);
        } else {
            for _ in 0..self.times {
                self.digits.push(digit);
            }
        }
        self.open = 0;
        self.times = 1;
    }

    fn add_ten(&mut self) {
        let unit = if self.after_unit {
            self.digits.pop()
        } else {
            None
        };
        self.push("1", 0);
        self.digits.push(unit.unwrap_or('0'));
    }

    fn take_times(&mut self) {
        if self.after_unit
            && let Some(times) = self.digits.pop().and_then(|digit| digit.to_digit(10))
        {
            self.times = times.max(1) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    fn digits(text: &str) -> String {
        trailing(&Words::of(text).list)
    }

    #[test]
    fn digits_are_counted_as_they_are_said() {
        for (said, expected) in [
            ("אפס חמש שתיים", "052"),
            ("אפס חמישים ושתיים", "052"),
            ("הטלפון שלי 054-12", "05412"),
            ("עשרים ושלוש, אהה, ארבעים וחמש", "2345"),
            ("שתים עשרה", "12"),
            ("חמש מאות ועשרים", "520"),
            ("פעמיים שבע", "77"),
            ("שלוש פעמים שמונה", "888"),
            ("zero five twenty three", "0523"),
            ("ноль пять сорок", "0540"),
            ("צפון תל אביב", ""),
            ("052 זה הנייד", ""),
        ] {
            assert_eq!(digits(said), expected, "{said}");
        }
        assert_eq!(digits(&"7 ".repeat(300)).len(), MOST_DIGITS);
    }

    #[test]
    fn a_street_that_is_called_after_a_number_has_none_yet() {
        let any = |text: &str| any(&Words::of(text).list);
        assert!(!any("רחוב אחד העם"));
        assert!(any("רחוב אחד העם שבע") && any("הרצל 5"));
    }
}
