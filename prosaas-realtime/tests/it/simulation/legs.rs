//! Opening legs: the first one, those after a loss, and the one that takes over while another serves.

use prosaas_core::leg::{AiErrorKind, AiEvent};
use prosaas_realtime::session::Event;

use super::fault::Fault;
use super::model::Leg;
use super::world::{Happening, World, error};

impl World {
    fn next_leg(&mut self) -> Leg {
        self.legs += 1;
        Leg::new(self.legs)
    }

    /// The shell opens a leg; an open one is dropped first.
    pub(super) fn open(&mut self) {
        let now = self.now;
        let leg = self.next_leg();
        let number = leg.number;
        self.leg = Some(leg);
        let opened = now + self.dice.between(20, 300);
        if self.plan.take(Fault::OpeningHangs, now) {
            return;
        }
        let refusals = [
            (Fault::OpeningRefused, AiErrorKind::Connect),
            (Fault::OpeningRefusedForGood, AiErrorKind::Account),
        ];
        for (fault, kind) in refusals {
            if self.plan.take(fault, now) {
                self.schedule(opened, Happening::OpenFailed(number, kind));
                return;
            }
        }
        self.schedule(opened, Happening::Opened(number));
        let ready = opened + self.dice.roll(300);
        self.say(ready, AiEvent::Ready);
        self.say_expired(ready);
    }

    /// The leg that serves from then on is over when its longest life is.
    fn say_expired(&mut self, from: u64) {
        if let Some(max_ms) = self.max_leg_ms {
            let expired = error(AiErrorKind::SessionExpired, None);
            self.say(from + max_ms, AiEvent::Failed(expired));
        }
    }

    /// The shell opens a leg beside the present one.
    pub(super) fn open_spare(&mut self) {
        let now = self.now;
        let leg = self.next_leg();
        let number = leg.number;
        self.spare = Some(leg);
        let opened = now + self.dice.between(50, 600);
        if self.plan.take(Fault::HandoverSpokenOver, now) {
            let lasts = self.dice.between(400, 1_500);
            self.caller_speaks(lasts);
        }
        if self.plan.take(Fault::HandoverHangs, now) {
            return;
        }
        let what = if self.plan.take(Fault::HandoverRefused, now) {
            Happening::SpareFailed(number)
        } else {
            Happening::SpareReady(number)
        };
        self.schedule(opened, what);
    }

    pub(super) fn spare_ready(&mut self) {
        if let Some(spare) = &mut self.spare {
            spare.ready = true;
        }
        self.feed(Event::SpareAiReady);
    }

    /// The other leg takes the place of the present one.
    pub(super) fn use_spare(&mut self) {
        let spare = self.spare.take().filter(|spare| spare.ready);
        if spare.is_none() {
            self.book
                .wrong("a leg that is not ready took over".to_owned());
        }
        self.leg = spare;
        self.book.handovers += 1;
        let now = self.now;
        self.say_expired(now);
        if self.plan.take(Fault::HandoverLegLost, now) {
            self.say(now + 80, AiEvent::Closed);
        }
    }
}
