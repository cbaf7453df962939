use std::io::Write as _;

use rfe_sources::conformance::{self, Case};
use serde_json::json;

use crate::desk::{Desk, column, gz, kind, some};

fn zst(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("encoder");
    encoder.include_checksum(true).expect("checksum");
    encoder.write_all(content).expect("compress");
    encoder.finish().expect("compress")
}

fn bz2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).expect("compress");
    encoder.finish().expect("compress")
}

type Pack = fn(&[u8]) -> Vec<u8>;

fn packs() -> [(&'static str, Pack); 3] {
    [("gzip", |content| gz(content)), ("zstd", zst), ("bzip2", bz2)]
}

fn rows() -> String {
    let rows: String = (0..20_000).map(|row| format!("{row},{}\n", row * 7919 % 1009)).collect();
    format!("a,b\n{rows}")
}

#[tokio::test]
async fn the_suite_passes_on_each_compression() {
    for (_, pack) in packs() {
        let desk = Desk::new();
        desk.write("a.data", pack(b"id,name\n1,ann\n2\n3,\"c\nd\"\n"));
        let case = Case {
            kind: kind("csv"),
            spec: desk.spec("csv", json!({"location": "a.data"})),
            context: desk.context(),
            records: 3,
            bad: 1,
            mend: |raw| [raw, b",bob"].concat(),
        };
        conformance::run(&case).await;
        desk.write("a.data", pack(b"{\"id\":1}\n{\"id\":tru\n{\"id\":3}\n"));
        let spec = desk.spec("json", json!({"location": "a.data"}));
        conformance::run(&Case { kind: kind("json"), spec, mend: |_| b"{\"id\":true}".to_vec(), ..case })
            .await;
    }
}

#[tokio::test]
async fn members_frames_and_streams_follow_each_other() {
    for (name, pack) in packs() {
        let desk = Desk::new();
        let text = rows();
        let (first, second) = text.split_at(text.len() / 2);
        desk.write("a.data", [pack(first.as_bytes()), pack(b""), pack(second.as_bytes())].concat());
        let chunks = desk.read("csv", json!({"location": "a.data"})).await.expect(name);
        assert_eq!(chunks.iter().map(|chunk| chunk.rows()).sum::<usize>(), 20_000, "{name}");
        let total = std::fs::metadata(desk.path("a.data")).expect("size").len();
        assert_eq!(chunks.iter().map(|chunk| chunk.bytes_read).sum::<u64>(), total, "{name}");
    }
}

#[tokio::test]
async fn an_archive_of_nothing_is_an_empty_file() {
    for (name, pack) in packs() {
        let desk = Desk::new();
        desk.write("a.data", pack(b""));
        assert!(desk.read("csv", json!({"location": "a.data"})).await.expect(name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_archive_that_ends_early_or_is_damaged_is_an_error_and_not_fewer_rows() {
    for (name, pack) in packs() {
        let desk = Desk::new();
        let whole = pack(rows().as_bytes());
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x55;
        let mut trailed = whole.clone();
        trailed.extend(b"rubbish behind the end");
        let cut = [whole.len() / 2, whole.len() - 1, whole.len() - 4, 20].map(|at| whole[..at].to_vec());
        for bytes in cut.into_iter().chain([flipped, trailed]) {
            desk.write("a.data", &bytes);
            let error = desk.read("csv", json!({"location": "a.data"})).await.expect_err(name);
            assert!(
                error.is_permanent() && error.code == "DAMAGED_FILE",
                "{name} of {}: {error}",
                bytes.len()
            );
            assert!(error.message.contains("a.data") && error.message.contains(name), "{error}");
        }
    }
}

#[tokio::test]
async fn archives_that_are_not_read_are_refused_with_what_to_do() {
    let desk = Desk::new();
    for (bytes, what) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz"),
        (b"PK\x03\x04\x14\0", "zip"),
        (b"7z\xbc\xaf\x27\x1c\0", "7z"),
        (b"\x04\x22\x4d\x18\x64", "lz4"),
    ] {
        for of in ["csv", "json"] {
            desk.write("a.data", bytes);
            let error = desk.read(of, json!({"location": "a.data"})).await.expect_err(what);
            assert!(error.is_permanent() && error.code == "TYPE_NOT_SUPPORTED", "{error}");
            assert!(error.message.contains(what) && error.message.contains("gzip"), "{error}");
        }
    }
}

#[tokio::test]
async fn files_that_are_no_text_are_refused_with_what_they_are() {
    let desk = Desk::new();
    let mut tar = vec![0_u8; 1024];
    tar[..5].copy_from_slice(b"a.csv");
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, what) in [(gz(tar), "tar archive"), (b"PAR1\x15\x04".to_vec(), "kind: parquet")] {
        desk.write("a.data", bytes);
        let error = desk.read("csv", json!({"location": "a.data"})).await.expect_err(what);
        assert!(error.is_permanent() && error.code == "TYPE_NOT_SUPPORTED", "{error}");
        assert!(error.message.contains(what), "{error}");
    }
}

#[tokio::test]
async fn files_of_different_compressions_are_one_dataset() {
    let desk = Desk::new();
    desk.write("1.csv", "a\n1\n");
    desk.write("2.csv.gz", gz("a\n2\n"));
    desk.write("3.csv.zst", zst(b"a\n3\n"));
    desk.write("4.csv.bz2", bz2(b"a\n4\n"));
    let chunks = desk.read("csv", json!({"location": "*.csv*"})).await.expect("read");
    assert_eq!(column(&chunks, "a"), some(&["1", "2", "3", "4"]));
}
