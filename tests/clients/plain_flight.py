"""Plain Flight: SQL text as the ticket. Prints rows and types as JSON."""

import json
import sys

import pyarrow.flight as flight

address, sql = sys.argv[1:]
with flight.connect(f"grpc://{address}") as client:
    table = client.do_get(flight.Ticket(sql.encode())).read_all()
print(json.dumps({"rows": table.to_pylist(), "types": [str(field.type) for field in table.schema]}))
