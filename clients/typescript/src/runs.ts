import type { Run, RunKind, RunState } from "./gen/rfe/metadata/v1/run_pb.js";
import { JobCalls } from "./jobs.js";
import { Listing, type ListOptions } from "./listing.js";
import type { CallOptions } from "./service.js";

/** Which runs are listed. */
export interface RunsOptions extends ListOptions {
  /** Only of this source. */
  source?: string | undefined;
  /** Only in these states. */
  states?: readonly RunState[] | undefined;
  /** Only of these kinds. */
  kinds?: readonly RunKind[] | undefined;
}

/** The calls about runs. */
export abstract class RunCalls extends JobCalls {
  /** The runs, newest first. */
  runs(options: RunsOptions = {}): Listing<Run> {
    const { source = "", states = [], kinds = [] } = options;
    return new Listing(options, async (page) => {
      const request = { ...page, source, states: [...states], kinds: [...kinds] };
      const answer = await this.services.metadata.safe((stub, how) => stub.listRuns(request, how), options);
      return [answer.runs, answer.nextPageToken];
    });
  }

  /**
   * One run.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async run(runId: string, options: CallOptions = {}): Promise<Run> {
    const { metadata } = this.services;
    const answer = await metadata.safe((stub, how) => stub.getRun({ runId }, how), options);
    return metadata.filled(answer.run, "run");
  }
}
