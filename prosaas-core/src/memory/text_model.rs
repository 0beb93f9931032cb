//! A [`TextModel`] for tests.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;

use super::lock;
use crate::error::{Error, Result};
use crate::money::Usage;
use crate::text_model::{TextModel, TextReply, TextRequest};

/// Gives the answers it was told to give, in turn, and keeps what it was asked.
#[derive(Debug, Default)]
pub struct MemoryTextModel {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    always: Option<TextReply>,
    next: VecDeque<Result<TextReply>>,
    asked: Vec<TextRequest>,
}

impl MemoryTextModel {
    /// A model that gives this answer to every request.
    pub fn answering(value: Value) -> Self {
        let always = Some(TextReply {
            value,
            usage: Usage::default(),
        });
        Self {
            state: Mutex::new(State {
                always,
                ..State::default()
            }),
        }
    }

    /// A model without an answer: every request fails with `Unavailable`.
    pub fn failing() -> Self {
        Self::default()
    }

    /// What to give to the next request, before the standing answer applies again.
    pub fn push(&self, reply: Result<TextReply>) {
        lock(&self.state).next.push_back(reply);
    }

    /// What it was asked, oldest first.
    pub fn asked(&self) -> Vec<TextRequest> {
        lock(&self.state).asked.clone()
    }
}

#[async_trait]
impl TextModel for MemoryTextModel {
    async fn ask(&self, request: TextRequest) -> Result<TextReply> {
        let mut state = lock(&self.state);
        state.asked.push(request);
        match state.next.pop_front() {
            Some(reply) => reply,
            None => state.always.clone().ok_or_else(|| {
                Error::unavailable("text model", "this MemoryTextModel has no answer")
            }),
        }
    }
}
