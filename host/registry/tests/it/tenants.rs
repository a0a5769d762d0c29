//! Tenants that share a place in the table share nothing else.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use jackfield_registry::RegistryError;
use jackfield_store::FaultyDisk;
use jackfield_testkit::guest::{lenient_rule, stern_rule};
use jackfield_types::OpContext;

use crate::support::{NOW, Site, bind, of, point};

/// Two tenants whose bindings are kept in the same list, as `tables.rs` deals them out.
fn neighbours() -> [OpContext; 2] {
    let shard =
        |ctx: &OpContext| BuildHasherDefault::<DefaultHasher>::default().hash_one(&ctx.tenant) % 1_024;
    let first = of("first");
    let second = (0..100_000).map(|n| of(&format!("tenant-{n}")));
    let second = second.into_iter().find(|second| shard(second) == shard(&first));
    [first, second.unwrap()]
}

#[tokio::test]
async fn two_tenants_of_one_shard_do_not_see_each_other() {
    let disk = FaultyDisk::new().unwrap();
    let site = Site::start(&disk).await;
    let [one, two] = neighbours();
    let registry = &site.registry;
    let bound = |ctx: &OpContext| {
        let bound = registry.bound(&ctx.tenant, &point())?;
        Some((bound.record.plugin.to_string(), bound.record.revision))
    };
    for (ctx, wasm) in [(&one, lenient_rule("1.0.0")), (&two, stern_rule("1.0.0"))] {
        registry.upload(ctx, wasm, None, NOW).await.unwrap();
    }
    bind(registry, &one, "lenient", "1.0.0").await.unwrap();
    assert_eq!(bound(&one), Some(("lenient".to_owned(), 1)));
    assert_eq!(bound(&two), None);
    assert!(!registry.is_taken(&two.tenant, &point()));
    assert!(registry.bindings(&two).await.unwrap().is_empty());
    let refused = registry.unbind(&two, &point(), None, NOW).await.unwrap_err();
    assert!(matches!(refused, RegistryError::UnknownBinding(_)), "{refused}");
    let refused = bind(registry, &two, "lenient", "1.0.0").await.unwrap_err();
    assert!(
        matches!(refused, RegistryError::UnknownPlugin { .. }),
        "{refused}"
    );

    // Both change at the same time, again and again.
    for n in 2..30 {
        let (first, second) = tokio::join!(
            bind(registry, &one, "lenient", "1.0.0"),
            bind(registry, &two, "stern", "1.0.0")
        );
        assert_eq!((first.unwrap().revision, second.unwrap().revision), (n, n - 1));
        assert_eq!(bound(&one), Some(("lenient".to_owned(), n)));
        assert_eq!(bound(&two), Some(("stern".to_owned(), n - 1)));
    }
    registry.unbind(&one, &point(), None, NOW).await.unwrap();
    assert_eq!((bound(&one), bound(&two)), (None, Some(("stern".to_owned(), 28))));
}
