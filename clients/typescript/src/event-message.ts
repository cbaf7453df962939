import { clone, create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { InvalidArgumentError } from "./errors.js";
import { type Event, EventSchema } from "./gen/rfe/ingest/v1/event_pb.js";
import { newId } from "./ids.js";

/** An event as a caller writes it: its record as `json` or as `payload`, one of the two. */
export interface EventInit {
  /** Identifies the event within its source; delivering the same id again lands nothing twice. A new UUIDv7 by default. */
  eventId?: string | undefined;
  /** The record as a value; it is sent as its JSON text. */
  json?: unknown;
  /** The record's exact bytes; text as UTF-8. */
  payload?: Uint8Array | string | undefined;
  /** The media type of `payload`; empty means `application/json`. */
  contentType?: string | undefined;
  /** Transport headers worth keeping, names in lower case. Never credentials. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** When the event was seen first; the time of acceptance by default. */
  receivedTime?: Date | undefined;
}

/** An event as a caller writes it, or the message that an error handed back. */
export type EventInput = EventInit | Event;

/**
 * The message of an event; one without id gets a new one.
 *
 * @throws {InvalidArgumentError} if it has both `json` and `payload`, neither of them, or a `json` that has no JSON text.
 */
export function eventMessage(event: EventInput): Event {
  if ("$typeName" in event) {
    return event.eventId === "" ? Object.assign(clone(EventSchema, event), { eventId: newId() }) : event;
  }
  const { eventId, contentType, headers, receivedTime } = event;
  return create(EventSchema, {
    eventId: eventId || newId(),
    payload: payloadOf(event),
    ...(contentType !== undefined && { contentType }),
    ...(headers && { headers: { ...headers } }),
    ...(receivedTime && { receivedTime: timestampFromDate(receivedTime) }),
  });
}

function payloadOf({ eventId = "", json, payload }: EventInit): Uint8Array {
  if ((json === undefined) === (payload === undefined)) {
    throw new InvalidArgumentError(`event \`${eventId}\` needs \`json\` or \`payload\`, one of the two`);
  }
  if (payload instanceof Uint8Array) {
    return payload;
  }
  const text = payload ?? JSON.stringify(json);
  if (text === undefined) {
    throw new InvalidArgumentError(`event \`${eventId}\`: a ${typeof json} has no JSON text`);
  }
  return new TextEncoder().encode(text);
}
