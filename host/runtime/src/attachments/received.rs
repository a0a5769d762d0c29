//! Attachments that a provider holds for a customer's message: begun by whoever fetches them, and refused in words.

use std::sync::Arc;

use jackfield_contact::chat::Side;
use jackfield_types::{CustomerId, InteractionId, OpContext};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use super::kind::{Kind, Said};
use super::{Attaching, AttachmentError};
use crate::tenant::Tenant;

/// What is fetched, and for which message.
pub(crate) struct Fetched<'a> {
    pub(crate) interaction: InteractionId,
    pub(crate) customer: CustomerId,
    pub(crate) number: u32,
    pub(crate) index: u32,
    /// As the provider calls it; may be empty.
    pub(crate) name: &'a str,
    /// As the provider says; not believed.
    pub(crate) media_type: &'a str,
}

/// Codes of refusals, with what an agent is told. A code that is not here is told as one that could not be had.
const REFUSALS: &[(&str, &str)] = &[
    (
        "wrong-type",
        "files of this type are not taken: pictures, PDF and plain text are",
    ),
    (
        "damaged",
        "the file is damaged; ask the customer to send it again",
    ),
    (
        "too-large",
        "the file is larger than is taken; ask the customer for a smaller one",
    ),
    ("empty", "the file is empty; ask the customer to send it again"),
    (
        "too-many",
        "the conversation has as many attachments as one can have",
    ),
    ("quota", "the storage is full; tell your administrator"),
    (
        "host-not-allowed",
        "it lies on a host that the channel does not name; tell your administrator",
    ),
    (
        "redirected",
        "the provider leads to a host that the channel does not name; tell your administrator",
    ),
    ("erased", "the customer has been erased"),
    (
        "unknown-customer",
        "the customer is not known, so there is no key to keep it under",
    ),
];
/// The code of whatever the provider did not hand over.
pub(crate) const NOT_AVAILABLE: &str = "not-available";

/// Why an attachment was refused, in words for an agent.
pub fn refusal(code: &str) -> &'static str {
    let known = REFUSALS.iter().find(|(known, _)| *known == code);
    known.map_or(
        "the provider did not hand it over; ask the customer to send it again",
        |(_, words)| words,
    )
}

/// The code of an error that would be the same the next time; `None` when it may be tried again.
pub(crate) fn code_of(error: &AttachmentError) -> Option<&'static str> {
    Some(match error {
        AttachmentError::NotAllowed { .. } | AttachmentError::Mismatch { .. } => "wrong-type",
        AttachmentError::Damaged(..) => "damaged",
        AttachmentError::TooManyPixels(_) | AttachmentError::TooLarge => "too-large",
        AttachmentError::Empty => "empty",
        AttachmentError::TooMany { .. } => "too-many",
        AttachmentError::WrongState(_) => "erased",
        AttachmentError::Upload
        | AttachmentError::OtherFile
        | AttachmentError::Unknown { .. }
        | AttachmentError::Twice { .. }
        | AttachmentError::Quota(_)
        | AttachmentError::Submit(_) => return None,
    })
}

/// Whether anything of a type can be taken: what can't be is not even fetched.
pub(crate) fn is_taken(media_type: &str) -> bool {
    said(media_type).is_some()
}

/// What a provider's word for a type means here; `None` for what is not taken.
fn said(media_type: &str) -> Option<Said> {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    match Kind::named(name) {
        Ok(kind) => Some(Said::Like(Some(kind))),
        Err(_) if ["application/octet-stream", "binary/octet-stream"].contains(&name) => {
            Some(Said::Like(None))
        }
        // Some providers say no more than that it is a picture.
        Err(_) if name == "image" || name == "image/*" || name == "image/jpg" => {
            Some(Said::Like(Kind::named("image/jpeg").ok()))
        }
        Err(_) => None,
    }
}

impl Tenant {
    /// Begins to keep something that a provider hands over for a message that is there already, whether or not its
    /// conversation goes on.
    pub(crate) async fn begin_fetched(
        &self,
        ctx: &OpContext,
        fetched: Fetched<'_>,
        turn: OwnedSemaphorePermit,
    ) -> Result<Attaching, AttachmentError> {
        let said = said(fetched.media_type).ok_or_else(|| AttachmentError::NotAllowed {
            found: fetched.media_type.chars().take(128).collect(),
        })?;
        Ok(Attaching {
            file: tokio::fs::File::from_std(self.store().blobs().scratch(ctx).await?),
            tenant: self.clone(),
            ctx: ctx.clone(),
            interaction: fetched.interaction,
            customer: fetched.customer,
            by: Side::Customer,
            upload: Arc::from(format!("message {} {}", fetched.number, fetched.index)),
            name: fetched.name.into(),
            said,
            fetched: true,
            hash: Sha256::new(),
            size: 0,
            _turn: turn,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_believed_that_it_is_a_picture_and_no_more() {
        for (media_type, taken) in [
            ("image/jpeg", true),
            ("image/jpg", true),
            ("IMAGE/PNG; charset=binary", true),
            ("application/octet-stream", true),
            ("application/pdf", true),
            ("text/plain", true),
            ("audio/amr", false),
            ("video/mp4", false),
            ("text/html", false),
            ("image/svg+xml", false),
            ("", false),
        ] {
            assert_eq!(is_taken(media_type), taken, "{media_type}");
        }
    }

    #[test]
    fn every_refusal_has_words_of_its_own() {
        for (code, words) in REFUSALS {
            assert_eq!(refusal(code), *words);
            assert_ne!(refusal(code), refusal(NOT_AVAILABLE));
        }
    }
}
