//! `rfe-mesh`: the words of `docker compose`, where there is no Docker. `make mesh` calls it.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use rfe_test_mesh::{Compose, Mesh, MeshOptions, Programs, Settings, State, exec};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str =
    "rfe-mesh up [--scale SERVICE=N]… | ps | logs [-f] SERVICE | exec SERVICE PROGRAM… | down [-v]";
/// Folders that the mesh makes in its own.
const OF_THE_MESH: [&str; 3] = ["volumes", "home", "living"];
const LOOK: Duration = Duration::from_millis(300);

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [] => up(&[]).await,
        ["up", rest @ ..] => up(rest).await,
        ["ps"] => ps(),
        ["logs", "-f", service] => logs(service, true),
        ["logs", service] => logs(service, false),
        ["exec", service, program @ ..] if !program.is_empty() => return run(service, program),
        ["down"] => down(false),
        ["down", "-v"] => down(true),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("rfe-mesh: {error}");
    ExitCode::FAILURE
}

async fn up(words: &[&str]) -> Outcome {
    let scale = scale(words)?;
    // Another number of replicas takes the place of what runs; the data stays.
    down(false)?;
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    if fs::metadata(&folder)?.uid() != user()? {
        return Err(format!("{} is somebody else's; set RFE_MESH_DIR", folder.display()).into());
    }
    let compose = Compose::read_with(&named("JOURNEY_COMPOSE_GO")?, &file(), &settings())?;
    let with = compose.services.keys().cloned().collect();
    let mut mesh = Mesh::prepare(MeshOptions {
        compose,
        rfe: named("JOURNEY_RFE")?,
        folder: folder.clone(),
        with,
        scale,
        overrides: Vec::new(),
        programs: Some(Programs::from_environment()?),
        published: true,
    })?;
    eprintln!("rfe-mesh: starting; data and logs are in {}", folder.display());
    mesh.state()?.save(&folder)?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        started = mesh.up() => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    }
    mesh.state()?.save(&folder)?;
    eprintln!("rfe-mesh: all services are ready; webhooks go to http://localhost:8080; Ctrl-C ends");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    eprintln!("rfe-mesh: stopping");
    for one in mesh.stop().await?.iter().filter(|one| !one.status.success()) {
        eprintln!("rfe-mesh: {} ended with {}", one.name, one.status);
    }
    Ok(())
}

fn scale(words: &[&str]) -> Outcome<BTreeMap<String, usize>> {
    let mut scale = BTreeMap::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            // There is no image to build.
            "--build" => {}
            "--scale" => {
                let given = words.next().and_then(|given| given.split_once('='));
                let (service, count) = given.ok_or("--scale: write it like worker=3")?;
                scale.insert(service.to_owned(), count.parse()?);
            }
            other => return Err(format!("`{other}`: {USAGE}").into()),
        }
    }
    Ok(scale)
}

fn ps() -> Outcome {
    for one in running()?.ok_or("nothing runs; `up` starts it")?.replicas {
        let pid = one.pid.map_or("-".to_owned(), |pid| pid.to_string());
        let port = one.port.map_or(String::new(), |port| format!(":{port}"));
        println!("{:<14} {pid:>8}  {}{port}", one.name, one.address);
    }
    Ok(())
}

fn logs(service: &str, follow: bool) -> Outcome {
    let state = running()?.ok_or("nothing runs; `up` starts it")?;
    let paths = state.replicas.iter().filter(|one| one.service == service).map(|one| one.log.clone());
    let mut seen: Vec<(PathBuf, u64)> = paths.map(|path| (path, 0)).collect();
    if seen.is_empty() {
        return Err(format!("there is no service `{service}`").into());
    }
    loop {
        for (path, from) in &mut seen {
            *from += show(path, *from)?;
        }
        if !follow {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
}

// What is new of a log, each line with the replica's name before it.
fn show(path: &Path, from: u64) -> Outcome<u64> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut out = std::io::stdout().lock();
    for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
        writeln!(out, "{name} | {line}")?;
    }
    Ok(whole as u64)
}

fn run(service: &str, program: &[&str]) -> ExitCode {
    match ran(service, program) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&*error),
    }
}

fn ran(service: &str, program: &[&str]) -> Outcome<u8> {
    let state = running()?.ok_or("nothing runs; `up` starts it")?;
    let replica = state.of(service, 0).ok_or_else(|| format!("there is no service `{service}`"))?;
    let words: Vec<String> = program.iter().map(|word| (*word).to_owned()).collect();
    let programs = Programs::from_environment()?;
    let mut command = exec::command(&programs, &named("JOURNEY_RFE")?, replica, &words, &folder()?)?;
    let status = command.status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

// Ends what runs; `-v` deletes its data as well.
fn down(with_data: bool) -> Outcome {
    if let Some(state) = running()? {
        let _sent = Command::new("kill").args(["-s", "TERM", &state.pid.to_string()]).status()?;
        while is_alive(state.pid) {
            std::thread::sleep(LOOK);
        }
    }
    let folder = folder()?;
    if with_data && folder.exists() {
        delete(&folder)?;
    }
    Ok(())
}

// What the mesh has made, and no more: the folder may be somebody's choice.
fn delete(folder: &Path) -> Outcome {
    for made in OF_THE_MESH {
        let path = folder.join(made);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "log") || path.ends_with("state.json") {
            fs::remove_file(path)?;
        }
    }
    let _holds_something_else = fs::remove_dir(folder);
    Ok(())
}

fn running() -> Outcome<Option<State>> {
    Ok(State::load(&folder()?).filter(|state| is_alive(state.pid)))
}

fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "rfe-mesh")
}

fn settings() -> Settings {
    Settings::of(file().parent().unwrap_or(Path::new(".")))
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml")
}

// `RFE_MESH_DIR`, or a folder of this user. Not below a home: Postgres runs as somebody else where root starts it.
fn folder() -> Outcome<PathBuf> {
    if let Some(folder) = std::env::var_os("RFE_MESH_DIR") {
        return Ok(folder.into());
    }
    Ok(format!("/var/tmp/rfe-mesh-{}", user()?).into())
}

fn user() -> Outcome<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

fn named(variable: &str) -> Outcome<PathBuf> {
    let value = std::env::var_os(variable);
    Ok(value.ok_or_else(|| format!("{variable} is not set; `make mesh` sets it"))?.into())
}
