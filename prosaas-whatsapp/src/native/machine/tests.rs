use prosaas_core::E164;

use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn linked() -> Machine {
    let mut machine = Machine::new(true);
    let actions = machine.step(Input::Start, NOW, 0.5);
    assert_eq!(actions, [Action::Connect { fresh: false }]);
    machine.step(Input::Open, NOW, 0.5);
    machine
}

fn linking(method: LinkMethod) -> Machine {
    let mut machine = Machine::new(false);
    let actions = machine.step(Input::Link(method), NOW, 0.5);
    assert!(actions.contains(&Action::Connect { fresh: true }));
    machine
}

fn qr(text: &str) -> Input {
    Input::Qr {
        text: SecretString::from(text),
        lasts_ms: 60_000,
    }
}

/// A link is open, the connection ends for this cause: what is done, and what is shown.
fn after(cause: Cause) -> (Vec<Action>, &'static str, Machine) {
    let mut machine = linked();
    let actions = machine.step(Input::Closed(cause), NOW, 0.5);
    let word = machine.shown().as_str();
    (actions, word, machine)
}

#[test]
fn nothing_is_tried_without_a_link() {
    let mut machine = Machine::new(false);
    assert!(machine.step(Input::Start, NOW, 0.5).is_empty());
    assert_eq!(machine.shown().as_str(), "unlinked");
    assert_eq!(machine.deadline(), None);
}

#[test]
fn a_scan_leads_over_515_to_ready() {
    let mut machine = linking(LinkMethod::Qr);
    assert_eq!(machine.shown().as_str(), "connecting");
    machine.step(qr("one"), NOW, 0.5);
    machine.step(qr("two"), NOW, 0.5);
    let LinkState::Qr(code) = machine.shown() else {
        panic!("{machine:?}");
    };
    assert_eq!((code.seq, code.attempts_left), (2, 4));
    assert_eq!(code.expires_at, NOW.plus(60_000));
    machine.step(Input::Paired, NOW, 0.5);
    assert_eq!(machine.shown().as_str(), "connecting");
    let actions = machine.step(Input::Closed(Cause::Restart), NOW, 0.5);
    assert_eq!(
        actions,
        [Action::Connect { fresh: false }],
        "the same keys, at once"
    );
    machine.step(Input::Open, NOW, 0.5);
    assert!(machine.shown().is_ready() && machine.is_linked());
    let again = machine.step(Input::Link(LinkMethod::Qr), NOW, 0.5);
    assert!(again.is_empty(), "linking a linked business does nothing");
}

#[test]
fn codes_that_ran_out_wait_for_a_person() {
    let mut machine = linking(LinkMethod::Qr);
    machine.step(qr("one"), NOW, 0.5);
    let actions = machine.step(Input::CodesRanOut, NOW, 0.5);
    assert_eq!(actions, [Action::Disconnect]);
    assert_eq!(machine.shown().as_str(), "expired");
    machine.step(Input::Closed(Cause::Lost), NOW, 0.5);
    assert_eq!(machine.deadline(), None, "nothing is tried by itself");
    let again = machine.step(Input::Link(LinkMethod::Qr), NOW, 0.5);
    assert!(again.contains(&Action::Connect { fresh: true }));
}

#[test]
fn a_code_to_be_typed_is_asked_for_once_and_outlives_the_others() {
    let phone = E164::parse("+972500000001").unwrap();
    let mut machine = linking(LinkMethod::PairingCode(phone.clone()));
    let asked = machine.step(qr("one"), NOW, 0.5);
    assert_eq!(asked, [Action::RequestPairingCode(phone)]);
    assert!(machine.step(qr("two"), NOW, 0.5).is_empty());
    let code = SecretString::from("ABCD1234");
    machine.step(Input::PairingCode(code), NOW, 0.5);
    assert_eq!(machine.shown().as_str(), "pairing_code");
    assert!(machine.step(Input::CodesRanOut, NOW, 0.5).is_empty());
    assert_eq!(machine.shown().as_str(), "pairing_code");
    assert!(
        machine.begins_anew(&LinkMethod::Qr),
        "the other kind may be asked for"
    );
    let actions = machine.step(Input::Tick, NOW.plus(TYPED_MS), 0.5);
    assert_eq!(actions, [Action::Disconnect]);
    assert_eq!(machine.shown().as_str(), "expired");
}

#[test]
fn a_passkey_is_named_also_where_it_can_only_be_suspected() {
    let mut machine = linking(LinkMethod::Qr);
    machine.step(qr("one"), NOW, 0.5);
    assert_eq!(machine.step(Input::Passkey, NOW, 0.5), [Action::Disconnect]);
    assert_eq!(machine.shown().as_str(), "needs_passkey");

    let mut machine = linking(LinkMethod::Qr);
    let mut now = NOW;
    for _ in 0..CLOSED_AT_CODE {
        machine.step(qr("one"), now, 0.5);
        machine.step(Input::Closed(Cause::Lost), now, 0.5);
        now = machine.deadline().unwrap_or(now);
        machine.step(Input::Tick, now, 0.5);
    }
    assert_eq!(machine.shown().as_str(), "needs_passkey");
}

#[test]
fn what_only_a_person_can_mend_is_not_tried_again() {
    for (cause, word) in [
        (Cause::LoggedOut, "logged_out"),
        (Cause::Banned, "banned"),
        (Cause::Refused, "outdated"),
    ] {
        let (actions, shown, machine) = after(cause);
        assert_eq!(shown, word);
        assert_eq!(machine.deadline(), None, "{word}");
        let forgets = actions.contains(&Action::Forget);
        assert_eq!(
            forgets,
            cause == Cause::LoggedOut,
            "{word}: keys of a ban stay for whoever looks"
        );
        assert_eq!(machine.is_linked(), cause != Cause::LoggedOut, "{word}");
    }
}

#[test]
fn a_ban_for_a_while_is_waited_out() {
    let (_, _, machine) = after(Cause::BannedFor(Some(60)));
    let until = NOW.plus(60_000);
    assert!(matches!(machine.shown(), LinkState::Banned { until: Some(at) } if at == until));
    assert_eq!(machine.deadline(), Some(until));
    let (_, _, machine) = after(Cause::BannedFor(None));
    assert_eq!(machine.deadline(), Some(NOW.plus(BAN_MS)));
}

#[test]
fn an_old_version_is_mended_a_few_times() {
    let mut machine = linked();
    for _ in 0..OUTDATED_TRIES {
        let actions = machine.step(Input::Closed(Cause::Outdated), NOW, 0.0);
        assert_eq!(actions, [Action::RefreshVersion]);
        machine.step(Input::Tick, NOW, 0.0);
    }
    machine.step(Input::Closed(Cause::Outdated), NOW, 0.0);
    assert_eq!(machine.shown().as_str(), "outdated");
    assert_eq!(machine.deadline(), None);
}

#[test]
fn another_program_is_not_fought() {
    let mut machine = linked();
    for times in 1..REPLACED_LIMIT {
        machine.step(Input::Closed(Cause::Replaced), NOW, 0.0);
        assert_eq!(machine.shown().as_str(), "replaced");
        let wait = machine.deadline().unwrap().since(NOW);
        assert!(wait >= 30_000 << (times - 1), "{wait}");
        machine.step(Input::Tick, NOW.plus(wait), 0.0);
    }
    machine.step(Input::Closed(Cause::Replaced), NOW, 0.0);
    assert_eq!(machine.deadline(), None);
}

#[test]
fn what_is_lost_comes_back_with_a_growing_wait_and_jitter() {
    let mut machine = linked();
    let mut waits = Vec::new();
    for _ in 0..12 {
        machine.step(Input::Closed(Cause::Lost), NOW, 1.0);
        let wait = machine.deadline().unwrap().since(NOW);
        waits.push(wait);
        let actions = machine.step(Input::Tick, NOW.plus(wait), 1.0);
        assert_eq!(actions, [Action::Connect { fresh: false }]);
    }
    assert_eq!(waits[..4], [1_000, 2_000, 4_000, 8_000]);
    assert_eq!(waits[9], 60_000);
    assert_eq!(waits[11], 300_000);
    machine.step(Input::Closed(Cause::Lost), NOW, 0.0);
    assert_eq!(machine.deadline(), Some(NOW), "jitter is full");
    machine.step(Input::Open, NOW, 1.0);
    machine.step(Input::Tick, NOW.plus(STABLE_MS), 1.0);
    machine.step(Input::Closed(Cause::Lost), NOW, 1.0);
    let wait = machine.deadline().unwrap().since(NOW);
    assert_eq!(wait, 1_000, "a connection that held begins anew");
}

#[test]
fn without_a_network_it_says_so_and_looks_often() {
    let mut machine = linked();
    for _ in 0..8 {
        machine.step(Input::Closed(Cause::Unreachable), NOW, 1.0);
        assert_eq!(machine.shown().as_str(), "unreachable");
        assert!(machine.deadline().unwrap().since(NOW) <= 3_000);
        machine.step(Input::Tick, NOW.plus(3_000), 1.0);
        assert_eq!(machine.shown().as_str(), "unreachable", "a try is no news");
    }
    machine.step(Input::Open, NOW, 1.0);
    assert!(machine.shown().is_ready());
}

#[test]
fn a_link_that_fails_again_and_again_is_broken_and_never_wiped() {
    let mut machine = linked();
    for _ in 0..BROKEN_AFTER {
        let actions = machine.step(Input::Closed(Cause::Overloaded), NOW, 0.0);
        assert!(!actions.contains(&Action::Forget));
        if machine.shown().as_str() != "broken" {
            machine.step(Input::Tick, NOW, 0.0);
        }
    }
    assert_eq!(machine.shown().as_str(), "broken");
    assert_eq!(machine.deadline(), Some(NOW.plus(600_000)), "it goes on");
    assert!(machine.is_linked());
}

#[test]
fn a_connection_that_shows_nothing_is_given_up() {
    let mut machine = linking(LinkMethod::Qr);
    let due = machine.deadline().unwrap();
    let actions = machine.step(Input::Tick, due, 0.5);
    assert_eq!(actions, [Action::Disconnect]);
    assert!(machine.deadline().is_some(), "and tried again");
}

#[test]
fn new_connections_asked_for_in_a_row_are_a_failure_like_others() {
    let mut machine = linked();
    for _ in 0..RESTARTS_PER_MINUTE {
        let actions = machine.step(Input::Closed(Cause::Restart), NOW, 1.0);
        assert_eq!(actions, [Action::Connect { fresh: false }]);
    }
    assert!(
        machine
            .step(Input::Closed(Cause::Restart), NOW, 1.0)
            .is_empty()
    );
    assert_eq!(machine.deadline(), Some(NOW.plus(1_000)));
}

#[test]
fn unlinking_forgets_and_can_be_done_twice() {
    let mut machine = linked();
    for _ in 0..2 {
        let actions = machine.step(Input::Unlinked, NOW, 0.5);
        assert_eq!(actions, [Action::Disconnect, Action::Forget]);
        assert_eq!(machine.shown().as_str(), "unlinked");
    }
    machine.step(Input::Closed(Cause::Lost), NOW, 0.5);
    assert_eq!(machine.shown().as_str(), "unlinked");
}
