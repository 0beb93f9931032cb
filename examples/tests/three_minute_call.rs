//! How do I test my application against a whole call, without a network and without waiting?
//!
//! Three minutes of call, a caller who speaks six times and an agent who answers, on a clock that jumps
//! from one event to the next. Nothing sleeps: the test takes a few hundredths of a second and prints how many.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::agent::AgentBrief;
use prosaas_core::business::CallLimits;
use prosaas_core::leg::{AiEvent, FRAME_BYTES, ItemId};
use prosaas_core::memory::{MemoryLeg, MockBridge, RecordedLegCommand};
use prosaas_core::tool_host::{CallContext, NoTools};
use prosaas_core::{CallEnd, CallId, CallSid, TenantId, UnixMillis, Usage};
use prosaas_realtime::session::{Opening, SessionConfig};
use prosaas_realtime::shell::{CallSetup, run_call};
use tokio::sync::mpsc;

const FRAMES: u64 = 3 * 60 * 50;

#[tokio::test(start_paused = true)]
async fn a_three_minute_call_takes_no_time() -> Result<(), prosaas_core::Error> {
    let began = std::time::Instant::now();
    let bridge = Arc::new(MockBridge::talking("How can I help?", &[0x22; 8_000]));
    let (mut leg, caller) = MemoryLeg::pair();
    leg = leg.echoing_marks();

    let caller_acts = async {
        for frame in 0..FRAMES {
            caller.speak(frame * 20, &[0x55; FRAME_BYTES]);
            tokio::time::advance(Duration::from_millis(20)).await;
            if frame % 1_500 == 1_000
                && let Some(model) = bridge.opened().first()
            {
                let item = ItemId(1_000 + frame as u32);
                let text = format!("this is turn {}", frame / 1_500);
                model.push(AiEvent::SpeechStarted);
                model.push(AiEvent::CallerItem { item, after: None });
                model.push(AiEvent::CallerText {
                    item,
                    text,
                    usage: Usage::default(),
                });
            }
        }
        caller.hang_up();
    };
    let (report, ()) = tokio::join!(run_call(&mut leg, setup(&bridge)?), caller_acts);

    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!(report.stats.frames_in, FRAMES);
    assert!(
        report.duration_ms >= 179_000,
        "{} ms of call",
        report.duration_ms
    );
    let turns = report
        .transcript
        .iter()
        .filter(|line| line.text.starts_with("this is turn"));
    assert_eq!(turns.count(), 6);
    let spoke = |command: &RecordedLegCommand| matches!(command, RecordedLegCommand::Audio(_));
    assert!(
        caller.commands().iter().any(spoke),
        "the caller heard the agent"
    );
    println!("three minutes of call took {:?}", began.elapsed());
    Ok(())
}

fn setup(bridge: &Arc<MockBridge>) -> Result<CallSetup, prosaas_core::Error> {
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 120,
        max_live_calls: 1,
    };
    let (updates, _) = mpsc::channel(64);
    let (_, control) = mpsc::channel(1);
    let call_sid: CallSid = format!("CA{}", "0".repeat(32)).parse()?;
    Ok(CallSetup {
        session: SessionConfig::new(Opening::Greet("Greet the caller.".to_owned()), limits),
        context: CallContext {
            tenant: TenantId::mint(UnixMillis(0)),
            call: CallId::mint(UnixMillis(0)),
            call_sid,
            caller: None,
        },
        brief: AgentBrief::default(),
        bridge: Arc::clone(bridge) as _,
        ai: None,
        tools: Arc::new(NoTools),
        updates,
        control,
        activity: None,
        listeners: None,
        journal: None,
    })
}
