//! One verb a file: its arguments, its calls, its output.

pub(crate) mod apply;
pub(crate) mod datasets;
pub(crate) mod dlq;
pub(crate) mod ingest;
pub(crate) mod preview;
pub(crate) mod query;
pub(crate) mod queue;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod schema;
pub(crate) mod send;
pub(crate) mod sources;
pub(crate) mod status;
