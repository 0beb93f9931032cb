//! Prints how often a call session allocates on its audio path. A program of its own because its
//! allocator counts.

use std::{io::Write as _, process::ExitCode};

use prosaas_bench::{
    frame_path::{self, Pace},
    measure::allocations::{Counting, count},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Replies counted, after three of warm-up.
const CYCLES: u64 = 100;

fn main() -> anyhow::Result<ExitCode> {
    let mut per_frame = 0;
    let mut out = std::io::stdout();
    for batch_ms in [20, 40, 60] {
        for pace in [Pace::RealTime, Pace::Twice] {
            let counted = frame_path::run(batch_ms, pace, 3, CYCLES, &count);
            per_frame += counted.of_frames();
            if pace == Pace::RealTime {
                per_frame += counted.agent_messages.1;
            }
            writeln!(
                out,
                "batches of {batch_ms} ms, model {pace:?}, {CYCLES} replies:"
            )?;
            for (what, (events, allocations)) in [
                ("caller frames", counted.caller_frames),
                ("audio messages of the model", counted.agent_messages),
                ("marks", counted.marks),
                ("deadlines", counted.wakes),
                ("beginnings and ends of replies", counted.replies),
            ] {
                writeln!(out, "  {allocations:>5} allocations in {events:>6} {what}")?;
            }
            writeln!(out, "  {:>5} agent frames sent", counted.frames_out)?;
        }
    }
    Ok(if per_frame == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
