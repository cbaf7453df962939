import { Deadline } from "./deadline.js";
import { RfeError } from "./errors.js";
import type { IngestService } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import { type Job, JobState } from "./gen/rfe/ingest/v1/job_pb.js";
import type { CallOptions, Service } from "./service.js";
import { outsideProtocol } from "./status.js";

// A service that restarts must not end the waiting for a job that goes on.
const PATIENCE = 30_000;
const PAUSE = 200;

/** How a job is waited for. By default there is no deadline. */
export interface WaitJobOptions extends CallOptions {
  /** Sees the job as it is now and after each change. What it throws ends the waiting. */
  onProgress?: ((job: Job) => void) | undefined;
}

/** True if nothing more happens to the job. */
export function hasEnded(job: Job): boolean {
  return job.state === JobState.SUCCEEDED || job.state === JobState.FAILED || job.state === JobState.CANCELLED;
}

/** Watches a job, again and again where the watch breaks off, until it has ended. */
export class JobWait {
  readonly #watch: (options: CallOptions) => AsyncGenerator<Job, void, undefined>;
  readonly #service: Service<typeof IngestService>;
  readonly #options: WaitJobOptions;
  readonly #deadline: Deadline;
  #awaySince: number | undefined;

  /** A wait that watches by `watch`. */
  constructor(
    watch: (options: CallOptions) => AsyncGenerator<Job, void, undefined>,
    service: Service<typeof IngestService>,
    options: WaitJobOptions,
  ) {
    this.#watch = watch;
    this.#service = service;
    this.#options = options;
    this.#deadline = new Deadline(service.url, options.deadline);
  }

  /** The job as it ended. */
  async ended(): Promise<Job> {
    for (;;) {
      const watch = this.#watch({ deadline: this.#deadline.left, signal: this.#options.signal });
      const job = await this.#follow(watch);
      if (job !== undefined) {
        return job;
      }
    }
  }

  // Undefined: the watch broke off and is worth beginning again.
  async #follow(watch: AsyncGenerator<Job, void, undefined>): Promise<Job | undefined> {
    try {
      for (;;) {
        const job = await this.#next(watch);
        if (job === undefined) {
          return undefined;
        }
        this.#awaySince = undefined;
        this.#options.onProgress?.(job);
        if (hasEnded(job)) {
          return job;
        }
      }
    } finally {
      await watch.return();
    }
  }

  async #next(watch: AsyncGenerator<Job, void, undefined>): Promise<Job | undefined> {
    try {
      const step = await watch.next();
      if (step.done) {
        throw outsideProtocol(this.#service.url, "the watch ended before the job");
      }
      return step.value;
    } catch (error) {
      this.#awaySince ??= performance.now();
      const away = performance.now() - this.#awaySince;
      const transient = error instanceof RfeError && error.isTransient;
      if (!transient || away > PATIENCE || this.#deadline.left <= PAUSE) {
        throw error;
      }
      await this.#service.pause(PAUSE, this.#options);
      return undefined;
    }
  }
}
