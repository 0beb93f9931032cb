//! Which part of a call was woken.
//!
//! A call is one task with several things to wait for. Asking all of them whenever one has news costs more
//! than the news, fifty times a second. So each has a waker of its own that leaves a note, except for the
//! carrier's leg: it wakes most often, so it wakes the task itself and is asked every time.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Source {
    /// The AI leg, or its opening.
    Ai,
    /// The session's deadline.
    Timer,
    /// Tools and the application.
    Rest,
}

const SOURCES: [Source; 3] = [Source::Ai, Source::Timer, Source::Rest];

impl Source {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The notes, and the task that reads them.
#[derive(Debug)]
struct Notes {
    woken: AtomicU8,
    task: Mutex<Waker>,
}

#[derive(Debug)]
struct Note {
    notes: Arc<Notes>,
    bit: u8,
}

impl Wake for Note {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notes.woken.fetch_or(self.bit, Ordering::AcqRel);
        // A waker that panicked was still a waker.
        let task = self.notes.task.lock();
        task.unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

/// The sources that have to be asked.
#[derive(Debug)]
pub(super) struct Wakeups {
    notes: Arc<Notes>,
    wakers: [Waker; SOURCES.len()],
    task: Waker,
    open: u8,
}

impl Wakeups {
    /// Every source has to be asked once.
    pub(super) fn new() -> Self {
        let notes = Arc::new(Notes {
            woken: AtomicU8::new(SOURCES.iter().fold(0, |bits, source| bits | source.bit())),
            task: Mutex::new(Waker::noop().clone()),
        });
        let wakers = SOURCES.map(|source| {
            let notes = Arc::clone(&notes);
            let bit = source.bit();
            Waker::from(Arc::new(Note { notes, bit }))
        });
        Self {
            notes,
            wakers,
            task: Waker::noop().clone(),
            open: 0,
        }
    }

    /// Takes in who was woken, and has this task woken from now on.
    pub(super) fn collect(&mut self, cx: &Context<'_>) {
        if !self.task.will_wake(cx.waker()) {
            self.task.clone_from(cx.waker());
            let mut task = self
                .notes
                .task
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            task.clone_from(&self.task);
        }
        self.open |= self.notes.woken.swap(0, Ordering::AcqRel);
    }

    /// Whether the source has to be asked.
    pub(super) const fn is_open(&self, source: Source) -> bool {
        self.open & source.bit() != 0
    }

    /// The source has nothing more until it wakes its waker.
    pub(super) const fn settle(&mut self, source: Source) {
        self.open &= !source.bit();
    }

    /// The source changed and has to be asked again.
    pub(super) const fn reopen(&mut self, source: Source) {
        self.open |= source.bit();
    }

    /// What wakes the source.
    pub(super) const fn waker(&self, source: Source) -> &Waker {
        &self.wakers[source as usize]
    }
}

/// Something was sent to this side and may still be on its way.
#[derive(Debug, Default)]
pub(super) struct Unflushed {
    pub(super) caller: bool,
    pub(super) ai: bool,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_source_that_was_woken_is_asked() {
        let mut wakeups = Wakeups::new();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        wakeups.collect(&cx);
        for source in SOURCES {
            assert!(wakeups.is_open(source), "at the beginning all are asked");
            wakeups.settle(source);
        }
        wakeups.waker(Source::Ai).wake_by_ref();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        wakeups.collect(&cx);
        assert!(wakeups.is_open(Source::Ai));
        assert!(!wakeups.is_open(Source::Timer) && !wakeups.is_open(Source::Rest));
        wakeups.collect(&cx);
        assert!(wakeups.is_open(Source::Ai), "until it has nothing more");
    }

    #[test]
    fn the_task_may_move() {
        let mut wakeups = Wakeups::new();
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        for count in [&first, &second] {
            let waker = Waker::from(Arc::clone(count));
            wakeups.collect(&Context::from_waker(&waker));
        }
        wakeups.waker(Source::Timer).wake_by_ref();
        let seen = [&first, &second].map(|count| count.0.load(Ordering::Relaxed));
        assert_eq!(seen, [0, 1]);
    }
}
