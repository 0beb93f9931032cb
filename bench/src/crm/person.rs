//! Leads as they are made up: everything about the lead with a number follows from that number.

use prosaas_core::{E164, LeadDraft, LeadId, UnixMillis};
use prosaas_crm::model::identity::NewIdentity;
use prosaas_crm::model::lead::{LeadSource, NewLead};
use prosaas_crm::search::Tokens;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::random::Random;
use super::words;
use super::world::{Tenant, World};

/// When the first lead came.
pub(crate) const BEGIN: UnixMillis = UnixMillis(1_680_000_000_000);
/// Over how long they came, in milliseconds: three years.
const SPAN_MS: i64 = 94_608_000_000;
/// Every so many leads there is one with which much happened.
pub(crate) const RICH_EVERY: u64 = 1_000;
/// The place of that one among them.
pub(crate) const RICH_AT: u64 = 5;
/// How often something happened with it.
pub(crate) const RICH_EVENTS: u64 = 300;

/// Something that happened with a lead after it was created.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: UnixMillis,
    pub(crate) kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Call,
    Note,
    Task,
    Deal,
}

/// A made-up lead.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: LeadId,
    pub(crate) created_at: UnixMillis,
    pub(crate) lead: NewLead,
    pub(crate) phones: Vec<E164>,
    pub(crate) email: Option<String>,
    pub(crate) events: Vec<Event>,
}

impl Person {
    /// The lead number `n` of a business.
    pub(crate) fn of(tenant: &Tenant, n: u64) -> anyhow::Result<Self> {
        let mut random = Random::of(tenant.number, n);
        let created_at = created_at(tenant, n, &mut random);
        let id = LeadId::from_uuid(v7(created_at, &mut random));
        let phones = phones(&mut random, n)?;
        let email = random
            .percent(45)
            .then(|| format!("{}@example.com", words::mailbox(&mut random, n)));
        let mut identities: Vec<_> = phones.iter().map(NewIdentity::phone).collect();
        if let Some(email) = &email {
            identities.push(NewIdentity::email(email)?);
        }
        let random = &mut random;
        let known = LeadDraft {
            name: Some(words::name(random)),
            intent: random.percent(60).then(|| words::wish(random)),
            summary: random.percent(30).then(|| words::summary(random)),
            next_step: random.percent(20).then(|| words::step(random)),
            notes: random.percent(15).then(|| words::note(random)),
        };
        let lead = NewLead {
            source: source(random),
            known,
            company: random.percent(20).then(|| words::company(random)),
            identities,
            stage: Some(tenant.stages[stage(random)]),
            assignee: random.percent(70).then(|| random.pick(&tenant.members)),
            tags: tags(tenant, n, random),
            custom: custom(random),
        };
        let events = events(created_at, n, random);
        Ok(Self {
            id,
            created_at,
            lead,
            phones,
            email,
            events,
        })
    }

    /// When something last happened.
    pub(crate) fn active_at(&self) -> UnixMillis {
        self.events.last().map_or(self.created_at, |event| event.at)
    }

    /// What the lead is found by, as `prosaas_crm` makes it; [`super::seed::twins`] compares.
    pub(crate) fn tokens(&self) -> Tokens {
        let known = &self.lead.known;
        let mut tokens = Tokens::default();
        if let Some(name) = &known.name {
            tokens = tokens.name(name);
        }
        tokens = self.phones.iter().fold(tokens, Tokens::phone);
        if let Some(email) = &self.email {
            tokens = tokens.email(email);
        }
        if let Some(company) = &self.lead.company {
            tokens = tokens.name(company);
        }
        for text in [&known.intent, &known.notes].into_iter().flatten() {
            tokens = tokens.text(text);
        }
        tokens
    }
}

/// Leads come in the order of their numbers, evenly over the time.
fn created_at(tenant: &Tenant, n: u64, random: &mut Random) -> UnixMillis {
    let step = SPAN_MS / i64::from(tenant.leads.max(1));
    let within = random.below(step.max(1) as u64);
    BEGIN.plus(step * n as i64 + within as i64)
}

/// A UUIDv7 of a moment.
pub(crate) fn v7(at: UnixMillis, random: &mut Random) -> Uuid {
    let millis = at.0.unsigned_abs() & 0xffff_ffff_ffff;
    let high = (millis << 16) | 0x7000 | (random.next() & 0x0fff);
    let low = (random.next() >> 2) | (0b10 << 62);
    Uuid::from_u64_pair(high, low)
}

/// Israeli mobile numbers, each once in a business: multiplying by a number that has no factor in common
/// with a power of ten only changes their order.
fn phones(random: &mut Random, n: u64) -> anyhow::Result<Vec<E164>> {
    let mut phones = Vec::new();
    if !random.percent(3) {
        phones.push(mobile(n)?);
    }
    if phones.is_empty() || random.percent(5) {
        phones.push(mobile(n + 40_000_000)?);
    }
    Ok(phones)
}

fn mobile(n: u64) -> anyhow::Result<E164> {
    let scattered = (n * 77_777_771 + 12_345) % 100_000_000;
    Ok(E164::parse(&format!("+9725{scattered:08}"))?)
}

fn source(random: &mut Random) -> LeadSource {
    match random.below(100) {
        0..55 => LeadSource::Call,
        55..75 => LeadSource::WhatsApp,
        75..85 => LeadSource::Manual,
        85..95 => LeadSource::Import,
        _ => LeadSource::Api,
    }
}

fn stage(random: &mut Random) -> usize {
    match random.below(100) {
        0..30 => 0,
        30..55 => 1,
        55..65 => 2,
        65..80 => 3,
        _ => 4,
    }
}

/// Most tags are common; the last one of a business is on every two-thousandth lead.
fn tags(tenant: &Tenant, n: u64, random: &mut Random) -> Vec<prosaas_crm::model::id::TagId> {
    let Some((rare, common)) = tenant.tags.split_last() else {
        return Vec::new();
    };
    let mut tags = Vec::new();
    for _ in 0..2 {
        if random.percent(40) {
            tags.push(random.pick_skewed(common));
        }
    }
    if n % 2_000 == 7 {
        tags.push(*rare);
    }
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn custom(random: &mut Random) -> Map<String, Value> {
    let mut custom = Map::new();
    if random.percent(40) {
        custom.insert("town".to_owned(), json!(random.pick(&words::TOWNS)));
    }
    if random.percent(20) {
        custom.insert("budget".to_owned(), json!(random.below(200) * 50));
    }
    custom
}

fn events(created_at: UnixMillis, n: u64, random: &mut Random) -> Vec<Event> {
    if n % RICH_EVERY == RICH_AT {
        let at = |k: u64| created_at.plus(k as i64 * 3_600_000);
        let note = |k| Event {
            at: at(k),
            kind: EventKind::Note,
        };
        return (1..=RICH_EVENTS).map(note).collect();
    }
    let mut at = created_at;
    let mut events = Vec::new();
    while random.percent(45) {
        at = at.plus(random.below(1_000_000_000) as i64 + 1);
        let kind = match random.below(100) {
            0..55 => EventKind::Call,
            55..80 => EventKind::Note,
            80..92 => EventKind::Task,
            _ => EventKind::Deal,
        };
        events.push(Event { at, kind });
    }
    events
}

/// The leads of a business, one after the other.
pub(crate) fn people(
    world: &World,
    tenant: usize,
) -> impl Iterator<Item = anyhow::Result<Person>> + '_ {
    let tenant = &world.tenants[tenant];
    (0..u64::from(tenant.leads)).map(move |n| Person::of(tenant, n))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use prosaas_core::TenantId;
    use prosaas_crm::model::id::{StageId, TagId, UserId};

    fn tenant() -> Tenant {
        let uuid = |n| Uuid::from_u64_pair(7, n);
        Tenant {
            number: 3,
            id: TenantId::from_uuid(uuid(0)),
            leads: 3_000,
            called: E164::parse("+972312345001").unwrap(),
            stages: (1..6).map(uuid).map(StageId::from_uuid).collect(),
            members: (6..9).map(uuid).map(UserId::from_uuid).collect(),
            tags: (9..12).map(uuid).map(TagId::from_uuid).collect(),
            pipeline: uuid(20),
            deal_stages: vec![uuid(21)],
        }
    }

    #[test]
    fn people_are_the_same_each_time_and_in_order() {
        let tenant = tenant();
        let (mut numbers, mut last) = (HashSet::new(), None);
        for n in 0..3_000 {
            let person = Person::of(&tenant, n).unwrap();
            assert_eq!(person.id, Person::of(&tenant, n).unwrap().id);
            assert!(
                person
                    .phones
                    .iter()
                    .all(|phone| numbers.insert(phone.clone()))
            );
            let key = (person.created_at, person.id);
            assert!(
                last.is_none_or(|last| last < key),
                "lead {n} comes after the one before it"
            );
            last = Some(key);
            assert!(person.active_at() >= person.created_at);
            assert!(person.lead.checked().is_ok());
        }
    }

    #[test]
    fn ids_are_of_version_seven_and_hold_their_time() {
        let id = v7(BEGIN, &mut Random::of(1, 1));
        assert_eq!(
            (id.get_version_num(), id.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        assert_eq!(id.as_u128() >> 80, BEGIN.0 as u128);
    }
}
