import { type RecordBatch, type Schema, Table } from "apache-arrow";
import type { Answers } from "../answers.js";
import { RfeError } from "../errors.js";
import type { FlightData } from "../gen/arrow/flight/Flight_pb.js";
import { outsideProtocol } from "../status.js";
import { Decoder } from "./decoder.js";
import { type Row, rowsOf } from "./values.js";

/**
 * A result that streams, to be read once: as record batches by a loop over it, as plain objects by `objects`, or whole by `table`. No
 * more than a batch or two are in memory. Read it to its end, leave the loop, or call `close`: else it keeps the query running, and
 * the process with it.
 */
export class Rows implements AsyncIterable<RecordBatch> {
  /** The columns; known also where there is no row. */
  readonly schema: Schema;
  readonly #decoder: Decoder;
  readonly #answers: Answers<FlightData>;
  readonly #url: string;
  #begun = false;

  private constructor(decoder: Decoder, answers: Answers<FlightData>, url: string) {
    this.schema = decoder.schema;
    this.#decoder = decoder;
    this.#answers = answers;
    this.#url = url;
  }

  /** @internal */
  static async open(answers: Answers<FlightData>, url: string): Promise<Rows> {
    try {
      const first = await answers.next();
      if (first.done) {
        throw outsideProtocol(url, "the answer has no schema");
      }
      return new Rows(new Decoder(first.value), answers, url);
    } catch (error) {
      answers.cancel();
      throw readError(url, error);
    }
  }

  /** The rows, some at a time. Leaving the loop ends the query. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch, void, undefined> {
    if (this.#begun) {
      throw new TypeError("the rows were read before; run the query again");
    }
    this.#begun = true;
    try {
      for await (const message of this.#answers) {
        const batch = this.#decoded(message);
        if (batch) {
          yield batch;
        }
      }
    } finally {
      this.close();
    }
  }

  /**
   * The rows one by one, as plain objects. 64-bit integers are bigints; what JavaScript has no type for is text that keeps the value:
   * DECIMAL `"2.50"`, DATE `"2024-02-29"`, TIME `"12:34:56"`, TIMESTAMP `"2024-02-29T12:34:56.789012"`, TIMESTAMPTZ the same in UTC
   * with `Z`. BLOB is a Uint8Array, a list an array, a struct an object, a map a Map, INTERVAL its months, days and nanoseconds.
   */
  async *objects<T extends object = Row>(): AsyncGenerator<T, void, undefined> {
    for await (const batch of this) {
      yield* rowsOf(batch) as Generator<T, void, undefined>;
    }
  }

  /** All rows, in memory. */
  async table(): Promise<Table> {
    const batches: RecordBatch[] = [];
    for await (const batch of this) {
      batches.push(batch);
    }
    return new Table(this.schema, batches);
  }

  /** Ends the query; nothing more comes. */
  close(): void {
    this.#answers.cancel();
  }

  /** As `close`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #decoded(message: FlightData): RecordBatch | undefined {
    // A message without header carries metadata of applications, and no rows.
    if (message.dataHeader.length === 0) {
      return undefined;
    }
    try {
      return this.#decoder.decode(message);
    } catch (error) {
      throw readError(this.#url, error);
    }
  }
}

function readError(url: string, error: unknown): unknown {
  if (error instanceof RfeError) {
    return error;
  }
  return outsideProtocol(url, error instanceof Error ? error.message : String(error));
}
