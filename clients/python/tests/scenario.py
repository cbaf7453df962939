"""The scenario of all clients (clients/README.md): prints what it saw as JSON. `--asyncio`: with `AsyncClient`."""

import asyncio
import json
import sys

import scenario_async
import scenario_sync

if __name__ == "__main__":
    if "--asyncio" in sys.argv[1:]:
        document = {"language": "python-asyncio", **asyncio.run(scenario_async.scenario())}
    else:
        document = {"language": "python", **scenario_sync.scenario()}
    print(json.dumps(document))
