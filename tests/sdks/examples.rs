//! The first example of each client's README is a whole program: it runs as it stands, and once more.

use std::{fs, process::Command};

use rfe_tests::{
    Platform,
    cli::Answer,
    sdk::{Go, Python, TypeScript, example, folder, run, run_alone},
};

/// Runs it twice; the answer is the second one.
async fn twice(command: impl Fn() -> Command) -> Answer {
    let platform = Platform::start().await;
    let _first = run(command(), &platform.endpoints()).await.ok();
    let second = run(command(), &platform.endpoints()).await.ok();
    assert!(!second.stdout.trim().is_empty(), "it shows what it does: {second:?}");
    second
}

#[tokio::test]
async fn the_python_sdk_installs_from_its_wheel_and_runs_the_example_of_its_readme() {
    let python = Python::installed().await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let program = home.path().join("example.py");
    fs::write(&program, example("python", "python")).expect("a file can be written");
    let _ran = twice(|| {
        let mut command = python.command();
        command.arg(&program);
        command
    })
    .await;
}

#[tokio::test]
async fn the_typescript_sdk_installs_from_its_package_and_runs_the_example_of_its_readme() {
    let sdk = TypeScript::built().await;
    let project = sdk.packed().await;
    fs::write(project.join("example.ts"), example("typescript", "typescript"))
        .expect("a file can be written");
    let tsc = sdk.folder().join("node_modules/typescript/bin/tsc");
    let mut compile = sdk.node();
    compile.arg(tsc).args([
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--skipLibCheck",
        "--types",
        "node",
    ]);
    compile.arg("example.ts").current_dir(&project);
    let _compiled = run_alone(compile).await.ok();
    let _ran = twice(|| {
        let mut command = sdk.node();
        command.arg("example.js").current_dir(&project);
        command
    })
    .await;
}

#[tokio::test]
async fn the_go_sdk_runs_the_example_of_its_readme() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let module = folder("go").canonicalize().expect("the client has a folder");
    let requirements = fs::read_to_string(module.join("go.mod")).expect("a module has a go.mod");
    let others = requirements.replacen("module rfe.dev/clients/go", "module example", 1);
    let own =
        format!("\nrequire rfe.dev/clients/go v0.0.0\nreplace rfe.dev/clients/go => {}\n", module.display());
    fs::write(home.path().join("go.mod"), others + &own).expect("a file can be written");
    let _bytes = fs::copy(module.join("go.sum"), home.path().join("go.sum")).expect("a file can be copied");
    fs::write(home.path().join("main.go"), example("go", "go")).expect("a file can be written");
    let mut build = Go::command();
    build.current_dir(home.path()).args(["build", "-mod=mod", "-o", "program", "."]);
    let _built = run_alone(build).await.ok();
    let _ran = twice(|| rfe_tests::tool::command(&home.path().join("program"))).await;
}
