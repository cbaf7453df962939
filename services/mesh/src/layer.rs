//! One tower layer a file.

pub mod authorize;
pub mod deadline;
pub mod rpc_metrics;
