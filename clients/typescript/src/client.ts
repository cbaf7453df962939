import type { DescService } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { type Backoff, DEFAULT_RETRIES } from "./backoff.js";
import { type EndpointOptions, type Endpoints, readEndpoints } from "./endpoints.js";
import { CancelledError } from "./errors.js";
import { FlightService } from "./gen/arrow/flight/Flight_pb.js";
import { DlqService } from "./gen/rfe/dlq/v1/dlq_service_pb.js";
import { IngestService } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import { MetadataService } from "./gen/rfe/metadata/v1/metadata_service_pb.js";
import { SchedulerService } from "./gen/rfe/scheduler/v1/scheduler_service_pb.js";
import { QueryCalls } from "./queries.js";
import { Service } from "./service.js";
import { Connections } from "./transport.js";

const DEADLINE = 30_000;
const CONNECT_TIMEOUT = 5000;

/** Settings of a client. What is left out comes from the environment, or has its default. */
export interface ClientOptions extends EndpointOptions {
  /** How long a call may take, its repetitions included, in milliseconds; 30,000 by default. */
  deadline?: number | undefined;
  /** How long a query may take until its last row, in milliseconds; as long as the server lets it, by default. */
  queryDeadline?: number | undefined;
  /** How long making a connection may take, in milliseconds; 5,000 by default. */
  connectTimeout?: number | undefined;
  /** How calls that are safe to repeat are repeated; 4 attempts by default. */
  retries?: Backoff | undefined;
}

/**
 * All services of one platform. Connections are made on first use and again when they must be; calls share them. Close it at the end,
 * or declare it by `await using`; a client that does nothing does not keep the process alive.
 */
export class Client extends QueryCalls {
  readonly #connections: Connections;
  readonly #closed: AbortController;
  readonly #endpoints: Endpoints;

  /**
   * A client of the platform at `url`, or where options and environment say: `RFE_URL` (default `http://127.0.0.1:50051`) for all services,
   * `RFE_METADATA_URL`, `RFE_SCHEDULER_URL`, `RFE_DLQ_URL` and `RFE_QUERY_URL` for one each, `RFE_TOKEN`, and for `https://` addresses
   * `RFE_TLS_CA`, `RFE_TLS_CLIENT_CERT` and `RFE_TLS_CLIENT_KEY`.
   *
   * @throws {InvalidArgumentError} if an address or the token is none, or a file of TLS can't be used.
   */
  constructor(urlOrOptions: string | ClientOptions = {}) {
    const options = typeof urlOrOptions === "string" ? { url: urlOrOptions } : urlOrOptions;
    const endpoints = readEndpoints(options, process.env);
    const connections = new Connections(endpoints, options.connectTimeout ?? CONNECT_TIMEOUT);
    const closed = new AbortController();
    const { deadline = DEADLINE, queryDeadline, retries = DEFAULT_RETRIES } = options;
    const service = <S extends DescService>(of: S, url: string, transport: Transport, limit: number | undefined) =>
      new Service({ stub: createClient(of, transport), url, deadline: limit, retries, closed: closed.signal });
    const platform = <S extends DescService>(of: S, url: string) =>
      service(of, url, connections.toService(url), deadline);
    const ingest = platform(IngestService, endpoints.ingest);
    super({
      ingest,
      streams: ingest.withDeadline(undefined),
      metadata: platform(MetadataService, endpoints.metadata),
      scheduler: platform(SchedulerService, endpoints.scheduler),
      dlq: platform(DlqService, endpoints.dlq),
      flight: service(FlightService, endpoints.query, connections.toFlight(endpoints.query), queryDeadline),
    });
    this.#connections = connections;
    this.#closed = closed;
    this.#endpoints = endpoints;
  }

  /** Where the services are. */
  get endpoints(): Readonly<Record<"ingest" | "metadata" | "scheduler" | "dlq" | "query", string>> {
    const { ingest, metadata, scheduler, dlq, query } = this.#endpoints;
    return { ingest, metadata, scheduler, dlq, query };
  }

  /** Ends the connections, and with them calls and queries that still run: they fail as cancelled. Finish senders first. */
  async close(): Promise<void> {
    this.#closed.abort(new CancelledError("the client was closed"));
    this.#connections.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What is shown in logs: addresses, and no token. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Client ${JSON.stringify(this.endpoints)}`;
  }
}
