//! The script that accepts events, called by `redis-benchmark` and nothing else.

use std::process::Stdio;

use rfe_test_servers::Redis;
use tokio::process::Command;

const PRELUDE: &str = include_str!("../../../services/queue/src/redis/lua/prelude.lua");
const ENQUEUE: &str = include_str!("../../../services/queue/src/redis/lua/enqueue_events.lua");
const CLIENTS: &str = "64";
const EVENTS: usize = 150_000;
/// What redis-benchmark puts other digits for, each time.
const RANDOM: &str = "__rand_int__";

/// Events a second that Redis takes by this script, so many calls of one event in each.
pub async fn events_a_second(redis: &Redis, calls: usize) -> f64 {
    let script = redis.cli(&["SCRIPT", "LOAD", &format!("#!lua\n{PRELUDE}\n{ENQUEUE}")]);
    let output = Command::new(redis.binary("redis-benchmark"))
        .args(["-p", &redis.port().to_string(), "-c", CLIENTS, "-n", &(EVENTS / calls).to_string()])
        .args(["-r", "1000000000000", "--csv", "EVALSHA", &script, "1", &format!("{{bench{calls}}}")])
        .args(arguments(calls))
        .stdin(Stdio::null())
        .output()
        .await
        .expect("redis-benchmark is installed with Redis");
    let said = String::from_utf8_lossy(&output.stdout);
    let line = said.lines().rev().find(|line| line.starts_with('"')).expect("a line of figures");
    let rate: f64 =
        line.split(',').nth(1).and_then(|rate| rate.trim_matches('"').parse().ok()).expect("a rate");
    rate * calls as f64
}

fn arguments(calls: usize) -> Vec<String> {
    let bound = "9007199254740992";
    let mut arguments: Vec<String> =
        [bound, bound, bound, bound, "600000000", "1000000", "1000", "1048576"].map(str::to_owned).into();
    arguments.push(calls.to_string());
    for call in 0..calls {
        let id = format!("job-{call}-{RANDOM}");
        let body = "x".repeat(1024);
        arguments.extend(["load", "", "1", &id, "1", &format!("{call}{RANDOM}"), &body].map(str::to_owned));
    }
    arguments
}
