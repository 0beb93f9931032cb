//! An [`AudioBridge`] whose model is a script.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;

use super::lock;
use crate::agent::AgentBrief;
use crate::audio_bridge::{AiCapabilities, AudioBridge, Billing};
use crate::leg::{
    AiCommand, AiError, AiErrorKind, AiEvent, AiLeg, BYTES_PER_MS, ItemId, LegClosed, ReplyEnd,
    ReplyId, RequestId,
};
use crate::money::Usage;

/// One event of a script, with the audio bytes that come with an [`AiEvent::Audio`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emit {
    /// The event.
    pub event: AiEvent,
    /// Its audio, mu-law; empty for every other event.
    pub audio: Vec<u8>,
}

impl Emit {
    /// Audio of a reply.
    pub const fn audio(reply: ReplyId, item: ItemId, audio: Vec<u8>) -> Self {
        Self {
            event: AiEvent::Audio {
                reply,
                item,
                content: 0,
            },
            audio,
        }
    }
}

impl From<AiEvent> for Emit {
    fn from(event: AiEvent) -> Self {
        Self {
            event,
            audio: Vec::new(),
        }
    }
}

/// What makes a [`Step`] happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The leg was opened. Without a step for it, the leg reports [`AiEvent::Ready`].
    Opened,
    /// Caller audio arrived.
    CallerAudio,
    /// A reply was asked for.
    ReplyRequested,
    /// A reply was cancelled.
    ReplyCancelled,
    /// An item was truncated.
    Truncated,
    /// A tool's result arrived.
    ToolOutput,
    /// A note of the caller or the system arrived.
    Note,
}

/// A part of a script: on this, report that. Every step happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What makes it happen. Of several steps with one trigger the first happens first.
    pub on: Trigger,
    /// What is reported, in this order.
    pub emit: Vec<Emit>,
}

impl Step {
    /// On this, report that.
    pub fn new(on: Trigger, emit: impl IntoIterator<Item = Emit>) -> Self {
        Self {
            on,
            emit: emit.into_iter().collect(),
        }
    }
}

/// A command that a leg was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedAiCommand {
    /// Caller audio; pieces sent one after the other are one entry.
    Audio(Vec<u8>),
    /// [`AiCommand::RequestReply`] with its instructions.
    RequestReply(Option<String>),
    /// [`AiCommand::CancelReply`].
    CancelReply(ReplyId),
    /// [`AiCommand::Truncate`].
    Truncate {
        /// The item.
        item: ItemId,
        /// Milliseconds that were played.
        played_ms: u64,
    },
    /// [`AiCommand::ToolOutput`].
    ToolOutput {
        /// The tool call's id.
        call: String,
        /// The result.
        output: String,
    },
    /// [`AiCommand::CallerNote`].
    CallerNote(String),
    /// [`AiCommand::SystemNote`].
    SystemNote(String),
}

/// Opens legs that follow a script, and does what a vendor does where the script is silent.
///
/// A request for a reply that no step answers gets the standing reply of [`MockBridge::talking`], if
/// there is one. A cancelled reply ends as such and what was left of it is dropped. Truncating beyond
/// the audio that was sent is refused, as is cancelling when nothing is said.
#[derive(Debug)]
pub struct MockBridge {
    capabilities: AiCapabilities,
    opening: Opening,
    script: Vec<Step>,
    standing: Option<Standing>,
    opened: Mutex<Vec<AiHandle>>,
}

#[derive(Clone, Debug)]
enum Opening {
    Opens,
    Refuses(AiError),
    Hangs,
}

#[derive(Clone, Debug)]
struct Standing {
    text: String,
    audio: Vec<u8>,
}

impl MockBridge {
    /// Legs that follow these steps and say nothing else.
    pub fn scripted(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            capabilities: AiCapabilities {
                can_truncate: true,
                can_cancel: true,
                takes_requests: true,
                paces_itself: false,
                billing: Billing::Tokens,
                max_leg_ms: None,
            },
            opening: Opening::Opens,
            script: script.into_iter().collect(),
            standing: None,
            opened: Mutex::new(Vec::new()),
        }
    }

    /// Legs that say this, as text and as mu-law audio, whenever a reply is asked for.
    pub fn talking(text: &str, audio: &[u8]) -> Self {
        let standing = Some(Standing {
            text: text.to_owned(),
            audio: audio.to_vec(),
        });
        Self {
            standing,
            ..Self::scripted([])
        }
    }

    /// A bridge whose every [`AudioBridge::open`] fails with this error.
    pub fn refusing(error: AiError) -> Self {
        Self {
            opening: Opening::Refuses(error),
            ..Self::scripted([])
        }
    }

    /// A bridge whose [`AudioBridge::open`] never returns.
    pub fn hanging() -> Self {
        Self {
            opening: Opening::Hangs,
            ..Self::scripted([])
        }
    }

    /// Changes what the legs say they can do.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: AiCapabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The legs opened so far, oldest first.
    pub fn opened(&self) -> Vec<AiHandle> {
        lock(&self.opened).clone()
    }
}

#[async_trait]
impl AudioBridge for MockBridge {
    fn capabilities(&self) -> AiCapabilities {
        self.capabilities
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        match &self.opening {
            Opening::Opens => {}
            Opening::Refuses(error) => return Err(error.clone()),
            Opening::Hangs => std::future::pending().await,
        }
        let mut model = Model {
            capabilities: self.capabilities,
            script: self.script.clone(),
            standing: self.standing.clone(),
            ..Model::new(brief)
        };
        if !model.play(Trigger::Opened) {
            model.push(AiEvent::Ready.into());
        }
        let shared = Arc::new(Mutex::new(model));
        lock(&self.opened).push(AiHandle {
            shared: Arc::clone(&shared),
        });
        Ok(Box::new(MockLeg { shared }))
    }
}

/// The test's end of a leg opened by a [`MockBridge`].
#[derive(Clone, Debug)]
pub struct AiHandle {
    shared: Arc<Mutex<Model>>,
}

impl AiHandle {
    /// The model reports something out of turn.
    pub fn push(&self, emit: impl Into<Emit>) {
        let waker = {
            let mut model = lock(&self.shared);
            model.push(emit.into());
            model.waker.take()
        };
        // Outside the lock: a waker may run anything, even the poll that takes the lock again.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What the leg was opened with.
    pub fn brief(&self) -> AgentBrief {
        lock(&self.shared).brief.clone()
    }

    /// What the leg was told so far, oldest first.
    pub fn commands(&self) -> Vec<RecordedAiCommand> {
        lock(&self.shared).commands.clone()
    }

    /// From now on the model reads nothing: every command fails.
    pub fn stall(&self) {
        lock(&self.shared).stalled = true;
    }

    /// Whether our side dropped the leg, which closes the connection.
    pub fn is_dropped(&self) -> bool {
        lock(&self.shared).dropped
    }
}

/// One conversation as the model's side knows it.
#[derive(Debug)]
struct Model {
    capabilities: AiCapabilities,
    brief: AgentBrief,
    script: Vec<Step>,
    standing: Option<Standing>,
    events: VecDeque<Emit>,
    commands: Vec<RecordedAiCommand>,
    /// The reply whose end was not reported yet.
    active: Option<ReplyId>,
    next_id: u32,
    /// Audio bytes reported so far.
    sent: HashMap<(ItemId, u32), usize>,
    waker: Option<Waker>,
    stalled: bool,
    dropped: bool,
}

impl Model {
    fn new(brief: AgentBrief) -> Self {
        Self {
            capabilities: MockBridge::scripted([]).capabilities,
            brief,
            script: Vec::new(),
            standing: None,
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

    fn push(&mut self, emit: Emit) {
        if let AiEvent::ReplyStarted { reply } = emit.event {
            self.active = Some(reply);
        }
        self.events.push_back(emit);
    }

    /// Lets the first step with this trigger happen, if there is one.
    fn play(&mut self, on: Trigger) -> bool {
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

    fn obey(&mut self, command: AiCommand<'_>) {
        match command {
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

#[derive(Debug)]
struct MockLeg {
    shared: Arc<Mutex<Model>>,
}

impl AiLeg for MockLeg {
    fn poll_event(&mut self, cx: &mut Context<'_>, audio: &mut Vec<u8>) -> Poll<AiEvent> {
        let mut model = lock(&self.shared);
        let Some(emit) = model.events.pop_front() else {
            model.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        match &emit.event {
            AiEvent::Audio { item, content, .. } => {
                *model.sent.entry((*item, *content)).or_default() += emit.audio.len();
                audio.extend_from_slice(&emit.audio);
            }
            AiEvent::ReplyEnded { reply, .. } if model.active == Some(*reply) => {
                model.active = None
            }
            AiEvent::Closed => model.stalled = true,
            _ => {}
        }
        Poll::Ready(emit.event)
    }

    fn send(&mut self, command: AiCommand<'_>) -> Result<(), LegClosed> {
        let waker = {
            let mut model = lock(&self.shared);
            if model.stalled {
                return Err(LegClosed);
            }
            model.obey(command);
            if model.events.is_empty() {
                None
            } else {
                model.waker.take()
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), LegClosed>> {
        Poll::Ready(if lock(&self.shared).stalled {
            Err(LegClosed)
        } else {
            Ok(())
        })
    }
}

impl Drop for MockLeg {
    fn drop(&mut self) {
        lock(&self.shared).dropped = true;
    }
}
