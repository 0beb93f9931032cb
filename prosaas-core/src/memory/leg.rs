//! A [`TelephonyLeg`] whose caller is a test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::lock;
use crate::leg::{LegClosed, LegCommand, LegEvent, MarkId, TelephonyLeg};

/// The carrier's side of a call, played by a [`CallerHandle`].
///
/// Nothing is paced: an event is there as soon as the handle pushed it. Marks come back when the
/// handle says so, or at once with [`MemoryLeg::echoing_marks`].
#[derive(Debug)]
pub struct MemoryLeg {
    shared: Arc<Mutex<Shared>>,
}

/// The test's end of a [`MemoryLeg`].
#[derive(Clone, Debug)]
pub struct CallerHandle {
    shared: Arc<Mutex<Shared>>,
}

/// A command that the leg was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedLegCommand {
    /// Audio to be played; pieces sent one after the other are one entry.
    Audio(Vec<u8>),
    /// A mark.
    Mark(MarkId),
    /// Everything not yet played was dropped.
    Clear,
}

#[derive(Debug, Default)]
struct Shared {
    events: VecDeque<(LegEvent, Vec<u8>)>,
    commands: Vec<RecordedLegCommand>,
    waker: Option<Waker>,
    echo_marks: bool,
    stalled: bool,
    dropped: bool,
}

impl MemoryLeg {
    /// A leg, and the caller at its other end.
    pub fn pair() -> (Self, CallerHandle) {
        let shared = Arc::new(Mutex::new(Shared::default()));
        (
            Self {
                shared: Arc::clone(&shared),
            },
            CallerHandle { shared },
        )
    }

    /// Every mark comes back at once, as if audio were played in no time.
    #[must_use]
    pub fn echoing_marks(self) -> Self {
        lock(&self.shared).echo_marks = true;
        self
    }
}

impl CallerHandle {
    /// The caller speaks: mu-law bytes, with the carrier's timestamp in milliseconds.
    pub fn speak(&self, timestamp_ms: u64, audio: &[u8]) {
        self.push_with(
            LegEvent::Audio {
                timestamp_ms: Some(timestamp_ms),
            },
            audio.to_vec(),
        );
    }

    /// The carrier reports something other than audio.
    pub fn push(&self, event: LegEvent) {
        self.push_with(event, Vec::new());
    }

    /// The caller hangs up.
    pub fn hang_up(&self) {
        self.push(LegEvent::Stopped);
    }

    /// From now on the carrier reads nothing: every command fails.
    pub fn stall(&self) {
        lock(&self.shared).stalled = true;
    }

    /// What the leg was told so far, oldest first.
    pub fn commands(&self) -> Vec<RecordedLegCommand> {
        lock(&self.shared).commands.clone()
    }

    /// What the leg was told since the last time it was taken.
    pub fn take_commands(&self) -> Vec<RecordedLegCommand> {
        std::mem::take(&mut lock(&self.shared).commands)
    }

    /// Whether our side dropped the leg, which hangs up.
    pub fn is_dropped(&self) -> bool {
        lock(&self.shared).dropped
    }

    fn push_with(&self, event: LegEvent, audio: Vec<u8>) {
        let waker = {
            let mut shared = lock(&self.shared);
            shared.events.push_back((event, audio));
            shared.waker.take()
        };
        // Outside the lock: a waker may run anything, even the poll that takes the lock again.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl TelephonyLeg for MemoryLeg {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<LegEvent> {
        let mut shared = lock(&self.shared);
        if let Some((event, bytes)) = shared.events.pop_front() {
            audio.extend_from_slice(&bytes);
            return Poll::Ready(event);
        }
        shared.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn send(&mut self, command: LegCommand<'_>) -> Result<(), LegClosed> {
        let mut shared = lock(&self.shared);
        if shared.stalled {
            return Err(LegClosed);
        }
        match command {
            LegCommand::Audio(bytes) => {
                if let Some(RecordedLegCommand::Audio(earlier)) = shared.commands.last_mut() {
                    earlier.extend_from_slice(bytes);
                } else {
                    shared
                        .commands
                        .push(RecordedLegCommand::Audio(bytes.to_vec()));
                }
            }
            LegCommand::Mark(mark) => {
                shared.commands.push(RecordedLegCommand::Mark(mark));
                if shared.echo_marks {
                    shared.events.push_back((LegEvent::Mark(mark), Vec::new()));
                    let waker = shared.waker.take();
                    drop(shared);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
            }
            LegCommand::Clear => shared.commands.push(RecordedLegCommand::Clear),
        }
        Ok(())
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        Poll::Ready(if lock(&self.shared).stalled {
            Err(LegClosed)
        } else {
            Ok(())
        })
    }
}

impl Drop for MemoryLeg {
    fn drop(&mut self) {
        lock(&self.shared).dropped = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct CountWakes(AtomicUsize);

    impl Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_event_wakes_whoever_polled_last_and_only_once() {
        let (mut leg, caller) = MemoryLeg::pair();
        let (first, second) = (
            Arc::new(CountWakes::default()),
            Arc::new(CountWakes::default()),
        );
        let mut audio = Vec::new();
        for wakes in [&first, &second] {
            let waker = Waker::from(Arc::clone(wakes));
            let polled = leg.poll_event(&mut Context::from_waker(&waker), &mut audio);
            assert!(polled.is_pending());
        }
        caller.speak(0, &[1, 2]);
        caller.speak(20, &[3]);
        assert_eq!(
            (
                first.0.load(Ordering::SeqCst),
                second.0.load(Ordering::SeqCst)
            ),
            (0, 1)
        );

        let mut cx = Context::from_waker(Waker::noop());
        let event = |at| {
            Poll::Ready(LegEvent::Audio {
                timestamp_ms: Some(at),
            })
        };
        assert_eq!(leg.poll_event(&mut cx, &mut audio), event(0));
        assert_eq!(leg.poll_event(&mut cx, &mut audio), event(20));
        assert_eq!(audio, [1, 2, 3]);
        assert!(leg.poll_event(&mut cx, &mut audio).is_pending());
    }

    #[test]
    fn commands_are_kept_and_marks_come_back() {
        let (leg, caller) = MemoryLeg::pair();
        let mut leg = leg.echoing_marks();
        let mark = MarkId {
            generation: 0,
            seq: 1,
        };
        leg.send(LegCommand::Audio(&[1])).unwrap();
        leg.send(LegCommand::Audio(&[2])).unwrap();
        leg.send(LegCommand::Mark(mark)).unwrap();
        leg.send(LegCommand::Clear).unwrap();
        let expected = [
            RecordedLegCommand::Audio(vec![1, 2]),
            RecordedLegCommand::Mark(mark),
            RecordedLegCommand::Clear,
        ];
        assert_eq!(caller.take_commands(), expected);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(
            leg.poll_event(&mut cx, &mut Vec::new()),
            Poll::Ready(LegEvent::Mark(mark))
        );

        caller.stall();
        assert_eq!(leg.send(LegCommand::Clear), Err(LegClosed));
        drop(leg);
        assert!(caller.is_dropped());
    }
}
