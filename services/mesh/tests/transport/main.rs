//! Channels and listeners over real sockets.

mod deadlines;
mod drain;
mod names;
mod replicas;
mod retries;
mod shedding;
mod stub;
mod tls;
mod tls_files;
