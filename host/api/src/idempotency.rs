//! `Idempotency-Key`: a POST sent again is done once and gets the same answer.
//!
//! Policy: the key belongs to one user of one tenant and to one request (method, path, query, body); another
//! request under it answers 422. While the first is under way, a second answers 409. Answers of 200 to 499 are kept
//! for 24 hours, except 401, 403 and 429; after any other the key is free again. A secret in an answer is not kept:
//! the replay leaves it out. An answer that names a customer whose data is erased goes, and 410 comes in its place, so
//! that nothing is done twice. Of the key itself the digest is kept. If the process dies between the deed and its answer, nobody knows whether it was
//! done: the key then answers 409 for the rest of the day, so that a client that tries again never does it twice.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jackfield_runtime::Names;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::limits::{self, MAX_HTTP_BODY_MS, MAX_IDEMPOTENCY_KEY_BYTES, MAX_UPLOAD_MS};
use jackfield_types::{Digest, OpContext, Timestamp};
use serde::{Deserialize, Serialize};

use tokio::time::timeout;

use crate::auth::{Caller, Gate};
use crate::clock;
use crate::error::Problem;

/// The request's header.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Set on an answer that was given before.
pub(crate) const REPLAYED: &str = "idempotency-replayed";

const ANSWERS: Space = Space::new("idempotency");
const BY_AGE: Space = Space::new("idempotency-age");
/// How long an answer is kept.
const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// After so long without an answer, the first try is taken for dead: longer than any request may take.
const ABANDONED_MS: u64 = 2 * MAX_UPLOAD_MS;
/// Rows read at once while erasing; each has up to 16 KiB.
const READ_AT_ONCE: usize = 64;
/// Old answers forgotten with each new one, so that there are never many more than a day makes.
const FORGOTTEN_AT_ONCE: usize = 8;

/// What a handler wants to be kept instead of the body of its answer, since that holds a secret.
#[derive(Debug, Clone)]
pub(crate) struct KeptBody(pub(crate) Vec<u8>);

#[derive(Serialize, Deserialize)]
struct Kept {
    fingerprint: Digest,
    at: Timestamp,
    /// None while the first try is under way.
    answer: Option<KeptAnswer>,
}

#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    status: u16,
    content_type: String,
    body: String,
}

/// Runs a request whose caller is known, once for each idempotency key. A body that is taken in piece by piece is its
/// handler's, and so is the key.
pub(crate) async fn run(
    gate: &Gate,
    caller: &Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if gate.streamed {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let body = read_body(gate.body_limit, &parts, body).await?;
    let key = parts.headers.remove(IDEMPOTENCY_KEY);
    let Some(key) = key.filter(|_| parts.method == Method::POST) else {
        return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
    };
    let key = row_key(caller, &key)?;
    let fingerprint = Digest::of(&[format!("{} {}\n", parts.method, parts.uri).as_bytes(), &body].concat());
    let slot = Slot {
        store: gate.app.platform.store(),
        ctx: &caller.ctx,
        key,
        fingerprint,
        at: clock::now(),
    };
    let reserved = match slot.reserve().await? {
        Reserved::Answered(answer) => return Ok(replay(answer)),
        Reserved::New(version) => version,
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    slot.settle(reserved, response).await
}

/// The whole body; a body that says or turns out to be too large answers 413, one that does not come in whole within
/// [`MAX_HTTP_BODY_MS`] 408.
pub(crate) async fn read_body(
    limit: usize,
    parts: &axum::http::request::Parts,
    body: Body,
) -> Result<Bytes, Problem> {
    read_within(MAX_HTTP_BODY_MS, limit, parts, body).await
}

async fn read_within(
    ms: u64,
    limit: usize,
    parts: &axum::http::request::Parts,
    body: Body,
) -> Result<Bytes, Problem> {
    let said = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if said
        .and_then(|length| length.parse::<u64>().ok())
        .is_some_and(|length| length > limit as u64)
    {
        return Err(Problem::too_large(limit));
    }
    let whole = timeout(Duration::from_millis(ms), to_bytes(body, limit));
    let Ok(whole) = whole.await else {
        let detail = format!("the body had not come in whole after {ms} ms; nothing was done");
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "broken-body", detail));
    };
    whole.map_err(|error| {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return Problem::too_large(limit);
            }
            cause = error.source();
        }
        Problem::new(
            StatusCode::BAD_REQUEST,
            "broken-body",
            format!("the body could not be read: {error}"),
        )
    })
}

fn row_key(caller: &Caller, key: &HeaderValue) -> Result<String, Problem> {
    let fits = |key: &&str| {
        (1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = key.to_str().ok().filter(fits).ok_or_else(|| {
        let detail =
            format!("Idempotency-Key: expected 1 to {MAX_IDEMPOTENCY_KEY_BYTES} printable ASCII characters");
        Problem::invalid("Idempotency-Key", detail)
    })?;
    Ok(format!("{}/{}", caller.user, Digest::of(key.as_bytes())))
}

/// Takes kept answers away that mention somebody; how many.
pub(crate) async fn erase(store: &Store, ctx: &OpContext, names: &Names) -> Result<u64, Problem> {
    let (mut erased, mut cursor) = (0, None);
    loop {
        let scan = Scan::all().limit(READ_AT_ONCE).after(cursor);
        let page = store.scan(ctx, ANSWERS, scan).await?;
        for row in page.rows {
            let Ok(mut kept) = serde_json::from_slice::<Kept>(&row.value) else {
                continue;
            };
            if !kept
                .answer
                .as_ref()
                .is_some_and(|answer| names.are_in_text(&answer.body))
            {
                continue;
            }
            let gone = erased_answer();
            kept.answer = Some(KeptAnswer {
                status: gone.status,
                content_type: "application/problem+json".into(),
                body: serde_json::to_string(&gone).unwrap_or_default(),
            });
            let value = serde_json::to_vec(&kept).unwrap_or_default();
            let tx = Tx::new()
                .check(ANSWERS, row.key.clone(), row.version)
                .put(ANSWERS, row.key, value);
            match store.commit(ctx, tx).await {
                Ok(_) => erased += 1,
                // It became too old meanwhile.
                Err(jackfield_store::Error::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(erased);
        }
    }
}

fn erased_answer() -> Problem {
    let detail = "this was done before, and its answer was erased together with a customer's data";
    Problem::new(StatusCode::GONE, "answer-erased", detail)
}

fn replay(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = [
        (header::CONTENT_TYPE.as_str(), answer.content_type),
        (REPLAYED, "true".into()),
    ];
    (status, headers, answer.body).into_response()
}

enum Reserved {
    /// The row's version: this try has the key now.
    New(u64),
    /// It was done before.
    Answered(KeptAnswer),
}

struct Slot<'a> {
    store: &'a Store,
    ctx: &'a OpContext,
    key: String,
    fingerprint: Digest,
    at: Timestamp,
}

impl Slot<'_> {
    async fn reserve(&self) -> Result<Reserved, Problem> {
        let now = self.at;
        let row = self.store.get(self.ctx, ANSWERS, self.key.as_bytes()).await?;
        let mut tx = Tx::new();
        match row {
            None => tx = tx.check_absent(ANSWERS, self.key.clone()),
            Some(row) => {
                let kept: Kept = serde_json::from_slice(&row.value).map_err(|error| {
                    Problem::unavailable(format!(
                        "a kept answer can't be read: {error}; use another Idempotency-Key"
                    ))
                })?;
                let old = now.since(kept.at) > KEPT_MS;
                if !old && kept.fingerprint != self.fingerprint {
                    return Err(other_request());
                }
                match kept.answer {
                    Some(answer) if !old => return Ok(Reserved::Answered(answer)),
                    None if now.since(kept.at) <= ABANDONED_MS => return Err(under_way()),
                    None if !old => return Err(unknown_outcome()),
                    _ => {}
                }
                tx = tx
                    .check(ANSWERS, self.key.clone(), row.version)
                    .delete(BY_AGE, age_key(kept.at, &self.key));
            }
        }
        for old in self.forgettable().await? {
            tx = tx.delete(ANSWERS, old.value).delete(BY_AGE, old.key);
        }
        tx = tx.put(BY_AGE, age_key(now, &self.key), self.key.clone());
        tx = tx.put(ANSWERS, self.key.clone(), self.row(None));
        match self.store.commit(self.ctx, tx).await {
            Ok(version) => Ok(Reserved::New(version)),
            Err(jackfield_store::Error::Conflict { .. }) => Err(under_way()),
            Err(error) => Err(error.into()),
        }
    }

    /// Answers that are older than a day, this key's own excepted.
    async fn forgettable(&self) -> Result<Vec<jackfield_store::Row>, Problem> {
        let to = age_key(Timestamp(self.at.0.saturating_sub(KEPT_MS)), "");
        let page = self
            .store
            .scan(self.ctx, BY_AGE, Scan::range("0", to).limit(FORGOTTEN_AT_ONCE))
            .await?;
        Ok(page
            .rows
            .into_iter()
            .filter(|row| row.value != self.key.as_bytes())
            .collect())
    }

    /// Keeps the answer, or frees the key when the answer is none to be kept.
    async fn settle(&self, version: u64, response: Response) -> Result<Response, Problem> {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, limits::MAX_COMPONENT_BYTES)
            .await
            .map_err(|_| Problem::internal())?;
        let kept_body = parts
            .extensions
            .get::<KeptBody>()
            .map_or(&body[..], |kept| &kept.0);
        let status = parts.status.as_u16();
        let keep = (200..500).contains(&status)
            && !matches!(status, 401 | 403 | 429)
            && kept_body.len() <= limits::MAX_VALUE_BYTES / 4;
        let tx = Tx::new().check(ANSWERS, self.key.clone(), version);
        let tx = if keep {
            let content_type = parts
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            let answer = KeptAnswer {
                status,
                content_type: content_type.unwrap_or("application/json").into(),
                body: String::from_utf8_lossy(kept_body).into_owned(),
            };
            tx.put(ANSWERS, self.key.clone(), self.row(Some(answer)))
        } else {
            tx.delete(ANSWERS, self.key.clone())
                .delete(BY_AGE, age_key(self.at, &self.key))
        };
        if let Err(error) = self.store.commit(self.ctx, tx).await {
            // The deed is done and its answer known: a lost record of it must not turn it into an error.
            tracing::warn!(%error, "the answer to an idempotent request was not kept");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    fn row(&self, answer: Option<KeptAnswer>) -> Vec<u8> {
        let kept = Kept {
            fingerprint: self.fingerprint,
            at: self.at,
            answer,
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }
}

fn age_key(at: Timestamp, key: &str) -> String {
    format!("{:020} {key}", at.0)
}

fn other_request() -> Problem {
    let detail = "this Idempotency-Key was used for another request; make a new key for each request";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", detail).field("Idempotency-Key")
}

fn unknown_outcome() -> Problem {
    let detail = "the server stopped while the first request with this Idempotency-Key was under way: look whether it was \
                  done, and use another key if it was not";
    Problem::conflict("idempotency-unknown", detail).field("Idempotency-Key")
}

fn under_way() -> Problem {
    let detail = "the first request with this Idempotency-Key is still under way; try again in a second";
    Problem::conflict("idempotency-under-way", detail).field("Idempotency-Key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_in_is_given_up() {
        let parts = Request::new(()).into_parts().0;
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        let told = read_within(1, 10, &parts, never).await.unwrap_err();
        assert_eq!((told.status, &*told.code), (408, "broken-body"));
        let (short, long) = (Body::from("0123456789"), Body::from("0123456789a"));
        assert_eq!(
            read_within(60_000, 10, &parts, short).await.unwrap(),
            "0123456789"
        );
        assert_eq!(
            read_within(60_000, 10, &parts, long).await.unwrap_err().status,
            413
        );
    }
}
