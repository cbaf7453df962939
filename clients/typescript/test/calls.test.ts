import assert from "node:assert/strict";
import { test } from "node:test";
import { toJson } from "@bufbuild/protobuf";
import {
  Client,
  InvalidArgumentError,
  Layer,
  MisfirePolicy,
  Mode,
  OverlapPolicy,
  RunKind,
  RunState,
  type Source,
} from "@rfe/client";
import { DlqService, ListDeadLettersRequestSchema } from "../src/gen/rfe/dlq/v1/dlq_service_pb.js";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { MetadataService } from "../src/gen/rfe/metadata/v1/metadata_service_pb.js";
import { ScheduleSchema } from "../src/gen/rfe/scheduler/v1/schedule_pb.js";
import { SchedulerService } from "../src/gen/rfe/scheduler/v1/scheduler_service_pb.js";
import { Platform } from "./platform.js";

test("sources are written as plain objects", async () => {
  const seen: Source[] = [];
  const flags: boolean[][] = [];
  await using platform = await Platform.start((router) =>
    router.service(MetadataService, {
      applySources({ sources, prune, validateOnly }) {
        seen.push(...sources);
        flags.push([prune, validateOnly]);
        return { applied: sources.map(({ name }) => ({ name, action: "created" })) };
      },
    }),
  );
  await using client = new Client(platform.url);
  const config = { location: "data/*.csv", null_values: ["", "-"], header: true, skip_rows: 2 };
  const applied = await client.applySources([
    { name: "a", kind: "csv", config, mode: Mode.MERGE, merge: { key: ["id"] } },
  ]);
  await client.applySources([], { prune: true, validateOnly: true });
  assert.deepEqual(
    applied.map(({ name, action }) => [name, action]),
    [["a", "created"]],
  );
  assert.deepEqual(seen[0]?.config, config);
  assert.deepEqual(seen[0]?.merge?.key, ["id"]);
  assert.deepEqual(flags, [
    [false, false],
    [true, true],
  ]);
});

test("runs and data files are listed by what the caller says", async () => {
  const asked: unknown[] = [];
  await using platform = await Platform.start((router) =>
    router.service(MetadataService, {
      listRuns({ source, states, kinds }) {
        asked.push({ source, states, kinds });
        return {};
      },
      listDataFiles({ dataset, snapshot, layer }) {
        asked.push({ dataset, snapshot, layer });
        return {};
      },
    }),
  );
  await using client = new Client(platform.url);
  await client.runs({ source: "s", states: [RunState.FAILED], kinds: [RunKind.PULL, RunKind.REPLAY] }).all();
  await client.runs().all();
  await client.dataFiles("d", { snapshot: 7n, layer: Layer.RAW }).all();
  assert.deepEqual(asked, [
    { source: "s", states: [RunState.FAILED], kinds: [RunKind.PULL, RunKind.REPLAY] },
    { source: "", states: [], kinds: [] },
    { dataset: "d", snapshot: 7n, layer: Layer.RAW },
  ]);
});

test("a schedule's timing is a number of milliseconds or a cron expression", async () => {
  const asked: unknown[] = [];
  const fireTimes = [{ seconds: 1709210096n, nanos: 500_000_000 }];
  await using platform = await Platform.start((router) =>
    router.service(SchedulerService, {
      createSchedule({ schedule }) {
        asked.push(schedule && toJson(ScheduleSchema, schedule));
        return { ...(schedule && { schedule }) };
      },
      previewSchedule: () => ({ fireTimes }),
    }),
  );
  await using client = new Client(platform.url);
  const overlap = OverlapPolicy.BUFFER_ONE;
  const made = await client.createSchedule({ scheduleId: "a", source: "s", every: 90_500, overlap });
  const cron = { cron: "0 6 * * *", timezone: "Europe/Berlin", misfire: MisfirePolicy.SKIP, paused: true };
  await client.createSchedule({ source: "s", ...cron });
  assert.equal(made.scheduleId, "a");
  assert.deepEqual(asked, [
    { scheduleId: "a", source: "s", every: "90.500s", overlap: "OVERLAP_POLICY_BUFFER_ONE" },
    { source: "s", ...cron, misfire: "MISFIRE_POLICY_SKIP" },
  ]);
  assert.deepEqual(await client.previewSchedule({ every: 1000 }), [new Date(1_709_210_096_500)]);
  await assert.rejects(client.createSchedule({ every: 1000, cron: "* * * * *" }), InvalidArgumentError);
});

test("letters are chosen by a filter, and replayed with bytes or text", async () => {
  const asked: unknown[] = [];
  await using platform = await Platform.start((router) =>
    router.service(DlqService, {
      listDeadLetters(request) {
        asked.push(toJson(ListDeadLettersRequestSchema, request));
        return { deadLetters: [{ id: "l" }] };
      },
      replayDeadLetter({ id, raw }) {
        asked.push([id, raw === undefined ? undefined : new TextDecoder().decode(raw)]);
        return { jobId: "j", alreadyReplayed: raw === undefined };
      },
      replayDeadLetters({ filter, limit, dryRun }) {
        asked.push([filter?.source, limit, dryRun]);
        return { matched: 3n };
      },
    }),
  );
  await using client = new Client(platform.url);
  const since = new Date("2024-02-29T00:00:00Z");
  const letters = await client.letters({ source: "s", state: "open", since, text: "x" }, { pageSize: 7 }).all();
  assert.equal(letters[0]?.id, "l");
  assert.deepEqual(await client.replayLetter("l", { raw: "ä" }), { jobId: "j", alreadyReplayed: false });
  assert.deepEqual(await client.replayLetter("l", { raw: new Uint8Array() }), { jobId: "j", alreadyReplayed: false });
  assert.deepEqual(await client.replayLetter("l"), { jobId: "j", alreadyReplayed: true });
  assert.equal((await client.replayLetters({ source: "s" }, { limit: 5, dryRun: true })).matched, 3n);
  assert.deepEqual(asked, [
    { filter: { source: "s", state: "open", since: "2024-02-29T00:00:00Z", text: "x" }, pageSize: 7 },
    ["l", "ä"],
    ["l", ""],
    ["l", undefined],
    ["s", 5, true],
  ]);
});

test("a job is submitted with a request id of its own, or the caller's", async () => {
  const ids: string[] = [];
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      submitJob({ requestId }) {
        ids.push(requestId);
        return { job: { jobId: requestId }, created: ids.length < 3 };
      },
    }),
  );
  await using client = new Client(platform.url);
  const first = await client.submitJob("s");
  await client.submitJob("s");
  const again = await client.submitJob("s", { requestId: first.job.jobId });
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual([first.created, again.created, again.job.jobId], [true, false, first.job.jobId]);
});

test("a preview is of a declared source or of one that is not", async () => {
  const asked: unknown[] = [];
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      previewSource({ of, rows }) {
        asked.push([of.case, of.case === "source" ? of.value.name : of.value, rows]);
        return { preview: { source: "s" } };
      },
    }),
  );
  await using client = new Client(platform.url);
  await client.previewSource("s", { rows: 3 });
  await client.previewSpec({ name: "t", kind: "csv", config: { location: "a.csv" } });
  assert.deepEqual(asked, [
    ["name", "s", 3],
    ["source", "t", 0],
  ]);
});

test("each service has its own address", async () => {
  const asked: string[] = [];
  const routes = (name: string) => {
    const answering = <A>(service: string, answer: A) => {
      return () => {
        asked.push(`${service} at ${name}`);
        return answer;
      };
    };
    return Platform.start((router) => {
      router.service(IngestService, { getJob: answering("ingest", { job: {} }) });
      router.service(MetadataService, { getRun: answering("metadata", { run: {} }) });
      router.service(SchedulerService, { getSchedule: answering("scheduler", { schedule: {} }) });
      router.service(DlqService, { getDeadLetter: answering("dlq", { deadLetter: {} }) });
    });
  };
  await using all = await routes("all");
  await using one = await routes("one");
  await using client = new Client({ url: all.url, metadataUrl: one.url, dlqUrl: one.url });
  await client.job("j");
  await client.run("r");
  await client.schedule("s");
  await client.letter("l");
  assert.deepEqual(asked, ["ingest at all", "metadata at one", "scheduler at all", "dlq at one"]);
});
