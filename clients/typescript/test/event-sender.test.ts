import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  CancelledError,
  Client,
  DeadlineExceededError,
  NotFoundError,
  ResourceExhaustedError,
  SendError,
} from "@rfe/client";
import { type Event, EventOutcome } from "../src/gen/rfe/ingest/v1/event_pb.js";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { gate, Platform, refusal, unavailable, until } from "./platform.js";

const full = (retryAfter?: number) =>
  refusal(Code.ResourceExhausted, "the queue is full", {
    reason: "QUEUE_FULL",
    ...(retryAfter !== undefined && { retryAfter }),
  });

interface Behaviour {
  /** Says no to a call. */
  refuse?: (events: Event[], call: number) => ConnectError | undefined;
  /** Keeps every call waiting. */
  hold?: Promise<void>;
  /** Says no after the events are durable. */
  loseAnswer?: (call: number) => boolean;
}

/** Accepts events as the platform does. */
async function accepting({ refuse, hold, loseAnswer }: Behaviour = {}) {
  const seen = { calls: [] as string[][], bytes: [] as number[], running: 0, most: 0, durable: new Set<string>() };
  const platform = await Platform.start((router) =>
    router.service(IngestService, {
      async submitEvents({ events }) {
        seen.calls.push(events.map(({ eventId }) => eventId));
        seen.bytes.push(events.reduce((sum, { payload }) => sum + payload.length, 0));
        const call = seen.calls.length;
        seen.running += 1;
        seen.most = Math.max(seen.most, seen.running);
        await hold;
        seen.running -= 1;
        const error = refuse?.(events, call);
        if (error) {
          throw error;
        }
        const results = events.map((event) => ({ eventId: event.eventId, ...outcome(event, seen.durable) }));
        if (loseAnswer?.(call)) {
          throw unavailable();
        }
        return { results };
      },
    }),
  );
  return { platform, seen };
}

function outcome({ eventId, payload }: Event, durable: Set<string>) {
  if (new TextDecoder().decode(payload) === "bad") {
    return { outcome: EventOutcome.REJECTED, message: "not JSON" };
  }
  if (durable.has(eventId)) {
    return { outcome: EventOutcome.DUPLICATE };
  }
  durable.add(eventId);
  return { outcome: EventOutcome.ACCEPTED };
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `e-${from + at}`);
}

test("events go in batches, and each is accounted for", async () => {
  const { platform, seen } = await accepting();
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s");
  for (const eventId of ids(0, 1200)) {
    await sender.send({ eventId, json: eventId });
  }
  await sender.send({ eventId: "wrong", payload: "bad" });
  await sender.send({ eventId: "e-1", json: 1 });
  const summary = await sender.finish();
  assert.deepEqual(summary, {
    accepted: 1200,
    duplicates: 1,
    rejected: [{ number: 1201, eventId: "wrong", message: "not JSON" }],
  });
  assert.deepEqual(seen.calls.map(({ length }) => length).sort(), [202, 500, 500]);
  assert.deepEqual(sender.takeRejected().length, 1);
  assert.deepEqual(sender.summary.rejected, []);
});

test("a call takes at most a mebibyte, and an event that is larger goes alone", async () => {
  const { platform, seen } = await accepting();
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s");
  for (const bytes of [400_000, 400_000, 400_000, 2_000_000, 10]) {
    await sender.send({ payload: "x".repeat(bytes) });
  }
  await sender.finish();
  assert.deepEqual(
    seen.bytes.sort((one, other) => one - other),
    [10, 400_000, 800_000, 2_000_000],
  );
});

test("a sender waits while four calls are under way", async () => {
  const { opened, open } = gate();
  const { platform, seen } = await accepting({ hold: opened });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { maxEvents: 10 });
  let taken = 0;
  const sending = (async () => {
    for (const eventId of ids(0, 100)) {
      await sender.send({ eventId, json: 1 });
      taken += 1;
    }
    return sender.finish();
  })();
  await until("four calls run", () => seen.running === 4);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(taken, 49, "the fiftieth event fills a fifth batch, which has to wait");
  open();
  assert.equal((await sending).accepted, 100);
  assert.equal(seen.most, 4);
});

test("a batch is repeated with the same ids while the platform is full or away", async () => {
  const { platform, seen } = await accepting({
    refuse: (_, call) => (call === 1 ? full(700) : undefined),
    loseAnswer: (call) => call === 2,
  });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s");
  await sender.send({ json: 1 });
  await sender.send({ eventId: "mine", json: 2 });
  const begun = performance.now();
  assert.deepEqual(await sender.finish(), { accepted: 0, duplicates: 2, rejected: [] });
  assert.ok(performance.now() - begun >= 699, "it waits as long as the platform wants");
  assert.equal(seen.calls.length, 3);
  assert.deepEqual(new Set(seen.calls.map(String)).size, 1);
});

test("a batch whose call gets no answer is repeated too", async () => {
  let calls = 0;
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      async submitEvents({ events }, context) {
        if (calls++ === 0) {
          await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        }
        return { results: events.map(() => ({ outcome: EventOutcome.ACCEPTED })) };
      },
    }),
  );
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { deadline: 100 });
  await sender.send({ json: 1 });
  assert.equal((await sender.finish()).accepted, 1);
});

test("after its patience a sender hands back all events in their order, and is usable again", async () => {
  let refusing = true;
  const { platform, seen } = await accepting({
    // Only the second batch is refused, and later than the third is accepted.
    refuse: (events) => (refusing && events[0]?.eventId === "e-10" ? full() : undefined),
  });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { maxEvents: 10, patience: 300, linger: 60_000 });
  for (const eventId of ids(0, 35)) {
    await sender.send({ eventId, json: 1 });
  }
  const error = await sender.finish().catch((error: unknown) => error);
  assert.ok(error instanceof SendError);
  assert.deepEqual(
    error.undelivered.map(({ eventId }) => eventId),
    ids(10, 20),
  );
  assert.ok(error.error instanceof ResourceExhaustedError);
  assert.equal(error.message, "10 events were not delivered: the queue is full");
  assert.deepEqual([...seen.durable].sort(), [...ids(0, 10), ...ids(20, 35)].sort());

  refusing = false;
  for (const event of error.undelivered) {
    await sender.send(event);
  }
  assert.deepEqual(await sender.finish(), { accepted: 35, duplicates: 0, rejected: [] });
});

test("an error that is not worth repeating hands back everything at once, what waits included", async () => {
  const { platform, seen } = await accepting({ refuse: () => refusal(Code.NotFound, "source `s` does not exist") });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { maxEvents: 10 });
  const handedBack: string[] = [];
  let taken = 0;
  try {
    for (const eventId of ids(0, 1000)) {
      taken += 1;
      await sender.send({ eventId, json: 1 });
    }
    await sender.finish();
  } catch (error) {
    assert.ok(error instanceof SendError && error.error instanceof NotFoundError);
    handedBack.push(...error.undelivered.map(({ eventId }) => eventId));
  }
  assert.deepEqual(handedBack, ids(0, taken), "every event that was sent, the last one included");
  assert.ok(seen.calls.length <= 5);
});

test("an event that no longer fits into a batch is handed back with it", async () => {
  const { platform, seen } = await accepting({ refuse: () => refusal(Code.NotFound, "no such source") });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { linger: 60_000, maxEvents: 2 });
  await sender.send({ eventId: "e-0", json: 1 });
  await sender.send({ eventId: "e-1", json: 1 });
  await until("the call was refused", () => seen.calls.length === 1 && seen.running === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await sender.send({ eventId: "e-2", payload: "x".repeat(1_000_000) });
  const send = sender.send({ eventId: "e-3", payload: "x".repeat(1_000_000) });
  await assert.rejects(send, (error) => {
    return error instanceof SendError && error.undelivered.map(({ eventId }) => eventId).join() === "e-0,e-1,e-2,e-3";
  });
});

test("an event does not wait longer than its linger for others", async () => {
  const { platform, seen } = await accepting();
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { linger: 50 });
  await sender.send({ eventId: "slow", json: 1 });
  await until("the event is durable", () => seen.durable.has("slow"));
  await sender.send({ eventId: "slower", json: 1 });
  await until("so is the next", () => seen.durable.has("slower"));
  assert.equal((await sender.finish()).accepted, 2);
});

test("what fails while a sender lingers is told to the next caller", async () => {
  const { platform, seen } = await accepting({ refuse: () => refusal(Code.NotFound, "no such source") });
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { linger: 20 });
  await sender.send({ eventId: "e-0", json: 1 });
  await until("the call was refused", () => seen.calls.length === 1 && seen.running === 0);
  await sender.send({ eventId: "e-1", json: 1 });
  await assert.rejects(sender.flush(), (error) => {
    return error instanceof SendError && error.undelivered.map(({ eventId }) => eventId).join() === "e-0,e-1";
  });
});

test("sends that are not awaited keep their order and lose nothing", async () => {
  const { platform, seen } = await accepting();
  await using _ = platform;
  await using client = new Client(platform.url);
  const sender = client.eventSender("s", { maxEvents: 7 });
  await Promise.all(ids(0, 100).map((eventId) => sender.send({ eventId, json: 1 })));
  assert.equal((await sender.finish()).accepted, 100);
  assert.deepEqual(seen.calls.flat().sort(), ids(0, 100).sort());
  assert.ok(seen.most <= 4);
});

test("a sender that is declared by await using sends the rest at the end", async () => {
  const { platform, seen } = await accepting();
  await using _ = platform;
  await using client = new Client(platform.url);
  {
    await using sender = client.eventSender("s");
    await sender.send({ eventId: "last", json: 1 });
  }
  assert.ok(seen.durable.has("last"));
});

test("an aborted signal, or a closed client, hands back what is under way", async () => {
  const { opened, open } = gate();
  const { platform, seen } = await accepting({ hold: opened });
  await using _ = platform;
  await using client = new Client(platform.url);
  const controller = new AbortController();
  const sender = client.eventSender("s", { signal: controller.signal });
  await sender.send({ eventId: "e-0", json: 1 });
  const finished = sender.finish().catch((error: unknown) => error);
  await until("the call runs", () => seen.running === 1);
  controller.abort();
  const error = await finished;
  assert.ok(error instanceof SendError && error.error instanceof CancelledError);
  assert.equal(error.undelivered.length, 1);

  const other = client.eventSender("s", { deadline: 50, patience: 0 });
  await other.send({ eventId: "e-1", json: 1 });
  await assert.rejects(
    other.finish(),
    (late) => late instanceof SendError && late.error instanceof DeadlineExceededError,
  );
  open();
});
