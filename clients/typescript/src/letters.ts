import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { defined } from "./defined.js";
import type { DeadLetter } from "./gen/rfe/dlq/v1/dead_letter_pb.js";
import type { DeadLetterFilterSchema, ReplayDeadLettersResponse } from "./gen/rfe/dlq/v1/dlq_service_pb.js";
import { Listing, type ListOptions } from "./listing.js";
import { ScheduleCalls } from "./schedules.js";
import type { CallOptions } from "./service.js";

/** Which letters; what is left out does not matter. */
export interface LetterFilter {
  /** Only of this source. */
  source?: string | undefined;
  /** Only in this state. */
  state?: "open" | "replayed" | "discarded" | undefined;
  /** Only of this kind. */
  kind?: "record" | "job" | undefined;
  /** Only of this run. */
  runId?: string | undefined;
  /** Only with this code, such as `RAGGED_ROW`. */
  code?: string | undefined;
  /** Only of this stage. */
  stage?: "read" | "decode" | "validate" | "contract" | "write" | undefined;
  /** Only those that failed last at this instant or later. */
  since?: Date | undefined;
  /** Only those that failed last before this instant. */
  until?: Date | undefined;
  /** Only those with this text in message, field, file or event id, whatever its case. */
  text?: string | undefined;
}

/** How one letter is shown. */
export interface LetterOptions extends CallOptions {
  /** As it is stored, secrets included. */
  reveal?: boolean | undefined;
}

/** How one letter is replayed. */
export interface ReplayLetterOptions extends CallOptions {
  /** Lands instead of the letter's own bytes; text as UTF-8. */
  raw?: Uint8Array | string | undefined;
}

/** How letters are replayed. */
export interface ReplayLettersOptions extends CallOptions {
  /** At most this many, the newest; 100 by default. */
  limit?: number | undefined;
  /** Only say which. */
  dryRun?: boolean | undefined;
}

/** How a letter is discarded. */
export interface DiscardLetterOptions extends CallOptions {
  /** Why. */
  reason?: string | undefined;
  /** Who. */
  by?: string | undefined;
}

/** The answer to a replay. */
export interface ReplayedLetter {
  /** The job that lands the letter, or has landed it. */
  readonly jobId: string;
  /** True if the letter was replayed before; nothing was queued then. */
  readonly alreadyReplayed: boolean;
}

/** The calls about dead letters. */
export abstract class LetterCalls extends ScheduleCalls {
  /** The letters without their bytes, newest first. */
  letters(filter: LetterFilter = {}, options: ListOptions = {}): Listing<DeadLetter> {
    return new Listing(options, async (page) => {
      const request = { ...page, filter: message(filter) };
      const answer = await this.services.dlq.safe((stub, how) => stub.listDeadLetters(request, how), options);
      return [answer.deadLetters, answer.nextPageToken];
    });
  }

  /**
   * One letter with its bytes in `rawBase64`. Where something in it looks like a secret, that is hidden unless `reveal` is set, and
   * the record is in `rawText` instead.
   *
   * @throws {NotFoundError} if it does not exist.
   */
  async letter(id: string, options: LetterOptions = {}): Promise<DeadLetter> {
    const { dlq } = this.services;
    const request = { id, reveal: options.reveal ?? false };
    const answer = await dlq.safe((stub, how) => stub.getDeadLetter(request, how), options);
    return dlq.filled(answer.deadLetter, "dead letter");
  }

  /**
   * Queues a job that lands the letter, or `raw` in place of its bytes. A second replay queues nothing.
   *
   * @throws {NotFoundError} if the letter does not exist.
   * @throws {FailedPreconditionError} if it was discarded.
   */
  async replayLetter(id: string, options: ReplayLetterOptions = {}): Promise<ReplayedLetter> {
    const { raw } = options;
    const bytes = typeof raw === "string" ? new TextEncoder().encode(raw) : raw;
    const request = { id, ...(bytes && { raw: bytes }) };
    const answer = await this.services.dlq.safe((stub, how) => stub.replayDeadLetter(request, how), options);
    return { jobId: answer.jobId, alreadyReplayed: answer.alreadyReplayed };
  }

  /** Queues jobs that land the open letters that match, newest first. Called again it goes on: letters that landed match no more. */
  async replayLetters(filter: LetterFilter, options: ReplayLettersOptions = {}): Promise<ReplayDeadLettersResponse> {
    const request = { filter: message(filter), limit: options.limit ?? 0, dryRun: options.dryRun ?? false };
    return this.services.dlq.safe((stub, how) => stub.replayDeadLetters(request, how), options);
  }

  /**
   * Closes a letter for good, with why and who.
   *
   * @throws {NotFoundError} if it does not exist.
   * @throws {FailedPreconditionError} if it was replayed.
   */
  async discardLetter(id: string, options: DiscardLetterOptions = {}): Promise<DeadLetter> {
    const { dlq } = this.services;
    const request = { id, reason: options.reason ?? "", by: options.by ?? "" };
    const answer = await dlq.once((stub, how) => stub.discardDeadLetter(request, how), options);
    return dlq.filled(answer.deadLetter, "dead letter");
  }
}

function message({ since, until, ...rest }: LetterFilter): MessageInitShape<typeof DeadLetterFilterSchema> {
  return {
    ...defined(rest),
    ...(since && { since: timestampFromDate(since) }),
    ...(until && { until: timestampFromDate(until) }),
  };
}
