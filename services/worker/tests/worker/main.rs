//! A worker with a real queue, registry, metadata role and lake, in one process.

mod events;
mod failures;
mod flaky;
mod node;
mod pulls;
mod replays;
