//! The model's side of a conversation.

use std::collections::{HashMap, VecDeque};
use std::task::Waker;

use super::script::{Emit, RecordedAiCommand, Step, Trigger};
use crate::agent::AgentBrief;
use crate::audio_bridge::AiCapabilities;
use crate::leg::{
    AiCommand, AiError, AiErrorKind, AiEvent, BYTES_PER_MS, ItemId, ReplyEnd, ReplyId, RequestId,
};
use crate::money::Usage;

/// A reply given whenever no step answers.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) text: String,
    pub(super) audio: Vec<u8>,
}

/// One conversation as the model's side knows it.
#[derive(Debug)]
pub(super) struct Model {
    capabilities: AiCapabilities,
    pub(super) brief: AgentBrief,
    script: Vec<Step>,
    standing: Option<Standing>,
    pub(super) events: VecDeque<Emit>,
    pub(super) commands: Vec<RecordedAiCommand>,
    /// The reply whose end was not reported yet.
    pub(super) active: Option<ReplyId>,
    next_id: u32,
    /// Audio bytes reported so far.
    pub(super) sent: HashMap<(ItemId, u32), usize>,
    pub(super) waker: Option<Waker>,
    pub(super) stalled: bool,
    pub(super) dropped: bool,
}

impl Model {
    pub(super) fn new(
        brief: AgentBrief,
        capabilities: AiCapabilities,
        script: Vec<Step>,
        standing: Option<Standing>,
    ) -> Self {
        Self {
            capabilities,
            brief,
            script,
            standing,
            events: VecDeque::new(),
            commands: Vec::new(),
            active: None,
            // Far from the small numbers that scripts like to use.
            next_id: 1_000,
            sent: HashMap::new(),
            waker: None,
            stalled: false,
            dropped: false,
        }
    }

    pub(super) fn push(&mut self, emit: Emit) {
        if let AiEvent::ReplyStarted { reply } = emit.event {
            self.active = Some(reply);
        }
        self.events.push_back(emit);
    }

    /// Lets the first step with this trigger happen, if there is one.
    pub(super) fn play(&mut self, on: Trigger) -> bool {
        let Some(at) = self.script.iter().position(|step| step.on == on) else {
            return false;
        };
        for emit in self.script.remove(at).emit {
            self.push(emit);
        }
        true
    }

    fn fail(&mut self, kind: AiErrorKind, request: RequestId, message: &str) {
        let (code, message) = (String::new(), message.to_owned());
        self.push(
            AiEvent::Failed(AiError {
                kind,
                code,
                message,
                request: Some(request),
            })
            .into(),
        );
    }

    fn request_reply(&mut self, request: RequestId) {
        if self.play(Trigger::ReplyRequested) {
            return;
        }
        let Some(Standing { text, audio }) = self.standing.clone() else {
            return;
        };
        if self.active.is_some() {
            self.fail(
                AiErrorKind::ReplyActive,
                request,
                "a reply is still being said",
            );
            return;
        }
        let (reply, item) = (ReplyId(self.next_id), ItemId(self.next_id));
        self.next_id += 1;
        self.push(AiEvent::ReplyStarted { reply }.into());
        self.push(
            AiEvent::AgentText {
                reply,
                item,
                text,
                whole: true,
            }
            .into(),
        );
        for piece in audio.chunks(100 * BYTES_PER_MS) {
            self.push(Emit::audio(reply, item, piece.to_vec()));
        }
        let usage = Usage::default();
        self.push(
            AiEvent::ReplyEnded {
                reply,
                end: ReplyEnd::Completed,
                usage,
            }
            .into(),
        );
    }

    fn cancel_reply(&mut self, request: RequestId, reply: ReplyId) {
        if self.active == Some(reply) {
            self.events
                .retain(|emit| reply_of(&emit.event) != Some(reply));
            let usage = Usage::default();
            self.push(
                AiEvent::ReplyEnded {
                    reply,
                    end: ReplyEnd::Cancelled,
                    usage,
                }
                .into(),
            );
        } else {
            self.fail(
                AiErrorKind::NothingToCancel,
                request,
                "nothing is being said",
            );
        }
        self.play(Trigger::ReplyCancelled);
    }

    fn truncate(&mut self, request: RequestId, item: ItemId, content: u32, played_ms: u64) {
        let sent_ms = self
            .sent
            .get(&(item, content))
            .map_or(0, |bytes| bytes / BYTES_PER_MS);
        if played_ms > sent_ms as u64 {
            self.fail(
                AiErrorKind::TruncateRefused,
                request,
                "less audio than that was sent",
            );
        }
        self.play(Trigger::Truncated);
    }

    pub(super) fn obey(&mut self, command: &AiCommand<'_>) {
        match *command {
            AiCommand::Audio(bytes) => {
                if let Some(RecordedAiCommand::Audio(earlier)) = self.commands.last_mut() {
                    earlier.extend_from_slice(bytes);
                } else {
                    self.commands.push(RecordedAiCommand::Audio(bytes.to_vec()));
                }
                self.play(Trigger::CallerAudio);
            }
            AiCommand::RequestReply {
                request,
                instructions,
            } => {
                let instructions = instructions.map(str::to_owned);
                self.commands
                    .push(RecordedAiCommand::RequestReply(instructions));
                self.request_reply(request);
            }
            AiCommand::CancelReply { request, reply } => {
                self.commands.push(RecordedAiCommand::CancelReply(reply));
                if self.capabilities.can_cancel {
                    self.cancel_reply(request, reply);
                }
            }
            AiCommand::Truncate {
                request,
                item,
                content,
                played_ms,
            } => {
                self.commands
                    .push(RecordedAiCommand::Truncate { item, played_ms });
                if self.capabilities.can_truncate {
                    self.truncate(request, item, content, played_ms);
                }
            }
            AiCommand::ToolOutput { call, output } => {
                let (call, output) = (call.to_owned(), output.to_owned());
                self.commands
                    .push(RecordedAiCommand::ToolOutput { call, output });
                self.play(Trigger::ToolOutput);
            }
            AiCommand::CallerNote(note) => {
                self.commands
                    .push(RecordedAiCommand::CallerNote(note.to_owned()));
                self.play(Trigger::Note);
            }
            AiCommand::SystemNote(note) => {
                self.commands
                    .push(RecordedAiCommand::SystemNote(note.to_owned()));
                self.play(Trigger::Note);
            }
        }
    }
}

/// The reply that an event is part of.
const fn reply_of(event: &AiEvent) -> Option<ReplyId> {
    match event {
        AiEvent::ReplyStarted { reply }
        | AiEvent::Audio { reply, .. }
        | AiEvent::AgentText { reply, .. }
        | AiEvent::ToolCall { reply, .. }
        | AiEvent::ReplyEnded { reply, .. } => Some(*reply),
        _ => None,
    }
}
