import { type EventInput, eventMessage } from "./event-message.js";
import { EventMessages, type EventStream } from "./event-messages.js";
import { EventSender, type EventSenderOptions } from "./event-sender.js";
import type { EventResult } from "./gen/rfe/ingest/v1/event_pb.js";
import type { StreamEventsResponse } from "./gen/rfe/ingest/v1/ingest_service_pb.js";
import { LetterCalls } from "./letters.js";
import type { CallOptions } from "./service.js";
import { outsideProtocol } from "./status.js";

/** The calls about pushed events. */
export abstract class EventCalls extends LetterCalls {
  /**
   * Submits up to 1,000 events or 4 MiB in one call; the results are in the order of the events. Events without id get one, so that a
   * repeated call lands nothing twice. For more events there is {@link eventSender}. What is wrong with one event alone is in its
   * result.
   *
   * @throws {NotFoundError} if the source does not exist.
   * @throws {ResourceExhaustedError} if the queue is full; it is not repeated here.
   */
  async submitEvents(source: string, events: readonly EventInput[], options: CallOptions = {}): Promise<EventResult[]> {
    const { ingest } = this.services;
    const request = { source, events: events.map(eventMessage) };
    const { results } = await ingest.safe((stub, how) => stub.submitEvents(request, how), options);
    if (results.length !== events.length) {
      throw outsideProtocol(ingest.url, `${results.length} results for ${events.length} events`);
    }
    return results;
  }

  /**
   * Submits events as one stream. They become durable in order, group by group, and the stream is asked for more only then. The answer
   * comes at the end; for one that repeats what was not delivered there is {@link eventSender}. What `events` itself throws ends the
   * stream and is thrown on.
   *
   * An error's `processed` says how many events, from the first one, are answered for good: go on behind them. Where it does not say,
   * send all again, with the same ids.
   */
  async streamEvents(source: string, events: EventStream, options: CallOptions = {}): Promise<StreamEventsResponse> {
    const messages = new EventMessages(source, events);
    try {
      return await this.services.streams.once((stub, how) => stub.streamEvents(messages, how), options);
    } catch (error) {
      throw messages.failed === undefined ? error : messages.failed.error;
    }
  }

  /** A sender of any number of events. End with its `finish`, or declare it by `await using`. */
  eventSender(source: string, options: EventSenderOptions = {}): EventSender {
    return new EventSender(this.services.ingest, source, options);
  }
}
