//! Jobs come in.

use std::sync::Arc;

use rfe_model::Fault;
use rfe_proto::{
    ingest::{Job, SubmitJobRequest},
    metadata as pb,
};
use rfe_queue::{NewJob, Queue};
use uuid::Uuid;

use crate::{job, registry::Registry, sources::Sources};

/// Where jobs come in.
#[derive(Debug)]
pub(crate) struct JobDoor {
    queue: Arc<dyn Queue>,
    sources: Arc<Sources>,
    registry: Registry,
}

impl JobDoor {
    pub(crate) fn new(queue: Arc<dyn Queue>, sources: Arc<Sources>, registry: Registry) -> Self {
        Self { queue, sources, registry }
    }

    /// Makes the run of a job and queues it; false if a job that was there is the answer.
    pub(crate) async fn submit(&self, request: SubmitJobRequest) -> Result<(Job, bool), Fault> {
        let known = self.sources.get(&request.source).await?;
        match &request.replay {
            Some(replay) if replay.letter_id.is_empty() => {
                return Err(Fault::invalid("replay.letter_id", "is missing; name the dead letter"));
            }
            Some(_) => known.is_alive()?,
            None => known.is_pulled()?,
        }
        let (run, created) = self.registry.create_run(create(request)?).await?;
        enqueue(&*self.queue, &run).await;
        Ok((job::from_run(&run), created))
    }
}

/// Queues an open run. What fails here is no loss: the run is durable, and the reconciler brings it.
async fn enqueue(queue: &dyn Queue, run: &pb::Run) {
    if !job::is_open(run.state()) {
        return;
    }
    let new = NewJob {
        id: run.run_id.clone(),
        source: run.source.clone(),
        kind: job::kind(run.kind()),
        reads_source: run.reads_source,
        trace: rfe_mesh::telemetry::trace::current_traceparent(),
    };
    if let Err(error) = queue.enqueue(new).await {
        tracing::warn!(run = %run.run_id, source = %run.source, %error, "the job waits for the reconciler to queue it");
    }
}

fn create(request: SubmitJobRequest) -> Result<pb::CreateRunRequest, Fault> {
    let run_id = match request.request_id.as_str() {
        "" => rfe_model::id::new(),
        given => Uuid::parse_str(given)
            .map_err(|_| {
                Fault::invalid("request_id", format!("`{given}` is no UUID; send one, or leave it empty"))
            })?
            .to_string(),
    };
    let kind = if request.replay.is_some() { pb::RunKind::Replay } else { pb::RunKind::Pull };
    let (letter_id, replay_raw) =
        request.replay.map(|replay| (replay.letter_id, replay.raw)).unwrap_or_default();
    Ok(pb::CreateRunRequest {
        run_id,
        source: request.source,
        kind: kind as i32,
        letter_id,
        replay_raw,
        scheduled_time: request.scheduled_time,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rfe_proto::ingest::Replay;

    #[test]
    fn the_request_id_is_the_runs_in_its_plain_form() {
        let id = "0192D3F0-0000-7000-8000-00000000000A";
        let request =
            SubmitJobRequest { source: "s".to_owned(), request_id: id.to_owned(), ..Default::default() };
        let run = create(request).expect("a UUID");
        assert_eq!((run.run_id, run.kind), (id.to_lowercase(), pb::RunKind::Pull as i32));
        let wrong = SubmitJobRequest { request_id: "today".to_owned(), ..Default::default() };
        let fault = create(wrong).expect_err("no UUID");
        assert_eq!(fault.violations[0].path, "request_id");
    }

    #[test]
    fn a_replay_carries_its_letter_and_its_bytes() {
        let replay = Some(Replay { letter_id: "l".to_owned(), raw: Some(Vec::new()) });
        let run = create(SubmitJobRequest { replay, ..Default::default() }).expect("run");
        assert_eq!((run.kind, run.letter_id.as_str()), (pb::RunKind::Replay as i32, "l"));
        assert_eq!(run.replay_raw, Some(Vec::new()), "an edit to nothing is an edit");
    }
}
