//! The table: one line a situation.

use super::*;

const CALLED: &str = "+97231234567";
const CALLER: &str = "+972501234567";
const PHONE: &str = "+972521111111";

fn number(text: &str) -> E164 {
    text.parse().unwrap()
}

fn rules(mode: AnswerMode) -> AnswerRules {
    AnswerRules {
        mode,
        ring: Some(RingPhone::new(number(PHONE), 15).unwrap()),
        screening: Screening::default(),
        full: FullRules::default(),
    }
}

/// Words that change the plain situation: an unknown caller, a closed business, a first call.
fn planned(mode: AnswerMode, withheld: WithheldPolicy, situation: &str) -> AnswerPlan {
    let mut rules = rules(mode);
    rules.screening.withheld = withheld;
    let (caller, called, phone) = (number(CALLER), number(CALLED), number(PHONE));
    let mut facts = CallFacts {
        caller: Some(&caller),
        called: &called,
        is_open: false,
        is_known: false,
        is_blocked: false,
        is_known_bad: false,
        calls_before: 0,
    };
    for word in situation.split_whitespace() {
        match word {
            "open" => facts.is_open = true,
            "known" => facts.is_known = true,
            "blocked" => facts.is_blocked = true,
            "bad" => facts.is_known_bad = true,
            "withheld" => facts.caller = None,
            "from-phone" => facts.caller = Some(&phone),
            "to-phone" => facts.called = &phone,
            "no-phone" => rules.ring = None,
            "uncounted" => rules.screening.rate = None,
            calls => facts.calls_before = calls.parse().unwrap(),
        }
    }
    plan(&rules, &facts)
}

#[test]
fn who_takes_the_call() {
    use AnswerMode::{AiAlways, AiOutsideHours, RingFirst};
    let ring = || AnswerPlan::Ring(RingPhone::new(number(PHONE), 15).unwrap());
    let table = [
        (AiAlways, "", AnswerPlan::Agent),
        (AiAlways, "open", AnswerPlan::Agent),
        (AiAlways, "open known", AnswerPlan::Agent),
        (AiOutsideHours, "", AnswerPlan::Agent),
        (AiOutsideHours, "known", AnswerPlan::Agent),
        (AiOutsideHours, "open", ring()),
        (AiOutsideHours, "open known", ring()),
        (AiOutsideHours, "open withheld", ring()),
        (AiOutsideHours, "open no-phone", AnswerPlan::Agent),
        (AiOutsideHours, "open from-phone", AnswerPlan::Agent),
        (AiOutsideHours, "open to-phone", AnswerPlan::Agent),
        (RingFirst, "", ring()),
        (RingFirst, "open", ring()),
        (RingFirst, "withheld", ring()),
        (RingFirst, "no-phone", AnswerPlan::Agent),
        (RingFirst, "from-phone", AnswerPlan::Agent),
        (RingFirst, "to-phone", AnswerPlan::Agent),
    ];
    for (mode, situation, expected) in table {
        let plan = planned(mode, WithheldPolicy::Answer, situation);
        assert_eq!(plan, expected, "{mode:?} {situation}");
    }
}

#[test]
fn who_is_turned_away_whatever_the_mode() {
    use AnswerPlan::{Reject, TakeMessage};
    use Screened::{Blocked, KnownBad, TooOften, Withheld};
    use WithheldPolicy as Hidden;
    let table = [
        (Hidden::Answer, "blocked", Some(Reject(Blocked))),
        (Hidden::Answer, "blocked known", Some(Reject(Blocked))),
        (Hidden::Answer, "blocked withheld", Some(Reject(Blocked))),
        (Hidden::Answer, "bad", Some(Reject(KnownBad))),
        (Hidden::Answer, "bad known", Some(Reject(KnownBad))),
        (Hidden::Answer, "withheld", None),
        (Hidden::TakeMessage, "withheld", Some(TakeMessage(Withheld))),
        (Hidden::Reject, "withheld", Some(Reject(Withheld))),
        (Hidden::Reject, "", None),
        (Hidden::Answer, "5", None),
        (Hidden::Answer, "6", Some(TakeMessage(TooOften))),
        (Hidden::Answer, "11", Some(TakeMessage(TooOften))),
        (Hidden::Answer, "12", Some(Reject(TooOften))),
        (Hidden::Answer, "4000000000", Some(Reject(TooOften))),
        (Hidden::Answer, "12 known", None),
        (Hidden::Answer, "12 uncounted", None),
        (Hidden::Answer, "12 bad", Some(Reject(KnownBad))),
    ];
    for mode in AnswerMode::ALL {
        for (withheld, situation, expected) in &table {
            let plan = planned(mode, *withheld, &format!("open {situation}"));
            let passes = matches!(plan, AnswerPlan::Agent | AnswerPlan::Ring(_));
            match expected {
                Some(expected) => assert_eq!(plan, *expected, "{mode:?} {situation}"),
                None => assert!(passes, "{mode:?} {situation}: {plan:?}"),
            }
        }
    }
}

#[test]
fn a_phone_rings_neither_for_a_moment_nor_for_ever() {
    for (seconds, good) in [(4, false), (5, true), (60, true), (61, false)] {
        let phone = RingPhone::new(number(PHONE), seconds);
        assert_eq!(phone.is_ok(), good, "{seconds}");
    }
}
