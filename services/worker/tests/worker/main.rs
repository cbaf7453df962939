//! A worker with a real queue, registry, metadata role and lake, in one process.

mod compaction;
mod drift;
mod events;
mod failures;
mod flaky;
mod frozen;
mod memory;
mod node;
mod pages;
mod pulls;
mod replays;
