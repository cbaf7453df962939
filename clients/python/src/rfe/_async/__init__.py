"""The face for asyncio. `_sync` is written from it, but for what waits in another way."""
