//! The transitions, each one Lua script.

use redis::Script;

const PRELUDE: &str = include_str!("lua/prelude.lua");

// What brings something in is refused once Redis' memory is full; what takes something out must go on then. It needs
// Redis 7 or newer.
const BRINGS: &str = "#!lua\n";
const GOES_ON: &str = "#!lua flags=allow-oom\n";

macro_rules! script {
    ($flags:ident, $file:literal) => {
        Script::new(&format!("{}{PRELUDE}\n{}", $flags, include_str!(concat!("lua/", $file, ".lua"))))
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
            enqueue: script!(BRINGS, "enqueue"),
            enqueue_events: script!(BRINGS, "enqueue_events"),
            lease: script!(GOES_ON, "lease"),
            heartbeat: script!(GOES_ON, "heartbeat"),
            complete: script!(GOES_ON, "complete"),
            give_back: script!(GOES_ON, "give_back"),
            abandon: script!(GOES_ON, "abandon"),
            bisect: script!(GOES_ON, "bisect"),
            cancel: script!(GOES_ON, "cancel"),
            pause: script!(GOES_ON, "pause"),
            expire_all: script!(GOES_ON, "expire_all"),
            jobs: script!(GOES_ON, "jobs"),
            stats: script!(GOES_ON, "stats"),
            prune: script!(GOES_ON, "prune"),
            repair: script!(GOES_ON, "repair"),
        }
    }
}
