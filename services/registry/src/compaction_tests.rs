use super::*;

const LIMITS: CompactionLimits =
    CompactionLimits { files: 16, small_bytes: 100, target_bytes: 500, inputs: 20 };

fn shape(number: usize, types: &[(u32, &str)]) -> Arc<Shape> {
    Arc::new(Shape { number, types: types.iter().map(|(id, kind)| (*id, (*kind).to_owned())).collect() })
}

fn files(of: &[(i64, u64, &Arc<Shape>)]) -> Vec<Candidate> {
    let file = |(at, (snapshot, bytes, shape)): (usize, &(i64, u64, &Arc<Shape>))| Candidate {
        key: at.to_string(),
        snapshot: *snapshot,
        bytes: *bytes,
        shape: Arc::clone(shape),
    };
    of.iter().enumerate().map(file).collect()
}

/// What the first compaction reads.
fn first(files: &[Candidate], in_a_row: bool) -> Vec<usize> {
    choose(files, &LIMITS, in_a_row).into_iter().next().unwrap_or_default()
}

#[test]
fn small_files_are_taken_in_order_up_to_the_bounds() {
    let one = shape(0, &[(1, "BIGINT")]);
    let many: Vec<_> = (0..50).map(|at| (at, 1, &one)).collect();
    assert_eq!(first(&files(&many), false), (0..20).collect::<Vec<_>>(), "files");
    assert_eq!(first(&files(&many), true), (0..20).collect::<Vec<_>>(), "files in a row");
    let heavy: Vec<_> = (0..12).map(|at| (at, 60, &one)).collect();
    assert_eq!(first(&files(&heavy), false), (0..8).collect::<Vec<_>>(), "bytes");
    assert_eq!(first(&files(&heavy), true), (0..8).collect::<Vec<_>>(), "bytes in a row");
    assert_eq!(first(&files(&many[..1]), false), [] as [usize; 0], "one alone is none to compact");
}

#[test]
fn a_large_file_is_passed_by_or_ends_the_row() {
    let one = shape(0, &[]);
    let mixed: Vec<_> = (0..9).map(|at| (at, if at == 3 { 200 } else { 1 }, &one)).collect();
    assert_eq!(first(&files(&mixed), false), [0, 1, 2, 4, 5, 6, 7, 8]);
    assert_eq!(first(&files(&mixed), true), [4, 5, 6, 7, 8]);
}

#[test]
fn files_go_together_if_the_columns_that_they_share_have_one_type() {
    let number = shape(0, &[(1, "BIGINT")]);
    let wider = shape(1, &[(1, "BIGINT"), (2, "DATE")]);
    let text = shape(2, &[(1, "BIGINT"), (2, "VARCHAR")]);
    let mixed = files(&[(1, 1, &number), (2, 1, &wider), (3, 1, &text), (4, 1, &wider), (5, 1, &number)]);
    assert_eq!(first(&mixed, false), [0, 1, 3, 4]);
    assert_eq!(first(&mixed, true), [0, 1], "and two after it");
}

#[test]
fn in_a_row_no_snapshot_is_torn_apart() {
    let one = shape(0, &[]);
    // Snapshot 3 has a large file, so none of it is taken; snapshot 5 does not fit beside those before it.
    let mixed = files(&[
        (1, 90, &one),
        (2, 90, &one),
        (3, 1, &one),
        (3, 150, &one),
        (4, 90, &one),
        (4, 90, &one),
        (4, 90, &one),
        (4, 90, &one),
        (5, 90, &one),
        (5, 90, &one),
    ]);
    assert_eq!(first(&mixed, true), [4, 5, 6, 7]);
    let two = shape(1, &[(1, "DATE")]);
    let three = shape(2, &[(1, "VARCHAR")]);
    let torn = files(&[(1, 1, &two), (1, 1, &three), (2, 1, &three), (3, 1, &three)]);
    assert_eq!(first(&torn, true), [2, 3]);
}

#[test]
fn a_backlog_is_compacted_by_several_at_once() {
    let one = shape(0, &[]);
    let many = files(&(0..110).map(|at| (at, 1, &one)).collect::<Vec<_>>());
    for in_a_row in [false, true] {
        let chosen = choose(&many, &LIMITS, in_a_row);
        assert_eq!(chosen.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 20, 20]);
        assert_eq!(chosen.concat(), (0..80).collect::<Vec<_>>(), "each file once, the oldest first");
    }
    let few = files(&(0..30).map(|at| (at, 1, &one)).collect::<Vec<_>>());
    assert_eq!(choose(&few, &LIMITS, false).len(), 1, "the rest has time to grow");
}

// A file comes every second, a plan every 30 s, and compactions take 25 s.
#[test]
fn under_steady_small_batches_there_are_never_two_hundred_small_files() {
    let limits =
        CompactionLimits { files: 64, small_bytes: 32 << 20, target_bytes: 512 << 20, inputs: 2_000 };
    for bytes in [1 << 10, 1 << 20, 16 << 20] {
        for in_a_row in [false, true] {
            let (mut live, mut under_way): (Vec<Candidate>, Vec<Vec<Candidate>>) = (Vec::new(), Vec::new());
            for second in 0..3_600 {
                live.push(Candidate {
                    key: second.to_string(),
                    snapshot: second,
                    bytes,
                    shape: shape(0, &[]),
                });
                if second % 30 == 25 {
                    under_way.drain(..).for_each(|read| land(&mut live, &read));
                }
                let small = live.iter().filter(|file| file.bytes < limits.small_bytes).count();
                if second % 30 == 0 && small >= limits.files as usize {
                    let chosen = choose(&live, &limits, in_a_row).into_iter();
                    let read = |places: Vec<usize>| places.iter().map(|at| live[*at].clone()).collect();
                    under_way = chosen.map(read).collect();
                }
                assert!(small < 200, "{small} files of {bytes} bytes after {second} s, {in_a_row}");
            }
        }
    }
}

fn land(live: &mut Vec<Candidate>, read: &[Candidate]) {
    let last = read.last().expect("a compaction reads files").clone();
    live.retain(|file| !read.iter().any(|read| read.key == file.key));
    let bytes = read.iter().map(|file| file.bytes).sum();
    live.push(Candidate { key: format!("{}+", last.key), bytes, ..last });
    live.sort_by_key(|file| file.snapshot);
}
