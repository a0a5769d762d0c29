//! Changing a thing: what is known of it, with what is given put in.

use serde_json::Value;

use super::client::Client;
use super::failure::Failure;

/// What is kept at a path, or how a new one begins, without the fields that the server tells and doesn't take; and what
/// becomes of it, since whoever misspells an id makes another thing.
pub(crate) fn known(
    client: &Client,
    at: &str,
    told: &[&str],
    new: Value,
) -> Result<(Value, &'static str), Failure> {
    let found = client.find(at)?;
    let done = made_or_changed(found.is_none());
    let mut body = found.unwrap_or(new);
    if let Some(fields) = body.as_object_mut() {
        for field in told {
            fields.remove(*field);
        }
    }
    Ok((body, done))
}

/// What was done, in a word.
pub(crate) const fn made_or_changed(is_new: bool) -> &'static str {
    if is_new { "made" } else { "changed" }
}

/// Puts in what is given; the rest stays as it is.
pub(crate) fn put_in<T: Into<Value>>(
    body: &mut Value,
    given: impl IntoIterator<Item = (&'static str, Option<T>)>,
) {
    for (field, value) in given {
        if let Some(value) = value {
            body[field] = value.into();
        }
    }
}
