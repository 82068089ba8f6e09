//! Lists of leads: small ones in one request, large ones put into the bucket; preview, progress, rejects,
//! undo.

use std::collections::BTreeMap;

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use intake::{
    ColumnReason, Country, Delimiter, Encoding, Layout, LayoutWarning, LayoutWarningCode,
    NumberKind, Options, OtherColumn, Reject, RejectCode, Target, letter,
};
use jiff::Timestamp;
use model::{CampaignId, ConsentKind, ImportId, LeadPriority, PhoneNumber, Rule, Span, Variables};
use serde::{Deserialize, Serialize};
use service::Fault;
use service::account::access::{Permission, Principal};
use service::lead::imports::{
    Imports, NeverCalled, Opener, Preview, PreviewRow, SMALL_FILE_BYTES_MAX,
};
use store::{Import, ImportProblemCode, ImportState};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::http::body::{Body, ListFile};
use crate::http::idempotency::Key;
use crate::http::link::{self, location};
use crate::http::page::{Page, PageQuery, Wanted};
use crate::http::params::{self, Path, Query};
use crate::http::problem::{Code, Problem, UnusableList};
use crate::http::registry::Routes;
use crate::state::State;

pub(super) fn routes() -> Routes {
    use Permission as P;
    Routes::of("imports", "Lists of leads on their way into a campaign.")
        .may(P::ReadCampaigns, routes!(list_imports))
        .may_send(
            P::ChangeCampaigns,
            SMALL_FILE_BYTES_MAX,
            routes!(create_import),
        )
        .may(P::ChangeCampaigns, routes!(create_upload))
        .may(P::ReadCampaigns, routes!(get_import))
        .may(P::ChangeCampaigns, routes!(start_import))
        .may(P::ReadCampaigns, routes!(get_import_rejects))
        .may(P::ChangeCampaigns, routes!(undo_import))
}

/// What is known of a list beforehand. What is not said is found out from the list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// `true`: say what the list would bring, and write nothing.
    #[serde(default)]
    dry_run: bool,
    /// The country of numbers without a country code, as in `US`.
    default_country: Option<Country>,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
    /// The row that has the names of the columns, as a spreadsheet shows it, from 1.
    header_row: Option<u64>,
    /// The sheet of a workbook; absent: the first that is not hidden and has rows.
    #[serde(default, deserialize_with = "params::sheet")]
    sheet: Option<String>,
    /// JSON: what columns are, as in `{"Handy": "number", "Ort": {"variable": "city"}, "x": "ignore"}`.
    columns: Option<String>,
}

/// Whether anything is written.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRunQuery {
    /// `true`: say what the list's beginning would bring, and write nothing.
    #[serde(default)]
    dry_run: bool,
}

/// An upload to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUpload {
    /// The list's length.
    bytes: u64,
}

/// Where to put the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadView {
    import: ImportView,
    method: UploadMethod,
    url: String,
    /// Headers that must be sent as they are.
    headers: BTreeMap<String, String>,
    expires_at: Timestamp,
}

/// How a list is put to its address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum UploadMethod {
    Put,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Import)]
pub(crate) struct ImportView {
    id: ImportId,
    campaign_id: CampaignId,
    state: ImportStatus,
    created_at: Timestamp,
    updated_at: Timestamp,
    ended_at: Option<Timestamp>,
    /// The list's length: of a workbook, once it was read, that of its sheet as a CSV.
    bytes: u64,
    /// The sheet that the list was read from, if it is in a workbook.
    sheet: Option<String>,
    /// How much of the list is done with, of the step that it is at.
    percent: u8,
    /// When all leads are written, if it goes on like this.
    ends_at: Option<Timestamp>,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
    columns: Vec<ColumnView>,
    /// What is odd about the list as a whole.
    warnings: Vec<LayoutWarningView>,
    /// Rows read so far: those added and those rejected.
    rows: u64,
    added: u64,
    /// Rows that were kept out, by the code of the reason.
    #[schema(value_type = BTreeMap<RejectCode, u64>)]
    rejected: BTreeMap<String, u64>,
    /// Leads that undoing took away, and those that it left because they were called.
    removed: u64,
    kept: u64,
    problem: Option<ImportProblemView>,
}

/// How far an import is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ImportState)]
pub(crate) enum ImportStatus {
    /// The list is expected at its address.
    Uploading,
    /// The whole list is looked at before a lead is written.
    Checking,
    Running,
    Completed,
    /// Its leads are taken away again.
    Undoing,
    Undone,
    Failed,
}

/// Why an import came to nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportProblem)]
pub(crate) struct ImportProblemView {
    code: ImportProblemCode,
    sentence: String,
    /// The row of the list that it is about.
    row: Option<u64>,
}

/// A column of a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Column)]
pub(crate) struct ColumnView {
    /// As a spreadsheet shows it.
    letter: String,
    header: String,
    /// What `columns` takes.
    target: Target,
    because: ColumnReason,
    /// What it is taken for and why, in words.
    sentence: String,
}

/// Something odd about a list that can be read all the same.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LayoutWarning)]
pub(crate) struct LayoutWarningView {
    code: LayoutWarningCode,
    /// The letters of the columns that it is about; none: it is about the list.
    columns: Vec<String>,
    sentence: String,
}

/// What a list would bring.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportPreview)]
pub(crate) struct PreviewView {
    encoding: Encoding,
    delimiter: Delimiter,
    /// The sheet that was read, and all that there are: send another one of them as `sheet`.
    sheet: Option<String>,
    sheets: Vec<String>,
    /// What the columns are taken for: send changes back as `columns`, by their `header`.
    columns: Vec<ColumnView>,
    /// Columns that look like phone numbers and are taken for something else: make them `alternate` in `columns` if
    /// they are the same people's.
    other_phone_columns: Vec<OtherPhoneColumnView>,
    /// What is odd about the list as a whole.
    warnings: Vec<LayoutWarningView>,
    /// Whether the whole list was looked at; if not, counts are of its first million bytes.
    whole: bool,
    rows: u64,
    /// Rows that would be leads: `callable`, `never_called` and `lacking_variables` together.
    good: u64,
    /// Leads that the campaign can call as it is now, in some hour.
    callable: u64,
    /// Leads that a rule keeps from ever being called, as the campaign is now.
    never_called: u64,
    /// The same by rule and place, most leads first, at most twenty.
    never_called_by_rule: Vec<NeverCalledView>,
    /// Leads without a value for a variable that the campaign's texts need: they would end as `failed`.
    lacking_variables: u64,
    /// Leads without a value, by the variable.
    #[schema(value_type = BTreeMap<String, u64>)]
    missing_variables: BTreeMap<String, u64>,
    /// Rows with a number that an earlier row or the campaign has.
    duplicates: u64,
    /// Rows with a number on the suppression list.
    suppressed: u64,
    /// All rows that would be kept out, by the code of the reason; duplicates and suppressed ones are among them.
    #[schema(value_type = BTreeMap<RejectCode, u64>)]
    rejected: BTreeMap<String, u64>,
    first: Vec<PreviewRowView>,
    first_rejected: Vec<RejectView>,
}

/// A column of phone numbers that is taken for something else.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OtherPhoneColumn)]
pub(crate) struct OtherPhoneColumnView {
    /// As a spreadsheet shows it.
    letter: String,
    header: String,
    /// Cells with a number that can be called.
    numbers: u64,
    /// Rows that are kept out now and would be leads by this column.
    saves: u64,
}

/// Leads of one place and kind that one rule keeps from ever being called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NeverCalled)]
pub(crate) struct NeverCalledView {
    rule: Rule,
    leads: u64,
    /// The first row with one.
    first_row: u64,
    number_kind: NumberKind,
    /// The country that the numbers are from; `null`: they belong to none.
    country: Option<Country>,
    zones: Vec<String>,
    /// What would let them be called; each is enough by itself.
    opened_by: Vec<OpenerView>,
    /// All of it in words.
    sentence: String,
}

/// What would let leads be called that never are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Opener)]
pub(crate) struct OpenerView {
    code: OpenerCode,
    /// Of `windows`: the hours that they need to have, in the customer's local time.
    window: Option<Span>,
    /// Of `ends_at`: the campaign has to end later than this.
    after: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OpenerCode {
    /// Other `windows` of the campaign.
    Windows,
    /// No `blocked_days`.
    BlockedDays,
    /// `call_on_holidays`.
    CallOnHolidays,
    /// A later `ends_at`.
    EndsAt,
    /// The zone of each lead, in a column.
    Zone,
    /// The same, with the campaign's `zones` set to `lead`.
    TrustedZone,
}

/// A row as it is understood.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewRow)]
pub(crate) struct PreviewRowView {
    row: u64,
    number: PhoneNumber,
    number_kind: NumberKind,
    /// The country that the number is from; `null`: it belongs to none.
    number_country: Option<Country>,
    /// The person's other numbers, in the order in which they are called.
    alternates: Vec<PhoneNumber>,
    /// Zones that the number may be in; it is called when all of them allow.
    zones: Vec<String>,
    region: Option<String>,
    /// The row names a state of this country that cannot be read: what holds in any of its states holds.
    region_unreadable: Option<Country>,
    /// As the row writes it.
    postal_code: Option<String>,
    /// The country that the row names.
    country: Option<Country>,
    priority: LeadPriority,
    consent_kind: Option<ConsentKind>,
    consent_at: Option<Timestamp>,
    consent_source: Option<String>,
    #[schema(value_type = BTreeMap<String, String>)]
    variables: Variables,
}

/// A row that is kept out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedLead)]
pub(crate) struct RejectView {
    /// As a spreadsheet shows it, from 1.
    row: u64,
    column: Option<String>,
    code: RejectCode,
    sentence: String,
}

/// Import a small list, sent as it is
///
/// A CSV, or a workbook (`.xlsx` or `.ods`), of which one sheet is read. At most a million bytes. Larger ones
/// go by `uploads`. A campaign that is completed goes on with leads that are new; one that is cancelled, or whose
/// `ends_at` is past, takes no list.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/imports",
    params(("campaign_id" = CampaignId, Path), ImportQuery, Key),
    request_body(content(
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (String = "application/vnd.oasis.opendocument.spreadsheet"),
    )),
    responses(
        (status = 200, description = "With `dry_run`: what it would bring", body = PreviewView),
        (status = 201, description = "All its leads are in the campaign", body = ImportView,
            headers(("Location"))),
        (status = 202, description = "It goes on by itself: watch `state`", body = ImportView,
            headers(("Location"))),
        (status = 409, description = "`campaign_closed`"),
        (status = 422, response = UnusableList),
    ))]
pub(crate) async fn create_import(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign): Path<CampaignId>,
    Key(key): Key,
    Query(query): Query<ImportQuery>,
    file: Result<ListFile, Problem>,
) -> Result<Response, Problem> {
    let dry_run = query.dry_run;
    let options = options(&query)?;
    let ListFile(file) = file.map_err(|problem| {
        if !problem.is(Code::BodyTooLarge) {
            return problem;
        }
        let title = format!(
            "A list in one request has at most {SMALL_FILE_BYTES_MAX} bytes; ask `uploads` for an address to put it to."
        );
        Problem::new(Code::BodyTooLarge, &title)
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

/// Begin the import of a large list
///
/// Answers an address to put it to, once: a CSV of at most 2 GB, or a workbook (`.xlsx` or `.ods`) of at most
/// 100 MB.
#[utoipa::path(post, path = "/v1/campaigns/{campaign_id}/uploads",
    params(("campaign_id" = CampaignId, Path), Key), request_body = NewUpload,
    responses(
        (status = 201, description = "Put the list there, then start the import", body = UploadView),
        (status = 409, description = "`campaign_closed`"),
        (status = 422, response = UnusableList),
    ))]
pub(crate) async fn create_upload(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign): Path<CampaignId>,
    Key(key): Key,
    Body(new): Body<NewUpload>,
) -> Result<Response, Problem> {
    let begun = state
        .imports
        .begin_upload(principal.tenant_id, campaign, new.bytes, key.as_ref())
        .await?;
    let view = UploadView {
        import: ImportView::new(&state.imports, begun.import),
        method: UploadMethod::Put,
        url: begun.put.url,
        headers: begun.put.headers.into_iter().collect(),
        expires_at: begun.expires_at,
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(view)).into_response())
}

/// Start the import of a list that was put to its address
#[utoipa::path(post, path = "/v1/imports/{import_id}/start",
    params(("import_id" = ImportId, Path), DryRunQuery), request_body = Options,
    responses(
        (status = 200, description = "With `dry_run`: what its beginning would bring", body = PreviewView),
        (status = 202, description = "It is on its way: watch `state`", body = ImportView,
            headers(("Location"))),
        (status = 409, description = "`not_uploaded`, `import_started` or `campaign_closed`"),
        (status = 422, response = UnusableList),
    ))]
pub(crate) async fn start_import(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import): Path<ImportId>,
    Query(query): Query<DryRunQuery>,
    Body(options): Body<Options>,
) -> Result<Response, Problem> {
    let tenant = principal.tenant_id;
    if query.dry_run {
        let preview = state.imports.preview_upload(tenant, import, options);
        return Ok(Json(PreviewView::from(preview.await?)).into_response());
    }
    let import = state.imports.start(tenant, import, options).await?;
    let view = ImportView::new(&state.imports, import);
    Ok(answer(StatusCode::ACCEPTED, view))
}

/// List a campaign's imports, newest first
#[utoipa::path(get, path = "/v1/campaigns/{campaign_id}/imports",
    params(("campaign_id" = CampaignId, Path), PageQuery),
    responses((status = 200, description = "A page", body = Page<ImportView>)))]
pub(crate) async fn list_imports(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(campaign): Path<CampaignId>,
    wanted: Wanted<ImportId>,
) -> Result<Json<Page<ImportView>>, Problem> {
    let page = state
        .imports
        .list(principal.tenant_id, campaign, wanted.after, wanted.limit)
        .await?;
    let cursor = |import: &Import| import.id.to_string();
    let view = |import| ImportView::new(&state.imports, import);
    Ok(Json(Page::new(page, cursor, view)))
}

/// Read an import: its state, progress and counts
#[utoipa::path(get, path = "/v1/imports/{import_id}", params(("import_id" = ImportId, Path)),
    responses((status = 200, description = "The import", body = ImportView)))]
pub(crate) async fn get_import(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<ImportId>,
) -> Result<Json<ImportView>, Problem> {
    let import = state.imports.get(principal.tenant_id, import_id).await?;
    Ok(Json(ImportView::new(&state.imports, import)))
}

/// Fetch the rows that were kept out
///
/// A redirect to a file as the list is (delimiter, encoding, columns; of a workbook a CSV), good for five
/// minutes. Each row is as it was sent, with `trunkline_row`, `trunkline_column`, `trunkline_code` and
/// `trunkline_reason` behind its cells. Mended, it can be sent as a list again: these columns are passed over,
/// and an apostrophe that the file has before a cell which a spreadsheet could run is taken off.
#[utoipa::path(get, path = "/v1/imports/{import_id}/rejects", params(("import_id" = ImportId, Path)),
    responses(
        (status = 307, description = "`Location` is the file", headers(("Location"))),
        (status = 409, description = "`import_unfinished`"),
    ))]
pub(crate) async fn get_import_rejects(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<ImportId>,
) -> Result<Response, Problem> {
    let link = state
        .imports
        .rejects_link(principal.tenant_id, import_id)
        .await?;
    Ok(link::redirect(link))
}

/// Take an import back
///
/// Leads that were never called are removed, the others stay and are told.
#[utoipa::path(delete, path = "/v1/imports/{import_id}", params(("import_id" = ImportId, Path)),
    responses((status = 202, description = "It is on its way: watch `state`", body = ImportView,
        headers(("Location")))))]
pub(crate) async fn undo_import(
    Shared(state): Shared<State>,
    Extension(principal): Extension<Principal>,
    Path(import_id): Path<ImportId>,
) -> Result<Response, Problem> {
    let import = state.imports.undo(principal.tenant_id, import_id).await?;
    let view = ImportView::new(&state.imports, import);
    Ok(answer(StatusCode::ACCEPTED, view))
}

fn answer(status: StatusCode, view: ImportView) -> Response {
    (status, location("/v1/imports", &view.id), Json(view)).into_response()
}

/// What the query says of the list.
fn options(query: &ImportQuery) -> Result<Options, Problem> {
    let columns: BTreeMap<String, Target> = match &query.columns {
        None => BTreeMap::new(),
        Some(json) => serde_json::from_str(json).map_err(|_unreadable| {
            let says =
                "must be JSON, as in {\"Handy\": \"number\", \"Ort\": {\"variable\": \"city\"}}";
            Problem::parameter("columns", Fault::Malformed, says)
        })?,
    };
    if columns.keys().any(|name| name.trim().is_empty()) {
        let says = "must name each column";
        return Err(Problem::parameter("columns", Fault::Malformed, says));
    }
    Ok(Options {
        encoding: query.encoding,
        delimiter: query.delimiter,
        default_country: query.default_country,
        header_row: query.header_row,
        sheet: query.sheet.clone(),
        columns,
    })
}

fn columns_of(layout: &Layout) -> Vec<ColumnView> {
    let columns = layout.columns.iter().enumerate();
    columns
        .map(|(at, column)| ColumnView {
            letter: letter(at),
            header: column.header.clone(),
            target: column.target.clone(),
            because: column.because,
            sentence: format!(
                "{} {}",
                column.header,
                column.because.sentence(&column.target)
            ),
        })
        .collect()
}

fn warnings_of(layout: &Layout) -> Vec<LayoutWarningView> {
    let warnings = layout.warnings.iter();
    warnings
        .map(|warning: &LayoutWarning| LayoutWarningView {
            code: warning.code(),
            columns: warning.columns().iter().copied().map(letter).collect(),
            sentence: warning.sentence(),
        })
        .collect()
}

impl ImportView {
    fn new(imports: &Imports, import: Import) -> Self {
        let progress = imports.progress(&import);
        let (state, ended_at, problem) = match import.state {
            ImportState::Uploading => (ImportStatus::Uploading, None, None),
            ImportState::Checking => (ImportStatus::Checking, None, None),
            ImportState::Running => (ImportStatus::Running, None, None),
            ImportState::Completed { ended_at } => (ImportStatus::Completed, Some(ended_at), None),
            ImportState::Undoing { after: _, problem } => (ImportStatus::Undoing, None, problem),
            ImportState::Undone { ended_at } => (ImportStatus::Undone, Some(ended_at), None),
            ImportState::Failed { ended_at, problem } => {
                (ImportStatus::Failed, Some(ended_at), Some(problem))
            }
        };
        let layout = import.layout.as_ref();
        Self {
            id: import.id,
            campaign_id: import.campaign_id,
            state,
            created_at: import.created_at,
            updated_at: import.updated_at,
            ended_at,
            bytes: import.bytes,
            sheet: import.workbook.and_then(|workbook| workbook.sheet),
            percent: progress.percent,
            ends_at: progress.ends_at,
            encoding: layout.map(|layout| layout.encoding),
            delimiter: layout.map(|layout| layout.delimiter),
            columns: layout.map(columns_of).unwrap_or_default(),
            warnings: layout.map(warnings_of).unwrap_or_default(),
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
            code: reject.reason.kind(),
            sentence: reject.sentence(layout),
        };
        let other = |other: &OtherColumn| OtherPhoneColumnView {
            letter: letter(other.column),
            header: layout
                .columns
                .get(other.column)
                .map(|column| column.header.clone())
                .unwrap_or_default(),
            numbers: other.numbers,
            saves: other.saves,
        };
        let of = |codes: &[RejectCode]| {
            let counts = codes
                .iter()
                .filter_map(|code| preview.rejected.get(code.code()));
            counts.sum()
        };
        let workbook = preview.workbook.unwrap_or_default();
        let reach = preview.reach;
        Self {
            encoding: layout.encoding,
            delimiter: layout.delimiter,
            sheet: Some(workbook.sheet).filter(|sheet| !sheet.is_empty()),
            sheets: workbook.sheets,
            columns: columns_of(layout),
            other_phone_columns: preview.others.iter().map(other).collect(),
            warnings: warnings_of(layout),
            whole: preview.whole,
            rows: preview.rows,
            good: preview.good,
            callable: reach.callable,
            never_called: reach.never_called,
            never_called_by_rule: reach.groups.iter().map(NeverCalledView::from).collect(),
            lacking_variables: reach.lacking,
            missing_variables: reach.missing,
            duplicates: of(&[RejectCode::DuplicateInFile, RejectCode::AlreadyInCampaign]),
            suppressed: of(&[RejectCode::Suppressed]),
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

impl From<&NeverCalled> for NeverCalledView {
    fn from(group: &NeverCalled) -> Self {
        Self {
            rule: group.rule,
            leads: group.leads,
            first_row: group.first_row,
            number_kind: group.kind,
            country: group
                .country
                .as_deref()
                .and_then(|country| country.parse().ok()),
            zones: group.zones.clone(),
            opened_by: group
                .opened_by
                .iter()
                .copied()
                .map(OpenerView::from)
                .collect(),
            sentence: group.sentence(),
        }
    }
}

impl From<Opener> for OpenerView {
    fn from(opener: Opener) -> Self {
        let of = |code| Self {
            code,
            window: None,
            after: None,
        };
        match opener {
            Opener::Windows(span) => Self {
                window: Some(span),
                ..of(OpenerCode::Windows)
            },
            Opener::BlockedDays => of(OpenerCode::BlockedDays),
            Opener::Holidays => of(OpenerCode::CallOnHolidays),
            Opener::EndsAt(at) => Self {
                after: Some(at),
                ..of(OpenerCode::EndsAt)
            },
            Opener::Zone => of(OpenerCode::Zone),
            Opener::TrustedZone => of(OpenerCode::TrustedZone),
        }
    }
}

impl From<PreviewRow> for PreviewRowView {
    fn from(preview: PreviewRow) -> Self {
        let PreviewRow {
            row,
            number_country,
            zones,
        } = preview;
        let country = |country: String| country.parse().ok();
        let consent = row.consent;
        Self {
            row: row.start.row,
            number: row.number,
            number_kind: row.kind,
            number_country: number_country.and_then(country),
            alternates: row.alternates,
            zones,
            region: row.region.map(str::to_owned),
            region_unreadable: row.region_unreadable,
            postal_code: row.postal_code.clone(),
            country: row.country,
            priority: row.priority,
            consent_kind: consent.as_ref().map(|consent| consent.kind),
            consent_at: consent.as_ref().and_then(|consent| consent.at),
            consent_source: consent.and_then(|consent| consent.source),
            variables: row.variables,
        }
    }
}
