//! Whole calls over a real websocket whose model is lost.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::agent::AgentBrief;
use prosaas_core::business::CallLimits;
use prosaas_core::id::{CallId, TenantId};
use prosaas_core::leg::FRAME_BYTES;
use prosaas_core::memory::{CallerHandle, MemoryLeg, RecordedLegCommand};
use prosaas_core::time::UnixMillis;
use prosaas_core::tool_host::{CallContext, NoTools};
use prosaas_core::{AudioBridge, CallEnd};
use prosaas_realtime::journal::{AudioDetail, Writer, replay};
use prosaas_realtime::session::{CallUpdate, Opening, SessionConfig};
use prosaas_realtime::shell::{CallReport, CallSetup, run_call};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode, Pace, Stats};
use tokio::sync::mpsc;

use super::talk::{LIMIT, bridge, brief, voice};

const LINE: u8 = 0x11;

pub(super) struct Call {
    pub(super) setup: CallSetup,
    news: mpsc::Receiver<CallUpdate>,
    journal: mpsc::Receiver<String>,
}

pub(super) fn call(
    model: &FakeModel,
    greeting: &str,
    change: impl FnOnce(&mut SessionConfig),
) -> Call {
    let bridge = bridge(model);
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 60,
        max_live_calls: 1,
    };
    let greeting = format!(r#"Say exactly: "{greeting}""#);
    let mut session = SessionConfig::new(Opening::Greet(greeting), limits);
    session.capabilities = bridge.capabilities();
    session.protect_greeting = false;
    session.hold_audio = vec![LINE; 8_000].into();
    session.prompts.reconnected = r#"Say exactly: "Sorry, where were we?""#.into();
    change(&mut session);
    let (updates, news) = mpsc::channel(256);
    let (_, control) = mpsc::channel(1);
    let (pieces, journal) = mpsc::channel(1_024);
    let setup = CallSetup {
        session,
        context: CallContext {
            tenant: TenantId::mint(UnixMillis(0)),
            call: CallId::mint(UnixMillis(0)),
            call_sid: format!("CA{}", "0".repeat(32)).parse().unwrap(),
            caller: None,
        },
        brief: AgentBrief {
            tools: Vec::new(),
            ..brief()
        },
        bridge: Arc::new(bridge),
        ai: None,
        tools: Arc::new(NoTools),
        updates,
        control,
        activity: None,
        listeners: None,
        journal: Some(Writer::new(AudioDetail::Lengths, pieces)),
    };
    Call {
        setup,
        news,
        journal,
    }
}

/// Runs a call while `acts` plays the caller, who hangs up at its end; the journal must replay.
pub(super) async fn run(
    call: Call,
    acts: impl AsyncFnOnce(&CallerHandle, &mut mpsc::Receiver<CallUpdate>),
) -> (CallReport, CallerHandle) {
    let Call {
        setup,
        mut news,
        mut journal,
    } = call;
    let (leg, caller) = MemoryLeg::pair();
    let mut leg = leg.echoing_marks();
    let acting = async {
        acts(&caller, &mut news).await;
        caller.hang_up();
    };
    let both = async { tokio::join!(run_call(&mut leg, setup), acting) };
    let (report, ()) = tokio::time::timeout(LIMIT, both).await.unwrap();
    let mut written = String::new();
    while let Some(piece) = journal.recv().await {
        written.push_str(&piece);
    }
    let replayed = replay(written.as_bytes(), |_, _, _| {}).unwrap();
    assert_eq!(replayed.same, Some(true), "the journal replays");
    (report, caller)
}

pub(super) async fn until(
    news: &mut mpsc::Receiver<CallUpdate>,
    wanted: impl Fn(&CallUpdate) -> bool,
) {
    while let Some(update) = news.recv().await {
        if wanted(&update) {
            return;
        }
    }
    panic!("the call ended before");
}

pub(super) fn is_line(update: &CallUpdate, text: &str) -> bool {
    matches!(update, CallUpdate::Line(line) if line.text == text)
}

fn heard_the_line(caller: &CallerHandle) -> bool {
    let of_line = |command: &RecordedLegCommand| matches!(command, RecordedLegCommand::Audio(audio) if audio.contains(&LINE));
    caller.commands().iter().any(of_line)
}

pub(super) async fn fake(mode: Mode) -> FakeModel {
    let model = lives(None).await;
    model.queue_mode(mode);
    model
}

async fn lives(session_life: Option<Duration>) -> FakeModel {
    let config = FakeModelConfig {
        think: Duration::ZERO,
        pace: Pace::Times(4),
        session_life,
        ..FakeModelConfig::default()
    };
    FakeModel::start(config).await.unwrap()
}

#[tokio::test]
async fn a_model_that_drops_in_its_sentence_is_replaced_and_goes_on() {
    let model = fake(Mode::DropAfter(Duration::from_millis(600))).await;
    let long = "We are open on Mondays and Tuesdays. ".repeat(20);
    let call = call(&model, long.trim(), |_| {});
    let (report, _) = run(call, async |_, news| {
        until(news, |update| is_line(update, "Sorry, where were we?")).await;
    })
    .await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!(report.stats.reopened, 1);
    let stats = model.stats();
    assert_eq!(stats.sessions_opened, 2);
    let told = &stats.session(1).unwrap().created_items;
    let [only] = &told[..] else {
        panic!("{told:?}")
    };
    let said = only.strip_prefix("assistant: ").unwrap();
    assert!(said.starts_with("We are open on Mondays"), "{said}");
    assert!(said.len() < long.len() - 100, "what was never said: {said}");
}

#[tokio::test]
async fn a_line_fills_the_gap_while_a_model_takes_its_time_to_answer() {
    let model = fake(Mode::Slow {
        connect: Duration::ZERO,
        reply: Duration::from_millis(800),
    })
    .await;
    let call = call(&model, "Hello.", |session| {
        session.times.patience_ms = 100;
        session.times.hold_ms = 100;
    });
    let (report, caller) = run(call, async |caller, news| {
        until(news, |update| is_line(update, "Hello.")).await;
        let silence = vec![0xFF; 700 * 8];
        let speech = [voice(600), silence].concat();
        for (index, frame) in speech.chunks(FRAME_BYTES).enumerate() {
            caller.speak(index as u64 * 20, frame);
        }
        until(news, |update| matches!(update, CallUpdate::Holding { .. })).await;
        let answered = |update: &CallUpdate| {
            matches!(update, CallUpdate::Line(line) if line.text.starts_with("I heard"))
        };
        until(news, answered).await;
    })
    .await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!((report.stats.hold_lines, report.stats.reopened), (1, 0));
    assert!(heard_the_line(&caller));
}

#[tokio::test]
async fn a_caller_who_speaks_while_no_model_listens_is_heard_and_not_spoken_over() {
    let model = fake(Mode::DropAfter(Duration::from_millis(900))).await;
    for _ in 0..8 {
        model.queue_mode(Mode::Refuse { status: 500 });
    }
    let call = call(&model, "Hello.", |_| {});
    let (report, caller) = run(call, async |caller, news| {
        let lost = |update: &CallUpdate| matches!(update, CallUpdate::Reconnecting { .. });
        until(news, lost).await;
        for (index, frame) in voice(600).chunks(FRAME_BYTES).enumerate() {
            caller.speak(index as u64 * 20, frame);
        }
        until(news, |update| matches!(update, CallUpdate::Fallback { .. })).await;
    })
    .await;
    assert!(!heard_the_line(&caller), "nothing was owed to him");
    assert_eq!(report.end, Some(CallEnd::AiFailed));
    assert_eq!(report.stats.frames_in, 30);
}

#[tokio::test]
async fn a_leg_at_the_end_of_its_life_hands_over_while_it_still_serves() {
    let model = fake(Mode::Normal).await;
    let call = call(&model, "Hello.", |session| {
        let margin = session.times.handover_ms;
        session.capabilities.max_leg_ms = Some(margin + 500);
    });
    let (report, _) = run(call, async |_, news| {
        until(news, |update| is_line(update, "Hello.")).await;
        let stats = model
            .wait_for(LIMIT, |stats| stats.sessions_closed == 1)
            .await
            .unwrap();
        assert!(stats.sessions_opened >= 2, "the next one was there before");
        let told = &stats.session(1).unwrap().created_items;
        assert_eq!(told[..], ["assistant: Hello."]);
    })
    .await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert!(report.stats.reopened >= 1);
    assert_eq!(report.stats.hold_lines, 0);
}

#[tokio::test]
async fn a_session_whose_life_is_over_without_a_plan_is_replaced_at_once() {
    // Too short to be believed, so nothing is planned.
    let model = lives(Some(Duration::from_secs(2))).await;
    let call = call(&model, "Hello.", |_| {});
    let (report, _) = run(call, async |_, news| {
        until(news, |update| is_line(update, "Hello.")).await;
        let lost = |update: &CallUpdate| matches!(update, CallUpdate::Reconnecting { .. });
        until(news, lost).await;
        let is_told = |stats: &Stats| {
            let next = stats.session(1);
            next.is_some_and(|session| !session.created_items.is_empty())
        };
        let stats = model.wait_for(LIMIT, is_told).await.unwrap();
        assert!(stats.errors.contains_key("session_expired"));
        let told = &stats.session(1).unwrap().created_items;
        assert_eq!(told[..], ["assistant: Hello."]);
    })
    .await;
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert!(report.stats.reopened >= 1);
}
