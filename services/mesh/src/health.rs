//! Health that tells the truth: what a process needs is asked for again and again, and the pages say what was found.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use futures::future::join_all;

use crate::{Shutdown, pages::Readiness};

/// How often everything is asked, once it was well.
const EVERY: Duration = Duration::from_secs(2);
/// How often while something is not: who comes back is used soon.
const SOON: Duration = Duration::from_millis(200);
/// Whoever takes longer is down.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// How something that the process needs is asked for.
pub struct Probe {
    name: &'static str,
    required: bool,
    ask: Box<dyn Fn() -> Answer + Send + Sync>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("name", &self.name)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

impl Probe {
    /// Asks for what has this name; the process is not ready without it if it is required.
    pub fn new<F>(name: &'static str, required: bool, ask: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, required, ask: Box::new(move || Box::pin(ask())) }
    }

    async fn answer(&self) -> Result<(), String> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, (self.ask)()).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_WITHIN.as_secs())))
    }
}

/// Asks for all once, and reports; true if all is well.
pub async fn ask(probes: &[Probe], readiness: &Readiness) -> bool {
    let answers = join_all(probes.iter().map(Probe::answer)).await;
    let mut all_well = true;
    for (probe, found) in probes.iter().zip(answers) {
        all_well &= found.is_ok();
        let reason = found.clone().err();
        if readiness.report(probe.name, probe.required, found) {
            match reason {
                None => tracing::info!(what = probe.name, "answers"),
                Some(reason) => tracing::warn!(what = probe.name, reason, "does not answer"),
            }
        }
    }
    all_well
}

/// Asks until shutdown begins, and reports; `changed` is told the verdict over all, at first and when it is another.
pub async fn watch<F>(
    probes: Vec<Probe>,
    readiness: Readiness,
    shutdown: Shutdown,
    mut changed: impl FnMut(bool) -> F,
) where
    F: Future<Output = ()>,
{
    let mut told = None;
    loop {
        let all_well = ask(&probes, &readiness).await;
        let verdict = readiness.is_ready();
        if told != Some(verdict) {
            changed(verdict).await;
            told = Some(verdict);
        }
        if !shutdown.sleep(if all_well { EVERY } else { SOON }).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn what_goes_down_and_comes_back_is_told_while_it_is_so() {
        let up = Arc::new(AtomicBool::new(true));
        let asked = up.clone();
        let probe = Probe::new("redis", true, move || {
            let is_up = asked.load(Ordering::Acquire);
            async move { if is_up { Ok(()) } else { Err("refused".to_owned()) } }
        });
        let (readiness, shutdown) = (Readiness::default(), Shutdown::new());
        readiness.set(true);
        let (tell, mut told) = tokio::sync::watch::channel(false);
        let watching = tokio::spawn(watch(vec![probe], readiness.clone(), shutdown.clone(), move |ready| {
            tell.send_replace(ready);
            async {}
        }));
        told.wait_for(|ready| *ready).await.expect("it is ready");
        up.store(false, Ordering::Release);
        told.wait_for(|ready| !*ready).await.expect("it is not ready");
        assert!(readiness.text().contains("down redis: refused"), "{}", readiness.text());
        up.store(true, Ordering::Release);
        told.wait_for(|ready| *ready).await.expect("it is ready again");
        shutdown.begin();
        watching.await.expect("it ends with the shutdown");
    }
}
