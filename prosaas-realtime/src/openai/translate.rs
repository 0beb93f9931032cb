//! The vendor's events in the neutral words of a call. The leg without its socket.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use prosaas_core::leg::{AiError, AiErrorKind, AiEvent, ItemId, ReplyEnd, ReplyId};

use super::ids::Interner;
use super::prices;
use super::wire::{ReplyStatus, ServerEvent, VendorError, classify, parse_event, request_of};

/// The vendor pads; a gateway in between may not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const MAX_MESSAGE_CHARS: usize = 300;
const MAX_KIND_CHARS: usize = 64;

/// Turns text frames into [`AiEvent`]s and remembers which vendor id stands behind which number.
#[derive(Debug)]
pub struct Translator {
    model: String,
    transcription_model: String,
    replies: Interner,
    items: Interner,
    /// A frame that means two events leaves the second one here.
    pending: Option<AiEvent>,
    /// When the vendor ends the session, in Unix seconds, as it said at first.
    expires_at: Option<u64>,
    /// The same, from when the leg is ready until somebody took it.
    expiry: Option<u64>,
}

impl Translator {
    /// A translator that prices usage by these models.
    pub fn new(model: impl Into<String>, transcription_model: Option<&str>) -> Self {
        Self {
            model: model.into(),
            transcription_model: transcription_model.unwrap_or_default().to_owned(),
            replies: Interner::default(),
            items: Interner::default(),
            pending: None,
            expires_at: None,
            expiry: None,
        }
    }

    /// What one text frame means; `None` when it means nothing to a call. Audio is appended to `audio`.
    /// After each frame, [`Self::take_pending`] may hold one more event.
    pub fn translate(&mut self, text: &str, audio: &mut Vec<u8>) -> Option<AiEvent> {
        match parse_event(text) {
            Ok(event) => self.event(event, audio),
            Err(_) => Some(AiEvent::Malformed),
        }
    }

    /// The second event of the last frame.
    pub fn take_pending(&mut self) -> Option<AiEvent> {
        self.pending.take()
    }

    /// When the vendor ends the session, in Unix seconds: once, after it is ready and if the vendor said so.
    pub fn take_expiry(&mut self) -> Option<u64> {
        self.expiry.take()
    }

    /// The vendor's id of a reply.
    pub(super) fn reply_name(&self, reply: ReplyId) -> Option<&str> {
        self.replies.name(reply.0)
    }

    /// The vendor's id of an item.
    pub(super) fn item_name(&self, item: ItemId) -> Option<&str> {
        self.items.name(item.0)
    }

    fn event(&mut self, event: ServerEvent<'_>, audio: &mut Vec<u8>) -> Option<AiEvent> {
        Some(match event {
            ServerEvent::AudioDelta {
                reply,
                item,
                content,
                delta,
            } => self.audio(&reply, &item, content, &delta, audio),
            ServerEvent::TextDelta { reply, item, text } => {
                self.agent_text(&reply, &item, text, false)
            }
            // A later part's whole text is not the item's whole text; its pieces were reported.
            ServerEvent::TextDone { content, .. } if content > 0 => return None,
            ServerEvent::TextDone {
                reply, item, text, ..
            } => self.agent_text(&reply, &item, text, true),
            ServerEvent::SessionCreated { expires_at } => {
                self.expires_at = Some(expires_at);
                return None;
            }
            ServerEvent::SessionUpdated { expires_at } => {
                self.expiry = expires_at.or(self.expires_at);
                AiEvent::Ready
            }
            ServerEvent::SpeechStarted => AiEvent::SpeechStarted,
            ServerEvent::SpeechStopped => AiEvent::SpeechStopped,
            ServerEvent::IdleTimeout => AiEvent::IdleTimeout,
            ServerEvent::CallerItem { item, after } => return self.caller_item(&item, after),
            ServerEvent::CallerText { item, text, usage } => match self.items.number(&item) {
                Some(item) => AiEvent::CallerText {
                    item: ItemId(item),
                    text: text.into_owned(),
                    usage: prices::of_transcription(&self.transcription_model, usage),
                },
                None => AiEvent::Malformed,
            },
            ServerEvent::ReplyStarted { reply } => {
                self.replies
                    .number(&reply)
                    .map_or(AiEvent::Malformed, |reply| AiEvent::ReplyStarted {
                        reply: ReplyId(reply),
                    })
            }
            ServerEvent::FunctionCall {
                reply,
                call,
                name,
                arguments,
            } => match self.replies.number(&reply) {
                Some(reply) => AiEvent::ToolCall {
                    reply: ReplyId(reply),
                    call: call.into_owned(),
                    name: name.into_owned(),
                    arguments: arguments.into_owned(),
                },
                None => AiEvent::Malformed,
            },
            ServerEvent::ReplyDone {
                reply,
                status,
                usage,
                error,
            } => {
                let number = match reply {
                    Some(name) => self.replies.number(&name),
                    None => self.replies.latest(),
                };
                let Some(reply) = number else {
                    return Some(AiEvent::Malformed);
                };
                let ended = AiEvent::ReplyEnded {
                    reply: ReplyId(reply),
                    end: reply_end(status),
                    usage: prices::of_reply(&self.model, usage),
                };
                let Some(error) = error else {
                    return Some(ended);
                };
                self.pending = Some(ended);
                AiEvent::Failed(neutral_error(&error))
            }
            ServerEvent::Error(error) => AiEvent::Failed(neutral_error(&error)),
            ServerEvent::Ignored => return None,
            ServerEvent::Unknown { kind } => AiEvent::Unknown {
                kind: cut(&kind, MAX_KIND_CHARS),
            },
        })
    }

    fn audio(
        &mut self,
        reply: &str,
        item: &str,
        content: u32,
        delta: &str,
        audio: &mut Vec<u8>,
    ) -> AiEvent {
        let (Some(reply), Some(item)) = (self.replies.number(reply), self.items.number(item))
        else {
            return AiEvent::Malformed;
        };
        let before = audio.len();
        if BASE64.decode_vec(delta, audio).is_err() {
            audio.truncate(before);
            return AiEvent::Malformed;
        }
        AiEvent::Audio {
            reply: ReplyId(reply),
            item: ItemId(item),
            content,
        }
    }

    fn agent_text(&mut self, reply: &str, item: &str, text: Cow<'_, str>, whole: bool) -> AiEvent {
        match (self.replies.number(reply), self.items.number(item)) {
            (Some(reply), Some(item)) => AiEvent::AgentText {
                reply: ReplyId(reply),
                item: ItemId(item),
                text: text.into_owned(),
                whole,
            },
            _ => AiEvent::Malformed,
        }
    }

    /// Two events announce the same item; the second says nothing new.
    fn caller_item(&mut self, item: &str, after: Option<Cow<'_, str>>) -> Option<AiEvent> {
        let after = after.and_then(|name| self.items.number(&name)).map(ItemId);
        let Some(item) = self.items.number(item) else {
            return Some(AiEvent::Malformed);
        };
        self.items.announce(item).then_some(AiEvent::CallerItem {
            item: ItemId(item),
            after,
        })
    }
}

const fn reply_end(status: ReplyStatus) -> ReplyEnd {
    match status {
        ReplyStatus::Completed => ReplyEnd::Completed,
        ReplyStatus::Cancelled => ReplyEnd::Cancelled,
        ReplyStatus::Incomplete => ReplyEnd::Incomplete,
        ReplyStatus::Failed => ReplyEnd::Failed,
    }
}

/// The vendor's error in neutral words.
pub(super) fn neutral_error(error: &VendorError<'_>) -> AiError {
    let code = if error.code.is_empty() {
        &error.kind
    } else {
        &error.code
    };
    AiError {
        kind: classify(error),
        code: cut(code, MAX_KIND_CHARS),
        message: cut(&without_keys(&error.message), MAX_MESSAGE_CHARS),
        request: request_of(error),
    }
}

/// An error of our own making.
pub(super) fn own_error(kind: AiErrorKind, code: &str, message: impl Into<String>) -> AiError {
    let message: String = message.into();
    AiError {
        kind,
        code: code.to_owned(),
        message: cut(&message, MAX_MESSAGE_CHARS),
        request: None,
    }
}

/// The vendor repeats a refused key, mostly masked; a log has no use for the rest of it.
fn without_keys(message: &str) -> Cow<'_, str> {
    if !message.contains("sk-") {
        return Cow::Borrowed(message);
    }
    let words = message
        .split(' ')
        .map(|word| if word.contains("sk-") { "[key]" } else { word });
    Cow::Owned(words.collect::<Vec<_>>().join(" "))
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
