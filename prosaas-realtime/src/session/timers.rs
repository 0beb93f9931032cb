//! Everything a call waits for, in one small table.

use prosaas_core::time::CallTime;

/// One thing a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Timer {
    /// The AI leg to be ready.
    AiReady,
    /// The model to answer after the caller's turn, or after it was asked to.
    Reply,
    /// A refused reply to be asked for again.
    RetryReply,
    /// A lost AI leg to be opened again.
    Reopen,
    /// Caller frames to arrive while the caller is speaking.
    Stall,
    /// Anybody to say anything.
    Idle,
    /// The time to warn the model that the call's longest time is near.
    MaxWarning,
    /// The call's longest time.
    MaxCall,
    /// The next key.
    Dtmf,
    /// The AI leg's longest life.
    Handover,
    /// The greeting to be heard, before caller audio is let through.
    Greeting,
    /// The agent's last words to be heard.
    Closing,
    /// Outstanding texts after the caller hung up.
    HangUp,
    /// The text of a caller's turn.
    Transcript,
    /// Speech to last long enough to count as an interruption.
    BargeIn,
    /// The model to keep the caller waiting for too long.
    Hold,
    /// The caller to go on, or the text of his turn to come.
    TurnEnd,
}

const COUNT: usize = Timer::TurnEnd as usize + 1;

const ALL: [Timer; COUNT] = [
    Timer::AiReady,
    Timer::Reply,
    Timer::RetryReply,
    Timer::Reopen,
    Timer::Stall,
    Timer::Idle,
    Timer::MaxWarning,
    Timer::MaxCall,
    Timer::Dtmf,
    Timer::Handover,
    Timer::Greeting,
    Timer::Closing,
    Timer::HangUp,
    Timer::Transcript,
    Timer::BargeIn,
    Timer::Hold,
    Timer::TurnEnd,
];

/// Deadlines by timer.
#[derive(Debug, Default)]
pub struct Timers([Option<CallTime>; COUNT]);

impl Timers {
    /// Sets or moves a deadline.
    pub fn set(&mut self, timer: Timer, at: CallTime) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets a deadline unless one is set: cheap to call for every frame.
    pub fn set_if_unset(&mut self, timer: Timer, at: CallTime) {
        self.0[timer as usize].get_or_insert(at);
    }

    /// Sets a deadline, unless an earlier one is set.
    pub fn bring_forward(&mut self, timer: Timer, at: CallTime) {
        let set = self.0[timer as usize].get_or_insert(at);
        *set = at.min(*set);
    }

    /// Takes a deadline away.
    pub fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// Whether a deadline is set.
    pub fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    /// Takes all deadlines away.
    pub fn stop_all(&mut self) {
        self.0 = [None; COUNT];
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<CallTime> {
        self.0.iter().flatten().copied().min()
    }

    /// Takes one timer whose deadline has come, in the order of the enum.
    pub fn take_due(&mut self, now: CallTime) -> Option<Timer> {
        let due = ALL
            .into_iter()
            .find(|t| self.0[*t as usize].is_some_and(|at| at <= now))?;
        self.stop(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_timers_come_out_once() {
        let mut timers = Timers::default();
        timers.set(Timer::Idle, CallTime(5));
        timers.set(Timer::MaxCall, CallTime(9));
        timers.set_if_unset(Timer::Idle, CallTime(100));
        timers.bring_forward(Timer::MaxCall, CallTime(8));
        timers.bring_forward(Timer::MaxCall, CallTime(50));
        assert_eq!(timers.next(), Some(CallTime(5)));
        assert_eq!(timers.take_due(CallTime(5)), Some(Timer::Idle));
        assert_eq!(timers.take_due(CallTime(5)), None);
        assert_eq!(timers.next(), Some(CallTime(8)));
    }

    #[test]
    fn the_list_names_every_timer_in_its_place() {
        for (index, timer) in ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }
}
