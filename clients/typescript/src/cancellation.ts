import { setMaxListeners } from "node:events";
import { Code, ConnectError } from "@connectrpc/connect";
import { CancelledError } from "./errors.js";

/** One signal of several, for one call. Release it when the call has ended: long-lived signals forget it then. */
export class Cancellation {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #onAbort = (event: Event) => this.cancel((event.target as AbortSignal).reason);
  #error: CancelledError | undefined;

  /** One that is cancelled as soon as one of the signals is aborted. */
  constructor(...signals: readonly (AbortSignal | undefined)[]) {
    this.#sources = signals.filter((signal) => signal !== undefined);
    const aborted = this.#sources.find((source) => source.aborted);
    if (aborted) {
      this.cancel(aborted.reason);
      return;
    }
    for (const source of this.#sources) {
      // As many calls as its owner likes may share a signal; Node warns from the eleventh on.
      setMaxListeners(0, source);
      source.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** What a call listens to. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The error of a call that was cancelled; undefined: it was not. */
  get error(): CancelledError | undefined {
    return this.#error;
  }

  /**
   * Nothing, unless it is cancelled.
   *
   * @throws {CancelledError} if it is.
   */
  check(): void {
    if (this.#error) {
      throw this.#error;
    }
  }

  /** Cancels the call. */
  cancel(reason?: unknown): void {
    this.release();
    this.#error ??= cancelled(reason);
    // Only a reason of this class resets the stream with CANCEL, which servers tell from a fault.
    this.#controller.abort(new ConnectError(this.#error.message, Code.Canceled));
  }

  /** Waits for so many milliseconds, or until it is cancelled. */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this;
      const onAbort = () => {
        clearTimeout(timer);
        reject(this.#error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      }, milliseconds);
      if (signal.aborted) {
        onAbort();
      } else {
        signal.addEventListener("abort", onAbort, { once: true });
      }
    });
  }

  /** Listens to nobody any more. */
  release(): void {
    for (const source of this.#sources) {
      source.removeEventListener("abort", this.#onAbort);
    }
  }
}

function cancelled(reason: unknown): CancelledError {
  if (reason instanceof CancelledError) {
    return new CancelledError(reason.message, { reason: "CANCELLED" });
  }
  return new CancelledError("the call was cancelled by its caller", { reason: "CANCELLED", cause: reason });
}
