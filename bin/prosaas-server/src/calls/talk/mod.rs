//! Talking to the agent from the console: the session of a phone call over a browser's websocket. No call and no
//! lead is kept; what it cost is.

mod leg;
mod wire;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use async_trait::async_trait;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request};
use axum::response::Response;
use prosaas_core::business::CallLimits;
use prosaas_core::{
    AgentBrief, BridgeHealth, Business, CallContext, CallEnd, CallId, CallSid, Error, MicroUsd,
    TenantId, UnixMillis,
};
use prosaas_crm::auth::TenantScope;
use prosaas_crm::model::id::UserId;
use prosaas_crm::model::settings::VoiceTool;
use prosaas_crm::model::spending::Account;
use prosaas_crm::talk::{TalkDesk, TalkRefusal, Talker};
use prosaas_realtime::session::{CallUpdate, Control, Opening, SessionConfig};
use prosaas_realtime::shell::{CallReport, CallSetup, run_call};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use super::live::{Room, Seat};
use super::tools::{self, RehearsalTools};
use super::{agent, caller};
use crate::call_span;
use crate::wiring::App;
use leg::BrowserLeg;

/// The longest talk, in seconds; the business's own limit may be shorter.
const LONGEST_S: u32 = 600;
/// The longest message read from a page.
const MAX_MESSAGE: usize = 16 * 1024;
/// How many updates of the session may wait for the page.
const UPDATES: usize = 64;

/// Who talks to the agent. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Talks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The server, once it is put together: its API is a part of it.
    app: OnceLock<Weak<App>>,
    /// Each user once.
    talking: Mutex<HashSet<UserId>>,
}

impl Talks {
    /// From here on people may talk.
    pub fn open(&self, app: &Arc<App>) {
        let _ = self.0.app.set(Arc::downgrade(app));
    }

    fn app(&self) -> Option<Arc<App>> {
        self.0.app.get()?.upgrade()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<UserId>> {
        // A panic while the lock was held left a consistent set.
        self.0
            .talking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a user talks; `None` when he does already.
    fn enter(&self, user: UserId) -> Option<Talking> {
        self.lock().insert(user).then(|| Talking {
            talks: self.clone(),
            user,
        })
    }
}

/// A user talks, until this is dropped.
#[derive(Debug)]
struct Talking {
    talks: Talks,
    user: UserId,
}

impl Drop for Talking {
    fn drop(&mut self) {
        self.talks.lock().remove(&self.user);
    }
}

#[async_trait]
impl TalkDesk for Talks {
    async fn talk(&self, who: Talker, request: Request) -> Result<Response, TalkRefusal> {
        let app = self.app().ok_or(TalkRefusal::Unavailable)?;
        let (mut parts, _) = request.into_parts();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        let upgrade = upgrade.map_err(|_| TalkRefusal::NoWebSocket)?;
        let talking = self.enter(who.user).ok_or(TalkRefusal::AlreadyTalking)?;
        let talk = Box::pin(Talk::admit(app, who.scope, talking)).await?;
        let upgrade = upgrade.max_message_size(MAX_MESSAGE);
        Ok(upgrade.on_upgrade(|socket| Box::pin(talk.run(socket))))
    }
}

/// A talk that was admitted. Dropping it gives its place up.
struct Talk {
    app: Arc<App>,
    scope: TenantScope,
    business: Arc<Business>,
    context: CallContext,
    brief: AgentBrief,
    money: Money,
    _seat: Seat,
    _talking: Talking,
}

impl Talk {
    async fn admit(
        app: Arc<App>,
        scope: TenantScope,
        talking: Talking,
    ) -> Result<Self, TalkRefusal> {
        if app.shutdown.is_draining() || !app.config.model.use_realtime {
            return Err(TalkRefusal::Unavailable);
        }
        let (business, brief) = told(&app, &scope).await?;
        let is_down = matches!(app.bridge.health(), BridgeHealth::Down { .. });
        // What is known of the installation's accounts says nothing about a business's own.
        if is_down && brief.api_key.is_none() {
            return Err(TalkRefusal::Unavailable);
        }
        let (now, limit) = (app.clock.now(), business.limits.max_live_calls);
        let call = CallId::mint(now);
        let context = context(&scope, call).map_err(|error| unavailable(&error))?;
        if !app
            .live
            .admit(business.id, call, Room::of_business(limit), now)
        {
            return Err(TalkRefusal::TooManyCalls);
        }
        let seat = app.live.take_seat(business.id, call);
        let account = app.store.account(&scope).await;
        let account = account.map_err(|error| unavailable(&error))?;
        let money = Money::of(&app, (business.id, call), &account, now);
        if money.may_cost == Some(MicroUsd(0)) {
            return Err(TalkRefusal::BudgetSpent);
        }
        Ok(Self {
            app,
            scope,
            business,
            context,
            brief,
            money,
            _seat: seat,
            _talking: talking,
        })
    }

    async fn run(self, socket: WebSocket) {
        // Counted, so that the process does not end under a talk.
        let _running = self.app.tasks.token();
        let span = call_span!(self.context.call);
        self.carry(socket).instrument(span).await;
    }

    async fn carry(self, socket: WebSocket) {
        tracing::info!("somebody talks to the agent from the console");
        let (updates, said) = mpsc::channel(UPDATES);
        let (control, commands) = mpsc::channel(1);
        let mut leg = BrowserLeg::new(socket, said);
        let setup = self.setup(updates, commands).await;
        let app = &self.app;
        let stopped = async move {
            app.shutdown.stopping().await;
            let _ = control.send(Control::Shutdown).await;
            std::future::pending::<Infallible>().await
        };
        let report = tokio::select! {
            report = run_call(&mut leg, setup) => report,
            never = stopped => match never {},
        };
        let end = report.end.unwrap_or(CallEnd::LegFailed);
        self.keep(&report, end).await;
        leg.finish(end.as_str()).await;
    }

    async fn setup(
        &self,
        updates: mpsc::Sender<CallUpdate>,
        control: mpsc::Receiver<Control>,
    ) -> CallSetup {
        let (app, business) = (&self.app, &self.business);
        let limits = CallLimits {
            max_call_s: business.limits.max_call_s.min(LONGEST_S),
            ..business.limits
        };
        let opening = Opening::Greet(agent::opening(business, false));
        let mut session = SessionConfig::new(opening, limits);
        session.capabilities = app.bridge.capabilities();
        session.fallback_audio = app.voices.fallback(&self.scope, business).await;
        let hold = app.voices.hold(&self.scope, business).await;
        [session.hold_audio, session.hold_again_audio] = hold;
        session.has_spare_model = app.config.model.spare.is_some();
        if app.config.model.turn_taking {
            session.decide_turns(business.language);
        }
        session.budget = self.money.may_cost;
        CallSetup {
            session,
            context: self.context.clone(),
            brief: self.brief.clone(),
            bridge: Arc::clone(&app.bridge),
            ai: None,
            tools: Arc::new(RehearsalTools::new(
                Arc::clone(business),
                self.scope,
                Arc::clone(&app.store),
            )),
            updates,
            control,
            activity: None,
            listeners: None,
            journal: None,
        }
    }

    /// What the talk cost is counted as a call's, and stands in the business's audit log.
    async fn keep(&self, report: &CallReport, end: CallEnd) {
        let cost = report.usage.cost;
        self.app.metrics.usage(&report.usage);
        tracing::info!(
            duration_ms = report.duration_ms,
            cost_micro_usd = cost.0,
            end = end.as_str(),
            "the talk from the console ended"
        );
        let talked = (report.duration_ms, cost, end);
        let (scope, talk) = (&self.scope, self.context.call);
        if let Err(error) = self.app.store.note_talk(scope, talk, talked).await {
            tracing::error!(error = %error.chain(), "a talk from the console could not be noted");
        }
    }
}

/// What a talk may cost; given back when this is dropped.
struct Money {
    app: Arc<App>,
    talk: CallId,
    /// `None` when there is no end to it.
    may_cost: Option<MicroUsd>,
}

impl Money {
    fn of(
        app: &Arc<App>,
        (tenant, talk): (TenantId, CallId),
        account: &Account,
        now: UnixMillis,
    ) -> Self {
        Self {
            app: Arc::clone(app),
            talk,
            may_cost: app.purse.give(tenant, talk, account, now),
        }
    }
}

impl Drop for Money {
    fn drop(&mut self) {
        self.app.purse.take_back(self.talk);
    }
}

/// The business, and what its agent is told: as in a call whose caller withholds his number.
async fn told(app: &App, scope: &TenantScope) -> Result<(Arc<Business>, AgentBrief), TalkRefusal> {
    let business = app.standby.business(scope).await;
    let business = business.map_err(|error| unavailable(&error))?;
    let business = business.ok_or(TalkRefusal::Unavailable)?;
    let brief = brief(app, scope, &business).await;
    Ok((business, brief.map_err(|error| unavailable(&error))?))
}

async fn brief(app: &App, scope: &TenantScope, business: &Business) -> Result<AgentBrief, Error> {
    let mut offered = app.store.settings(scope).await?.tools;
    // There is no caller who could be written to.
    offered.retain(|tool| *tool != VoiceTool::SendWhatsapp);
    let secrets = app.standby.secrets(scope).await?;
    let mut brief = agent::brief(
        business,
        tools::specs(business, &offered),
        Vec::new(),
        None,
        secrets.openai_api_key,
    );
    // A business that has no number yet tries its agent out as well.
    if let Some(number) = app.store.numbers(scope).await?.first() {
        let now = app.clock.now();
        let situation = app
            .store
            .call_situation(scope, &number.number, None, now)
            .await?;
        brief.instructions.push_str(&caller::notes(&situation, now));
    }
    Ok(brief)
}

/// Whose talk it is, for tools. No carrier knows it; its id stands where a carrier's would.
fn context(scope: &TenantScope, call: CallId) -> Result<CallContext, Error> {
    let call_sid: CallSid = format!("CA{}", call.uuid().simple()).parse()?;
    Ok(CallContext {
        tenant: scope.tenant(),
        call,
        call_sid,
        caller: None,
    })
}

fn unavailable(error: &Error) -> TalkRefusal {
    tracing::error!(error = %error.chain(), "nobody can talk to the agent from the console");
    TalkRefusal::Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_talks_once_at_a_time() {
        let talks = Talks::default();
        let (dana, ron) = (UserId::mint(UnixMillis(1)), UserId::mint(UnixMillis(1)));
        let first = talks.enter(dana).unwrap();
        assert!(talks.enter(dana).is_none());
        assert!(talks.enter(ron).is_some());
        drop(first);
        assert!(talks.enter(dana).is_some());
    }

    #[test]
    fn a_talk_has_an_id_of_the_carriers_form() {
        let scope = TenantScope::from_trusted_host(
            TenantId::mint(UnixMillis(1)),
            prosaas_crm::auth::Permissions::all(),
        );
        let context = context(&scope, CallId::mint(UnixMillis(1))).unwrap();
        assert!(context.call_sid.as_str().starts_with("CA"));
        assert_eq!(context.caller, None);
    }
}
