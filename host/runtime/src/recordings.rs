//! Finished recordings: from the recorder's file into the tenant's blob store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jackfield_contact::input::Input;
use jackfield_contact::leg::Recording;
use jackfield_store::Store;
use jackfield_types::{InteractionId, OpContext};

use crate::centre_loop::Report;
use crate::tenant::Tenant;

/// Tries to store a recording before its file is left for the next start.
const TRIES: u32 = 5;

/// Stores a recording and tells the loop; the file goes only when both blob and event are durable.
pub(crate) fn store(tenant: Tenant, interaction: InteractionId, recording: Recording) {
    tokio::spawn(async move {
        let ctx = OpContext::system(tenant.id().clone(), "recordings");
        for attempt in 0..TRIES {
            match store_once(&tenant, &ctx, interaction, &recording).await {
                Ok(()) => return remove(Path::new(&*recording.file)),
                Err(error) => {
                    tracing::warn!(%interaction, file = %recording.file, %error, "storing a recording is tried again");
                    tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt)).await;
                }
            }
        }
        tracing::error!(%interaction, file = %recording.file, "a recording could not be stored; its file is kept");
        let problem = format!(
            "{} could not be stored; it is taken at the next start",
            recording.file
        )
        .into();
        tenant.report(Report::Input(Input::RecordingFailed { interaction, problem }));
    });
}

async fn store_once(
    tenant: &Tenant,
    ctx: &OpContext,
    interaction: InteractionId,
    recording: &Recording,
) -> Result<(), String> {
    let digest = put(&tenant.inner.shared.store, ctx, recording).await?;
    let input = Input::RecordingStored {
        interaction,
        digest,
        recording: recording.clone(),
    };
    tenant.submit(input).await.map_err(|error| error.to_string())
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file) {
        tracing::warn!(file = %file.display(), %error, "a stored recording's file can't be removed");
    }
}

/// Removes salvaged files once the loop has journaled what it was given at its start.
pub(crate) fn remove_when_journaled(tenant: Tenant, files: Vec<PathBuf>) {
    tokio::spawn(async move {
        // Looking at the state waits for the commit before it.
        if tenant.read(|_| ()).await.is_ok() {
            files.iter().for_each(|file| remove(file));
        }
    });
}

/// Recordings of this tenant that a process left behind when it died, stored and told as inputs. A file that can't be
/// taken stays where it is, with a log line.
pub(crate) async fn salvaged(store: &Store, ctx: &OpContext, folder: &Path) -> (Vec<Input>, Vec<PathBuf>) {
    let (mut inputs, mut taken) = (Vec::new(), Vec::new());
    let Ok(files) = std::fs::read_dir(folder) else {
        return (inputs, taken);
    };
    for file in files.filter_map(|file| Some(file.ok()?.path())) {
        let Some(interaction) = interaction_of(&file, ctx) else {
            continue;
        };
        let found = match tokio::task::spawn_blocking({
            let file = file.clone();
            move || jackfield_voice::salvage_recording(&file)
        })
        .await
        {
            Ok(Ok(recording)) => put(store, ctx, &recording)
                .await
                .map(|digest| (digest, recording)),
            Ok(Err(error)) => Err(error),
            Err(error) => Err(error.to_string()),
        };
        match found {
            Ok((digest, recording)) => {
                inputs.push(Input::RecordingStored {
                    interaction,
                    digest,
                    recording,
                });
                taken.push(file);
            }
            Err(error) => {
                tracing::error!(%interaction, %error, "a recording left behind can't be taken; its file is kept")
            }
        }
    }
    (inputs, taken)
}

/// Recordings under way are named `{tenant}_{interaction}_{leg}_{action}.wav`.
fn interaction_of(file: &Path, ctx: &OpContext) -> Option<InteractionId> {
    let mut parts = file.file_stem()?.to_str()?.rsplitn(4, '_').skip(2);
    let interaction = parts.next()?.parse().ok()?;
    (parts.next()? == ctx.tenant.as_str()).then_some(interaction)
}

async fn put(
    store: &Store,
    ctx: &OpContext,
    recording: &Recording,
) -> Result<jackfield_types::Digest, String> {
    let file = tokio::fs::File::open(&*recording.file)
        .await
        .map_err(|error| error.to_string())?;
    store
        .blobs()
        .put_stream(ctx, file)
        .await
        .map_err(|error| error.to_string())
}
