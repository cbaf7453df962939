//! Real servers for tests: Postgres, Redis, and two different S3 servers. Each runs on a folder and a port of its own and ends with the
//! process that started it, however that dies; its folder goes with it. A missing program fails the test: nothing is skipped.
//!
//! Two proxies make them fail as they do in life: [`S3Faults`] and [`PostgresProxy`].
//!
//! Everything here panics where a test can't go on, with the end of the server's log.

mod faulty_body;
mod outage;
pub mod pgbench;
mod postgres;
mod postgres_proxy;
mod redis;
mod resettable;
mod s3;
mod s3_faults;
mod server;

pub use outage::Outage;
pub use postgres::{Postgres, psql};
pub use postgres_proxy::PostgresProxy;
pub use redis::{Copied, Redis};
pub use s3::{BucketNames, Minio, S3Server, Versity};
pub use s3_faults::{S3Counts, S3Faults, S3Weather};
