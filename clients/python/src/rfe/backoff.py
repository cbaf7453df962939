"""How long to wait before something is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rfe.errors import Error


@dataclass(frozen=True)
class Backoff:
    """delay = uniform(0.5, 1) · min(cap, base · 2^(attempt − 1))"""

    attempts: int = 4
    """In all; 1: nothing is tried again."""
    base: float = 0.1
    """In seconds."""
    cap: float = 2.0
    """In seconds."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the attempt of this number, from 1."""
        return random.uniform(0.5, 1.0) * min(self.cap, self.base * 2.0 ** min(attempt - 1, 30))

    def before_next(self, attempt: int, error: Error) -> float | None:
        """Seconds until a safe call is made again; None: it is not."""
        if error.code != "UNAVAILABLE" or attempt >= self.attempts:
            return None
        if error.retry_after is not None and error.retry_after > self.cap:
            return None
        return max(self.delay(attempt), error.retry_after or 0.0)
