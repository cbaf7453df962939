//! A cluster of Postgres, as its image makes one in an empty volume.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::MeshError;

/// Postgres refuses to run as root; the first of these that exists runs it then.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
const MAINTENANCE: &str = "postgres";

/// A cluster, made or not.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) binaries: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

// === impl Cluster ===

impl Cluster {
    /// Makes it with its database, unless it is there.
    pub(crate) fn make(&self) -> Result<(), MeshError> {
        if self.data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let failed = |source| MeshError::Folder { path: self.data.clone(), source };
        // Whatever ended half-way is begun anew.
        let made = self.data.with_extension("new");
        let _old = fs::remove_dir_all(&made);
        fs::create_dir_all(&made).map_err(failed)?;
        let password = made.with_extension("password");
        fs::write(&password, &self.password).map_err(failed)?;
        if let Some(user) = other_user() {
            run(Command::new("chown").arg(user).arg(&made).arg(&password), None)?;
        }
        let mut initdb = unprivileged(&self.binaries.join("initdb"));
        initdb.arg("--pgdata").arg(&made).arg("--pwfile").arg(&password).args(["--username", &self.user]);
        initdb.args(["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions"]);
        run(&mut initdb, None)?;
        if self.database != MAINTENANCE {
            let create = format!("CREATE DATABASE \"{}\"\n", self.database);
            let mut single = unprivileged(&self.binaries.join("postgres"));
            single.args(["--single", "-D"]).arg(&made).arg(MAINTENANCE);
            run(&mut single, Some(&create))?;
        }
        let _password_is_set = fs::remove_file(&password);
        let _empty = fs::remove_dir(&self.data);
        fs::rename(&made, &self.data).map_err(failed)
    }

    /// The program and arguments that run it.
    pub(crate) fn command(&self) -> Command {
        let mut command = unprivileged(&self.binaries.join("postgres"));
        command.arg("-D").arg(&self.data).args(["-c", "unix_socket_directories="]);
        command
    }
}

/// The program as a user that Postgres agrees to.
fn unprivileged(program: &Path) -> Command {
    let Some(user) = other_user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
    // Where it may be.
    command.current_dir("/");
    command
}

fn other_user() -> Option<&'static str> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if id(&["-u"]).as_deref() != Some("0") {
        return None;
    }
    UNPRIVILEGED.into_iter().find(|user| id(&["-u", user]).is_some())
}

fn run(command: &mut Command, input: Option<&str>) -> Result<(), MeshError> {
    let program = PathBuf::from(command.get_program());
    let failed = |source| MeshError::Program { program: program.clone(), source };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let written = [output.stdout, output.stderr].concat();
    Err(failed(std::io::Error::other(String::from_utf8_lossy(&written).into_owned())))
}
