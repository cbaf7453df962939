import { create, fromBinary } from "@bufbuild/protobuf";
import type { Deadline } from "../deadline.js";
import {
  ActionSchema,
  FlightDescriptor_DescriptorType as DescriptorType,
  FlightDataSchema,
  type FlightDescriptor,
  FlightDescriptorSchema,
  type FlightService,
  type Ticket,
} from "../gen/arrow/flight/Flight_pb.js";
import {
  ActionClosePreparedStatementRequestSchema,
  ActionCreatePreparedStatementRequestSchema,
  ActionCreatePreparedStatementResultSchema,
  CommandPreparedStatementQuerySchema,
  CommandStatementQuerySchema,
  DoPutPreparedStatementResultSchema,
} from "../gen/arrow/flight/FlightSql_pb.js";
import type { CallOptions, Service } from "../service.js";
import { outsideProtocol } from "../status.js";
import { pack, unpack } from "./commands.js";
import { messagesOf } from "./ipc.js";

/** Plans statements of one query: SQL and values in, the ticket of the rows out. */
export class Statements {
  readonly #flight: Service<typeof FlightService>;
  readonly #deadline: Deadline;
  readonly #signal: AbortSignal | undefined;

  /** For one query that has so much time. */
  constructor(flight: Service<typeof FlightService>, deadline: Deadline, signal: AbortSignal | undefined) {
    this.#flight = flight;
    this.#deadline = deadline;
    this.#signal = signal;
  }

  /** The ticket of a statement without parameters. */
  plan(query: string): Promise<Ticket> {
    return this.#ticket(pack(CommandStatementQuerySchema, { query }));
  }

  /** The ticket of a statement with a value for each `?`: one row in an Arrow IPC stream. */
  async planWith(query: string, parameters: Uint8Array): Promise<Ticket> {
    const handle = await this.#prepare(query);
    try {
      const bound = await this.#bind(handle, parameters);
      return await this.#ticket(pack(CommandPreparedStatementQuerySchema, { preparedStatementHandle: bound }));
    } finally {
      // The ticket holds statement and values, and a handle that is not closed is forgotten in time.
      await this.#close(handle).catch(() => undefined);
    }
  }

  get #how(): CallOptions {
    return { deadline: this.#deadline.left, signal: this.#signal };
  }

  async #ticket(cmd: Uint8Array): Promise<Ticket> {
    const info = await this.#flight.safe((stub, how) => stub.getFlightInfo(descriptor(cmd), how), this.#how);
    // The query service pins the snapshot in one ticket; several would each see their own.
    if (info.endpoint.length !== 1) {
      throw outsideProtocol(this.#flight.url, `${info.endpoint.length} endpoints for one query`);
    }
    return this.#flight.filled(info.endpoint[0]?.ticket, "ticket");
  }

  async #prepare(query: string): Promise<Uint8Array> {
    const body = await this.#act(
      "CreatePreparedStatement",
      pack(ActionCreatePreparedStatementRequestSchema, { query }),
    );
    const prepared = body && unpack(ActionCreatePreparedStatementResultSchema, body);
    return this.#flight.filled(prepared, "prepared statement").preparedStatementHandle;
  }

  // The handle that comes back carries the values, so that any replica can go on with it.
  async #bind(handle: Uint8Array, parameters: Uint8Array): Promise<Uint8Array> {
    const cmd = pack(CommandPreparedStatementQuerySchema, { preparedStatementHandle: handle });
    async function* row() {
      let flightDescriptor: FlightDescriptor | undefined = descriptor(cmd);
      for (const message of messagesOf(parameters)) {
        yield create(FlightDataSchema, { ...message, ...(flightDescriptor && { flightDescriptor }) });
        flightDescriptor = undefined;
      }
    }
    let bound = handle;
    for await (const { appMetadata } of await this.#flight.open((stub, how) => stub.doPut(row(), how), this.#how)) {
      const { preparedStatementHandle } = fromBinary(DoPutPreparedStatementResultSchema, appMetadata);
      bound = preparedStatementHandle ?? bound;
    }
    return bound;
  }

  async #close(handle: Uint8Array): Promise<void> {
    const request = pack(ActionClosePreparedStatementRequestSchema, { preparedStatementHandle: handle });
    await this.#act("ClosePreparedStatement", request);
  }

  async #act(type: string, body: Uint8Array): Promise<Uint8Array | undefined> {
    const action = create(ActionSchema, { type, body });
    let answer: Uint8Array | undefined;
    for await (const result of await this.#flight.open((stub, how) => stub.doAction(action, how), this.#how)) {
      answer ??= result.body;
    }
    return answer;
  }
}

function descriptor(cmd: Uint8Array): FlightDescriptor {
  return create(FlightDescriptorSchema, { type: DescriptorType.CMD, cmd });
}
