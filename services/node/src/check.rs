//! `rfe check`: whether a node of this configuration would start.

use std::net::SocketAddr;

use rfe_mesh::channel::Dialled;

use crate::{
    Config, RoleName, StartError,
    config::Keys,
    folder::DataFolder,
    node::listen,
    serve,
    stores::{self, LAKE, QUEUE, REGISTRY},
};

/// What a look at one part found.
#[derive(Debug)]
pub struct Finding {
    /// `door`, `data`, `roles`, `registry`, `queue` or `lake`; of what listens `http` or `grpc`, or a role's name.
    pub part: &'static str,
    /// Where it is, or what is wrong with it.
    pub found: Result<String, StartError>,
}

/// Looks at each part of a node, whatever is wrong with the others: of one with all roles that `rfe up` starts or, if roles are named,
/// of one that `rfe serve` starts. No work is started, and the tables of Postgres stay as they are. A folder or a bucket that is
/// missing is made, which shows that it can be.
pub async fn check(config: &Config, roles: Option<&[RoleName]>) -> Vec<Finding> {
    let needs = |it: fn(RoleName) -> bool| roles.is_none_or(|roles| roles.iter().any(|role| it(*role)));
    let mut findings = Vec::new();
    let mut add = |part, found| findings.push(Finding { part, found });
    let keys = config.door.keys().map_err(StartError::Setting);
    add("door", keys.map(|keys| door(&keys)));
    if let Some(roles) = roles {
        let checked = config.check_roles(roles).map_err(|error| StartError::Setting(error.to_string()));
        let checked = checked.and_then(|()| serve::elsewhere(config, roles, Dialled::default()));
        add("roles", checked.map(|_| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")));
    }
    let (data, folder) = match DataFolder::open(&config.data_dir) {
        Ok(folder) => (Ok(config.data_dir.display().to_string()), Some(folder)),
        Err(error) => (Err(error.into()), None),
    };
    add("data", data);
    // What is embedded can't be looked at while the folder is another's; backends can. `rfe serve` embeds nothing.
    let folder = folder.as_ref().filter(|_| roles.is_none());
    if needs(RoleName::needs_registry)
        && let Some(found) = registry(config, folder).await
    {
        add("registry", found);
    }
    if needs(RoleName::needs_queue)
        && let Some(found) = queue(config, folder).await
    {
        add("queue", found);
    }
    if needs(RoleName::needs_lake)
        && let Some(found) = lake(config, folder).await
    {
        add("lake", found);
    }
    for (part, setting, address) in ports(config, roles) {
        add(part, listen(setting, address).await.map(|_| address.to_string()));
    }
    findings
}

/// What was found; `None` if there is nothing to look at.
type Found = Option<Result<String, StartError>>;

async fn registry(config: &Config, folder: Option<&DataFolder>) -> Found {
    if let Some(place) = config.registry.shown() {
        return Some(stores::probe_postgres(config).await.map(|()| format!("Postgres at {place}")));
    }
    let folder = folder?;
    let opened = stores::registry(config, folder).await;
    Some(opened.map(|_| folder.join(REGISTRY).display().to_string()))
}

async fn queue(config: &Config, folder: Option<&DataFolder>) -> Found {
    if let Some(wanted) = config.queue.redis() {
        let place = format!("Redis at {}, name {}", config.queue.shown().unwrap_or_default(), wanted.name);
        let warnings = stores::probe_redis(config, wanted).await;
        return Some(warnings.map(|warnings| with_warnings(place, &warnings)));
    }
    let folder = folder?;
    let opened = stores::embedded_queue(config, folder).await;
    Some(opened.map(|_| folder.join(QUEUE).display().to_string()))
}

async fn lake(config: &Config, folder: Option<&DataFolder>) -> Found {
    if let Some(s3) = config.lake.s3() {
        let buckets = &s3.buckets;
        let place = format!(
            "{}, buckets {}, {}, {}",
            config.lake.endpoint.as_deref().unwrap_or_default(),
            buckets.raw,
            buckets.processed,
            buckets.dead_letter
        );
        return Some(stores::s3(config, s3).await.map(|_| place));
    }
    let folder = folder?;
    Some(stores::local(folder).map(|_| folder.join(LAKE).display().to_string()))
}

/// What listens: its part, its setting, its address.
fn ports(config: &Config, roles: Option<&[RoleName]>) -> Vec<(&'static str, &'static str, SocketAddr)> {
    let Some(roles) = roles else {
        return vec![("http", "http_addr", config.http_addr), ("grpc", "grpc_addr", config.grpc_addr)];
    };
    roles
        .iter()
        .map(|role| {
            let (setting, address) = config.listens(*role);
            (role.as_str(), setting, address)
        })
        .collect()
}

fn with_warnings(place: String, warnings: &[String]) -> String {
    warnings.iter().fold(place, |text, warning| format!("{text}; warning: {warning}"))
}

fn door(keys: &Keys) -> String {
    let tokens = if keys.tokens.is_some() { "tokens" } else { "no tokens" };
    let tls = if keys.tls.is_some() { "TLS" } else { "no TLS" };
    format!("{tokens}, {tls}")
}
