//! Finished recordings: from the recorder's file into the tenant's blob store.

use std::time::Duration;

use jackfield_contact::input::Input;
use jackfield_contact::leg::Recording;
use jackfield_types::{InteractionId, OpContext};

use crate::centre_loop::Report;
use crate::tenant::Tenant;

/// Tries to store a recording before its file is left for the next start.
const TRIES: u32 = 5;

/// Stores a recording and tells the loop; the file goes only when the blob is durable.
pub(crate) fn store(tenant: Tenant, interaction: InteractionId, recording: Recording) {
    tokio::spawn(async move {
        let ctx = OpContext::system(tenant.id().clone(), "recordings");
        for attempt in 0..TRIES {
            match put(&tenant, &ctx, &recording).await {
                Ok(digest) => {
                    tenant.report(Report::Input(Input::RecordingStored {
                        interaction,
                        digest,
                        recording: recording.clone(),
                    }));
                    if let Err(error) = tokio::fs::remove_file(&*recording.file).await {
                        tracing::warn!(file = %recording.file, %error, "a stored recording's file can't be removed");
                    }
                    return;
                }
                Err(error) => {
                    tracing::warn!(%interaction, file = %recording.file, %error, "storing a recording is tried again");
                    tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
                }
            }
        }
        tracing::error!(%interaction, file = %recording.file, "a recording could not be stored; its file is kept");
    });
}

async fn put(
    tenant: &Tenant,
    ctx: &OpContext,
    recording: &Recording,
) -> Result<jackfield_types::Digest, String> {
    let file = tokio::fs::File::open(&*recording.file)
        .await
        .map_err(|error| error.to_string())?;
    tenant
        .inner
        .shared
        .store
        .blobs()
        .put_stream(ctx, file)
        .await
        .map_err(|error| error.to_string())
}
