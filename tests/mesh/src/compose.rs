//! The file, as compose-go tells it.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{MeshError, Settings};

/// The services of a compose file.
#[derive(Debug, Clone, Deserialize)]
pub struct Compose {
    /// By name.
    pub services: BTreeMap<String, Service>,
}

/// A service.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Service {
    /// What it runs.
    #[serde(default)]
    pub image: String,
    /// The program's arguments; with an entrypoint that is the program, else the image's own is.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// Its variables; those without a value are unset.
    #[serde(default)]
    pub environment: BTreeMap<String, Option<String>>,
    /// Whom it needs.
    #[serde(default)]
    pub depends_on: BTreeMap<String, serde_json::Value>,
    /// Folders that it is given.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// How many of it.
    #[serde(default)]
    pub scale: Option<usize>,
    /// Ports that others than the services may use.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// How it is asked whether it is well.
    #[serde(default)]
    pub healthcheck: Option<Healthcheck>,
}

/// A port that others than the services may use.
#[derive(Debug, Clone, Deserialize)]
pub struct Port {
    /// Where it is published; none or nothing if anywhere is fine.
    #[serde(default)]
    pub published: Option<String>,
    /// Where the service listens.
    pub target: u16,
}

/// How a service is asked whether it is well.
#[derive(Debug, Clone, Deserialize)]
pub struct Healthcheck {
    /// `CMD` and the command's words.
    #[serde(default)]
    pub test: Vec<String>,
}

/// A folder that a service is given.
#[derive(Debug, Clone, Deserialize)]
pub struct Volume {
    /// `volume` or `bind`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The volume's name or the folder's path; unnamed volumes are each replica's own.
    #[serde(default)]
    pub source: Option<String>,
    /// Where the service sees it.
    pub target: String,
}

// === impl Compose ===

impl Compose {
    /// Reads a file with compose-go, which validates it on the way; settings have their defaults.
    ///
    /// # Errors
    /// If the file is none, or compose-go can't be run.
    pub fn read(compose_go: &Path, file: &Path) -> Result<Self, MeshError> {
        Self::from_json(&printed(compose_go, file, &[], None)?)
    }

    /// As [`Compose::read`], with settings.
    ///
    /// # Errors
    /// If the file is none, or compose-go can't be run.
    pub fn read_with(compose_go: &Path, file: &Path, settings: &Settings) -> Result<Self, MeshError> {
        let raw = printed(compose_go, file, &["-no-interpolation"], None)?;
        let mut document = serde_json::from_slice(&raw)?;
        settings.put_into(&mut document);
        // With its values it is a file again, which compose-go validates and tells in long form.
        let text = serde_json::to_vec(&document)?;
        Self::from_json(&printed(compose_go, file, &["-no-interpolation"], Some(&text))?)
    }

    /// Reads compose-go's JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_json(json: &[u8]) -> Result<Self, MeshError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// A service.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn service(&self, name: &str) -> Result<&Service, MeshError> {
        self.services.get(name).ok_or_else(|| MeshError::UnknownService(name.to_owned()))
    }
}

/// What compose-go prints of a file, or of a text in its place.
fn printed(
    compose_go: &Path,
    file: &Path,
    flags: &[&str],
    text: Option<&[u8]>,
) -> Result<Vec<u8>, MeshError> {
    let whole =
        std::fs::canonicalize(file).map_err(|source| MeshError::Folder { path: file.to_owned(), source })?;
    let mut command = Command::new(compose_go);
    command.args(flags).args(["-format", "json"]);
    command.arg(if text.is_some() { Path::new("-") } else { whole.as_path() });
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Paths of the file are beside it.
    if let Some(folder) = whole.parent() {
        command.current_dir(folder);
    }
    let failed = |source| MeshError::Program { program: compose_go.to_owned(), source };
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(text), Some(mut input)) = (text, child.stdin.take()) {
        input.write_all(text).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(MeshError::File { file: file.to_owned(), reason });
    }
    Ok(output.stdout)
}

// === impl Service ===

impl Service {
    /// The port on which it listens, by its variable `RFE_<NAME>_ADDR`.
    pub fn port(&self, name: &str) -> Option<u16> {
        let variable = format!("RFE_{}_ADDR", name.to_uppercase());
        self.environment.get(&variable)?.as_deref()?.rsplit(':').next()?.parse().ok()
    }

    /// The port that its health check asks.
    pub fn health_port(&self) -> Option<u16> {
        let url = self.healthcheck.as_ref()?.test.last()?.strip_prefix("http://")?;
        url.split('/').next()?.rsplit(':').next()?.parse().ok()
    }

    /// True if one of its ports has a fixed place outside.
    pub fn is_published(&self) -> bool {
        self.ports.iter().any(|port| port.published.as_deref() == Some(port.target.to_string().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compose_go_tells_of_a_service_is_read() {
        let json = br#"{"name": "x", "services": {"worker": {"image": "rfe:local", "command": ["serve", "--roles", "worker"],
            "environment": {"RFE_WORKER_ADDR": "0.0.0.0:50056", "UNSET": null}, "depends_on": {"redis": {"condition": "service_healthy"}},
            "volumes": [{"type": "volume", "target": "/data", "volume": {}}], "networks": {"default": null}}}}"#;
        let compose = Compose::from_json(json).expect("it is JSON of compose-go");
        let worker = compose.service("worker").expect("it is there");
        assert_eq!((worker.port("worker"), worker.image.as_str()), (Some(50056), "rfe:local"));
        assert_eq!(worker.command.as_deref().expect("a command")[2], "worker");
        assert!(worker.depends_on.contains_key("redis") && worker.volumes[0].source.is_none());
        let missing = compose.service("wroker").expect_err("there is none");
        assert_eq!(missing.to_string(), "there is no service `wroker`");
    }
}
