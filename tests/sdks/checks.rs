//! Each client's own tests, types and form, by the language's own tools.

use std::process::Command;

use rfe_tests::{
    cli::Answer,
    sdk::{Go, Python, TypeScript, folder, run_alone},
};

async fn passes(mut command: Command, arguments: &[&str]) -> Answer {
    command.args(arguments);
    run_alone(command).await.ok()
}

fn python() -> Command {
    let mut command = Python::default().command();
    command.current_dir(folder("python"));
    command
}

#[tokio::test]
async fn the_python_sdk_passes_its_own_tests() {
    let tested = passes(python(), &["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]).await;
    assert!(tested.stdout.contains(" passed"), "{tested:?}");
}

#[tokio::test]
async fn the_python_sdk_is_typed_and_well_formed() {
    let cache = tempfile::tempdir().expect("a folder can be made");
    let cache = cache.path().to_str().expect("a path is text");
    let _typed =
        passes(python(), &["-m", "mypy", "--strict", "--cache-dir", cache, "src/rfe", "tests", "generate"])
            .await;
    let _clean = passes(python(), &["-m", "ruff", "check", "--no-cache", "."]).await;
    let _form = passes(python(), &["-m", "ruff", "format", "--check", "--no-cache", "."]).await;
}

#[tokio::test]
async fn the_typescript_sdk_is_well_formed_and_passes_its_own_tests() {
    let sdk = TypeScript::built().await;
    let _clean = sdk.npm("lint").await.ok();
    let tested = sdk.npm("test").await.ok();
    assert!(tested.stdout.contains("pass"), "{tested:?}");
}

#[tokio::test]
async fn the_go_sdk_passes_its_own_tests() {
    let tested = passes(Go::command(), &["test", "-count=1", "./..."]).await;
    assert!(tested.stdout.contains("ok  \trfe.dev/clients/go"), "{tested:?}");
}

#[tokio::test]
async fn the_go_sdk_is_well_formed() {
    let _vetted = passes(Go::command(), &["vet", "./..."]).await;
    let mut gofmt = rfe_tests::tool::of_path("gofmt");
    gofmt.current_dir(folder("go"));
    assert_eq!(passes(gofmt, &["-l", "."]).await.stdout, "", "these files are not as gofmt has them");
}
