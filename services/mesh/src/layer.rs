//! One tower layer a file.

pub mod authorize;
pub mod deadline;
pub mod request_id;
pub mod rpc_metrics;
pub mod shed;
pub mod trace;
