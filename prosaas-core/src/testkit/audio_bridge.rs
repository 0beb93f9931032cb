//! What every [`AudioBridge`] and the legs it opens must do.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;

use crate::agent::AgentBrief;
use crate::audio_bridge::AudioBridge;
use crate::leg::{
    AiCommand, AiErrorKind, AiEvent, AiLeg, BYTES_PER_MS, FRAME_BYTES, ItemId, ReplyEnd, ReplyId,
    RequestId, SILENCE,
};

/// How the suite gets at a backend and its far side.
///
/// The far side must answer every requested reply, with at least one event between its start and its
/// end, and must not speak without being asked where the bridge takes requests.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// A bridge to a model of the fixture's own.
    async fn bridge(&self) -> Arc<dyn AudioBridge>;

    /// What legs are opened with.
    fn brief(&self) -> AgentBrief {
        AgentBrief {
            instructions: "You answer the phone.".to_owned(),
            voice: "alloy".to_owned(),
            ..AgentBrief::default()
        }
    }

    /// Waits until the model's side sees no open connection from this bridge; panics after a while.
    async fn all_closed(&self, bridge: &Arc<dyn AudioBridge>);
}

/// Runs every rule that the bridge's capabilities claim, each on a fresh bridge.
pub async fn suite(fixture: &impl Fixture) {
    ready_comes_first(fixture).await;
    dropping_a_leg_closes_it(fixture).await;
    let capabilities = fixture.bridge().await.capabilities();
    if !capabilities.takes_requests {
        return;
    }
    a_requested_reply_starts_and_ends(fixture).await;
    replies_are_told_apart(fixture).await;
    legs_are_independent(fixture).await;
    tool_outputs_and_notes_do_not_end_a_leg(fixture).await;
    if capabilities.can_cancel {
        a_cancelled_reply_ends_and_stays_ended(fixture).await;
        cancelling_nothing_does_not_end_a_leg(fixture).await;
    }
    if capabilities.can_truncate {
        truncating_what_was_sent_is_accepted(fixture).await;
    }
}

/// Rule: the first event of a leg is `Ready`.
pub async fn ready_comes_first(fixture: &impl Fixture) {
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, "rule `ready comes first`").await;
    leg.hear_silence();
}

/// Rule: dropping a leg closes its connection, before and after it was ready.
pub async fn dropping_a_leg_closes_it(fixture: &impl Fixture) {
    let rule = "rule `dropping a leg closes it`";
    let bridge = fixture.bridge().await;
    let ready = Driver::open(fixture, &bridge, rule).await;
    let early = bridge.open(fixture.brief()).await;
    let early = early.unwrap_or_else(|error| panic!("{rule}: open failed with {error}"));
    drop(early);
    drop(ready);
    fixture.all_closed(&bridge).await;
}

/// Rule: a requested reply starts, may speak, and ends; all under one id, with bytes for every audio event.
pub async fn a_requested_reply_starts_and_ends(fixture: &impl Fixture) {
    let rule = "rule `a requested reply starts and ends`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    leg.hear_silence();
    leg.request(Some("Say hello."));
    let reply = leg.whole_reply().await;
    assert_eq!(reply.end, ReplyEnd::Completed, "{rule}: how it ended");
}

/// Rule: each reply has its own id.
pub async fn replies_are_told_apart(fixture: &impl Fixture) {
    let rule = "rule `replies are told apart`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        leg.request(None);
        seen.push(leg.whole_reply().await.id);
    }
    assert!(
        seen.is_sorted_by(|a, b| a < b),
        "{rule}: ids must grow, got {seen:?}"
    );
}

/// Rule: what happens on one leg does not show on another of the same bridge.
pub async fn legs_are_independent(fixture: &impl Fixture) {
    let rule = "rule `legs are independent`";
    let bridge = fixture.bridge().await;
    let mut first = Driver::open(fixture, &bridge, rule).await;
    let mut second = Driver::open(fixture, &bridge, rule).await;
    first.request(None);
    first.whole_reply().await;
    second.request(None);
    drop(first);
    second.whole_reply().await;
}

/// Rule: tool outputs, caller notes and system notes are taken, and the leg still replies.
pub async fn tool_outputs_and_notes_do_not_end_a_leg(fixture: &impl Fixture) {
    let rule = "rule `tool outputs and notes do not end a leg`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    leg.send(AiCommand::CallerNote("The caller pressed 5."));
    leg.send(AiCommand::SystemNote("The office closes in ten minutes."));
    leg.send(AiCommand::ToolOutput {
        call: "call_nobody_made",
        output: r#"{"ok":true}"#,
    });
    leg.request(None);
    leg.whole_reply().await;
}

/// Rule: a cancelled reply ends, nothing of it follows, and the next one can be asked for.
pub async fn a_cancelled_reply_ends_and_stays_ended(fixture: &impl Fixture) {
    let rule = "rule `a cancelled reply ends and stays ended`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    leg.request(None);
    let reply = leg.reply_started().await;
    let request = leg.next_request();
    leg.send(AiCommand::CancelReply { request, reply });
    // A short reply may have been said in full before the vendor saw the command.
    let ended = leg.rest_of_reply(reply).await;
    let expected = [ReplyEnd::Cancelled, ReplyEnd::Completed];
    assert!(
        expected.contains(&ended.end),
        "{rule}: it ended as {:?}",
        ended.end
    );
    leg.request(None);
    let next = leg.whole_reply().await;
    assert_ne!(
        next.id, reply,
        "{rule}: the next reply has the cancelled one's id"
    );
}

/// Rule: cancelling when nothing is said is at most an error that leaves the leg alive.
pub async fn cancelling_nothing_does_not_end_a_leg(fixture: &impl Fixture) {
    let rule = "rule `cancelling nothing does not end a leg`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    leg.request(None);
    let reply = leg.whole_reply().await.id;
    let request = leg.next_request();
    leg.send(AiCommand::CancelReply { request, reply });
    leg.request(None);
    leg.whole_reply().await;
}

/// Rule: truncating an item to no more than the audio that was sent is not refused.
pub async fn truncating_what_was_sent_is_accepted(fixture: &impl Fixture) {
    let rule = "rule `truncating what was sent is accepted`";
    let bridge = fixture.bridge().await;
    let mut leg = Driver::open(fixture, &bridge, rule).await;
    leg.request(None);
    let said = leg.whole_reply().await;
    let Some((item, content)) = said.item else {
        return;
    };
    let request = leg.next_request();
    let played_ms = (said.audio_bytes / BYTES_PER_MS / 2) as u64;
    leg.send(AiCommand::Truncate {
        request,
        item,
        content,
        played_ms,
    });
    leg.request(None);
    leg.whole_reply().await;
    let refused = leg.failures.contains(&AiErrorKind::TruncateRefused);
    assert!(
        !refused,
        "{rule}: {played_ms} ms of {} bytes were refused",
        said.audio_bytes
    );
}

/// What was seen of a reply.
#[derive(Clone, Copy)]
struct Said {
    id: ReplyId,
    end: ReplyEnd,
    item: Option<(ItemId, u32)>,
    audio_bytes: usize,
}

/// Drives one leg and checks what holds for every event.
struct Driver {
    leg: Box<dyn AiLeg>,
    rule: &'static str,
    audio: Vec<u8>,
    requests: u32,
    ended: Vec<ReplyId>,
    failures: Vec<AiErrorKind>,
}

impl Driver {
    /// A leg that reported `Ready`.
    async fn open(
        fixture: &impl Fixture,
        bridge: &Arc<dyn AudioBridge>,
        rule: &'static str,
    ) -> Self {
        let opened = bridge.open(fixture.brief()).await;
        let leg = opened.unwrap_or_else(|error| panic!("{rule}: open failed with {error}"));
        let (audio, ended, failures) = (Vec::new(), Vec::new(), Vec::new());
        let mut driver = Self {
            leg,
            rule,
            audio,
            requests: 0,
            ended,
            failures,
        };
        let first = driver.next_event().await;
        assert_eq!(first, AiEvent::Ready, "{rule}: the first event");
        driver
    }

    /// The next event; what is queued is pushed to the wire meanwhile.
    async fn next_event(&mut self) -> AiEvent {
        let (leg, audio, rule) = (&mut self.leg, &mut self.audio, self.rule);
        let before = audio.len();
        let event = poll_fn(|cx| {
            if let Poll::Ready(Err(closed)) = leg.poll_flush(cx) {
                panic!("{rule}: flushing failed, {closed}");
            }
            leg.poll_event(cx, audio)
        })
        .await;
        let got_bytes = self.audio.len() > before;
        let is_audio = matches!(event, AiEvent::Audio { .. });
        assert_eq!(
            got_bytes, is_audio,
            "{rule}: audio bytes come with audio events alone: {event:?}"
        );
        self.check(&event);
        event
    }

    fn check(&mut self, event: &AiEvent) {
        let rule = self.rule;
        match event {
            AiEvent::ReplyStarted { reply }
            | AiEvent::Audio { reply, .. }
            | AiEvent::AgentText { reply, .. }
            | AiEvent::ToolCall { reply, .. }
            | AiEvent::ReplyEnded { reply, .. } => {
                let is_over = self.ended.contains(reply);
                assert!(!is_over, "{rule}: {event:?} follows the end of its reply");
                if let AiEvent::ReplyEnded { reply, .. } = event {
                    self.ended.push(*reply);
                }
            }
            AiEvent::Failed(error) => {
                assert!(
                    !error.kind.ends_leg(),
                    "{rule}: the leg failed with {error}"
                );
                self.failures.push(error.kind);
            }
            AiEvent::Closed => panic!("{rule}: the leg was closed"),
            _ => {}
        }
    }

    fn send(&mut self, command: AiCommand<'_>) {
        let rule = self.rule;
        let sent = self.leg.send(command);
        sent.unwrap_or_else(|closed| panic!("{rule}: a command was refused, {closed}"));
    }

    fn hear_silence(&mut self) {
        for _ in 0..10 {
            self.send(AiCommand::Audio(&[SILENCE; FRAME_BYTES]));
        }
    }

    fn next_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn request(&mut self, instructions: Option<&str>) {
        let request = self.next_request();
        self.send(AiCommand::RequestReply {
            request,
            instructions,
        });
    }

    async fn reply_started(&mut self) -> ReplyId {
        loop {
            if let AiEvent::ReplyStarted { reply } = self.next_event().await {
                return reply;
            }
        }
    }

    async fn whole_reply(&mut self) -> Said {
        let reply = self.reply_started().await;
        self.rest_of_reply(reply).await
    }

    async fn rest_of_reply(&mut self, id: ReplyId) -> Said {
        let before = self.audio.len();
        let mut item = None;
        loop {
            match self.next_event().await {
                AiEvent::Audio {
                    reply,
                    item: of,
                    content,
                } => {
                    assert_eq!(reply, id, "{}: audio of another reply", self.rule);
                    item = Some((of, content));
                }
                AiEvent::ReplyStarted { reply } => {
                    panic!("{}: {reply:?} started before {id:?} ended", self.rule)
                }
                AiEvent::ReplyEnded { reply, end, .. } => {
                    assert_eq!(reply, id, "{}: another reply ended", self.rule);
                    return Said {
                        id,
                        end,
                        item,
                        audio_bytes: self.audio.len() - before,
                    };
                }
                _ => {}
            }
        }
    }
}
