import {
  Binary,
  Bool,
  Float64,
  Int64,
  makeData,
  Null,
  Table,
  TimestampMicrosecond,
  tableToIPC,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from "apache-arrow";
import { InvalidArgumentError } from "../errors.js";

/**
 * A value for a `?`: a whole number and a bigint are BIGINT, another number is DOUBLE, a Date is TIMESTAMPTZ, bytes are BLOB. For any
 * other type give an Arrow vector of one value.
 */
export type SqlValue = null | undefined | boolean | number | bigint | string | Uint8Array | Date | Vector;

const INT64_MIN = -(2n ** 63n);
const UINT64_END = 2n ** 64n;

/**
 * The values as one row of Arrow, in the IPC stream format.
 *
 * @throws {InvalidArgumentError} if a value can't be one of SQL.
 */
export function encodeParameters(values: readonly SqlValue[]): Uint8Array {
  const columns = values.map((value, at) => [String(at), column(value, at + 1)] as const);
  return tableToIPC(new Table(Object.fromEntries(columns)), "stream");
}

function column(value: SqlValue, number: number): Vector {
  switch (typeof value) {
    case "undefined":
      return vectorFromArray([null], new Null());
    case "boolean":
      return new Vector([makeData({ type: new Bool(), length: 1, data: Uint8Array.of(Number(value)) })]);
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0)
        ? integer(BigInt(value), number)
        : new Vector([makeData({ type: new Float64(), data: Float64Array.of(value) })]);
    case "bigint":
      return integer(value, number);
    case "string":
      return vectorFromArray([value], new Utf8());
    default:
      return object(value, number);
  }
}

function integer(value: bigint, number: number): Vector {
  if (value < INT64_MIN || value >= UINT64_END) {
    throw new InvalidArgumentError(`parameter ${number} is ${value}, which has more than 64 bits`);
  }
  return value < 2n ** 63n
    ? new Vector([makeData({ type: new Int64(), data: BigInt64Array.of(value) })])
    : new Vector([makeData({ type: new Uint64(), data: BigUint64Array.of(value) })]);
}

function object(value: null | Uint8Array | Date | Vector, number: number): Vector {
  if (value === null) {
    return vectorFromArray([null], new Null());
  }
  if (value instanceof Uint8Array) {
    return vectorFromArray([value], new Binary());
  }
  if (value instanceof Date) {
    return instant(value, number);
  }
  if (value instanceof Vector && value.length === 1) {
    return value;
  }
  const what = value instanceof Vector ? `a vector of ${value.length} values` : "an object";
  throw new InvalidArgumentError(`parameter ${number} is ${what}; an Arrow vector of one value can be bound`);
}

function instant(value: Date, number: number): Vector {
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) {
    throw new InvalidArgumentError(`parameter ${number} is an invalid Date`);
  }
  const micros = BigInt64Array.of(BigInt(milliseconds) * 1000n);
  return new Vector([makeData({ type: new TimestampMicrosecond("UTC"), data: micros })]);
}
