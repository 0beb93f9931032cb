//! What a call session is told before it begins.

use std::borrow::Cow;
use std::sync::Arc;

use prosaas_core::audio_bridge::{AiCapabilities, Billing};
use prosaas_core::business::{CallLimits, Language};
use prosaas_core::leg::FRAME_MS;
use prosaas_core::money::MicroUsd;
use serde::{Deserialize, Serialize};

use super::playback::Pacing;
use crate::turn_taking::Spoken;

/// How the agent opens the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// The agent speaks first, by these instructions.
    Greet(String),
    /// The call was interrupted and goes on: the agent speaks first, by these instructions.
    Resume(String),
    /// The agent waits for the caller.
    Wait,
}

/// When caller speech stops the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BargeIn {
    /// At once; the model stops its reply by itself.
    AtOnce,
    /// Once the session's own ear has heard so many milliseconds of it, 640 at most: a cough does not stop the
    /// agent. Speech that the model hears for a second counts without, on lines that are too quiet for the ear.
    /// Needs a model that is configured not to stop its reply by itself; the session cancels it.
    AfterMs(u64),
}

/// The session decides when the caller has finished, by what was written down of his turn: see
/// [`crate::turn_taking`].
///
/// Needs a model that writes down what callers say, answers only when it is asked to and does not stop its reply by
/// itself; the OpenAI backend's `TurnDetection::left_to_session` is one. A model that answers all the same is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnTaking {
    /// The language in which the call begins.
    pub language: Spoken,
    /// How long the text of a turn is waited for, in milliseconds. Then the caller is answered without it.
    pub text_ms: u64,
}

impl TurnTaking {
    /// For a call that begins in this language, with the default time.
    pub const fn new(language: Spoken) -> Self {
        Self {
            language,
            text_ms: 700,
        }
    }
}

/// Times of a call, in milliseconds. The defaults are the bars of our reliability goals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// How long the AI leg may take to be ready, from the start of the stream.
    pub ai_ready_ms: u64,
    /// How long the model may take to answer a turn or a request.
    pub reply_ms: u64,
    /// How long a refused reply waits before it is asked for again.
    pub retry_reply_ms: u64,
    /// How long caller frames may stop while the caller speaks, and how much silence is put there.
    pub stall_ms: u64,
    /// How long a tool may run.
    pub tool_ms: u64,
    /// How long a pressed key waits for the next one.
    pub dtmf_gap_ms: u64,
    /// How long the agent's last words may take.
    pub closing_ms: u64,
    /// How long outstanding texts are waited for after the caller hung up.
    pub hang_up_ms: u64,
    /// How long a caller's turn waits for its text.
    pub transcript_ms: u64,
    /// How long the greeting may hold caller audio back.
    pub greeting_ms: u64,
    /// How long before the longest time of a call the model is told.
    pub max_warning_ms: u64,
    /// How long before its longest life an AI leg is replaced.
    pub handover_ms: u64,
    /// How long a model may be silent that owes an answer before that is trouble.
    #[serde(default = "patience_ms")]
    pub patience_ms: u64,
    /// How long trouble lasts before the caller hears a line.
    #[serde(default = "hold_ms")]
    pub hold_ms: u64,
    /// How long after a line the caller hears another one.
    #[serde(default = "hold_again_ms")]
    pub hold_again_ms: u64,
    /// How long one try to replace a lost leg may take. A second one after it still speaks within 4 s.
    #[serde(default = "reopen_try_ms")]
    pub reopen_try_ms: u64,
    /// How long after a loss the fallback is spoken, when no line fills the gap.
    #[serde(default = "reopen_ms")]
    pub reopen_ms: u64,
    /// How long after a loss the fallback is spoken, when lines fill the gap.
    #[serde(default = "reopen_held_ms")]
    pub reopen_held_ms: u64,
}

const fn patience_ms() -> u64 {
    1_500
}

const fn hold_ms() -> u64 {
    600
}

const fn hold_again_ms() -> u64 {
    2_500
}

const fn reopen_try_ms() -> u64 {
    2_000
}

const fn reopen_ms() -> u64 {
    3_500
}

const fn reopen_held_ms() -> u64 {
    9_000
}

impl Default for Times {
    fn default() -> Self {
        Self {
            ai_ready_ms: 2_500,
            reply_ms: 4_000,
            retry_reply_ms: 1_000,
            stall_ms: 750,
            tool_ms: 8_000,
            dtmf_gap_ms: 2_000,
            closing_ms: 10_000,
            hang_up_ms: 800,
            transcript_ms: 10_000,
            greeting_ms: 12_000,
            max_warning_ms: 30_000,
            handover_ms: 600_000,
            patience_ms: patience_ms(),
            hold_ms: hold_ms(),
            hold_again_ms: hold_again_ms(),
            reopen_try_ms: reopen_try_ms(),
            reopen_ms: reopen_ms(),
            reopen_held_ms: reopen_held_ms(),
        }
    }
}

/// Sentences of ours towards the model. They are instructions, not what is spoken, so they are in
/// English; the model speaks the business's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Nobody has spoken for a while.
    pub idle: Cow<'static, str>,
    /// Nobody has spoken although asked: say goodbye.
    pub idle_goodbye: Cow<'static, str>,
    /// The longest time of the call is near.
    pub max_warning: Cow<'static, str>,
    /// The longest time of the call is reached: say goodbye.
    pub max_goodbye: Cow<'static, str>,
    /// The call's money is used up: say goodbye.
    #[serde(default = "budget_goodbye")]
    pub budget_goodbye: Cow<'static, str>,
    /// The agent is to end the call and has not said goodbye yet.
    pub goodbye: Cow<'static, str>,
    /// The agent hands the call over and has not announced it yet.
    pub transfer: Cow<'static, str>,
    /// The connection to the model was lost in the middle of a turn.
    pub reconnected: Cow<'static, str>,
}

const fn budget_goodbye() -> Cow<'static, str> {
    Cow::Borrowed(
        "The call has to end now. Say in one short sentence that somebody will call back, and goodbye.",
    )
}

impl Default for Prompts {
    fn default() -> Self {
        let text = Cow::Borrowed;
        Self {
            idle: text("The caller has been silent. Ask briefly whether they are still there."),
            idle_goodbye: text("The caller is not answering. Say a short goodbye."),
            max_warning: text("The call has to end within half a minute. Bring it to a close."),
            max_goodbye: text("The call has to end now. Say a short goodbye."),
            budget_goodbye: budget_goodbye(),
            goodbye: text("Say a short, friendly goodbye."),
            transfer: text(
                "Tell the caller in one short sentence that you are connecting them now.",
            ),
            reconnected: text(
                "The line was interrupted for a moment. Apologise in a few words and go on where \
                 the conversation stopped.",
            ),
        }
    }
}

/// Everything a call session decides by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionConfig {
    /// How the agent opens the conversation.
    pub opening: Opening,
    /// Whether noise cannot cut the greeting: caller audio is kept until the greeting was heard.
    pub protect_greeting: bool,
    /// What the AI backend can do.
    pub capabilities: AiCapabilities,
    /// Bounds of the call.
    pub limits: CallLimits,
    /// What the model may cost in this session; without an end when empty. Then the agent says goodbye, and a
    /// fifth beyond it the call is over whatever the model does.
    #[serde(default)]
    pub budget: Option<MicroUsd>,
    /// Pacing towards the carrier.
    pub pacing: Pacing,
    /// How much caller audio one message to the model carries: 20, 40 or 60 ms.
    pub batch_ms: u64,
    /// How much caller audio is kept while the model cannot hear it.
    pub keep_ms: u64,
    /// When caller speech stops the agent.
    pub barge_in: BargeIn,
    /// Who decides that the caller has finished: the session by its policy, or the model when empty, which then
    /// answers by itself.
    #[serde(default)]
    pub turn_taking: Option<TurnTaking>,
    /// How often an AI leg that failed is opened again before the caller hears the fallback. Their time is
    /// bounded too: [`Times::reopen_ms`].
    pub reopen_attempts: u32,
    /// Whether another model or account may take over when the present one refuses to go on.
    #[serde(default)]
    pub has_spare_model: bool,
    /// Times.
    pub times: Times,
    /// Sentences towards the model.
    pub prompts: Prompts,
    /// The fallback sentence in the agent's voice, mu-law 8 kHz; empty when there is none yet. Written
    /// as its length, since a decision depends on nothing else of it.
    #[serde(with = "as_length")]
    pub fallback_audio: Arc<[u8]>,
    /// The line that asks for patience, such as "one moment, please", in the agent's voice, mu-law 8 kHz;
    /// empty when there is none, and then gaps stay silent. Written as its length.
    #[serde(with = "as_length", default = "no_audio")]
    pub hold_audio: Arc<[u8]>,
    /// The second line of one gap; empty for the first one again. Written as its length.
    #[serde(with = "as_length", default = "no_audio")]
    pub hold_again_audio: Arc<[u8]>,
}

fn no_audio() -> Arc<[u8]> {
    Arc::from([])
}

impl SessionConfig {
    /// A session for a model that is asked for replies and can truncate, with default times.
    pub fn new(opening: Opening, limits: CallLimits) -> Self {
        Self {
            opening,
            protect_greeting: true,
            capabilities: AiCapabilities {
                can_truncate: true,
                can_cancel: true,
                takes_requests: true,
                paces_itself: false,
                billing: Billing::Tokens,
                max_leg_ms: None,
            },
            limits,
            budget: None,
            pacing: Pacing {
                lead_ms: 200,
                message_ms: 100,
                mark_every_ms: 400,
                look_ahead_ms: FRAME_MS,
            },
            batch_ms: 20,
            keep_ms: 15_000,
            barge_in: BargeIn::AtOnce,
            turn_taking: None,
            reopen_attempts: 8,
            has_spare_model: false,
            times: Times::default(),
            prompts: Prompts::default(),
            fallback_audio: no_audio(),
            hold_audio: no_audio(),
            hold_again_audio: no_audio(),
        }
    }

    /// Has the session decide when the caller has finished and what stops the agent, for a business that speaks this
    /// language. The model must leave both to it: see [`TurnTaking`].
    pub fn decide_turns(&mut self, language: Language) {
        self.turn_taking = Some(TurnTaking::new(language.into()));
        self.barge_in = BargeIn::AfterMs(200);
    }
}

/// Audio as the number of its bytes; read back as silence.
mod as_length {
    use std::sync::Arc;

    use prosaas_core::leg::SILENCE;
    use serde::{Deserialize, Deserializer, Serializer};

    const MAX: usize = 1024 * 1024;

    pub(super) fn serialize<S: Serializer>(audio: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(audio.len() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        let length = usize::deserialize(from)?;
        Ok(vec![SILENCE; length.min(MAX)].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_of_before_budgets_reads_as_one_without() {
        let limits = CallLimits {
            max_call_s: 600,
            idle_s: 15,
            max_live_calls: 10,
        };
        let config = SessionConfig {
            budget: Some(MicroUsd(7)),
            ..SessionConfig::new(Opening::Wait, limits)
        };
        let mut written = serde_json::to_value(&config).unwrap();
        let read: SessionConfig = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(read.budget, Some(MicroUsd(7)));
        let fields = written.as_object_mut().unwrap();
        fields.remove("budget").unwrap();
        let prompts = fields["prompts"].as_object_mut().unwrap();
        prompts.remove("budget_goodbye").unwrap();
        let fields = written.as_object_mut().unwrap();
        fields.remove("turn_taking").unwrap();
        let read: SessionConfig = serde_json::from_value(written).unwrap();
        assert_eq!((read.budget, read.prompts), (None, Prompts::default()));
        assert_eq!(read.turn_taking, None);
    }
}
