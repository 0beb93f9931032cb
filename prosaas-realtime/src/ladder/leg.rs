//! A leg that says which rung it stands on, and tells the ladder how it fared.

use std::sync::Arc;
use std::task::{Context, Poll};

use prosaas_core::leg::{AiCommand, AiError, AiErrorKind, AiEvent, AiLeg, LegClosed};
use prosaas_core::time::UnixMillis;

use super::{Shared, Trouble, own_error};

/// A reply that was asked for so long ago and not heard of is no slow one, in milliseconds.
const MUTE_MS: i64 = 3_500;

/// A leg of one rung.
pub(super) struct LadderLeg {
    inner: Box<dyn AiLeg>,
    shared: Arc<Shared>,
    rung: usize,
    /// The business's own key is used: what is wrong with it says nothing about the rung.
    foreign_key: bool,
    /// Ready was seen while the leg was opened, and is reported first.
    ready: bool,
    spoke: bool,
    /// When a reply was asked for of which nothing was heard yet.
    asked_at: Option<UnixMillis>,
}

impl LadderLeg {
    /// Waits until a leg is ready, which a connection alone does not mean.
    ///
    /// # Errors
    /// What the leg said instead.
    pub(super) async fn begin(
        mut inner: Box<dyn AiLeg>,
        shared: Arc<Shared>,
        rung: usize,
        foreign_key: bool,
    ) -> Result<Self, AiError> {
        loop {
            let mut audio = Vec::new();
            match std::future::poll_fn(|cx| inner.poll_event(cx, &mut audio)).await {
                AiEvent::Ready => break,
                AiEvent::Closed => {
                    let message = "the connection was closed before it was ready";
                    return Err(own_error("closed", message));
                }
                AiEvent::Failed(error) if error.kind.ends_leg() => return Err(error),
                _ => {}
            }
        }
        shared.lock().count(rung, true);
        Ok(Self {
            inner,
            shared,
            rung,
            foreign_key,
            ready: true,
            spoke: false,
            asked_at: None,
        })
    }

    fn note(&mut self, event: &AiEvent) {
        match event {
            AiEvent::Audio { .. } if !self.spoke => {
                self.spoke = true;
                self.asked_at = None;
                self.shared.lock().spoke(self.rung);
            }
            AiEvent::Audio { .. } | AiEvent::ReplyEnded { .. } | AiEvent::Failed(_)
                if self.asked_at.is_some() =>
            {
                self.asked_at = None;
                self.note_failure(event);
            }
            AiEvent::Failed(_) => self.note_failure(event),
            AiEvent::Closed if !self.spoke => {
                let error = own_error("closed", "the connection was closed before it spoke");
                self.shared.failed(self.rung, Trouble::Unreachable, &error);
            }
            _ => {}
        }
    }

    fn note_failure(&self, event: &AiEvent) {
        if let AiEvent::Failed(error) = event
            && let Some(trouble) = Trouble::of(error)
            && error.kind != AiErrorKind::Connect
            && !(self.foreign_key && trouble.is_of_the_key())
        {
            self.shared.failed(self.rung, trouble, error);
        }
    }
}

impl AiLeg for LadderLeg {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent> {
        if std::mem::take(&mut self.ready) {
            return Poll::Ready(AiEvent::Ready);
        }
        let event = self.inner.poll_event(cx, audio);
        if let Poll::Ready(event) = &event {
            self.note(event);
        }
        event
    }

    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed> {
        if matches!(command, AiCommand::RequestReply { .. }) {
            self.asked_at.get_or_insert_with(|| self.shared.now());
        }
        self.inner.send(command)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        self.inner.poll_flush(cx)
    }

    fn served_by(&self) -> Option<&str> {
        Some(self.shared.name(self.rung))
    }
}

impl Drop for LadderLeg {
    fn drop(&mut self) {
        self.shared.lock().count(self.rung, false);
        let mute = self
            .asked_at
            .is_some_and(|at| self.shared.now().since(at) >= MUTE_MS);
        if mute {
            let error = own_error("mute", "the model was asked to speak and said nothing");
            self.shared.failed(self.rung, Trouble::Unreachable, &error);
        }
    }
}
