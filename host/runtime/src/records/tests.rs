use jackfield_contact::decision::{Answer, Plan, Question, RoutingQuestion};
use jackfield_sandbox::{DecidedBy, LogLevel, LogLine, Receipt};
use jackfield_types::{Digest, Grants, limits};

use super::segment::Old;
use super::*;

pub(super) fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

fn by(point: &str, config: &str) -> Arc<DecidedBy> {
    Arc::new(DecidedBy {
        point: point.parse().unwrap(),
        revision: 1,
        plugin: "idle".parse().unwrap(),
        version: jackfield_types::Version::new(1, 0, 0),
        digest: Digest::of(b"x"),
        config: config.into(),
        engine: "e".into(),
        projection: Default::default(),
    })
}

/// A record made at a moment.
pub(super) fn record(point: &str, at: u64) -> DecisionRecord {
    let question = RoutingQuestion {
        queue: "a".parse().unwrap(),
        skills: vec![],
        work: vec![],
        agents: vec![],
    };
    DecisionRecord {
        id: IDS.next(Timestamp(at)),
        at: Timestamp(at),
        by: by(point, "{}"),
        question: Arc::new(Question::Routing(Box::new(question))),
        reads: vec![],
        result: Ok(Answer::Routing(Plan::default())),
        kv_writes: vec![],
        receipt: Receipt::default(),
        log: vec![],
        complete: true,
        grants: Grants::ALL,
        budget: None,
    }
}

static IDS: std::sync::LazyLock<Ids> = std::sync::LazyLock::new(Ids::default);

fn ctx() -> OpContext {
    OpContext::system(tenant(), "test")
}

pub(super) async fn kept(records: &[DecisionRecord]) -> Store {
    let store = Store::memory().unwrap();
    let metrics = Arc::<Metrics>::default();
    let recorder = Recorder::start(store.clone(), metrics.clone());
    for record in records {
        assert!(recorder.keep(&tenant(), Arc::new(record.clone())));
    }
    recorder.flush().await;
    store
}

#[tokio::test]
async fn records_of_a_moment_share_a_row_and_each_is_found_by_its_id() {
    let records: Vec<_> = (0..40)
        .map(|n| record(if n % 2 == 0 { "queue:a" } else { "queue:b" }, 5_000 + n))
        .collect();
    let store = kept(&records).await;
    let rows = store.scan(&ctx(), DECISIONS, Scan::all()).await.unwrap();
    assert_eq!(rows.rows.len(), 2, "one row for each point");
    for record in &records {
        let found = find(&store, &ctx(), record.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }
    let unknown = IDS.next(Timestamp(5_001));
    assert_eq!(find(&store, &ctx(), unknown).await.unwrap(), None);
}

#[tokio::test]
async fn the_newest_come_first_however_rows_overlap() {
    let store = Store::memory().unwrap();
    let records: Vec<_> = [100, 300, 250, 900, 260, 2_500]
        .map(|at| record("queue:a", 10_000 + at))
        .into();
    // Rows as they come about when threads report late.
    for part in [&records[..2], &records[2..4], &records[4..]] {
        let part = part.iter().map(|record| Arc::new(record.clone())).collect();
        assert_eq!(write(&store, &tenant(), part).await, 2);
    }
    let point = "queue:a".parse().unwrap();
    let seen = |found: Vec<DecisionRecord>| {
        found
            .iter()
            .map(|record| record.at.0 - 10_000)
            .collect::<Vec<_>>()
    };
    let all = decisions_of(&store, &ctx(), &point, 0, 20_000, 100)
        .await
        .unwrap();
    assert_eq!(seen(all), [2_500, 900, 300, 260, 250, 100]);
    let three = decisions_of(&store, &ctx(), &point, 0, 20_000, 3).await.unwrap();
    assert_eq!(seen(three), [2_500, 900, 300]);
    let some = decisions_of(&store, &ctx(), &point, 10_250, 10_900, 9)
        .await
        .unwrap();
    assert_eq!(seen(some), [300, 260, 250]);
}

#[test]
fn rows_end_at_the_size_of_a_value_and_at_a_second() {
    let long = |at, bytes| DecisionRecord {
        log: vec![LogLine {
            level: LogLevel::Info,
            message: "x".repeat(bytes),
        }],
        ..record("queue:a", at)
    };
    let records = [
        long(1_000, 30_000),
        long(1_001, 30_000),
        long(1_002, 30_000),
        long(2_002, 0),
        long(2_003, 70_000),
    ];
    let rows = segments(&records);
    let sizes: Vec<_> = rows.iter().map(|row| row.records).collect();
    assert_eq!(sizes, [2, 1, 2]);
    assert!(rows.iter().all(|row| row.bytes.len() <= limits::MAX_VALUE_BYTES));
    let last = decode(&rows[2].bytes).unwrap();
    assert!(last[0].complete);
    assert!(!last[1].complete, "what is too large is kept in part");
    assert!(last[1].log.is_empty());
    let huge = DecisionRecord {
        by: by("queue:a", &"x".repeat(70_000)),
        ..record("queue:a", 1_000)
    };
    assert!(segments([&huge]).is_empty());
}

#[test]
fn ids_are_of_version_7_rise_and_tell_their_time() {
    let ids: Vec<_> = (0..1_000).map(|n| IDS.next(Timestamp(9_000 + n / 100))).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(ids[999].made_at(), Timestamp(9_009));
    let uuid: Uuid = ids[0].to_string().parse().unwrap();
    assert_eq!(
        (uuid.get_version_num(), uuid.get_variant()),
        (7, uuid::Variant::RFC4122)
    );
}

/// Revisions of a binding that follow one another within a second stand in one row, each told once.
#[test]
fn what_decided_is_told_once_in_a_row_and_again_where_it_changes() {
    let config = |n: usize| format!("{{\"n\": \"{}\"}}", "x".repeat(1_000 + n));
    let of = |n: u64, by: &Arc<DecidedBy>| DecisionRecord {
        by: by.clone(),
        ..record("queue:a", 1_000 + n)
    };
    let [first, second] = [by("queue:a", &config(0)), by("queue:a", &config(1))];
    let records = [
        of(0, &first),
        of(1, &first),
        of(2, &second),
        of(3, &by("queue:a", &config(1))),
        of(4, &first),
    ];
    let rows = segments(&records);
    assert_eq!(rows.len(), 1);
    assert!(
        (3_000..4_500).contains(&rows[0].bytes.len()),
        "{}",
        rows[0].bytes.len()
    );
    let read = decode(&rows[0].bytes).unwrap();
    assert_eq!(read, records);
    assert!(Arc::ptr_eq(&read[2].by, &read[3].by));
    let cut = &rows[0].bytes[..rows[0].bytes.len() - 1];
    assert!(decode(cut).is_err());
}

fn old(record: &DecisionRecord) -> Old {
    let (by, record) = ((*record.by).clone(), record.clone());
    Old {
        id: record.id,
        at: record.at,
        point: by.point,
        revision: by.revision,
        plugin: by.plugin,
        version: by.version,
        digest: by.digest,
        config: by.config,
        engine: by.engine,
        question: record.question,
        reads: record.reads,
        result: record.result,
        kv_writes: record.kv_writes,
        receipt: record.receipt,
        log: record.log,
        complete: record.complete,
        grants: record.grants,
        budget: record.budget,
        projection: by.projection,
    }
}

#[tokio::test]
async fn rows_of_older_versions_are_read_alike() {
    let (store, record) = (Store::memory().unwrap(), record("queue:a", 7_000));
    let tx = Tx::new()
        .put(
            DECISIONS,
            key(&record.by.point, record.id),
            rmp_serde::to_vec_named(&old(&record)).unwrap(),
        )
        .put(POINTS, record.id.as_bytes().as_slice(), "queue:a");
    store.commit(&ctx(), tx).await.unwrap();
    assert_eq!(
        find(&store, &ctx(), record.id).await.unwrap().as_ref(),
        Some(&record)
    );
    let found = decisions_of(&store, &ctx(), &record.by.point, 0, 9_000, 5).await;
    assert_eq!(found.unwrap(), [record]);
}

#[test]
fn old_rows_of_many_records_are_read_by_place_and_by_name() {
    let records: Vec<_> = (0..10).map(|n| record("queue:a", 1_000 + n)).collect();
    let (mut placed, mut named) = (Vec::new(), Vec::new());
    for record in &records {
        placed.extend(rmp_serde::to_vec(&old(record)).unwrap());
        named.extend(rmp_serde::to_vec_named(&old(record)).unwrap());
    }
    let rows = segments(&records);
    for row in [&placed, &named, &rows[0].bytes] {
        assert_eq!(decode(row).unwrap(), records);
    }
    assert!(
        rows[0].bytes.len() < placed.len() / 2,
        "{} of {}",
        rows[0].bytes.len(),
        placed.len()
    );
}
