//! Leads as a file, written as it is read by whoever asked.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use prosaas_core::{Error, Language, UnixMillis};
use serde::Deserialize;

use super::LeadListFilter;
use crate::api::kit::{ApiQuery, ApiResult, ApiState, MAX_LIMIT, Scope};
use crate::auth::TenantScope;
use crate::files::lead_sheet::LeadSheet;
use crate::model::id::{StageId, TagId};
use crate::model::lead_list::LeadList;
use crate::model::wall::Zone;

/// How long one file may take, in milliseconds: whoever reads slower is cut off.
const LONGEST_MS: i64 = 30 * 60 * 1000;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeadExportFilter {
    /// Only leads in this stage.
    stage_id: Option<StageId>,
    /// Only leads with this tag.
    tag_id: Option<TagId>,
    /// Only leads that this member looks after, or with `none` those that nobody does.
    assignee_id: Option<String>,
    /// Only leads that came from there, such as `call`.
    source: Option<String>,
    /// Only leads found by these words, 200 at most: a name, the last digits of a number.
    #[param(min_length = 2, max_length = 200)]
    q: Option<String>,
    /// `-active_at` (the default), `-created_at` (the default with a tag) or `created_at`.
    sort: Option<String>,
    /// The language of the heading, `he` or `en`; that of the business when not said.
    #[param(value_type = Option<String>, pattern = "^(he|en)$")]
    language: Option<Language>,
}

/// Exports leads as a CSV file that spreadsheets open right: UTF-8 with its mark, and nothing in it is taken
/// for a formula. The filter is that of the list. The file is written while it is read; one that breaks off
/// before its end ends without the last chunk, which clients report as an error.
#[utoipa::path(get, path = "/api/crm/leads/export", params(LeadExportFilter),
    responses((status = 200, description = "The file.", body = String, content_type = "text/csv")))]
pub(super) async fn export_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    method: Method,
    ApiQuery(params): ApiQuery<LeadExportFilter>,
) -> ApiResult<Response> {
    let region = state.store().phone_region(&scope).await?;
    let language = params.language;
    let (filter, sort) = LeadListFilter::from(params).parse(region)?;
    let list = LeadList {
        filter,
        sort,
        after: None,
        limit: MAX_LIMIT,
    };
    let now = state.now();
    if method == Method::HEAD {
        // Nothing is read, so nothing is noted.
        return Ok(file(Body::empty(), &Zone::default(), now));
    }
    state.admit_export(&scope)?;
    let sheet = state.store().begin_export(&scope, &list).await?;
    let zone = sheet.zone.clone();
    let language = language.unwrap_or(sheet.language);
    let mut export = Export {
        sheet: LeadSheet::new(sheet, language),
        until: now.plus(LONGEST_MS),
        is_over: false,
        state,
        scope,
        list,
    };
    // What goes wrong at once is told as such, and not by a file that breaks off.
    let first = export.next().await?;
    let rest = stream::try_unfold(export, |mut export| async move {
        if export.is_over {
            return Ok(None);
        }
        let bytes = export.next().await.map_err(|error| broken_off(&error))?;
        Ok::<_, std::io::Error>(Some((bytes, export)))
    });
    let body = stream::once(std::future::ready(Ok(first))).chain(rest);
    Ok(file(Body::from_stream(body), &zone, now))
}

/// A file on its way out.
struct Export {
    state: ApiState,
    scope: TenantScope,
    list: LeadList,
    sheet: LeadSheet,
    until: UnixMillis,
    is_over: bool,
}

impl Export {
    /// The next page of rows; of a filter that hardly any lead passes the next one that holds some.
    async fn next(&mut self) -> prosaas_core::Result<Bytes> {
        loop {
            if self.state.now() > self.until {
                return Err(Error::Forbidden {
                    detail: "the file was read too slowly".to_owned(),
                });
            }
            let page = self
                .state
                .store()
                .export_page(&self.scope, &self.list)
                .await?;
            page.leads.iter().for_each(|lead| self.sheet.row(lead));
            self.list.after = page.next;
            self.is_over = page.next.is_none();
            let text = self.sheet.take();
            if self.is_over || !text.is_empty() {
                return Ok(text.into());
            }
        }
    }
}

fn broken_off(error: &Error) -> std::io::Error {
    tracing::warn!(error = %error.chain(), "an export of leads broke off");
    std::io::Error::other("the export broke off")
}

fn file(body: Body, zone: &Zone, now: UnixMillis) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    let name = format!("attachment; filename=\"leads-{}.csv\"", zone.day_of(now));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

impl From<LeadExportFilter> for LeadListFilter {
    fn from(params: LeadExportFilter) -> Self {
        Self {
            stage_id: params.stage_id,
            tag_id: params.tag_id,
            assignee_id: params.assignee_id,
            source: params.source,
            q: params.q,
            sort: params.sort,
        }
    }
}
