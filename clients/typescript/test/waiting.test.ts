import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Client, DeadlineExceededError, JobState, NotFoundError } from "@rfe/client";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { Platform, refusal, unavailable } from "./platform.js";

type Change = JobState | Error | "break" | "hang";

/** A platform whose watches tell these changes, one list a watch. */
async function watched(...watches: Change[][]) {
  const seen = { watches: 0 };
  const platform = await Platform.start((router) =>
    router.service(IngestService, {
      async *watchJob({ jobId }, context) {
        for (const change of watches[seen.watches++] ?? []) {
          if (change === "break") {
            platform.breakConnections();
          } else if (change === "hang") {
            await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
          } else if (change instanceof Error) {
            throw change;
          } else {
            yield { job: { jobId, state: change } };
          }
        }
      },
    }),
  );
  return { platform, seen };
}

const { QUEUED, RUNNING, FAILED, SUCCEEDED } = JobState;

test("waiting goes on where the watch breaks off", async () => {
  const { platform, seen } = await watched([QUEUED, unavailable()], [RUNNING, "break"], [RUNNING, SUCCEEDED]);
  await using _ = platform;
  await using client = new Client(platform.url);
  const states: JobState[] = [];
  const job = await client.waitJob("j", { onProgress: ({ state }) => states.push(state) });
  assert.equal(job.state, SUCCEEDED);
  assert.deepEqual(states, [QUEUED, RUNNING, RUNNING, SUCCEEDED]);
  assert.equal(seen.watches, 3);
});

test("that a job failed is no error of waiting", async () => {
  const { platform } = await watched([FAILED]);
  await using _ = platform;
  await using client = new Client(platform.url);
  assert.equal((await client.waitJob("j")).state, FAILED);
});

test("waiting for what does not exist ends at once", async () => {
  const { platform } = await watched([refusal(Code.NotFound, "job `j` does not exist")]);
  await using _ = platform;
  await using client = new Client(platform.url);
  await assert.rejects(client.waitJob("j"), NotFoundError);
});

test("a watch that ends before the job is outside the protocol", async () => {
  const { platform } = await watched([RUNNING]);
  await using _ = platform;
  await using client = new Client(platform.url);
  await assert.rejects(client.waitJob("j"), { code: "INTERNAL", message: /the watch ended before the job/ });
});

test("what the caller's progress throws ends the waiting", async () => {
  const { platform, seen } = await watched([RUNNING, SUCCEEDED]);
  await using _ = platform;
  await using client = new Client(platform.url);
  const onProgress = () => {
    throw new RangeError("mine");
  };
  await assert.rejects(client.waitJob("j", { onProgress }), RangeError);
  assert.equal(seen.watches, 1);
});

test("waiting ends at its deadline", async () => {
  const { platform } = await watched([RUNNING, "hang"], [RUNNING, "hang"]);
  await using _ = platform;
  await using client = new Client(platform.url);
  const begun = performance.now();
  await assert.rejects(client.waitJob("j", { deadline: 100 }), DeadlineExceededError);
  assert.ok(performance.now() - begun < 2000);
});
