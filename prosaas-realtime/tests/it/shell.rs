//! The shell between mock legs on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::agent::AgentBrief;
use prosaas_core::business::CallLimits;
use prosaas_core::call::CallEnd;
use prosaas_core::id::{CallId, TenantId};
use prosaas_core::leg::{AiEvent, FRAME_BYTES, LegEvent, ReplyEnd, ReplyId};
use prosaas_core::memory::{
    MemoryLeg, MockBridge, RecordedAiCommand, RecordedLegCommand, Step, Trigger,
};
use prosaas_core::money::Usage;
use prosaas_core::time::UnixMillis;
use prosaas_core::tool_host::{AfterTool, CallContext, ToolHost, ToolReply, ToolRequest};
use prosaas_realtime::journal::{AudioDetail, Writer, replay};
use prosaas_realtime::session::{CallUpdate, Opening, SessionConfig};
use prosaas_realtime::shell::{CallReport, CallSetup, run_call};
use tokio::sync::mpsc;

struct EndsCall;

#[async_trait::async_trait]
impl ToolHost for EndsCall {
    async fn run(&self, context: &CallContext, request: ToolRequest) -> ToolReply {
        assert_eq!(context.call_sid.as_str().len(), 34);
        let then = if request.name == "end_call" {
            AfterTool::EndCall
        } else {
            AfterTool::Continue
        };
        ToolReply {
            output: "{}".to_owned(),
            then,
        }
    }
}

fn context() -> CallContext {
    CallContext {
        tenant: TenantId::mint(UnixMillis(0)),
        call: CallId::mint(UnixMillis(0)),
        call_sid: format!("CA{}", "0".repeat(32)).parse().unwrap(),
        caller: None,
    }
}

fn setup(bridge: &Arc<MockBridge>) -> (CallSetup, mpsc::Receiver<CallUpdate>) {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 30,
        max_live_calls: 1,
    };
    let (updates, news) = mpsc::channel(64);
    let (_, control) = mpsc::channel(1);
    let setup = CallSetup {
        session: SessionConfig::new(Opening::Greet("greet".to_owned()), limits),
        context: context(),
        brief: AgentBrief::default(),
        bridge: Arc::clone(bridge) as _,
        ai: None,
        tools: Arc::new(EndsCall),
        updates,
        control,
        activity: None,
        listeners: None,
        journal: None,
    };
    (setup, news)
}

/// Runs a call while `caller` acts beside it.
async fn call(
    setup: CallSetup,
    mut leg: MemoryLeg,
    caller: impl Future<Output = ()>,
) -> CallReport {
    let (report, ()) = tokio::join!(run_call(&mut leg, setup), caller);
    report
}

async fn millis(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_greets_listens_and_ends_when_the_caller_hangs_up() {
    let bridge = Arc::new(MockBridge::talking("Hello!", &[0x22; 4_000]));
    let (setup, mut news) = setup(&bridge);
    let (leg, caller) = MemoryLeg::pair();
    let acts = async {
        for i in 0..100_u64 {
            caller.speak(i * 20, &[0x55; FRAME_BYTES]);
            millis(20).await;
        }
        caller.hang_up();
    };
    let report = call(setup, leg.echoing_marks(), acts).await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!(report.transcript[0].text, "Hello!");
    assert_eq!(report.stats.frames_in, 100);
    let commands = bridge.opened()[0].commands();
    assert_eq!(
        commands[0],
        RecordedAiCommand::RequestReply(Some("greet".to_owned()))
    );
    let heard: usize = commands
        .iter()
        .map(|c| {
            if let RecordedAiCommand::Audio(audio) = c {
                audio.len()
            } else {
                0
            }
        })
        .sum();
    assert_eq!(heard, 100 * FRAME_BYTES, "every frame reached the model");
    let played: usize = caller
        .commands()
        .iter()
        .map(|c| {
            if let RecordedLegCommand::Audio(audio) = c {
                audio.len()
            } else {
                0
            }
        })
        .sum();
    assert_eq!(
        played, 4_000,
        "every byte of the greeting reached the carrier"
    );
    assert!(matches!(
        news.recv().await,
        Some(CallUpdate::FirstAudio { .. })
    ));
    assert!(
        bridge.opened()[0].is_dropped(),
        "the model's socket is closed"
    );
}

#[tokio::test(start_paused = true)]
async fn the_model_ends_the_call_through_its_tool() {
    let tool = AiEvent::ToolCall {
        reply: ReplyId(0),
        call: "c1".to_owned(),
        name: "end_call".to_owned(),
        arguments: "{}".to_owned(),
    };
    let ended = AiEvent::ReplyEnded {
        reply: ReplyId(0),
        end: ReplyEnd::Completed,
        usage: Usage::default(),
    };
    let started = AiEvent::ReplyStarted { reply: ReplyId(0) };
    let bridge = Arc::new(MockBridge::scripted([Step::new(
        Trigger::ReplyRequested,
        [started.into(), tool.into(), ended.into()],
    )]));
    let (setup, _news) = setup(&bridge);
    let (leg, _caller) = MemoryLeg::pair();
    let report = call(setup, leg.echoing_marks(), async {}).await;
    assert_eq!(report.end, Some(CallEnd::AgentEnded));
    let commands = bridge.opened()[0].commands();
    let output = RecordedAiCommand::ToolOutput {
        call: "c1".to_owned(),
        output: "{}".to_owned(),
    };
    assert!(commands.contains(&output));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_hands_the_call_back_within_three_seconds() {
    let bridge = Arc::new(MockBridge::hanging());
    let (setup, _news) = setup(&bridge);
    let (leg, _caller) = MemoryLeg::pair();
    let report = call(setup, leg, async {}).await;
    assert_eq!(report.end, Some(CallEnd::AiFailed));
    assert!(report.duration_ms <= 3_000, "{} ms", report.duration_ms);
    assert!(!report.spoke_fallback);
}

#[tokio::test(start_paused = true)]
async fn a_lost_carrier_ends_the_call() {
    let bridge = Arc::new(MockBridge::talking("Hello!", &[0x22; 800]));
    let (setup, _news) = setup(&bridge);
    let (leg, caller) = MemoryLeg::pair();
    caller.push(LegEvent::Lost);
    let report = call(setup, leg, async {}).await;
    assert_eq!(report.end, Some(CallEnd::LegFailed));
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_a_call_replays_to_the_same_actions() {
    let bridge = Arc::new(MockBridge::talking("Hello!", &[0x22; 4_000]));
    let (mut setup, _news) = setup(&bridge);
    let (pieces, mut written) = mpsc::channel(64);
    setup.journal = Some(Writer::new(AudioDetail::Lengths, pieces));
    let (leg, caller) = MemoryLeg::pair();
    let acts = async {
        for i in 0..50_u64 {
            caller.speak(i * 20, &[0x55; FRAME_BYTES]);
            millis(20).await;
        }
        caller.push(LegEvent::Dtmf('#'));
        caller.hang_up();
    };
    call(setup, leg.echoing_marks(), acts).await;
    let mut journal = String::new();
    while let Some(piece) = written.recv().await {
        journal.push_str(&piece);
    }
    let replayed = replay(journal.as_bytes(), |_, _, _| {}).unwrap();
    assert_eq!(replayed.same, Some(true));
    assert!(replayed.events > 50);

    let changed = journal.replacen(" k #", " k 1", 1);
    let replayed = replay(changed.as_bytes(), |_, _, _| {}).unwrap();
    assert_eq!(replayed.same, Some(false), "a changed journal is noticed");
}
