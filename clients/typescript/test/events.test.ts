import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Client, EventSchema, InternalError, InvalidArgumentError, ResourceExhaustedError } from "@rfe/client";
import { type EventInput, eventMessage } from "../src/event-message.js";
import { type Event, EventOutcome } from "../src/gen/rfe/ingest/v1/event_pb.js";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { newId } from "../src/ids.js";
import { gate, Platform, refusal, unavailable } from "./platform.js";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function text(event: Event): string {
  return new TextDecoder().decode(event.payload);
}

test("an event's record is JSON, text or bytes", () => {
  assert.equal(text(eventMessage({ json: { a: [1, "ä"] } })), '{"a":[1,"ä"]}');
  assert.equal(text(eventMessage({ json: null })), "null");
  assert.equal(text(eventMessage({ payload: '{"a": 1.0}' })), '{"a": 1.0}');
  assert.deepEqual(eventMessage({ payload: Uint8Array.of(0, 255) }).payload, Uint8Array.of(0, 255));
  for (const wrong of [{}, { json: 1, payload: "1" }, { json: () => 1 }] as EventInput[]) {
    assert.throws(() => eventMessage(wrong), InvalidArgumentError);
  }
});

test("an event keeps what it is given, and gets an id where it has none", () => {
  const received = new Date("2024-02-29T12:34:56.789Z");
  const event = eventMessage({
    eventId: "e-1",
    payload: "<a/>",
    contentType: "application/xml",
    headers: { "x-kind": "a" },
    receivedTime: received,
  });
  assert.equal(event.eventId, "e-1");
  assert.equal(event.contentType, "application/xml");
  assert.deepEqual(event.headers, { "x-kind": "a" });
  assert.equal(event.receivedTime?.seconds, 1709210096n);
  assert.match(eventMessage({ json: 1 }).eventId, UUID_V7);
  const message = create(EventSchema, { payload: Uint8Array.of(49) });
  assert.match(eventMessage(message).eventId, UUID_V7);
  assert.equal(message.eventId, "");
});

test("ids are UUIDs of version 7 in the order of time", async () => {
  const first = newId();
  await new Promise((resolve) => setTimeout(resolve, 3));
  const second = newId();
  assert.match(first, UUID_V7);
  assert.ok(first < second);
  assert.ok(Math.abs(Number.parseInt(first.replace("-", "").slice(0, 12), 16) - Date.now()) < 10_000);
});

test("events of a call that is repeated have the same ids", async () => {
  const ids: string[][] = [];
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      submitEvents({ events }) {
        ids.push(events.map(({ eventId }) => eventId));
        if (ids.length === 1) {
          throw unavailable();
        }
        return { results: events.map(({ eventId }) => ({ eventId, outcome: EventOutcome.ACCEPTED })) };
      },
    }),
  );
  await using client = new Client(platform.url);
  const results = await client.submitEvents("s", [{ json: 1 }, { json: 2, eventId: "mine" }]);
  assert.equal(ids.length, 2);
  assert.deepEqual(ids[0], ids[1]);
  assert.deepEqual(
    results.map(({ eventId }) => eventId),
    ids[0],
  );
});

test("an answer that has not one result an event is an error", async () => {
  await using platform = await Platform.start((router) =>
    router.service(IngestService, { submitEvents: () => ({ results: [] }) }),
  );
  await using client = new Client(platform.url);
  await assert.rejects(client.submitEvents("s", [{ json: 1 }]), InternalError);
});

test("a stream of events is asked for more only as the server takes them", async () => {
  const { opened, open } = gate();
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      async streamEvents(messages) {
        let accepted = 0n;
        for await (const { source, events } of messages) {
          assert.equal(source, "s");
          accepted += BigInt(events.length);
          await opened;
        }
        return { accepted };
      },
    }),
  );
  await using client = new Client(platform.url);
  let asked = 0;
  function* events() {
    for (; asked < 1000; asked++) {
      yield [{ payload: "x".repeat(20_000) }, { json: asked }];
    }
    yield { json: "alone" };
  }
  const streamed = client.streamEvents("s", events());
  await new Promise((resolve) => setTimeout(resolve, 300));
  const askedWhileFull = asked;
  open();
  assert.equal((await streamed).accepted, 2001n);
  assert.ok(askedWhileFull < 500, `${askedWhileFull} of 1000 were asked for while the server took none`);
});

test("a stream that is refused says how many events are answered for good", async () => {
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      async streamEvents(messages) {
        for await (const _ of messages) {
          throw refusal(Code.ResourceExhausted, "full", { reason: "QUEUE_FULL", metadata: { processed: "1" } });
        }
        return {};
      },
    }),
  );
  await using client = new Client(platform.url);
  let ended = false;
  async function* events() {
    try {
      for (let n = 0; ; n++) {
        yield [{ json: n }];
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    } finally {
      ended = true;
    }
  }
  await assert.rejects(client.streamEvents("s", events()), (error) => {
    return error instanceof ResourceExhaustedError && error.processed === 1 && error.reason === "QUEUE_FULL";
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(ended, "the caller's events are asked for no more");
});

test("a stream that is refused while it waits for room tells the service's error", async () => {
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      async streamEvents(messages) {
        for await (const _ of messages) {
          await new Promise((resolve) => setTimeout(resolve, 200));
          throw refusal(Code.ResourceExhausted, "full", { reason: "QUEUE_FULL", metadata: { processed: "0" } });
        }
        return {};
      },
    }),
  );
  await using client = new Client(platform.url);
  function* events() {
    for (;;) {
      yield { payload: "x".repeat(100_000) };
    }
  }
  await assert.rejects(client.streamEvents("s", events()), (error) => {
    return error instanceof ResourceExhaustedError && error.processed === 0;
  });
});

test("what the caller's events throw is thrown on, and ends the stream", async () => {
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      async streamEvents(messages) {
        for await (const _ of messages) {
          // Until the stream breaks off.
        }
        return {};
      },
    }),
  );
  await using client = new Client(platform.url);
  async function* events() {
    yield [{ json: 1 }];
    throw new RangeError("mine");
  }
  await assert.rejects(client.streamEvents("s", events()), RangeError);
});
