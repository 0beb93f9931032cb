//! Which leg serves a call, and the one that is to take its place.

use std::task::{Context, Poll};

use prosaas_core::leg::TelephonyLeg;

use super::Shell;
use super::ai_side::AiSide;
use crate::session::{CallUpdate, Event};

impl<L: TelephonyLeg> Shell<'_, L> {
    /// The leg beside the present one says nothing but whether it is ready.
    pub(super) fn take_from_spare(&mut self, cx: &mut Context<'_>) -> bool {
        let _entered = self.span.clone().entered();
        match self.spare.poll_ready(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => self.feed(|_| Event::SpareAiReady),
            Poll::Ready(Err(error)) => {
                self.spare = AiSide::None;
                tracing::warn!(kind = ?error.kind, code = %error.code, "the next AI leg could not be opened");
                self.feed(|_| Event::SpareAiFailed);
            }
        }
        true
    }

    /// Tells which model or account serves the call, once when it changes.
    pub(super) fn note_who_serves(&mut self) {
        let AiSide::Open(leg) = &self.ai else {
            return;
        };
        let Some(by) = leg.served_by() else {
            return;
        };
        if self.served_by.last().is_some_and(|(_, last)| last == by) {
            return;
        }
        let (at, by) = (self.now(), by.to_owned());
        self.served_by.push((at, by.clone()));
        drop(self.updates.try_send(CallUpdate::Served { at, by }));
    }
}
