//! Lists: a bounded page, a signed cursor to the next one, and a count only as far as it is cheap.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use prosaas_core::UnixMillis;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::cursor::{Cursors, ListId};
use super::parse::expectation;
use super::problem::{ApiResult, Problem};
use super::state::ApiState;

/// The most rows a page holds.
pub const MAX_LIMIT: u32 = 200;
/// The most that a count says.
pub const MAX_COUNT: u32 = 1000;
const DEFAULT_LIMIT: u32 = 50;
/// The longest query string that is looked at.
const MAX_QUERY: usize = 8 * 1024;

/// The parameters that every list has.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// How many rows at most.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub limit: u32,
    /// `page.next` of the page before.
    #[param(required = false, max_length = 1024, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
    /// Ask for the number of rows, counted up to 1,000.
    #[param(required = false, inline)]
    pub count: Option<CountKind>,
}

/// How rows are counted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountKind {
    /// Up to 1,000; then the answer says so.
    Capped,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in the order of the list.
    pub data: Vec<T>,
    /// Where it goes on.
    pub page: PageInfo,
    /// How many rows there are, when it was asked and the list can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}

/// Where a list goes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageInfo {
    /// The cursor of the next page; null on the last one.
    pub next: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// The rows counted.
    pub value: u64,
    /// Whether counting stopped there.
    pub capped: bool,
}

impl Count {
    /// What a store counted that stops one behind [`MAX_COUNT`].
    pub fn of(rows: u64) -> Self {
        Self {
            value: rows.min(u64::from(MAX_COUNT)),
            capped: rows > u64::from(MAX_COUNT),
        }
    }
}

/// A request for a page: the filter `F` (which denies unknown fields), and where the page begins.
#[derive(Clone, Debug)]
pub struct List<F> {
    /// The list's own parameters.
    pub filter: F,
    /// The rows the client wants at most.
    pub limit: u32,
    /// Whether he wants them counted.
    pub counted: bool,
    cursor: Option<String>,
    id: ListId,
    cursors: Cursors,
    now: UnixMillis,
}

/// The filter of a list that has none.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl<F> List<F> {
    /// How many rows to read: one more than the page holds says whether there is a next one.
    pub const fn fetch(&self) -> u32 {
        self.limit + 1
    }

    /// The sort key of the row before this page; `None` on the first one.
    ///
    /// # Errors
    /// 400 when the cursor is not one of this list.
    pub fn after<K: DeserializeOwned>(&self) -> ApiResult<Option<K>> {
        self.cursor
            .as_deref()
            .map(|text| self.cursors.read(self.id, self.now, text))
            .transpose()
    }

    /// The page of these rows, [`List::fetch`] of them at most: `key` is what [`List::after`] gives back,
    /// `show` what the client sees.
    ///
    /// # Errors
    /// When the key does not serialise, which is a bug.
    pub fn page<R, K: Serialize, T>(
        &self,
        mut rows: Vec<R>,
        key: impl FnOnce(&R) -> K,
        show: impl FnMut(R) -> T,
    ) -> ApiResult<Page<T>> {
        let limit = self.limit as usize;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|row| self.cursors.write(self.id, self.now, &key(row)))
            .transpose()?;
        Ok(Page {
            data: rows.into_iter().map(show).collect(),
            page: PageInfo { next, has_more },
            count: None,
        })
    }

    /// The page of these rows, of a list that says itself behind which key it goes on.
    ///
    /// # Errors
    /// When the key does not serialise, which is a bug.
    pub fn page_until<K: Serialize, T>(&self, data: Vec<T>, next: Option<K>) -> ApiResult<Page<T>> {
        let next = next
            .map(|key| self.cursors.write(self.id, self.now, &key))
            .transpose()?;
        let has_more = next.is_some();
        Ok(Page {
            data,
            page: PageInfo { next, has_more },
            count: None,
        })
    }
}

impl<T> Page<T> {
    /// The same page with a count.
    #[must_use]
    pub fn counted(mut self, count: Option<Count>) -> Self {
        self.count = count;
        self
    }

    /// The page as a response.
    pub fn json(self) -> Json<Self> {
        Json(self)
    }
}

impl<F: DeserializeOwned> FromRequestParts<ApiState> for List<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let (paging, rest) = split(parts.uri.query().unwrap_or_default())?;
        let tenant = parts
            .extensions
            .get::<Caller>()
            .and_then(Caller::tenant)
            .map(|scope| scope.tenant().to_string())
            .unwrap_or_default();
        Ok(Self {
            filter: from_query(&rest)?,
            limit: paging.limit,
            counted: paging.counted,
            cursor: paging.cursor,
            id: ListId::of(&[&tenant, parts.uri.path(), &rest]),
            cursors: state.cursors().clone(),
            now: state.now(),
        })
    }
}

/// A request's query parameters, parsed into a type that denies unknown fields.
#[derive(Clone, Copy, Debug)]
pub struct ApiQuery<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        from_query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

struct Paging {
    limit: u32,
    cursor: Option<String>,
    counted: bool,
}

fn wrong(name: &'static str, expected: &str) -> Problem {
    Problem::bad_request("query-invalid", "see `errors`").at(name, expected)
}

/// The paging parameters, and the others in a fixed order.
fn split(query: &str) -> Result<(Paging, String), Problem> {
    let mut paging = Paging {
        limit: DEFAULT_LIMIT,
        cursor: None,
        counted: false,
    };
    let mut seen = [false; 3];
    let mut rest: Vec<(String, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let (at, known) = match &*name {
            "limit" => (0, "limit"),
            "cursor" => (1, "cursor"),
            "count" => (2, "count"),
            _ => {
                rest.push((name.into_owned(), value.into_owned()));
                continue;
            }
        };
        if std::mem::replace(&mut seen[at], true) {
            return Err(wrong(known, "expected once"));
        }
        match known {
            "limit" => {
                let plain = value.bytes().all(|b| b.is_ascii_digit());
                paging.limit = value
                    .parse()
                    .ok()
                    .filter(|limit| plain && (1..=MAX_LIMIT).contains(limit))
                    .ok_or_else(|| wrong("limit", "expected a number from 1 to 200"))?;
            }
            "cursor" => paging.cursor = Some(value.into_owned()),
            _ if value == "capped" => paging.counted = true,
            _ => return Err(wrong("count", "expected `capped`")),
        }
    }
    // The order of parameters does not make another list.
    rest.sort();
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(rest);
    Ok((paging, text.finish()))
}

fn from_query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    if query.len() > MAX_QUERY {
        return Err(Problem::bad_request(
            "query-invalid",
            "the query is too long",
        ));
    }
    let invalid = || Problem::bad_request("query-invalid", "see `errors`");
    let uri: Uri = format!("/?{query}").parse().map_err(|_| invalid())?;
    Query::try_from_uri(&uri)
        .map(|Query(value)| value)
        .map_err(|rejection| {
            // axum says `Failed to deserialize query string: <field>: <what serde says>`.
            let text = rejection.body_text();
            let text = text.split_once(": ").map_or(&*text, |(_, rest)| rest);
            let named = text.split_once(": ").filter(|(name, _)| is_name(name));
            let (name, message) = named.unwrap_or(("", text));
            invalid().at(name, expectation(message))
        })
}

fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        stage: Option<String>,
        open: Option<bool>,
    }

    fn list(query: &str) -> Result<List<Filter>, Problem> {
        let (paging, rest) = split(query)?;
        Ok(List {
            filter: from_query(&rest)?,
            limit: paging.limit,
            counted: paging.counted,
            cursor: paging.cursor,
            id: ListId::of(&[&rest]),
            cursors: Cursors::new(&[1; 32]),
            now: UnixMillis(5),
        })
    }

    #[test]
    fn paging_is_taken_out_of_the_filter() {
        let list = list("stage=%D7%90&limit=7&count=capped&open=true").unwrap();
        assert_eq!(list.filter.stage.as_deref(), Some("א"));
        assert_eq!((list.limit, list.counted, list.fetch()), (7, true, 8));
        assert_eq!(list.filter.open, Some(true));
        assert!(list.after::<i64>().unwrap().is_none());
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=+5", "limit"),
            ("limit=1&limit=2", "limit"),
            ("count=exact", "count"),
            ("open=perhaps", "open"),
        ] {
            let problem = list(query).err().unwrap();
            let body = serde_json::to_value(problem.body(None)).unwrap();
            assert_eq!(body["code"], "query-invalid", "{query}");
            assert_eq!(body["errors"][0]["pointer"], name, "{body}");
            assert!(!body.to_string().contains("perhaps"), "{body}");
        }
        assert!(list("colour=red").is_err());
        assert!(list(&format!("stage={}", "x".repeat(9000))).is_err());
    }

    #[test]
    fn a_page_says_where_the_next_one_begins() {
        let first = list("limit=2&stage=a&open=true").unwrap();
        let page = first
            .page(vec![9, 8, 7], |row| *row, |row| row * 10)
            .unwrap();
        assert_eq!(page.data, [90, 80]);
        assert!(page.page.has_more);
        let next = page.page.next.unwrap();
        // The same list by another order of parameters and another page size.
        let second = list(&format!("open=true&stage=a&limit=5&cursor={next}")).unwrap();
        assert_eq!(second.after::<i64>().unwrap(), Some(8));
        let last = second.page(vec![7], |row| *row, |row| row).unwrap();
        assert!(!last.page.has_more && last.page.next.is_none());
        let other = list(&format!("stage=b&cursor={next}")).unwrap();
        assert_eq!(
            other.after::<i64>().err().unwrap().code(),
            "cursor-mismatch"
        );
    }

    #[test]
    fn counts_stop_at_a_thousand() {
        let count = |value, capped| Count { value, capped };
        assert_eq!(Count::of(1000), count(1000, false));
        assert_eq!(Count::of(1001), count(1000, true));
    }
}
