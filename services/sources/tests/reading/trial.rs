//! Properties that hold for any input: a folder and a runtime that all cases share.

use std::net::SocketAddr;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseResult, TestRunner},
};
use rfe_model::SourceSpec;
use rfe_sources::{Chunk, ReadContext, ReadError};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::desk::{self, Desk};

/// Checks that a property holds for so many inputs, or for `PROPTEST_CASES` if that is set.
///
/// # Panics
/// With the smallest input found for which it does not.
pub fn holds<S: Strategy>(cases: u32, inputs: &S, property: impl Fn(S::Value) -> TestCaseResult) {
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if let Err(failure) = TestRunner::new(config).run(inputs, property) {
        panic!("{failure}");
    }
}

/// Where files are written and read.
pub struct Trial {
    pub desk: Desk,
    runtime: Runtime,
}

impl Trial {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { desk: Desk::new(), runtime: runtime.expect("runtime") }
    }

    /// Serves until the trial ends.
    pub fn serve(&self, router: axum::Router) -> SocketAddr {
        let listener = self.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("bind");
        let address = listener.local_addr().expect("address");
        self.runtime.spawn(async move { axum::serve(listener, router).await.expect("serve") });
        address
    }

    /// Reads a source whole.
    pub fn read(&self, kind: &str, config: Json, chunk_bytes: usize) -> Result<Vec<Chunk>, ReadError> {
        self.read_spec(&self.desk.spec(kind, config), chunk_bytes)
    }

    /// Reads a source whole.
    pub fn read_spec(&self, spec: &SourceSpec, chunk_bytes: usize) -> Result<Vec<Chunk>, ReadError> {
        let context = ReadContext { chunk_bytes, ..self.desk.context() };
        self.runtime.block_on(desk::read(spec, &context))
    }
}
