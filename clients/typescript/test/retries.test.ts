import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type ConnectError } from "@connectrpc/connect";
import { Client, DeadlineExceededError, UnavailableError } from "@rfe/client";
import { delayAfter } from "../src/backoff.js";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { Platform, refusal, unavailable } from "./platform.js";

const QUICK = { attempts: 4, base: 10, cap: 200 };

/** A platform that refuses so many calls, and counts them. */
async function refusing(times: number, error: ConnectError) {
  const calls = { count: 0, tokens: [] as (string | null)[] };
  const answer = (jobId: string, headers: Headers) => {
    calls.count += 1;
    calls.tokens.push(headers.get("authorization"));
    if (calls.count <= times) {
      throw error;
    }
    return { job: { jobId } };
  };
  const platform = await Platform.start((router) =>
    router.service(IngestService, {
      getJob: ({ jobId }, context) => answer(jobId, context.requestHeader),
      cancelJob: ({ jobId }, context) => answer(jobId, context.requestHeader),
      async *watchJob({ jobId }, context) {
        yield answer(jobId, context.requestHeader);
      },
    }),
  );
  return { platform, calls };
}

test("reads are repeated while the service is unavailable, with the token each time", async () => {
  const { platform, calls } = await refusing(3, unavailable());
  await using _ = platform;
  await using client = new Client({ url: platform.url, token: "t0ken", retries: QUICK });
  assert.equal((await client.job("j")).jobId, "j");
  assert.deepEqual(calls.tokens, Array(4).fill("Bearer t0ken"));
});

test("after four attempts the error is the caller's", async () => {
  const { platform, calls } = await refusing(9, unavailable());
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: QUICK });
  await assert.rejects(client.job("j"), UnavailableError);
  assert.equal(calls.count, 4);
});

test("a watch is opened again as well", async () => {
  const { platform, calls } = await refusing(2, unavailable());
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: QUICK });
  const jobs = [];
  for await (const { jobId } of client.watchJob("j")) {
    jobs.push(jobId);
  }
  assert.deepEqual([jobs, calls.count], [["j"], 3]);
});

test("calls that are not idempotent are never repeated", async () => {
  const { platform, calls } = await refusing(1, unavailable());
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: QUICK });
  await assert.rejects(client.cancelJob("j"), UnavailableError);
  assert.equal(calls.count, 1);
});

test("other errors are not repeated", async () => {
  const { platform, calls } = await refusing(1, refusal(Code.ResourceExhausted, "full"));
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: QUICK });
  await assert.rejects(client.job("j"), { code: "RESOURCE_EXHAUSTED" });
  assert.equal(calls.count, 1);
});

test("a pause is at least as long as the service wants, unless that is longer than ours may be", async () => {
  const { platform, calls } = await refusing(1, unavailable({ retryAfter: 150 }));
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: QUICK });
  const begun = performance.now();
  await client.job("j");
  assert.ok(performance.now() - begun >= 149);
  assert.equal(calls.count, 2);

  const slow = await refusing(1, unavailable({ retryAfter: 201 }));
  await using __ = slow.platform;
  await using other = new Client({ url: slow.platform.url, retries: QUICK });
  await assert.rejects(other.job("j"), { retryAfter: 201 });
  assert.equal(slow.calls.count, 1);
});

test("repetitions stay within the call's deadline", async () => {
  const { platform, calls } = await refusing(9, unavailable({ retryAfter: 300 }));
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: { attempts: 100, base: 10, cap: 400 } });
  const begun = performance.now();
  await assert.rejects(client.job("j", { deadline: 1000 }), (error) => {
    return error instanceof UnavailableError || error instanceof DeadlineExceededError;
  });
  assert.ok(performance.now() - begun < 3000);
  assert.ok(calls.count >= 2 && calls.count <= 4, String(calls.count));
});

test("a pause that would outlast the deadline is not begun", async () => {
  const { platform, calls } = await refusing(9, unavailable({ retryAfter: 15_000 }));
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: { attempts: 4, base: 10, cap: 20_000 } });
  const begun = performance.now();
  await assert.rejects(client.job("j", { deadline: 10_000 }), { retryAfter: 15_000 });
  assert.ok(performance.now() - begun < 9000);
  assert.equal(calls.count, 1);
});

test("delays double up to the cap and end with the attempts", () => {
  const backoff = { attempts: 7, base: 100, cap: 2000 };
  const most = [1, 2, 5, 6, 7].map((attempt) => delayAfter(attempt, backoff, 1));
  assert.deepEqual(most, [100, 200, 1600, 2000, undefined]);
  assert.equal(delayAfter(1, backoff, 0), 50);
});
