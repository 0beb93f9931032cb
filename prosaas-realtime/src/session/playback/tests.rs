//! What was sent, what was heard, and when.

use super::super::action::Action;
use super::*;

const PACING: Pacing = Pacing {
    lead_ms: 200,
    message_ms: 100,
    mark_every_ms: 200,
    look_ahead_ms: FRAME_MS,
};

fn agent(item: u32) -> Source {
    Source::Agent {
        reply: ReplyId(1),
        item: ItemId(item),
        content: 0,
    }
}

fn marks(actions: &Actions) -> Vec<MarkId> {
    let mark = |action: &Action| match action {
        Action::Mark(mark) => Some(*mark),
        _ => None,
    };
    actions.iter().filter_map(mark).collect()
}

fn played_bytes(actions: &Actions) -> usize {
    let play = |action: &Action| match action {
        Action::Play(span) => Some(actions.audio(*span).len()),
        _ => None,
    };
    actions.iter().filter_map(play).sum()
}

#[test]
fn sends_a_lead_then_keeps_pace_without_drift() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 8_000]);
    playback.pump(CallTime(1_000), &mut actions);
    assert_eq!(
        played_bytes(&actions),
        160 + 1_600,
        "one frame, then the lead"
    );
    assert_eq!(playback.next_send(), Some(CallTime(1_120)));
    // Waking late by 30 ms does not move the deadlines that follow.
    actions.clear();
    playback.pump(CallTime(1_150), &mut actions);
    assert_eq!(played_bytes(&actions), 800);
    assert_eq!(playback.next_send(), Some(CallTime(1_220)));
}

#[test]
fn the_last_partial_frame_waits_for_its_rest_or_the_end() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 100]);
    playback.pump(CallTime(0), &mut actions);
    assert_eq!(played_bytes(&actions), 0, "a partial frame is not sent");
    playback.complete_all();
    playback.pump(CallTime(0), &mut actions);
    assert_eq!(
        played_bytes(&actions),
        FRAME_BYTES,
        "filled up with silence at the end"
    );
}

#[test]
fn nothing_counts_as_played_before_the_first_mark_is_back() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 8_000]);
    playback.pump(CallTime(0), &mut actions);
    let heard = playback.clear(CallTime(150), &mut actions);
    assert_eq!(heard[0].played, 0);
}

#[test]
fn played_is_what_the_marks_confirm_and_the_time_since() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 8_000]);
    playback.pump(CallTime(0), &mut actions);
    let first = marks(&actions)[0];
    assert!(playback.on_mark(CallTime(40), first));
    let heard = playback.clear(CallTime(100), &mut actions);
    assert_eq!(heard[0].played, 160 + 59 * 8);
    assert_eq!(heard[0].received, 8_000);
}

#[test]
fn echoes_of_a_cleared_generation_say_nothing() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 8_000]);
    playback.pump(CallTime(0), &mut actions);
    let old = marks(&actions);
    playback.clear(CallTime(10), &mut actions);
    actions.clear();
    playback.push(agent(2), &[2; 8_000]);
    playback.pump(CallTime(20), &mut actions);
    for mark in old {
        assert!(!playback.on_mark(CallTime(30), mark));
    }
    assert_eq!(playback.clear(CallTime(500), &mut actions)[0].played, 0);
}

#[test]
fn playing_does_not_run_across_a_silence_by_itself() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.push(agent(1), &[1; 800]);
    playback.complete_all();
    playback.pump(CallTime(0), &mut actions);
    for mark in marks(&actions) {
        playback.on_mark(CallTime(110), mark);
    }
    assert!(
        playback
            .take_heard(CallTime(110))
            .is_some_and(|h| h.in_full())
    );
    actions.clear();
    playback.push(agent(2), &[2; 1_600]);
    playback.pump(CallTime(5_000), &mut actions);
    let heard = playback.clear(CallTime(5_100), &mut actions);
    assert_eq!(heard[0].played, 0, "its own first mark is not back yet");
}

#[test]
fn clearing_tells_the_carrier_only_when_it_holds_something() {
    let mut playback = Playback::new(PACING);
    let mut actions = Actions::default();
    playback.clear(CallTime(5), &mut actions);
    assert_eq!(actions.iter().count(), 0);
}
