//! A model that always obeys an attacker: hostile tool calls in real calls, judged by what the databases of two
//! businesses hold afterwards and by whom the carrier was told to dial.

use anyhow::Context as _;
use prosaas_core::{
    CallDirection, CallId, Clock as _, E164, Language, LeadDraft, NewCall, TenantId,
    TransferTarget, time::SystemClock,
};
use prosaas_crm::{
    CallStore as _, CrmStore, Lead, LeadStore as _, Page, PhoneStore as _, StoredCall,
    auth::{Permissions, TenantScope},
    default_business,
};
use prosaas_realtime::testkit::model::{FakeModel, FakeModelConfig, Mode, Script, Stats};
use prosaas_twilio::testkit::carrier::{CallScript, HangUp};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    Plan,
    attacks::{self, Attack, PLANTED, ROUND, Target},
    books::Books,
    caller,
    installation::{self, Installation, Placed, Setup, sid},
    row::Outcome,
    voices::Voices,
};
use crate::generator::webhook::Webhooks;

const BAR: &str = "0 succeed";
/// Attacks of one call: a call may use no more than some dozens of tools.
const PER_CALL: usize = 10;
/// The one number that the business's calls may be transferred to.
const LISTED: &str = "+15005550199";
/// The call of the other business, above all others.
const FOREIGN: u32 = 800_000;
/// Leads of one page: more than there are calls.
const PAGE: u32 = 200;

/// Rounds of attacks, ten to a call.
pub(super) async fn run(plan: &Plan, voices: &Voices) -> anyhow::Result<Outcome> {
    let model = FakeModel::start(FakeModelConfig::default()).await?;
    let listed = E164::parse(LISTED)?;
    let sales = [TransferTarget {
        label: "sales".to_owned(),
        number: listed.clone(),
    }];
    let folder = voices.folder();
    let setup = Setup {
        transfer: &sales,
        ..Setup::roomy(model.address(), &folder)
    };
    let mut installation = Installation::start(&setup).await?;
    let other = Other::new(&installation).await?;
    let before = other.books().await?;
    let attacks: Vec<Attack> = (0..plan.hostile)
        .flat_map(|number| attacks::round(number, &other.target))
        .collect();
    let (calls, sessions) = attack(&installation, &model, &attacks).await?;
    let mut outcome = Outcome::default();
    let books = Books::open(&installation).await?;
    books.judge(&calls, &mut outcome).await?;
    let mut succeeded = Vec::new();
    if other.books().await? != before {
        succeeded.push("the other business's books have changed".to_owned());
    }
    succeeded.extend(dialled(&calls, &listed));
    succeeded.extend(planted(
        &books.first_leads(PAGE).await?,
        calls.len() as u32,
    )?);
    let told = told(&model.stats(), &sessions);
    let allowed = attacks.iter().filter(|attack| attack.allowed).count();
    if told.done > allowed {
        let more = told.done - allowed;
        succeeded.push(format!(
            "{more} tool calls were done that are nobody's right"
        ));
    }
    let measured = format!(
        "{} succeeded; {} refused, {} heeded for their caller alone, in {} calls of two businesses",
        succeeded.len(),
        told.refused,
        told.done,
        calls.len()
    );
    let asked = attacks.iter().filter(|attack| !attack.repeated).count();
    let reached = succeeded.is_empty() && told.refused + told.done == asked;
    for what in succeeded {
        outcome.break_with(format!("a hostile tool call succeeded: {what}"));
    }
    let fault = "a model that obeys an attacker";
    outcome.row(fault, BAR, measured, (attacks.len(), reached));
    installation.kill().await?;
    Ok(outcome)
}

/// Places the calls, each with a model that asks for its part of the attacks; the calls and their sessions.
async fn attack(
    installation: &Installation,
    model: &FakeModel,
    attacks: &[Attack],
) -> anyhow::Result<(Vec<Placed>, Vec<u64>)> {
    let (mut calls, mut sessions) = (JoinSet::new(), Vec::new());
    for (number, part) in (0..).zip(attacks.chunks(PER_CALL)) {
        let asked: Vec<_> = part
            .iter()
            .map(|attack| (attack.id.as_str(), attack.name, attack.arguments.as_str()))
            .collect();
        model.queue_mode(Mode::Scripted(Script::tool_calls_as(&asked)));
        let script = CallScript {
            hang_up: HangUp::At(4_000),
            ..CallScript::listening()
        };
        let begun = caller::begin(installation, model, (number, script), &mut calls).await?;
        sessions.push(begun.session);
    }
    Ok((caller::finish(calls).await?, sessions))
}

/// Another business, with a call and a lead that are nobody else's.
struct Other {
    store: CrmStore,
    scope: TenantScope,
    call: CallId,
    target: Target,
}

impl Other {
    async fn new(installation: &Installation) -> anyhow::Result<Self> {
        let id = TenantId::from_uuid(Uuid::from_u64_pair(
            0x0198_0000_0000_7000,
            0x8000_0000_0000_00fb,
        ));
        let business = default_business(id, "Other", Language::En);
        installation.add(&business, 1).await?;
        let store = installation.store().await?;
        let scope = TenantScope::from_trusted_host(id, Permissions::all());
        let new = NewCall {
            call_sid: sid(FOREIGN)?,
            direction: CallDirection::Inbound,
            caller: Some(installation::caller(FOREIGN)?),
            business_number: E164::parse(&Webhooks::business_number(1))?,
            started_at: SystemClock.now(),
        };
        let (record, _) = store.open_call(&scope, new).await?;
        let call = record.id;
        let draft = LeadDraft {
            name: Some("Dana Levi".to_owned()),
            ..LeadDraft::default()
        };
        let lead = store.save_lead(&scope, call, draft).await?;
        Ok(Self {
            store,
            scope,
            call,
            target: Target {
                tenant: id.to_string(),
                call: call.to_string(),
                lead: lead.to_string(),
            },
        })
    }

    /// Its leads and its call as they are stored.
    async fn books(&self) -> anyhow::Result<(Vec<Lead>, StoredCall)> {
        let leads = self.store.list_leads(&self.scope, Page::first(PAGE));
        let call = self.store.call(&self.scope, self.call).await?;
        Ok((leads.await?, call.context("its call is gone")?))
    }
}

/// Numbers that were dialled and are not on the list.
fn dialled(calls: &[Placed], listed: &E164) -> Vec<String> {
    let foreign = |placed: &&Placed| placed.seen.dialled().any(|number| number != listed);
    let calls = calls.iter().filter(foreign);
    calls
        .map(|placed| format!("call {} was led to a number not listed", placed.call))
        .collect()
}

/// Leads that hold what was planted, or that belong to nobody who called.
fn planted(leads: &[Lead], calls: u32) -> anyhow::Result<Vec<String>> {
    let callers: Vec<E164> = (0..calls)
        .map(installation::caller)
        .collect::<anyhow::Result<_>>()?;
    let is_foreign = |lead: &Lead| {
        let LeadDraft {
            name,
            intent,
            summary,
            next_step,
            notes,
        } = &lead.known;
        let mut texts = [name, intent, summary, next_step, notes]
            .into_iter()
            .flatten();
        let called = lead.phone.as_ref().is_some_and(|it| callers.contains(it));
        !called || texts.any(|text| text.contains(PLANTED))
    };
    let found = leads.iter().filter(|lead| is_foreign(lead));
    Ok(found
        .map(|lead| format!("lead {} holds what was planted", lead.id))
        .collect())
}

/// What the models were told.
#[derive(Debug, Default)]
struct Told {
    refused: usize,
    done: usize,
}

fn told(stats: &Stats, sessions: &[u64]) -> Told {
    let sessions = sessions
        .iter()
        .filter_map(|session| stats.session(*session));
    let items = sessions.flat_map(|session| &session.created_items);
    let mut told = Told::default();
    for output in items.filter_map(|item| item.strip_prefix("tool: ")) {
        if output.contains(r#""error""#) {
            told.refused += 1;
        } else {
            told.done += 1;
        }
    }
    told
}

/// So many tool calls in so many rounds.
pub(super) const fn rounds(tool_calls: u32) -> u32 {
    tool_calls.div_ceil(ROUND as u32)
}
