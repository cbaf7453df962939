import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";

/** A real gRPC server over HTTP/2 on a port of its own. */
export class Platform implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  #port = 0;

  private constructor(routes: (router: ConnectRouter) => void) {
    this.#server = createServer(connectNodeAdapter({ routes, connect: false, grpcWeb: false }));
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  /** Serves these services. */
  static async start(routes: (router: ConnectRouter) => void, port = 0): Promise<Platform> {
    const platform = new Platform(routes);
    await new Promise<void>((resolve) => platform.#server.listen(port, "127.0.0.1", resolve));
    platform.#port = (platform.#server.address() as AddressInfo).port;
    return platform;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Breaks every connection. */
  breakConnections(): void {
    for (const session of this.#sessions) {
      session.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.breakConnections();
    await closed;
  }
}

/** What an error of the platform says beside its message. */
export interface Refusal {
  reason?: string;
  metadata?: Record<string, string>;
  violations?: { field: string; description: string }[];
  retryAfter?: number;
}

/** An error as the platform answers it. */
export function refusal(
  code: Code,
  message: string,
  { reason, metadata, violations, retryAfter }: Refusal = {},
): ConnectError {
  const info = { reason: reason ?? "SOME_REASON", domain: "rfe.dev", metadata: metadata ?? {} };
  const seconds = BigInt(Math.floor((retryAfter ?? 0) / 1000));
  return new ConnectError(message, code, undefined, [
    { desc: ErrorInfoSchema, value: info },
    ...(violations ? [{ desc: BadRequestSchema, value: { fieldViolations: violations } }] : []),
    ...(retryAfter === undefined
      ? []
      : [{ desc: RetryInfoSchema, value: { retryDelay: { seconds, nanos: (retryAfter % 1000) * 1e6 } } }]),
  ]);
}

/** The service starts or stops. */
export function unavailable(details: Refusal = {}): ConnectError {
  return refusal(Code.Unavailable, "starting", { reason: "SHUTTING_DOWN", ...details });
}

/** Waits for a condition, at most ten seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) {
      throw new Error(`waited in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise and what settles it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
