//! A ladder over real websockets, whose first rung has every fault there is.

use std::sync::Arc;
use std::time::Duration;

use prosaas_core::AudioBridge;
use prosaas_core::leg::AiEvent;
use prosaas_core::time::{Clock, ManualClock, UnixMillis};
use prosaas_realtime::ladder::{Ladder, LadderTimes, Rung, Trouble};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode};

use super::talk::{Talk, bridge, brief, fake, said};

fn ladder(first: &FakeModel, second: &FakeModel) -> Ladder {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(UnixMillis(0)));
    let rungs = vec![
        Rung::new("first", Arc::new(bridge(first))),
        Rung::new("second", Arc::new(bridge(second))),
    ];
    let times = LadderTimes {
        hedge: Duration::from_millis(100),
        ..LadderTimes::default()
    };
    Ladder::with_times(rungs, clock, times).unwrap()
}

#[tokio::test]
async fn every_fault_of_the_first_rung_leads_to_the_second() {
    let late = Duration::from_mins(1);
    for (mode, trouble) in [
        (Mode::Refuse { status: 401 }, Trouble::Key),
        (Mode::Refuse { status: 404 }, Trouble::RetiredModel),
        (Mode::Refuse { status: 429 }, Trouble::Overload),
        (Mode::Refuse { status: 500 }, Trouble::Overload),
        (Mode::RefuseTcp, Trouble::Unreachable),
        (Mode::Hang, Trouble::Unreachable),
        (
            Mode::Slow {
                connect: late,
                reply: Duration::ZERO,
            },
            Trouble::Unreachable,
        ),
    ] {
        let case = format!("{mode:?}");
        let first = fake(FakeModelConfig {
            mode,
            ..FakeModelConfig::default()
        })
        .await;
        let second = fake(FakeModelConfig::default()).await;
        let ladder = ladder(&first, &second);
        for _ in 0..2 {
            let leg = ladder.open(brief()).await.unwrap();
            assert_eq!(leg.served_by(), Some("second"), "{case}");
            let mut talk = Talk::new(leg);
            assert_eq!(talk.event().await, AiEvent::Ready, "{case}: told once");
            talk.ask(Some(r#"Say exactly: "Hello.""#)).await;
            assert_eq!(said(&talk.until_reply_ended().await), "Hello.", "{case}");
        }
        assert_eq!(ladder.rungs()[0].trouble, Some(trouble), "{case}");
        assert_eq!(ladder.rungs()[0].failures, 1, "{case}: asked once");
        assert_eq!(second.stats().sessions_opened, 2, "{case}");
    }
}

#[tokio::test]
async fn a_rung_that_is_rate_limited_or_drops_at_once_rests_after_the_call_noticed() {
    for mode in [
        Mode::RateLimited,
        Mode::DropAfter(Duration::from_millis(50)),
    ] {
        let case = format!("{mode:?}");
        let first = fake(FakeModelConfig {
            mode,
            ..FakeModelConfig::default()
        })
        .await;
        let second = fake(FakeModelConfig::default()).await;
        let ladder = ladder(&first, &second);
        let leg = ladder.open(brief()).await.unwrap();
        assert_eq!(leg.served_by(), Some("first"), "{case}");
        let mut talk = Talk::new(leg);
        assert_eq!(talk.event().await, AiEvent::Ready);
        if case.starts_with("RateLimited") {
            talk.ask(None).await;
            talk.failure().await;
        } else {
            while talk.event().await != AiEvent::Closed {}
        }
        let leg = ladder.open(brief()).await.unwrap();
        assert_eq!(leg.served_by(), Some("second"), "{case}");
    }
}
