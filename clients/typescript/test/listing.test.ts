import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "@connectrpc/connect";
import { Client, JobState, NotFoundError } from "@rfe/client";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { Platform, refusal, unavailable } from "./platform.js";

/** A platform with so many jobs, which remembers what was asked. */
async function listing(last: number, refuse: (asked: number) => Error | undefined = () => undefined) {
  const asked: { pageSize: number; pageToken: string; source: string; state: JobState }[] = [];
  const platform = await Platform.start((router) =>
    router.service(IngestService, {
      listJobs({ pageSize, pageToken, source, state }) {
        asked.push({ pageSize, pageToken, source, state });
        const error = refuse(asked.length);
        if (error) {
          throw error;
        }
        const from = Number(pageToken || 0);
        const to = Math.min(from + pageSize, last);
        const jobs = Array.from({ length: to - from }, (_, at) => ({ jobId: String(from + at) }));
        return { jobs, nextPageToken: to === last ? "" : String(to) };
      },
    }),
  );
  return { platform, asked };
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => String(from + at));
}

test("a list is read page after page, and nothing is asked before the first step", async () => {
  const { platform, asked } = await listing(1234);
  await using _ = platform;
  await using client = new Client(platform.url);
  const jobs = client.jobs({ source: "clicks", state: JobState.FAILED });
  assert.equal(asked.length, 0);
  assert.deepEqual(
    (await jobs.all()).map(({ jobId }) => jobId),
    numbers(0, 1234),
  );
  const filter = { source: "clicks", state: JobState.FAILED };
  assert.deepEqual(asked, [
    { pageSize: 500, pageToken: "", ...filter },
    { pageSize: 500, pageToken: "500", ...filter },
    { pageSize: 500, pageToken: "1000", ...filter },
  ]);
});

test("a page is as large as the caller says", async () => {
  const { platform, asked } = await listing(20);
  await using _ = platform;
  await using client = new Client(platform.url);
  assert.equal((await client.jobs({ pageSize: 7 }).all()).length, 20);
  assert.deepEqual(
    asked.map(({ pageSize }) => pageSize),
    [7, 7, 7],
  );
});

test("leaving the loop asks for no further page", async () => {
  const { platform, asked } = await listing(20);
  await using _ = platform;
  await using client = new Client(platform.url);
  const seen = [];
  for await (const { jobId } of client.jobs({ pageSize: 5 })) {
    seen.push(jobId);
    if (seen.length === 6) {
      break;
    }
  }
  assert.deepEqual([seen, asked.length], [numbers(0, 6), 2]);
});

test("the first few of a list are asked for alone", async () => {
  const { platform, asked } = await listing(1234);
  await using _ = platform;
  await using client = new Client(platform.url);
  const first = await client.jobs().first(3);
  assert.deepEqual(
    first.map(({ jobId }) => jobId),
    numbers(0, 3),
  );
  assert.deepEqual(await client.jobs().first(0), []);
  assert.deepEqual(
    asked.map(({ pageSize }) => pageSize),
    [3],
  );
});

test("each page is repeated where the service is unavailable, and an error ends the list", async () => {
  const { platform, asked } = await listing(20, (call) => (call === 2 ? unavailable() : undefined));
  await using _ = platform;
  await using client = new Client({ url: platform.url, retries: { attempts: 2, base: 1, cap: 1 } });
  assert.equal((await client.jobs({ pageSize: 10 }).all()).length, 20);
  assert.equal(asked.length, 3);

  const none = await listing(20, () => refusal(Code.NotFound, "source `x` does not exist"));
  await using __ = none.platform;
  await using other = new Client(none.platform.url);
  await assert.rejects(other.jobs().all(), NotFoundError);
});
