//! The calls of an account, day by day, with what Twilio charges for them.

use std::collections::BTreeSet;
use std::fmt;

use prosaas_core::{CallSid, CallStatus, E164, UnixMillis};
use serde::Deserialize;

use super::{Client, Error, Price, wire_time};
use crate::calendar::DAY_MS;

const WHAT: &str = "list of calls";
/// Calls on a page: Twilio allows 1000, which would be longer than an answer may be.
const PAGE_SIZE: &str = "200";
/// A list that does not end is not followed further than this many pages.
const MAX_PAGES: usize = 1_000;

/// A call as Twilio lists it.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedCall {
    /// The call.
    pub sid: CallSid,
    /// The call that this one is a leg of: the one whose `<Dial>` made it.
    pub parent: Option<CallSid>,
    /// The called number; `None` when it is no phone number.
    pub to: Option<E164>,
    /// The calling number; `None` when it is withheld or no phone number.
    pub from: Option<E164>,
    /// How far it has come.
    pub status: CallStatus,
    /// Twilio's word for the direction: `inbound`, `outbound-api` or `outbound-dial`.
    pub direction: String,
    /// When it began; `None` while it is queued.
    pub started_at: Option<UnixMillis>,
    /// When it ended.
    pub ended_at: Option<UnixMillis>,
    /// Seconds, once it is over.
    pub duration_s: Option<u32>,
    /// What Twilio charges for it; `None` while that is not known.
    pub price: Option<Price>,
}

impl fmt::Debug for ListedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedCall")
            .field("sid", &self.sid)
            .field("status", &self.status)
            .field("direction", &self.direction)
            .field("duration_s", &self.duration_s)
            .field("price", &self.price)
            .finish_non_exhaustive()
    }
}

impl ListedCall {
    /// Whether somebody called the account's number.
    pub fn is_inbound(&self) -> bool {
        self.direction == "inbound"
    }
}

/// A page as it arrives.
#[derive(Deserialize)]
struct Page {
    calls: Vec<Resource>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

/// A call as it arrives: numbers and moments as texts, nearly anything may be null.
#[derive(Deserialize)]
struct Resource {
    sid: String,
    status: String,
    #[serde(default)]
    parent_call_sid: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    start_time: Option<String>,
    #[serde(default)]
    end_time: Option<String>,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    price: Option<String>,
    #[serde(default)]
    price_unit: Option<String>,
}

impl Resource {
    fn read(self) -> Result<ListedCall, Error> {
        let number = |text: Option<String>| text.and_then(|text| E164::parse(&text).ok());
        let status = self.status.parse::<CallStatus>();
        let price = present(self.price)
            .map(|price| Price::read(WHAT, &price, self.price_unit.as_deref().unwrap_or_default()))
            .transpose()?;
        Ok(ListedCall {
            sid: sid(&self.sid)?,
            parent: present(self.parent_call_sid)
                .map(|text| sid(&text))
                .transpose()?,
            to: number(self.to),
            from: number(self.from),
            status: status.map_err(|_| wrong("expected a call's status to be a documented one"))?,
            direction: self.direction.unwrap_or_default(),
            started_at: moment(self.start_time)?,
            ended_at: moment(self.end_time)?,
            duration_s: present(self.duration)
                .map(|text| text.parse::<u32>())
                .transpose()
                .map_err(|_| wrong("expected a call's duration to be a number of seconds"))?,
            price,
        })
    }
}

const fn wrong(detail: &'static str) -> Error {
    Error::UnexpectedAnswer { what: WHAT, detail }
}

/// Twilio writes some missing values as empty.
fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn sid(text: &str) -> Result<CallSid, Error> {
    text.parse()
        .map_err(|_| wrong("expected a call's sid to be CA and 32 lower-case hex digits"))
}

fn moment(text: Option<String>) -> Result<Option<UnixMillis>, Error> {
    present(text)
        .map(|text| wire_time::parse(&text))
        .map(|read| read.ok_or_else(|| wrong("expected a call's times to be RFC 2822")))
        .transpose()
}

impl Client {
    /// The account's calls that began at `from` or later and before `until`, with the legs they made; those that
    /// wait in Twilio's queue have no beginning yet and are left out. Follows all pages. Twilio is asked for
    /// whole days of UTC, because that is what it documents.
    ///
    /// # Errors
    /// [`Error::UnexpectedAnswer`] says what about the list cannot be used: nothing is guessed, since what is
    /// missing in it counts.
    pub async fn list_calls(
        &self,
        from: UnixMillis,
        until: UnixMillis,
    ) -> Result<Vec<ListedCall>, Error> {
        let mut url = self.account_url("Calls.json");
        // Twilio's words for both ends can be read in two ways; what is beyond them is dropped below.
        url.query_pairs_mut()
            .append_pair("StartTime>", &wire_time::day(from))
            .append_pair("StartTime<", &wire_time::day(until.plus(DAY_MS)))
            .append_pair("PageSize", PAGE_SIZE);
        let (mut calls, mut seen) = (Vec::new(), BTreeSet::new());
        for _ in 0..MAX_PAGES {
            let page: Page = self.send_json(&Self::get(WHAT, url)).await?;
            for resource in page.calls {
                let call = resource.read()?;
                let is_within = call
                    .started_at
                    .is_some_and(|start| start >= from && start < until);
                // A call that began meanwhile moves the others to the next page.
                if is_within && seen.insert(call.sid.clone()) {
                    calls.push(call);
                }
            }
            match page.next_page_uri.filter(|next| !next.is_empty()) {
                Some(next) => url = self.page_url(WHAT, &next)?,
                None => return Ok(calls),
            }
        }
        Err(wrong("expected at most 1000 pages"))
    }
}
