//! What the bench can check without a clock.

use prosaas_bench::{
    frame_path::{self, Pace},
    measure::allocations::{Counting, count},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REPLIES: u64 = 20;

#[test]
fn the_counter_counts() {
    let before = count();
    let grown: Vec<u8> = (0..1_000).map(|byte| byte as u8).collect();
    assert!(
        count() > before,
        "{} bytes without an allocation",
        grown.len()
    );
}

#[test]
fn a_call_session_allocates_nothing_per_audio_frame() {
    for batch_ms in [20, 40, 60] {
        let counted = frame_path::run(batch_ms, Pace::RealTime, 3, REPLIES, &count);
        assert_eq!(counted.caller_frames.0, REPLIES * 450);
        assert_eq!(
            counted.frames_out,
            REPLIES * 240,
            "every agent frame was paced out"
        );
        assert!(counted.marks.0 > 0);
        assert_eq!(counted.of_frames(), 0, "{batch_ms} ms: {counted:?}");
        assert_eq!(counted.agent_messages.1, 0, "{batch_ms} ms: {counted:?}");
    }
}

#[test]
fn audio_that_comes_faster_than_it_is_played_grows_a_buffer_and_nothing_else() {
    // Between replies a call holds no memory for audio. What a reply is ahead of the caller's ear, half of
    // it here, is kept in pieces of 2 KiB: 240 frames are 38,400 bytes.
    let counted = frame_path::run(20, Pace::Twice, 3, REPLIES, &count);
    assert_eq!(counted.frames_out, REPLIES * 240);
    assert_eq!(counted.of_frames(), 0, "{counted:?}");
    assert!(
        counted.agent_messages.1 <= REPLIES * (38_400 / 2_048 / 2 + 1),
        "{counted:?}"
    );
}
