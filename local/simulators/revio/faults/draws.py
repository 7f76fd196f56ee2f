"""Chance that can be repeated: what a request meets depends on the seed and on the request, not on who came before it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from statistics import NormalDist

from local.simulators.revio.settings import Settings

NINETY_FIVE_PERCENT = NormalDist().inv_cdf(0.95)


class Draws:
    """The draws under one seed. The same request, come for the same time, draws the same whatever the interleaving."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._times: Counter[str] = Counter()

    def count(self, request: str) -> int:
        """Return how many times this very request has come, this time included."""
        self._times[request] += 1
        return self._times[request]

    def fraction(self, purpose: str, request: str, time: int) -> float:
        """Return a number between 0 and 1, both excluded: always the same for the same arguments and seed."""
        drawn = hashlib.blake2b(f"{self.seed}|{purpose}|{request}|{time}".encode(), digest_size=6).digest()
        return (int.from_bytes(drawn) + 0.5) / 2**48


def latency_seconds(settings: Settings, fraction: float) -> float:
    """Return how long a call takes that drew this fraction."""
    low, high = settings.latency_ms, settings.latency_high_ms or 0.0
    if settings.latency_shape == "uniform":
        return (low + (high - low) * fraction) / 1000
    if settings.latency_shape == "log_normal":
        spread = math.log(high / low) / NINETY_FIVE_PERCENT
        return low * math.exp(spread * NormalDist().inv_cdf(fraction)) / 1000
    return low / 1000
