//! What goes wrong with an outbox.

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

#[test]
fn the_list_of_faults_names_each_in_its_place() {
    for (place, fault) in ALL.into_iter().enumerate() {
        assert_eq!(fault as usize, place, "{fault:?}");
    }
}
