use std::{collections::BTreeSet, sync::Arc};

use jackfield_store::{Engine, Error, Scan, Space, Store, Tx};
use jackfield_types::limits::{
    MAX_KEY_BYTES, MAX_STREAM_NAME_BYTES, MAX_TX_BYTES, MAX_TX_OPS, MAX_VALUE_BYTES,
};
use tokio::task::JoinSet;

use crate::support::{ROWS, acme, of, open_with, platform};

const OTHER: Space = Space::new("rows-2");

/// Runs each rule on each backend.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                super::$rule(super::Store::memory().unwrap()).await;
            })*
        }
        mod sled {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                super::$rule(super::open_with(folder.path(), super::Engine::Sled)).await;
            })*
        }
        mod fjall {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let folder = tempfile::tempdir().unwrap();
                super::$rule(super::open_with(folder.path(), super::Engine::Fjall)).await;
            })*
        }
    };
}

rules!(
    rows_come_and_go_and_no_version_returns,
    sixteen_writers_on_one_version_have_one_winner,
    streams_have_no_gaps_under_contention,
    scans_keep_order_both_ways,
    cursors_go_through_everything_once,
    a_range_that_ends_before_it_begins_is_empty,
    the_same_transaction_again_takes_effect_once,
    each_tenant_has_its_own_idempotency_keys,
    an_old_owner_is_fenced,
    a_transaction_is_all_or_nothing,
    tenants_share_nothing,
    limits_are_named,
    pages_are_of_one_moment,
);

async fn rows_come_and_go_and_no_version_returns(store: Store) {
    let ctx = acme();
    assert_eq!(store.get(&ctx, ROWS, b"k").await, Ok(None));
    let first = store
        .commit(&ctx, Tx::new().check_absent(ROWS, "k").put(ROWS, "k", "1"))
        .await
        .unwrap();
    let row = store.get(&ctx, ROWS, b"k").await.unwrap().unwrap();
    assert_eq!((row.version, row.value.as_slice()), (first, b"1".as_slice()));
    assert_eq!(store.get(&ctx, OTHER, b"k").await, Ok(None), "another table");

    store
        .commit(&ctx, Tx::new().check(ROWS, "k", first).delete(ROWS, "k"))
        .await
        .unwrap();
    assert_eq!(store.get(&ctx, ROWS, b"k").await, Ok(None));
    let second = store.commit(&ctx, Tx::new().put(ROWS, "k", "")).await.unwrap();
    assert!(second > first);
    let stale = store
        .commit(&ctx, Tx::new().check(ROWS, "k", first).put(ROWS, "k", "3"))
        .await;
    assert!(
        matches!(stale, Err(Error::Conflict { ref field, .. }) if field == "checks[0]"),
        "{stale:?}"
    );
    assert_eq!(store.get(&ctx, ROWS, b"k").await.unwrap().unwrap().value, b"");
    store
        .commit(&ctx, Tx::new().delete(ROWS, "never there"))
        .await
        .unwrap();
}

async fn sixteen_writers_on_one_version_have_one_winner(store: Store) {
    let ctx = acme();
    let mut version = store
        .commit(&ctx, Tx::new().put(ROWS, "k", "start"))
        .await
        .unwrap();
    for _ in 0..20 {
        let mut writers = JoinSet::new();
        for writer in 0..16u8 {
            let (store, ctx) = (store.clone(), ctx.clone());
            writers.spawn(async move {
                let tx = Tx::new().check(ROWS, "k", version).put(ROWS, "k", vec![writer]);
                (writer, store.commit(&ctx, tx).await)
            });
        }
        let mut winners = Vec::new();
        for (writer, outcome) in writers.join_all().await {
            match outcome {
                Ok(version) => winners.push((writer, version)),
                Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error}"),
            }
        }
        let [(writer, won)] = winners[..] else {
            panic!("{} winners", winners.len())
        };
        let row = store.get(&ctx, ROWS, b"k").await.unwrap().unwrap();
        assert_eq!((row.version, row.value), (won, vec![writer]));
        version = won;
    }
}

async fn streams_have_no_gaps_under_contention(store: Store) {
    let mut writers = JoinSet::new();
    for writer in 0..8u8 {
        let (store, ctx) = (store.clone(), acme());
        writers.spawn(async move {
            for n in 0..25u8 {
                loop {
                    let len = store.stream_len(&ctx, "journal").await.unwrap();
                    let events = vec![vec![writer, n, 0], vec![writer, n, 1]];
                    match store.commit(&ctx, Tx::new().append("journal", len, events)).await {
                        Ok(_) => break,
                        Err(Error::Conflict { field, .. }) => assert_eq!(field, "appends[0].expected_seq"),
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let ctx = acme();
    assert_eq!(store.stream_len(&ctx, "journal").await, Ok(400));
    let events = store.read_stream(&ctx, "journal", 0, 1_000).await.unwrap();
    assert!(events.iter().map(|(seq, _)| *seq).eq(0..400));
    let pairs = events.chunks_exact(2);
    assert!(
        pairs.into_iter().all(|pair| pair[0].1[..2] == pair[1].1[..2]),
        "an append stays together"
    );
    let seen: BTreeSet<_> = events.iter().map(|(_, event)| event).collect();
    assert_eq!(seen.len(), 400);
    assert_eq!(
        store.read_stream(&ctx, "journal", 398, 10).await.unwrap().len(),
        2
    );
    assert_eq!(store.read_stream(&ctx, "journal", 400, 10).await.unwrap(), []);
    assert_eq!(store.read_stream(&ctx, "journal-2", 0, 10).await.unwrap(), []);
    assert_eq!(
        store.read_stream(&ctx, "journa", 0, 10).await.unwrap(),
        [],
        "a prefix is another stream"
    );
}

async fn scans_keep_order_both_ways(store: Store) {
    let ctx = acme();
    let keys: [&[u8]; 7] = [b"\0", b"a", b"a\0", b"a\xff", b"a\xff\xff", b"b", b"\xff\xff"];
    let tx = keys
        .iter()
        .rev()
        .fold(Tx::new(), |tx, key| tx.put(ROWS, *key, *key));
    store
        .commit(&ctx, tx.put(OTHER, "zz", "other table"))
        .await
        .unwrap();
    let found = async |scan: Scan| -> Vec<Vec<u8>> {
        let page = store.scan(&ctx, ROWS, scan).await.unwrap();
        page.rows.into_iter().map(|row| row.key).collect()
    };
    assert_eq!(found(Scan::all()).await, keys);
    let mut backwards = keys;
    backwards.reverse();
    assert_eq!(found(Scan::all().reverse()).await, backwards);
    assert_eq!(found(Scan::prefix("a")).await, keys[1..5]);
    assert_eq!(found(Scan::prefix("a").reverse()).await, backwards[2..6]);
    assert_eq!(found(Scan::prefix("a\0")).await, keys[2..3]);
    assert_eq!(found(Scan::prefix(b"\xff")).await, keys[6..]);
    assert_eq!(found(Scan::range("a", "b")).await, keys[1..5]);
    assert_eq!(found(Scan::range("b", "a")).await, [[0u8; 0]; 0]);
    assert_eq!(
        found(Scan::range("a", "b").after(Some(b"b".to_vec()))).await,
        [[0u8; 0]; 0]
    );
}

async fn a_range_that_ends_before_it_begins_is_empty(store: Store) {
    let ctx = acme();
    for key in ["a", "b", "c"] {
        store.commit(&ctx, Tx::new().put(ROWS, key, key)).await.unwrap();
    }
    for scan in [
        Scan::range("c", "a"),
        Scan::range("b", "b"),
        Scan::prefix("a").after(Some(b"z".to_vec())),
        Scan::all().after(Some(vec![0xff; 400])),
        Scan::prefix("c").reverse().after(Some(b"a".to_vec())),
    ] {
        let page = store.scan(&ctx, ROWS, scan.clone()).await.unwrap();
        assert!(page.rows.is_empty() && page.next.is_none(), "{scan:?}");
    }
}

async fn cursors_go_through_everything_once(store: Store) {
    let ctx = acme();
    let tx = (0..100u32).fold(Tx::new(), |tx, n| tx.put(ROWS, n.to_be_bytes(), "x"));
    store.commit(&ctx, tx).await.unwrap();
    for reverse in [false, true] {
        for limit in [1, 7, 50, 100, 5_000] {
            let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
            loop {
                let scan = Scan::all().limit(limit).after(cursor);
                let page = store
                    .scan(&ctx, ROWS, if reverse { scan.reverse() } else { scan })
                    .await
                    .unwrap();
                seen.extend(
                    page.rows
                        .into_iter()
                        .map(|row| u32::from_be_bytes(row.key.try_into().unwrap())),
                );
                pages += 1;
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            if reverse {
                seen.reverse();
            }
            assert!(seen.into_iter().eq(0..100), "limit {limit}, reverse {reverse}");
            assert_eq!(pages, 100usize.div_ceil(limit));
        }
    }
}

async fn the_same_transaction_again_takes_effect_once(store: Store) {
    let ctx = acme();
    let tx = Tx::new()
        .append("journal", 0, vec![b"e".to_vec()])
        .put(ROWS, "k", "1")
        .idem("request-1");
    let first = store.commit(&ctx, tx.clone()).await.unwrap();
    store.commit(&ctx, Tx::new().put(ROWS, "k", "2")).await.unwrap();
    assert_eq!(store.commit(&ctx, tx.clone()).await, Ok(first));
    assert_eq!(store.stream_len(&ctx, "journal").await, Ok(1));
    assert_eq!(store.get(&ctx, ROWS, b"k").await.unwrap().unwrap().value, b"2");

    let misused = store
        .commit(&ctx, Tx::new().put(ROWS, "k", "3").idem("request-1"))
        .await;
    assert!(
        matches!(misused, Err(Error::Conflict { ref field, .. }) if field == "idem"),
        "{misused:?}"
    );
    // A refused transaction leaves no trace: it may be sent again once it fits.
    let early = Tx::new()
        .append("journal", 2, vec![b"e".to_vec()])
        .idem("request-2");
    assert!(store.commit(&ctx, early.clone()).await.is_err());
    store
        .commit(&ctx, Tx::new().append("journal", 1, vec![b"e".to_vec()]))
        .await
        .unwrap();
    store.commit(&ctx, early).await.unwrap();

    // The same sent twice at once lands in one batch more often than not.
    let store = Arc::new(store);
    let mut senders = JoinSet::new();
    for _ in 0..16 {
        let (store, ctx) = (store.clone(), ctx.clone());
        let tx = Tx::new()
            .append("twice", 0, vec![b"e".to_vec()])
            .idem("request-3");
        senders.spawn(async move { store.commit(&ctx, tx).await.unwrap() });
    }
    let versions: BTreeSet<_> = senders.join_all().await.into_iter().collect();
    assert_eq!(versions.len(), 1);
    assert_eq!(store.stream_len(&ctx, "twice").await, Ok(1));
}

async fn each_tenant_has_its_own_idempotency_keys(store: Store) {
    let ctx = acme();
    let tx = |n: u32| Tx::new().put(ROWS, "k", n.to_be_bytes()).idem(n.to_be_bytes());
    for n in 0..50 {
        store.commit(&ctx, tx(n)).await.unwrap();
    }
    let others = store.commit(&of("globex"), tx(0)).await.unwrap();
    assert_eq!(store.commit(&of("globex"), tx(0)).await, Ok(others));
    assert!(store.commit(&ctx, tx(0)).await.unwrap() < others);
    assert_eq!(
        store.get(&ctx, ROWS, b"k").await.unwrap().unwrap().value,
        49u32.to_be_bytes()
    );
}

async fn an_old_owner_is_fenced(store: Store) {
    let ctx = acme();
    let write = |epoch| Tx::new().put(ROWS, "k", "v").fence(7, epoch);
    let before_any = store.commit(&ctx, write(1)).await;
    assert_eq!(
        before_any,
        Err(Error::Fenced {
            partition: 7,
            epoch: 1,
            current: 0
        })
    );
    let old = store.raise_fence(&platform(), 7).await.unwrap();
    store.commit(&ctx, write(old)).await.unwrap();
    let new = store.raise_fence(&platform(), 7).await.unwrap();
    assert_eq!(new, old + 1);
    assert_eq!(
        store.commit(&ctx, write(old)).await,
        Err(Error::Fenced {
            partition: 7,
            epoch: old,
            current: new
        })
    );
    store.commit(&ctx, write(new)).await.unwrap();
    assert_eq!(
        store.raise_fence(&platform(), 8).await,
        Ok(1),
        "another partition"
    );
    assert!(
        matches!(store.raise_fence(&ctx, 7).await, Err(Error::Invalid { ref field, .. }) if field == "ctx.tenant")
    );
}

async fn a_transaction_is_all_or_nothing(store: Store) {
    let ctx = acme();
    store
        .commit(
            &ctx,
            Tx::new()
                .put(ROWS, "old", "1")
                .append("s", 0, vec![b"e".to_vec()]),
        )
        .await
        .unwrap();
    let whole = Tx::new()
        .put(ROWS, "new", "1")
        .delete(ROWS, "old")
        .append("t", 0, vec![b"e".to_vec()]);
    let bad = [
        whole.clone().check_absent(ROWS, "old"),
        whole.clone().check(ROWS, "missing", 1),
        whole.clone().append("s", 0, vec![b"e".to_vec()]),
        whole.clone().append("s", 2, vec![b"e".to_vec()]),
        whole.clone().fence(1, 9),
    ];
    for tx in bad {
        assert!(store.commit(&ctx, tx).await.is_err());
        assert_eq!(store.get(&ctx, ROWS, b"new").await, Ok(None));
        assert!(store.get(&ctx, ROWS, b"old").await.unwrap().is_some());
        assert_eq!(store.stream_len(&ctx, "s").await, Ok(1));
        assert_eq!(store.stream_len(&ctx, "t").await, Ok(0));
    }
    let version = store.commit(&ctx, whole).await.unwrap();
    assert_eq!(
        store.get(&ctx, ROWS, b"new").await.unwrap().unwrap().version,
        version
    );
    assert_eq!(store.get(&ctx, ROWS, b"old").await, Ok(None));
    assert_eq!(store.stream_len(&ctx, "t").await, Ok(1));
}

async fn tenants_share_nothing(store: Store) {
    let tenants = [of("a"), of("a-b"), of("ab"), of("b"), platform()];
    for (n, ctx) in tenants.iter().enumerate() {
        let value = vec![n as u8];
        let tx = Tx::new()
            .check_absent(ROWS, "k")
            .put(ROWS, "k", value.clone())
            .append("s", 0, vec![value])
            .idem("i");
        store.commit(ctx, tx).await.unwrap();
    }
    for (n, ctx) in tenants.iter().enumerate() {
        let rows = store.scan(ctx, ROWS, Scan::all()).await.unwrap().rows;
        assert_eq!(rows.len(), 1, "{}", ctx.tenant);
        assert_eq!(rows[0].value, [n as u8]);
        assert_eq!(
            store.scan(ctx, ROWS, Scan::all().reverse()).await.unwrap().rows,
            rows
        );
        assert_eq!(
            store.read_stream(ctx, "s", 0, 10).await.unwrap(),
            [(0, vec![n as u8])]
        );
    }
    store
        .commit(&tenants[0], Tx::new().delete(ROWS, "k"))
        .await
        .unwrap();
    for ctx in &tenants[1..] {
        assert!(store.get(ctx, ROWS, b"k").await.unwrap().is_some());
    }
}

async fn limits_are_named(store: Store) {
    let ctx = acme();
    let refused = async |tx: Tx| match store.commit(&ctx, tx).await {
        Err(Error::TooLarge { field, .. } | Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let long = vec![b'k'; MAX_KEY_BYTES + 1];
    let large = vec![0; MAX_VALUE_BYTES + 1];
    assert_eq!(
        refused(Tx::new().put(ROWS, long.clone(), "")).await,
        "puts[0].key (bytes)"
    );
    assert_eq!(refused(Tx::new().put(ROWS, "", "")).await, "puts[0].key");
    assert_eq!(
        refused(Tx::new().put(ROWS, "k", large.clone())).await,
        "puts[0].value (bytes)"
    );
    assert_eq!(
        refused(Tx::new().check_absent(ROWS, long.clone())).await,
        "checks[0].key (bytes)"
    );
    assert_eq!(
        refused(Tx::new().delete(ROWS, long.clone())).await,
        "deletes[0].key (bytes)"
    );
    assert_eq!(refused(Tx::new().idem(long.clone())).await, "idem (bytes)");
    assert_eq!(
        refused(Tx::new().append("s", 0, vec![vec![], large])).await,
        "appends[0].events[1] (bytes)"
    );
    assert_eq!(
        refused(Tx::new().append("s", 0, vec![])).await,
        "appends[0].events"
    );
    assert_eq!(
        refused(Tx::new().append("a b", 0, vec![vec![]])).await,
        "appends[0].stream"
    );
    let name = "s".repeat(MAX_STREAM_NAME_BYTES + 1);
    assert_eq!(
        refused(Tx::new().append(name, 0, vec![vec![]])).await,
        "appends[0].stream (bytes)"
    );
    let twice = Tx::new()
        .append("s", 0, vec![vec![]])
        .append("s", 1, vec![vec![]]);
    assert_eq!(refused(twice).await, "appends[1].stream");
    assert_eq!(
        refused(Tx::new().append("s", 0, vec![vec![]; MAX_TX_OPS])).await,
        "tx (operations)"
    );
    let heavy = (0..17u8).fold(Tx::new(), |tx, n| tx.put(ROWS, [n], vec![0; MAX_TX_BYTES / 16]));
    assert_eq!(refused(heavy).await, "tx (bytes)");
    assert!(matches!(
        store.get(&ctx, ROWS, &long).await,
        Err(Error::TooLarge { .. })
    ));
    assert!(matches!(
        store.stream_len(&ctx, "").await,
        Err(Error::Invalid { .. })
    ));

    // All that is exactly at its limit goes in and comes back.
    let (key, value) = (vec![b'k'; MAX_KEY_BYTES], vec![7; MAX_VALUE_BYTES]);
    store
        .commit(&ctx, Tx::new().put(ROWS, key.clone(), value.clone()))
        .await
        .unwrap();
    assert_eq!(store.get(&ctx, ROWS, &key).await.unwrap().unwrap().value, value);
    let events = vec![vec![1; 1_000]; MAX_TX_OPS - 1];
    store
        .commit(&ctx, Tx::new().append("s", 0, events.clone()))
        .await
        .unwrap();
    let read = store.read_stream(&ctx, "s", 0, usize::MAX).await.unwrap();
    assert!(read.into_iter().map(|(_, event)| event).eq(events));
    let widest = (0..15u8).fold(Tx::new(), |tx, n| tx.put(OTHER, [n], vec![n; MAX_VALUE_BYTES]));
    store.commit(&ctx, widest).await.unwrap();
    assert_eq!(store.scan(&ctx, OTHER, Scan::all()).await.unwrap().rows.len(), 15);
}

async fn pages_are_of_one_moment(store: Store) {
    let ctx = acme();
    let all = |n: u32| (0..20u8).fold(Tx::new(), |tx, key| tx.put(ROWS, [key], n.to_be_bytes()));
    store.commit(&ctx, all(0)).await.unwrap();
    let writer = tokio::spawn({
        let (store, ctx) = (store.clone(), ctx.clone());
        async move {
            for n in 1..200 {
                store.commit(&ctx, all(n)).await.unwrap();
            }
        }
    });
    let mut last = 0;
    while !writer.is_finished() {
        let rows = store.scan(&ctx, ROWS, Scan::all()).await.unwrap().rows;
        assert_eq!(rows.len(), 20);
        assert!(
            rows.iter().all(|row| row.version == rows[0].version),
            "a page cuts through a transaction"
        );
        assert!(rows[0].version >= last, "a page is older than one before");
        last = rows[0].version;
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}
