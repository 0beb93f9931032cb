//! Opens the model's side of a call while the webhook is still being answered, and keeps it for the
//! media socket that follows. It saves the caller two to three seconds of silence.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prosaas_core::{AgentBrief, AiError, AiLeg, AudioBridge, CallSid};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long an opened leg waits for its media socket: as long as the socket's token is valid.
const KEPT: Duration = Duration::from_mins(1);
/// The most legs that wait at once. Calls beyond it open theirs when the socket arrives.
const MAX_WAITING: usize = 1_000;

/// A leg being opened.
pub type PendingLeg = oneshot::Receiver<Result<Box<dyn AiLeg>, AiError>>;

/// Legs that wait for their media sockets, by the carrier's id of the call.
#[derive(Clone)]
pub struct Prewarm {
    waiting: Arc<Mutex<HashMap<CallSid, Waiting>>>,
    tasks: TaskTracker,
}

struct Waiting {
    leg: PendingLeg,
    taken: CancellationToken,
}

impl fmt::Debug for Prewarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prewarm")
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Prewarm {
    /// Runs what it opens on `tasks`.
    pub fn new(tasks: TaskTracker) -> Self {
        Self {
            waiting: Arc::default(),
            tasks,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallSid, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to open a leg for a call, unless one is waiting already.
    pub fn open(&self, call: CallSid, bridge: Arc<dyn AudioBridge>, brief: AgentBrief) {
        let (sender, leg) = oneshot::channel();
        let taken = CancellationToken::new();
        {
            let mut waiting = self.lock();
            if waiting.contains_key(&call) || waiting.len() >= MAX_WAITING {
                return;
            }
            waiting.insert(
                call.clone(),
                Waiting {
                    leg,
                    taken: taken.clone(),
                },
            );
        }
        let prewarm = self.clone();
        self.tasks.spawn(async move {
            let mut sender = sender;
            let opened = tokio::select! {
                opened = bridge.open(brief) => opened,
                // The socket's call ended before the model answered.
                () = sender.closed() => return,
            };
            let _ = sender.send(opened);
            if tokio::time::timeout(KEPT, taken.cancelled()).await.is_err() {
                // Nobody came: dropping the leg closes its connection.
                prewarm.lock().remove(&call);
            }
        });
    }

    /// The leg opened for a call, whether it is ready or not.
    pub fn take(&self, call: &CallSid) -> Option<PendingLeg> {
        let waiting = self.lock().remove(call)?;
        waiting.taken.cancel();
        Some(waiting.leg)
    }

    /// How many legs wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Drops every leg that waits, at the end of the process.
    pub fn clear(&self) {
        for (_, waiting) in self.lock().drain() {
            waiting.taken.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use prosaas_core::leg::{AiErrorKind, LegClosed};
    use prosaas_core::{AiCapabilities, AiCommand, AiEvent, Billing};

    use super::*;

    /// A leg that tells when it is dropped.
    struct Leg(#[expect(dead_code, reason = "its drop is what counts")] oneshot::Sender<()>);

    impl AiLeg for Leg {
        fn poll_event(
            &mut self,
            _: &mut std::task::Context<'_>,
            _: &mut Vec<u8>,
        ) -> std::task::Poll<AiEvent> {
            std::task::Poll::Pending
        }
        fn send(&mut self, _: AiCommand<'_>) -> Result<(), LegClosed> {
            Ok(())
        }
        fn poll_flush(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), LegClosed>> {
            std::task::Poll::Ready(Ok(()))
        }
    }

    #[derive(Default)]
    struct Bridge(Mutex<Vec<oneshot::Sender<()>>>);

    #[async_trait]
    impl AudioBridge for Bridge {
        fn capabilities(&self) -> AiCapabilities {
            AiCapabilities {
                can_truncate: true,
                can_cancel: true,
                takes_requests: true,
                paces_itself: false,
                billing: Billing::Tokens,
                max_leg_ms: None,
            }
        }
        async fn open(&self, _: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
            let next = self.0.lock().unwrap().pop();
            match next {
                Some(dropped) => Ok(Box::new(Leg(dropped))),
                None => Err(AiError {
                    kind: AiErrorKind::Connect,
                    code: String::new(),
                    message: String::new(),
                    request: None,
                }),
            }
        }
    }

    fn sid() -> CallSid {
        format!("CA{}", "1".repeat(32)).parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_leg_nobody_takes_is_closed() {
        let (dropped, on_drop) = oneshot::channel();
        let bridge = Arc::new(Bridge(Mutex::new(vec![dropped])));
        let prewarm = Prewarm::new(TaskTracker::new());
        prewarm.open(sid(), bridge, AgentBrief::default());
        assert_eq!(prewarm.waiting(), 1);
        assert!(
            on_drop.await.is_err(),
            "the leg's sender is dropped with the leg"
        );
        assert_eq!(prewarm.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_leg_is_opened_however_often_the_webhook_arrives() {
        let (dropped, _on_drop) = oneshot::channel();
        let bridge = Arc::new(Bridge(Mutex::new(vec![dropped])));
        let prewarm = Prewarm::new(TaskTracker::new());
        for _ in 0..50 {
            prewarm.open(sid(), Arc::<Bridge>::clone(&bridge), AgentBrief::default());
        }
        assert!(prewarm.take(&sid()).unwrap().await.unwrap().is_ok());
        assert!(prewarm.take(&sid()).is_none());
        assert!(bridge.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_reaches_the_socket_that_asks() {
        let prewarm = Prewarm::new(TaskTracker::new());
        prewarm.open(sid(), Arc::new(Bridge::default()), AgentBrief::default());
        assert!(prewarm.take(&sid()).unwrap().await.unwrap().is_err());
    }
}
