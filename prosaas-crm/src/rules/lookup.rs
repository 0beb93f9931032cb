//! Which of a business's entries answer a question.

use std::collections::BTreeSet;

use crate::model::knowledge::Knowledge;
use crate::search::{without_prefixes, words};

/// The longest question that is read, in characters.
const MAX_QUESTION: usize = 500;

/// The entries that share words with a question, the best first. Words in the title count three times:
/// there stands what an entry is about.
///
/// Hebrew is compared as people write it, behind prefix letters and without points. Everything is in
/// memory: a business's knowledge is small by rule, and asked for a few times a minute.
pub fn best_matches(question: &str, entries: Vec<Knowledge>, limit: usize) -> Vec<Knowledge> {
    let question: String = question.chars().take(MAX_QUESTION).collect();
    let asked: Vec<BTreeSet<String>> = words(&question).iter().map(|word| forms(word)).collect();
    let mut scored: Vec<(usize, Knowledge)> = entries
        .into_iter()
        .map(|entry| (score(&asked, &entry), entry))
        .filter(|(score, _)| *score > 0)
        .collect();
    // The sort is stable: of equals the older entry comes first.
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored
        .into_iter()
        .take(limit)
        .map(|(_, entry)| entry)
        .collect()
}

fn score(asked: &[BTreeSet<String>], entry: &Knowledge) -> usize {
    let (title, body) = (all_forms(&entry.title), all_forms(&entry.body));
    let among = |known: &BTreeSet<String>, forms: &BTreeSet<String>| !known.is_disjoint(forms);
    asked
        .iter()
        .map(|forms| 3 * usize::from(among(&title, forms)) + usize::from(among(&body, forms)))
        .sum()
}

/// A word, and what it is without prefix letters.
fn forms(word: &str) -> BTreeSet<String> {
    without_prefixes(word).map(str::to_owned).collect()
}

fn all_forms(text: &str) -> BTreeSet<String> {
    words(text).iter().flat_map(|word| forms(word)).collect()
}

#[cfg(test)]
mod tests {
    use prosaas_core::UnixMillis;

    use super::*;
    use crate::model::id::KnowledgeId;
    use crate::model::knowledge::KnowledgeKind;

    fn entry(title: &str, body: &str) -> Knowledge {
        Knowledge {
            id: KnowledgeId::mint(UnixMillis(1)),
            kind: KnowledgeKind::Question,
            title: title.to_owned(),
            body: body.to_owned(),
            created_at: UnixMillis(1).into(),
            updated_at: UnixMillis(1).into(),
            deleted_at: None,
            version: 1,
        }
    }

    #[test]
    fn the_entry_about_it_comes_first() {
        let entries = || {
            vec![
                entry("כמה עולה טיפול במזגן?", "בין 300 ל-500 ש״ח"),
                entry("שעות פתיחה", "פתוח בימים א-ה, המזגן תמיד פועל"),
                entry("Parking", "Behind the house"),
            ]
        };
        let titles = |question: &str| -> Vec<String> {
            let found = best_matches(question, entries(), 5);
            found.into_iter().map(|entry| entry.title).collect()
        };
        assert_eq!(titles("מה עולה המזגן")[0], "כמה עולה טיפול במזגן?");
        assert_eq!(titles("מזגן").len(), 2);
        assert_eq!(titles("where is the parking?"), ["Parking"]);
        assert!(titles("ביטוח").is_empty());
        assert!(titles("?!").is_empty());
        assert_eq!(best_matches("מזגן", entries(), 1).len(), 1);
    }
}
