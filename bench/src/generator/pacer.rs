//! The 20 ms clock of all callers, finer than the runtime's.
//!
//! Tokio's timers tick in whole milliseconds: a hundred calls would send their frames five at a
//! time, and every subject would look cheaper than it is, because one wake-up would serve five
//! frames. Real calls come from independent carriers. So one thread sleeps to the exact moment of
//! each call's frame and wakes that call's task.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, Weak},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{rig::lock, stamp::FRAME_MS};

const FRAME_NS: u64 = FRAME_MS * 1_000_000;
/// New calls are noticed at the latest after this.
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

/// A call's clock: stops when it is dropped.
#[derive(Debug)]
pub struct Ticks {
    notify: Arc<Notify>,
}

impl Ticks {
    /// Waits for the next tick. Cancel safe; ticks that nobody waited for become one.
    pub async fn tick(&self) {
        self.notify.notified().await;
    }
}

#[derive(Debug, Default)]
struct Shared {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
    calls: std::collections::HashMap<u32, Weak<Notify>>,
    next: u32,
    stopped: bool,
}

impl Shared {
    /// Wakes every call that is due and returns when the next one is.
    fn wake_due(&mut self, now_ns: u64) -> Option<u64> {
        while let Some(&Reverse((due, key))) = self.heap.peek() {
            if due > now_ns {
                return Some(due);
            }
            self.heap.pop();
            match self.calls.get(&key).and_then(Weak::upgrade) {
                Some(notify) => {
                    notify.notify_one();
                    self.heap.push(Reverse((due + FRAME_NS, key)));
                }
                None => drop(self.calls.remove(&key)),
            }
        }
        None
    }
}

/// The thread that keeps the clocks.
#[derive(Debug)]
pub struct Pacer {
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts the thread; times are nanoseconds since `epoch`.
    pub fn start(epoch: Instant) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || keep_time(epoch, &shared)
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// A clock that ticks every 20 ms from `first_ns` on.
    pub fn ticks(&self, first_ns: u64) -> Ticks {
        let notify = Arc::new(Notify::new());
        let mut shared = lock(&self.shared);
        let key = shared.next;
        shared.next = key.wrapping_add(1);
        shared.calls.insert(key, Arc::downgrade(&notify));
        shared.heap.push(Reverse((first_ns, key)));
        drop(shared);
        Ticks { notify }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        lock(&self.shared).stopped = true;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn keep_time(epoch: Instant, shared: &Mutex<Shared>) {
    loop {
        let now_ns = epoch.elapsed().as_nanos() as u64;
        let next = {
            let mut shared = lock(shared);
            if shared.stopped {
                return;
            }
            shared.wake_due(now_ns)
        };
        let wait = next.map_or(LONGEST_SLEEP, |next| {
            let now_ns = epoch.elapsed().as_nanos() as u64;
            Duration::from_nanos(next.saturating_sub(now_ns)).min(LONGEST_SLEEP)
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "this thread is a clock: time is what it waits for"
        )]
        std::thread::sleep(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_keeps_its_own_phase_and_a_dropped_one_leaves() {
        let mut shared = Shared::default();
        let calls = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        for (key, call) in (0..).zip(&calls) {
            shared.calls.insert(key, Arc::downgrade(call));
            shared.heap.push(Reverse((100 + u64::from(key), key)));
        }
        assert_eq!(shared.wake_due(99), Some(100));
        assert_eq!(shared.wake_due(100), Some(101));
        assert_eq!(shared.wake_due(101), Some(100 + FRAME_NS));
        drop(calls);
        assert_eq!(shared.wake_due(200 + FRAME_NS), None);
        assert!(shared.calls.is_empty());
    }
}
