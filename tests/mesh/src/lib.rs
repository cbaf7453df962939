#![doc = include_str!("../README.md")]

mod compose;
mod error;
mod guard;
mod mesh;
mod places;
mod process;
mod ready;

pub use compose::{Compose, Service};
pub use error::MeshError;
pub use mesh::{Ended, Mesh, MeshOptions};
