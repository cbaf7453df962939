"""Writes Avro files into a folder, as a client that shares no code with the reader does."""

import datetime as dt
import decimal
import os
import sys
import uuid

import fastavro

folder = sys.argv[-1]
schema = fastavro.parse_schema(
    {
        "type": "record",
        "name": "reading",
        "namespace": "org.example",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "room", "type": ["null", "string"], "default": None},
            {"name": "degrees", "type": "double"},
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
            {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "state", "type": {"type": "enum", "name": "state", "symbols": ["ON", "OFF"]}},
            {"name": "picture", "type": "bytes"},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
            {"name": "place", "type": {"type": "record", "name": "place", "fields": [{"name": "city", "type": "string"}]}},
        ],
    }
)


def reading(number):
    return {
        "id": number,
        "room": None if number % 4 == 0 else f"room {number % 4}",
        "degrees": number / 4,
        "price": decimal.Decimal(number - 500) / 1000,
        "day": dt.date(2026, 1, 1) + dt.timedelta(days=number),
        "at": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc) + dt.timedelta(seconds=number),
        "local": dt.datetime(2026, 1, 1) + dt.timedelta(hours=number),
        "key": str(uuid.UUID(int=number)),
        "state": "ON" if number % 2 else "OFF",
        "picture": bytes([number % 256, 255]),
        "tags": [str(number)] * (number % 3),
        "place": {"city": f"town {number % 5}"},
    }


for name, codec, first in [("a", "null", 0), ("b", "deflate", 1000), ("c", "bzip2", 2000)]:
    with open(os.path.join(folder, f"{name}.avro"), "wb") as file:
        records = [reading(number) for number in range(first, first + 1000)]
        fastavro.writer(file, schema, records, codec=codec, sync_interval=4000)

late = fastavro.parse_schema(
    {"type": "record", "name": "reading", "fields": [{"name": "id", "type": "int"}, {"name": "note", "type": "string"}]}
)
with open(os.path.join(folder, "d.avro"), "wb") as file:
    fastavro.writer(file, late, [{"id": 3000, "note": "new"}])
