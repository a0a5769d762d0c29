use jackfield_store::{Error, Scan, Store, Tx};

use crate::support::{ROWS, acme, of, open, platform};

async fn filled() -> Store {
    let store = Store::memory().unwrap();
    for ctx in [acme(), of("globex"), platform()] {
        let tenant = ctx.tenant.to_string().into_bytes();
        for n in 0..1_200u64 {
            let event = [tenant.clone(), vec![n as u8; (n % 90) as usize]].concat();
            store
                .commit(
                    &ctx,
                    Tx::new().append("journal", n, vec![event]).idem(n.to_be_bytes()),
                )
                .await
                .unwrap();
        }
        let rows = Tx::new()
            .put(ROWS, "text", "caf\u{e9} \"quoted\"\n")
            .put(ROWS, b"\0\xff", b"\xff\0")
            .put(ROWS, "empty", "");
        store
            .commit(&ctx, rows.append("other", 0, vec![vec![]]))
            .await
            .unwrap();
    }
    store.raise_fence(&platform(), 7).await.unwrap();
    store
}

async fn contents(store: &Store) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for ctx in [acme(), of("globex"), platform()] {
        for from in [0, 1_000] {
            all.extend(
                store
                    .read_stream(&ctx, "journal", from, 1_000)
                    .await
                    .unwrap()
                    .into_iter()
                    .map(|(_, event)| event),
            );
        }
        assert_eq!(store.stream_len(&ctx, "other").await, Ok(1));
        let page = store.scan(&ctx, ROWS, Scan::all()).await.unwrap();
        all.extend(page.rows.into_iter().flat_map(|row| [row.key, row.value]));
    }
    all
}

#[tokio::test]
async fn an_export_taken_in_elsewhere_is_the_same_store() {
    let store = filled().await;
    let mut text = Vec::new();
    let lines = store.export(&mut text).unwrap();
    assert_eq!(lines, 3 * (1_200 + 1 + 3) + 1);
    assert!(text.starts_with(b"{\"jackfield\":1}\n"));

    let folder = tempfile::tempdir().unwrap();
    let other = open(folder.path());
    assert_eq!(other.import(&mut text.as_slice()).await, Ok(lines));
    assert_eq!(contents(&other).await, contents(&store).await);
    assert_eq!(other.raise_fence(&platform(), 7).await, Ok(2));
    let mut again = Vec::new();
    other.export(&mut again).unwrap();
    assert_eq!(again.len(), text.len());

    let twice = other.import(&mut text.as_slice()).await;
    assert!(matches!(twice, Err(Error::Conflict { .. })), "{twice:?}");
    let next = other
        .commit(
            &acme(),
            Tx::new()
                .append("journal", 1_200, vec![vec![]])
                .put(ROWS, "empty", "1"),
        )
        .await;
    assert!(next.is_ok(), "{next:?}");
}

#[tokio::test]
async fn a_line_that_does_not_fit_is_named() {
    let head = "{\"jackfield\":1}\n";
    for (bad, named) in [
        ("", ""),
        ("{\"jackfield\":2}", "line 1"),
        ("{\"partition\":1,\"epoch\":1}", "line 1"),
        ("not json", "line 1"),
    ] {
        let outcome = Store::memory().unwrap().import(&mut bad.as_bytes()).await;
        match outcome {
            Ok(lines) => assert_eq!((bad, lines), ("", 0)),
            Err(error) => assert!(error.to_string().contains(named), "{error}"),
        }
    }
    let huge = format!(
        "{{\"tenant\":\"a\",\"space\":\"rows\",\"key\":\"k\",\"value\":\"{}\"}}",
        "x".repeat(70_000)
    );
    let endless = "x".repeat(1_000_000);
    for (bad, named) in [
        (head.trim(), "line 2"),
        ("{\"partition\":-1,\"epoch\":1}", "line 2"),
        (
            "{\"tenant\":\"../a\",\"space\":\"rows\",\"key\":\"k\",\"value\":\"\"}",
            "line 2: tenant",
        ),
        (
            "{\"tenant\":\"a\",\"space\":\"Rows\",\"key\":\"k\",\"value\":\"\"}",
            "line 2: space",
        ),
        (
            "{\"tenant\":\"a\",\"space\":\"rows\",\"key\":\"\",\"value\":\"\"}",
            "line 2: key",
        ),
        (
            "{\"tenant\":\"a\",\"space\":\"rows\",\"key\":{\"hex\":\"0\"},\"value\":\"\"}",
            "line 2: key",
        ),
        (
            "{\"tenant\":\"a\",\"space\":\"rows\",\"key\":{\"hex\":\"zz\"},\"value\":\"\"}",
            "line 2: key",
        ),
        (
            "{\"tenant\":\"a\",\"stream\":\"a b\",\"seq\":0,\"event\":\"\"}",
            "line 2: stream",
        ),
        (
            "{\"tenant\":\"a\",\"stream\":\"s\",\"seq\":1,\"event\":\"\"}",
            "line 2",
        ),
        (&huge, "line 2: value"),
        (&endless, "line 2"),
    ] {
        let error = Store::memory()
            .unwrap()
            .import(&mut [head, bad].concat().as_bytes())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(named), "{bad:.60}: {error}");
    }
}
