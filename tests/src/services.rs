//! A process for each role, or several: the services of `docker-compose.yml`, on the ground of one platform.

use std::{
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{ExitStatus, Stdio},
};

use rfe_test_mesh::{Compose, Ended, Mesh, MeshOptions};

use crate::{Ground, Role, Settings, cli::finish, tool};

/// The mesh has addresses of its own.
const OF_ONE_PROCESS: [&str; 2] = ["RFE_HTTP_ADDR", "RFE_GRPC_ADDR"];
/// Where what journeys call listens.
const LOOPBACK: &str = "127.0.0.1,::1";

/// The processes; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Services {
    mesh: Mesh,
}

/// What a mesh of a platform is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) ground: &'a Ground,
    pub(crate) settings: &'a Settings,
    /// Where local files may be read.
    pub(crate) work: &'a Path,
    /// Logs and volumes.
    pub(crate) folder: &'a Path,
}

// === impl Plan ===

impl Plan<'_> {
    /// What each process has on top of the compose file: the same, as they are one platform.
    fn environment(self) -> Vec<(String, String)> {
        let mut all = self.ground.environment();
        for (name, value) in [
            ("RFE_SOURCE_ROOTS", self.work.display().to_string()),
            ("RFE_ALLOW_PRIVATE_HOSTS", LOOPBACK.to_owned()),
            // No balancer stands before them.
            ("RFE_ANNOUNCE_SECONDS", "0".to_owned()),
        ] {
            all.push((name.to_owned(), value));
        }
        let settings = self.settings.environment.iter();
        all.extend(settings.filter(|(name, _)| !OF_ONE_PROCESS.contains(&name.as_str())).cloned());
        all
    }

    fn overrides(self) -> Vec<(String, String, String)> {
        let environment = self.environment();
        let of_role = |role: Role| {
            let variables = environment.iter();
            variables.map(move |(name, value)| (role.name().to_owned(), name.clone(), value.clone()))
        };
        Role::ALL.into_iter().flat_map(of_role).collect()
    }
}

// === impl Services ===

impl Services {
    /// Starts all and waits until they are ready.
    pub(crate) async fn start(plan: Plan<'_>) -> Self {
        assert!(plan.settings.flags.is_empty(), "the services have no flags: {:?}", plan.settings.flags);
        migrate(plan).await;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
        let options = MeshOptions {
            compose: Compose::read(&tool::compose_go(), &file).unwrap_or_else(|error| panic!("{error}")),
            rfe: tool::rfe(),
            folder: plan.folder.to_owned(),
            with: Role::ALL.map(|role| role.name().to_owned()).to_vec(),
            scale: plan.settings.scale.iter().map(|(role, count)| (role.name().to_owned(), *count)).collect(),
            overrides: plan.overrides(),
            programs: None,
            published: false,
        };
        let mesh = Mesh::prepare(options).unwrap_or_else(|error| panic!("{error}"));
        let mut services = Self { mesh };
        services.mesh.start().await.unwrap_or_else(|error| panic!("{error}"));
        services
    }

    pub(crate) fn replicas(&self, role: Role) -> usize {
        self.mesh.replicas().filter(|(service, _)| service == role.name()).count()
    }

    pub(crate) fn address_of(&self, role: Role, replica: usize) -> String {
        self.mesh.address_of(role.name(), replica).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn pid_of(&self, role: Role, replica: usize) -> u32 {
        let pid = self.mesh.pid(role.name(), replica);
        pid.unwrap_or_else(|| panic!("{} {replica} does not run", role.name()))
    }

    pub(crate) fn kill(&mut self, role: Role, replica: usize) {
        self.mesh.kill(role.name(), replica).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts one that has ended, as the settings now are.
    pub(crate) async fn start_one(&mut self, plan: Plan<'_>, role: Role, replica: usize) {
        self.mesh.set_overrides(plan.overrides());
        let started = self.mesh.start_one(role.name(), replica).await;
        started.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits for the end of one.
    pub(crate) async fn end(&mut self, role: Role, replica: usize) -> ExitStatus {
        let ended = self.mesh.end(role.name(), replica).await;
        ended.unwrap_or_else(|error| panic!("{error}")).status
    }

    /// Ends all as an operator does; the answer is how one did that failed, if any has.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        worst(self.mesh.stop().await.unwrap_or_else(|error| panic!("{error}")))
    }

    /// Waits for the end of all; the answer is how one did that failed, if any has.
    pub(crate) async fn await_end(&mut self) -> ExitStatus {
        let mut ended = Vec::new();
        let keys: Vec<_> = self.mesh.replicas().cloned().collect();
        for (service, number) in keys {
            ended.push(self.mesh.end(&service, number).await.unwrap_or_else(|error| panic!("{error}")));
        }
        worst(ended)
    }

    pub(crate) fn signal(&self, signal: &str) {
        for (service, number) in self.mesh.replicas() {
            self.mesh.signal(service, *number, signal).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.mesh.is_alive()
    }

    /// What all have written, in all their lives.
    pub(crate) fn log(&self) -> String {
        self.mesh.logs()
    }
}

fn worst(ended: Vec<Ended>) -> ExitStatus {
    let failed = ended.iter().find(|ended| !ended.status.success());
    if let Some(failed) = failed {
        eprintln!("{} ended with {}", failed.name, failed.status);
    }
    failed.map_or_else(|| ExitStatus::from_raw(0), |failed| failed.status)
}

/// Brings the database up to date, as the compose file's service of this name does.
async fn migrate(plan: Plan<'_>) {
    let mut command = tool::command(&tool::rfe());
    command.arg("migrate").envs(plan.environment()).current_dir(plan.work);
    command
        .env("RFE_DATA_DIR", plan.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let _applied = finish(command, String::new()).await.ok();
}
