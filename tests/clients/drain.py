"""Reads a result batch by batch and drops each. Prints how many rows and bytes there were."""

import json
import sys

import adbc_driver_flightsql.dbapi as dbapi

address, sql = sys.argv[1:]
rows = size = 0
with dbapi.connect(f"grpc://{address}", autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute(sql)
    for batch in cursor.fetch_record_batch():
        rows += batch.num_rows
        size += batch.nbytes
print(json.dumps({"rows": rows, "bytes": size}))
