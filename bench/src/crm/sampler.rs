//! Requests about leads of the large business, chosen at random.

use anyhow::Context as _;
use prosaas_core::{E164, LeadId};
use prosaas_crm::model::lead::{LeadPatch, LeadSource, NewLead};
use prosaas_crm::model::lead_list::{Assigned, LeadFilter, LeadKey, LeadList, LeadSort};
use prosaas_crm::model::patch::{Patch, Replace};
use prosaas_crm::model::phone::PhoneRegion;
use prosaas_crm::search::Query;

use super::person::{Person, RICH_AT, RICH_EVERY};
use super::random::Random;
use super::requests::{PAGE, Request};
use super::words;
use super::world::Tenant;

/// Makes requests about leads of the large business.
pub(crate) struct Sampler<'a> {
    pub(crate) tenant: &'a Tenant,
    random: Random,
    /// New leads get numbers that no made-up lead has, and no earlier run of the bench gave.
    pub(crate) fresh: u64,
}

impl<'a> Sampler<'a> {
    /// `run` is different in every run on one database.
    pub(crate) fn new(tenant: &'a Tenant, run: u64) -> Self {
        Self {
            tenant,
            random: Random::of(0xbe_4c, run),
            fresh: run % 1_000_000_000 * 10_000,
        }
    }

    /// A lead, any.
    pub(crate) fn person(&mut self) -> anyhow::Result<Person> {
        let n = self.random.below(u64::from(self.tenant.leads));
        Person::of(self.tenant, n)
    }

    /// A lead with a name, and a phone.
    pub(crate) fn lead(&mut self) -> anyhow::Result<LeadId> {
        Ok(self.person()?.id)
    }

    /// One with a long timeline.
    pub(crate) fn rich(&mut self) -> anyhow::Result<LeadId> {
        let of = u64::from(self.tenant.leads) / RICH_EVERY;
        let n = self.random.below(of.max(1)) * RICH_EVERY + RICH_AT;
        Ok(Person::of(self.tenant, n)?.id)
    }

    pub(crate) fn phone(&mut self) -> anyhow::Result<E164> {
        self.person()?
            .phones
            .first()
            .cloned()
            .context("a lead without a number")
    }

    /// The key of a lead in the middle of a list, so that the page behind it is a deep one.
    pub(crate) fn key(&mut self, sort: LeadSort) -> anyhow::Result<LeadKey> {
        let person = self.person()?;
        let at = match sort {
            LeadSort::Active => person.active_at(),
            LeadSort::Newest | LeadSort::Oldest => person.created_at,
        };
        Ok(LeadKey { at, id: person.id })
    }

    pub(crate) fn list(
        &mut self,
        filter: LeadFilter,
        sort: LeadSort,
        deep: bool,
    ) -> anyhow::Result<Request> {
        let after = if deep { Some(self.key(sort)?) } else { None };
        Ok(Request::Leads(Box::new(LeadList {
            filter,
            sort,
            after,
            limit: PAGE,
        })))
    }

    pub(crate) fn of_stage(&mut self) -> LeadFilter {
        LeadFilter {
            stage: Some(self.random.pick(&self.tenant.stages)),
            ..LeadFilter::default()
        }
    }

    pub(crate) fn of_member(&mut self) -> LeadFilter {
        let member = self.random.pick(&self.tenant.members);
        LeadFilter {
            assigned: Some(Assigned::To(member)),
            ..LeadFilter::default()
        }
    }

    pub(crate) fn with_tag(&mut self, rare: bool) -> LeadFilter {
        let tags = &self.tenant.tags;
        let tag = if rare { tags.last() } else { tags.first() };
        LeadFilter {
            tag: tag.copied(),
            ..LeadFilter::default()
        }
    }

    /// A new lead as the API is given one.
    pub(crate) fn new_lead(&mut self) -> anyhow::Result<Box<NewLead>> {
        self.fresh += 1;
        let mut person = self.person()?;
        let number = E164::parse(&format!("+1500{:011}", self.fresh % 100_000_000_000))?;
        person.lead.identities = vec![
            prosaas_crm::model::identity::NewIdentity::phone(&number),
            prosaas_crm::model::identity::NewIdentity::email(&format!(
                "new{}@example.com",
                self.fresh
            ))?,
        ];
        person.lead.source = LeadSource::Manual;
        Ok(Box::new(person.lead))
    }

    pub(crate) fn moved(&mut self) -> Box<LeadPatch> {
        let stage = self.random.pick(&self.tenant.stages);
        Box::new(LeadPatch {
            stage: Replace(Some(stage)),
            ..LeadPatch::default()
        })
    }

    pub(crate) fn renamed(&mut self) -> Box<LeadPatch> {
        let name = words::name(&mut self.random);
        Box::new(LeadPatch {
            name: Patch::Set(name),
            ..LeadPatch::default()
        })
    }

    pub(crate) fn search(text: &str, limit: u32) -> anyhow::Result<Request> {
        let query =
            Query::parse(text, PhoneRegion::IL).with_context(|| format!("{text:?} is no query"))?;
        Ok(Request::Search(query, limit))
    }

    /// The end of somebody's number.
    pub(crate) fn digits(&mut self, count: usize) -> anyhow::Result<String> {
        let phone = self.phone()?;
        let digits = phone.expose();
        Ok(digits[digits.len() - count..].to_owned())
    }

    pub(crate) fn word(&mut self) -> anyhow::Result<String> {
        let name = self
            .person()?
            .lead
            .known
            .name
            .context("a lead without a name")?;
        let words: Vec<_> = name
            .split(' ')
            .filter(|word| word.chars().count() > 3)
            .collect();
        match words.last() {
            Some(word) => Ok((*word).to_owned()),
            None => Ok("אברהם".to_owned()),
        }
    }

    /// The first letters of somebody's name: two characters of `O'Brien` would be one letter.
    pub(crate) fn beginning(&mut self, count: usize) -> anyhow::Result<String> {
        let letters = self.word()?;
        let letters = letters.chars().filter(|c| c.is_alphabetic());
        Ok(letters.take(count).collect())
    }

    pub(crate) fn full_name(&mut self) -> anyhow::Result<String> {
        self.person()?
            .lead
            .known
            .name
            .context("a lead without a name")
    }

    /// `count` requests by `make`.
    pub(crate) fn several(
        &mut self,
        count: usize,
        mut make: impl FnMut(&mut Self) -> anyhow::Result<Request>,
    ) -> anyhow::Result<Vec<Request>> {
        (0..count).map(|_| make(self)).collect()
    }
}
