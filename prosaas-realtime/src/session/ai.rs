//! The model's side: its speech, its replies, its errors, and losing it.

use prosaas_core::leg::{AiError, AiErrorKind, AiEvent, BYTES_PER_MS, ItemId, ReplyEnd, ReplyId};
use prosaas_core::time::CallTime;
use prosaas_core::tool_host::ToolRequest;

use super::action::{Action, Actions, AiOrder, CallUpdate};
use super::config::{BargeIn, Opening};
use super::hold::Again;
use super::playback::{Heard, Source};
use super::timers::Timer;
use super::{Ai, CallSession, Greeting, Phase};

/// Malformed messages with nothing understood between them after which a leg is given up.
const MAX_MALFORMED_IN_A_ROW: u32 = 50;
/// Ids of one leg lie below this; see [`CallSession::own_reply`].
const IDS_PER_LEG: u32 = 1 << 24;
/// Speech that the model hears for so long is believed on lines that are too quiet for our own ear, in milliseconds.
/// What ends before is not: models notice silence after half a second.
const BELIEVED_MS: u64 = 1_000;

impl CallSession {
    pub(super) fn on_ai(
        &mut self,
        now: CallTime,
        event: AiEvent,
        audio: &[u8],
        actions: &mut Actions,
    ) {
        if self.is_without_ai() || (self.is_hung_up() && !tells_of_the_past(&event)) {
            return;
        }
        if self.ai != Ai::Ready && !comes_before_ready(&event) {
            self.stats.out_of_place += 1;
            return;
        }
        if !matches!(event, AiEvent::Malformed | AiEvent::Unknown { .. }) {
            self.malformed_in_a_row = 0;
        }
        match event {
            AiEvent::Ready => self.on_ready(now, actions),
            AiEvent::LifeLeft { ms } => self.on_life_told(now, ms),
            AiEvent::SpeechStarted => self.on_speech_started(now, actions),
            AiEvent::SpeechStopped => self.on_speech_stopped(now),
            AiEvent::ReplyStarted { reply } => {
                self.reply_begins(now, self.own_reply(reply), actions);
                // The model is at work: it gets the same time again to say something.
                self.expect_reply(now);
                if self.greeting == Some(Greeting::Asked) {
                    self.greeting = Some(Greeting::Speaking);
                }
            }
            AiEvent::Audio {
                reply,
                item,
                content,
            } => {
                let (reply, item) = (self.own_reply(reply), self.own_item(item));
                self.on_agent_audio(
                    now,
                    Source::Agent {
                        reply,
                        item,
                        content,
                    },
                    audio,
                );
            }
            AiEvent::AgentText {
                reply,
                item,
                text,
                whole,
            } => {
                let (reply, item) = (self.own_reply(reply), self.own_item(item));
                if self.turns.wants(reply) {
                    self.transcript.agent_text(now, reply, item, &text, whole);
                }
            }
            AiEvent::CallerItem { item, after } => {
                let (item, after) = (self.own_item(item), after.map(|a| self.own_item(a)));
                let began = self.speech_began.take().unwrap_or(now);
                self.transcript.caller_item(now, began, item, after);
                self.turn_is_named(item);
                if self.is_hung_up() {
                    self.caller_speaking = false;
                }
            }
            AiEvent::CallerText { item, text, usage } => {
                self.usage += usage;
                let item = self.own_item(item);
                self.transcript.caller_text(now, item, &text);
                self.turn_is_told(now, item, &text, actions);
                if !self.caller_speaking {
                    self.uplink.turn_known();
                }
                self.mind_budget(now, actions);
            }
            AiEvent::ToolCall {
                reply,
                call,
                name,
                arguments,
            } => {
                let reply = self.own_reply(reply);
                if self.turns.active() != Some(reply) {
                    self.stats.out_of_place += 1;
                    return;
                }
                // What the tool gives is answered once this reply has ended, which is a matter of moments.
                self.expect_reply(now);
                let request = ToolRequest {
                    call,
                    name,
                    arguments,
                };
                if let Some(tool) = self.tools.on_call(now, request, actions) {
                    self.transcript.tool_called(now, tool);
                    self.expect_words(now);
                }
            }
            AiEvent::ReplyEnded { reply, end, usage } => {
                self.usage += usage;
                self.on_reply_ended(now, self.own_reply(reply), end, actions);
                self.mind_budget(now, actions);
            }
            AiEvent::IdleTimeout => self.on_idle(now, actions),
            AiEvent::Failed(error) => self.on_error(now, &error, actions),
            AiEvent::Unknown { .. } => self.stats.unknown_from_model += 1,
            AiEvent::Malformed => {
                self.stats.malformed_from_model += 1;
                self.malformed_in_a_row += 1;
                if self.malformed_in_a_row >= MAX_MALFORMED_IN_A_ROW {
                    self.malformed_in_a_row = 0;
                    self.on_ai_lost(now, false, actions);
                }
            }
            AiEvent::Closed => self.on_ai_lost(now, false, actions),
        }
    }

    fn on_ready(&mut self, now: CallTime, actions: &mut Actions) {
        if self.ai == Ai::Ready {
            return;
        }
        self.ai = Ai::Ready;
        self.timers.stop(Timer::AiReady);
        self.leg_serves(now, actions);
        self.tools.leg_ready(actions);
        match &self.config.opening {
            Opening::Greet(instructions) | Opening::Resume(instructions)
                if !self.hold.has_spoken =>
            {
                self.turns.want(Some(instructions.clone()));
                self.greeting = Some(Greeting::Asked);
                self.expect_greeting(now);
                self.timers
                    .set(Timer::Greeting, now.plus(self.config.times.greeting_ms));
            }
            _ => {
                self.uplink.open(actions);
                self.answer_after_loss(now);
            }
        }
    }

    /// What holds from the moment a leg serves.
    pub(super) fn leg_serves(&mut self, now: CallTime, actions: &mut Actions) {
        self.ready_at = Some(now);
        if self.max_warned {
            self.note_to_model(self.config.prompts.max_warning.to_string(), actions);
        }
        if let Some(max) = self.config.capabilities.max_leg_ms {
            let margin = self.config.times.handover_ms;
            self.timers
                .set(Timer::Handover, now.plus(max.saturating_sub(margin)));
        } else {
            self.timers.stop(Timer::Handover);
        }
    }

    /// The caller is owed an answer of the leg that was lost: it is asked for, unless the caller speaks
    /// again or the answer hangs on a tool.
    fn answer_after_loss(&mut self, now: CallTime) {
        if !self.answer_owed || self.phase != Phase::Talking {
            return;
        }
        let hears_again = std::mem::take(&mut self.hold.again) == Again::Due;
        let speaks = self.hold.ear.speaks(now);
        if hears_again || speaks {
            if !speaks {
                self.hold.again = Again::Now;
            }
            // The model hears what it is to answer, and notices the end of it by itself.
            self.timers
                .set(Timer::Reply, now.plus(self.config.times.reply_ms));
        } else if self.tools.any_running() {
            self.hold.apologise = true;
        } else {
            self.tools.take_owed();
            self.turns
                .want(Some(self.config.prompts.reconnected.to_string()));
        }
    }

    fn on_speech_started(&mut self, now: CallTime, actions: &mut Actions) {
        self.caller_speaking = true;
        self.uplink.turn_begins();
        self.speech_began = Some(now);
        if self.hold.is_again() {
            return self.timers.stop(Timer::Reply);
        }
        self.meter.caller_starts(now);
        self.last_sound = now;
        self.idle_asked = 0;
        self.caller_took_over();
        self.caller_goes_on();
        self.timers.stop(Timer::Reply);
        self.timers
            .set(Timer::Stall, now.plus(self.config.times.stall_ms));
        match self.config.barge_in {
            BargeIn::AtOnce => self.interrupt(now, actions),
            BargeIn::AfterMs(ms) if self.voice.speaks_for(ms) => self.interrupt(now, actions),
            BargeIn::AfterMs(ms) => {
                let at = now.plus(ms.max(BELIEVED_MS));
                self.timers.set(Timer::BargeIn, at);
            }
        }
    }

    fn on_speech_stopped(&mut self, now: CallTime) {
        self.caller_speaking = false;
        if !self.hold.again_is_over() {
            self.meter.caller_stops(now, self.playback.audible_until());
            self.last_sound = now;
        }
        self.timers.stop(Timer::Stall);
        self.timers.stop(Timer::BargeIn);
        if self.phase == Phase::Talking && self.config.capabilities.takes_requests {
            if let Some(turn_taking) = self.config.turn_taking {
                self.caller_pauses(now, turn_taking.text_ms);
                return;
            }
            self.answer_owed = true;
            self.expect_words(now);
            self.timers
                .set(Timer::Reply, now.plus(self.config.times.reply_ms));
        }
    }

    /// The caller speaks over the agent: what is not played is dropped, and the model learns what was.
    pub(super) fn interrupt(&mut self, now: CallTime, actions: &mut Actions) {
        let full_duplex = self.config.capabilities.paces_itself;
        let greeting = self.greeting.is_some();
        if greeting
            || full_duplex
            || matches!(self.phase, Phase::Closing(_))
            || self.is_without_ai()
        {
            return;
        }
        let cancel = matches!(self.config.barge_in, BargeIn::AfterMs(_))
            || self.config.turn_taking.is_some();
        if cancel
            && self.config.capabilities.can_cancel
            && let Some(reply) = self.turns.active()
        {
            let request = self.turns.request_id();
            let reply = ReplyId(reply.0 % IDS_PER_LEG);
            actions.push(Action::Ai(AiOrder::CancelReply { request, reply }));
        }
        self.turns.silence();
        if !self.playback.outstanding(now) {
            return;
        }
        let heard = self.playback.clear(now, actions);
        let unheard: u64 = heard
            .iter()
            .map(|h| h.received.saturating_sub(h.played))
            .sum();
        let agents = heard.iter().filter(|part| part.source != Source::Recorded);
        let cut: u64 = agents
            .map(|part| part.received.saturating_sub(part.played))
            .sum();
        self.meter.agent_was_cut(cut);
        for part in heard {
            self.truncate(part, actions);
            self.heard(part);
        }
        self.stats.barge_ins.push(now);
        let unheard_ms = unheard / BYTES_PER_MS as u64;
        actions.push(Action::Update(CallUpdate::BargeIn {
            at: now,
            unheard_ms,
        }));
    }

    fn truncate(&mut self, heard: Heard, actions: &mut Actions) {
        let Source::Agent {
            reply,
            item,
            content,
        } = heard.source
        else {
            return;
        };
        let this_leg = reply.0 / IDS_PER_LEG == self.leg;
        if heard.in_full() || !this_leg || !self.config.capabilities.can_truncate {
            return;
        }
        let request = self.turns.request_id();
        actions.push(Action::Ai(AiOrder::Truncate {
            request,
            item: ItemId(item.0 % IDS_PER_LEG),
            content,
            played_ms: heard.played / BYTES_PER_MS as u64,
        }));
    }

    fn on_agent_audio(&mut self, now: CallTime, source: Source, audio: &[u8]) {
        let Source::Agent { reply, item, .. } = source else {
            return;
        };
        if audio.is_empty() || !self.turns.wants(reply) {
            return;
        }
        self.hold.has_spoken = true;
        self.answer_owed = false;
        self.failed_replies = 0;
        self.reopened = 0;
        self.lost_at = None;
        self.words_came();
        if !self.caller_speaking {
            self.uplink.turn_known();
        }
        self.turns.on_audio();
        self.last_sound = now;
        self.transcript.agent_audio(now, reply, item);
        self.playback.push(source, audio);
        let heard_at = self.playback.audible_until().max(now);
        self.meter.agent_speaks(heard_at, reply);
        self.expect_more(heard_at);
    }

    fn on_reply_ended(
        &mut self,
        now: CallTime,
        reply: ReplyId,
        end: ReplyEnd,
        actions: &mut Actions,
    ) {
        if end == ReplyEnd::Failed {
            // What was asked for is still wanted.
            self.turns.on_failed(None);
        }
        if !self.turns.on_ended(reply) {
            self.stats.out_of_place += 1;
            return;
        }
        if self.greeting == Some(Greeting::Speaking) {
            let again = end == ReplyEnd::Failed;
            self.greeting = Some(if again {
                Greeting::Asked
            } else {
                Greeting::Spoken
            });
        }
        self.playback.complete_all();
        let playback = &self.playback;
        self.transcript
            .reply_ended(reply, |item| playback.holds(reply, item));
        match end {
            ReplyEnd::Failed => self.on_reply_failed(now, actions),
            ReplyEnd::Completed | ReplyEnd::Incomplete | ReplyEnd::Cancelled => {
                self.timers.stop(Timer::Reply);
                self.answer_owed = self.owes_turn();
            }
        }
    }

    fn on_error(&mut self, now: CallTime, error: &AiError, actions: &mut Actions) {
        match error.kind {
            AiErrorKind::ReplyActive => self.turns.on_refused(error.request),
            AiErrorKind::NothingToCancel => {}
            AiErrorKind::TruncateRefused => self.stats.truncations_refused += 1,
            AiErrorKind::RateLimited => {
                self.stats.model_errors += 1;
                self.turns.on_failed(error.request);
                self.on_reply_failed(now, actions);
            }
            AiErrorKind::Other => {
                self.stats.model_errors += 1;
                if self.turns.names_asked(error.request) {
                    self.turns.on_failed(error.request);
                    self.on_reply_failed(now, actions);
                }
            }
            kind if kind.ends_leg() => self.on_ai_lost(now, kind.is_permanent(), actions),
            _ => self.stats.model_errors += 1,
        }
    }

    /// A reply failed: ask once more, a little later; then the leg is given up.
    fn on_reply_failed(&mut self, now: CallTime, actions: &mut Actions) {
        self.failed_replies += 1;
        if self.failed_replies > 2 {
            self.on_ai_lost(now, false, actions);
            return;
        }
        self.turns.want(None);
        self.turns.hold();
        self.words_fail(now);
        self.timers.set(
            Timer::RetryReply,
            now.plus(self.config.times.retry_reply_ms),
        );
    }

    pub(super) const fn is_without_ai(&self) -> bool {
        matches!(self.ai, Ai::Off | Ai::Failed)
    }

    pub(super) const fn is_hung_up(&self) -> bool {
        matches!(self.phase, Phase::HungUp(_))
    }

    /// The session's name for a reply of the current leg. Legs number from the start again.
    fn own_reply(&self, reply: ReplyId) -> ReplyId {
        ReplyId(self.leg.saturating_mul(IDS_PER_LEG) + reply.0 % IDS_PER_LEG)
    }

    fn own_item(&self, item: ItemId) -> ItemId {
        ItemId(self.leg.saturating_mul(IDS_PER_LEG) + item.0 % IDS_PER_LEG)
    }
}

/// Whether an event matters once the caller is gone: words, costs and work that were under way.
const fn tells_of_the_past(event: &AiEvent) -> bool {
    matches!(
        event,
        AiEvent::AgentText { .. }
            | AiEvent::CallerItem { .. }
            | AiEvent::CallerText { .. }
            | AiEvent::ToolCall { .. }
            | AiEvent::ReplyEnded { .. }
            | AiEvent::Closed
    )
}

/// Whether an event can come from a leg that is not ready. Anything else is made up.
const fn comes_before_ready(event: &AiEvent) -> bool {
    matches!(
        event,
        AiEvent::Ready
            | AiEvent::Failed(_)
            | AiEvent::Unknown { .. }
            | AiEvent::Malformed
            | AiEvent::Closed
    )
}
