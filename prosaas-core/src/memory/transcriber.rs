//! A [`Transcriber`] for tests.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::error::{Error, Result};
use crate::money::Usage;
use crate::transcriber::{Heard, Speech, Transcriber};

/// Hears what it was told to hear, in turn, and keeps what it was given.
#[derive(Debug, Default)]
pub struct MemoryTranscriber {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: VecDeque<Result<String>>,
    asked: Vec<Speech>,
}

impl MemoryTranscriber {
    /// What is heard in the next file; without any it fails with `Unavailable`.
    pub fn push(&self, words: Result<String>) {
        lock(&self.state).next.push_back(words);
    }

    /// What it was given, oldest first.
    pub fn asked(&self) -> Vec<Speech> {
        lock(&self.state).asked.clone()
    }
}

#[async_trait]
impl Transcriber for MemoryTranscriber {
    fn most_bytes(&self) -> u64 {
        1_000_000
    }

    async fn transcribe(&self, speech: Speech) -> Result<Heard> {
        let mut state = lock(&self.state);
        state.asked.push(speech);
        let words = state.next.pop_front().unwrap_or_else(|| {
            let nothing = "this MemoryTranscriber was told nothing";
            Err(Error::unavailable("transcription", nothing))
        });
        words.map(|text| Heard {
            text,
            usage: Usage::default(),
        })
    }
}
