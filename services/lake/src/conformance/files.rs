//! Files are put and fetched, and verified both ways.

use std::path::{Path, PathBuf};

use rfe_model::id::sha256_hex;

use crate::{Bucket, Lake, LakeError};

/// More than goes into one request, and no whole number of parts.
const MANY_PARTS: usize = (20 << 20) + 17;

pub(super) async fn run(lake: &dyn Lake) {
    let folder = Folder::new();
    a_file_reads_back_as_it_was_put(lake, &folder).await;
    a_file_that_is_not_the_promised_one_is_not_put(lake, &folder).await;
    a_file_may_be_put_again(lake, &folder).await;
    what_is_fetched_is_what_was_asked_for_or_nothing(lake, &folder).await;
    files_are_put_beside_each_other(lake, &folder).await;
}

async fn a_file_reads_back_as_it_was_put(lake: &dyn Lake, folder: &Folder) {
    for (name, size) in [("empty", 0), ("small", 1000), ("one-request", 16 << 20), ("parts", MANY_PARTS)] {
        let (key, bytes) = (format!("files/{name}.parquet"), bytes(size, 1));
        let sum = sha256_hex(&bytes);
        lake.put_file(Bucket::Processed, &key, &folder.file(name, &bytes), &sum).await.expect("put");
        assert_eq!(lake.head(Bucket::Processed, &key).await.expect("head").bytes, size as u64);
        let to = folder.path(&format!("{name}-fetched"));
        let info = lake.fetch(Bucket::Processed, &key, &to, Some(&sum)).await.expect("fetch");
        assert_eq!((info.key, info.bytes), (key, size as u64));
        assert!(std::fs::read(&to).expect("the fetched file") == bytes, "{name} came back as another");
    }
}

async fn a_file_that_is_not_the_promised_one_is_not_put(lake: &dyn Lake, folder: &Folder) {
    for (name, size) in [("small-other", 1000), ("parts-other", MANY_PARTS)] {
        let key = format!("files/{name}.parquet");
        let file = folder.file(name, &bytes(size, 2));
        let put = lake.put_file(Bucket::Processed, &key, &file, &sha256_hex(b"other")).await;
        assert!(matches!(put, Err(LakeError::Mismatch { .. })), "{name}: {put:?}");
        let head = lake.head(Bucket::Processed, &key).await;
        assert!(matches!(head, Err(LakeError::NotFound { .. })), "{name}: {head:?}");
    }
}

async fn a_file_may_be_put_again(lake: &dyn Lake, folder: &Folder) {
    let bytes = bytes(MANY_PARTS, 3);
    let sum = sha256_hex(&bytes);
    for name in ["first", "second"] {
        let file = folder.file(name, &bytes);
        lake.put_file(Bucket::Raw, "files/again.parquet", &file, &sum).await.expect(name);
    }
    let to = folder.path("again");
    lake.fetch(Bucket::Raw, "files/again.parquet", &to, Some(&sum)).await.expect("fetch");
}

async fn what_is_fetched_is_what_was_asked_for_or_nothing(lake: &dyn Lake, folder: &Folder) {
    let key = "files/small.parquet";
    let to = folder.file("occupied", b"an older file that is longer than what comes".repeat(100).as_slice());
    lake.fetch(Bucket::Processed, key, &to, None).await.expect("fetch over an older file");
    assert!(std::fs::read(&to).expect("read") == bytes(1000, 1), "the older file is replaced");
    let other = lake.fetch(Bucket::Processed, key, &to, Some(&sha256_hex(b"other"))).await;
    assert!(matches!(other, Err(LakeError::Mismatch { .. })), "{other:?}");
    assert!(!to.exists(), "nothing stays of what was not asked for");
    let missing = lake.fetch(Bucket::Processed, "files/missing.parquet", &to, None).await;
    assert!(matches!(missing, Err(LakeError::NotFound { .. })), "{missing:?}");
    assert!(!to.exists(), "nothing is made of what is missing");
    let nowhere = folder.path("no-such-folder").join("file");
    let nowhere = lake.fetch(Bucket::Processed, key, &nowhere, None).await;
    assert!(matches!(nowhere, Err(LakeError::Store { .. })), "{nowhere:?}");
}

async fn files_are_put_beside_each_other(lake: &dyn Lake, folder: &Folder) {
    let puts = (0..6_u8).map(|number| async move {
        let bytes = bytes(if number < 2 { MANY_PARTS } else { 3 << 20 }, number);
        let (key, sum) = (format!("beside/{number}.parquet"), sha256_hex(&bytes));
        let file = folder.file(&format!("beside-{number}"), &bytes);
        lake.put_file(Bucket::Processed, &key, &file, &sum).await.expect("put");
        let to = folder.path(&format!("beside-{number}-fetched"));
        lake.fetch(Bucket::Processed, &key, &to, Some(&sum)).await.expect("fetch");
    });
    futures::future::join_all(puts).await;
}

// Bytes that do not repeat within a part, so that swapped parts are noticed.
fn bytes(size: usize, seed: u8) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(&mut next).take(size.div_ceil(8)).flatten().collect();
    bytes.truncate(size);
    bytes
}

/// A folder that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("rfe-lake-{}", rfe_model::id::new()));
        std::fs::create_dir_all(&folder).expect("folder");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("write");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let gone = std::fs::remove_dir_all(Path::new(&self.0));
        if let Err(error) = gone {
            eprintln!("{} stays behind: {error}", self.0.display());
        }
    }
}
