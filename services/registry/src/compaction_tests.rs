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

#[test]
fn small_files_are_taken_in_order_up_to_the_bounds() {
    let one = shape(0, &[(1, "BIGINT")]);
    let many: Vec<_> = (0..50).map(|at| (at, 1, &one)).collect();
    assert_eq!(choose(&files(&many), &LIMITS, false), (0..20).collect::<Vec<_>>(), "files");
    assert_eq!(choose(&files(&many), &LIMITS, true), (0..20).collect::<Vec<_>>(), "files in a row");
    let heavy: Vec<_> = (0..12).map(|at| (at, 60, &one)).collect();
    assert_eq!(choose(&files(&heavy), &LIMITS, false), (0..8).collect::<Vec<_>>(), "bytes");
    assert_eq!(choose(&files(&heavy), &LIMITS, true), (0..8).collect::<Vec<_>>(), "bytes in a row");
    assert_eq!(choose(&files(&many[..1]), &LIMITS, false), [] as [usize; 0], "one alone is none to compact");
}

#[test]
fn a_large_file_is_passed_by_or_ends_the_row() {
    let one = shape(0, &[]);
    let mixed: Vec<_> = (0..9).map(|at| (at, if at == 3 { 200 } else { 1 }, &one)).collect();
    assert_eq!(choose(&files(&mixed), &LIMITS, false), [0, 1, 2, 4, 5, 6, 7, 8]);
    assert_eq!(choose(&files(&mixed), &LIMITS, true), [4, 5, 6, 7, 8]);
}

#[test]
fn files_go_together_if_the_columns_that_they_share_have_one_type() {
    let number = shape(0, &[(1, "BIGINT")]);
    let wider = shape(1, &[(1, "BIGINT"), (2, "DATE")]);
    let text = shape(2, &[(1, "BIGINT"), (2, "VARCHAR")]);
    let mixed = files(&[(1, 1, &number), (2, 1, &wider), (3, 1, &text), (4, 1, &wider), (5, 1, &number)]);
    assert_eq!(choose(&mixed, &LIMITS, false), [0, 1, 3, 4]);
    assert_eq!(choose(&mixed, &LIMITS, true), [0, 1], "and two after it");
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
    assert_eq!(choose(&mixed, &LIMITS, true), [4, 5, 6, 7]);
    let two = shape(1, &[(1, "DATE")]);
    let three = shape(2, &[(1, "VARCHAR")]);
    let torn = files(&[(1, 1, &two), (1, 1, &three), (2, 1, &three), (3, 1, &three)]);
    assert_eq!(choose(&torn, &LIMITS, true), [2, 3]);
}
