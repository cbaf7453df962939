//! References to secrets, resolved against this process's environment and files.

use rfe_model::secret::SecretStore;

/// The process's own environment and file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessSecrets;

impl SecretStore for ProcessSecrets {
    fn env(&self, name: &str) -> Result<String, String> {
        std::env::var(name).map_err(|_| format!("the environment variable `{name}` is not set"))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("the secret file `{path}`: {error}"))?;
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}
