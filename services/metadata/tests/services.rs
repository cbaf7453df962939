//! The four services over the process's own routes, on a registry and a lake in a folder.

#[path = "support/mesh.rs"]
mod mesh;
#[path = "services/upkeep.rs"]
mod upkeep;

use futures::TryStreamExt as _;
use mesh::Mesh;
use rfe_mesh::fault_from_status;
use rfe_model::{ErrorCode, Fault, SourceSpec, fault::reason, id};
use rfe_proto::{dlq, metadata as pb};
use serde_json::json;

fn fault<T: std::fmt::Debug>(answer: Result<tonic::Response<T>, tonic::Status>) -> Fault {
    fault_from_status(&answer.expect_err("must be refused"))
}

fn source(name: &str, kind: &str) -> pb::Source {
    pb::Source::from(&SourceSpec::sample(name, kind))
}

#[tokio::test]
async fn a_wrong_source_is_refused_with_the_path_of_each_field() {
    let mut mesh = Mesh::start().await;
    let mut wrong = source("b", "csv");
    wrong.config = Some(rfe_model::structure::to_struct(&json!({"bad": 1})));
    wrong.schedule = Some(pb::SourceSchedule { cron: "61 * * * *".to_owned(), ..Default::default() });
    let mut typed = source("c", "csv");
    typed.columns.insert("x".to_owned(), "BIGGINT".to_owned());
    let sources = vec![source("a", "csv"), wrong.clone(), typed, source("a", "webhook"), source("d", "cvs")];
    let request = pb::ApplySourcesRequest { sources, ..Default::default() };
    let refused = fault(mesh.metadata.apply_sources(request).await);
    let paths: Vec<&str> = refused.violations.iter().map(|violation| violation.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "sources[1].schedule.cron",
            "sources[1].config.bad",
            "sources[2].columns.x",
            "sources[3].name",
            "sources[4].kind"
        ]
    );
    assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::InvalidArgument, reason::INVALID_FIELD));

    let request = pb::CreateSourceRequest { source: Some(wrong), auto_created: false };
    let refused = fault(mesh.metadata.create_source(request).await);
    assert_eq!(refused.violations[1].path, "source.config.bad");
    let listed =
        mesh.metadata.list_sources(pb::ListSourcesRequest::default()).await.expect("list").into_inner();
    assert!(listed.sources.is_empty(), "all or none");
}

#[tokio::test]
async fn only_checking_declares_nothing() {
    let mut mesh = Mesh::start().await;
    let request =
        pb::ApplySourcesRequest { sources: vec![source("a", "csv")], validate_only: true, prune: false };
    mesh.metadata.apply_sources(request).await.expect("valid");
    let missing = fault(mesh.metadata.get_source(pb::GetSourceRequest { name: "a".to_owned() }).await);
    assert_eq!((missing.code, missing.reason.as_str()), (ErrorCode::NotFound, reason::SOURCE_NOT_FOUND));
}

#[tokio::test]
async fn a_pull_run_lands_and_the_catalog_shows_it() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("sales", "csv")).await;
    let empty = mesh.resolve("sales").await;
    assert_eq!(empty.dataset.expect("dataset").schema_version, 0);

    let run_id = id::new();
    let request = pb::CreateRunRequest {
        run_id: run_id.clone(),
        source: "sales".to_owned(),
        kind: pb::RunKind::Pull.into(),
        ..Default::default()
    };
    let created = mesh.runs.create_run(request).await.expect("create").into_inner();
    assert!(created.created);
    let run = mesh.claim("sales", pb::RunKind::Pull, &run_id).await.run.expect("run");
    let schema = mesh.register(&run).await;
    assert_eq!(schema.version, 1);
    let committed =
        mesh.runs.commit_run(mesh::commit(&run, &["x"; 3], false)).await.expect("commit").into_inner();
    let done = committed.run.expect("committed");
    assert_eq!((done.state(), done.snapshot), (pb::RunState::Succeeded, 1));

    let resolved = mesh.resolve("sales").await;
    assert_eq!((resolved.processed.len(), resolved.raw.len()), (1, 1));
    let request = pb::GetDatasetRequest { name: "sales".to_owned() };
    let dataset =
        mesh.metadata.get_dataset(request).await.expect("dataset").into_inner().dataset.expect("set");
    assert_eq!((dataset.rows, dataset.files, dataset.columns[0].name.as_str()), (3, 2, "id"));
    let request = pb::GetFreshnessRequest { source: "sales".to_owned() };
    let fresh =
        mesh.metadata.get_freshness(request).await.expect("fresh").into_inner().freshness.expect("set");
    assert_eq!((fresh.rows, fresh.last_state.as_str()), (3, "succeeded"));
}

#[tokio::test]
async fn events_that_landed_before_are_the_answer_to_a_commit() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let first = mesh.batch("clicks").await;
    let committed =
        mesh.runs.commit_run(mesh::commit(&first, &["a", "b"], true)).await.expect("commit").into_inner();
    assert!(committed.duplicate_event_ids.is_empty());

    let second = mesh.batch("clicks").await;
    let refused =
        mesh.runs.commit_run(mesh::commit(&second, &["b", "c"], true)).await.expect("answer").into_inner();
    assert_eq!((refused.run, refused.duplicate_event_ids), (None, vec!["b".to_owned()]));
    let snapshot =
        mesh.catalog.get_snapshot(pb::GetSnapshotRequest {}).await.expect("snapshot").into_inner().snapshot;
    assert_eq!(snapshot, 1);
    mesh.runs.commit_run(mesh::commit(&second, &["c"], true)).await.expect("without it");
    assert_eq!(mesh.resolve("clicks").await.dataset.expect("dataset").rows, 3);
}

#[tokio::test]
async fn a_worker_that_wakes_late_is_told_that_its_epoch_is_stale() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let frozen = mesh.batch("clicks").await;
    mesh.claim("clicks", pb::RunKind::Events, &frozen.run_id).await;
    let refused = fault(mesh.runs.commit_run(mesh::commit(&frozen, &["a"], true)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::Aborted, reason::STALE_EPOCH));
    assert_eq!(refused.get("state"), Some("running"));
}

#[tokio::test]
async fn what_an_attempt_has_read_is_there_for_the_next_and_for_no_stale_one() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("sales", "csv")).await;
    let first = mesh.pull("sales").await;
    for place in 0..3 {
        let checkpoint = pb::Checkpoint {
            place,
            count: 1,
            key: format!("sales/{place}"),
            sha256: "ab".to_owned(),
            ..Default::default()
        };
        let (run_id, epoch) = (first.run_id.clone(), first.epoch);
        let request = pb::SaveCheckpointRequest { run_id, epoch, checkpoint: Some(checkpoint) };
        mesh.runs.save_checkpoint(request).await.expect("save");
    }
    let claimed = mesh.claim("sales", pb::RunKind::Pull, &first.run_id).await;
    let second = claimed.run.expect("run");
    assert_eq!(claimed.checkpoints, 3);
    let mut request = pb::ListCheckpointsRequest {
        run_id: second.run_id.clone(),
        epoch: second.epoch,
        page_size: 2,
        ..Default::default()
    };
    let page = mesh.runs.list_checkpoints(request.clone()).await.expect("list").into_inner();
    request.page_token = page.next_page_token;
    let last = mesh.runs.list_checkpoints(request.clone()).await.expect("list").into_inner();
    let keys: Vec<_> = page.checkpoints.iter().chain(&last.checkpoints).map(|one| one.key.as_str()).collect();
    assert_eq!((keys, last.next_page_token.as_str()), (vec!["sales/0", "sales/1", "sales/2"], ""));

    request.epoch = first.epoch;
    assert_eq!(fault(mesh.runs.list_checkpoints(request).await).reason, reason::STALE_EPOCH);
    let request = pb::SaveCheckpointRequest {
        run_id: second.run_id.clone(),
        epoch: second.epoch,
        checkpoint: Some(pb::Checkpoint { key: "sales/x".into(), sha256: "ab".into(), ..Default::default() }),
    };
    assert_eq!(fault(mesh.runs.save_checkpoint(request).await).violations[0].path, "checkpoint.count");
}

#[tokio::test]
async fn a_file_lands_once_and_the_cursor_is_what_people_see() {
    let mut mesh = Mesh::start().await;
    let mut declared = source("folder", "csv");
    declared.set_mode(pb::Mode::Incremental);
    mesh.declare(declared).await;
    let mark = |path: &str| pb::FileMark { path: path.to_owned(), bytes: 7, version: "1".to_owned() };
    let (one, two) = (mesh.pull("folder").await, mesh.pull("folder").await);
    for run in [&one, &two] {
        mesh.register(run).await;
    }
    let mut commit = mesh::commit(&one, &["x"], false);
    (commit.cursor, commit.files_read) = (Some("2026-01-02".to_owned()), vec![mark("a.csv")]);
    mesh.runs.commit_run(commit).await.expect("commit");
    let request = pb::ListUnreadFilesRequest {
        run_id: two.run_id.clone(),
        epoch: two.epoch,
        files: vec![mark("a.csv"), mark("b.csv")],
    };
    let answer = mesh.runs.list_unread_files(request).await.expect("unread").into_inner();
    assert_eq!(answer.unread, [1]);
    let mut commit = mesh::commit(&two, &["x"], false);
    commit.files_read = vec![mark("a.csv")];
    let refused = fault(mesh.runs.commit_run(commit).await);
    assert_eq!((refused.code, refused.reason.as_str()), (ErrorCode::Aborted, reason::ALREADY_READ));
    assert!(refused.message.contains("`a.csv`"), "{}", refused.message);
    let request = pb::GetSourceRequest { name: "folder".to_owned() };
    let shown = mesh.metadata.get_source(request).await.expect("source").into_inner().source.expect("set");
    assert_eq!(shown.cursor, "2026-01-02");
}

#[tokio::test]
async fn after_a_cancel_no_commit_is_taken() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("sales", "csv")).await;
    let run = mesh.pull("sales").await;
    let request = pb::CancelRunRequest { run_id: run.run_id.clone() };
    let cancelled =
        mesh.runs.cancel_run(request.clone()).await.expect("cancel").into_inner().run.expect("run");
    assert_eq!(cancelled.state(), pb::RunState::Cancelled);
    mesh.runs.cancel_run(request).await.expect("again");
    let refused = fault(mesh.runs.commit_run(mesh::commit(&run, &["a"], false)).await);
    assert_eq!(refused.reason, reason::STALE_EPOCH);
    assert_eq!(mesh.resolve("sales").await.dataset.expect("dataset").rows, 0);

    mesh.declare(source("clicks", "webhook")).await;
    let events = mesh.batch("clicks").await;
    let refused = fault(mesh.runs.cancel_run(pb::CancelRunRequest { run_id: events.run_id }).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::FailedPrecondition, reason::JOB_NOT_CANCELLABLE)
    );
}

#[tokio::test]
async fn a_letter_comes_with_its_bytes_even_from_the_lake() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let run = mesh.batch("clicks").await;
    mesh.put_raw("clicks/dt=2026-01-01/abc.raw", b"a long body").await;
    let letter = |id: &str, raw: &[u8], raw_ref: &str| dlq::DeadLetter {
        id: id.to_owned(),
        kind: "record".to_owned(),
        raw_base64: raw.to_vec(),
        raw_ref: raw_ref.to_owned(),
        ..Default::default()
    };
    let mut request = mesh::failure(&run);
    request.letters = vec![letter("small", b"{}", ""), letter("large", b"", "clicks/dt=2026-01-01/abc.raw")];
    mesh.runs.fail_run(request).await.expect("fail");

    assert_eq!(mesh.letter("small").await.raw_base64, b"{}");
    assert_eq!(mesh.letter("large").await.raw_base64, b"a long body");
    let replay = mesh.replay("clicks", "large").await;
    assert_eq!(replay.letter.expect("letter").raw_base64, b"a long body");

    let request = pb::ListLettersRequest { page_size: 1, count: true, ..Default::default() };
    let page = mesh.letters.list_letters(request).await.expect("list").into_inner();
    assert_eq!((page.letters.len(), page.letters[0].raw_base64.len(), page.matched), (1, 0, 2));
    assert!(!page.next_page_token.is_empty());
    let request =
        pb::DiscardLetterRequest { id: "small".to_owned(), reason: "spam".to_owned(), by: "ada".to_owned() };
    let discarded =
        mesh.letters.discard_letter(request).await.expect("discard").into_inner().letter.expect("letter");
    assert_eq!((discarded.state.as_str(), discarded.discard_reason.as_str()), ("discarded", "spam"));
}

#[tokio::test]
async fn a_letter_can_be_replayed_once() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let run = mesh.batch("clicks").await;
    let mut request = mesh::failure(&run);
    request.letters =
        vec![dlq::DeadLetter { id: "l1".to_owned(), kind: "record".to_owned(), ..Default::default() }];
    mesh.runs.fail_run(request).await.expect("fail");
    let replay = mesh.replay("clicks", "l1").await.run.expect("run");
    mesh.register(&replay).await;
    mesh.runs.commit_run(mesh::commit(&replay, &["letter:l1"], true)).await.expect("commit");
    assert_eq!(mesh.letter("l1").await.replay_run_id, replay.run_id);

    let refused = fault(mesh.runs.create_run(mesh::replay_request("clicks", "l1")).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (ErrorCode::FailedPrecondition, reason::LETTER_NOT_OPEN)
    );
    assert_eq!(refused.get("replay_run_id"), Some(replay.run_id.as_str()));
}

#[tokio::test]
async fn tables_of_meta_stream_as_arrow() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    for _ in 0..3 {
        mesh.batch("clicks").await;
    }
    let batches = mesh.scan("ingestion_runs").await;
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
    let schema = batches[0].schema();
    assert_eq!(
        schema.field_with_name("started_at").expect("column").data_type().to_string(),
        "Timestamp(µs, \"UTC\")"
    );
    assert!(mesh.scan("data_files").await.is_empty(), "an empty table has a schema and no rows");

    let request = pb::ScanTableRequest { table: "runs".to_owned() };
    let missing = fault(mesh.catalog.scan_table(request).await);
    assert_eq!((missing.code, missing.reason.as_str()), (ErrorCode::NotFound, reason::DATASET_NOT_FOUND));
    assert!(missing.message.contains("meta.ingestion_runs"), "{}", missing.message);
}

#[tokio::test]
async fn files_of_a_layer_stream_whole_however_many_they_are() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let run = mesh.batch("clicks").await;
    let mut request = mesh::commit(&run, &["e1"], true);
    let file = request.files[1].clone();
    // More than a part of the scan, and more than a message holds.
    let text = "x".repeat(1000);
    request.files.extend((1..1200).map(|at| pb::DataFile {
        key: format!("{}-{at:04}", file.key),
        part: at,
        stats: vec![pb::ColumnStats { column_id: 1, min: text.clone(), ..Default::default() }],
        ..file.clone()
    }));
    let rows =
        request.files.iter().filter(|file| file.layer() == pb::Layer::Processed).map(|file| file.rows).sum();
    request.counters = Some(pb::RunCounters { read: rows, landed: rows, ..Default::default() });
    let committed = mesh.runs.commit_run(request).await.expect("commit").into_inner();
    let snapshot = committed.run.expect("it succeeded").snapshot;
    let mut scan = async |layer: pb::Layer, snapshot| {
        let request = pb::ScanFilesRequest {
            dataset: "clicks".to_owned(),
            snapshot,
            layer: layer.into(),
            ..Default::default()
        };
        let stream = mesh.catalog.scan_files(request).await.expect("scan").into_inner();
        let messages: Vec<_> = stream.try_collect().await.expect("stream");
        (messages.len(), messages.into_iter().flat_map(|message| message.data_files).collect::<Vec<_>>())
    };
    let (messages, files) = scan(pb::Layer::Processed, snapshot).await;
    let keys: std::collections::BTreeSet<_> = files.iter().map(|file| &file.key).collect();
    assert_eq!((keys.len(), files.len()), (1200, 1200));
    assert!(messages > 2, "{messages} messages");
    assert_eq!(scan(pb::Layer::Raw, snapshot).await.1.len(), 1);
    let request = pb::ScanFilesRequest {
        dataset: "clicks".to_owned(),
        snapshot,
        layer: 1,
        begun_after: snapshot,
        with_ended: true,
    };
    let unchanged = mesh.catalog.scan_files(request).await.expect("scan").into_inner();
    assert_eq!(
        unchanged.try_collect::<Vec<_>>().await.expect("stream"),
        [],
        "nothing began and nothing ended"
    );
    let request =
        pb::ScanFilesRequest { dataset: "nobody".to_owned(), snapshot, layer: 1, ..Default::default() };
    let missing = fault(mesh.catalog.scan_files(request).await);
    assert_eq!(missing.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_long_table_comes_in_small_messages_and_whole() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("clicks", "webhook")).await;
    let run = mesh.batch("clicks").await;
    let mut request = mesh::failure(&run);
    let text = "x".repeat(1000);
    request.letters = (0..5000)
        .map(|at| dlq::DeadLetter {
            id: format!("l{at}"),
            kind: "record".to_owned(),
            message: text.clone(),
            ..Default::default()
        })
        .collect();
    mesh.runs.fail_run(request).await.expect("fail");
    let messages = mesh.scan_messages("ingestion_failures").await;
    assert!(messages.len() > 5 && messages.iter().all(|message| message.len() <= 1 << 20));
    let rows: usize = mesh::decode(&messages.concat()).iter().map(|batch| batch.num_rows()).sum();
    assert_eq!(rows, 5001, "the letters and the attempt");
}

#[tokio::test]
async fn lists_page_to_their_end_and_refuse_odd_pages() {
    let mut mesh = Mesh::start().await;
    let sources: Vec<pb::Source> = ["a", "b", "c", "d", "e"].map(|name| source(name, "csv")).to_vec();
    let request = pb::ApplySourcesRequest { sources, ..Default::default() };
    let applied = mesh.metadata.apply_sources(request).await.expect("apply").into_inner().applied;
    assert!(applied.iter().all(|entry| entry.action == "created"));

    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListDatasetsRequest { page_size: 2, page_token };
        let page = mesh.metadata.list_datasets(request).await.expect("page").into_inner();
        names.extend(page.datasets.into_iter().map(|dataset| dataset.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    let request = pb::ListRunsRequest { page_size: -1, ..Default::default() };
    assert_eq!(fault(mesh.metadata.list_runs(request).await).violations[0].path, "page_size");
    let request = pb::ListRunsRequest { page_token: "junk".to_owned(), ..Default::default() };
    assert_eq!(fault(mesh.metadata.list_runs(request).await).violations[0].path, "page_token");
}

#[tokio::test]
async fn calls_that_lack_something_say_what() {
    let mut mesh = Mesh::start().await;
    mesh.declare(source("sales", "csv")).await;
    let run = |change: fn(&mut pb::CreateRunRequest)| {
        let mut request = pb::CreateRunRequest {
            run_id: id::new(),
            source: "sales".to_owned(),
            kind: pb::RunKind::Pull.into(),
            ..Default::default()
        };
        change(&mut request);
        request
    };
    let wrong = [
        ("run_id", run(|request| request.run_id = "7".to_owned())),
        ("source", run(|request| request.source.clear())),
        ("kind", run(|request| request.kind = pb::RunKind::Events.into())),
        ("letter_id", run(|request| request.kind = pb::RunKind::Replay.into())),
    ];
    for (path, request) in wrong {
        assert_eq!(fault(mesh.runs.create_run(request).await).violations[0].path, path);
    }
    let created = mesh.pull("sales").await;
    let request = pb::FailRunRequest { stage: "later".to_owned(), ..mesh::failure(&created) };
    assert_eq!(fault(mesh.runs.fail_run(request).await).violations[0].path, "stage");
    let missing = fault(mesh.metadata.get_run(pb::GetRunRequest { run_id: id::new() }).await);
    assert_eq!((missing.code, missing.reason.as_str()), (ErrorCode::NotFound, reason::RUN_NOT_FOUND));
}

#[tokio::test]
async fn old_ids_are_forgotten_at_start() {
    let folder = tempfile::tempdir().expect("folder");
    {
        let mut mesh = Mesh::start_in(folder.path(), rfe_metadata::Config::default()).await;
        mesh.declare(source("clicks", "webhook")).await;
        let run = mesh.batch("clicks").await;
        mesh.runs.commit_run(mesh::commit(&run, &["a"], true)).await.expect("commit");
        mesh.stop().await;
    }
    let config = rfe_metadata::Config { keep_ledger: std::time::Duration::ZERO, ..Default::default() };
    let mut mesh = Mesh::start_in(folder.path(), config).await;
    mesh.metric("rfe_ledger_forgotten_total 1").await;
    let run = mesh.batch("clicks").await;
    let again = mesh.runs.commit_run(mesh::commit(&run, &["a"], true)).await.expect("commit").into_inner();
    assert!(again.run.is_some());
}
