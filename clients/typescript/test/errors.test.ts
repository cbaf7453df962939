import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import * as rfe from "@rfe/client";
import { IngestService } from "../src/gen/rfe/ingest/v1/ingest_service_pb.js";
import { Platform, refusal } from "./platform.js";

const ONCE = { attempts: 1, base: 1, cap: 1 };

async function thrownFor(error: ConnectError): Promise<rfe.RfeError> {
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      getJob() {
        throw error;
      },
    }),
  );
  await using client = new rfe.Client({ url: platform.url, retries: ONCE });
  const thrown = await client.job("j").catch((error: unknown) => error);
  assert.ok(thrown instanceof rfe.RfeError, String(thrown));
  return thrown;
}

test("each code has its class", async () => {
  const classes: [Code, new (message: string) => rfe.RfeError, string][] = [
    [Code.InvalidArgument, rfe.InvalidArgumentError, "INVALID_ARGUMENT"],
    [Code.OutOfRange, rfe.InvalidArgumentError, "INVALID_ARGUMENT"],
    [Code.NotFound, rfe.NotFoundError, "NOT_FOUND"],
    [Code.AlreadyExists, rfe.AlreadyExistsError, "ALREADY_EXISTS"],
    [Code.FailedPrecondition, rfe.FailedPreconditionError, "FAILED_PRECONDITION"],
    [Code.Aborted, rfe.AbortedError, "ABORTED"],
    [Code.ResourceExhausted, rfe.ResourceExhaustedError, "RESOURCE_EXHAUSTED"],
    [Code.Unauthenticated, rfe.UnauthenticatedError, "UNAUTHENTICATED"],
    [Code.PermissionDenied, rfe.PermissionDeniedError, "PERMISSION_DENIED"],
    [Code.Unimplemented, rfe.UnimplementedError, "UNIMPLEMENTED"],
    [Code.Unavailable, rfe.UnavailableError, "UNAVAILABLE"],
    [Code.DeadlineExceeded, rfe.DeadlineExceededError, "DEADLINE_EXCEEDED"],
    [Code.Canceled, rfe.CancelledError, "CANCELLED"],
    [Code.Internal, rfe.InternalError, "INTERNAL"],
    [Code.Unknown, rfe.InternalError, "INTERNAL"],
    [Code.DataLoss, rfe.InternalError, "INTERNAL"],
  ];
  for (const [code, errorClass, name] of classes) {
    const error = await thrownFor(refusal(code, "no", { reason: "A_REASON" }));
    assert.equal(error.constructor, errorClass, name);
    assert.equal(error.code, name);
    assert.equal(error.reason, "A_REASON");
  }
});

test("the details of a status become fields", async () => {
  const error = await thrownFor(
    refusal(Code.ResourceExhausted, "the queue is full: ä", {
      reason: "QUEUE_FULL",
      metadata: { source: "clicks", processed: "17" },
      violations: [{ field: "events", description: "too many" }],
      retryAfter: 3500,
    }),
  );
  assert.equal(error.message, "the queue is full: ä");
  assert.equal(error.reason, "QUEUE_FULL");
  assert.deepEqual(error.metadata, { source: "clicks", processed: "17" });
  assert.deepEqual(error.violations, [{ field: "events", description: "too many" }]);
  assert.equal(error.retryAfter, 3500);
  assert.equal(error.processed, 17);
  assert.equal(error.isTransient, true);
  assert.equal(error.name, "ResourceExhaustedError");
});

test("an error without details, such as a proxy's, has the usual reason", async () => {
  const error = await thrownFor(new ConnectError("nobody is there", Code.Unavailable));
  assert.deepEqual([error.message, error.reason], ["nobody is there", "BACKEND_UNAVAILABLE"]);
  assert.equal(error instanceof rfe.UnreachableError, false);
});

test("an error of the connection is not one of the service", async () => {
  await using client = new rfe.Client({ url: "http://127.0.0.1:1", retries: ONCE });
  const error = await client.job("j").catch((error: unknown) => error);
  assert.ok(error instanceof rfe.UnreachableError);
  assert.ok(error instanceof rfe.UnavailableError);
  assert.equal(error.message, "http://127.0.0.1:1 can't be reached: connect ECONNREFUSED 127.0.0.1:1");
  assert.deepEqual([error.code, error.isTransient], ["UNAVAILABLE", true]);
});

test("a connection that breaks under a call makes the service unreachable, and the next call connects again", async () => {
  const jobs: string[] = [];
  await using platform = await Platform.start((router) =>
    router.service(IngestService, {
      getJob({ jobId }) {
        jobs.push(jobId);
        if (jobId === "breaks") {
          platform.breakConnections();
        }
        return { job: { jobId } };
      },
    }),
  );
  await using client = new rfe.Client({ url: platform.url, retries: ONCE });
  await assert.rejects(client.job("breaks"), rfe.UnreachableError);
  assert.equal((await client.job("lives")).jobId, "lives");
  assert.deepEqual(jobs, ["breaks", "lives"]);
});

test("an answer without what it must have is an error", async () => {
  await using platform = await Platform.start((router) => router.service(IngestService, { getJob: () => ({}) }));
  await using client = new rfe.Client(platform.url);
  await assert.rejects(client.job("j"), {
    name: "InternalError",
    message: `${platform.url} answered outside the protocol: the answer has no job`,
  });
});
