import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { connection } from "./connection.js";
import type { Endpoints } from "./endpoints.js";
import { sessionOptions, type TlsFiles } from "./tls.js";

const USER_AGENT = "rfe-client-typescript/0.1.0";
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_FLIGHT_BYTES = 256 * 1024 * 1024;
const PING_EVERY = 30_000;
const PING_TIMEOUT = 15_000;

/** The connections of a client, one an address; made on first use and again when they must be. */
export class Connections {
  readonly #sessions = new Map<string, Http2SessionManager>();
  readonly #tls: TlsFiles;
  readonly #headers: Interceptor;
  readonly #connectTimeout: number;

  /** None yet; making one may take so many milliseconds. */
  constructor({ token, tls }: Pick<Endpoints, "token" | "tls">, connectTimeout: number) {
    this.#tls = tls;
    this.#connectTimeout = connectTimeout;
    this.#headers = (next) => (request) => {
      request.header.set("user-agent", USER_AGENT);
      if (token !== undefined) {
        request.header.set("authorization", `Bearer ${token}`);
      }
      return next(request);
    };
  }

  /** For the platform's services. */
  toService(url: string): Transport {
    return this.#transport(url, MAX_MESSAGE_BYTES);
  }

  /** For Arrow Flight, whose messages may be larger. */
  toFlight(url: string): Transport {
    return this.#transport(url, MAX_FLIGHT_BYTES);
  }

  /** Ends all connections and what runs over them. */
  close(): void {
    for (const session of this.#sessions.values()) {
      session.abort();
    }
    this.#sessions.clear();
  }

  #transport(url: string, readMaxBytes: number): Transport {
    return createGrpcTransport({
      baseUrl: url,
      sessionManager: this.#session(url),
      interceptors: [this.#headers],
      acceptCompression: [],
      readMaxBytes,
    });
  }

  #session(url: string): Http2SessionManager {
    const known = this.#sessions.get(url);
    if (known) {
      return known;
    }
    const secure = url.startsWith("https://") ? sessionOptions(this.#tls) : {};
    const pings = { pingIntervalMs: PING_EVERY, pingTimeoutMs: PING_TIMEOUT };
    const session = new Http2SessionManager(url, pings, {
      createConnection: (authority) => connection(authority, secure, this.#connectTimeout),
    });
    this.#sessions.set(url, session);
    return session;
  }
}
