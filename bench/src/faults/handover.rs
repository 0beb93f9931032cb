//! The hand-over before a session's longest life: why this bench does not measure it.

use super::row::Outcome;

/// The line that says so.
pub(super) fn outcome() -> Outcome {
    let mut outcome = Outcome::default();
    outcome.not_measured(
        "model's session reaches its 60 minutes",
        "gap ≤ 700 ms, 10 facts known",
        "no setting shortens an hour from outside; the session's own tests hand over in compressed time",
    );
    outcome
}
