//! Cuts the power at any moment and looks for what was acknowledged.
//!
//! A child process works under a shim that logs its writes and syncs in order. The test plays the log up to
//! some moment, drops or tears what was not synced by then, and opens what is left. sled without the
//! guard goes through the same and loses acknowledged records: the test can tell.

mod disk;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::FileExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use disk::{Disk, Record, records};
use jackfield_store::{Engine, Store, Tx};
use tempfile::TempDir;

use crate::support::{self, Dice, ROWS, acme, child_engine, child_folder, event, open_with, runtime};

const PRODUCERS: u64 = 4;
const TRANSACTIONS: u64 = 150;
/// Large rows, written over again and again so that the engine uses its segments again.
const LARGE_ROWS: u64 = 12;

/// Moments at which the power is cut.
const CUTS: usize = 80;

/// Where a child says what it was promised: in the order of all other writes.
struct Acks {
    file: File,
    next: AtomicU64,
}

impl Acks {
    fn new(root: &Path) -> Self {
        Self {
            file: File::create(root.join("acks")).unwrap(),
            next: AtomicU64::new(0),
        }
    }

    fn say(&self, producer: u64, n: u64) {
        let at = self.next.fetch_add(16, Ordering::Relaxed);
        let bytes = [producer.to_be_bytes(), n.to_be_bytes()].concat();
        self.file.write_all_at(&bytes, at).unwrap();
    }
}

fn stream(producer: u64) -> String {
    format!("journal-{producer}")
}

fn large(n: u64) -> Vec<u8> {
    [event(n), vec![n as u8; 60_000]].concat()
}

#[test]
fn guarded_child() {
    let Some(root) = child_folder() else { return };
    let acks = std::sync::Arc::new(Acks::new(&root));
    runtime().block_on(async {
        let store = open_with(&root.join("store"), child_engine());
        let producers = (0..PRODUCERS).map(|producer| {
            let (store, acks) = (store.clone(), acks.clone());
            tokio::spawn(async move {
                for n in 0..TRANSACTIONS {
                    let mut tx = Tx::new().append(stream(producer), n, vec![event(n)]);
                    tx = tx.put(ROWS, producer.to_be_bytes(), n.to_be_bytes());
                    if n % 2 == 0 {
                        let row = [producer.to_be_bytes(), (n / 2 % LARGE_ROWS).to_be_bytes()].concat();
                        tx = tx.put(ROWS, row, large(n));
                    }
                    store.commit(&acme(), tx).await.unwrap();
                    acks.say(producer, n);
                }
            })
        });
        for producer in producers.collect::<Vec<_>>() {
            producer.await.unwrap();
        }
    });
}

#[test]
fn unguarded_child() {
    let Some(root) = child_folder() else { return };
    let acks = Acks::new(&root);
    let db = sled::Config::default()
        .path(root.join("store"))
        .flush_every_ms(None)
        .open()
        .unwrap();
    // What is lost shall be lost by `flush()`, not for want of names.
    for path in ["store/conf", "store/db", "store", ""] {
        File::open(root.join(path)).unwrap().sync_all().unwrap();
    }
    for n in 0..TRANSACTIONS {
        db.insert(n.to_be_bytes(), event(n)).unwrap();
        db.flush().unwrap();
        acks.say(0, n);
    }
}

/// Runs a child on a logged disk; `None` without a C compiler would hide the test, so that is an error.
fn logged(child: &str, engine: Engine) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let (root, log, shim) = (folder.join("root"), folder.join("log"), folder.join("shim.so"));
    fs::create_dir(&root).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/powercut/shim.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&shim)
        .arg(source)
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "no C compiler: install Debian's gcc"
    );
    let set: [(&str, &Path); 3] = [
        ("LD_PRELOAD", &shim),
        ("JACKFIELD_DISK", &root),
        ("JACKFIELD_DISK_LOG", &log),
    ];
    let done = support::child(child, &root, engine, &set)
        .wait_with_output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    records(&log, &root)
}

/// Cuts the power at `cuts` moments, a quarter of them among the first writes; answers how many of them
/// `check` found wrong, with the first fault. `check` gets the folder and what each producer was promised.
fn cut(
    records: &[Record],
    cuts: usize,
    mut check: impl FnMut(&Path, &BTreeMap<u64, u64>) -> Result<(), String>,
) -> (usize, String) {
    let mut dice = Dice(17);
    let mut moments: Vec<usize> = (0..cuts)
        .map(|n| if n % 4 == 0 { dice.below(60) } else { dice.below(records.len() as u64) } as usize)
        .collect();
    moments.sort_unstable();
    let (mut disk, mut promised, mut played) = (Disk::new(), BTreeMap::new(), 0);
    let (mut wrong, mut first) = (0, String::new());
    for (n, moment) in moments.into_iter().enumerate() {
        for record in &records[played..moment] {
            match record.path.as_str() {
                "acks" if record.data.is_empty() => {}
                "acks" => {
                    let number = |at: usize| u64::from_be_bytes(record.data[at..at + 8].try_into().unwrap());
                    promised.insert(number(0), number(8) + 1);
                }
                _ => disk.play(record),
            }
        }
        played = moment;
        let folder = TempDir::new().unwrap();
        let left: PathBuf = folder.path().join("left");
        let keep = n as u64 % 5;
        disk.cut(&mut dice, keep, &left);
        if let Err(fault) = check(&left.join("store"), &promised) {
            if wrong == 0 {
                first = format!("at record {moment} of {}, {keep}/4 kept: {fault}", records.len());
            }
            wrong += 1;
        }
    }
    (wrong, first)
}

async fn guarded_is_whole(folder: &Path, promised: &BTreeMap<u64, u64>) -> Result<(), String> {
    let store = Store::open(folder).map_err(|error| error.to_string())?;
    let ctx = acme();
    for producer in 0..PRODUCERS {
        let promised = promised.get(&producer).copied().unwrap_or(0);
        let stream = stream(producer);
        let len = store
            .stream_len(&ctx, &stream)
            .await
            .map_err(|error| error.to_string())?;
        if len < promised {
            return Err(format!("{promised} events promised, {len} there"));
        }
        let events = store
            .read_stream(&ctx, &stream, 0, 1_000)
            .await
            .map_err(|error| error.to_string())?;
        if !events.into_iter().eq((0..len).map(|n| (n, event(n)))) {
            return Err(format!("{stream} has other events than those appended"));
        }
        let row = |key: Vec<u8>| {
            let (store, ctx) = (store.clone(), ctx.clone());
            async move {
                store
                    .get(&ctx, ROWS, &key)
                    .await
                    .map_err(|error| error.to_string())
            }
        };
        let last = row(producer.to_be_bytes().to_vec()).await?.map(|row| row.value);
        if last != len.checked_sub(1).map(|last| last.to_be_bytes().to_vec()) {
            return Err(format!(
                "a row is not of the same transaction as the last event of {stream}"
            ));
        }
        for large_row in 0..LARGE_ROWS {
            let key = [producer.to_be_bytes(), large_row.to_be_bytes()].concat();
            let written = (0..len)
                .rev()
                .find(|n| n % 2 == 0 && n / 2 % LARGE_ROWS == large_row);
            if row(key).await?.map(|row| row.value) != written.map(large) {
                return Err(format!(
                    "large row {large_row} of producer {producer} is not as written last"
                ));
            }
        }
    }
    store
        .commit(&ctx, Tx::new().put(ROWS, "goes on", ""))
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

fn unguarded_is_whole(folder: &Path, promised: &BTreeMap<u64, u64>) -> Result<(), String> {
    let Some(promised) = promised.get(&0).copied() else {
        return Ok(());
    };
    let db = sled::Config::default()
        .path(folder)
        .flush_every_ms(None)
        .open()
        .map_err(|error| error.to_string())?;
    for n in 0..promised {
        match db.get(n.to_be_bytes()) {
            Ok(Some(value)) if value == event(n) => {}
            other => return Err(format!("record {n}: {:?}", other.map(|value| value.is_some()))),
        }
    }
    Ok(())
}

#[test]
fn what_sled_acknowledged_outlives_a_power_cut() {
    what_was_acknowledged_outlives_a_power_cut(Engine::Sled);
}

#[test]
fn what_fjall_acknowledged_outlives_a_power_cut() {
    what_was_acknowledged_outlives_a_power_cut(Engine::Fjall);
}

fn what_was_acknowledged_outlives_a_power_cut(engine: Engine) {
    let records = logged("powercut::guarded_child", engine);
    let runtime = runtime();
    let (wrong, first) = cut(&records, CUTS, |folder, promised| {
        runtime.block_on(guarded_is_whole(folder, promised))
    });
    println!(
        "{engine}, guarded: {wrong} of {CUTS} cuts lost something; {} writes and syncs",
        records.len()
    );
    assert_eq!(wrong, 0, "{first}");
}

#[test]
fn the_engine_without_the_guard_fails_the_same_test() {
    let records = logged("powercut::unguarded_child", Engine::Sled);
    let (wrong, _) = cut(&records, 40, |folder, promised| {
        catch_unwind(AssertUnwindSafe(|| unguarded_is_whole(folder, promised)))
            .unwrap_or(Err("panicked".into()))
    });
    println!(
        "unguarded: {wrong} of 40 cuts lost something; {} writes and syncs",
        records.len()
    );
    assert!(
        wrong > 20,
        "lost something after {wrong} of 40 power cuts only: the test has no teeth"
    );
}
