import { deadlineExceeded } from "./status.js";

// The most that the header `grpc-timeout` and Node's timers can both say; more is as good as none.
const MOST = 99_999_999;

/** The time until which a call must be answered, its repetitions included. */
export class Deadline {
  readonly #url: string;
  readonly #end: number;

  /** One that ends so many milliseconds from now; undefined or Infinity: never. */
  constructor(url: string, milliseconds: number | undefined) {
    this.#url = url;
    this.#end = performance.now() + (milliseconds ?? Number.POSITIVE_INFINITY);
  }

  /** Milliseconds that are left. */
  get left(): number {
    return this.#end - performance.now();
  }

  /**
   * What a call may take now, in whole milliseconds; undefined: any time.
   *
   * @throws {DeadlineExceededError} if nothing is left.
   */
  timeout(): number | undefined {
    const left = this.left;
    if (!(left > 0)) {
      throw deadlineExceeded(this.#url);
    }
    return left > MOST ? undefined : Math.ceil(left);
  }
}
