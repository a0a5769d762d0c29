use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use jackfield_store::{Error, Store};
use jackfield_types::{Digest, limits::MAX_BLOB_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, repeat};

use crate::support::{acme, files, of};

#[tokio::test]
async fn a_blob_goes_in_as_a_stream_and_comes_out_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let digest = {
        let store = Store::open(folder.path()).unwrap();
        let digest = store.blobs().put_stream(&acme(), bytes.as_slice()).await.unwrap();
        assert_eq!(
            store.blobs().put_stream(&acme(), bytes.as_slice()).await,
            Ok(digest),
            "again"
        );
        digest
    };
    assert_eq!(digest, Digest::of(&bytes));
    let store = Store::open(folder.path()).unwrap();
    let (blobs, ctx) = (store.blobs(), acme());
    assert_eq!(blobs.len(&ctx, digest).await, Ok(Some(300_000)));
    assert_eq!(
        blobs.get_range(&ctx, digest, 0, 10).await.unwrap().unwrap(),
        bytes[..10]
    );
    assert_eq!(
        blobs
            .get_range(&ctx, digest, 299_990, 100)
            .await
            .unwrap()
            .unwrap(),
        bytes[299_990..]
    );
    assert_eq!(
        blobs
            .get_range(&ctx, digest, 400_000, 100)
            .await
            .unwrap()
            .unwrap(),
        Vec::<u8>::new()
    );
    assert_eq!(blobs.get(&ctx, digest, 300_000).await.unwrap().unwrap(), bytes);
    let too_long = blobs.get(&ctx, digest, 299_999).await;
    assert_eq!(
        too_long,
        Err(Error::TooLarge {
            field: "blob (bytes)".into(),
            size: 300_000,
            limit: 299_999
        })
    );

    let other = of("globex");
    assert_eq!(blobs.len(&other, digest).await, Ok(None));
    assert_eq!(blobs.get_range(&other, digest, 0, 1).await, Ok(None));
    assert_eq!(blobs.delete(&other, digest).await, Ok(false));
    assert_eq!(blobs.delete(&ctx, digest).await, Ok(true));
    assert_eq!(blobs.get(&ctx, digest, 1).await, Ok(None));
    assert_eq!(files(&folder.path().join("blobs/acme")), 0);
}

#[tokio::test]
async fn changed_bytes_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let digest = store
        .blobs()
        .put_stream(&acme(), b"component".as_slice())
        .await
        .unwrap();
    std::fs::write(folder.path().join(format!("blobs/acme/{digest}")), b"c0mponent").unwrap();
    assert!(matches!(
        store.blobs().get(&acme(), digest, 100).await,
        Err(Error::Corrupt { .. })
    ));
}

#[tokio::test]
async fn a_blob_that_is_too_large_or_breaks_off_leaves_nothing() {
    struct Broken;
    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::other("the peer went away")))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let broken = store.blobs().put_stream(&acme(), b"begin".chain(Broken)).await;
    assert!(broken.unwrap_err().to_string().contains("the peer went away"));
    let endless = store
        .blobs()
        .put_stream(&acme(), repeat(0).take(MAX_BLOB_BYTES + 1))
        .await;
    assert!(
        matches!(
            endless,
            Err(Error::TooLarge {
                limit: MAX_BLOB_BYTES,
                ..
            })
        ),
        "{endless:?}"
    );
    assert_eq!(files(&folder.path().join("blobs/acme")), 0);
}
