"""Writes the same rows in many shapes of Parquet into a folder, one file a shape."""

import datetime as dt
import decimal
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = sys.argv[-1]
rows = 3000
ids = list(range(rows))


def some(value):
    return [None if n % 10 == 3 else value(n) for n in ids]


def stamps(unit, zone=None):
    return pa.array(some(lambda n: dt.datetime(2026, 1, 1) + dt.timedelta(minutes=n)), pa.timestamp(unit, zone))


def decimals(kind):
    return pa.array(some(lambda n: decimal.Decimal(n - 1500) / 100), kind)


plain = pa.table(
    {
        "id": pa.array(ids, pa.int64()),
        "small": pa.array(some(lambda n: n % 100), pa.int8()),
        "big": pa.array(some(lambda n: 2**64 - 1 - n), pa.uint64()),
        "ratio": pa.array(some(lambda n: n / 4), pa.float32()),
        "text": pa.array(some(lambda n: f"text {n % 50}"), pa.string()),
        "bytes": pa.array(some(lambda n: bytes([n % 256, 255])), pa.binary()),
        "flag": pa.array(some(lambda n: n % 2 == 0), pa.bool_()),
        "day": pa.array(some(lambda n: dt.date(2026, 1, 1) + dt.timedelta(days=n)), pa.date32()),
        "price": decimals(pa.decimal128(9, 2)),
        "cost": decimals(pa.decimal128(18, 2)),
        "total": decimals(pa.decimal128(30, 2)),
        "at": stamps("us"),
        "instant": stamps("us", "UTC"),
        "berlin": stamps("ms", "Europe/Berlin"),
        "clock": pa.array(some(lambda n: dt.time(n % 24, 30)), pa.time64("us")),
    }
)
nested = pa.table(
    {
        "id": pa.array(ids, pa.int64()),
        "items": pa.array(some(lambda n: list(range(n % 4))), pa.list_(pa.int32())),
        "part": pa.array(some(lambda n: {"a": n, "b": f"b{n}"}), pa.struct([("a", pa.int64()), ("b", pa.string())])),
        "pairs": pa.array(some(lambda n: [(f"k{n}", n)]), pa.map_(pa.string(), pa.int64())),
        "deep": pa.array(
            some(lambda n: [{"x": n, "ys": [1.5] * (n % 3)}, None]),
            pa.list_(pa.struct([("x", pa.int32()), ("ys", pa.list_(pa.float64()))])),
        ),
        "fixed": pa.array(some(lambda n: [n, n + 1]), pa.list_(pa.int16(), 2)),
    }
)
dictionary = plain.set_column(4, "text", plain["text"].combine_chunks().dictionary_encode())

shapes = {
    "uncompressed": (plain, {"compression": "none"}),
    "snappy": (plain, {"compression": "snappy"}),
    "gzip": (plain, {"compression": "gzip"}),
    "brotli": (plain, {"compression": "brotli"}),
    "zstd": (plain, {"compression": "zstd"}),
    "lz4": (plain, {"compression": "lz4"}),
    "pages_v2": (plain, {"data_page_version": "2.0", "compression": "zstd"}),
    "small_pages": (plain, {"data_page_size": 512, "write_batch_size": 64, "row_group_size": 1000}),
    "one_row_groups": (plain, {"row_group_size": 1}),
    "plain_encoding": (plain, {"use_dictionary": False}),
    "delta": (
        plain,
        {
            "use_dictionary": False,
            "column_encoding": {
                "id": "DELTA_BINARY_PACKED",
                "small": "DELTA_BINARY_PACKED",
                "at": "DELTA_BINARY_PACKED",
                "text": "DELTA_BYTE_ARRAY",
                "bytes": "DELTA_LENGTH_BYTE_ARRAY",
                "ratio": "BYTE_STREAM_SPLIT",
            },
        },
    ),
    "integer_decimals": (plain, {"store_decimal_as_integer": True}),
    "without_schema": (plain, {"store_schema": False}),
    "int96": (plain, {"use_deprecated_int96_timestamps": True, "store_schema": False}),
    "checksums": (plain, {"write_page_checksum": True, "write_page_index": True}),
    "bloom": (plain, {"bloom_filter_options": {"id": {"ndv": rows}, "text": {"ndv": 50}}}),
    "dictionary": (dictionary, {}),
    "nested": (nested, {}),
    "nested_v2": (nested, {"data_page_version": "2.0", "row_group_size": 700, "data_page_size": 400}),
    "nested_without_schema": (nested, {"store_schema": False, "compression": "gzip"}),
}
for name, (table, options) in shapes.items():
    pq.write_table(table, os.path.join(folder, f"{name}.parquet"), **options)

units = pa.table(
    {
        "s": stamps("s"),
        "ms": stamps("ms"),
        "us": stamps("us"),
        "ns": stamps("ns"),
        "ns_utc": stamps("ns", "UTC"),
        "clock_ms": pa.array(some(lambda n: dt.time(1, 2, 3, 4000)), pa.time32("ms")),
        "clock_ns": pa.array(some(lambda n: 3_600_000_000_001), pa.time64("ns")),
        "span": pa.array(some(lambda n: dt.timedelta(seconds=n)), pa.duration("ms")),
        "nothing": pa.nulls(rows),
    }
)
pq.write_table(units, os.path.join(folder, "units.parquet"))
pq.write_table(plain.slice(0, 0), os.path.join(folder, "no_rows.parquet"))
far = pa.table({"at": pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)], pa.timestamp("us"))})
pq.write_table(far, os.path.join(folder, "far.parquet"))
cases = pa.table([pa.array([1]), pa.array([2])], names=["Id", "ID"])
pq.write_table(cases, os.path.join(folder, "cases.parquet"))
twice = pa.table([pa.array([1]), pa.array([2])], names=["id", "id"])
pq.write_table(twice, os.path.join(folder, "twice.parquet"))
print(" ".join(shapes), flush=True)
