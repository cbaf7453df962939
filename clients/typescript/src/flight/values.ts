import { type Data, DataType, IntervalUnit, type RecordBatch, type TimeUnit, Vector } from "apache-arrow";
import { dateText, decimalText, timestampText, timeText } from "./text.js";

/** A row as a plain object. Where two columns have one name, the last one is shown. */
export type Row = Record<string, unknown>;

type Read = (index: number) => unknown;

/** The rows of a batch as plain objects. */
export function* rowsOf(batch: RecordBatch): Generator<Row, void, undefined> {
  const columns = batch.schema.fields.map(({ name }, at) => {
    const data = batch.data.children[at];
    return [name, data ? reader(data) : () => null] as const;
  });
  for (let row = 0; row < batch.numRows; row++) {
    yield Object.fromEntries(columns.map(([name, read]) => [name, read(row)]));
  }
}

function reader(data: Data): Read {
  const read = scalar(data) ?? nested(data) ?? plain(data);
  return (index) => (data.getValid(index) ? read(index) : null);
}

function scalar(data: Data): Read | undefined {
  const { type, values } = data;
  if (DataType.isDecimal(type)) {
    const words = type.bitWidth / 32;
    return (index) => decimalText(values.subarray(index * words, (index + 1) * words), type.scale);
  }
  if (DataType.isDate(type)) {
    return (index) => dateText(values[index], type.unit);
  }
  if (DataType.isTimestamp(type)) {
    const zone = type.timezone ? "Z" : "";
    return (index) => timestampText(values[index], type.unit as TimeUnit) + zone;
  }
  if (DataType.isTime(type)) {
    return (index) => timeText(BigInt(values[index]), type.unit as TimeUnit);
  }
  if (DataType.isInterval(type) && type.unit === IntervalUnit.MONTH_DAY_NANO) {
    return (index) => interval(values.subarray(index * 4, (index + 1) * 4));
  }
  return undefined;
}

// Months and days have no fixed length, so that the three stay apart.
function interval([months, days, low, high]: Int32Array): { months: number; days: number; nanoseconds: bigint } {
  const nanoseconds = (BigInt(high ?? 0) << 32n) | BigInt.asUintN(32, BigInt(low ?? 0));
  return { months: months ?? 0, days: days ?? 0, nanoseconds };
}

function nested(data: Data): Read | undefined {
  const { type, children, valueOffsets } = data;
  const [first] = children;
  if (DataType.isStruct(type)) {
    const fields = type.children.map(({ name }, at) => [name, childReader(children[at])] as const);
    return (index) => Object.fromEntries(fields.map(([name, read]) => [name, read(index)]));
  }
  const item = childReader(first);
  if (DataType.isFixedSizeList(type)) {
    return (index) => span(item, index * type.listSize, (index + 1) * type.listSize);
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    return (index) => span(item, Number(valueOffsets[index]), Number(valueOffsets[index + 1]));
  }
  if (DataType.isMap(type)) {
    const [key, value] = [childReader(first?.children[0]), childReader(first?.children[1])];
    return (index) => {
      const [begin, end] = [Number(valueOffsets[index]), Number(valueOffsets[index + 1])];
      return new Map(span((at) => [key(at), value(at)] as const, begin, end));
    };
  }
  return undefined;
}

function plain(data: Data): Read {
  const vector = new Vector([data]);
  return (index) => {
    const value: unknown = vector.get(index);
    // A view would keep its whole batch in memory.
    return value instanceof Uint8Array ? value.slice() : value;
  };
}

function childReader(child: Data | undefined): Read {
  return child ? reader(child) : () => null;
}

function span<T>(read: (index: number) => T, begin: number, end: number): T[] {
  return Array.from({ length: end - begin }, (_, at) => read(begin + at));
}
