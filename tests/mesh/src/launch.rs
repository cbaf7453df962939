//! What is run for a replica of a service.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    MeshError, MeshOptions, Programs, Service,
    cluster::Cluster,
    places::{Folders, Places},
    programs::Image,
    ready::Ready,
};

/// Variables of ours.
const OURS: &str = "RFE_";
const POSTGRES_PORT: u16 = 5432;
const REDIS_PORT: u16 = 6379;
const MINIO_PORT: u16 = 9000;

/// A program, its arguments, and when it is ready.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) port: Option<u16>,
    pub(crate) ready: Ready,
    /// The signal that its container would get.
    pub(crate) stop_signal: &'static str,
    pub(crate) cluster: Option<Cluster>,
}

/// A replica's place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) own: Ipv4Addr,
    pub(crate) places: &'a Places,
    pub(crate) folders: &'a Folders,
}

// === impl Site ===

impl Site<'_> {
    /// What a variable's value is here. Names that stand alone are services only in ours: somebody's password may be one.
    pub(crate) fn value(&self, variable: &str, value: &str) -> String {
        if variable.starts_with(OURS) {
            self.folders.resolve(&self.places.resolve(value, self.own))
        } else {
            self.argument(value)
        }
    }

    /// A word of a command: addresses and paths become ours, names that stand alone stay.
    pub(crate) fn argument(&self, word: &str) -> String {
        let placed = if word.starts_with("0.0.0.0:") || word.contains("://") {
            self.places.resolve(word, self.own)
        } else {
            word.to_owned()
        };
        self.folders.resolve(&placed)
    }
}

// === impl Launch ===

impl Launch {
    /// True if it does nothing by itself.
    pub(crate) fn idles(&self) -> bool {
        matches!(self.ready, Ready::Started)
    }

    /// Of a service.
    pub(crate) fn of(
        options: &MeshOptions,
        name: &str,
        service: &Service,
        site: Site<'_>,
    ) -> Result<Self, MeshError> {
        let unknown = || MeshError::UnknownImage { service: name.to_owned(), image: service.image.clone() };
        let words = service.command.iter().flatten();
        let arguments: Vec<String> = words.map(|word| site.argument(word)).collect();
        let image = Image::of(&service.image).ok_or_else(unknown)?;
        if image == Image::Rfe {
            return Ok(rfe(&options.rfe, name, service, arguments));
        }
        let programs = options.programs.as_ref().ok_or_else(unknown)?;
        match image {
            Image::Postgres => postgres(programs, name, service, site),
            Image::Redis => Ok(redis(programs, arguments, site)),
            Image::Minio => Ok(minio(programs, arguments, site)),
            Image::Rfe | Image::DuckDb => Ok(as_it_stands(arguments)),
        }
    }
}

fn rfe(program: &Path, name: &str, service: &Service, arguments: Vec<String>) -> Launch {
    let port = service.port(name).or_else(|| service.health_port());
    let ready = match port {
        Some(port) => Ready::Http { port, path: "/readyz" },
        None => Ready::Done,
    };
    Launch { program: program.to_owned(), arguments, port, ready, stop_signal: "TERM", cluster: None }
}

fn postgres(programs: &Programs, name: &str, service: &Service, site: Site<'_>) -> Result<Launch, MeshError> {
    // As they are: a user may be called as a service is.
    let setting = |variable: &str| service.environment.get(variable).cloned().flatten();
    let user = setting("POSTGRES_USER").unwrap_or_else(|| "postgres".to_owned());
    let no_folder = || MeshError::State { name: name.to_owned(), state: "has no volume for its data" };
    let cluster = Cluster {
        binaries: programs.postgres.clone(),
        data: site.folders.of_target("/var/lib/postgresql/data").ok_or_else(no_folder)?.to_owned(),
        database: setting("POSTGRES_DB").unwrap_or_else(|| user.clone()),
        password: setting("POSTGRES_PASSWORD").unwrap_or_default(),
        user,
    };
    let mut command = cluster.command();
    command.args(["-p", &POSTGRES_PORT.to_string(), "-c", &format!("listen_addresses={}", site.own)]);
    let (program, arguments) = parts(&command);
    let ready = Ready::Postgres { port: POSTGRES_PORT, pg_isready: programs.postgres.join("pg_isready") };
    let port = Some(POSTGRES_PORT);
    Ok(Launch { program, arguments, port, ready, stop_signal: "INT", cluster: Some(cluster) })
}

fn redis(programs: &Programs, arguments: Vec<String>, site: Site<'_>) -> Launch {
    let mut command = Command::new(programs.redis.join("redis-server"));
    command.args(arguments.iter().filter(|word| *word != "redis-server"));
    command.args(["--bind", &site.own.to_string(), "--port", &REDIS_PORT.to_string()]);
    command.args(["--dir", &site.argument("/data")]);
    let (program, arguments) = parts(&command);
    let ready = Ready::Redis { port: REDIS_PORT };
    Launch { program, arguments, port: Some(REDIS_PORT), ready, stop_signal: "TERM", cluster: None }
}

fn minio(programs: &Programs, arguments: Vec<String>, site: Site<'_>) -> Launch {
    let place = |word: String| match word.strip_prefix(':') {
        Some(port) => format!("{}:{port}", site.own),
        None => word,
    };
    let mut arguments: Vec<String> = arguments.into_iter().map(place).collect();
    arguments.extend(["--address".to_owned(), format!("{}:{MINIO_PORT}", site.own)]);
    let ready = Ready::Http { port: MINIO_PORT, path: "/minio/health/ready" };
    let (program, port) = (programs.minio.clone(), Some(MINIO_PORT));
    Launch { program, arguments, port, ready, stop_signal: "TERM", cluster: None }
}

/// A command that every machine has, such as `sleep infinity`.
fn as_it_stands(mut arguments: Vec<String>) -> Launch {
    let program = if arguments.is_empty() { "true".into() } else { arguments.remove(0).into() };
    Launch { program, arguments, port: None, ready: Ready::Started, stop_signal: "KILL", cluster: None }
}

fn parts(command: &Command) -> (PathBuf, Vec<String>) {
    let arguments = command.get_args().map(|word| word.to_string_lossy().into_owned());
    (command.get_program().into(), arguments.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_word_that_is_a_service_stays_a_word_unless_a_variable_of_ours_has_it() {
        let counts = BTreeMap::from([("metadata".to_owned(), 1), ("mock-api".to_owned(), 1)]);
        let places = Places::new(&counts, &BTreeSet::new());
        let (own, api) = (places.of("metadata")[0], places.of("mock-api")[0]);
        let folders = Folders::from(vec![("/sources".to_owned(), PathBuf::from("/m/volumes/sources"))]);
        let site = Site { own, places: &places, folders: &folders };
        assert_eq!(site.argument("metadata"), "metadata");
        assert_eq!(site.argument("0.0.0.0:8000"), format!("{own}:8000"));
        assert_eq!(site.argument("/sources"), "/m/volumes/sources");
        assert_eq!(site.value("POSTGRES_PASSWORD", "metadata"), "metadata");
        assert_eq!(site.value("RFE_ALLOW_PRIVATE_HOSTS", "mock-api"), api.to_string());
        assert_eq!(site.value("MOCK_API_URL", "http://mock-api:8000"), format!("http://{api}:8000"));
        assert_eq!(site.value("RFE_SOURCE_ROOTS", "/sources"), "/m/volumes/sources");
    }
}
