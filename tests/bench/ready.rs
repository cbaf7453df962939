//! From start to ready, and memory when idle.

use std::time::{Duration, Instant};

use crate::{
    memory,
    report::{Bar, figure, quantile},
};

const STARTS: usize = 7;
const IDLE: Duration = Duration::from_secs(5);

pub async fn run() {
    let mut platform = crate::platform().await;
    let mut seconds = Vec::new();
    for _ in 0..STARTS {
        platform.stop().await;
        let begun = Instant::now();
        platform.restart().await;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    figure("ready after `rfe up`, median", quantile(&seconds, 0.5), "s", Bar::AtMost(1.5));
    tokio::time::sleep(IDLE).await;
    figure("resident memory, idle", memory::resident(platform.ready().pid), "MB", Bar::AtMost(150.0));
}
