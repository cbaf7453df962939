import { delayAfter } from "./backoff.js";
import { CancelledError, RfeError } from "./errors.js";
import type { Event, EventResult } from "./gen/rfe/ingest/v1/event_pb.js";
import type { IngestService } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import type { CallOptions, Service } from "./service.js";
import { outsideProtocol } from "./status.js";

const BACKOFF = { attempts: Number.POSITIVE_INFINITY, base: 200, cap: 5000 };

/** An event, the number that it was sent with, and its place among those sent. */
export interface Numbered {
  readonly order: number;
  readonly number: number;
  readonly event: Event;
}

/** What became of a batch: a result an event, or the error that ended its delivery. */
export type Delivery = { readonly results: readonly EventResult[] } | { readonly error: RfeError };

/**
 * Sends a batch by one call, and repeats it with the same ids while the platform is full or away, at most for `patience` milliseconds.
 * It never throws.
 */
export async function deliver(
  service: Service<typeof IngestService>,
  source: string,
  batch: readonly Numbered[],
  patience: number,
  options: CallOptions,
): Promise<Delivery> {
  const request = { source, events: batch.map(({ event }) => event) };
  const begun = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      const { results } = await service.once((stub, how) => stub.submitEvents(request, how), options);
      if (results.length !== batch.length) {
        throw outsideProtocol(service.url, `${results.length} results for ${batch.length} events`);
      }
      return { results };
    } catch (thrown) {
      const error = thrown instanceof RfeError ? thrown : outsideProtocol(service.url, String(thrown));
      const delay = Math.max(delayAfter(attempt, BACKOFF, Math.random()) ?? 0, error.retryAfter ?? 0);
      if (!error.isTransient || performance.now() - begun + delay > patience) {
        return { error };
      }
      const cancelled = await waited(service, delay, options);
      if (cancelled) {
        return { error: cancelled };
      }
    }
  }
}

async function waited(
  service: Service<typeof IngestService>,
  delay: number,
  options: CallOptions,
): Promise<CancelledError | undefined> {
  try {
    await service.pause(delay, options);
    return undefined;
  } catch (error) {
    return error instanceof CancelledError ? error : new CancelledError(String(error));
  }
}
