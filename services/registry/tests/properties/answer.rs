//! Answers without what is each registry's own: times, and ids made inside.

use rfe_proto::metadata as pb;
use rfe_registry::RegistryError;

/// What a call brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing to say.
    Done,
    /// A run as it is now.
    Run { state: pb::RunState, epoch: u64, snapshot: u64 },
    /// A claim, and whether the run is ours.
    Claimed { epoch: u64, claimed: bool },
    /// How many.
    Count(u64),
    /// Several answers.
    All(Vec<Answer>),
    /// A refusal, by its kind and what it names.
    Refused(String),
}

impl Answer {
    /// That of a run.
    pub fn of_run(run: &pb::Run) -> Self {
        Self::Run { state: run.state(), epoch: run.epoch, snapshot: run.snapshot }
    }
}

impl From<RegistryError> for Answer {
    fn from(error: RegistryError) -> Self {
        if let RegistryError::DuplicateEvents(mut ids) = error {
            ids.sort_unstable();
            return Self::Refused(format!("DuplicateEvents {ids:?}"));
        }
        let text = format!("{error:?}");
        let name = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        // One that depends on the day is no answer.
        assert!(!matches!(name, "Store" | "Corrupt" | "Unprepared"), "{text}");
        Self::Refused(name.to_owned())
    }
}

impl<T: Into<Answer>> From<Result<T, RegistryError>> for Answer {
    fn from(result: Result<T, RegistryError>) -> Self {
        match result {
            Ok(value) => value.into(),
            Err(error) => error.into(),
        }
    }
}

impl From<pb::Run> for Answer {
    fn from(run: pb::Run) -> Self {
        Self::of_run(&run)
    }
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Done
    }
}

impl From<u64> for Answer {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}
