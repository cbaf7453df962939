//! The rules of the house, checked: who may depend on whom, how large a file may be, which names are not used.

mod documents;
mod edges;
mod error_codes;
mod files;
mod grpcurl_examples;
mod metrics;
