//! The processes of a platform one by one: those that play a role, by their number from 0 on. In one process all roles have the
//! same one.

use std::process::ExitStatus;

use crate::{Platform, Role, platform::Running};

impl Platform {
    /// How many processes play a role.
    ///
    /// # Panics
    /// If the platform does not run.
    pub fn replicas(&self, role: Role) -> usize {
        match self.running() {
            Running::One(_) => 1,
            Running::Mesh(services) => services.replicas(role),
        }
    }

    /// Where a process of a role answers, `host:port`.
    ///
    /// # Panics
    /// If the platform does not run.
    pub fn address_of(&self, role: Role, replica: usize) -> String {
        match self.running() {
            Running::One(process) if role == Role::Edge => process.ready.http.clone(),
            Running::One(process) => process.ready.grpc.clone(),
            Running::Mesh(services) => services.address_of(role, replica),
        }
    }

    /// Where the first process of a role answers, `host:port`.
    ///
    /// # Panics
    /// If the platform does not run.
    pub fn address(&self, role: Role) -> String {
        self.address_of(role, 0)
    }

    /// A process of a role.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid_of(&self, role: Role, replica: usize) -> u32 {
        match self.running() {
            Running::One(process) => process.ready.pid,
            Running::Mesh(services) => services.pid_of(role, replica),
        }
    }

    /// The first process of a role.
    ///
    /// # Panics
    /// If it does not run.
    pub fn pid(&self, role: Role) -> u32 {
        self.pid_of(role, 0)
    }

    /// Kills a process of a role without a word; in the mesh the others go on.
    ///
    /// # Panics
    /// If the platform does not run.
    pub fn kill_role(&mut self, role: Role, replica: usize) {
        match self.running_mut() {
            Running::One(_) => self.kill_nine(),
            Running::Mesh(services) => services.kill(role, replica),
        }
    }

    /// Starts a process of a role that has ended, as the settings now are, and waits until it is ready.
    ///
    /// # Panics
    /// If it runs already, or does not get ready in time.
    pub async fn start_role(&mut self, role: Role, replica: usize) {
        if !self.is_mesh() {
            return self.restart().await;
        }
        let (work, folder) = (self.work(), self.services_folder());
        let mut running = self.take_running();
        if let Running::Mesh(services) = &mut running {
            services.start_one(self.plan(&work, &folder), role, replica).await;
        }
        self.put_running(running);
    }

    /// Ends a process of a role as an operator does, and asserts that it drains.
    ///
    /// # Panics
    /// If its exit code is not 0.
    pub async fn stop_role(&mut self, role: Role, replica: usize) {
        if !self.is_mesh() {
            return self.stop().await;
        }
        self.signal_role(role, replica, "TERM");
        let status = self.await_crash(role, replica).await;
        assert_eq!(status.code(), Some(0), "{} after SIGTERM:\n{}", role.name(), self.log());
    }

    /// Waits for a process of a role to end by itself; the others go on.
    ///
    /// # Panics
    /// If the platform does not run, or the process does not end in time.
    pub async fn await_crash(&mut self, role: Role, replica: usize) -> ExitStatus {
        match self.running_mut() {
            Running::One(_) => self.await_end().await,
            Running::Mesh(services) => services.end(role, replica).await,
        }
    }

    /// Sends a signal to a process of a role, such as `STOP`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal_role(&self, role: Role, replica: usize, name: &str) {
        send_signal(self.pid_of(role, replica), name);
    }
}

/// Sends a signal to a process.
pub(crate) fn send_signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    let sent = sent.expect("kill runs");
    assert!(sent.success(), "kill -s {name} {pid}: {sent}");
}
