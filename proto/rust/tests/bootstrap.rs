//! The committed code is what the protos say.

use std::{fs, path::Path};

use prost::Message as _;

const PROTOS: [&str; 14] = [
    "rfe/dlq/v1/dead_letter.proto",
    "rfe/dlq/v1/dlq_service.proto",
    "rfe/ingest/v1/event.proto",
    "rfe/ingest/v1/ingest_service.proto",
    "rfe/ingest/v1/job.proto",
    "rfe/metadata/v1/catalog_service.proto",
    "rfe/metadata/v1/dataset.proto",
    "rfe/metadata/v1/letter_service.proto",
    "rfe/metadata/v1/memory.proto",
    "rfe/metadata/v1/metadata_service.proto",
    "rfe/metadata/v1/run.proto",
    "rfe/metadata/v1/run_service.proto",
    "rfe/metadata/v1/source.proto",
    "rfe/scheduler/v1/scheduler_service.proto",
];

fn generate(out: &Path) {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let set = protox::compile(PROTOS, [&protos]).expect("the protos compile");
    fs::write(out.join("descriptors.bin"), set.encode_to_vec()).expect("write descriptors");
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .out_dir(out)
        .compile_fds_with_config(set, config)
        .expect("code generation");
}

#[test]
fn generated_code_is_what_the_protos_say() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen");
    if std::env::var_os("RFE_REGENERATE").is_some() {
        generate(&committed);
    }
    let fresh = tempfile::tempdir().expect("temporary folder");
    generate(fresh.path());
    for entry in fs::read_dir(fresh.path()).expect("list generated files") {
        let name = entry.expect("entry").file_name();
        if name.to_string_lossy().starts_with("google.") {
            continue;
        }
        let expected = fs::read(fresh.path().join(&name)).expect("generated file");
        let found = fs::read(committed.join(&name)).unwrap_or_default();
        assert!(
            expected == found,
            "{} is not what the protos say: run `RFE_REGENERATE=1 cargo test -p rfe-proto`",
            committed.join(&name).display()
        );
    }
}
