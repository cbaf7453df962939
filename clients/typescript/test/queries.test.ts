import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, type HandlerContext } from "@connectrpc/connect";
import { Client, DeadlineExceededError, InvalidArgumentError, ResourceExhaustedError } from "@rfe/client";
import { Date_, DateUnit, Field, Int64, type RecordBatch, Schema, Table, Utf8, vectorFromArray } from "apache-arrow";
import { encapsulated } from "../src/flight/ipc.js";
import { partsOf, querying } from "./flight.js";
import { refusal, until } from "./platform.js";

const SCHEMA = new Schema([new Field("n", new Int64(), true), new Field("word", new Utf8(), true)]);

function batch(from: number, rows: number): RecordBatch {
  const numbers = Array.from({ length: rows }, (_, at) => from + at);
  const table = new Table(SCHEMA, {
    n: vectorFromArray(numbers.map(BigInt), new Int64()),
    word: vectorFromArray(
      numbers.map((n) => (n % 3 === 0 ? null : `w${n}`)),
      new Utf8(),
    ),
  });
  const [only] = table.batches;
  assert.ok(only);
  return only;
}

test("a result comes batch by batch, with its schema", async () => {
  const { platform, seen } = await querying({ rows: () => partsOf(SCHEMA, [batch(0, 3), batch(3, 2)]) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const rows = await client.query("SELECT 1");
  assert.deepEqual(
    rows.schema.fields.map((field) => `${field.name}: ${field.type}`),
    ["n: Int64", "word: Utf8"],
  );
  const sizes = [];
  for await (const part of rows) {
    sizes.push(part.numRows);
  }
  assert.deepEqual(sizes, [3, 2]);
  assert.deepEqual(seen.calls, ["info", "get"]);
});

test("a result can be taken whole, and as objects", async () => {
  const { platform } = await querying({ rows: () => partsOf(SCHEMA, [batch(0, 3), batch(3, 2)]) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const table = await (await client.query("SELECT 1")).table();
  assert.equal(table.numRows, 5);
  assert.deepEqual(table.getChild("n")?.toArray(), BigInt64Array.of(0n, 1n, 2n, 3n, 4n));
  const objects = [];
  for await (const row of (await client.query("SELECT 1")).objects()) {
    objects.push(row);
  }
  assert.deepEqual(objects.slice(2), [
    { n: 2n, word: "w2" },
    { n: 3n, word: null },
    { n: 4n, word: "w4" },
  ]);
});

test("a result without rows has its columns", async () => {
  const { platform } = await querying({ rows: () => partsOf(SCHEMA) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const rows = await client.query("SELECT 1 WHERE false");
  assert.deepEqual(
    rows.schema.fields.map(({ name }) => name),
    ["n", "word"],
  );
  const table = await rows.table();
  assert.deepEqual([table.numRows, table.numCols], [0, 2]);
});

test("rows are read once", async () => {
  const { platform } = await querying({ rows: () => partsOf(SCHEMA, [batch(0, 3)]) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const rows = await client.query("SELECT 1");
  await rows.table();
  await assert.rejects(rows.table(), { name: "TypeError", message: /read before/ });
});

test("messages that carry no rows are passed over", async () => {
  const parts = partsOf(SCHEMA, [batch(0, 3)]);
  parts.splice(1, 0, { appMetadata: Uint8Array.of(1) });
  const { platform } = await querying({ rows: () => parts });
  await using _ = platform;
  await using client = new Client(platform.url);
  assert.equal((await (await client.query("SELECT 1")).table()).numRows, 3);
});

test("a message's parts stand at multiples of eight bytes, wherever they lay on the wire", () => {
  const wire = Uint8Array.from({ length: 32 }, (_, at) => at);
  const message = { dataHeader: wire.subarray(1, 6), dataBody: wire.subarray(9, 19) };
  const bytes = encapsulated(message);
  assert.deepEqual([...bytes.subarray(0, 8)], [255, 255, 255, 255, 8, 0, 0, 0]);
  assert.deepEqual([...bytes.subarray(8, 16)], [1, 2, 3, 4, 5, 0, 0, 0]);
  assert.deepEqual(bytes.subarray(16), message.dataBody);
  assert.equal(bytes.byteOffset, 0);
});

test("dictionaries are there for all batches behind them", async () => {
  const words = vectorFromArray(["a", "b", "a", null]);
  const schema = new Schema([new Field("word", words.type, true)]);
  const { batches } = new Table(schema, { word: words });
  const { platform } = await querying({ rows: () => partsOf(schema, [...batches, ...batches]) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const seen = [];
  for await (const { word } of (await client.query("SELECT 1")).objects<{ word: string | null }>()) {
    seen.push(word);
  }
  assert.deepEqual(seen, ["a", "b", "a", null, "a", "b", "a", null]);
});

test("values are bound in their order and never pasted into the text", async () => {
  let ran = "";
  const { platform, seen } = await querying({
    rows(sql) {
      ran = sql;
      return partsOf(SCHEMA);
    },
  });
  await using _ = platform;
  await using client = new Client(platform.url);
  const at = new Date("2024-02-29T12:34:56.789Z");
  const day = vectorFromArray([at], new Date_(DateUnit.DAY));
  const parameters = ["w'3", 700, 2n ** 63n - 1n, 1.5, true, null, Uint8Array.of(170), at, 2n ** 64n - 1n, day, -0];
  await (await client.query("SELECT ?", { parameters })).table();
  const calls = seen.calls.join(", ");
  assert.equal(calls, "CreatePreparedStatement, put, info of prepared, ClosePreparedStatement, get");
  assert.equal(ran, "SELECT ? (bound)", "the handle that carries the values is the one that runs");
  const { bound } = seen;
  assert.ok(bound);
  assert.equal(bound.numRows, 1);
  assert.deepEqual(
    bound.schema.fields.map(({ name, type }) => `${name}: ${type}`),
    [
      "0: Utf8",
      "1: Int64",
      "2: Int64",
      "3: Float64",
      "4: Bool",
      "5: Null",
      "6: Binary",
      "7: Timestamp<MICROSECOND, UTC>",
      "8: Uint64",
      "9: Date32<DAY>",
      "10: Float64",
    ],
  );
  const values = bound.schema.fields.map((_, column) => bound.getChildAt(column)?.get(0));
  assert.deepEqual(values, [
    "w'3",
    700n,
    2n ** 63n - 1n,
    1.5,
    true,
    null,
    Uint8Array.of(170),
    at.getTime(),
    2n ** 64n - 1n,
    Date.UTC(2024, 1, 29),
    -0,
  ]);
});

test("a value that SQL has no type for is refused, and nothing is asked", async () => {
  const { platform, seen } = await querying({ rows: () => partsOf(SCHEMA) });
  await using _ = platform;
  await using client = new Client(platform.url);
  const wrong = [2n ** 64n, new Date(Number.NaN), {} as never, vectorFromArray([1, 2])];
  for (const value of wrong) {
    await assert.rejects(client.query("SELECT ?", { parameters: [1, value] }), (error) => {
      return error instanceof InvalidArgumentError && error.message.startsWith("parameter 2 is ");
    });
  }
  assert.deepEqual(seen.calls, []);
});

test("the error of a statement is that of any call", async () => {
  const error = refusal(Code.InvalidArgument, "no column `x`", { reason: "SQL_INVALID" });
  const { platform, seen } = await querying({
    rows: () => partsOf(SCHEMA),
    refuse: (sql) => (sql.startsWith("SELECT x") ? error : undefined),
  });
  await using _ = platform;
  await using client = new Client(platform.url);
  const expected = { name: "InvalidArgumentError", reason: "SQL_INVALID", message: "no column `x`" };
  await assert.rejects(client.query("SELECT x"), expected);
  await assert.rejects(client.query("SELECT x", { parameters: [1] }), expected);
  assert.equal(seen.calls.at(-1), "ClosePreparedStatement", "the statement is closed where it failed too");
});

test("an error in the midst of a result comes when it is read", async () => {
  const { platform } = await querying({
    async *rows() {
      yield* partsOf(SCHEMA, [batch(0, 3)]);
      throw refusal(Code.ResourceExhausted, "too large", { reason: "QUERY_TOO_LARGE" });
    },
  });
  await using _ = platform;
  await using client = new Client(platform.url);
  const rows = await client.query("SELECT 1");
  let seen = 0;
  const reading = (async () => {
    for await (const part of rows) {
      seen += part.numRows;
    }
  })();
  await assert.rejects(reading, (error) => {
    return error instanceof ResourceExhaustedError && error.reason === "QUERY_TOO_LARGE";
  });
  assert.equal(seen, 3);
});

test("an answer that is no Arrow is outside the protocol", async () => {
  const { platform } = await querying({ rows: () => [{ dataHeader: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }] });
  await using _ = platform;
  await using client = new Client(platform.url);
  await assert.rejects(client.query("SELECT 1"), { code: "INTERNAL", message: /answered outside the protocol/ });
  const { platform: empty } = await querying({ rows: () => [] });
  await using __ = empty;
  await using other = new Client(empty.url);
  await assert.rejects(other.query("SELECT 1"), { code: "INTERNAL", message: /no schema/ });
});

/** Rows without end: counts the batches that were sent, and whether anybody still wants some. */
function endless() {
  const seen = { sent: 0, ended: false };
  const large = batch(0, 40_000);
  const [schema, part] = partsOf(SCHEMA, [large]);
  async function* rows(_: string, context: HandlerContext) {
    context.signal.addEventListener("abort", () => {
      seen.ended = true;
    });
    yield schema ?? {};
    for (;;) {
      yield part ?? {};
      seen.sent += 1;
    }
  }
  return { seen, rows };
}

test("a result that is not read is not sent either, and leaving the loop ends the query", async () => {
  const { seen, rows } = endless();
  const { platform } = await querying({ rows });
  await using _ = platform;
  await using client = new Client(platform.url);
  for await (const part of await client.query("SELECT 1")) {
    assert.equal(part.numRows, 40_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(seen.sent < 10, `${seen.sent} batches were sent to one who read one`);
    assert.equal(seen.ended, false);
    break;
  }
  await until("the query has ended", () => seen.ended);
});

test("closing rows that nobody has read ends the query", async () => {
  const { seen, rows } = endless();
  const { platform } = await querying({ rows });
  await using _ = platform;
  await using client = new Client(platform.url);
  {
    await using unread = await client.query("SELECT 1");
    assert.equal(unread.schema.fields.length, 2);
  }
  await until("the query has ended", () => seen.ended);
});

test("a query ends at its deadline, its rows included", async () => {
  const { seen, rows } = endless();
  const { platform } = await querying({ rows });
  await using _ = platform;
  await using client = new Client({ url: platform.url, queryDeadline: 200 });
  const reading = (async () => {
    for await (const _ of await client.query("SELECT 1")) {
      // Until the error.
    }
  })();
  await assert.rejects(reading, DeadlineExceededError);
  await until("the query has ended", () => seen.ended);
});

test("an aborted signal ends a query while it is read", async () => {
  const { seen, rows } = endless();
  const { platform } = await querying({ rows });
  await using _ = platform;
  await using client = new Client(platform.url);
  const controller = new AbortController();
  const reading = (async () => {
    for await (const _ of await client.query("SELECT 1", { signal: controller.signal })) {
      controller.abort();
    }
  })();
  await assert.rejects(reading, { code: "CANCELLED" });
  await until("the query has ended", () => seen.ended);
});
