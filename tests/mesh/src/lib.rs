#![doc = include_str!("../README.md")]

mod cluster;
mod compose;
mod error;
pub mod exec;
mod guard;
mod launch;
mod mesh;
mod places;
mod process;
mod programs;
mod ready;
mod settings;
mod state;

pub use compose::{Compose, Service};
pub use error::MeshError;
pub use mesh::{Ended, Mesh, MeshOptions};
pub use programs::Programs;
pub use settings::Settings;
pub use state::{ReplicaState, State};
