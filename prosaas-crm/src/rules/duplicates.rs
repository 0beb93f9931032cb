//! Whether two leads may be one person: by their names, where numbers alone do not decide.

use crate::search::words;

/// From how many letters on one wrong letter in a word is taken for a slip.
const SLIP_FROM: usize = 4;

/// Whether two names may be of one person: each word of the shorter one is a word of the longer one, but for a
/// slip of one letter, in any order. Names of nothing but spaces and marks are nobody's.
pub fn names_are_near(one: &str, other: &str) -> bool {
    let (mut few, mut many) = (words(one), words(other));
    if few.len() > many.len() {
        std::mem::swap(&mut few, &mut many);
    }
    !few.is_empty()
        && few.iter().all(|word| {
            let found = many.iter().position(|other| is_near(word, other));
            // One word stands for one: "Dana Dana" is not "Dana Levi".
            found.map(|at| many.swap_remove(at)).is_some()
        })
}

fn is_near(one: &str, other: &str) -> bool {
    let is_long = |word: &str| word.chars().nth(SLIP_FROM - 1).is_some();
    one == other || is_long(one) && is_long(other) && strsim::osa_distance(one, other) <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_people_write_them() {
        for (one, other) in [
            ("Dana Levi", "dana LEVI"),
            ("Dana Levi", "Levi, Dana"),
            ("Dana", "Dana Levi"),
            ("דנה כהן", "דנה כהן-לוי"),
            ("Jonathan", "Johnathan"),
            ("Mihcael Katz", "Michael Katz"),
            ("צ'רלי", "צרלי"),
        ] {
            assert!(names_are_near(one, other), "{one} / {other}");
            assert!(names_are_near(other, one), "{other} / {one}");
        }
        for (one, other) in [
            ("Dana Levi", "Dana Cohen"),
            ("Dana Dana", "Dana Levi"),
            ("Dan", "Dana"),
            ("", "Dana"),
            ("-", "-"),
        ] {
            assert!(!names_are_near(one, other), "{one} / {other}");
        }
    }
}
