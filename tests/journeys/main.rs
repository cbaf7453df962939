//! One file a journey of a user, against the real program; all of them in one binary. They run side by side: each has its own
//! folder and addresses.

#[path = "everywhere.rs"]
mod everywhere;

// What is about one process by its nature, and so is left out of the mesh:
/// `rfe up --demo` and what it prints. The mesh's demo is the compose file's, and has its own tests.
mod demo;
/// The examples of `proto/README.md` over TLS; for the same reason as `tls`.
mod grpcurl_over_tls;
/// `rfe up` on a folder: who holds it, `ready.json`, exit codes.
mod one_folder;
/// What one process refuses to start with.
mod open_doors;
/// A Redis of its own, which dies. In the mesh a drill does the same.
mod redis_away;
/// Listeners with certificates. In the mesh each process has addresses that no certificate of a journey names.
mod tls;
/// Nodes as a library, two in the process of the test.
mod two_nodes;
