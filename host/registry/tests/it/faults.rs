//! A slow disk, a full one, and none.

use jackfield_registry::RegistryError;
use jackfield_store::{Error as StoreError, FaultyDisk};
use jackfield_testkit::guest::{lenient_rule, stern_rule};

use crate::support::{NOW, PATIENCE, Site, pending, point};

#[tokio::test]
async fn on_a_slow_disk_the_old_binding_decides_until_the_new_one_is_durable() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    site.upload(lenient_rule("1.0.0")).await;
    site.upload(lenient_rule("2.0.0")).await;
    site.bind("lenient", "1.0.0").await.unwrap();

    disk.slow();
    let mut binding = Box::pin(site.bind("lenient", "2.0.0"));
    tokio::select! {
        early = &mut binding => panic!("too early: {early:?}"),
        () = disk.holding() => {}
    }
    for _ in 0..100 {
        pending(&mut binding).await;
        assert_eq!(site.bound().as_deref(), Some("1.0.0"), "looking up never waits");
    }
    // Nobody reads what a power cut could still take away.
    assert_eq!(site.history().await.len(), 1);
    disk.heal();
    let record = tokio::time::timeout(PATIENCE, binding).await.unwrap().unwrap();
    assert_eq!((record.revision, site.bound().as_deref()), (2, Some("2.0.0")));
    assert_eq!(site.restart(&disk).await.bound().as_deref(), Some("2.0.0"));
}

#[tokio::test]
async fn on_a_full_disk_a_binding_is_refused_and_all_that_was_acknowledged_is_there_after_it() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    site.upload(lenient_rule("1.0.0")).await;
    site.upload(lenient_rule("2.0.0")).await;
    site.bind("lenient", "1.0.0").await.unwrap();
    disk.fill();
    let refused = site.bind("lenient", "2.0.0").await.unwrap_err();
    assert_eq!(refused.code(), "unavailable");
    assert!(
        refused.to_string().contains("no space left on the disk"),
        "{refused}"
    );
    // The version that decided goes on deciding, and the process knows that it has to end.
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
    assert!(matches!(
        site.store.failure().await,
        StoreError::Unavailable { .. }
    ));
    let again = site.bind("lenient", "2.0.0").await.unwrap_err();
    assert_eq!(again.code(), "unavailable");
    let unbinding = site.registry.unbind(&site.ctx, &point(), None, NOW).await;
    assert_eq!(unbinding.unwrap_err().code(), "unavailable");

    disk.heal();
    let site = site.restart(&disk).await;
    assert_eq!(site.history().await, [(1, "1.0.0".to_owned(), None)]);
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
    assert_eq!(site.bind("lenient", "2.0.0").await.unwrap().revision, 2);
}

#[tokio::test]
async fn an_upload_that_finds_no_room_leaves_no_version_behind() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    // No room for large objects: where the folder of the tenants should be there is a file.
    std::fs::remove_dir_all(disk.blobs()).unwrap();
    std::fs::write(disk.blobs(), b"").unwrap();
    let upload = || site.registry.upload(&site.ctx, lenient_rule("1.0.0"), None, NOW);
    let refused = upload().await.unwrap_err();
    assert_eq!(refused.code(), "unavailable", "{refused}");
    assert!(site.registry.plugins(&site.ctx).await.unwrap().is_empty());
    // It recovers by itself, the store having lost nothing.
    std::fs::remove_file(disk.blobs()).unwrap();
    upload().await.unwrap();
    site.bind("lenient", "1.0.0").await.unwrap();

    disk.fill();
    let stern = || stern_rule("1.0.0");
    let refused = site
        .registry
        .upload(&site.ctx, stern(), None, NOW)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "unavailable", "{refused}");
    disk.heal();
    let site = site.restart(&disk).await;
    let known = site.registry.plugins(&site.ctx).await.unwrap();
    assert_eq!(known.len(), 1, "the bytes may lie there, the version does not");
    site.upload(stern()).await;
    site.bind("stern", "1.0.0").await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_gone_at_the_start_is_told_and_loses_nothing() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    site.upload(lenient_rule("1.0.0")).await;
    site.bind("lenient", "1.0.0").await.unwrap();
    drop(site);

    disk.cut();
    let refused = disk.open().unwrap_err();
    assert!(
        refused.to_string().contains("the disk does not answer"),
        "{refused}"
    );
    disk.heal();
    let site = Site::new(&disk, tempfile::tempdir().unwrap());
    // It goes between the opening and the loading.
    disk.cut();
    let refused = site
        .registry
        .load_tenant(&site.ctx, crate::support::NOW)
        .await
        .unwrap_err();
    assert!(matches!(refused, RegistryError::Unavailable(_)), "{refused}");
    assert_eq!(site.bound(), None);
    // Only read meanwhile, so it recovers by itself.
    disk.heal();
    site.registry
        .load_tenant(&site.ctx, crate::support::NOW)
        .await
        .unwrap();
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn what_was_taken_out_stays_out_with_its_reason_and_is_no_version_to_fall_back_to() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    site.upload(lenient_rule("1.0.0")).await;
    site.upload(lenient_rule("2.0.0")).await;
    site.bind("lenient", "1.0.0").await.unwrap();
    let why = Some("not needed".to_owned());
    let removed = site
        .registry
        .unbind(&site.ctx, &point(), why.clone(), NOW)
        .await
        .unwrap();
    assert!(removed.removed && removed.bound_by == "system:test" && removed.bound_at == NOW);
    let site = site.restart(&disk).await;
    assert_eq!(site.bound(), None);
    assert!(!site.registry.is_taken(&site.ctx.tenant, &point()));
    assert_eq!(
        site.history().await,
        [(2, "1.0.0".to_owned(), why), (1, "1.0.0".to_owned(), None)]
    );
    site.bind("lenient", "2.0.0").await.unwrap();
    let site = site.restart(&disk).await;
    let bound = site.registry.bound(&site.ctx.tenant, &point()).unwrap();
    assert_eq!(bound.record.revision, 3);
    assert!(bound.previous.is_none(), "the point was empty before");
    site.bind("lenient", "1.0.0").await.unwrap();
    let site = site.restart(&disk).await;
    let bound = site.registry.bound(&site.ctx.tenant, &point()).unwrap();
    assert_eq!(bound.previous.as_ref().unwrap().record.revision, 3);
}
