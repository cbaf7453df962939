import type { DescService } from "@bufbuild/protobuf";
import type { Client as Stub, CallOptions as WireOptions } from "@connectrpc/connect";
import { Answers } from "./answers.js";
import { type Backoff, delayAfter } from "./backoff.js";
import { Cancellation } from "./cancellation.js";
import { Deadline } from "./deadline.js";
import { type RfeError, UnavailableError } from "./errors.js";
import { errorOf, outsideProtocol } from "./status.js";

/** What every call takes. */
export interface CallOptions {
  /** Milliseconds that the call may take in all, its repetitions included; Infinity: as long as it takes. */
  deadline?: number | undefined;
  /** Cancels the call when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** How a service is called. */
export interface ServiceOptions<S extends DescService> {
  /** The generated calls. */
  readonly stub: Stub<S>;
  /** Where it is. */
  readonly url: string;
  /** For calls that say nothing; undefined: none. */
  readonly deadline: number | undefined;
  /** How calls that are safe to repeat are repeated. */
  readonly retries: Backoff;
  /** Aborted when the client is closed. */
  readonly closed: AbortSignal;
}

/** One service: deadline, cancellation, and repetition where it is safe. */
export class Service<S extends DescService> {
  readonly #options: ServiceOptions<S>;

  /** A service that is called so. */
  constructor(options: ServiceOptions<S>) {
    this.#options = options;
  }

  /** The same service with another deadline for calls that say nothing. */
  withDeadline(deadline: number | undefined): Service<S> {
    return new Service({ ...this.#options, deadline });
  }

  /** Where it is. */
  get url(): string {
    return this.#options.url;
  }

  /** Milliseconds that a call may take; undefined: any time. */
  deadlineOf(options: CallOptions): number | undefined {
    return options.deadline ?? this.#options.deadline;
  }

  /** Calls, and calls again while the service is unavailable: for reads and calls that are idempotent. */
  safe<R>(call: (stub: Stub<S>, how: WireOptions) => Promise<R>, options: CallOptions = {}): Promise<R> {
    return this.#repeated(this.#options.retries, options, (deadline) => this.#attempt(call, deadline, options));
  }

  /** Calls once. */
  async once<R>(call: (stub: Stub<S>, how: WireOptions) => Promise<R>, options: CallOptions = {}): Promise<R> {
    return this.#attempt(call, this.#deadline(options), options);
  }

  /** Opens a stream of answers, and opens it again while the service is unavailable and nothing was answered. */
  open<T>(call: (stub: Stub<S>, how: WireOptions) => AsyncIterable<T>, options: CallOptions = {}): Promise<Answers<T>> {
    return this.#repeated(this.#options.retries, options, async (deadline) => {
      const cancellation = new Cancellation(options.signal, this.#options.closed);
      cancellation.check();
      return Answers.open(call(this.#options.stub, how(cancellation, deadline)), cancellation, this.url);
    });
  }

  /** Waits for so many milliseconds between two calls, unless they are cancelled. */
  async pause(milliseconds: number, options: CallOptions): Promise<void> {
    const cancellation = new Cancellation(options.signal, this.#options.closed);
    try {
      await cancellation.pause(milliseconds);
    } finally {
      cancellation.release();
    }
  }

  /** The value that an answer must have. */
  filled<T>(value: T | undefined, name: string): T {
    if (value === undefined) {
      throw outsideProtocol(this.url, `the answer has no ${name}`);
    }
    return value;
  }

  async #attempt<R>(
    call: (stub: Stub<S>, how: WireOptions) => Promise<R>,
    deadline: Deadline,
    options: CallOptions,
  ): Promise<R> {
    const cancellation = new Cancellation(options.signal, this.#options.closed);
    try {
      cancellation.check();
      return await call(this.#options.stub, how(cancellation, deadline));
    } catch (error) {
      throw cancellation.error ?? errorOf(this.url, error);
    } finally {
      cancellation.release();
    }
  }

  async #repeated<R>(backoff: Backoff, options: CallOptions, attempt: (deadline: Deadline) => Promise<R>): Promise<R> {
    const deadline = this.#deadline(options);
    for (let number = 1; ; number++) {
      try {
        return await attempt(deadline);
      } catch (error) {
        const delay = repeatable(error) ? wait(error, delayAfter(number, backoff, Math.random()), backoff) : undefined;
        if (delay === undefined || delay >= deadline.left) {
          throw error;
        }
        await this.pause(delay, options);
      }
    }
  }

  #deadline(options: CallOptions): Deadline {
    return new Deadline(this.url, this.deadlineOf(options));
  }
}

function how({ signal }: Cancellation, deadline: Deadline): WireOptions {
  const timeoutMs = deadline.timeout();
  return timeoutMs === undefined ? { signal } : { signal, timeoutMs };
}

function repeatable(error: unknown): error is RfeError {
  return error instanceof UnavailableError;
}

// A service that wants a longer pause than any of ours is left to the caller.
function wait(error: RfeError, delay: number | undefined, backoff: Backoff): number | undefined {
  const wanted = error.retryAfter ?? 0;
  return delay === undefined || wanted > backoff.cap ? undefined : Math.max(delay, wanted);
}
