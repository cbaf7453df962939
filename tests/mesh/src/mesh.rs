//! The mesh: services as processes, one by one and all.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitStatus,
};

use crate::{
    Compose, MeshError, Programs, State,
    guard::Guard,
    launch::{Launch, Site},
    places::{Folders, Places},
    process::{Replica, made},
    state::ReplicaState,
};

/// What is started, and how it differs from the file.
#[derive(Debug, Clone)]
pub struct MeshOptions {
    /// The file.
    pub compose: Compose,
    /// The program in the place of our image.
    pub rfe: PathBuf,
    /// Logs and volumes are kept here. It must be this mesh's own.
    pub folder: PathBuf,
    /// The services that are started.
    pub with: Vec<String>,
    /// Of which services there is another number of replicas.
    pub scale: BTreeMap<String, usize>,
    /// Service, variable and value: in place of the file's, or in addition. They are taken as they are.
    pub overrides: Vec<(String, String, String)>,
    /// The programs of the other images; without them only services of ours can be started.
    pub programs: Option<Programs>,
    /// Whether what the file publishes is on 127.0.0.1.
    pub published: bool,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// `<service>-<number>`.
    pub name: String,
    /// How.
    pub status: ExitStatus,
}

/// Services as processes. They end when it is dropped.
#[derive(Debug)]
pub struct Mesh {
    options: MeshOptions,
    places: Places,
    replicas: BTreeMap<(String, usize), Replica>,
    guard: Guard,
}

// === impl Mesh ===

impl Mesh {
    /// Gives every replica its place; starts nothing.
    ///
    /// # Errors
    /// If a service is none of the file, or there is no program for its image.
    pub fn prepare(options: MeshOptions) -> Result<Self, MeshError> {
        let living = options.folder.join("living");
        made(&living)?;
        let (mut counts, mut published) = (BTreeMap::new(), BTreeSet::new());
        for name in &options.with {
            let service = options.compose.service(name)?;
            let scaled = options.scale.get(name).copied().or(service.scale);
            counts.insert(name.clone(), scaled.unwrap_or(1));
            if options.published && service.is_published() {
                published.insert(name.clone());
            }
        }
        let places = Places::new(&counts, &published);
        let mut replicas = BTreeMap::new();
        for name in &options.with {
            for (number, own) in places.of(name).iter().enumerate() {
                let made = replica(&options, &places, name, number, *own)?;
                replicas.insert((name.clone(), number), made);
            }
        }
        let guard = Guard::start(&living)?;
        Ok(Self { options, places, replicas, guard })
    }

    /// Starts whatever does not run, all at once, and waits until all of it is ready.
    ///
    /// # Errors
    /// If one ends before, or is not ready in time.
    pub async fn start(&mut self) -> Result<(), MeshError> {
        let down = |replica: &Replica| replica.pid().is_none();
        let keys: Vec<_> =
            self.replicas.iter().filter(|(_, replica)| down(replica)).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.spawn(key)?;
        }
        for key in &keys {
            self.replica(&key.0, key.1)?.ready().await?;
        }
        Ok(())
    }

    /// Starts all as `docker compose up` does: whoever is needed is ready, or has done its work, before whoever needs it starts.
    ///
    /// # Errors
    /// If one ends before, or is not ready in time.
    pub async fn up(&mut self) -> Result<(), MeshError> {
        for rank in self.ranks() {
            let of_rank = |(service, _): &&(String, usize)| rank.contains(service);
            let keys: Vec<_> = self.replicas.keys().filter(of_rank).cloned().collect();
            for key in &keys {
                self.spawn(key)?;
            }
            for (service, number) in &keys {
                self.replica(service, *number)?.ready().await?;
                if self.pid(service, *number).is_none() {
                    self.guard.ended(&format!("{service}-{number}"));
                }
            }
        }
        Ok(())
    }

    /// What is said of it to others.
    ///
    /// # Errors
    /// Never, of a mesh that was prepared.
    pub fn state(&self) -> Result<State, MeshError> {
        let mut replicas = Vec::new();
        for ((service, number), replica) in &self.replicas {
            replicas.push(ReplicaState {
                name: replica.name.clone(),
                service: service.clone(),
                number: *number,
                address: replica.own,
                port: replica.launch.port,
                pid: replica.pid(),
                log: replica.log.clone(),
                environment: self.environment_of(service, *number)?,
                folders: replica.folders.pairs().to_vec(),
            });
        }
        Ok(State { pid: std::process::id(), replicas })
    }

    /// Ends all as `docker compose stop` does: whoever needs another ends before it. The answer is how each did.
    ///
    /// # Errors
    /// If one does not end in time.
    pub async fn stop(&mut self) -> Result<Vec<Ended>, MeshError> {
        let mut ended = Vec::new();
        for rank in self.ranks().into_iter().rev() {
            let of_rank: Vec<(String, usize)> = self
                .replicas
                .iter()
                .filter(|((service, _), replica)| rank.contains(service) && replica.pid().is_some())
                .map(|(key, _)| key.clone())
                .collect();
            for (service, number) in &of_rank {
                self.replica(service, *number)?.terminate()?;
            }
            for (service, number) in &of_rank {
                let one = self.end(service, *number).await?;
                // Who only idles has no end of its own.
                if !self.known(service, *number)?.launch.idles() {
                    ended.push(one);
                }
            }
        }
        Ok(ended)
    }

    /// Starts one replica and waits until it is ready.
    ///
    /// # Errors
    /// If it runs, ends before or is not ready in time.
    pub async fn start_one(&mut self, service: &str, number: usize) -> Result<(), MeshError> {
        self.spawn(&(service.to_owned(), number))?;
        self.replica(service, number)?.ready().await
    }

    /// Ends one replica as `docker stop` does.
    ///
    /// # Errors
    /// If it does not run, or does not end in time.
    pub async fn stop_one(&mut self, service: &str, number: usize) -> Result<Ended, MeshError> {
        self.known(service, number)?.terminate()?;
        self.end(service, number).await
    }

    /// Waits for a replica to end by itself.
    ///
    /// # Errors
    /// If it does not run, or does not end in time.
    pub async fn end(&mut self, service: &str, number: usize) -> Result<Ended, MeshError> {
        let replica = self.replica(service, number)?;
        let ended = Ended { name: replica.name.clone(), status: replica.end().await? };
        self.guard.ended(&ended.name);
        Ok(ended)
    }

    /// Kills a replica without a word.
    ///
    /// # Errors
    /// If there is none of this number.
    pub fn kill(&mut self, service: &str, number: usize) -> Result<(), MeshError> {
        let replica = self.replica(service, number)?;
        replica.kill();
        let name = replica.name.clone();
        self.guard.ended(&name);
        Ok(())
    }

    /// Kills all without a word.
    pub fn kill_all(&mut self) {
        for replica in self.replicas.values_mut() {
            replica.kill();
            self.guard.ended(&replica.name);
        }
    }

    /// Sends a signal to a replica, such as `STOP`.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, service: &str, number: usize, signal: &str) -> Result<(), MeshError> {
        self.known(service, number)?.signal(signal)
    }

    /// Changes variables of all services, from their next start on. Those of before are gone.
    pub fn set_overrides(&mut self, overrides: Vec<(String, String, String)>) {
        self.options.overrides = overrides;
    }

    /// Services and numbers of the replicas.
    pub fn replicas(&self) -> impl Iterator<Item = &(String, usize)> {
        self.replicas.keys()
    }

    /// Where a replica listens, `host:port`.
    ///
    /// # Errors
    /// If there is none, or it listens nowhere.
    pub fn address_of(&self, service: &str, number: usize) -> Result<String, MeshError> {
        let replica = self.known(service, number)?;
        let port = replica
            .launch
            .port
            .ok_or_else(|| MeshError::State { name: replica.name.clone(), state: "listens nowhere" })?;
        Ok(format!("{}:{port}", replica.own))
    }

    /// The process of a replica, if it runs.
    pub fn pid(&self, service: &str, number: usize) -> Option<u32> {
        self.known(service, number).ok()?.pid()
    }

    /// True while no process has ended by itself.
    pub fn is_alive(&mut self) -> bool {
        self.replicas.values_mut().all(|replica| replica.ended().is_none())
    }

    /// What all replicas of a service have written, in all their lives.
    pub fn log(&self, service: &str) -> String {
        let of_service = self.replicas.iter().filter(|((name, _), _)| name == service);
        of_service.map(|(_, replica)| replica.log()).collect()
    }

    /// What all have written, in all their lives.
    pub fn logs(&self) -> String {
        self.replicas.values().map(|replica| format!("=== {}\n{}", replica.name, replica.log())).collect()
    }

    /// What a replica of the service has as its environment at its next start.
    ///
    /// # Errors
    /// If there is no such replica.
    pub fn environment_of(
        &self,
        service: &str,
        number: usize,
    ) -> Result<BTreeMap<String, String>, MeshError> {
        let replica = self.known(service, number)?;
        let of_file = &self.options.compose.service(service)?.environment;
        let site = Site { own: replica.own, places: &self.places, folders: &replica.folders };
        let mut environment: BTreeMap<String, String> = of_file
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), site.value(name, value.as_deref()?))))
            .collect();
        let overrides = self.options.overrides.iter().filter(|(of, ..)| of == service);
        environment.extend(overrides.map(|(_, name, value)| (name.clone(), value.clone())));
        Ok(environment)
    }

    fn spawn(&mut self, (service, number): &(String, usize)) -> Result<(), MeshError> {
        let environment = self.environment_of(service, *number)?;
        let replica = self.replica(service, *number)?;
        let (pid, name) = (replica.spawn(&environment)?, replica.name.clone());
        self.guard.lives(&name, pid)
    }

    fn replica(&mut self, service: &str, number: usize) -> Result<&mut Replica, MeshError> {
        let unknown = || MeshError::UnknownService(format!("{service}-{number}"));
        self.replicas.get_mut(&(service.to_owned(), number)).ok_or_else(unknown)
    }

    fn known(&self, service: &str, number: usize) -> Result<&Replica, MeshError> {
        let unknown = || MeshError::UnknownService(format!("{service}-{number}"));
        self.replicas.get(&(service.to_owned(), number)).ok_or_else(unknown)
    }

    /// Services by what they need: the first need none of the others.
    fn ranks(&self) -> Vec<BTreeSet<String>> {
        let mut left: BTreeSet<&String> = self.options.with.iter().collect();
        let mut ranks = Vec::new();
        while !left.is_empty() {
            let needs = |name: &str| {
                self.options.compose.services.get(name).map_or(Vec::new(), |service| {
                    service.depends_on.keys().filter(|needed| left.contains(needed)).collect()
                })
            };
            let mut rank: BTreeSet<String> =
                left.iter().filter(|name| needs(name).is_empty()).map(|name| (*name).clone()).collect();
            if rank.is_empty() {
                // A circle: compose-go refuses it, so this is no file of its.
                rank = left.iter().map(|name| (*name).clone()).collect();
            }
            left.retain(|name| !rank.contains(*name));
            ranks.push(rank);
        }
        ranks
    }
}

fn replica(
    options: &MeshOptions,
    places: &Places,
    name: &str,
    number: usize,
    own: std::net::Ipv4Addr,
) -> Result<Replica, MeshError> {
    let service = options.compose.service(name)?;
    let called = format!("{name}-{number}");
    let folders = Folders::of(service, &called, &options.folder);
    let launch = Launch::of(options, name, service, Site { own, places, folders: &folders })?;
    Ok(Replica::new(called, own, launch, folders, &options.folder))
}
