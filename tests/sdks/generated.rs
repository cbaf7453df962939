//! The generated code that is committed is what the protos give today.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use rfe_tests::{
    sdk::{folder, run_alone},
    tool,
};

/// What a client's files are, by path below its folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn collect(root: &Path, below: &Path, files: &mut Files) {
    for entry in fs::read_dir(root.join(below)).expect("a folder can be read") {
        let path = below.join(entry.expect("an entry can be read").file_name());
        if root.join(&path).is_dir() {
            collect(root, &path, files);
        } else {
            let bytes = fs::read(root.join(&path)).expect("a file can be read");
            let _before = files.insert(path, bytes);
        }
    }
}

/// Generates anew, and compares with those committed files of the client that `is_generated` names.
async fn compare(client: &str, is_generated: impl Fn(&Path) -> bool) {
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut folders = vec![tool::python().with_file_name("")];
    if client == "typescript" {
        folders.push(tool::node_modules().join(".bin"));
    }
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&inherited))).expect("a PATH");
    let mut buf = tool::command(&tool::buf());
    let template = format!("clients/{client}/buf.gen.yaml");
    buf.args(["generate", "--template", &template, "-o"]).arg(home.path());
    buf.env("PATH", path).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(folder(client).join("../.."));
    let _generated = run_alone(buf).await.ok();

    let (mut new, mut committed) = (Files::new(), Files::new());
    collect(home.path(), Path::new(""), &mut new);
    collect(&folder(client), Path::new(""), &mut committed);
    committed.retain(|path, _| is_generated(path));
    assert!(!new.is_empty(), "{client}: nothing is generated");
    let differs = |path: &&PathBuf| new.get(*path) != committed.get(*path);
    let all: BTreeSet<_> = new.keys().chain(committed.keys()).collect();
    let different: Vec<_> = all.into_iter().filter(differs).collect();
    assert!(different.is_empty(), "{client}: `make generate` writes anew: {different:?}");
}

#[tokio::test]
async fn the_python_sdk_holds_what_the_protos_generate() {
    let marks = ["_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi"];
    let named = |path: &Path| marks.iter().any(|mark| path.to_string_lossy().ends_with(mark));
    compare("python", named).await;
}

#[tokio::test]
async fn the_typescript_sdk_holds_what_the_protos_generate() {
    compare("typescript", |path| path.starts_with("src/gen")).await;
}

#[tokio::test]
async fn the_go_sdk_holds_what_the_protos_generate() {
    compare("go", |path| path.starts_with("gen")).await;
}
