//! What a call session tells its shell to do.

use prosaas_core::agent::HistoryTurn;
use prosaas_core::call::CallEnd;
use prosaas_core::leg::{AiCommand, ItemId, MarkId, ReplyId, RequestId};
use prosaas_core::phone::E164;
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::ToolRequest;
use prosaas_core::transcript::TranscriptLine;

/// A range of the audio that an [`Actions`] carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioSpan {
    start: usize,
    end: usize,
}

/// One thing to do. Actions are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this audio to the carrier.
    Play(AudioSpan),
    /// Send this mark to the carrier.
    Mark(MarkId),
    /// Tell the carrier to drop what it has not played.
    ClearPlayback,
    /// Send this caller audio to the model.
    SendAudio(AudioSpan),
    /// Send this command to the model.
    Ai(AiOrder),
    /// Open an AI leg that knows this conversation; an open one is dropped first.
    OpenAi(Vec<HistoryTurn>),
    /// Drop the AI leg.
    CloseAi,
    /// Open another AI leg that knows this conversation beside the present one, which goes on serving, and
    /// report with [`super::Event::SpareAiReady`] or [`super::Event::SpareAiFailed`].
    OpenSpareAi(Vec<HistoryTurn>),
    /// The leg opened beside the present one takes its place.
    UseSpareAi,
    /// Drop the leg opened beside the present one.
    CloseSpareAi,
    /// Run a tool and report with [`super::Event::ToolDone`].
    RunTool(ToolRequest),
    /// Tell the application.
    Update(CallUpdate),
    /// The call is over for the session; nothing follows.
    End(SessionEnd),
}

/// Why the session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// The call is over, or goes on without us.
    Call {
        /// Why.
        end: CallEnd,
        /// Whom the call is handed to, when `end` is [`CallEnd::Transferred`].
        transfer_to: Option<E164>,
    },
    /// Another socket of the same call took over; the call is not finished.
    TakenOver,
}

/// What the application hears while the call goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallUpdate {
    /// A line of the transcript is final.
    Line(TranscriptLine),
    /// The first agent audio was sent to the carrier.
    FirstAudio {
        /// When.
        at: CallTime,
    },
    /// The caller interrupted the agent; the carrier was told in the same step.
    BargeIn {
        /// When.
        at: CallTime,
        /// Agent audio that the caller did not hear, in milliseconds.
        unheard_ms: u64,
    },
    /// The AI leg failed and another one is being opened.
    Reconnecting {
        /// When.
        at: CallTime,
    },
    /// The caller hears a recorded line that asks for patience.
    Holding {
        /// When.
        at: CallTime,
    },
    /// An AI leg serves the call, and its bridge says which model or account is behind it.
    Served {
        /// When.
        at: CallTime,
        /// The name the host gave it.
        by: String,
    },
    /// The AI is out of reach; the caller hears the fallback.
    Fallback {
        /// When.
        at: CallTime,
    },
}

/// [`AiCommand`] without borrowed parts; caller audio travels as [`Action::SendAudio`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AiOrder {
    /// See [`AiCommand::RequestReply`].
    RequestReply {
        /// Names this command in errors.
        request: RequestId,
        /// What to say instead of what the conversation asks for.
        instructions: Option<String>,
    },
    /// See [`AiCommand::CancelReply`].
    CancelReply {
        /// Names this command in errors.
        request: RequestId,
        /// The reply.
        reply: ReplyId,
    },
    /// See [`AiCommand::Truncate`].
    Truncate {
        /// Names this command in errors.
        request: RequestId,
        /// The item.
        item: ItemId,
        /// The part of the item.
        content: u32,
        /// Milliseconds that were played.
        played_ms: u64,
    },
    /// See [`AiCommand::ToolOutput`].
    ToolOutput {
        /// The vendor's id of the tool call.
        call: String,
        /// The result, JSON text.
        output: String,
    },
    /// See [`AiCommand::CallerNote`].
    CallerNote(String),
    /// See [`AiCommand::SystemNote`].
    SystemNote(String),
}

impl AiOrder {
    /// The command to give to the leg.
    pub fn as_command(&self) -> AiCommand<'_> {
        match self {
            Self::RequestReply {
                request,
                instructions,
            } => AiCommand::RequestReply {
                request: *request,
                instructions: instructions.as_deref(),
            },
            Self::CancelReply { request, reply } => AiCommand::CancelReply {
                request: *request,
                reply: *reply,
            },
            Self::Truncate {
                request,
                item,
                content,
                played_ms,
            } => AiCommand::Truncate {
                request: *request,
                item: *item,
                content: *content,
                played_ms: *played_ms,
            },
            Self::ToolOutput { call, output } => AiCommand::ToolOutput { call, output },
            Self::CallerNote(text) => AiCommand::CallerNote(text),
            Self::SystemNote(text) => AiCommand::SystemNote(text),
        }
    }
}

/// The actions of one step, in order, with their audio. Reused from step to step, so that the frame
/// path allocates nothing once the buffers have grown.
#[derive(Debug, Default)]
pub struct Actions {
    list: Vec<Action>,
    audio: Vec<u8>,
}

impl Actions {
    /// Forgets everything and keeps the memory, unless a burst made it large.
    pub fn clear(&mut self) {
        // What one message of the model lets out must fit (160 ms are 1,280 bytes), or every one allocates.
        const KEEP_AUDIO: usize = 2 * 1024;
        self.list.clear();
        self.audio.clear();
        if self.audio.capacity() > KEEP_AUDIO {
            self.audio.shrink_to(KEEP_AUDIO);
        }
    }

    /// The actions in order.
    #[expect(
        clippy::iter_without_into_iter,
        reason = "an iterator over references is all anybody needs"
    )]
    pub fn iter(&self) -> std::slice::Iter<'_, Action> {
        self.list.iter()
    }

    /// Takes the actions out one by one, in order; their audio stays readable until [`Self::clear`].
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.list)
    }

    /// Gives back the list taken with [`Self::take`], so that its memory is reused.
    pub fn give_back(&mut self, mut list: Vec<Action>) {
        const KEEP_ACTIONS: usize = 8;
        list.clear();
        list.shrink_to(KEEP_ACTIONS);
        if self.list.is_empty() {
            self.list = list;
        }
    }

    /// The audio of a span.
    pub fn audio(&self, span: AudioSpan) -> &[u8] {
        &self.audio[span.start..span.end]
    }

    pub(super) fn push(&mut self, action: Action) {
        self.list.push(action);
    }

    pub(super) fn play(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let span = self.write_audio(write);
        self.list.push(Action::Play(span));
    }

    pub(super) fn send_audio(&mut self, audio: &[u8]) {
        let span = self.write_audio(|out| out.extend_from_slice(audio));
        self.list.push(Action::SendAudio(span));
    }

    pub(super) fn mark(&mut self, mark: MarkId) {
        self.list.push(Action::Mark(mark));
    }

    pub(super) fn clear_playback(&mut self) {
        self.list.push(Action::ClearPlayback);
    }

    fn write_audio(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> AudioSpan {
        let start = self.audio.len();
        write(&mut self.audio);
        AudioSpan {
            start,
            end: self.audio.len(),
        }
    }
}
