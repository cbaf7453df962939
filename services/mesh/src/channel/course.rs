//! One call's way from replica to replica.

use std::time::{Duration, Instant};

use http::Response;
use rfe_model::fault::reason;
use tonic::{Code, Status};

use super::{
    replicas::{Replica, Replicas},
    unreachable,
};
use crate::{
    fault_from_status,
    retry::{self, Budget, MAX_TRIES},
};

// How long a call waits for a replica while none is there: the restart of a role that has only one.
const PATIENCE: Duration = Duration::from_secs(5);
// A new channel is given the time to connect at all.
const AT_LEAST: Duration = Duration::from_secs(1);
// Who asks whether a role is well wants the answer now.
const HEALTH: &str = "/grpc.health.v1.";

/// Why a replica did not do a call.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It takes none, so it surely did not begin.
    Absent(Status),
    /// It has too many, so it surely did not begin.
    Busy(Status),
    /// It may have been done.
    Unknown(Status),
}

impl Refusal {
    /// What an answer says, if it says that nothing could be done now.
    pub(super) fn of<B>(response: &Response<B>) -> Option<Self> {
        let Some(status) = Status::from_header_map(response.headers()) else {
            // What stands between may say it by HTTP.
            let code = response.status();
            let status = || unreachable(&format!("the answer is HTTP {code}"));
            return matches!(code.as_u16(), 502..=504).then(|| Self::Unknown(status()));
        };
        match status.code() {
            Code::Unavailable if retry::was_begun(&fault_from_status(&status)) => Some(Self::Unknown(status)),
            Code::Unavailable => Some(Self::Absent(status)),
            Code::ResourceExhausted if fault_from_status(&status).reason == reason::OVERLOADED => {
                Some(Self::Busy(status))
            }
            _ => None,
        }
    }

    /// A replica whose connection ends, or that refuses a stream.
    pub(super) fn absent(replica: &Replica) -> Self {
        Self::Absent(unreachable(&format!("{} at {} takes no calls", replica.target, replica.address)))
    }
}

/// What a call has met so far, and what it may still do.
#[derive(Debug)]
pub(super) struct Course<'a> {
    replicas: &'a Replicas,
    budget: &'a Budget,
    begun: Instant,
    kept: bool,
    idempotent: bool,
    patience: Duration,
    tries: u32,
    refusals: u32,
    avoid: Vec<u64>,
    last: Option<Status>,
}

impl<'a> Course<'a> {
    /// A call to a path, `kept` if its request can be sent again.
    pub(super) fn new(replicas: &'a Replicas, budget: &'a Budget, path: &str, kept: bool) -> Self {
        budget.earn();
        Self {
            replicas,
            budget,
            begun: Instant::now(),
            kept,
            idempotent: retry::is_idempotent(path),
            patience: if path.starts_with(HEALTH) { Duration::ZERO } else { PATIENCE },
            tries: 1,
            refusals: 0,
            avoid: Vec::new(),
            last: None,
        }
    }

    /// Picks a replica, rather none that refused.
    pub(super) async fn pick(&self) -> Result<Replica, Status> {
        let until = Instant::now() + self.patience.max(AT_LEAST);
        let picked = self.replicas.pick(&self.avoid, until, self.patience).await;
        picked.map_err(|reason| self.last.clone().unwrap_or_else(|| unreachable(&reason)))
    }

    /// True if the call may be made again; it has waited then for as long as it should.
    pub(super) async fn again(&mut self, replica: &Replica, refusal: Refusal) -> bool {
        self.avoid.push(replica.id);
        let (again, pause, status) = match refusal {
            Refusal::Absent(status) => (self.may_look_on(), retry::pause_of_absence(self.refusals), status),
            Refusal::Busy(status) => (self.may_repeat(), retry::pause(self.tries), status),
            Refusal::Unknown(status) => {
                (self.idempotent && self.may_repeat(), retry::pause(self.tries), status)
            }
        };
        self.last = Some(status);
        if again {
            self.replicas.counters.repeated.inc();
            tokio::time::sleep(pause).await;
        }
        again
    }

    // Nothing was done, so this costs nobody anything but time.
    fn may_look_on(&mut self) -> bool {
        self.refusals += 1;
        self.kept && (self.refusals == 1 || self.begun.elapsed() <= self.patience)
    }

    fn may_repeat(&mut self) -> bool {
        let may = self.kept && self.tries < MAX_TRIES && self.budget.spend();
        self.tries += u32::from(may);
        may
    }

    /// The newest reason for which the call was not done.
    pub(super) fn last(&self) -> Status {
        self.last.clone().unwrap_or_else(|| unreachable("the request was not sent"))
    }
}
