//! Addresses and folders, and what values become by them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use crate::compose::{Service, Volume};

/// Somebody would already listen here.
const PROBED_PORT: u16 = 50051;
const ANYWHERE: &str = "0.0.0.0:";

/// The loopback address of each replica of each service.
#[derive(Debug, Clone)]
pub(crate) struct Places(BTreeMap<String, Vec<Ipv4Addr>>);

// === impl Places ===

impl Places {
    /// Addresses that no other mesh has, for so many replicas of each service.
    ///
    /// Of services that are published the first replica is where people look for it, on 127.0.0.1.
    pub(crate) fn new(replicas: &BTreeMap<String, usize>, published: &BTreeSet<String>) -> Self {
        let (a, b) = free_net();
        let mut last = 0;
        let mut next = || {
            last += 1;
            Ipv4Addr::new(127, a, b, last)
        };
        let places = |(service, count): (&String, &usize)| {
            let mut own: Vec<_> = std::iter::repeat_with(&mut next).take(*count).collect();
            if let Some(first) = own.first_mut().filter(|_| published.contains(service)) {
                *first = Ipv4Addr::LOCALHOST;
            }
            (service.clone(), own)
        };
        Self(replicas.iter().map(places).collect())
    }

    /// The addresses of a service; none if it is not of the mesh.
    pub(crate) fn of(&self, service: &str) -> &[Ipv4Addr] {
        self.0.get(service).map_or(&[], Vec::as_slice)
    }

    /// What a value is for a process at this address.
    pub(crate) fn resolve(&self, value: &str, own: Ipv4Addr) -> String {
        if let Some(port) = value.strip_prefix(ANYWHERE) {
            return format!("{own}:{port}");
        }
        if let Some((before, host, after)) = split_url(value) {
            return match self.of(host) {
                [] => value.to_owned(),
                places => joined(places.iter().map(|place| format!("{before}{place}{after}"))),
            };
        }
        let place = |word: &str| match self.of(word) {
            [] => word.to_owned(),
            places => joined(places.iter().map(Ipv4Addr::to_string)),
        };
        joined(value.split(',').map(place))
    }
}

/// Local folders in the place of a replica's volumes.
#[derive(Debug, Clone)]
pub(crate) struct Folders(Vec<(String, PathBuf)>);

// === impl Folders ===

impl Folders {
    /// Those of a replica, below the mesh's folder.
    pub(crate) fn of(service: &Service, name: &str, below: &Path) -> Self {
        let folder = |volume: &Volume| {
            let path = match (volume.kind.as_str(), &volume.source) {
                ("bind", Some(path)) => PathBuf::from(path),
                (_, Some(named)) => below.join("volumes").join(named),
                (_, None) => below.join("volumes").join(format!("{name}{}", volume.target.replace('/', "-"))),
            };
            (volume.target.clone(), path)
        };
        Self(service.volumes.iter().map(folder).collect())
    }

    /// Each path of the container, and what it is here.
    pub(crate) fn pairs(&self) -> &[(String, PathBuf)] {
        &self.0
    }

    /// The folder in the place of a volume.
    pub(crate) fn of_target(&self, target: &str) -> Option<&Path> {
        self.0.iter().find(|(known, _)| known == target).map(|(_, path)| path.as_path())
    }

    /// The folders themselves.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(_, path)| path.as_path())
    }

    /// What a path of the container is here; other values stay.
    pub(crate) fn resolve(&self, value: &str) -> String {
        for (target, path) in &self.0 {
            let below = value.strip_prefix(target.as_str());
            if let Some(below) = below.filter(|below| below.is_empty() || below.starts_with('/')) {
                return format!("{}{below}", path.display());
            }
        }
        value.to_owned()
    }
}

impl From<Vec<(String, PathBuf)>> for Folders {
    fn from(pairs: Vec<(String, PathBuf)>) -> Self {
        Self(pairs)
    }
}

/// What is before the host, the host, and what is behind it.
fn split_url(value: &str) -> Option<(&str, &str, &str)> {
    let authority = value.find("://")? + 3;
    let end = value[authority..].find(['/', '?']).map_or(value.len(), |at| authority + at);
    let host = value[authority..end].rfind('@').map_or(authority, |at| authority + at + 1);
    let host_end = value[host..end].find(':').map_or(end, |at| host + at);
    Some((&value[..host], &value[host..host_end], &value[host_end..]))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

fn free_net() -> (u8, u8) {
    loop {
        // 127.0 is everybody's.
        let (a, b) = (fastrand::u8(1..255), fastrand::u8(..));
        if TcpListener::bind((Ipv4Addr::new(127, a, b, 1), PROBED_PORT)).is_ok() {
            return (a, b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let counts = BTreeMap::from([("ingest".to_owned(), 2), ("postgres".to_owned(), 1)]);
        Places::new(&counts, &BTreeSet::new())
    }

    #[test]
    fn names_become_addresses_and_a_url_becomes_that_of_each_replica() {
        let places = places();
        let [first, second] = places.of("ingest") else { panic!("two replicas") };
        let [postgres] = places.of("postgres") else { panic!("one replica") };
        for (value, expected) in [
            ("http://ingest:50051", format!("http://{first}:50051,http://{second}:50051")),
            ("postgres://user:a@b@postgres:5432/x?y=z", format!("postgres://user:a@b@{postgres}:5432/x?y=z")),
            ("http://elsewhere:1", "http://elsewhere:1".to_owned()),
            ("0.0.0.0:50051", format!("{second}:50051")),
            ("postgres,10.0.0.0/8", format!("{postgres},10.0.0.0/8")),
            ("ingestion", "ingestion".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(places.resolve(value, *second), expected, "{value}");
        }
    }

    #[test]
    fn no_two_meshes_have_an_address_in_common() {
        let (one, other) = (places(), places());
        assert!(one.of("ingest").iter().all(|place| !other.of("ingest").contains(place)));
    }

    #[test]
    fn a_volume_is_a_folder_and_an_unnamed_one_is_the_replicas_own() {
        let service = |source: Option<&str>| Service {
            volumes: vec![Volume {
                kind: "volume".to_owned(),
                source: source.map(str::to_owned),
                target: "/data".to_owned(),
            }],
            ..Service::default()
        };
        let of = |source, name| Folders::of(&service(source), name, Path::new("/m")).resolve("/data/x");
        assert_eq!(of(Some("spool"), "ingest-0"), "/m/volumes/spool/x");
        assert_ne!(of(None, "worker-0"), of(None, "worker-1"));
        assert_eq!(Folders::of(&service(None), "w", Path::new("/m")).resolve("/database"), "/database");
    }
}
