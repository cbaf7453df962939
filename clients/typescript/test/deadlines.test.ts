import assert from "node:assert/strict";
import { test } from "node:test";
import { CancelledError, Client, DeadlineExceededError } from "@rfe/client";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { JobState } from "../src/gen/rfe/ingest/v1/job_pb.js";
import { gate, Platform, until } from "./platform.js";

/** A platform whose calls hang until they are cancelled. */
async function hanging() {
  const seen = { timeouts: [] as (number | undefined)[], cancelled: 0, open: 0 };
  const hang = (context: { signal: AbortSignal; timeoutMs: () => number | undefined }) => {
    const { opened, open } = gate();
    seen.open += 1;
    seen.timeouts.push(context.timeoutMs());
    context.signal.addEventListener("abort", () => {
      seen.cancelled += 1;
      seen.open -= 1;
      open();
    });
    return opened;
  };
  const platform = await Platform.start((router) =>
    router.service(IngestService, {
      async getJob(_, context) {
        await hang(context);
        return {};
      },
      async *watchJob({ jobId }, context) {
        yield { job: { jobId, state: JobState.RUNNING } };
        await hang(context);
      },
    }),
  );
  return { platform, seen };
}

test("a call has the client's deadline, or its own", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  await using client = new Client({ url: platform.url, deadline: 2000 });
  await assert.rejects(client.job("j"), {
    name: "DeadlineExceededError",
    reason: "DEADLINE_EXCEEDED",
    message: /did not answer before the deadline|timed out/,
  });
  await assert.rejects(client.job("j", { deadline: 500 }), DeadlineExceededError);
  assert.ok((seen.timeouts[0] ?? 0) > 1000, "the server knows the deadline");
  assert.ok((seen.timeouts[1] ?? 9999) <= 500);
});

test("a deadline that is over asks nobody", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  await using client = new Client(platform.url);
  await assert.rejects(client.job("j", { deadline: 0 }), DeadlineExceededError);
  assert.equal(seen.timeouts.length, 0);
});

test("a watch has no deadline unless it is given one", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  await using client = new Client({ url: platform.url, deadline: 50 });
  const states: JobState[] = [];
  const watch = async (options: { deadline?: number }) => {
    for await (const { state } of client.watchJob("j", options)) {
      states.push(state);
      if (options.deadline === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        return;
      }
    }
  };
  await watch({});
  assert.equal(seen.timeouts[0], undefined);
  await assert.rejects(watch({ deadline: 1000 }), DeadlineExceededError);
  assert.deepEqual(states, [JobState.RUNNING, JobState.RUNNING]);
});

test("leaving the loop over a watch ends it on the server", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  await using client = new Client(platform.url);
  for await (const job of client.watchJob("j")) {
    assert.equal(job.jobId, "j");
    break;
  }
  await until("the watch has ended", () => seen.cancelled === 1 && seen.open === 0);
});

test("an aborted signal cancels the call here and on the server", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  await using client = new Client(platform.url);
  const controller = new AbortController();
  const call = assert.rejects(client.job("j", { signal: controller.signal }), (error) => {
    return error instanceof CancelledError && error.cause === "enough" && error.reason === "CANCELLED";
  });
  await until("the call runs", () => seen.open === 1);
  controller.abort("enough");
  await call;
  await until("the server knows", () => seen.cancelled === 1);
  await assert.rejects(client.job("j", { signal: controller.signal }), CancelledError);
  assert.equal(seen.timeouts.length, 1, "a call whose signal is aborted already asks nobody");
});

test("closing the client cancels what runs, and ends it for good", async () => {
  const { platform, seen } = await hanging();
  await using _ = platform;
  const client = new Client(platform.url);
  const call = assert.rejects(client.job("j"), { name: "CancelledError", message: "the client was closed" });
  await until("the call runs", () => seen.open === 1);
  await client.close();
  await call;
  await assert.rejects(client.job("j"), CancelledError);
  await assert.rejects(client.sources().all(), CancelledError);
  await client.close();
});
