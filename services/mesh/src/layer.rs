//! One tower layer a file.

pub mod deadline;
pub mod rpc_metrics;
