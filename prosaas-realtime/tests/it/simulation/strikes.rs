//! Faults that strike at a moment of their own, as soon as there is an occasion for them.

use prosaas_core::leg::{AiErrorKind, AiEvent, LegEvent, MarkId};
use prosaas_realtime::session::{CallSession, Control};

use super::carrier::LAST_ITEM;
use super::fault::Fault;
use super::world::{Happening, World, error};

/// So many messages that nobody understands, with nothing between them, and a leg is given up.
const MALFORMED: u32 = 50;
/// More keys than anybody enters.
const KEYS: usize = 200;

impl World {
    /// Looks whether a fault has its occasion.
    pub(super) fn strike(&mut self) {
        if self.line.gone {
            return;
        }
        for fault in self.plan.waiting(self.now) {
            if self.has_occasion(fault) && self.plan.take(fault, self.now) {
                self.happen_to_carrier(fault);
                self.happen_to_leg(fault);
                self.happen_to_process(fault);
            }
        }
    }

    /// Whether what a fault needs is there. Faults that wait for something else to ask for them never have one here.
    fn has_occasion(&self, fault: Fault) -> bool {
        let now = self.now;
        let serves = self.leg.as_ref().is_some_and(|leg| leg.ready);
        let agent = self.line.sounds(now).is_some_and(|tag| tag <= LAST_ITEM);
        let caller = self.mic.speaks(now);
        let idle = self.leg.as_ref().is_some_and(|leg| leg.active.is_none());
        match fault {
            Fault::CarrierLost
            | Fault::CallerHangsUp
            | Fault::CarrierMalformed
            | Fault::MarksUnknown
            | Fault::KeysFlood
            | Fault::ProcessPaused
            | Fault::SocketTakenOver
            | Fault::ServerStops
            | Fault::CallEndedByStaff
            | Fault::MessagesFlood => now > 0,
            Fault::AccountRefused
            | Fault::SessionExpires
            | Fault::UnknownEvents
            | Fault::ModelMalformed => serves,
            Fault::DroppedWhileAgentSpeaks => serves && agent,
            Fault::DroppedWhileCallerSpeaks => serves && caller,
            Fault::DroppedBetween => serves && idle && !agent && !caller,
            Fault::DroppedInToolCall => serves && self.tools.running > 0,
            _ => false,
        }
    }

    fn happen_to_carrier(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::CarrierLost => self.caller_goes(LegEvent::Lost),
            Fault::CallerHangsUp => self.caller_goes(LegEvent::Stopped),
            Fault::CarrierMalformed => {
                for _ in 0..self.dice.between(1, 40) {
                    self.schedule(now, Happening::Caller(LegEvent::Malformed));
                }
            }
            Fault::MarksUnknown => {
                for generation in 0..4 {
                    let seq = self.dice.between(10_000, 20_000) as u32;
                    let mark = LegEvent::Mark(MarkId { generation, seq });
                    self.schedule(now, Happening::Caller(mark));
                }
            }
            Fault::KeysFlood => {
                for key in "0123456789*#".chars().cycle().take(KEYS) {
                    let at = now + self.dice.roll(3_000);
                    self.schedule(at, Happening::Caller(LegEvent::Dtmf(key)));
                }
            }
            _ => {}
        }
    }

    fn happen_to_leg(&mut self, fault: Fault) {
        let now = self.now;
        match fault {
            Fault::AccountRefused => {
                let refused = error(AiErrorKind::Account, None);
                self.say(now, AiEvent::Failed(refused));
            }
            Fault::SessionExpires => {
                let expired = error(AiErrorKind::SessionExpired, None);
                self.say(now, AiEvent::Failed(expired));
            }
            Fault::UnknownEvents => {
                for _ in 0..20 {
                    let kind = "session.dreams".to_owned();
                    self.say(now, AiEvent::Unknown { kind });
                }
            }
            Fault::ModelMalformed => {
                for _ in 0..MALFORMED {
                    self.say(now, AiEvent::Malformed);
                }
            }
            Fault::DroppedWhileAgentSpeaks
            | Fault::DroppedWhileCallerSpeaks
            | Fault::DroppedBetween
            | Fault::DroppedInToolCall => self.say(now, AiEvent::Closed),
            _ => {}
        }
    }

    fn happen_to_process(&mut self, fault: Fault) {
        let now = self.now;
        let control = match fault {
            Fault::SocketTakenOver => Control::TakenOver,
            Fault::ServerStops => Control::Shutdown,
            Fault::CallEndedByStaff => Control::EndCall,
            Fault::MessagesFlood => {
                for _ in 0..CallSession::MAX_WRITTEN_MESSAGES {
                    let text = "bring the key".to_owned();
                    self.schedule(now, Happening::Control(Control::Whispered(text)));
                }
                Control::CallerWrote("one too many".to_owned())
            }
            Fault::ProcessPaused => {
                let until = now + self.dice.between(200, 2_500);
                self.freeze(until);
                return;
            }
            _ => return,
        };
        self.schedule(now, Happening::Control(control));
    }
}
