//! Memory that a call needs only while it is polled.
//!
//! Between two polls it is empty, in every call. So there is one for each thread, which whoever is polled there
//! borrows: it is always in the cache, and a call is some 4 KiB smaller.

use std::cell::Cell;

use crate::session::Actions;

/// What a thread keeps at most: more was needed for a burst.
const KEPT_BYTES: usize = 16 * 1024;

thread_local! {
    static IDLE: Cell<Scratch> = Cell::default();
}

/// Borrowed while a call is polled.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What the session wants done.
    pub(super) actions: Actions,
    /// The audio of the event that is being handled.
    pub(super) audio: Vec<u8>,
    /// Caller audio that leaves with the next message to the model.
    pub(super) outgoing: Vec<u8>,
}

impl Scratch {
    /// This thread's; a new one while somebody has it.
    pub(super) fn borrow() -> Self {
        IDLE.try_with(Cell::take).unwrap_or_default()
    }

    /// Leaves it to whoever is polled next on this thread.
    pub(super) fn give_back(mut self) {
        debug_assert!(self.outgoing.is_empty(), "caller audio was not sent");
        self.audio.clear();
        self.audio.shrink_to(KEPT_BYTES);
        self.outgoing.shrink_to(KEPT_BYTES);
        // A thread that ends keeps nothing.
        let _ = IDLE.try_with(|idle| idle.set(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_call_grew_the_next_one_uses_and_a_burst_is_given_back() {
        let mut first = Scratch::borrow();
        first.audio.extend_from_slice(&[0; 320]);
        let place = first.audio.as_ptr();
        assert_eq!(Scratch::borrow().audio.capacity(), 0, "nobody shares one");
        first.give_back();
        let mut second = Scratch::borrow();
        assert!(second.audio.is_empty());
        assert_eq!(second.audio.as_ptr(), place);
        second.audio.extend_from_slice(&vec![0; 1024 * 1024]);
        second.give_back();
        assert!(Scratch::borrow().audio.capacity() <= KEPT_BYTES);
    }
}
