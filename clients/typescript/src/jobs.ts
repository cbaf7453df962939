import type { GetQueueStatsResponse } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import { type Job, JobState } from "./gen/rfe/ingest/v1/job_pb.js";
import { newId } from "./ids.js";
import { JobWait, type WaitJobOptions } from "./job-wait.js";
import { Listing, type ListOptions } from "./listing.js";
import type { CallOptions } from "./service.js";
import { SourceCalls } from "./sources.js";

/** How a job is submitted. */
export interface SubmitJobOptions extends CallOptions {
  /** A UUID of your own: a second call with it answers with the first one's job. A new one by default. */
  requestId?: string | undefined;
}

/** The answer to a submitted job. */
export interface SubmittedJob {
  /** The job. */
  readonly job: Job;
  /** False if a job that was there already is the answer. */
  readonly created: boolean;
}

/** Which jobs are listed. */
export interface JobsOptions extends ListOptions {
  /** Only of this source. */
  source?: string | undefined;
  /** Only in this state. */
  state?: JobState | undefined;
}

/** The calls about jobs and the queue. */
export abstract class JobCalls extends SourceCalls {
  /**
   * Queues a job that reads a pull source. While one runs, one more waits; a third call answers with the waiting one.
   *
   * @throws {NotFoundError} if the source does not exist.
   * @throws {FailedPreconditionError} if it takes no jobs.
   */
  async submitJob(source: string, options: SubmitJobOptions = {}): Promise<SubmittedJob> {
    const { ingest } = this.services;
    const request = { source, requestId: options.requestId ?? newId() };
    const answer = await ingest.safe((stub, how) => stub.submitJob(request, how), options);
    return { job: ingest.filled(answer.job, "job"), created: answer.created };
  }

  /**
   * One job.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async job(jobId: string, options: CallOptions = {}): Promise<Job> {
    const { ingest } = this.services;
    const answer = await ingest.safe((stub, how) => stub.getJob({ jobId }, how), options);
    return ingest.filled(answer.job, "job");
  }

  /** The jobs, newest first. */
  jobs(options: JobsOptions = {}): Listing<Job> {
    const { source = "", state = JobState.UNSPECIFIED } = options;
    return new Listing(options, async (page) => {
      const request = { ...page, source, state };
      const answer = await this.services.ingest.safe((stub, how) => stub.listJobs(request, how), options);
      return [answer.jobs, answer.nextPageToken];
    });
  }

  /**
   * Watches a job: as it is now, then as it is after each change, until it has ended. Leaving the loop ends the watch. Without a
   * deadline it takes as long as the job. A watch that broke off, also because the service is stopping, can be begun again;
   * `waitJob` does so.
   *
   * @throws {NotFoundError} if the job does not exist.
   */
  async *watchJob(jobId: string, options: CallOptions = {}): AsyncGenerator<Job, void, undefined> {
    const { streams } = this.services;
    for await (const change of await streams.open((stub, how) => stub.watchJob({ jobId }, how), options)) {
      yield streams.filled(change.job, "job");
    }
  }

  /**
   * Waits until a job has ended. That it failed is no error: see the state of what comes back.
   *
   * @throws {NotFoundError} if the job does not exist.
   * @throws {UnavailableError} if its service stays away for more than 30 s.
   */
  async waitJob(jobId: string, options: WaitJobOptions = {}): Promise<Job> {
    const watch = (how: CallOptions) => this.watchJob(jobId, how);
    return new JobWait(watch, this.services.streams, options).ended();
  }

  /**
   * Cancels a pull, replay or backfill job. After OK no row of it appears.
   *
   * @throws {NotFoundError} if the job does not exist.
   * @throws {FailedPreconditionError} if it has ended, or is one of events.
   */
  async cancelJob(jobId: string, options: CallOptions = {}): Promise<Job> {
    const { ingest } = this.services;
    const answer = await ingest.once((stub, how) => stub.cancelJob({ jobId }, how), options);
    return ingest.filled(answer.job, "job");
  }

  /**
   * Stops the work on a source's jobs; accepting goes on.
   *
   * @throws {NotFoundError} if the source does not exist.
   */
  async pauseSource(source: string, options: CallOptions = {}): Promise<void> {
    await this.services.ingest.safe((stub, how) => stub.pauseSource({ source }, how), options);
  }

  /**
   * Works on a paused source's jobs again.
   *
   * @throws {NotFoundError} if the source does not exist.
   */
  async resumeSource(source: string, options: CallOptions = {}): Promise<void> {
    await this.services.ingest.safe((stub, how) => stub.resumeSource({ source }, how), options);
  }

  /** What is queued, by source and in total; of `source` alone if it is given. */
  async queueStats(source = "", options: CallOptions = {}): Promise<GetQueueStatsResponse> {
    return this.services.ingest.safe((stub, how) => stub.getQueueStats({ source }, how), options);
  }
}
