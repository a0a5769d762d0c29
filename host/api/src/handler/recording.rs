//! The sound of an interaction.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use jackfield_runtime::Platform;
use jackfield_types::limits::MAX_BLOB_READ_BYTES;
use jackfield_types::{Digest, InteractionId, OpContext};

use super::interaction::{SEES_ALL, find};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::Path;

/// Gives the recording of an interaction: WAV, two channels, customer left, agent right. Takes a `Range` of one
/// stretch of bytes, so that players can seek.
#[utoipa::path(get, path = "", tag = "calls", params(("interaction" = String, Path), ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST`")), responses(
    (status = 200, content_type = "audio/wav", body = [u8]),
    (status = 206, description = "The stretch asked for.", content_type = "audio/wav", body = [u8]),
    (status = 416, description = "The recording is shorter than that."),
))]
pub(crate) async fn get_recording(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = find(&who, interaction, SEES_ALL).await?;
    let missing = || Problem::not_found("recording", format!("of interaction {interaction}"));
    let digest = found.recording.ok_or_else(missing)?.digest;
    let length = who
        .platform
        .store()
        .blobs()
        .len(&who.ctx, digest)
        .await?
        .ok_or_else(missing)?;
    let common = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, format!("\"{digest}\"")),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("inline; filename=\"{interaction}.wav\""),
        ),
    ];
    let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
        let body = read(who.platform, who.ctx, digest, 0, length);
        return Ok((common, [(header::CONTENT_LENGTH, length.to_string())], body).into_response());
    };
    let ranges = http_range_header::parse_range_header(range).and_then(|range| range.validate(length));
    let Ok([range]) = ranges.as_deref() else {
        let detail = format!("Range: expected one stretch of bytes within the {length} that there are");
        let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", detail).field("Range");
        let there_are = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
        return Ok((there_are, problem).into_response());
    };
    let (first, last) = (*range.start(), *range.end());
    let stretch = [
        (header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")),
        (header::CONTENT_LENGTH, (last - first + 1).to_string()),
    ];
    let body = read(who.platform, who.ctx, digest, first, last + 1);
    Ok((StatusCode::PARTIAL_CONTENT, common, stretch, body).into_response())
}

/// Bytes `from..to` of a blob, read piece by piece as the client takes them.
fn read(platform: Platform, ctx: OpContext, digest: Digest, from: u64, to: u64) -> Body {
    let pieces = stream::try_unfold((platform, ctx, from), move |(platform, ctx, at)| async move {
        let left = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(MAX_BLOB_READ_BYTES / 16);
        if left == 0 {
            return Ok(None);
        }
        let piece = platform
            .store()
            .blobs()
            .get_range(&ctx, digest, at, left)
            .await?
            .unwrap_or_default();
        if piece.is_empty() {
            // It was erased meanwhile: the client sees a broken answer, not a short one.
            let what = format!("blob {digest} ended at byte {at}");
            return Err(jackfield_store::Error::Unavailable { what });
        }
        let next = at + piece.len() as u64;
        Ok(Some((Bytes::from(piece), (platform, ctx, next))))
    });
    Body::from_stream(pieces)
}
