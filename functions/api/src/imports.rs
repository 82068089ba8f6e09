//! Lists of leads: small ones in one request, large ones put into the bucket; preview, progress, rejects,
//! undo.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use intake::{Column, Layout, Options, Reject, Target, letter};
use model::{CampaignId, ImportId};
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};
use serde::{Deserialize, Serialize};
use service::account::access::Principal;
use service::lead::imports::{Imports, Preview, PreviewRow, SMALL_FILE_BYTES_MAX};
use store::{Import, ImportState};
use utoipa::ToSchema;

use crate::body::{self, Body, Key, Listed, Wanted, id};
use crate::openapi;
use crate::{Problem, State};

/// What is known of a list beforehand. What is not said is found out from the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    dry_run: Option<String>,
    default_country: Option<String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    columns: Option<String>,
}

/// The same in a body.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes `intake::Options`; a test compares them"
)]
pub(crate) struct ImportOptions {
    /// `utf-8`, `utf-16le`, `utf-16be` or `windows-1252`.
    encoding: Option<String>,
    /// `comma`, `semicolon`, `tab` or `pipe`.
    delimiter: Option<String>,
    /// The country of numbers without a country code, as in `US`.
    default_country: Option<String>,
    /// What columns are, by their name in the header: `number`, `zone`, `region`, `country`,
    /// `priority`, `consent_kind`, `consent_at`, `consent_source`, `ignore` or `{"variable": "name"}`.
    columns: Option<BTreeMap<String, serde_json::Value>>,
}

/// An upload to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUpload {
    /// The list's length: at most 2,000,000,000.
    bytes: u64,
}

/// Where to put the list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UploadView {
    import: ImportView,
    /// `PUT`.
    method: String,
    url: String,
    /// Headers that must be sent as they are.
    headers: BTreeMap<String, String>,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportView {
    id: String,
    campaign_id: String,
    /// `uploading` until it is started; `checking` the whole list before a lead is written; `running`.
    #[schema(schema_with = openapi::import_state)]
    state: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[schema(format = DateTime)]
    ended_at: Option<String>,
    bytes: u64,
    /// How much of the list is done with, of the step that it is at.
    percent: u8,
    /// When all leads are written, if it goes on like this.
    #[schema(format = DateTime)]
    ends_at: Option<String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    columns: Vec<ColumnView>,
    /// Rows read so far: those added and those rejected.
    rows: u64,
    added: u64,
    /// Rows that were kept out, by the code of the reason.
    rejected: BTreeMap<String, u64>,
    /// Leads that undoing took away, and those that it left because they were called.
    removed: u64,
    kept: u64,
    problem: Option<ImportProblemView>,
}

/// Why an import came to nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportProblemView {
    code: String,
    sentence: String,
    /// The row of the list that it is about.
    row: Option<u64>,
}

/// A column of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ColumnView {
    /// As a spreadsheet shows it.
    letter: String,
    header: String,
    /// `number`, `zone`, …, `ignore`, or `{"variable": "name"}`: what `columns` takes.
    #[schema(value_type = serde_json::Value)]
    target: Target,
}

/// What a list would bring.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    encoding: String,
    delimiter: String,
    /// What the columns are taken for: send changes back as `columns`.
    columns: Vec<ColumnView>,
    /// Whether the whole list was looked at; if not, counts are of its first million bytes.
    whole: bool,
    rows: u64,
    good: u64,
    /// Rows that would be kept out, by the code of the reason.
    rejected: BTreeMap<String, u64>,
    first: Vec<PreviewRowView>,
    first_rejected: Vec<RejectView>,
}

/// A row as it is understood.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewRowView {
    row: u64,
    number: String,
    /// Zones that the number may be in; it is called when all of them allow.
    zones: Vec<String>,
    region: Option<String>,
    country: Option<String>,
    priority: String,
    consent_kind: Option<String>,
    #[schema(format = DateTime)]
    consent_at: Option<String>,
    consent_source: Option<String>,
    variables: BTreeMap<String, String>,
}

/// A row that is kept out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectView {
    /// As a spreadsheet shows it, from 1.
    row: u64,
    column: Option<String>,
    code: String,
    sentence: String,
}

/// Imports a small list, sent as it is: at most a million bytes. Larger ones go by `uploads`.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/imports", tag = "imports",
    params(("campaign_id" = String, Path),
        ("dry_run" = Option<bool>, Query,
            description = "`true`: say what the list would bring, and write nothing"),
        ("default_country" = Option<String>, Query,
            description = "The country of numbers without a country code, as in `US`"),
        ("encoding" = Option<String>, Query,
            description = "`utf-8`, `utf-16le`, `utf-16be` or `windows-1252`"),
        ("delimiter" = Option<String>, Query,
            description = "`comma`, `semicolon`, `tab` or `pipe`"),
        ("columns" = Option<String>, Query,
            description = "JSON: what columns are, as in `{\"Handy\": \"number\", \"Ort\": {\"variable\": \"city\"}, \"x\": \"ignore\"}`"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "The same key with the same list makes one import")),
    request_body(content = String, content_type = "text/csv"),
    responses(
        (status = 200, description = "With `dry_run`: what it would bring", body = PreviewView),
        (status = 201, description = "All its leads are in the campaign", body = ImportView),
        (status = 202, description = "It goes on by itself: watch `state`", body = ImportView),
        (status = 409, description = "`campaign_closed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The list cannot be used; `errors` names the row",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    Key(key): Key,
    request: Request,
) -> Result<Response, Problem> {
    let campaign: CampaignId = id(&campaign_id)?;
    let (options, dry_run) = options(request.uri())?;
    let file = Bytes::from_request(request, &state).await;
    let file = file.map_err(|_too_long| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "file_too_large",
            &format!(
                "A list in one request has at most {SMALL_FILE_BYTES_MAX} bytes; ask `uploads` for an address to put it to."
            ),
        )
    })?;
    let tenant = principal.tenant_id;
    if dry_run {
        let preview = state.imports.preview(tenant, campaign, file, options);
        return Ok(Json(PreviewView::from(preview.await?)).into_response());
    }
    let import = state
        .imports
        .create(tenant, campaign, file, options, key.as_ref())
        .await?;
    let status = match import.state {
        ImportState::Completed { .. } => StatusCode::CREATED,
        ImportState::Uploading
        | ImportState::Checking
        | ImportState::Running
        | ImportState::Undoing { .. }
        | ImportState::Undone { .. }
        | ImportState::Failed { .. } => StatusCode::ACCEPTED,
    };
    Ok(answer(status, ImportView::new(&state.imports, import)))
}

/// Begins the import of a large list: answers an address to put it to, once.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/uploads", tag = "imports",
    params(("campaign_id" = String, Path),
        ("Idempotency-Key" = Option<String>, Header,
            description = "The same key with the same body begins one import")),
    request_body = NewUpload,
    responses(
        (status = 201, description = "Put the list there, then start the import", body = UploadView),
        (status = 409, description = "`campaign_closed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`file_empty` or `file_too_large`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn begin_upload(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    Key(key): Key,
    Body(new): Body<NewUpload>,
) -> Result<Response, Problem> {
    let campaign: CampaignId = id(&campaign_id)?;
    let begun = state
        .imports
        .begin_upload(principal.tenant_id, campaign, new.bytes, key.as_ref())
        .await?;
    let view = UploadView {
        import: ImportView::new(&state.imports, begun.import),
        method: "PUT".to_owned(),
        url: begun.put.url,
        headers: begun.put.headers.into_iter().collect(),
        expires_at: begun.expires_at.to_string(),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(view)).into_response())
}

/// Starts the import of a list that was put to its address.
#[utoipa::path(post, path = "/v1/imports/{import_id}/start", tag = "imports",
    params(("import_id" = String, Path),
        ("dry_run" = Option<bool>, Query,
            description = "`true`: say what the list's beginning would bring, and write nothing")),
    request_body = ImportOptions,
    responses(
        (status = 200, description = "With `dry_run`: what its beginning would bring", body = PreviewView),
        (status = 202, description = "It is on its way: watch `state`", body = ImportView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_uploaded`, `import_started` or `campaign_closed`",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The list cannot be used; `errors` names the row",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn start(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let import: ImportId = id(&import_id)?;
    let dry_run = dry_run_only(request.uri())?;
    let Body(options) = Body::<Options>::from_request(request, &state).await?;
    let tenant = principal.tenant_id;
    if dry_run {
        let preview = state.imports.preview_upload(tenant, import, options);
        return Ok(Json(PreviewView::from(preview.await?)).into_response());
    }
    let import = state.imports.start(tenant, import, options).await?;
    let view = ImportView::new(&state.imports, import);
    Ok(answer(StatusCode::ACCEPTED, view))
}

/// Lists a campaign's imports, newest first.
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/imports", tag = "imports",
    params(("campaign_id" = String, Path),
        ("cursor" = Option<String>, Query, description = "The last page's `next_cursor`"),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 where absent")),
    responses((status = 200, description = "A page", body = Listed<ImportView>)))]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign_id): Path<String>,
    wanted: Wanted<ImportId>,
) -> Result<Json<Listed<ImportView>>, Problem> {
    let campaign: CampaignId = id(&campaign_id)?;
    let page = state
        .imports
        .list(principal.tenant_id, campaign, wanted.after, wanted.limit)
        .await?;
    let cursor = |import: &Import| import.id.to_string();
    let view = |import| ImportView::new(&state.imports, import);
    Ok(Json(Listed::new(page, cursor, view)))
}

/// Reads an import: its state, progress and counts.
#[utoipa::path(get, path = "/v1/imports/{import_id}", tag = "imports",
    params(("import_id" = String, Path)),
    responses(
        (status = 200, description = "The import", body = ImportView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn read(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<String>,
) -> Result<Json<ImportView>, Problem> {
    let import = state
        .imports
        .get(principal.tenant_id, id(&import_id)?)
        .await?;
    Ok(Json(ImportView::new(&state.imports, import)))
}

/// Fetches the rows that were kept out: a redirect to a CSV, good for five minutes.
#[utoipa::path(get, path = "/v1/imports/{import_id}/rejects", tag = "imports",
    params(("import_id" = String, Path)),
    responses(
        (status = 307, description = "`Location` is a CSV: row, column, name, code, reason"),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`import_unfinished`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn rejects(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<String>,
) -> Result<Response, Problem> {
    let link = state
        .imports
        .rejects_link(principal.tenant_id, id(&import_id)?)
        .await?;
    let headers = [
        (header::LOCATION, link),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Takes an import back: leads that were never called are removed, the others stay and are told.
#[utoipa::path(delete, path = "/v1/imports/{import_id}", tag = "imports",
    params(("import_id" = String, Path)),
    responses(
        (status = 202, description = "It is on its way: watch `state`", body = ImportView),
        (status = 404, description = "`not_found`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn undo(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<String>,
) -> Result<Response, Problem> {
    let import = state
        .imports
        .undo(principal.tenant_id, id(&import_id)?)
        .await?;
    let view = ImportView::new(&state.imports, import);
    Ok(answer(StatusCode::ACCEPTED, view))
}

fn answer(status: StatusCode, view: ImportView) -> Response {
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/imports/{}", view.id)) {
        headers.insert(header::LOCATION, location);
    }
    (status, headers, Json(view)).into_response()
}

/// What the query says of the list, and whether nothing is to be written.
fn options(uri: &axum::http::Uri) -> Result<(Options, bool), Problem> {
    let query = Query::<ImportQuery>::try_from_uri(uri);
    let Query(query) = query.map_err(|_unknown| {
        let takes =
            "takes only `dry_run`, `default_country`, `encoding`, `delimiter` and `columns`";
        Problem::field("query", takes.to_owned())
    })?;
    let columns = match &query.columns {
        None => BTreeMap::new(),
        Some(json) => body::read(json.as_bytes()).map_err(|_unreadable| {
            let problem =
                "must be JSON, as in {\"Handy\": \"number\", \"Ort\": {\"variable\": \"city\"}}";
            Problem::field("columns", problem.to_owned())
        })?,
    };
    let country = query.default_country.as_deref().map(str::parse).transpose();
    let options = Options {
        encoding: word(
            "encoding",
            query.encoding.as_deref(),
            "must be utf-8, utf-16le, utf-16be or windows-1252",
        )?,
        delimiter: word(
            "delimiter",
            query.delimiter.as_deref(),
            "must be comma, semicolon, tab or pipe",
        )?,
        default_country: country.map_err(|problem: intake::CountryProblem| {
            Problem::field("default_country", problem.to_string())
        })?,
        columns,
    };
    Ok((options, dry_run(query.dry_run.as_deref())?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DryRunQuery {
    dry_run: Option<String>,
}

fn dry_run_only(uri: &axum::http::Uri) -> Result<bool, Problem> {
    let query = Query::<DryRunQuery>::try_from_uri(uri);
    let Query(query) =
        query.map_err(|_unknown| Problem::field("query", "takes only `dry_run`".to_owned()))?;
    dry_run(query.dry_run.as_deref())
}

fn dry_run(text: Option<&str>) -> Result<bool, Problem> {
    match text {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_neither) => Err(Problem::field(
            "dry_run",
            "must be true or false".to_owned(),
        )),
    }
}

/// A word of a closed vocabulary in the query.
fn word<'a, T: Deserialize<'a>>(
    field: &str,
    text: Option<&'a str>,
    problem: &str,
) -> Result<Option<T>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let text: StrDeserializer<'_, WordError> = text.into_deserializer();
    let read = T::deserialize(text);
    read.map(Some)
        .map_err(|_unknown| Problem::field(field, problem.to_owned()))
}

fn columns_of(layout: &Layout) -> Vec<ColumnView> {
    let columns = layout.columns.iter().enumerate();
    columns
        .map(|(at, Column { header, target, .. })| ColumnView {
            letter: letter(at),
            header: header.clone(),
            target: target.clone(),
        })
        .collect()
}

impl ImportView {
    fn new(imports: &Imports, import: Import) -> Self {
        let progress = imports.progress(&import);
        let (state, ended_at, problem) = match import.state {
            ImportState::Uploading => ("uploading", None, None),
            ImportState::Checking => ("checking", None, None),
            ImportState::Running => ("running", None, None),
            ImportState::Completed { ended_at } => ("completed", Some(ended_at), None),
            ImportState::Undoing { after: _, problem } => ("undoing", None, problem),
            ImportState::Undone { ended_at } => ("undone", Some(ended_at), None),
            ImportState::Failed { ended_at, problem } => ("failed", Some(ended_at), Some(problem)),
        };
        let layout = import.layout.as_ref();
        Self {
            id: import.id.to_string(),
            campaign_id: import.campaign_id.to_string(),
            state: state.to_owned(),
            created_at: import.created_at.to_string(),
            updated_at: import.updated_at.to_string(),
            ended_at: ended_at.map(|at| at.to_string()),
            bytes: import.bytes,
            percent: progress.percent,
            ends_at: progress.ends_at.map(|at| at.to_string()),
            encoding: layout.map(|layout| openapi::word(&layout.encoding)),
            delimiter: layout.map(|layout| openapi::word(&layout.delimiter)),
            columns: layout.map(columns_of).unwrap_or_default(),
            rows: import.counts.rows,
            added: import.counts.added,
            rejected: import.counts.rejected,
            removed: import.counts.removed,
            kept: import.counts.kept,
            problem: problem.map(|problem| ImportProblemView {
                code: problem.code,
                sentence: problem.sentence,
                row: problem.row,
            }),
        }
    }
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        let layout = &preview.layout;
        let reject = |reject: &Reject| RejectView {
            row: reject.row,
            column: reject.column.map(letter),
            code: reject.reason.code().to_owned(),
            sentence: reject.sentence(layout),
        };
        Self {
            encoding: openapi::word(&layout.encoding),
            delimiter: openapi::word(&layout.delimiter),
            columns: columns_of(layout),
            whole: preview.whole,
            rows: preview.rows,
            good: preview.good,
            rejected: preview
                .rejected
                .iter()
                .map(|(code, count)| ((*code).to_owned(), *count))
                .collect(),
            first_rejected: preview.first_rejected.iter().map(reject).collect(),
            first: preview
                .first
                .into_iter()
                .map(PreviewRowView::from)
                .collect(),
        }
    }
}

impl From<PreviewRow> for PreviewRowView {
    fn from(PreviewRow { row, zones }: PreviewRow) -> Self {
        let consent = row.consent;
        Self {
            row: row.start.row,
            number: row.number.as_str().to_owned(),
            zones,
            region: row.region.map(str::to_owned),
            country: row.country.map(|country| country.to_string()),
            priority: openapi::word(&row.priority),
            consent_kind: consent.as_ref().map(|consent| openapi::word(&consent.kind)),
            consent_at: consent
                .as_ref()
                .and_then(|consent| consent.at)
                .map(|at| at.to_string()),
            consent_source: consent.and_then(|consent| consent.source),
            variables: row.variables,
        }
    }
}
