//! Every journey once more in the mesh: each role in a process of its own, as `docker-compose.yml` has it, on a database, buckets
//! and a queue of its own (`rfe_tests::Ground` tells by the name of this binary). What is left out is named in `main.rs`, with
//! the reason.

mod compose;
#[path = "everywhere.rs"]
mod everywhere;
mod first_webhooks;
mod many_processes;
mod query_replicas;
mod real_ground;
mod serve;
