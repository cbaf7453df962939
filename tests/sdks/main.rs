//! The clients in other languages. Each test is named after its language, so that `RFE_TEST_CLIENTS` can leave it out.

mod checks;
mod doors;
mod examples;
mod generated;
mod jdbc;
mod scenario;
