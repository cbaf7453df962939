import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Client } from "@rfe/client";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { Platform } from "./platform.js";

const jobs = () =>
  Platform.start((router) =>
    router.service(IngestService, {
      getJob: ({ jobId }) => ({ job: { jobId } }),
      async *watchJob({ jobId }) {
        yield { job: { jobId } };
        yield { job: { jobId } };
      },
    }),
  );

/** Runs a program in a process of its own: what it wrote, and how it ended. */
async function run(program: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 20_000,
  });
  let output = "";
  child.stdout.on("data", (part) => {
    output += part;
  });
  child.stderr.on("data", (part) => {
    output += part;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, output };
}

test("a process ends by itself though a client is not closed, and many calls at once warn of nothing", async () => {
  await using platform = await jobs();
  const program = `
    import { Client } from "@rfe/client";
    const client = new Client("${platform.url}");
    const { signal } = new AbortController();
    const jobs = await Promise.all(Array.from({ length: 100 }, (_, n) => client.job(String(n), { signal })));
    console.log(jobs.length);
  `;
  assert.deepEqual(await run(program), { code: 0, output: "100\n" });
});

test("a process ends though it left watches and lists half read", async () => {
  await using platform = await jobs();
  const program = `
    import { Client } from "@rfe/client";
    const client = new Client("${platform.url}");
    for await (const _ of client.watchJob("j")) break;
    const watch = client.watchJob("j");
    await watch.next();
    await client.close();
    console.log((await watch.next().catch((error) => error)).code);
  `;
  assert.deepEqual(await run(program), { code: 0, output: "CANCELLED\n" });
});

test("signals that outlive calls forget them", async () => {
  await using platform = await jobs();
  await using client = new Client(platform.url);
  const { signal } = new AbortController();
  await client.job("j", { signal });
  for await (const _ of client.watchJob("j", { signal })) {
    // To its end.
  }
  for await (const _ of client.watchJob("j", { signal })) {
    break;
  }
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
