//! The generated clients, and the few calls that most journeys make.

use rfe_proto::{
    dlq::{self, dlq_service_client::DlqServiceClient},
    ingest::{self, ingest_service_client::IngestServiceClient},
    metadata::{self, RunState, metadata_service_client::MetadataServiceClient},
    scheduler::scheduler_service_client::SchedulerServiceClient,
};
use tonic::{Code, Status, transport::Channel};

use crate::{Platform, Role, until};

impl Platform {
    /// A connection of its own to a role.
    ///
    /// # Panics
    /// If the address is none.
    pub fn channel(&self, role: Role) -> Channel {
        Channel::from_shared(self.url(role)).expect("a role has an address").connect_lazy()
    }

    /// Jobs and events.
    pub fn ingest_service(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel(Role::Ingest))
    }

    /// Sources, runs, schemas, datasets.
    pub fn metadata_service(&self) -> MetadataServiceClient<Channel> {
        MetadataServiceClient::new(self.channel(Role::Metadata))
    }

    /// Schedules.
    pub fn scheduler_service(&self) -> SchedulerServiceClient<Channel> {
        SchedulerServiceClient::new(self.channel(Role::Scheduler))
    }

    /// Dead letters.
    pub fn dlq_service(&self) -> DlqServiceClient<Channel> {
        DlqServiceClient::new(self.channel(Role::Dlq))
    }

    /// Submits a pull job; its id is the run's.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn submit(&self, source: &str) -> String {
        let request = ingest::SubmitJobRequest { source: source.to_owned(), ..Default::default() };
        let answer =
            self.ingest_service().submit_job(request).await.expect("the job is accepted").into_inner();
        answer.job.expect("a job is the answer").job_id
    }

    /// The run of this id; none if it has no row yet.
    ///
    /// # Panics
    /// If the registry answers anything else.
    pub async fn run(&self, run_id: &str) -> Option<metadata::Run> {
        let request = metadata::GetRunRequest { run_id: run_id.to_owned() };
        match self.metadata_service().get_run(request).await {
            Ok(answer) => answer.into_inner().run,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("GetRun {run_id}: {status}"),
        }
    }

    /// The run, once it has ended.
    pub async fn ended_run(&self, run_id: &str) -> metadata::Run {
        until(&format!("run {run_id} ends"), || async { self.run(run_id).await.filter(has_ended) }).await
    }

    /// Submits a pull job and waits for its end.
    pub async fn pull(&self, source: &str) -> metadata::Run {
        let run_id = self.submit(source).await;
        self.ended_run(&run_id).await
    }

    /// Submits a pull job that is expected to succeed.
    ///
    /// # Panics
    /// If it does not.
    pub async fn pulled(&self, source: &str) -> metadata::Run {
        let run = self.pull(source).await;
        assert_eq!(run.state(), RunState::Succeeded, "{}: {}", run.error_code, run.error);
        run
    }

    /// All runs of a source, newest first.
    ///
    /// # Panics
    /// If the registry does not answer.
    pub async fn runs(&self, source: &str) -> Vec<metadata::Run> {
        let request =
            metadata::ListRunsRequest { source: source.to_owned(), page_size: 1000, ..Default::default() };
        self.metadata_service().list_runs(request).await.expect("runs are listed").into_inner().runs
    }

    /// A dataset as the registry has it.
    ///
    /// # Panics
    /// If there is none of this name.
    pub async fn dataset(&self, name: &str) -> metadata::Dataset {
        let request = metadata::GetDatasetRequest { name: name.to_owned() };
        let answer = self.metadata_service().get_dataset(request).await.expect("the dataset exists");
        answer.into_inner().dataset.expect("a dataset is the answer")
    }

    /// The letters of a source, newest first, without their bytes.
    ///
    /// # Panics
    /// If they can't be listed.
    pub async fn letters(&self, source: &str) -> Vec<dlq::DeadLetter> {
        let filter = Some(dlq::DeadLetterFilter { source: source.to_owned(), ..Default::default() });
        let request = dlq::ListDeadLettersRequest { filter, page_size: 1000, ..Default::default() };
        self.dlq_service()
            .list_dead_letters(request)
            .await
            .expect("letters are listed")
            .into_inner()
            .dead_letters
    }

    /// One letter, with its bytes.
    ///
    /// # Panics
    /// If there is none of this id.
    pub async fn letter(&self, id: &str) -> dlq::DeadLetter {
        let request = dlq::GetDeadLetterRequest { id: id.to_owned(), reveal: true };
        let answer = self.dlq_service().get_dead_letter(request).await.expect("the letter exists");
        answer.into_inner().dead_letter.expect("a letter is the answer")
    }

    /// The letters of a source, without their bytes, once there are so many.
    pub async fn letters_once(&self, source: &str, number: usize) -> Vec<dlq::DeadLetter> {
        until(&format!("{number} letters of {source}"), || async {
            Some(self.letters(source).await).filter(|letters| letters.len() == number)
        })
        .await
    }

    /// The only letter of a source, with its bytes, once there is one.
    ///
    /// # Panics
    /// If there are more.
    pub async fn only_letter(&self, source: &str) -> dlq::DeadLetter {
        let letters = until(&format!("a letter of {source}"), || async {
            Some(self.letters(source).await).filter(|letters| !letters.is_empty())
        })
        .await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        self.letter(&letters[0].id).await
    }

    /// Submits events of these payloads with ids `<prefix>-<number>`.
    ///
    /// # Errors
    /// As the platform has it.
    pub async fn send_events(
        &self,
        source: &str,
        prefix: &str,
        payloads: &[String],
    ) -> Result<Vec<ingest::EventResult>, Status> {
        let event = |(number, payload): (usize, &String)| ingest::Event {
            event_id: format!("{prefix}-{number}"),
            payload: payload.clone().into_bytes(),
            ..Default::default()
        };
        let request = ingest::SubmitEventsRequest {
            source: source.to_owned(),
            events: payloads.iter().enumerate().map(event).collect(),
        };
        Ok(self.ingest_service().submit_events(request).await?.into_inner().results)
    }
}

/// True if nothing more becomes of the run.
pub fn has_ended(run: &metadata::Run) -> bool {
    matches!(run.state(), RunState::Succeeded | RunState::Failed | RunState::Cancelled)
}

/// The constant of an error's `ErrorInfo`; empty if it has none.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt as _;
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Asserts that a run's counters balance and what they are: read, landed, dead, duplicate.
///
/// # Panics
/// If they are others.
pub fn assert_counts(run: &metadata::Run, expected: [i64; 4]) {
    let counters = run.counters.unwrap_or_default();
    let actual = [counters.read, counters.landed, counters.dead, counters.duplicate];
    assert_eq!(actual, expected, "read, landed, dead, duplicate of {run:?}");
    assert_eq!(
        counters.read,
        counters.landed + counters.dead + counters.duplicate + counters.discarded,
        "{run:?}"
    );
}
