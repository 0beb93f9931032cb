//! The figures: what is measured, against which bar.

use std::time::Duration;

use anyhow::Context as _;
use prosaas_core::E164;
use prosaas_crm::Page;
use prosaas_crm::model::lead::LeadSource;
use prosaas_crm::model::lead_list::{Assigned, LeadFilter, LeadSort};
use prosaas_crm::model::phone::PhoneRegion;
use prosaas_crm::search::Query;

use super::requests::{PAGE, Request};
use super::sampler::Sampler;

/// A kind of request, with its bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A page of a list.
    List,
    /// One thing by its key.
    Get,
    /// A search.
    Search,
    /// A change.
    Write,
}

impl Class {
    /// What half of the requests, and all but one in a hundred, may take.
    pub(crate) const fn bar(self) -> (Duration, Duration) {
        let (p50, p99) = match self {
            Self::List => (5, 50),
            Self::Get => (2, 20),
            Self::Search => (15, 100),
            Self::Write => (8, 60),
        };
        (Duration::from_millis(p50), Duration::from_millis(p99))
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    /// Whether the requests find something.
    pub(crate) finds: bool,
    /// Requests that are made in turn.
    pub(crate) requests: Vec<Request>,
}

type Make = fn(&mut Sampler<'_>) -> anyhow::Result<Request>;

/// Every figure, with `count` requests each.
pub(crate) fn figures(sampler: &mut Sampler<'_>, count: usize) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, class, finds, make) in ALL {
        let requests = sampler
            .several(count, make)
            .with_context(|| format!("`{name}`"))?;
        figures.push(Figure {
            name,
            class: *class,
            finds: *finds,
            requests,
        });
    }
    Ok(figures)
}

const ALL: &[(&str, Class, bool, Make)] = &[
    (
        "list, last active first: first page",
        Class::List,
        true,
        |s| s.list(LeadFilter::default(), LeadSort::Active, false),
    ),
    (
        "list, last active first: deep page",
        Class::List,
        true,
        |s| s.list(LeadFilter::default(), LeadSort::Active, true),
    ),
    ("list, newest first: first page", Class::List, true, |s| {
        s.list(LeadFilter::default(), LeadSort::Newest, false)
    }),
    ("list, newest first: deep page", Class::List, true, |s| {
        s.list(LeadFilter::default(), LeadSort::Newest, true)
    }),
    ("list, oldest first: deep page", Class::List, true, |s| {
        s.list(LeadFilter::default(), LeadSort::Oldest, true)
    }),
    ("board column: first page", Class::List, true, |s| {
        let filter = s.of_stage();
        s.list(filter, LeadSort::Active, false)
    }),
    ("board column: deep page", Class::List, true, |s| {
        let filter = s.of_stage();
        s.list(filter, LeadSort::Active, true)
    }),
    (
        "board column of one member: first page",
        Class::List,
        true,
        |s| {
            let filter = LeadFilter {
                assigned: s.of_member().assigned,
                ..s.of_stage()
            };
            s.list(filter, LeadSort::Active, false)
        },
    ),
    ("board counts of all stages", Class::List, true, |_| {
        Ok(Request::Counts)
    }),
    ("list of one member: first page", Class::List, true, |s| {
        let filter = s.of_member();
        s.list(filter, LeadSort::Active, false)
    }),
    ("list of one member: deep page", Class::List, true, |s| {
        let filter = s.of_member();
        s.list(filter, LeadSort::Active, true)
    }),
    ("list of nobody's: deep page", Class::List, true, |s| {
        let filter = LeadFilter {
            assigned: Some(Assigned::Nobody),
            ..LeadFilter::default()
        };
        s.list(filter, LeadSort::Active, true)
    }),
    ("list of a common tag: first page", Class::List, true, |s| {
        let filter = s.with_tag(false);
        s.list(filter, LeadSort::Newest, false)
    }),
    ("list of a common tag: deep page", Class::List, true, |s| {
        let filter = s.with_tag(false);
        s.list(filter, LeadSort::Newest, true)
    }),
    ("list of a rare tag, newest first", Class::List, true, |s| {
        let filter = s.with_tag(true);
        s.list(filter, LeadSort::Newest, false)
    }),
    (
        "list of a rare tag, last active first",
        Class::List,
        false,
        |s| {
            let filter = s.with_tag(true);
            s.list(filter, LeadSort::Active, true)
        },
    ),
    (
        "list of a stage, newest first: deep page",
        Class::List,
        true,
        |s| {
            let filter = s.of_stage();
            s.list(filter, LeadSort::Newest, true)
        },
    ),
    (
        "list of a source (5 %): deep page",
        Class::List,
        true,
        |s| {
            let filter = LeadFilter {
                source: Some(LeadSource::Api),
                ..LeadFilter::default()
            };
            s.list(filter, LeadSort::Active, true)
        },
    ),
    (
        "list of member, stage, source and a rare tag",
        Class::List,
        false,
        |s| {
            let filter = LeadFilter {
                stage: s.of_stage().stage,
                tag: s.with_tag(true).tag,
                source: Some(LeadSource::Import),
                ..s.of_member()
            };
            s.list(filter, LeadSort::Active, true)
        },
    ),
    ("list by words, of one stage", Class::Search, false, |s| {
        let query = Query::parse(&s.beginning(4)?, PhoneRegion::IL);
        let filter = LeadFilter {
            query,
            ..s.of_stage()
        };
        s.list(filter, LeadSort::Active, false)
    }),
    ("timeline: first page", Class::List, true, |s| {
        Ok(Request::Timeline(s.lead()?, Page::first(PAGE)))
    }),
    (
        "timeline of 300 entries: first page",
        Class::List,
        true,
        |s| Ok(Request::Timeline(s.rich()?, Page::first(PAGE))),
    ),
    (
        "timeline of 300 entries: fourth page",
        Class::List,
        true,
        |s| Ok(Request::TimelineAfter(s.rich()?, 150)),
    ),
    ("tasks, most pressing first", Class::List, true, |_| {
        Ok(Request::Tasks)
    }),
    ("deals, newest first", Class::List, true, |_| {
        Ok(Request::Deals)
    }),
    ("calls, newest first", Class::List, true, |_| {
        Ok(Request::Calls)
    }),
    ("lead by id", Class::Get, true, |s| {
        Ok(Request::Lead(s.lead()?))
    }),
    (
        "lead by id, with identities and tags",
        Class::Get,
        true,
        |s| Ok(Request::Details(s.lead()?)),
    ),
    ("phone look-up: known", Class::Get, true, |s| {
        Ok(Request::Phone(s.phone()?))
    }),
    ("phone look-up: unknown", Class::Get, false, |s| {
        s.fresh += 1;
        Ok(Request::Phone(E164::parse(&format!(
            "+1500555{:07}",
            s.fresh % 10_000_000
        ))?))
    }),
    (
        "call start: everything about the caller",
        Class::Get,
        true,
        |s| Ok(Request::Call(s.tenant.called.clone(), s.phone()?)),
    ),
    ("search: 2 characters", Class::Search, true, |s| {
        Sampler::search(&s.beginning(2)?, 20)
    }),
    ("search: 3 characters", Class::Search, true, |s| {
        Sampler::search(&s.beginning(3)?, 20)
    }),
    (
        "search: first 4 letters of a name",
        Class::Search,
        true,
        |s| Sampler::search(&s.beginning(4)?, 20),
    ),
    (
        "search: a name behind a prefix letter",
        Class::Search,
        true,
        |s| Sampler::search(&format!("ל{}", s.word()?), 20),
    ),
    (
        "search: the commonest name, 200 results",
        Class::Search,
        true,
        |_| Sampler::search("משה", 200),
    ),
    ("search: first and last name", Class::Search, true, |s| {
        Sampler::search(&s.full_name()?, 20)
    }),
    ("search: two common beginnings", Class::Search, true, |_| {
        Sampler::search("מש כה", 20)
    }),
    (
        "search: a common and an impossible word",
        Class::Search,
        false,
        |_| Sampler::search("אברהם זזז", 20),
    ),
    (
        "search: last 2 digits of a number",
        Class::Search,
        true,
        |s| Sampler::search(&s.digits(2)?, 20),
    ),
    ("search: last 3 digits", Class::Search, true, |s| {
        Sampler::search(&s.digits(3)?, 20)
    }),
    ("search: last 4 digits", Class::Search, true, |s| {
        Sampler::search(&s.digits(4)?, 20)
    }),
    ("search: last 7 digits", Class::Search, true, |s| {
        Sampler::search(&s.digits(7)?, 20)
    }),
    (
        "search: a name and last 4 digits",
        Class::Search,
        true,
        |s| {
            let person = s.person()?;
            let (Some(name), Some(phone)) = (&person.lead.known.name, person.phones.first()) else {
                anyhow::bail!("a lead without name or number")
            };
            let first = name.split(' ').next().unwrap_or_default();
            let digits = phone.expose();
            Sampler::search(&format!("{first} {}", &digits[digits.len() - 4..]), 20)
        },
    ),
    ("search: nothing found", Class::Search, false, |_| {
        Sampler::search("qxzvbn", 20)
    }),
    ("create", Class::Write, true, |s| {
        Ok(Request::Create(s.new_lead()?))
    }),
    ("update: moved to a stage", Class::Write, true, |s| {
        let patch = s.moved();
        Ok(Request::Update(s.lead()?, patch))
    }),
    ("update: renamed", Class::Write, true, |s| {
        let patch = s.renamed();
        Ok(Request::Update(s.lead()?, patch))
    }),
    ("note added", Class::Write, true, |s| {
        Ok(Request::Note(s.lead()?))
    }),
];
