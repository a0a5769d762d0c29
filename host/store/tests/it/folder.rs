use std::{
    fs,
    path::{Path, PathBuf},
};

use jackfield_store::{Engine, Error, Scan, Store, Tx};

use crate::support::{ROWS, acme, event, open, open_with, platform};

/// Runs each rule on each engine.
macro_rules! rules {
    ($($rule:ident),* $(,)?) => {
        mod sled {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::Engine::Sled).await;
            })*
        }
        mod fjall {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::Engine::Fjall).await;
            })*
        }
    };
}

rules!(
    everything_is_there_after_opening_again,
    a_folder_is_open_once_and_the_error_names_it,
    a_half_made_store_is_made_anew,
    damage_is_corrupt_and_never_a_fresh_start,
    a_damaged_or_missing_number_of_acknowledged_commits_is_refused,
    another_engine_is_refused,
    a_database_is_converted_as_it_is,
    what_a_conversion_leaves_that_is_killed_with_both_databases_there_goes,
);

async fn fill(folder: &Path, engine: Engine, events: u64) {
    let store = open_with(folder, engine);
    for n in 0..events {
        let tx = Tx::new()
            .append("journal", n, vec![event(n)])
            .put(ROWS, n.to_be_bytes(), event(n));
        store.commit(&acme(), tx).await.unwrap();
    }
}

/// The largest file somewhere in a folder.
fn largest(folder: &Path) -> PathBuf {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        files.push(if path.is_dir() { largest(&path) } else { path });
    }
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    files.into_iter().max_by_key(size).unwrap_or_default()
}

fn refusal(folder: &Path) -> Error {
    match Store::open(folder) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

async fn everything_is_there_after_opening_again(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), engine, 20).await;
    let epoch = {
        let store = open(folder.path());
        store
            .commit(&acme(), Tx::new().put(ROWS, "k", "v").idem("i"))
            .await
            .unwrap();
        store.raise_fence(&platform(), 1).await.unwrap()
    };
    let store = open(folder.path());
    assert_eq!(store.stream_len(&acme(), "journal").await, Ok(20));
    let page = store.scan(&acme(), ROWS, Scan::all()).await.unwrap();
    assert_eq!(page.rows.len(), 21);
    let newest = page.rows.iter().map(|row| row.version).max().unwrap();
    assert_eq!(
        store
            .commit(&acme(), Tx::new().put(ROWS, "k", "v").idem("i"))
            .await,
        Ok(newest)
    );
    assert!(
        store
            .commit(&acme(), Tx::new().put(ROWS, "k", "v").fence(1, epoch))
            .await
            .unwrap()
            > newest
    );
    assert_eq!(store.raise_fence(&platform(), 1).await, Ok(epoch + 1));
}

async fn a_folder_is_open_once_and_the_error_names_it(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let store = open_with(folder.path(), engine);
    let refused = refusal(folder.path());
    assert!(matches!(refused, Error::Unavailable { .. }));
    let text = refused.to_string();
    assert!(
        text.contains("open in another process") && text.contains(folder.path().to_str().unwrap()),
        "{text}"
    );
    let clone = store.clone();
    drop(store);
    refusal(folder.path());
    drop(clone);
    open(folder.path());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(
        refusal(&folder.path().join("file/store")),
        Error::Unavailable { .. }
    ));
}

async fn a_half_made_store_is_made_anew(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("unfinished")).unwrap();
    fs::write(folder.path().join("unfinished/db"), "torn").unwrap();
    fill(folder.path(), engine, 1).await;
    assert!(!folder.path().join("unfinished").exists());
}

/// Whatever is damaged, the store says so or still has everything; it never goes on with less.
async fn damage_is_corrupt_and_never_a_fresh_start(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), engine, 50).await;
    let db = largest(&folder.path().join(engine.as_str()));
    let whole = fs::read(&db).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;

    let mut noticed = 0;
    for part in 0..24 {
        let mut bytes = whole.clone();
        let at = used * part / 24;
        bytes[at..at + 16].iter_mut().for_each(|byte| *byte ^= 0x5a);
        fs::write(&db, &bytes).unwrap();
        let Ok(store) = Store::open(folder.path()) else {
            noticed += 1;
            continue;
        };
        let stream = store.read_stream(&acme(), "journal", 0, 1_000).await;
        let rows = store.scan(&acme(), ROWS, Scan::all()).await;
        match (stream, rows) {
            (Ok(stream), Ok(page)) => {
                assert!(
                    stream.into_iter().eq((0..50).map(|n| (n, event(n)))),
                    "damage at {at}"
                );
                assert!(
                    page.rows.into_iter().map(|row| row.value).eq((0..50).map(event)),
                    "damage at {at}"
                );
            }
            (stream, rows) => {
                let error = stream.err().or(rows.err()).unwrap();
                assert!(matches!(error, Error::Corrupt { .. }), "damage at {at}: {error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 0);

    for less in [0, 1, used / 2] {
        fs::write(&db, &whole[..less]).unwrap();
        assert!(
            matches!(refusal(folder.path()), Error::Corrupt { .. }),
            "cut to {less}"
        );
    }
    fs::remove_file(&db).unwrap();
    assert!(matches!(refusal(folder.path()), Error::Corrupt { .. }));
    fs::remove_dir_all(folder.path().join(engine.as_str())).unwrap();
    assert!(matches!(refusal(folder.path()), Error::Corrupt { .. }));
}

/// Without knowing what was acknowledged nobody knows whether the database is whole, and that is said.
async fn a_damaged_or_missing_number_of_acknowledged_commits_is_refused(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path(), engine, 20).await;
    let mark = folder.path().join("acknowledged");
    let whole = fs::read(&mark).unwrap();
    assert_eq!(whole.len(), 16);
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        Some(bytes)
    };
    for (found, bytes) in [
        ("missing", None),
        ("empty", Some(vec![])),
        ("damaged", Some(whole[..8].to_vec())),
        ("damaged", Some(vec![0; 16])),
        ("damaged", Some([&whole[..], &whole[..]].concat())),
        ("damaged", flipped(0)),
        ("damaged", flipped(7)),
        ("damaged", flipped(15)),
    ] {
        match &bytes {
            Some(bytes) => fs::write(&mark, bytes).unwrap(),
            None => fs::remove_file(&mark).unwrap(),
        }
        for _ in 0..2 {
            let refused = refusal(folder.path());
            assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
            let text = refused.to_string();
            for told in [mark.to_str().unwrap(), found, "backup", "accept-database"] {
                assert!(text.contains(told), "{told}: {text}");
            }
        }
    }
    // Somebody knows better, once.
    fs::write(folder.path().join("accept-database"), "").unwrap();
    let store = open(folder.path());
    assert_eq!(store.stream_len(&acme(), "journal").await, Ok(20));
    drop(store);
    assert_eq!(fs::read(&mark).unwrap(), whole);
    assert!(!folder.path().join("accept-database").exists());
    drop(open(folder.path()));
    // Where nothing is damaged it does not lie there for the next time.
    fs::write(folder.path().join("accept-database"), "").unwrap();
    drop(open(folder.path()));
    assert!(!folder.path().join("accept-database").exists());

    // Damage with the database gone is no fresh start either.
    fs::write(&mark, vec![1; 16]).unwrap();
    fs::remove_dir_all(folder.path().join(engine.as_str())).unwrap();
    assert!(matches!(refusal(folder.path()), Error::Corrupt { .. }));
}

async fn another_engine_is_refused(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Engine::of(folder.path()), None);
    fill(folder.path(), engine, 2).await;
    assert_eq!(Engine::of(folder.path()), Some(engine));
    for other in Engine::ALL.into_iter().filter(|other| *other != engine) {
        let refused = Store::open_with(folder.path(), other).unwrap_err().to_string();
        assert!(
            refused.contains(engine.as_str()) && refused.contains(other.as_str()),
            "{refused}"
        );
    }
    assert_eq!(open(folder.path()).stream_len(&acme(), "journal").await, Ok(2));
}

async fn a_database_is_converted_as_it_is(from: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let [to] = Engine::ALL
        .into_iter()
        .filter(|engine| *engine != from)
        .collect::<Vec<_>>()[..]
    else {
        panic!("two engines");
    };
    let refused = Store::convert(folder.path(), to, &mut |_| ())
        .unwrap_err()
        .to_string();
    assert!(refused.starts_with("there is no database in"), "{refused}");

    fill(folder.path(), from, 1_500).await;
    let contents = async |store: &Store| {
        let rows = store.scan(&acme(), ROWS, Scan::all()).await.unwrap();
        let events = store.read_stream(&acme(), "journal", 1_000, 1_000).await.unwrap();
        (rows, events)
    };
    let (before, version) = {
        let store = open(folder.path());
        let tx = Tx::new().put(ROWS, "k", "v").idem("i");
        let version = store.commit(&acme(), tx).await.unwrap();
        let refused = Store::convert(folder.path(), to, &mut |_| ())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("another process"), "{refused}");
        (contents(&store).await, version)
    };
    let mut told = Vec::new();
    let rows = Store::convert(folder.path(), to, &mut |done| told.push(done)).unwrap();
    assert!(
        rows > 3_000 && told.len() > 3 && told.last() == Some(&rows),
        "{told:?}"
    );
    assert_eq!(Engine::of(folder.path()), Some(to));
    let store = open(folder.path());
    assert_eq!(contents(&store).await, before);
    let again = Tx::new().put(ROWS, "k", "v").idem("i");
    assert_eq!(store.commit(&acme(), again).await, Ok(version));
    let next = store.commit(&acme(), Tx::new().put(ROWS, "k", "w")).await;
    assert_eq!(next, Ok(version + 1));
    drop(store);
    assert!(!folder.path().join(from.as_str()).exists());

    // What a conversion leaves that is killed at its end, or on its way.
    for left in ["replaced", "unfinished"] {
        fs::create_dir(folder.path().join(left)).unwrap();
        fs::write(folder.path().join(left).join("db"), "half").unwrap();
    }
    assert_eq!(contents(&open(folder.path())).await.1, before.1);
    for left in ["replaced", "unfinished"] {
        assert!(!folder.path().join(left).exists(), "{left}");
    }
}

async fn what_a_conversion_leaves_that_is_killed_with_both_databases_there_goes(from: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let to = Engine::ALL.into_iter().find(|engine| *engine != from).unwrap();
    fill(folder.path(), from, 20).await;
    let aside = folder.path().join("aside");
    copy(&folder.path().join(from.as_str()), &aside);
    Store::convert(folder.path(), to, &mut |_| ()).unwrap();
    fs::rename(aside, folder.path().join(from.as_str())).unwrap();

    let goes_on = Engine::of(folder.path()).unwrap();
    let gone = if goes_on == from { to } else { from };
    let store = open(folder.path());
    assert_eq!(store.stream_len(&acme(), "journal").await, Ok(20));
    assert!(folder.path().join(goes_on.as_str()).exists());
    assert!(!folder.path().join(gone.as_str()).exists());
    drop(store);
    assert_eq!(Engine::of(folder.path()), Some(goes_on));

    let refused = Store::convert(folder.path(), goes_on, &mut |_| ()).unwrap_err();
    let expected = format!(
        "{} holds a database of {goes_on} already",
        folder.path().display()
    );
    assert!(
        matches!(&refused, Error::Refused { what } if what.starts_with(&expected))
            && refused.to_string().starts_with(&expected),
        "{refused}"
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
