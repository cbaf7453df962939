import type { MessageInitShape } from "@bufbuild/protobuf";
import { type EventInput, eventMessage } from "./event-message.js";
import type { StreamEventsRequestSchema } from "./gen/rfe/ingest/v1/ingest_service_pb.js";

/** Events to stream: each item is one, or some of them that go in one message. */
export type EventStream =
  | AsyncIterable<EventInput | readonly EventInput[]>
  | Iterable<EventInput | readonly EventInput[]>;

type Request = MessageInitShape<typeof StreamEventsRequestSchema>;

/** The messages of one stream of events, in one pass. */
export class EventMessages implements AsyncIterable<Request>, AsyncIterator<Request> {
  readonly #source: string;
  readonly #events: AsyncIterator<EventInput | readonly EventInput[]> | Iterator<EventInput | readonly EventInput[]>;
  /** What the caller's events threw. */
  failed: { readonly error: unknown } | undefined;

  /** Messages of these events. */
  constructor(source: string, events: EventStream) {
    this.#source = source;
    this.#events = Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Request>> {
    try {
      const step = await this.#events.next();
      if (step.done) {
        return { done: true, value: undefined };
      }
      const group: readonly EventInput[] = isGroup(step.value) ? step.value : [step.value];
      return { done: false, value: { source: this.#source, events: group.map(eventMessage) } };
    } catch (error) {
      this.failed ??= { error };
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Request>> {
    await this.#events.return?.();
    return { done: true, value: undefined };
  }

  // What ends the call is no error of the caller's events.
  async throw(error: unknown): Promise<IteratorResult<Request>> {
    await this.#events.return?.();
    throw error;
  }
}

function isGroup(item: EventInput | readonly EventInput[]): item is readonly EventInput[] {
  return Array.isArray(item);
}
