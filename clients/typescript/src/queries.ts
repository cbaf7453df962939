import { Deadline } from "./deadline.js";
import { encodeParameters, type SqlValue } from "./flight/parameters.js";
import { Rows } from "./flight/rows.js";
import { Statements } from "./flight/statements.js";
import { PreviewCalls } from "./previews.js";
import type { CallOptions } from "./service.js";

/** How a query runs. */
export interface QueryOptions extends CallOptions {
  /** A value for each `?`, in their order. They are bound, never pasted into the text. */
  parameters?: readonly SqlValue[] | undefined;
  /** Milliseconds until the last row must have been read; by default the client's `queryDeadline`, and so as long as it takes. */
  deadline?: number | undefined;
}

/** SQL. */
export abstract class QueryCalls extends PreviewCalls {
  /**
   * Runs a query over one snapshot of the datasets. The rows stream: read them, or close them.
   *
   * @throws {InvalidArgumentError} if the SQL is wrong (`SQL_INVALID`) or not allowed (`SQL_NOT_ALLOWED`), or the values do not fit.
   * @throws {ResourceExhaustedError} if it needs more than it may use.
   */
  async query(sql: string, options: QueryOptions = {}): Promise<Rows> {
    const { flight } = this.services;
    const deadline = new Deadline(flight.url, flight.deadlineOf(options));
    const statements = new Statements(flight, deadline, options.signal);
    const { parameters = [] } = options;
    const ticket =
      parameters.length === 0
        ? await statements.plan(sql)
        : await statements.planWith(sql, encodeParameters(parameters));
    const how = { deadline: deadline.left, signal: options.signal };
    return Rows.open(await flight.open((stub, wire) => stub.doGet(ticket, wire), how), flight.url);
  }
}
