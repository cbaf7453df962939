"""The face that blocks: written by `generate/unasync.py` from `_async`, but for `event_sender.py`, `query.py` and `wire.py`."""
