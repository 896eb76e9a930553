"""Chance without state: every draw is a function of the seed and of what it is drawn for."""

import math
from hashlib import blake2b
from statistics import NormalDist

# Above this mean the normal approximation is within the noise a reader could see, and inversion gets slow.
_NORMAL_FROM = 30.0


def draw(seed: int, *what: object) -> float:
    """A number in (0, 1) that belongs to ``what`` for good; neighbours are unrelated."""
    key = "|".join(map(str, (seed, *what))).encode()
    return (int.from_bytes(blake2b(key, digest_size=6).digest(), "big") + 0.5) / 2**48


def spread(seed: int, low: float, high: float, *what: object) -> float:
    """A number between ``low`` and ``high``."""
    return low + (high - low) * draw(seed, *what)


def pick(seed: int, size: int, *what: object) -> int:
    """A whole number in 0 .. size - 1."""
    return int(size * draw(seed, *what))


def arrivals(mean: float, luck: float) -> int:
    """How many came when ``mean`` were expected (Poisson); ``luck`` is a draw in (0, 1)."""
    if mean >= _NORMAL_FROM:
        return max(0, round(NormalDist(mean, math.sqrt(mean)).inv_cdf(luck)))
    count, term = 0, math.exp(-mean)
    reached = term
    while luck > reached and term > 0.0:
        count += 1
        term *= mean / count
        reached += term
    return count
