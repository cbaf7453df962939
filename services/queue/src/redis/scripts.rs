//! The transitions, each one Lua script.

use redis::Script;

const PRELUDE: &str = include_str!("lua/prelude.lua");

macro_rules! script {
    ($file:literal) => {
        Script::new(&format!("{PRELUDE}\n{}", include_str!(concat!("lua/", $file, ".lua"))))
    };
}

/// The scripts. Redis knows them by their hashes; where it has forgotten them they are sent again.
#[derive(Debug)]
pub struct Scripts {
    /// A job comes in.
    pub enqueue: Script,
    /// Events come in.
    pub enqueue_events: Script,
    /// Work is leased.
    pub lease: Script,
    /// A lease is made to last.
    pub heartbeat: Script,
    /// Work is done.
    pub complete: Script,
    /// Work goes back.
    pub give_back: Script,
    /// A lease that nobody received goes back.
    pub abandon: Script,
    /// A batch is split.
    pub bisect: Script,
    /// A job is cancelled.
    pub cancel: Script,
    /// A source is paused or resumed.
    pub pause: Script,
    /// Every lease expires.
    pub expire_all: Script,
    /// What is known of jobs.
    pub jobs: Script,
    /// Counts by source.
    pub stats: Script,
    /// What left is forgotten.
    pub prune: Script,
    /// Indexes and counts are made to agree with the jobs.
    pub repair: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            enqueue: script!("enqueue"),
            enqueue_events: script!("enqueue_events"),
            lease: script!("lease"),
            heartbeat: script!("heartbeat"),
            complete: script!("complete"),
            give_back: script!("give_back"),
            abandon: script!("abandon"),
            bisect: script!("bisect"),
            cancel: script!("cancel"),
            pause: script!("pause"),
            expire_all: script!("expire_all"),
            jobs: script!("jobs"),
            stats: script!("stats"),
            prune: script!("prune"),
            repair: script!("repair"),
        }
    }
}
