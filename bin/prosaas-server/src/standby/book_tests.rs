use prosaas_core::{
    CallDirection, CallOutcome, CallStatus, Language, LeadDraft, NewCall, Speaker, Usage,
};
use prosaas_crm::default_business;

use super::*;

const NOW: UnixMillis = UnixMillis(1_795_528_800_000);

fn sid(n: u32) -> CallSid {
    format!("CA{n:032x}").parse().unwrap()
}

fn number(n: u32) -> E164 {
    E164::parse(&format!("+1500555{n:04}")).unwrap()
}

fn record(n: u32) -> FoundCall {
    Scoped::from_own_record(CallRecord {
        id: CallId::mint(NOW.plus(n.into())),
        tenant: TenantId::mint(UnixMillis(1)),
        call: NewCall {
            call_sid: sid(n),
            direction: CallDirection::Inbound,
            caller: None,
            business_number: number(6),
            started_at: NOW,
        },
        status: CallStatus::Ringing,
        ended_at: None,
        end: None,
        usage: Usage::default(),
    })
}

fn said(seq: u32, at: u64) -> Entry {
    let line = TranscriptLine {
        seq,
        speaker: Speaker::Caller,
        at: CallTime(at),
        text: "x".to_owned(),
        interrupted: false,
    };
    Entry::Said { lines: vec![line] }
}

fn finished(end: CallEnd, after: &AfterStream) -> Entry {
    let outcome = CallOutcome {
        ended_at: NOW,
        end,
        usage: Usage::default(),
        lead: LeadDraft::default(),
        quality: None,
    };
    Entry::finished(&outcome, after)
}

#[test]
fn a_business_is_remembered_for_a_day_and_at_once_forgotten_when_the_number_is_nobodys() {
    let mut book = Book::new(0);
    let found = record(1);
    let tenant = found.tenant;
    let business = default_business(tenant, "Dana's Garage", Language::En);
    let business = found.map(|_| Arc::new(business));
    book.learn_owner(number(6), &business, NOW);
    let later = |ms| book.owner(&number(6), NOW.plus(ms)).map(|known| known.id);
    assert_eq!(later(BUSINESS_KEPT_MS - 1), Some(tenant));
    assert_eq!(later(BUSINESS_KEPT_MS), None);
    book.forget_owner(&number(6));
    assert!(book.owner(&number(6), NOW).is_none());
}

#[test]
fn every_memory_is_bounded() {
    let mut memory = Memory::default();
    for n in 0..MOST + 5 {
        memory.put(n, (), UnixMillis(n as i64));
    }
    assert_eq!(memory.0.len(), MOST);
    assert!(!memory.0.contains_key(&4) && memory.0.contains_key(&5));
}

#[test]
fn a_call_is_what_its_entries_made_of_it() {
    let mut book = Book::new(0);
    let record = record(1);
    book.learn_call(&record, NOW);
    book.happened(&record, &said(3, 700), NOW);
    book.happened(&record, &said(1, 200), NOW);
    let transferred = AfterStream::Dial(number(7));
    book.happened(&record, &finished(CallEnd::Transferred, &transferred), NOW);
    let second = finished(CallEnd::LegFailed, &AfterStream::HangUp);
    book.happened(&record, &second, NOW);
    let known = book.call(&sid(1)).unwrap();
    assert_eq!(known.next_line, (4, CallTime(700)));
    assert!(known.was_heard());
    let stored = known.stored();
    assert_eq!(
        stored.record.end,
        Some(CallEnd::Transferred),
        "the first end counts"
    );
    assert_eq!(stored.after_stream, Some(transferred));
}

#[test]
fn a_call_that_nobody_took_is_over_at_once() {
    let mut book = Book::new(0);
    let missed = Entry::Missed {
        end: CallEnd::Voicemail,
        at: NOW,
    };
    book.happened(&record(1), &missed, NOW);
    let known = book.call(&sid(1)).unwrap();
    assert_eq!(known.record.end, Some(CallEnd::Voicemail));
    assert_eq!(known.record.ended_at, Some(NOW));
    assert!(!known.was_heard());
}

#[test]
fn a_token_is_used_once_by_its_own_call_and_in_time() {
    let mut book = Book::new(0);
    let hash = [7; 32];
    assert_eq!(book.use_token(&hash, &sid(1), NOW), Verdict::Unknown);
    book.give_token(hash, sid(1), NOW.plus(60_000), NOW);
    assert_eq!(book.use_token(&hash, &sid(2), NOW), Verdict::Refused);
    let late = NOW.plus(60_000);
    assert_eq!(book.use_token(&hash, &sid(1), late), Verdict::Refused);
    let used = Verdict::Used { only_here: true };
    assert_eq!(book.use_token(&hash, &sid(1), NOW), used);
    book.give_token(hash, sid(1), NOW.plus(60_000), NOW);
    assert_eq!(book.use_token(&hash, &sid(1), NOW), Verdict::Refused);
}

#[test]
fn the_database_is_asked_about_tokens_that_it_has() {
    let mut book = Book::new(0);
    book.give_token([7; 32], sid(1), NOW.plus(60_000), NOW);
    book.token_is_stored(&[7; 32]);
    let used = Verdict::Used { only_here: false };
    assert_eq!(book.use_token(&[7; 32], &sid(1), NOW), used);
}

#[test]
fn the_budget_is_never_passed_and_comes_back() {
    let mut book = Book::new(100);
    let (one, two) = (record(1), record(2));
    assert!(book.reserve(one.tenant, one.id, 60).is_some());
    assert!(book.reserve(two.tenant, two.id, 41).is_none());
    assert!(
        !book.is_pending(two.id),
        "a call that got no room leaves nothing"
    );
    assert!(book.reserve(two.tenant, two.id, 40).is_some());
    assert_eq!(book.size(), (2, 100));
    book.wrote(one.id, 60, true);
    book.emptied(one.id);
    assert_eq!(book.size(), (1, 40));
    assert_eq!(book.waiting()[0].0, two.id);
}

#[test]
fn a_call_that_is_about_to_write_stays_pending_when_its_file_is_emptied() {
    let mut book = Book::new(100);
    let call = record(1);
    book.found(call.tenant, call.id, 30);
    assert!(book.reserve(call.tenant, call.id, 10).is_some());
    book.emptied(call.id);
    assert!(book.is_pending(call.id), "what it writes now comes later");
    assert_eq!(book.size(), (1, 10));
    book.wrote(call.id, 10, true);
    book.emptied(call.id);
    assert!(!book.is_pending(call.id));
    assert_eq!(book.size(), (0, 0));
}

#[test]
fn what_could_not_be_written_gives_its_room_back() {
    let mut book = Book::new(100);
    let call = record(1);
    book.reserve(call.tenant, call.id, 100).unwrap();
    book.wrote(call.id, 100, false);
    assert!(!book.is_pending(call.id));
    assert_eq!(book.size(), (0, 0));
}

#[test]
fn old_calls_are_forgotten_unless_they_wait() {
    let mut book = Book::new(100);
    let (gone, waits) = (record(1), record(2));
    book.learn_call(&gone, NOW);
    book.learn_call(&waits, NOW);
    book.found(waits.tenant, waits.id, 1);
    book.forget_old(NOW.plus(CALL_KEPT_MS));
    assert!(book.call(&sid(1)).is_none());
    assert!(book.pending_call(&sid(2)).is_some());
}

#[test]
fn many_calls_leave_no_memory_but_of_those_that_wait_or_go_on() {
    let mut book = Book::new(100);
    let (waits, goes_on) = (record(1), record(2));
    book.learn_call(&waits, NOW);
    book.found(waits.tenant, waits.id, 1);
    book.learn_call(&goes_on, NOW);
    let many = u32::try_from(MOST_CALLS).unwrap() + 500;
    for n in 3..many {
        let call = record(n);
        let now = NOW.plus(n.into());
        book.learn_call(&call, now);
        book.happened(
            &call,
            &finished(CallEnd::CallerHungUp, &AfterStream::HangUp),
            now,
        );
    }
    assert_eq!(book.calls.0.len(), MOST_CALLS);
    assert!(
        book.pending_call(&sid(1)).is_some(),
        "it is known nowhere else"
    );
    assert!(book.call(&sid(2)).is_some(), "it goes on");
    assert!(book.call(&sid(3)).is_none(), "the first that was over");
    assert!(book.call(&sid(many - 1)).is_some());
}

#[test]
fn expired_tokens_make_room() {
    let mut book = Book::new(0);
    let hash = |n: usize| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&n.to_be_bytes());
        hash
    };
    for n in 0..MOST_CALLS {
        book.give_token(hash(n), sid(1), NOW.plus(1_000), NOW);
    }
    book.give_token(hash(MOST_CALLS), sid(1), NOW.plus(2_000), NOW);
    assert_eq!(book.tokens.0.len(), MOST_CALLS + 1, "none has expired");
    let later = NOW.plus(1_000);
    book.give_token(hash(MOST_CALLS + 1), sid(1), NOW.plus(3_000), later);
    assert_eq!(book.tokens.0.len(), 2);
}

#[test]
fn an_outage_is_news_once_and_so_is_its_end() {
    let mut book = Book::new(0);
    assert!(book.gone(NOW));
    assert!(!book.gone(NOW.plus(5)));
    assert_eq!(book.back(), Some(NOW));
    assert_eq!(book.back(), None);
}
