//! Tasks with an owner: whatever the library starts ends with the connection it belongs to.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use whatsapp_rust::Runtime;
use whatsapp_rust::wacore::runtime::AbortHandle;

type Work = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// A set of tasks. All of them end on [`Tasks::end`] or [`Tasks::abort`].
#[derive(Clone)]
pub(crate) struct Tasks {
    /// `None` once ended: what is started then never runs.
    set: Arc<Mutex<Option<JoinSet<()>>>>,
    handle: Handle,
}

impl Tasks {
    /// Tasks on the runtime that this is called on.
    pub(crate) fn here() -> Self {
        Self {
            set: Arc::new(Mutex::new(Some(JoinSet::new()))),
            handle: Handle::current(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a task.
    pub(crate) fn start(&self, work: Work) -> Option<tokio::task::AbortHandle> {
        let mut set = self.lock();
        let set = set.as_mut()?;
        // What has ended is let go of, so that the set holds what runs.
        while set.try_join_next().is_some() {}
        Some(set.spawn_on(work, &self.handle))
    }

    /// Ends all of them and does not wait for it.
    pub(crate) fn abort(&self) {
        let set = self.lock().take();
        drop(set);
    }

    /// Ends all of them and waits until they did. Not to be called from one of them.
    pub(crate) async fn end(&self) {
        let set = self.lock().take();
        if let Some(mut set) = set {
            set.shutdown().await;
        }
    }
}

#[async_trait]
impl Runtime for Tasks {
    fn spawn(&self, work: Work) -> AbortHandle {
        match self.start(work) {
            Some(task) => AbortHandle::new(move || task.abort()),
            None => AbortHandle::noop(),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the library's own timers, on a task of ours"
    )]
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn_blocking(
        &self,
        work: Box<dyn FnOnce() + Send + 'static>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let blocking = self.handle.spawn_blocking(work);
        Box::pin(async move {
            let _ = blocking.await;
        })
    }

    /// The host's runtime may have one thread.
    fn yield_now(&self) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        Some(Box::pin(tokio::task::yield_now()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_runs_ends_with_its_owner_and_nothing_starts_afterwards() {
        let tasks = Tasks::here();
        let (held, gone) = oneshot::channel::<()>();
        tasks.spawn_detached(Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        tasks.end().await;
        assert!(gone.await.is_err(), "the task's own things are dropped");
        let (late, never) = oneshot::channel::<()>();
        tasks.spawn_detached(Box::pin(async move {
            let _ = late.send(());
        }));
        assert!(never.await.is_err());
    }

    #[tokio::test]
    async fn a_handle_ends_its_task_when_it_goes_unless_it_was_detached() {
        let tasks = Tasks::here();
        let (held, gone) = oneshot::channel::<()>();
        let handle = tasks.spawn(Box::pin(async move {
            let _held = held;
            std::future::pending::<()>().await;
        }));
        drop(handle);
        assert!(gone.await.is_err());
        let (send, sent) = oneshot::channel();
        let work = async move {
            let _ = send.send(7);
        };
        tasks.spawn(Box::pin(work)).detach();
        assert_eq!(sent.await, Ok(7));
    }
}
