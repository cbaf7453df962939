//! `rfe check`: whether a node of this configuration would start.

use crate::{Config, StartError, config::Keys, folder::DataFolder, node::listen, stores};

/// What a look at one part found.
#[derive(Debug)]
pub struct Finding {
    /// `door`, `data`, `registry`, `queue`, `lake`, `http` or `grpc`.
    pub part: &'static str,
    /// Where it is, or what is wrong with it.
    pub found: Result<String, StartError>,
}

/// Looks at each part of a node, whatever is wrong with the others. No work is started, and the tables of Postgres stay as they are.
/// A folder or a bucket that is missing is made, which shows that it can be.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |part, found| findings.push(Finding { part, found });
    let keys = config.door.keys().map_err(StartError::Setting);
    add("door", keys.map(|keys| door(&keys)));
    let folder = DataFolder::open(&config.data_dir);
    // What is embedded can't be looked at while the folder is another's; backends can.
    let folder = match folder {
        Ok(folder) => {
            add("data", Ok(config.data_dir.display().to_string()));
            Some(folder)
        }
        Err(error) => {
            add("data", Err(error.into()));
            None
        }
    };
    let folder = folder.as_ref();
    if let Some(place) = config.registry.shown() {
        add("registry", stores::probe_postgres(config).await.map(|()| format!("Postgres at {place}")));
    } else if let Some(folder) = folder {
        let opened = stores::registry(config, folder).await;
        add("registry", opened.map(|_| folder.join(stores::REGISTRY).display().to_string()));
    }
    if let Some(wanted) = config.queue.redis() {
        let place = format!("Redis at {}, name {}", config.queue.shown().unwrap_or_default(), wanted.name);
        add(
            "queue",
            stores::probe_redis(config, wanted).await.map(|warnings| with_warnings(place, &warnings)),
        );
    } else if let Some(folder) = folder {
        let opened = stores::embedded_queue(config, folder).await;
        add("queue", opened.map(|_| folder.join(stores::QUEUE).display().to_string()));
    }
    if let Some(s3) = config.lake.s3() {
        let buckets = &s3.buckets;
        let place = format!(
            "{}, buckets {}, {}, {}",
            config.lake.endpoint.as_deref().unwrap_or_default(),
            buckets.raw,
            buckets.processed,
            buckets.dead_letter
        );
        add("lake", stores::s3(config, s3).await.map(|_| place));
    } else if let Some(folder) = folder {
        add("lake", stores::local(folder).map(|_| folder.join(stores::LAKE).display().to_string()));
    }
    for (part, name, address) in
        [("http", "http_addr", config.http_addr), ("grpc", "grpc_addr", config.grpc_addr)]
    {
        add(part, listen(name, address).await.map(|_| address.to_string()));
    }
    findings
}

fn with_warnings(place: String, warnings: &[String]) -> String {
    warnings.iter().fold(place, |text, warning| format!("{text}; warning: {warning}"))
}

fn door(keys: &Keys) -> String {
    let tokens = if keys.tokens.is_some() { "tokens" } else { "no tokens" };
    let tls = if keys.tls.is_some() { "TLS" } else { "no TLS" };
    format!("{tokens}, {tls}")
}
