import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateUnit,
  Decimal,
  Field,
  FixedSizeList,
  Int32,
  Int64,
  LargeUtf8,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  TimeUnit,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { dateText, decimalText, timestampText, timeText } from "../src/flight/text.js";
import { rowsOf } from "../src/flight/values.js";

function read(columns: Record<string, Vector>): Record<string, unknown>[] {
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type as DataType, true));
  const children = Object.values(columns).map(({ data }) => data[0] as never);
  const length = Object.values(columns)[0]?.length ?? 0;
  const schema = new Schema(fields);
  return [...rowsOf(new RecordBatch(schema, makeData({ type: new Struct(fields), length, children })))];
}

test("decimals keep all their digits", () => {
  const words = (value: bigint) =>
    Uint32Array.from({ length: 4 }, (_, at) => Number(BigInt.asUintN(32, value >> BigInt(32 * at))));
  const cases: [bigint, number, string][] = [
    [250n, 2, "2.50"],
    [-5n, 2, "-0.05"],
    [0n, 0, "0"],
    [0n, 3, "0.000"],
    [-(10n ** 37n) - 1n, 10, "-1000000000000000000000000000.0000000001"],
    [10n ** 38n - 1n, 0, "9".repeat(38)],
    [12n, -3, "12000"],
  ];
  for (const [value, scale, text] of cases) {
    assert.equal(decimalText(words(value), scale), text);
  }
});

test("dates are text over all of SQL's years", () => {
  const cases: [number, string][] = [
    [0, "1970-01-01"],
    [-1, "1969-12-31"],
    [19_782, "2024-02-29"],
    [19_783, "2024-03-01"],
    [11_016, "2000-02-29"],
    [-25_509, "1900-02-28"],
    [-25_508, "1900-03-01"],
    [-719_528, "0000-01-01"],
    [-719_529, "-000001-12-31"],
    [2_932_897, "+010000-01-01"],
    [2 ** 31 - 1, "infinity"],
    [-(2 ** 31 - 1), "-infinity"],
  ];
  for (const [days, text] of cases) {
    assert.equal(dateText(days, DateUnit.DAY), text);
  }
  assert.equal(dateText(-1n, DateUnit.MILLISECOND), "1969-12-31");
  for (let days = -800_000; days < 800_000; days += 997) {
    assert.equal(dateText(days, DateUnit.DAY), day(days));
  }
});

function day(days: number): string {
  return new Date(days * 86_400_000).toISOString().replace(/T.*/, "");
}

test("instants keep each unit's digits, before the epoch too", () => {
  assert.equal(timestampText(1_709_210_096_789_012n, TimeUnit.MICROSECOND), "2024-02-29T12:34:56.789012");
  assert.equal(timestampText(-1n, TimeUnit.MICROSECOND), "1969-12-31T23:59:59.999999");
  assert.equal(timestampText(-1n, TimeUnit.NANOSECOND), "1969-12-31T23:59:59.999999999");
  assert.equal(timestampText(1n, TimeUnit.MILLISECOND), "1970-01-01T00:00:00.001");
  assert.equal(timestampText(86_400n, TimeUnit.SECOND), "1970-01-02T00:00:00");
  assert.equal(timestampText(2n ** 63n - 1n, TimeUnit.MICROSECOND), "infinity");
  assert.equal(timestampText(-(2n ** 63n - 1n), TimeUnit.MICROSECOND), "-infinity");
  assert.equal(timeText(3_723_000_001n, TimeUnit.MICROSECOND), "01:02:03.000001");
  assert.equal(timeText(0n, TimeUnit.NANOSECOND), "00:00:00");
});

test("a row is a plain object of plain values", () => {
  const rows = read({
    small: vectorFromArray([1, null], new Int32()),
    large: vectorFromArray([9_007_199_254_740_993n, null], new Int64()),
    flag: vectorFromArray([true, false], new Bool()),
    text: vectorFromArray(["ä", null], new LargeUtf8()),
    bytes: vectorFromArray([Uint8Array.of(170), null], new Binary()),
    day: vectorFromArray([new Date("2024-02-29"), null], new DateDay()),
    amount: vectorFromArray([Uint32Array.of(250, 0, 0, 0), null], new Decimal(2, 9)),
  });
  assert.deepEqual(rows, [
    {
      small: 1,
      large: 9_007_199_254_740_993n,
      flag: true,
      text: "ä",
      bytes: Uint8Array.of(170),
      day: "2024-02-29",
      amount: "2.50",
    },
    { small: null, large: null, flag: false, text: null, bytes: null, day: null, amount: null },
  ]);
});

test("lists and structs are arrays and objects, however deep", () => {
  const list = new List(new Field("item", new List(new Field("item", new DateDay(), true)), true));
  const struct = new Struct([
    new Field("a", new Int64(), true),
    new Field("l", new List(new Field("item", new Utf8()))),
  ]);
  const date = new Date("2024-02-29");
  const rows = read({
    deep: vectorFromArray([[[date], [], null], null, [[date, null]]], list),
    pair: vectorFromArray([[1, 2], [3, 4], null], new FixedSizeList(2, new Field("item", new Int32(), true))),
    struct: vectorFromArray([{ a: 1n, l: ["x"] }, { a: null, l: [] }, null], struct),
  });
  assert.deepEqual(rows, [
    { deep: [["2024-02-29"], [], null], pair: [1, 2], struct: { a: 1n, l: ["x"] } },
    { deep: null, pair: [3, 4], struct: { a: null, l: [] } },
    { deep: [["2024-02-29", null]], pair: null, struct: null },
  ]);
});

test("a column may have any name", () => {
  const [row] = read({
    ["__proto__"]: vectorFromArray([1], new Int32()),
    constructor: vectorFromArray([2], new Int32()),
  });
  assert.deepEqual(Object.entries(row ?? {}), [
    ["__proto__", 1],
    ["constructor", 2],
  ]);
});
