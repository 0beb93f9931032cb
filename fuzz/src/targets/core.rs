//! Phone numbers and ids: the words that arrive from carriers, configuration and callers of the API.

use std::fmt::Debug;
use std::str::FromStr;

use prosaas_core::{AccountSid, CallId, CallSid, LeadId, RecordingSid, StreamSid, TenantId};

use super::text;
use crate::target::{Outcome, Target};

/// `prosaas_core::E164`: what parses is canonical, and is not printed.
pub(crate) const E164: Target = Target {
    name: "e164",
    run: |input| {
        let parsed = prosaas_core::E164::parse(&text(input));
        if let Ok(number) = &parsed {
            let whole = number.expose();
            assert_eq!(prosaas_core::E164::parse(whole).ok().as_ref(), Some(number));
            assert!((8..=16).contains(&whole.len()) && whole.starts_with('+'));
            assert!(
                !format!("{number} {number:?}").contains(whole),
                "a number was printed whole"
            );
        }
        Outcome::parsed(&parsed, |number| number.expose().len())
    },
    dictionary: &["+", "00", "972", "+1", " ", "-", "(", ")", "\u{a0}", "٣"],
};

/// The typed ids, ours and the carrier's: what parses prints as it was.
pub(crate) const IDS: Target = Target {
    name: "ids",
    run: |input| {
        let text = text(input);
        let kinds = [
            prints_as_parsed::<TenantId>(&text),
            prints_as_parsed::<CallId>(&text),
            prints_as_parsed::<LeadId>(&text),
            prints_as_parsed::<CallSid>(&text),
            prints_as_parsed::<AccountSid>(&text),
            prints_as_parsed::<StreamSid>(&text),
            prints_as_parsed::<RecordingSid>(&text),
        ];
        assert!(
            kinds.iter().filter(|parsed| **parsed).count() <= 1,
            "two kinds in one text"
        );
        Outcome::of((kinds, text.len().min(40)))
    },
    dictionary: &[
        "ten_",
        "call_",
        "lead_",
        "CA",
        "AC",
        "MZ",
        "RE",
        "0123456789abcdef",
    ],
};

fn prints_as_parsed<T: FromStr + ToString + Debug>(text: &str) -> bool {
    let Ok(id) = text.parse::<T>() else {
        return false;
    };
    assert_eq!(id.to_string(), text, "{id:?}");
    true
}
