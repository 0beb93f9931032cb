//! Leads from a file, read as it comes.

use axum::body::Body;
use axum::extract::State;
use futures_util::StreamExt as _;
use prosaas_core::LeadDraft;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::kit::{
    ApiQuery, ApiResult, ApiState, Created, Id, Problem, Scope, Time, Versioned, WithETag,
};
use crate::files::csv::{Column, Columns, Reader, Row};
use crate::model::id::ImportId;
use crate::model::identity::NewIdentity;
use crate::model::import::{ImportRow, RowError};
use crate::model::phone::{PhoneRegion, parse_phone};

/// The rows of one transaction.
const BATCH: usize = 500;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// Only says what would happen.
    dry_run: Option<bool>,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeadImport {
    /// Its id.
    id: ImportId,
    /// Whether it only tried.
    dry_run: bool,
    /// `running`, `done`, `failed` or `undone`.
    state: String,
    /// The rows read.
    rows: u64,
    /// The leads created, or those that would have been.
    created: u64,
    /// The rows that were not imported.
    failed: u64,
    /// The first 1,000 of them.
    errors: Vec<RowError>,
    /// When it began.
    created_at: Time,
    /// Grows with every change.
    version: u64,
}

impl Versioned for LeadImport {
    fn version(&self) -> u64 {
        self.version
    }
}

impl From<crate::model::import::Import> for LeadImport {
    fn from(import: crate::model::import::Import) -> Self {
        Self {
            id: import.id,
            dry_run: import.dry_run,
            state: import.state,
            rows: import.rows,
            created: import.created,
            failed: import.failed,
            errors: import.errors,
            created_at: import.created_at.into(),
            version: import.version,
        }
    }
}

/// Imports leads from a CSV file whose first row names its columns, in Hebrew or English. Rows that
/// cannot be read, and people who are known already, are reported and left out.
#[utoipa::path(post, path = "/api/crm/leads/imports", params(ImportParams),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 201, description = "What came of it.", body = LeadImport)))]
pub(super) async fn import_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiQuery(params): ApiQuery<ImportParams>,
    body: Body,
) -> ApiResult<Created<LeadImport>> {
    let store = state.store();
    let region = store.phone_region(&scope).await?;
    let mut chunks = body.into_data_stream();
    let mut reader = Reader::default();
    let mut columns = None;
    let mut import = None;
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let mut is_over = false;
    let mut is_whole = true;
    while !is_over {
        match chunks.next().await {
            Some(Ok(bytes)) => reader.push(&bytes),
            Some(Err(_)) => {
                is_over = true;
                is_whole = false;
            }
            None => {
                reader.finish();
                is_over = true;
            }
        }
        loop {
            let row = match reader.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    let code = error.code().to_owned();
                    failed.push(RowError {
                        line: error.line(),
                        code,
                    });
                    (is_over, is_whole) = (true, false);
                    break;
                }
            };
            let Some(columns) = &columns else {
                columns = Some(Columns::of_heading(&row.cells)?);
                import = Some(
                    store
                        .begin_import(&scope, params.dry_run == Some(true))
                        .await?,
                );
                continue;
            };
            match parse(columns, &row, region) {
                Ok(row) => rows.push(row),
                Err(code) => failed.push(RowError {
                    line: row.line,
                    code: code.to_owned(),
                }),
            }
            if rows.len() + failed.len() >= BATCH
                && let Some(import) = import
            {
                let (rows, failed) = (std::mem::take(&mut rows), std::mem::take(&mut failed));
                store.import_batch(&scope, import, rows, failed).await?;
            }
        }
    }
    let no_heading = || {
        Problem::bad_request(
            "csv-invalid",
            "expected a CSV file whose first row names its columns",
        )
    };
    let import = import.ok_or_else(no_heading)?;
    store.import_batch(&scope, import, rows, failed).await?;
    let body: LeadImport = store.end_import(&scope, import, is_whole).await?.into();
    Ok(Created {
        location: format!("/api/crm/leads/imports/{import}"),
        body,
    })
}

/// The row as a person, or the word for what is wrong with it.
fn parse(columns: &Columns, row: &Row, region: PhoneRegion) -> Result<ImportRow, &'static str> {
    let cell = |column| columns.cell(&row.cells, column);
    if row
        .cells
        .iter()
        .any(|cell| cell.contains(['\u{fffd}', '\0']))
    {
        return Err("encoding-invalid");
    }
    let mut identities = Vec::new();
    if let Some(text) = cell(Column::Phone) {
        let number = parse_phone(text, region).map_err(|_| "phone-invalid")?;
        identities.push(NewIdentity::phone(&number));
    }
    if let Some(text) = cell(Column::Email) {
        identities.push(NewIdentity::email(text).map_err(|_| "email-invalid")?);
    }
    let parts = [cell(Column::FirstName), cell(Column::LastName)];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let name = match cell(Column::Name) {
        Some(name) => Some(name.to_owned()),
        None => (!parts.is_empty()).then(|| parts.join(" ")),
    };
    if name.is_none() && identities.is_empty() {
        return Err("nobody");
    }
    let known = LeadDraft {
        name,
        intent: cell(Column::Intent).map(str::to_owned),
        notes: cell(Column::Notes).map(str::to_owned),
        ..LeadDraft::default()
    };
    Ok(ImportRow {
        line: row.line,
        known: known.cleaned(),
        identities,
    })
}

/// Shows an import.
#[utoipa::path(get, path = "/api/crm/leads/imports/{id}",
    params(("id" = ImportId, Path, description = "The import.")),
    responses((status = 200, description = "The import.", body = LeadImport)))]
pub(super) async fn get_lead_import(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ImportId>,
) -> ApiResult<WithETag<LeadImport>> {
    Ok(WithETag(state.store().import(&scope, id).await?.into()))
}

/// Puts every lead of an import into the trash.
#[utoipa::path(post, path = "/api/crm/leads/imports/{id}/undo",
    params(("id" = ImportId, Path, description = "The import.")),
    responses((status = 200, description = "The import.", body = LeadImport)))]
pub(super) async fn undo_lead_import(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<ImportId>,
) -> ApiResult<WithETag<LeadImport>> {
    Ok(WithETag(
        state.store().undo_import(&scope, id).await?.into(),
    ))
}
