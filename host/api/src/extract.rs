//! Extractors whose refusals are problems that name the field.

use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Path as AxumPath, Request};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Problem;

/// The JSON body of a request, or of an answer.
pub(crate) struct Json<T>(pub(crate) T);

/// The query of a request.
pub(crate) struct Query<T>(pub(crate) T);

/// The variable parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

/// A WebAssembly component as the whole body.
pub(crate) struct Wasm(pub(crate) Bytes);

/// The bytes of a request, of whatever type: what they are is said elsewhere.
pub(crate) struct Raw(pub(crate) Bytes);

/// The answer to a successful request.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

fn media_type(request: &Request) -> &str {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !media_type(&request).eq_ignore_ascii_case("application/json") {
            return Err(Problem::media_type("application/json"));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| broken_body(&error))?;
        // serde would take a list for an object, field by field.
        if body.trim_ascii_start().first() == Some(&b'[') {
            return Err(invalid(
                ".",
                "invalid-value",
                "expected an object, not a list".into(),
            ));
        }
        let mut reader = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            // What is JSON and says something wrong is a wrong value like others.
            let code = if error.inner().is_data() {
                "invalid-value"
            } else {
                "invalid-json"
            };
            invalid(&field, code, what_is_wrong(error.inner()))
        })?;
        let rest = reader.end();
        rest.map_err(|error| {
            invalid(
                ".",
                "invalid-json",
                format!("more follows the JSON value: {error}"),
            )
        })?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|error| broken_body(&error))
    }
}

impl<S: Send + Sync> FromRequest<S> for Wasm {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !media_type(&request).eq_ignore_ascii_case("application/wasm") {
            return Err(Problem::media_type("application/wasm"));
        }
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|error| broken_body(&error))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let field = error.path().to_string();
                invalid(&field, "invalid-query", error.inner().to_string())
            })
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(rejection) => Err(broken_path(rejection, parts.extensions.get::<MatchedPath>())),
        }
    }
}

/// What is wrong with a value, without its line and column: the field is named. Those of broken JSON stay.
fn what_is_wrong(error: &serde_json::Error) -> String {
    let told = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match told.strip_suffix(&place) {
        Some(without) if error.is_data() => without.to_owned(),
        _ => told,
    }
}

/// A field of the root is called by its name; the root itself is no field.
fn invalid(field: &str, code: &str, detail: String) -> Problem {
    // Where broken JSON ends in the middle, the path ends in a question mark.
    let field = field.trim_end_matches('?').trim_end_matches('.');
    if field.is_empty() {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    } else {
        Problem::new(StatusCode::BAD_REQUEST, code, format!("{field}: {detail}")).field(field)
    }
}

fn broken_body(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "broken-body",
        format!("the body could not be read: {error}"),
    )
}

fn broken_path(rejection: PathRejection, route: Option<&MatchedPath>) -> Problem {
    let PathRejection::FailedToDeserializePathParams(error) = rejection else {
        return Problem::internal();
    };
    // A route with one variable part gives its value no key.
    let only = route
        .and_then(|route| route.as_str().split(['{', '}']).nth(1))
        .unwrap_or(".");
    match error.into_kind() {
        ErrorKind::DeserializeError { key, message, .. } => invalid(&key, "invalid-value", message),
        ErrorKind::InvalidUtf8InPathParam { key } => invalid(&key, "invalid-value", "expected UTF-8".into()),
        ErrorKind::Message(message) => invalid(only, "invalid-value", message),
        other => invalid(only, "invalid-value", other.to_string()),
    }
}
