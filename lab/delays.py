"""How long each emulated provider takes: seeded draws from measured or chosen distributions.

A draw depends only on (seed, provider, stage, key, how often that key was drawn before), never on
the clock or on other calls: two bots that say the same words meet the same delays.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from statistics import NormalDist

MAX_KEYS = 50_000  # ordinals remembered; a key not seen for that long starts again at 0
MAX_KEY_CHARS = 400  # of a long text its beginning is the key

_Z95 = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True)
class Spread:
    """A log-normal delay, given as people publish it."""

    median_s: float
    p95_s: float

    def at(self, quantile: float) -> float:
        """The delay at this quantile (0 < quantile < 1)."""
        if self.median_s <= 0:
            return 0.0
        sigma = math.log(self.p95_s / self.median_s) / _Z95
        return self.median_s * math.exp(sigma * NormalDist().inv_cdf(quantile))


@dataclass(frozen=True)
class Profile:
    """One world of delays: recogniser final, model first token and each next, voice first byte."""

    final: Spread
    first_token: Spread
    token_s: float
    first_byte: Spread


NOTHING = Spread(0.0, 0.0)
PROFILES = {
    # everything in one data centre: a founding assumption, not a measurement
    "co-located": Profile(Spread(0.070, 0.120), Spread(0.110, 0.160), 0.012, Spread(0.100, 0.160)),
    # the same, without its weather: what is above the sum is the bot's own, at any load
    "steady": Profile(Spread(0.070, 0.070), Spread(0.110, 0.110), 0.012, Spread(0.100, 0.100)),
    # published, over the internet: nova-3 247/298, claude-haiku-4-5 637/1615, Flash 150/200
    "public": Profile(Spread(0.247, 0.298), Spread(0.637, 1.615), 0.012, Spread(0.150, 0.200)),
    "zero": Profile(NOTHING, NOTHING, 0.0, NOTHING),
}
STAGES = ("final", "first_token", "first_byte")


@dataclass(frozen=True)
class Draw:
    """One drawn delay and the key it was drawn by, ready for the log."""

    delay_s: float
    stage: str
    key: str
    ordinal: int

    def as_dict(self) -> dict[str, object]:
        """The fields of a log entry."""
        return {
            "stage": self.stage,
            "key": self.key,
            "ordinal": self.ordinal,
            "delay_s": round(self.delay_s, 6),
        }


def plain(words: str) -> str:
    """Words without case and punctuation, so that formatting does not change the weather."""
    return " ".join(re.findall(r"\w+", words.lower()))[:MAX_KEY_CHARS]


class Delays:
    """Draws delays from one profile under one seed."""

    def __init__(self, profile: str = "co-located", *, seed: int = 1) -> None:
        if profile not in PROFILES:
            raise ValueError(f"profile {profile!r} is unknown; choose one of {', '.join(PROFILES)}")
        self.name = profile
        self.profile = PROFILES[profile]
        self.seed = seed
        self._seen: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    @property
    def token_s(self) -> float:
        """Seconds between two tokens of the model."""
        return self.profile.token_s

    def take(self, provider: str, stage: str, *, key: str) -> Draw:
        """Draw one delay; the same key again is the next ordinal, and another delay."""
        return self.spread(provider, stage, getattr(self.profile, stage), key=key)

    def spread(self, provider: str, stage: str, spread: Spread, *, key: str = "") -> Draw:
        """The same from a distribution that is no part of the profile."""
        key = plain(key)
        place = (provider, stage, key)
        ordinal = self._seen.pop(place, -1) + 1
        self._seen[place] = ordinal
        if len(self._seen) > MAX_KEYS:
            self._seen.popitem(last=False)
        return Draw(spread.at(self._quantile(place, ordinal)), stage, key, ordinal)

    def draw(self, provider: str, stage: str, key: str) -> float:
        """Seconds only, for who does not care why."""
        return self.take(provider, stage, key=key).delay_s

    def reset(self) -> None:
        """Start every ordinal again at 0, as for a new bot under test."""
        self._seen.clear()

    def _quantile(self, place: tuple[str, str, str], ordinal: int) -> float:
        """A uniform number in (0, 1) from a hash that is the same on every machine."""
        text = "\x1f".join((str(self.seed), *place, str(ordinal)))
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        # the outermost 0.1 % are clipped: one lonely draw must not decide a p99
        return 0.001 + 0.998 * (number / 2**64)
