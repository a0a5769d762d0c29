use std::{
    io::{self, ErrorKind, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use jackfield_types::{
    Digest, OpContext,
    limits::{MAX_BLOB_BYTES, MAX_BLOB_READ_BYTES},
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::{
    fs,
    io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
    task::spawn_blocking,
};

use crate::Error;

/// Large objects of tenants, named by their SHA-256: recordings, plugin components. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: PathBuf,
    /// Removed with the last clone, for stores in memory.
    _temporary: Option<Arc<TempDir>>,
}

impl Blobs {
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root)
            .and_then(|()| sync_dir(root.parent().unwrap_or(root)))
            .map_err(failed)?;
        Ok(Self {
            root: root.to_path_buf(),
            _temporary: None,
        })
    }

    pub(crate) fn temporary() -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(failed)?;
        Ok(Self {
            root: folder.path().to_path_buf(),
            _temporary: Some(Arc::new(folder)),
        })
    }

    /// Stores what the reader gives until its end, at most 512 MiB; durable when it returns. The same
    /// bytes stored again are kept once.
    pub async fn put_stream(
        &self,
        ctx: &OpContext,
        mut reader: impl AsyncRead + Unpin,
    ) -> Result<Digest, Error> {
        let folder = self.folder(ctx);
        fs::create_dir_all(&folder).await.map_err(failed)?;
        // Removed again unless it is renamed, whatever happens.
        let temp = tempfile::Builder::new()
            .prefix("unfinished-")
            .tempfile_in(&folder)
            .map_err(failed)?;
        let mut file = fs::File::from_std(temp.reopen().map_err(failed)?);
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let read = reader.read(&mut chunk).await.map_err(failed)?;
            if read == 0 {
                break;
            }
            size += read as u64;
            if size > MAX_BLOB_BYTES {
                return Err(Error::TooLarge {
                    field: "blob (bytes)".into(),
                    size,
                    limit: MAX_BLOB_BYTES,
                });
            }
            hash.update(&chunk[..read]);
            file.write_all(&chunk[..read]).await.map_err(failed)?;
        }
        file.sync_all().await.map_err(failed)?;
        let digest = Digest::from_bytes(hash.finalize().into());
        let target = folder.join(digest.to_string());
        let root = self.root.clone();
        spawn_blocking(move || {
            temp.persist(target).map_err(|error| error.error)?;
            sync_dir(&folder)?;
            sync_dir(&root)
        })
        .await
        .map_err(|error| Error::unavailable(error.to_string()))?
        .map_err(failed)?;
        Ok(digest)
    }

    /// A file without a name in the tenant's folder, for what is not judged yet. It is gone when it is closed, also by the
    /// end of the process.
    pub async fn scratch(&self, ctx: &OpContext) -> Result<std::fs::File, Error> {
        let folder = self.folder(ctx);
        spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::tempfile_in(&folder)
        })
        .await
        .map_err(|error| Error::unavailable(error.to_string()))?
        .map_err(failed)
    }

    /// Bytes of a blob; `None` when the tenant has no such blob.
    pub async fn len(&self, ctx: &OpContext, digest: Digest) -> Result<Option<u64>, Error> {
        match fs::metadata(self.path(ctx, digest)).await {
            Ok(data) => Ok(Some(data.len())),
            Err(error) => absent(error),
        }
    }

    /// Bytes of all blobs of the tenant. Looks at every file, so it is not for hot paths.
    pub async fn used(&self, ctx: &OpContext) -> Result<u64, Error> {
        let folder = self.folder(ctx);
        let sum = move || {
            let files = match std::fs::read_dir(&folder) {
                Ok(files) => files,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(failed(error)),
            };
            files
                .map(|file| match file.and_then(|file| file.metadata()) {
                    Ok(data) => Ok(data.len()),
                    // Removed meanwhile.
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
                    Err(error) => Err(failed(error)),
                })
                .sum()
        };
        spawn_blocking(sum)
            .await
            .map_err(|error| Error::unavailable(error.to_string()))?
    }

    /// At most `len` (and 4 MiB) bytes from `offset` on, fewer at the end; `None` when the tenant has no
    /// such blob.
    pub async fn get_range(
        &self,
        ctx: &OpContext,
        digest: Digest,
        offset: u64,
        len: usize,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut file = match fs::File::open(self.path(ctx, digest)).await {
            Ok(file) => file,
            Err(error) => return absent(error),
        };
        file.seek(SeekFrom::Start(offset)).await.map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(len.min(MAX_BLOB_READ_BYTES) as u64)
            .read_to_end(&mut bytes)
            .await
            .map_err(failed)?;
        Ok(Some(bytes))
    }

    /// The whole of a blob of at most `limit` bytes, checked against its digest; `None` when the tenant
    /// has no such blob.
    pub async fn get(&self, ctx: &OpContext, digest: Digest, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(size) = self.len(ctx, digest).await? else {
            return Ok(None);
        };
        if size > limit {
            return Err(Error::TooLarge {
                field: "blob (bytes)".into(),
                size,
                limit,
            });
        }
        let bytes = match fs::read(self.path(ctx, digest)).await {
            Ok(bytes) => bytes,
            Err(error) => return absent(error),
        };
        if Digest::of(&bytes) != digest {
            return Err(Error::corrupt(format!(
                "blob {digest} of tenant {} has other bytes",
                ctx.tenant
            )));
        }
        Ok(Some(bytes))
    }

    /// Removes a blob; whether there was one.
    pub async fn delete(&self, ctx: &OpContext, digest: Digest) -> Result<bool, Error> {
        match fs::remove_file(self.path(ctx, digest)).await {
            Ok(()) => {
                let folder = self.folder(ctx);
                spawn_blocking(move || sync_dir(&folder))
                    .await
                    .map_err(|error| Error::unavailable(error.to_string()))?
                    .map_err(failed)?;
                Ok(true)
            }
            Err(error) => absent::<()>(error).map(|_| false),
        }
    }

    /// A folder for each tenant: slugs hold no dot and no separator.
    fn folder(&self, ctx: &OpContext) -> PathBuf {
        self.root.join(ctx.tenant.as_str())
    }

    fn path(&self, ctx: &OpContext, digest: Digest) -> PathBuf {
        self.folder(ctx).join(digest.to_string())
    }
}

fn absent<T>(error: io::Error) -> Result<Option<T>, Error> {
    if error.kind() == ErrorKind::NotFound {
        Ok(None)
    } else {
        Err(failed(error))
    }
}

fn failed(error: io::Error) -> Error {
    Error::unavailable(format!("blobs: {error}"))
}

fn sync_dir(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}
