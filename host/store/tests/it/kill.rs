//! Kills a process at any moment while it acknowledges, and looks for what it acknowledged.

use std::io::{BufRead, BufReader, Write};

use jackfield_store::{Engine, Error, Tx};

use crate::support::{self, Dice, acme, child_engine, child_folder, event, open, open_with, runtime};

const ROUNDS: u64 = 40;
const PRODUCERS: u64 = 4;

fn stream(producer: u64) -> String {
    format!("journal-{producer}")
}

/// The process that is killed: appends without end and prints what was acknowledged.
#[test]
fn child() {
    let Some(folder) = child_folder() else { return };
    runtime().block_on(async {
        let store = open_with(&folder, child_engine());
        let producers = (0..PRODUCERS).map(|producer| {
            let store = store.clone();
            tokio::spawn(async move {
                let (ctx, stream) = (acme(), stream(producer));
                for n in store.stream_len(&ctx, &stream).await?.. {
                    store
                        .commit(&ctx, Tx::new().append(&stream, n, vec![event(n)]))
                        .await?;
                    writeln!(std::io::stdout(), "ack {producer} {n}").unwrap();
                }
                Ok::<_, Error>(())
            })
        });
        for producer in producers.collect::<Vec<_>>() {
            producer.await.unwrap().unwrap();
        }
    });
}

#[test]
fn what_sled_acknowledged_outlives_kill_9() {
    what_was_acknowledged_outlives_kill_9(Engine::Sled);
}

#[test]
fn what_fjall_acknowledged_outlives_kill_9() {
    what_was_acknowledged_outlives_kill_9(Engine::Fjall);
}

fn what_was_acknowledged_outlives_kill_9(engine: Engine) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let mut dice = Dice(9);
    let mut acknowledged = [0; PRODUCERS as usize];
    for round in 0..ROUNDS {
        let mut child = support::child("kill::child", folder.path(), engine, &[]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut until_kill = 1 + dice.below(150);
        let mut before_next = false;
        // What is in the pipe after the kill was acknowledged as well.
        while let Some(Ok(line)) = lines.next() {
            let Some(rest) = line.strip_prefix("ack ") else {
                continue;
            };
            let (producer, n) = rest.split_once(' ').unwrap();
            // The last line may be cut off anywhere; a shorter number is acknowledged too.
            let Ok(n) = n.parse::<u64>() else { continue };
            let last = &mut acknowledged[producer.parse::<usize>().unwrap()];
            *last = (*last).max(n + 1);
            until_kill = until_kill.saturating_sub(1);
            if until_kill == 0 && !before_next {
                child.kill().unwrap();
                before_next = true;
            }
        }
        assert!(before_next, "the child ended by itself in round {round}");
        child.wait().unwrap();

        runtime.block_on(async {
            let store = open(folder.path());
            for (producer, acknowledged) in (0..PRODUCERS).zip(acknowledged) {
                let (ctx, stream) = (acme(), stream(producer));
                let len = store.stream_len(&ctx, &stream).await.unwrap();
                assert!(
                    len >= acknowledged,
                    "round {round}: {acknowledged} acknowledged, {len} there"
                );
                let mut from = 0;
                while from < len {
                    let events = store.read_stream(&ctx, &stream, from, 1_000).await.unwrap();
                    assert!(
                        !events.is_empty(),
                        "round {round}: {stream} ends at {from} of {len}"
                    );
                    for (seq, bytes) in events {
                        assert_eq!((seq, bytes), (from, event(from)), "round {round}: {stream}");
                        from += 1;
                    }
                }
            }
        });
    }
}
