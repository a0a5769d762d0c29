//! Customers in bulk: an import is begun, takes its rows in parts, and says how far it is and what was wrong.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use jackfield_runtime::{ImportFailure, ImportFormat, ImportRecord, ImportSettings};
use jackfield_types::ImportId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query, Raw};

/// How to read an import.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"format": "csv", "encoding": "gbk", "columns": {"姓名": "name", "手机": "tel", "等级": "tier"}, "dry_run": true}))]
pub struct ImportBody {
    /// `csv`, a table whose first row names the columns, or `ndjson`, an object to a line with `identities`, `name`,
    /// `language`, `attributes`, `account_manager` and `since`.
    #[schema(value_type = String)]
    pub format: ImportFormat,
    /// `utf-8` (when left out), `gbk`, `gb18030` or `big5`.
    #[serde(default = "utf_8")]
    pub encoding: String,
    /// Of a table: what columns mean, by their names: an address's scheme (`tel`, `email`, `wechat`, `chat`, `crm`; several
    /// addresses in a field have semicolons between them), `name`, `language`, `account-manager`, `since`, an attribute's
    /// id, or `-` for one that is left out. A column that is not here means what its name says.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Only to say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

fn utf_8() -> String {
    "utf-8".to_owned()
}

/// An import, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    settings: ImportBody,
    /// When it was begun.
    pub created_at: u64,
    /// Rows that are done: the `row` of the next part.
    pub rows: u64,
    /// Customers that were made, or would be.
    pub made: u64,
    /// Customers that were known and were changed, or would be.
    pub changed: u64,
    /// Rows that were refused.
    pub failed: u64,
}

impl From<ImportRecord> for ImportView {
    fn from(record: ImportRecord) -> Self {
        let ImportSettings {
            format,
            encoding,
            columns,
            dry_run,
        } = record.settings;
        Self {
            id: record.id.to_string(),
            settings: ImportBody {
                format,
                encoding,
                columns,
                dry_run,
            },
            created_at: record.created_at.0,
            rows: record.rows,
            made: record.made,
            changed: record.changed,
            failed: record.failed,
        }
    }
}

/// What is wrong with a row.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ImportFailureView {
    /// Which, from 1; the row of names does not count.
    pub row: u64,
    /// The column or field, when it is one.
    pub field: Option<String>,
    /// What was found, and what was expected.
    pub problem: String,
}

impl From<ImportFailure> for ImportFailureView {
    fn from(failure: ImportFailure) -> Self {
        Self {
            row: failure.row,
            field: failure.field,
            problem: failure.problem,
        }
    }
}

/// Where a part belongs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PartQuery {
    /// The number of its first row, from 0: the `rows` of the import. The row of names does not count, and stands in the first
    /// part alone.
    row: u64,
}

/// Lists the imports, by id.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<ImportView>)))]
pub(crate) async fn list_imports(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<ImportView>> {
    let imports = who.tenant.imports(&who.ctx).await?;
    let place = |import: &ImportRecord| import.id.to_string();
    Ok(Json(paging.cut(imports.into_iter(), place, ImportView::from)?))
}

/// Shows how far an import is.
#[utoipa::path(get, path = "", tag = "customers", params(("import" = String, Path)), responses((status = 200, body = ImportView)))]
pub(crate) async fn get_import(who: InTenant, Path(import): Path<ImportId>) -> Answer<ImportView> {
    Ok(Json(who.tenant.import(&who.ctx, &import).await?.into()))
}

/// Begins an import. Refused when there is one of that id.
#[utoipa::path(put, path = "", tag = "customers", params(("import" = String, Path)), request_body = ImportBody, responses((status = 200, body = ImportView)))]
pub(crate) async fn begin_import(
    who: InTenant,
    Path(import): Path<ImportId>,
    Json(body): Json<ImportBody>,
) -> Answer<ImportView> {
    let settings = ImportSettings {
        format: body.format,
        encoding: body.encoding,
        columns: body.columns,
        dry_run: body.dry_run,
    };
    let begun = who.tenant.begin_import(&who.ctx, import, settings).await?;
    Ok(Json(begun.into()))
}

/// Takes the next part of an import: whole rows, at most 4 MiB and 50,000 lines of them. A row whose addresses are somebody's changes that
/// customer, another makes one; a row that is wrong is kept with what is wrong, and the others go on. Each row is done once:
/// after a stop in between, the import says with which row to go on, and a part that begins elsewhere is refused.
#[utoipa::path(post, path = "", tag = "customers", params(("import" = String, Path), PartQuery), request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportView)))]
pub(crate) async fn import_part(
    who: InTenant,
    Path(import): Path<ImportId>,
    Query(part): Query<PartQuery>,
    Raw(body): Raw,
) -> Answer<ImportView> {
    let done = who
        .tenant
        .import_part(&who.ctx, &import, part.row, body.into())
        .await?;
    Ok(Json(done.into()))
}

/// Lists what was wrong with rows of an import, by row; of the first 10,000 that were refused.
#[utoipa::path(get, path = "", tag = "customers", params(("import" = String, Path), Paging), responses((status = 200, body = Page<ImportFailureView>)))]
pub(crate) async fn list_import_failures(
    who: InTenant,
    Path(import): Path<ImportId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<ImportFailureView>> {
    let limit = paging.limit()?;
    let page = who
        .tenant
        .import_failures(&who.ctx, &import, paging.cursor, limit)
        .await?;
    Ok(Json(page.into()))
}

/// Forgets an import and what was wrong with it. Its customers stay.
#[utoipa::path(delete, path = "", tag = "customers", params(("import" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_import(
    who: InTenant,
    Path(import): Path<ImportId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_import(&who.ctx, &import).await?;
    Ok(StatusCode::NO_CONTENT)
}
