//! Why a mesh can't do something.

use std::{path::PathBuf, process::ExitStatus, time::Duration};

/// Why a mesh can't do something.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// compose-go can't be run.
    #[error("{program}: {source}")]
    Program {
        /// Its path, or the service's.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no compose file.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: PathBuf,
        /// As compose-go has it.
        reason: String,
    },
    /// The JSON is not what compose-go makes.
    #[error("the services can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no service of this name.
    #[error("there is no service `{0}`")]
    UnknownService(String),
    /// There is no local program for an image.
    #[error("service `{service}`: there is no local program for the image `{image}`")]
    UnknownImage {
        /// Which service.
        service: String,
        /// Its image.
        image: String,
    },
    /// A folder or a file can't be made.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A process ended before it was ready.
    #[error("{name} ended before it was ready: {status}\n{log}")]
    Ended {
        /// The service and the replica's number.
        name: String,
        /// How.
        status: ExitStatus,
        /// The end of what it wrote.
        log: String,
    },
    /// A process was not ready in time.
    #[error("{name} was not ready within {patience:?}: {answer}\n{log}")]
    NotReady {
        /// The service and the replica's number.
        name: String,
        /// How long it was asked.
        patience: Duration,
        /// What it answered last.
        answer: String,
        /// The end of what it wrote.
        log: String,
    },
    /// A process does not end.
    #[error("{name} did not end within {patience:?}\n{log}")]
    DoesNotEnd {
        /// The service and the replica's number.
        name: String,
        /// How long it was waited for.
        patience: Duration,
        /// The end of what it wrote.
        log: String,
    },
    /// A process is not as the call wants it.
    #[error("{name} {state}")]
    State {
        /// The service and the replica's number.
        name: String,
        /// `runs already`, `does not run`.
        state: &'static str,
    },
}
