"""Flight over TLS: pyarrow with an authority, and a client's certificate where one is given. Prints the rows as JSON."""

import json
import sys
from pathlib import Path

import pyarrow.flight as flight

address, ca, sql, *own = sys.argv[1:]
settings = {"tls_root_certs": Path(ca).read_bytes()}
if own:
    settings["cert_chain"], settings["private_key"] = (Path(path).read_bytes() for path in own)
with flight.connect(f"grpc+tls://{address}", **settings) as client:
    print(json.dumps(client.do_get(flight.Ticket(sql.encode())).read_all().to_pylist()))
