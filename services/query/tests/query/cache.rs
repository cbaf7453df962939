//! The file cache, in front of a real MinIO.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arrow_flight::{FlightDescriptor, Ticket};
use futures::StreamExt as _;
use rfe_lake::{Bucket, Lake};
use rfe_mesh::fault_from_status;
use rfe_model::fault::reason;
use rfe_proto::metadata::{DataFile, ResolvedDataset};
use tonic::{Code, Status};

use crate::{
    elsewhere::{Store, config},
    fixture::{Served, collect, dataset, datasets, serve_on},
    made::{Made, Maker},
};

const PLENTY: u64 = 1 << 30;
const COLUMNS: [(u32, &str, &str); 2] = [(1, "id", "BIGINT"), (2, "word", "VARCHAR")];

/// A file of rows `from..from + rows` that takes many bytes a row.
fn file(lake: &dyn Lake, dataset: &str, place: (u64, u32), from: u64, rows: u64) -> DataFile {
    let columns: [Made<'_>; 2] = [
        (1, "id", "BIGINT", format!("{from} + i")),
        (2, "word", "VARCHAR", format!("md5(({from} + i)::VARCHAR) || md5(({from} + i + 0.5)::VARCHAR)")),
    ];
    Maker::new().file(lake, dataset, place, &columns, &format!("range({rows}) AS r(i)"))
}

/// Datasets of one file each.
fn singles(lake: &dyn Lake, names: &[&str], rows: u64) -> Vec<ResolvedDataset> {
    let one = |(at, name): (usize, &&str)| {
        let processed = vec![file(lake, name, (1, 0), at as u64 * rows, rows)];
        made(name, processed)
    };
    names.iter().enumerate().map(one).collect()
}

fn made(name: &str, processed: Vec<DataFile>) -> ResolvedDataset {
    let mut made = ResolvedDataset { processed, ..dataset(name, "parquet", false, &COLUMNS) };
    made.dataset.as_mut().expect("a dataset").snapshot = 2;
    made
}

/// Ten files of a hundred rows.
fn tens(lake: &dyn Lake) -> Vec<ResolvedDataset> {
    vec![made(
        "tens",
        (0..10).map(|part| file(lake, "tens", (1, part), u64::from(part) * 100, 100)).collect(),
    )]
}

fn fetched(served: &Served) -> u64 {
    served.metric("rfe_query_cache_fetched_files_total")
}

fn looked_up(served: &Served, outcome: &str) -> u64 {
    served.metric(&format!("rfe_query_cache_files_total{{outcome=\"{outcome}\"}}"))
}

/// The files in the cache.
fn kept(served: &Served) -> Vec<PathBuf> {
    let folder = served.folder.path().join("cache");
    let below =
        |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|file| file.expect("file").path());
    let folders = below(folder).filter(|path| path.file_name().is_some_and(|name| name.len() == 2));
    folders.flat_map(below).collect()
}

fn refusal(status: &Status) -> (Code, String, Option<String>, Option<String>) {
    let fault = fault_from_status(status);
    let size = |key| fault.get(key).map(str::to_owned);
    (status.code(), fault.reason.clone(), size("needed_bytes"), size("available_bytes"))
}

/// Writes to a file that nobody may write to.
fn damage(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).expect("remove");
    fs::write(path, bytes).expect("write");
}

async fn settled(what: &str, is: impl Fn() -> bool) {
    for _ in 0..500 {
        if is() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} within ten seconds");
}

#[tokio::test]
async fn every_kind_of_dataset_reads_as_on_a_local_lake_and_each_file_is_fetched_once() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, datasets).await;
    let local = crate::fixture::serve().await;
    for _ in 0..2 {
        for sql in [
            "SELECT * FROM finance_csv ORDER BY id",
            "SELECT * FROM raw.finance_csv ORDER BY _line",
            "SELECT count(*), sum(n), max(doc->>'n') FROM clicks",
            "SELECT place.city, tags[2] FROM nested",
            "SELECT * FROM empty_one",
        ] {
            assert_eq!(served.text(sql).await, local.text(sql).await, "{sql}");
        }
    }
    assert_eq!((fetched(&served), looked_up(&served, "miss"), looked_up(&served, "hit")), (6, 6, 6));
    assert_eq!(served.metric("rfe_query_cache_pinned_bytes"), 0);
    assert_eq!(kept(&served).len(), 6);
}

#[tokio::test]
async fn only_files_that_a_statement_needs_are_fetched_and_none_for_its_columns() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, tens).await;
    let info = served.plain().await.get_flight_info(FlightDescriptor::new_cmd("SELECT * FROM tens")).await;
    info.expect("columns");
    assert_eq!(fetched(&served), 0);
    assert_eq!(served.text("SELECT count(*) FROM tens WHERE id BETWEEN 120 AND 250").await, ["131"]);
    assert_eq!(fetched(&served), 2);
    assert_eq!(served.text("SELECT count(*) FROM tens").await, ["1000"]);
    assert_eq!((fetched(&served), looked_up(&served, "hit")), (10, 2));
}

#[tokio::test]
async fn statements_that_need_the_same_files_share_a_fetch_and_one_that_leaves_does_not_end_it() {
    let store = Store::new().await;
    let served = Arc::new(store.serve(PLENTY, |lake| singles(lake, &["big"], 300_000)).await);
    let asked = (0..12).map(|at| {
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            let sql = format!("SELECT count(*), {at} FROM big");
            let answer = served.text(&sql);
            // Every third goes away at once.
            let patience = if at % 3 == 0 { Duration::from_millis(3) } else { Duration::from_secs(60) };
            (at, tokio::time::timeout(patience, answer).await)
        })
    });
    for answer in futures::future::join_all(asked).await {
        match answer.expect("no panic") {
            (at, Ok(rows)) => assert_eq!(rows, [format!("300000|{at}")]),
            (at, Err(_)) => assert_eq!(at % 3, 0),
        }
    }
    assert_eq!(fetched(&served), 1);
    settled("no file is pinned", || served.metric("rfe_query_cache_pinned_bytes") == 0).await;
}

#[tokio::test]
async fn the_file_used_least_recently_gives_way() {
    let store = Store::new().await;
    let all = singles(store.local(), &["a", "b", "c"], 1000);
    let size =
        fs::metadata(store.local().local_path(Bucket::Processed, &all[0].processed[0].key).expect("local"));
    let room = size.expect("a file").len() * 5 / 2;
    let served = store.serve(room, |_| all.clone()).await;
    for (dataset, expected) in
        [("a", 1), ("b", 2), ("a", 2), ("c", 3), ("a", 3), ("b", 4), ("a", 4), ("c", 5)]
    {
        served.text(&format!("SELECT count(*) FROM {dataset}")).await;
        assert_eq!(fetched(&served), expected, "after {dataset}");
        assert!(served.metric("rfe_query_cache_bytes") <= room);
    }
    assert_eq!((served.metric("rfe_query_cache_evicted_files_total"), kept(&served).len()), (3, 2));
}

#[tokio::test]
async fn files_of_a_stream_that_still_runs_stay_and_who_finds_no_room_is_told_both_sizes() {
    let store = Store::new().await;
    let mut all = singles(store.local(), &["small"], 400_000);
    let parts = (0..4).map(|part| file(store.local(), "big", (1, part), u64::from(part) * 200_000, 200_000));
    all.push(made("big", parts.collect()));
    let shown = store.put_all(all).await;
    let bytes = |name: &str| {
        let named = |one: &&ResolvedDataset| one.dataset.as_ref().is_some_and(|dataset| dataset.name == name);
        let files = &shown.iter().find(named).expect("a dataset").processed;
        files.iter().map(|file| file.bytes as u64).sum::<u64>()
    };
    let (big, small) = (bytes("big"), bytes("small"));
    let room = big + small / 2;
    let folder = tempfile::tempdir().expect("folder");
    let cache = folder.path().join("cache");
    let shown = crate::shown::Shown::new(shown);
    let served = serve_on(config(room, cache), Arc::clone(store.lake()), shown, folder).await;

    let mut client = served.plain().await;
    let stream = client.do_get(Ticket::new("SELECT * FROM big")).await.expect("a stream").into_inner();
    let refused = served.rows("SELECT count(*) FROM small").await.expect_err("no room");
    let sizes = (Some(small.to_string()), Some((room - big).to_string()));
    assert_eq!(refusal(&refused), (Code::ResourceExhausted, reason::CACHE_FULL.to_owned(), sizes.0, sizes.1));
    assert!(refused.message().contains("RFE_QUERY_CACHE_BYTES"), "{}", refused.message());
    assert_eq!(kept(&served).len(), 4);

    let rows = collect(stream).await.expect("all rows").iter().map(|batch| batch.num_rows()).sum::<usize>();
    assert_eq!(rows, 800_000);
    settled("no file is pinned", || served.metric("rfe_query_cache_pinned_bytes") == 0).await;
    assert_eq!(served.text("SELECT count(*) FROM small").await, ["400000"]);
    let both = served.rows("SELECT count(*) FROM big, small LIMIT 1").await.expect_err("never any room");
    let sizes = (Some((big + small).to_string()), Some(room.to_string()));
    assert_eq!(
        refusal(&both),
        (Code::ResourceExhausted, reason::QUERY_TOO_LARGE.to_owned(), sizes.0, sizes.1)
    );
    for size in [big + small, room] {
        assert!(both.message().contains(&size.to_string()), "{}", both.message());
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_a_fetch_frees_its_room() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["big"], 300_000)).await;
    let mut client = served.plain().await;
    let left = client.do_get(Ticket::new("SELECT count(*) FROM big"));
    assert!(tokio::time::timeout(Duration::from_millis(15), left).await.is_err() || fetched(&served) == 1);
    settled("no file is pinned", || served.metric("rfe_query_cache_pinned_bytes") == 0).await;
    assert_eq!(served.text("SELECT count(*) FROM big").await, ["300000"]);
}

#[tokio::test]
async fn a_restart_keeps_files_and_the_order_of_their_use_and_fetches_damaged_ones_anew() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["a", "b", "c"], 1000)).await;
    for dataset in ["a", "b", "c", "a"] {
        served.text(&format!("SELECT count(*) FROM {dataset}")).await;
    }
    let size = served.metric("rfe_query_cache_bytes") / 3;
    let (folder, lake, shown) = served.end().await;
    let cache = folder.path().join("cache");
    fs::create_dir_all(cache.join("parts")).expect("folder");
    fs::write(cache.join("parts/9.part"), "half").expect("write");

    // Now only two have room: b, used before c and a, is gone.
    let served = serve_on(config(size * 5 / 2, cache.clone()), lake, shown, folder).await;
    assert_eq!((kept(&served).len(), fs::read_dir(cache.join("parts")).expect("list").count()), (2, 0));
    for dataset in ["a", "c"] {
        assert_eq!(served.text(&format!("SELECT count(*) FROM {dataset}")).await, ["1000"]);
    }
    assert_eq!((fetched(&served), looked_up(&served, "hit")), (0, 2));
    let (folder, lake, shown) = served.end().await;

    // Of one file a bit flips, which its size does not show.
    let served = serve_on(config(size * 5 / 2, cache), lake, shown, folder).await;
    for path in kept(&served) {
        let mut bytes = fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        damage(&path, &bytes);
    }
    assert_eq!(served.text("SELECT count(DISTINCT word), min(id) FROM c").await, ["1000|2000"]);
    assert_eq!(fetched(&served), 1);
}

#[tokio::test]
async fn a_file_that_lost_its_end_or_is_gone_is_fetched_anew() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["a"], 1000)).await;
    let sum = served.text("SELECT sum(id), count(DISTINCT word) FROM a").await;
    let path = kept(&served).pop().expect("a file");
    damage(&path, b"PAR1 and no more");
    // A size is believed for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(served.text("SELECT sum(id), count(DISTINCT word) FROM a").await, sum);
    assert_eq!(fetched(&served), 2);
    fs::remove_file(&path).expect("remove");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(served.text("SELECT sum(id), count(DISTINCT word) FROM a").await, sum);
    assert_eq!(fetched(&served), 3);
}

#[tokio::test]
async fn an_object_that_is_not_what_the_catalog_says_is_never_read() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["a"], 1000)).await;
    let key = store.lake().list(Bucket::Processed, "a/", None, 1).await.expect("list").remove(0).key;
    let whole = store.lake().get(Bucket::Processed, &key).await.expect("get");
    let mut bytes = whole.to_vec();
    bytes[100] ^= 1;
    store.lake().put(Bucket::Processed, &key, bytes.into()).await.expect("put");
    let refused = served.rows("SELECT count(*) FROM a").await.expect_err("another object");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert_eq!((kept(&served).len(), served.metric("rfe_query_cache_bytes")), (0, 0));
    store.lake().put(Bucket::Processed, &key, whole).await.expect("put");
    assert_eq!(served.text("SELECT count(*) FROM a").await, ["1000"]);
}

#[tokio::test]
async fn a_client_cannot_read_the_cache_by_path() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, datasets).await;
    served.text("SELECT count(*) FROM clicks").await;
    let path = kept(&served).pop().expect("a file");
    let (path, folder) = (path.display(), served.folder.path().join("cache"));
    let folder = folder.display();
    for sql in [
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM read_parquet('{path}')"),
        format!("SELECT * FROM parquet_metadata('{path}')"),
        format!("SELECT * FROM read_blob('{path}')"),
        format!("SELECT * FROM glob('{folder}/*/*')"),
        format!("SELECT * FROM query('FROM \"{path}\"')"),
        format!("COPY (SELECT 1) TO '{folder}/x.parquet'"),
        format!("ATTACH '{folder}/x.db' AS x"),
    ] {
        let refused = served.rows(&sql).await.expect_err(&sql);
        assert_eq!(refused.code(), Code::InvalidArgument, "{sql}: {refused}");
    }
    let shown = served.text("EXPLAIN SELECT * FROM clicks").await.join("\n");
    assert!(!shown.contains("cache"), "{shown}");
}

#[tokio::test]
async fn what_a_commit_brings_to_a_queried_dataset_is_there_before_it_is_asked_for() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["asked", "other"], 100)).await;
    served.text("SELECT count(*) FROM asked").await;
    // The round that learns where things stand.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for dataset in ["other", "asked"] {
        let more = store.put(Bucket::Processed, file(store.local(), dataset, (7, 0), 5000, 50)).await;
        served.shown.commit(dataset, more);
    }
    settled("a file is fetched ahead", || served.metric("rfe_query_cache_prefetched_files_total") == 1).await;
    let missed = looked_up(&served, "miss");
    assert_eq!(served.text("SELECT count(*) FROM asked").await, ["150"]);
    assert_eq!(looked_up(&served, "miss"), missed);
}

#[tokio::test]
async fn nothing_gives_way_to_what_is_fetched_ahead() {
    let store = Store::new().await;
    let all = singles(store.local(), &["a"], 1000);
    let size =
        fs::metadata(store.local().local_path(Bucket::Processed, &all[0].processed[0].key).expect("local"));
    let served = store.serve(size.expect("a file").len() * 3 / 2, |_| all.clone()).await;
    served.text("SELECT count(*) FROM a").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let more = store.put(Bucket::Processed, file(store.local(), "a", (7, 0), 5000, 1000)).await;
    served.shown.commit("a", more);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!((fetched(&served), served.metric("rfe_query_cache_prefetched_files_total")), (1, 0));
}

#[tokio::test]
async fn a_ticket_of_an_expired_snapshot_is_refused_with_its_reason() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["a"], 100)).await;
    let mut client = served.plain().await;
    let info =
        client.get_flight_info(FlightDescriptor::new_cmd("SELECT count(*) FROM a")).await.expect("info");
    let ticket = info.into_inner().endpoint.remove(0).ticket.expect("a ticket");
    let first = client.do_get(ticket.clone()).await.expect("in time").into_inner();
    assert_eq!(collect(first).await.expect("rows").len(), 1);
    let more = store.put(Bucket::Processed, file(store.local(), "a", (3, 0), 5000, 50)).await;
    let newer = served.shown.commit("a", more);
    served.shown.expire_before(newer);
    // What is known of a snapshot's datasets is known for a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let late = match client.do_get(ticket).await {
        Ok(stream) => stream.into_inner().next().await.expect("an end").expect_err("an expired snapshot"),
        Err(refused) => refused,
    };
    assert_eq!(
        (late.code(), fault_from_status(&late).reason.as_str()),
        (Code::FailedPrecondition, "SNAPSHOT_EXPIRED")
    );
}

#[tokio::test]
async fn after_a_commit_only_what_began_and_ended_is_asked_for() {
    let store = Store::new().await;
    let served = store.serve(PLENTY, |lake| singles(lake, &["a"], 100)).await;
    assert_eq!(served.text("SELECT count(*) FROM a").await, ["100"]);
    assert_eq!(served.shown.asked_whole("a"), 1);
    let more = store.put(Bucket::Processed, file(store.local(), "a", (3, 0), 5000, 50)).await;
    served.shown.commit("a", more);
    assert_eq!(served.text("SELECT count(*) FROM a").await, ["150"]);
    let instead = store.put(Bucket::Processed, file(store.local(), "a", (4, 0), 9000, 20)).await;
    served.shown.replace("a", instead);
    assert_eq!(served.text("SELECT count(*) FROM a").await, ["20"]);
    assert_eq!(served.shown.asked_whole("a"), 1);
}
