"""Measures a statement through ADBC, warm. Prints the latencies in milliseconds as JSON."""

import json
import sys
import time

import adbc_driver_flightsql.dbapi as dbapi

address, sql, times = sys.argv[1:]
taken = []
with dbapi.connect(f"grpc://{address}", autocommit=True) as connection, connection.cursor() as cursor:
    for number in range(int(times) + 20):
        begun = time.perf_counter()
        cursor.execute(sql)
        cursor.fetchall()
        if number >= 20:
            taken.append((time.perf_counter() - begun) * 1000)
print(json.dumps(sorted(taken)))
