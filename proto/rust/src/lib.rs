//! Generated code of the protos, committed. `tests/bootstrap.rs` regenerates it and compares, so that nobody who builds
//! `rfe` needs a proto compiler. `RFE_REGENERATE=1 cargo test -p rfe-proto` writes it anew.

pub mod json;

/// The descriptors of all protos, for reflection and for JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.bin");

/// Everything below `rfe`.
#[allow(missing_docs, clippy::all, clippy::pedantic, rust_2018_idioms, reason = "generated code")]
pub mod rfe {
    /// Jobs and events.
    pub mod ingest {
        /// Version 1.
        pub mod v1 {
            include!("gen/rfe.ingest.v1.rs");
        }
    }
    /// Sources, runs, schemas, datasets.
    pub mod metadata {
        /// Version 1.
        pub mod v1 {
            include!("gen/rfe.metadata.v1.rs");
        }
    }
    /// Schedules.
    pub mod scheduler {
        /// Version 1.
        pub mod v1 {
            include!("gen/rfe.scheduler.v1.rs");
        }
    }
    /// What workers serve.
    pub mod worker {
        /// Version 1.
        pub mod v1 {
            include!("gen/rfe.worker.v1.rs");
        }
    }
    /// Dead letters.
    pub mod dlq {
        /// Version 1.
        pub mod v1 {
            include!("gen/rfe.dlq.v1.rs");
        }
    }
}

pub use rfe::dlq::v1 as dlq;
pub use rfe::ingest::v1 as ingest;
pub use rfe::metadata::v1 as metadata;
pub use rfe::scheduler::v1 as scheduler;
pub use rfe::worker::v1 as worker;
