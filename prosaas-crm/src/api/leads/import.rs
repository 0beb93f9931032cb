//! Leads from a file: taken in as it comes, imported by a job.

use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt as _;
use serde::Deserialize;

use crate::api::jobs::Accepted;
use crate::api::kit::{ApiQuery, ApiResult, ApiState, Id, Problem, Scope};
use crate::auth::TenantScope;
use crate::files::leads::LeadFile;
use crate::model::batch::BatchJob;
use crate::model::id::BatchJobId;

/// How much of the file is read at once, whatever pieces it comes in.
const PIECE: usize = 64 * 1024;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportParams {
    /// Only says what would happen.
    dry_run: Option<bool>,
}

/// Begins to import leads from a CSV file of at most 256 MiB whose first row names its columns, in Hebrew or
/// English. The answer comes when the whole file was read: one that cannot be read to its end imports nothing.
/// Rows that are no person, people who are known already, and rows that name a stage or a tag that is not
/// there, are reported in the job and left out; several tags stand between `;`. `result` of the job tells
/// which stages or tags there are when rows named others, when the leads were there and when search found
/// them.
#[utoipa::path(post, path = "/api/crm/leads/imports", params(ImportParams),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, description = "The job.", body = BatchJob)))]
pub(super) async fn import_leads(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    ApiQuery(params): ApiQuery<ImportParams>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Accepted> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LeadFile::MAX_BYTES) {
        return Err(too_long());
    }
    let store = state.store();
    let upload = store.begin_upload(&scope).await?;
    let mut file = Upload {
        state: &state,
        scope: &scope,
        id: upload,
        file: LeadFile::default(),
        parts: 0,
        rows: 0,
    };
    if let Err(problem) = file.take(body.into_data_stream()).await {
        store.drop_upload(&scope, upload).await?;
        return Err(problem);
    }
    let size = (file.parts, file.rows);
    let dry_run = params.dry_run == Some(true);
    let id = store.begin_import(&scope, upload, size, dry_run).await?;
    Accepted::job(&state, &scope, id).await
}

/// A file on its way into the database.
struct Upload<'r> {
    state: &'r ApiState,
    scope: &'r TenantScope,
    id: BatchJobId,
    file: LeadFile,
    parts: u64,
    rows: u64,
}

impl Upload<'_> {
    async fn take(&mut self, mut body: BodyDataStream) -> ApiResult<()> {
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|_| broken_off())?;
            for piece in bytes.chunks(PIECE) {
                self.file.push(piece).map_err(|_| too_long())?;
                self.store().await?;
            }
        }
        self.file.finish();
        self.store().await
    }

    async fn store(&mut self) -> ApiResult<()> {
        while let Some(rows) = self.file.part().map_err(unreadable)? {
            self.parts += 1;
            self.rows += rows.len() as u64;
            let store = self.state.store();
            store
                .add_upload_part(self.scope, self.id, self.parts, &rows)
                .await?;
        }
        Ok(())
    }
}

fn too_long() -> Problem {
    let most = LeadFile::MAX_BYTES / (1024 * 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "file-too-large")
        .detail(format!("a file may have {most} MiB: import it in several"))
}

fn broken_off() -> Problem {
    let detail = "the file broke off before its end: nothing was imported";
    Problem::bad_request("body-malformed", detail)
}

fn unreadable(error: prosaas_core::Error) -> Problem {
    match error {
        prosaas_core::Error::Invalid { expected, .. } => {
            Problem::bad_request("csv-invalid", expected)
        }
        other => other.into(),
    }
}

/// Begins to put every lead of an import into the trash. The job can be taken back as a bulk deletion.
#[utoipa::path(post, path = "/api/crm/leads/imports/{id}/undo",
    params(("id" = BatchJobId, Path, description = "The job that imported them.")),
    responses((status = 202, description = "The job that throws them away.", body = BatchJob)))]
pub(super) async fn undo_lead_import(
    State(state): State<ApiState>,
    Scope(scope): Scope,
    Id(id): Id<BatchJobId>,
) -> ApiResult<Accepted> {
    let id = state.store().undo_import(&scope, id).await?;
    Accepted::job(&state, &scope, id).await
}
