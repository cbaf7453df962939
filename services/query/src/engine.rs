//! DuckDB instances under a locked configuration, and databases of views inside them.

mod attached;
mod thread;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tempfile::TempDir;

pub use attached::{Attached, Relations, View};
pub use thread::{on_large_stack, spawn};

use crate::{
    config::Config,
    duck::{Database, DuckError},
    error::{self, QueryError},
};

/// The engine: one instance at a time, made anew after a fatal error.
pub struct Engine {
    settings: Vec<String>,
    roots: Vec<String>,
    current: Mutex<Arc<Instance>>,
    _scratch: TempDir,
}

/// One instance and the databases attached to it.
pub struct Instance {
    database: Arc<Database>,
    cache: attached::Cache,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens an engine that reads files below `roots` and no others.
    pub fn open(config: &Config, roots: &[PathBuf]) -> Result<Self, QueryError> {
        let scratch = scratch(config)
            .map_err(|error| QueryError::Internal(format!("the query scratch folder: {error}")))?;
        let settings = settings(config, roots, scratch.path());
        let instance = Instance::open(&settings).map_err(|error| QueryError::Internal(error.0))?;
        let mut shown = roots.iter().map(|root| root.display().to_string()).collect::<Vec<_>>();
        shown.push(scratch.path().display().to_string());
        Ok(Self { settings, roots: shown, current: Mutex::new(Arc::new(instance)), _scratch: scratch })
    }

    /// An instance that can reach nothing, for the gate.
    pub fn sandbox(config: &Config) -> Result<Arc<Database>, QueryError> {
        let settings =
            settings(&Config { memory_bytes: 256 << 20, threads: 1, ..config.clone() }, &[], Path::new(""));
        Instance::open(&settings)
            .map(|instance| instance.database)
            .map_err(|error| QueryError::Internal(error.0))
    }

    /// A database with these relations; shared with other statements of the same ones.
    pub fn attach(&self, relations: &Relations) -> Result<Arc<Attached>, QueryError> {
        let instance = self.instance();
        instance.cache.get(&instance.database, relations).map_err(|error| self.failed(&error))
    }

    /// What an error of the engine means; a fatal one replaces the instance.
    pub fn failed(&self, error: &DuckError) -> QueryError {
        if error::is_fatal(error) {
            self.replace();
        }
        error::from_duck(error, &self.roots)
    }

    fn instance(&self) -> Arc<Instance> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    // Running statements keep the old instance until they end.
    fn replace(&self) {
        match Instance::open(&self.settings) {
            Ok(fresh) => *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh),
            Err(error) => tracing::error!(%error, "the engine could not be opened again"),
        }
    }
}

impl Instance {
    fn open(settings: &[String]) -> Result<Self, DuckError> {
        let database = Database::open()?;
        let session = database.connect()?;
        settings.iter().try_for_each(|setting| session.execute(setting))?;
        Ok(Self { database, cache: attached::Cache::default() })
    }
}

fn scratch(config: &Config) -> std::io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("rfe-query-");
    match &config.scratch {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            builder.tempdir_in(folder)
        }
        None => builder.tempdir(),
    }
}

fn settings(config: &Config, roots: &[PathBuf], scratch: &Path) -> Vec<String> {
    let roots =
        roots.iter().map(|root| literal(&format!("{}/", root.display()))).collect::<Vec<_>>().join(", ");
    vec![
        format!("SET memory_limit = '{}B'", config.memory_bytes),
        format!("SET threads = {}", config.threads.max(1)),
        format!("SET temp_directory = {}", literal(&scratch.display().to_string())),
        format!("SET max_temp_directory_size = '{}B'", config.max_scratch_bytes),
        format!("SET GLOBAL TimeZone = {}", literal(&config.time_zone)),
        format!("SET allowed_directories = [{roots}]"),
        "SET autoinstall_known_extensions = false".to_owned(),
        "SET autoload_known_extensions = false".to_owned(),
        "SET allow_community_extensions = false".to_owned(),
        "SET enable_external_access = false".to_owned(),
        "SET lock_configuration = true".to_owned(),
    ]
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as an SQL identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
