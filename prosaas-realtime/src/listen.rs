//! Listening in on a call: both sides as they are heard, for people of the business.
//!
//! Nobody listens to most calls, and those cost one load of a flag per frame. Who listens too slowly misses sound;
//! no call ever waits for him.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use prosaas_core::leg::SILENCE;
use tokio::sync::mpsc;

use crate::audio::g711;

/// How many may listen to one call at once.
pub const MAX_LISTENERS: usize = 4;
/// How many pieces wait for the slowest of them: two seconds of frames.
const WAITING: usize = 100;
/// The most agent audio that is kept for later, in bytes of mu-law: what the carrier has not played yet.
const MAX_AHEAD: usize = 16_000;

/// A piece of what is heard in a call: mu-law, 8 kHz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// From the caller, as it came.
    Caller(Bytes),
    /// To the caller, somewhat ahead of when it is played.
    Agent(Bytes),
    /// What was not played yet never will be.
    Cleared,
}

/// Those who listen to a call.
#[derive(Debug, Default)]
pub struct Listeners {
    are_there: AtomicBool,
    ears: Mutex<Ears>,
}

#[derive(Debug, Default)]
struct Ears {
    open: Vec<mpsc::Sender<Sound>>,
    is_over: bool,
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Ears> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens from here on; `None` when the call is over or [`MAX_LISTENERS`] do already.
    pub fn listen(&self) -> Option<mpsc::Receiver<Sound>> {
        let mut ears = self.lock();
        ears.open.retain(|ear| !ear.is_closed());
        if ears.is_over || ears.open.len() >= MAX_LISTENERS {
            return None;
        }
        let (ear, heard) = mpsc::channel(WAITING);
        ears.open.push(ear);
        self.are_there.store(true, Ordering::Relaxed);
        Some(heard)
    }

    fn tell(&self, sound: impl FnOnce() -> Sound) {
        if !self.are_there.load(Ordering::Relaxed) {
            return;
        }
        let mut ears = self.lock();
        let sound = sound();
        ears.open.retain(|ear| {
            let told = ear.try_send(sound.clone());
            !matches!(told, Err(mpsc::error::TrySendError::Closed(_)))
        });
        self.are_there
            .store(!ears.open.is_empty(), Ordering::Relaxed);
    }

    fn close(&self) {
        let mut ears = self.lock();
        ears.is_over = true;
        ears.open.clear();
        self.are_there.store(false, Ordering::Relaxed);
    }
}

/// The call's end of it. Dropped, it ends what its listeners hear.
#[derive(Debug)]
pub(crate) struct Heard(pub(crate) Option<Arc<Listeners>>);

impl Heard {
    pub(crate) fn tell(&self, sound: impl FnOnce() -> Sound) {
        if let Some(listeners) = &self.0 {
            listeners.tell(sound);
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        if let Some(listeners) = &self.0 {
            listeners.close();
        }
    }
}

/// Puts both sides together as 16-bit stereo: the caller on the left, the agent on the right. The caller's frames
/// are the clock, for they come as long as the call goes on.
#[derive(Debug, Default)]
pub struct Mix {
    agent: VecDeque<u8>,
}

impl Mix {
    /// The samples that `sound` completes, little-endian; none unless it is the caller's.
    pub fn samples(&mut self, sound: &Sound) -> Vec<u8> {
        match sound {
            Sound::Agent(audio) => {
                self.agent.extend(audio.iter());
                let too_many = self.agent.len().saturating_sub(MAX_AHEAD);
                self.agent.drain(..too_many);
                Vec::new()
            }
            Sound::Cleared => {
                self.agent.clear();
                Vec::new()
            }
            Sound::Caller(audio) => {
                let mut samples = Vec::with_capacity(audio.len() * 4);
                for caller in audio {
                    let agent = self.agent.pop_front().unwrap_or(SILENCE);
                    samples.extend(g711::decode(*caller).to_le_bytes());
                    samples.extend(g711::decode(agent).to_le_bytes());
                }
                samples
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(length: usize) -> Sound {
        Sound::Caller(vec![0x11; length].into())
    }

    #[test]
    fn the_agent_stands_beside_the_caller_until_he_interrupts() {
        let mut mix = Mix::default();
        let agent = Sound::Agent(vec![0x22; 3].into());
        assert!(mix.samples(&agent).is_empty());
        let (left, right, silence) = (
            g711::decode(0x11).to_le_bytes(),
            g711::decode(0x22).to_le_bytes(),
            g711::decode(SILENCE).to_le_bytes(),
        );
        assert_eq!(mix.samples(&caller(2)), [left, right, left, right].concat());
        assert!(mix.samples(&Sound::Cleared).is_empty());
        assert_eq!(mix.samples(&caller(1)), [left, silence].concat());
    }

    #[test]
    fn what_is_too_far_ahead_is_dropped() {
        let mut mix = Mix::default();
        for _ in 0..10 {
            mix.samples(&Sound::Agent(vec![0x22; MAX_AHEAD].into()));
        }
        assert_eq!(mix.agent.len(), MAX_AHEAD);
    }

    #[test]
    fn a_call_has_few_listeners_waits_for_none_and_ends_for_all() {
        let listeners = Arc::new(Listeners::default());
        let call = Heard(Some(Arc::clone(&listeners)));
        call.tell(|| unreachable!("nobody listens"));
        let mut all: Vec<_> = (0..MAX_LISTENERS)
            .map(|_| listeners.listen().unwrap())
            .collect();
        assert!(listeners.listen().is_none());
        for _ in 0..WAITING + 5 {
            call.tell(|| caller(1));
        }
        assert_eq!(all[0].len(), WAITING, "the slow one misses the rest");
        drop(all.pop());
        assert!(listeners.listen().is_some(), "one left");
        drop(call);
        assert!(listeners.listen().is_none(), "the call is over");
        for _ in 0..WAITING {
            assert_eq!(all[0].try_recv(), Ok(caller(1)));
        }
        assert_eq!(
            all[0].try_recv(),
            Err(mpsc::error::TryRecvError::Disconnected)
        );
    }
}
