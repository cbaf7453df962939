//! A command as if within a replica's container.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{MeshError, Programs, places::Folders, process::made, state::ReplicaState};

/// The command: its program is the local one, its paths and variables are the replica's, it runs in a folder of its own below
/// `folder`.
///
/// # Errors
/// If there is no word, or the folder can't be made.
pub fn command(
    programs: &Programs,
    rfe: &Path,
    replica: &ReplicaState,
    words: &[String],
    folder: &Path,
) -> Result<Command, MeshError> {
    let nothing = || MeshError::State { name: replica.name.clone(), state: "can't run nothing" };
    let (program, arguments) = words.split_first().ok_or_else(nothing)?;
    let folders = Folders::from(replica.folders.clone());
    let home = folder.join("home").join(&replica.name);
    made(&home)?;
    let mut command = Command::new(local(programs, rfe, program));
    if program == "redis-cli" {
        command.args(["-h", &replica.address.to_string()]);
    }
    command.args(arguments.iter().map(|word| folders.resolve(word)));
    command.envs(&replica.environment).env("HOME", &home).current_dir(&home);
    command.env("PGHOST", replica.address.to_string());
    if let Some(password) = replica.environment.get("POSTGRES_PASSWORD") {
        command.env("PGPASSWORD", password);
    }
    if program == "duckdb" {
        let given = programs.give_duckdb_a_home(&home);
        given.map_err(|source| MeshError::Folder { path: home.clone(), source })?;
    }
    Ok(command)
}

fn local(programs: &Programs, rfe: &Path, program: &str) -> PathBuf {
    match program {
        "rfe" => rfe.to_owned(),
        "duckdb" => programs.duckdb.clone(),
        "psql" | "pg_dump" | "pg_isready" => programs.postgres.join(program),
        "redis-cli" | "redis-benchmark" => programs.redis.join(program),
        other => other.into(),
    }
}
