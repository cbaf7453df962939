import { InvalidArgumentError } from "./errors.js";
import type { TlsFiles } from "./tls.js";

/** The address of all services where nothing else is said. */
export const DEFAULT_URL = "http://127.0.0.1:50051";

/** The addresses of the services, the token they want, and how `https://` ones are spoken to. */
export interface Endpoints {
  /** Jobs and events. */
  ingest: string;
  /** Sources, runs, datasets. */
  metadata: string;
  /** Schedules. */
  scheduler: string;
  /** Dead letters. */
  dlq: string;
  /** SQL. */
  query: string;
  /** Sent as `authorization: Bearer`. */
  token: string | undefined;
  /** For `https://` addresses. */
  tls: TlsFiles;
}

/** What a caller may say of addresses; each entry wins over its variable. */
export interface EndpointOptions {
  /** The address of all services, in place of `RFE_URL`. */
  url?: string | undefined;
  /** The address of sources, runs and datasets, in place of `RFE_METADATA_URL`. */
  metadataUrl?: string | undefined;
  /** The address of schedules, in place of `RFE_SCHEDULER_URL`. */
  schedulerUrl?: string | undefined;
  /** The address of dead letters, in place of `RFE_DLQ_URL`. */
  dlqUrl?: string | undefined;
  /** The address of SQL, in place of `RFE_QUERY_URL`. */
  queryUrl?: string | undefined;
  /** Sent as `authorization: Bearer`, in place of `RFE_TOKEN`. An empty one is none. */
  token?: string | undefined;
  /** Files for `https://`; each in place of its variable. */
  tls?: TlsFiles | undefined;
}

/** Variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Addresses as options and environment say: an option wins over the variable of one service, that over `url`, that over `RFE_URL`. A
 * variable that is empty counts as unset.
 *
 * @throws {InvalidArgumentError} if an address is none, or the token can't be a header.
 */
export function readEndpoints(options: EndpointOptions, environment: Environment): Endpoints {
  const get = (name: string) => (environment[name]?.trim() ? environment[name] : undefined);
  const all = options.url ?? get("RFE_URL") ?? DEFAULT_URL;
  const tls = {
    ca: get("RFE_TLS_CA"),
    certificate: get("RFE_TLS_CLIENT_CERT"),
    key: get("RFE_TLS_CLIENT_KEY"),
  };
  return {
    ingest: checkUrl(all),
    metadata: checkUrl(options.metadataUrl ?? get("RFE_METADATA_URL") ?? all),
    scheduler: checkUrl(options.schedulerUrl ?? get("RFE_SCHEDULER_URL") ?? all),
    dlq: checkUrl(options.dlqUrl ?? get("RFE_DLQ_URL") ?? all),
    query: checkUrl(options.queryUrl ?? get("RFE_QUERY_URL") ?? all),
    token: checkToken(options.token ?? get("RFE_TOKEN")),
    tls: {
      ca: options.tls?.ca ?? tls.ca,
      certificate: options.tls?.certificate ?? tls.certificate,
      key: options.tls?.key ?? tls.key,
    },
  };
}

/**
 * Checks an address and gives it the scheme that it may lack.
 *
 * @throws {InvalidArgumentError} if it is none.
 */
export function checkUrl(url: string): string {
  const trimmed = url.trim().replace(/\/+$/, "");
  const full = trimmed.includes("://") ? trimmed : `http://${trimmed}`;
  const rest = /^https?:\/\/(.*)$/s.exec(full)?.[1];
  // `http://` alone has lost its slashes above.
  if (!rest || rest.endsWith(":") || /[/?#\s]/.test(rest) || !URL.canParse(full)) {
    const why = "write it like http://127.0.0.1:50051";
    throw new InvalidArgumentError(`\`${url}\` is no address of a service: ${why}`);
  }
  return full;
}

function checkToken(token: string | undefined): string | undefined {
  const trimmed = token?.trim();
  if (!trimmed) {
    return undefined;
  }
  if (!/^[\x20-\x7e]+$/.test(trimmed)) {
    throw new InvalidArgumentError("the token can't be sent: it has characters that a header can't have");
  }
  return trimmed;
}
