//! Real servers for tests: Postgres, and two different S3 servers. Each runs on a folder and a port of its own and ends with the
//! process that started it, however that dies; its folder goes with it. A missing program fails the test: nothing is skipped.
//!
//! Everything here panics where a test can't go on, with the end of the server's log.

mod postgres;
mod s3;
mod server;

pub use postgres::{Postgres, psql};
pub use s3::{BucketNames, Minio, S3Server, Versity};
