import type { Cancellation } from "./cancellation.js";
import { errorOf } from "./status.js";

/** Answers that stream, to be read once. Leaving the loop over them, or `cancel`, ends the call on the server. */
export class Answers<T> implements AsyncIterableIterator<T> {
  readonly #rest: AsyncIterator<T>;
  readonly #cancellation: Cancellation;
  readonly #url: string;
  #first: IteratorResult<T> | undefined;
  #ended = false;

  private constructor(rest: AsyncIterator<T>, cancellation: Cancellation, url: string) {
    this.#rest = rest;
    this.#cancellation = cancellation;
    this.#url = url;
  }

  /** Waits for the first answer: that the call was refused is told here. */
  static async open<T>(answers: AsyncIterable<T>, cancellation: Cancellation, url: string): Promise<Answers<T>> {
    const opened = new Answers(answers[Symbol.asyncIterator](), cancellation, url);
    opened.#first = await opened.#read();
    return opened;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    const first = this.#first;
    this.#first = undefined;
    return first ?? this.#read();
  }

  async return(): Promise<IteratorResult<T>> {
    this.cancel();
    return { done: true, value: undefined };
  }

  /** Ends the call; nothing more comes. */
  cancel(): void {
    this.#first = undefined;
    if (!this.#ended) {
      this.#ended = true;
      this.#cancellation.cancel();
    }
  }

  async #read(): Promise<IteratorResult<T>> {
    if (this.#ended) {
      return { done: true, value: undefined };
    }
    try {
      const result = await this.#rest.next();
      if (result.done) {
        this.#end();
      }
      return result;
    } catch (error) {
      const left = this.#ended;
      this.#end();
      if (left) {
        return { done: true, value: undefined };
      }
      throw this.#cancellation.error ?? errorOf(this.#url, error);
    }
  }

  #end(): void {
    this.#ended = true;
    this.#cancellation.release();
  }
}
