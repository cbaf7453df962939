"""What is the same of jobs in both clients."""

from __future__ import annotations

from dataclasses import dataclass

from rfe.ingest.v1.job_pb2 import Job, JobState

PATIENCE = 30.0
"""Seconds for which a service may stay away while a job is waited for: its restart must not end the waiting."""
PAUSE = 0.2
"""Seconds before a watch that broke off is begun again."""


@dataclass(frozen=True)
class Submitted:
    """The answer to a submitted job."""

    job: Job
    created: bool
    """False if a job that was there already is the answer."""


def has_ended(job: Job) -> bool:
    """True if nothing more happens to the job."""
    return job.state in (JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED)
