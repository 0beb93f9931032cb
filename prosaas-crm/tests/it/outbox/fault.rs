//! What goes wrong with an outbox, and the chance that it does.

/// What goes wrong, and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A worker dies before it did what it holds.
    CrashBeforeWork,
    /// It dies when it did one of them, before it could say so.
    CrashAfterWork,
    /// The work fails in a way that may pass.
    Fails,
    /// The work fails in a way that will not pass.
    FailsForGood,
    /// A worker says twice that it did something.
    ReportsTwice,
    /// A worker says what it did when its lease is over.
    ReportsLate,
    /// The same work is enqueued again while it waits or runs.
    EnqueuedTwice,
    /// The same work is enqueued again when it is done or dead.
    EnqueuedAfterEnd,
    /// Both workers claim at the same moment.
    ClaimTogether,
    /// The clock of a worker is behind.
    ClockBehind,
    /// It is ahead by more than a lease.
    ClockAhead,
    /// The process is gone with its workers, and starts again on the same file.
    ProcessRestarts,
    /// Nobody works for hours.
    LongOutage,
    /// A job is given to another worker since the lease of the one before ran out.
    LeaseRanOut,
    /// A job is given up since all its workers died.
    Abandoned,
}

/// All of them, in their order.
pub(super) const ALL: [Fault; 15] = [
    Fault::CrashBeforeWork,
    Fault::CrashAfterWork,
    Fault::Fails,
    Fault::FailsForGood,
    Fault::ReportsTwice,
    Fault::ReportsLate,
    Fault::EnqueuedTwice,
    Fault::EnqueuedAfterEnd,
    Fault::ClaimTogether,
    Fault::ClockBehind,
    Fault::ClockAhead,
    Fault::ProcessRestarts,
    Fault::LongOutage,
    Fault::LeaseRanOut,
    Fault::Abandoned,
];

/// A small generator, so that a failing run is one number.
pub(super) struct Dice(u64);

impl Dice {
    /// Seeds that follow each other give numbers that have nothing in common.
    pub(super) fn new(seed: u64) -> Self {
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    /// A number below this one.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn the_list_of_faults_names_each_in_its_place() {
    for (place, fault) in ALL.into_iter().enumerate() {
        assert_eq!(fault as usize, place, "{fault:?}");
    }
}
