import { type Delivery, deliver, type Numbered } from "./delivery.js";
import type { RfeError } from "./errors.js";
import { type EventInput, eventMessage } from "./event-message.js";
import { type Event, EventOutcome, type EventResult } from "./gen/rfe/ingest/v1/event_pb.js";
import type { IngestService } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import type { CallOptions, Service } from "./service.js";

const MAX_EVENTS = 500;
const MAX_BYTES = 1024 * 1024;
const MAX_CALLS = 4;
const PATIENCE = 60_000;
const LINGER = 1000;

/** How events are sent. Deadline and signal are those of each call. */
export interface EventSenderOptions extends CallOptions {
  /** How many events go into one call; 500 by default, and 1,000 at most. */
  maxEvents?: number | undefined;
  /** How long a batch is repeated while the platform is full or away, in milliseconds; 60,000 by default. */
  patience?: number | undefined;
  /** How long an event waits for others to fill its batch, in milliseconds; 1,000 by default. */
  linger?: number | undefined;
}

/** An event that the platform does not take. */
export interface RejectedEvent {
  /** The number that the event was sent with. */
  readonly number: number;
  /** Its id. */
  readonly eventId: string;
  /** Why. */
  readonly message: string;
}

/** What became of the events that were delivered. */
export interface SendSummary {
  /** Events that are durable now. */
  accepted: number;
  /** Events that were durable before. */
  duplicates: number;
  /** Events that the platform does not take. */
  rejected: RejectedEvent[];
}

/** Events could not be delivered. None of them is known to be durable; sending them again with their ids lands nothing twice. */
export class SendError extends Error {
  /** Why. */
  readonly error: RfeError;
  /** The events, in the order in which they were sent. */
  readonly undelivered: readonly Event[];

  /** The error of these events. */
  constructor(error: RfeError, undelivered: readonly Event[]) {
    super(`${undelivered.length} events were not delivered: ${error.message}`, { cause: error });
    this.name = "SendError";
    this.error = error;
    this.undelivered = undelivered;
  }
}

/**
 * Sends events of one source: in batches, at most four calls at a time, repeated with the same ids. Await each `send`, so that the
 * sender can hold you back; it then holds 2,500 events at most. Calls of one sender are taken in turn, so several tasks may share it;
 * what could not be delivered is handed to one of them. End with `finish`, or declare it by `await using`: a sender that is dropped
 * forgets what was not yet sent.
 */
export class EventSender {
  readonly #service: Service<typeof IngestService>;
  readonly #source: string;
  readonly #options: CallOptions;
  readonly #maxEvents: number;
  readonly #patience: number;
  readonly #linger: number;
  readonly #calls = new Set<Promise<void>>();
  #pending: Numbered[] = [];
  #pendingBytes = 0;
  #failed: Numbered[] = [];
  #error: RfeError | undefined;
  #taken = 0;
  #nextNumber = 1;
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #summary: SendSummary = { accepted: 0, duplicates: 0, rejected: [] };

  /** @internal */
  constructor(service: Service<typeof IngestService>, source: string, options: EventSenderOptions) {
    const { maxEvents = MAX_EVENTS, patience = PATIENCE, linger = LINGER, deadline, signal } = options;
    this.#service = service;
    this.#source = source;
    this.#maxEvents = Math.min(Math.max(Math.trunc(maxEvents), 1), 1000);
    this.#patience = patience;
    this.#linger = linger;
    this.#options = { deadline, signal };
  }

  /** What became of the events so far. */
  get summary(): SendSummary {
    return { ...this.#summary, rejected: [...this.#summary.rejected] };
  }

  /** Takes the rejected events out of the summary, so that they need not stay in memory. */
  takeRejected(): RejectedEvent[] {
    return this.#summary.rejected.splice(0);
  }

  /**
   * Takes an event, and waits while too many calls are under way. Events are numbered from 1; `number` begins anew from there, for
   * example with a line's.
   *
   * @throws {SendError} if events could not be delivered; it holds them all, this one included, and the sender is empty and usable
   * again.
   */
  send(event: EventInput, number?: number): Promise<void> {
    const message = eventMessage(event);
    return this.#inTurn(() => this.#take(message, number));
  }

  /**
   * Sends what waits, and waits for every call that is under way.
   *
   * @throws {SendError} as `send` does.
   */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#flush());
  }

  /**
   * Flushes and says what became of the events.
   *
   * @throws {SendError} as `send` does.
   */
  async finish(): Promise<SendSummary> {
    await this.flush();
    return this.summary;
  }

  /** As `finish`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #take(event: Event, number = this.#nextNumber): Promise<void> {
    const taken = { order: this.#taken++, number, event };
    const bytes = size(event);
    if (this.#pending.length > 0 && this.#pendingBytes + bytes > MAX_BYTES) {
      await this.#dispatch(taken);
    }
    this.#nextNumber = number + 1;
    this.#pending.push(taken);
    this.#pendingBytes += bytes;
    if (this.#pending.length >= this.#maxEvents || this.#pendingBytes >= MAX_BYTES) {
      await this.#dispatch();
    } else {
      this.#timer ??= setTimeout(() => void this.#inTurn(() => this.#lingered()), this.#linger);
    }
  }

  async #flush(): Promise<void> {
    await this.#dispatch();
    await Promise.all(this.#calls);
    await this.#check();
  }

  // `next` is an event that is not taken yet: it is handed back with the others.
  async #dispatch(next?: Numbered): Promise<void> {
    await this.#slot();
    await this.#check(next);
    this.#start();
  }

  // What failed meanwhile is told to the next caller.
  async #lingered(): Promise<void> {
    this.#timer = undefined;
    await this.#slot();
    if (this.#error === undefined) {
      this.#start();
    }
  }

  async #slot(): Promise<void> {
    while (this.#calls.size >= MAX_CALLS) {
      await Promise.race(this.#calls);
    }
  }

  #start(): void {
    const batch = this.#takePending();
    if (batch.length > 0) {
      const call = deliver(this.#service, this.#source, batch, this.#patience, this.#options).then((delivery) => {
        this.#calls.delete(call);
        this.#settle(batch, delivery);
      });
      this.#calls.add(call);
    }
  }

  #takePending(): Numbered[] {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return pending;
  }

  #settle(batch: readonly Numbered[], delivery: Delivery): void {
    if ("error" in delivery) {
      this.#failed.push(...batch);
      this.#error ??= delivery.error;
      return;
    }
    for (const [at, { number }] of batch.entries()) {
      this.#count(number, delivery.results[at]);
    }
  }

  #count(number: number, result: EventResult | undefined): void {
    if (result?.outcome === EventOutcome.ACCEPTED) {
      this.#summary.accepted += 1;
    } else if (result?.outcome === EventOutcome.DUPLICATE) {
      this.#summary.duplicates += 1;
    } else {
      this.#summary.rejected.push({ number, eventId: result?.eventId ?? "", message: result?.message ?? "" });
    }
  }

  // One call that failed ends the others first: what is handed back is then all that is not durable.
  async #check(next?: Numbered): Promise<void> {
    if (this.#error === undefined) {
      return;
    }
    await Promise.all(this.#calls);
    const error = this.#error;
    const failed = this.#failed;
    this.#error = undefined;
    this.#failed = [];
    const events = [...failed, ...this.#takePending(), ...(next ? [next] : [])];
    events.sort((one, other) => one.order - other.order);
    throw new SendError(
      error,
      events.map(({ event }) => event),
    );
  }
}

function size(event: Event): number {
  const headers = Object.entries(event.headers).reduce((sum, [name, value]) => sum + name.length + value.length + 8, 0);
  return event.payload.length + event.eventId.length + event.contentType.length + headers + 32;
}
