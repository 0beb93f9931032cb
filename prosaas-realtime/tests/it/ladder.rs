//! Several models or accounts, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use prosaas_core::agent::{AgentBrief, HistoryTurn};
use prosaas_core::business::CallLimits;
use prosaas_core::id::{CallId, TenantId};
use prosaas_core::leg::{AiError, AiErrorKind, AiEvent, AiLeg};
use prosaas_core::memory::{AiHandle, MemoryLeg, MockBridge, Step, Trigger};
use prosaas_core::testkit::audio_bridge;
use prosaas_core::time::{Clock, ManualClock, UnixMillis};
use prosaas_core::tool_host::{CallContext, NoTools};
use prosaas_core::{AiCapabilities, AudioBridge, BridgeHealth, CallEnd, SecretString, Speaker};
use prosaas_realtime::ladder::{Ladder, Rung, Trouble};
use prosaas_realtime::session::{CallUpdate, Opening, SessionConfig};
use prosaas_realtime::shell::{CallSetup, run_call};
use tokio::sync::mpsc;
use tokio::time::Instant;

fn error(kind: AiErrorKind, code: &str) -> AiError {
    AiError {
        kind,
        code: code.to_owned(),
        message: String::new(),
        request: None,
    }
}

/// Counts how often a bridge is asked.
struct Counted {
    inner: MockBridge,
    asked: AtomicUsize,
}

impl Counted {
    fn new(inner: MockBridge) -> Arc<Self> {
        let asked = AtomicUsize::new(0);
        Arc::new(Self { inner, asked })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl AudioBridge for Counted {
    fn capabilities(&self) -> AiCapabilities {
        self.inner.capabilities()
    }

    async fn open(&self, brief: AgentBrief) -> Result<Box<dyn AiLeg>, AiError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inner.open(brief).await
    }
}

fn talking() -> Arc<Counted> {
    Counted::new(MockBridge::talking("Hello!", &[0x22; 1_600]))
}

fn ladder(rungs: &[(&str, &Arc<Counted>)]) -> (Arc<Ladder>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(UnixMillis(1_000_000)));
    let rungs = rungs
        .iter()
        .map(|(name, bridge)| Rung::new(*name, Arc::clone(bridge) as _))
        .collect();
    let ladder = Ladder::new(rungs, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    (Arc::new(ladder), clock)
}

async fn served_by(ladder: &Ladder) -> Option<String> {
    let leg = ladder.open(AgentBrief::default()).await.ok()?;
    leg.served_by().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn whatever_is_wrong_with_the_first_rung_the_second_serves_and_the_next_call_begins_there() {
    for (kind, code, trouble) in [
        (AiErrorKind::Account, "invalid_api_key", Trouble::Key),
        (AiErrorKind::Account, "insufficient_quota", Trouble::Quota),
        (
            AiErrorKind::Account,
            "model_not_found",
            Trouble::RetiredModel,
        ),
        (AiErrorKind::RateLimited, "http_429", Trouble::Overload),
        (AiErrorKind::Connect, "io", Trouble::Unreachable),
    ] {
        let first = Counted::new(MockBridge::refusing(error(kind, code)));
        let second = talking();
        let (ladder, clock) = ladder(&[("first", &first), ("second", &second)]);
        for _ in 0..3 {
            assert_eq!(
                served_by(&ladder).await.as_deref(),
                Some("second"),
                "{code}"
            );
        }
        assert_eq!((first.asked(), second.asked()), (1, 3), "{code}");
        let state = &ladder.rungs()[0];
        assert_eq!((state.trouble, state.failures), (Some(trouble), 1));
        assert_eq!(ladder.health(), BridgeHealth::Up);
        clock.advance(600_001);
        served_by(&ladder).await;
        assert_eq!(first.asked(), 2, "{code}: it is looked for again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rung_that_hangs_is_overtaken_in_a_moment() {
    let first = Counted::new(MockBridge::hanging());
    let (ladder, _clock) = ladder(&[("first", &first), ("second", &talking())]);
    let began = Instant::now();
    assert_eq!(served_by(&ladder).await.as_deref(), Some("second"));
    assert!(began.elapsed() <= Duration::from_millis(750));
    let began = Instant::now();
    assert_eq!(served_by(&ladder).await.as_deref(), Some("second"));
    assert!(began.elapsed() < Duration::from_millis(50));
    assert_eq!(first.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn when_nothing_serves_the_host_knows_before_it_answers() {
    let first = Counted::new(MockBridge::refusing(error(
        AiErrorKind::Account,
        "http_401",
    )));
    let second = Counted::new(MockBridge::refusing(error(
        AiErrorKind::Connect,
        "http_503",
    )));
    let (ladder, clock) = ladder(&[("first", &first), ("second", &second)]);
    for _ in 0..2 {
        let refused = ladder.open(AgentBrief::default()).await.err().unwrap();
        assert!(
            !refused.kind.is_permanent(),
            "the second may be back: {refused}"
        );
        clock.advance(1_000);
    }
    let BridgeHealth::Down { until } = ladder.health() else {
        panic!("{:?}", ladder.rungs())
    };
    assert!(until > clock.now());
    // A live call has nothing to lose: it asks all of them.
    let asked = (first.asked(), second.asked());
    let live = AgentBrief {
        history: vec![HistoryTurn::said(Speaker::Caller, "Hello?")],
        ..AgentBrief::default()
    };
    assert!(ladder.open(live).await.is_err());
    assert_eq!((first.asked(), second.asked()), (asked.0 + 1, asked.1 + 1));
    clock.advance(600_000);
    assert_eq!(ladder.health(), BridgeHealth::Up);
}

#[tokio::test(start_paused = true)]
async fn a_business_with_a_bad_key_of_its_own_puts_nobody_else_down() {
    let first = Counted::new(MockBridge::refusing(error(
        AiErrorKind::Account,
        "http_401",
    )));
    let spare = talking();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(UnixMillis(0)));
    let rungs = vec![
        Rung::new("first", Arc::clone(&first) as _),
        Rung::new("spare", Arc::clone(&spare) as _)
            .with_own_key()
            .with_voice("marin"),
    ];
    let ladder = Ladder::new(rungs, clock).unwrap();
    let brief = AgentBrief {
        api_key: Some(SecretString::from("sk-theirs")),
        voice: "alloy".to_owned(),
        ..AgentBrief::default()
    };
    let leg = ladder.open(brief).await.unwrap();
    assert_eq!(leg.served_by(), Some("spare"));
    let told = spare.inner.opened()[0].brief();
    assert!(told.api_key.is_none(), "the spare account has its own key");
    assert_eq!(told.voice, "marin");
    assert_eq!(ladder.rungs()[0].failures, 0);
    assert_eq!(ladder.rungs()[1].live, 1);
}

#[test]
fn a_ladder_has_rungs_that_are_talked_to_alike() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(UnixMillis(0)));
    assert!(Ladder::new(Vec::new(), Arc::clone(&clock)).is_err());
    let capabilities = AiCapabilities {
        paces_itself: true,
        ..talking().capabilities()
    };
    let other = MockBridge::talking("", &[]).with_capabilities(capabilities);
    let rungs = vec![
        Rung::new("a", talking() as _),
        Rung::new("b", Arc::new(other) as _),
    ];
    assert!(Ladder::new(rungs, clock).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_ends_in_a_call_moves_it_to_the_next_account() {
    let quota = AiEvent::Failed(error(AiErrorKind::Account, "insufficient_quota"));
    let first = Counted::new(MockBridge::scripted([Step::new(
        Trigger::ReplyRequested,
        [quota.into()],
    )]));
    let second = talking();
    let (ladder, _clock) = ladder(&[("first", &first), ("second", &second)]);
    let limits = CallLimits {
        max_call_s: 600,
        idle_s: 30,
        max_live_calls: 1,
    };
    let mut session = SessionConfig::new(Opening::Greet("greet".to_owned()), limits);
    session.capabilities = ladder.capabilities();
    session.has_spare_model = ladder.len() > 1;
    let (updates, mut news) = mpsc::channel(64);
    let (_keep, control) = mpsc::channel(1);
    let setup = CallSetup {
        session,
        context: CallContext {
            tenant: TenantId::mint(UnixMillis(0)),
            call: CallId::mint(UnixMillis(0)),
            call_sid: format!("CA{}", "0".repeat(32)).parse().unwrap(),
            caller: None,
        },
        brief: AgentBrief::default(),
        bridge: Arc::clone(&ladder) as _,
        ai: None,
        tools: Arc::new(NoTools),
        updates,
        control,
        activity: None,
        listeners: None,
        journal: None,
    };
    let (leg, caller) = MemoryLeg::pair();
    let mut leg = leg.echoing_marks();
    let acts = async {
        for _ in 0..150 {
            tokio::time::advance(Duration::from_millis(20)).await;
        }
        caller.hang_up();
    };
    let (report, ()) = tokio::join!(run_call(&mut leg, setup), acts);
    assert_eq!(report.end, Some(CallEnd::CallerHungUp));
    assert_eq!(report.transcript[0].text, "Hello!");
    let served: Vec<&str> = report
        .stats
        .served_by
        .iter()
        .map(|(_, by)| by.as_str())
        .collect();
    assert_eq!(served, ["first", "second"]);
    let mut told = Vec::new();
    while let Some(update) = news.recv().await {
        if let CallUpdate::Served { by, .. } = update {
            told.push(by);
        }
    }
    assert_eq!(told, ["first", "second"]);
    assert_eq!(ladder.rungs()[0].trouble, Some(Trouble::Quota));
    assert_eq!(ladder.rungs().iter().map(|rung| rung.live).sum::<u32>(), 0);
}

/// A ladder over one model that refuses and one that talks; its legs are those of the second.
struct OverTwo(std::sync::Mutex<Vec<Arc<Counted>>>);

#[async_trait]
impl audio_bridge::Fixture for OverTwo {
    async fn bridge(&self) -> Arc<dyn AudioBridge> {
        let first = Counted::new(MockBridge::refusing(error(AiErrorKind::Connect, "io")));
        let second = talking();
        let (ladder, _clock) = ladder(&[("first", &first), ("second", &second)]);
        self.0.lock().unwrap().push(second);
        ladder
    }

    async fn all_closed(&self, _bridge: &Arc<dyn AudioBridge>) {
        for model in self.0.lock().unwrap().iter() {
            assert!(model.inner.opened().iter().all(AiHandle::is_dropped));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ladder_is_an_audio_bridge() {
    audio_bridge::suite(&OverTwo(std::sync::Mutex::default())).await;
}
