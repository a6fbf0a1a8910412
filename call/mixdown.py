"""What a call sounded like: two tracks on one clock, late by so much that secrets can be silenced.

The caller's track is what came in, the agent's what was played; what a barge-in took back was not.
Nothing leaves before it is `hold_back_s` old: only then is it known what was said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from call.audio import RATE_HZ, mulaw_from_pcm

NOTICED_S = 1.0  # a voice began at most this much before it was noticed
WRITTEN_DOWN_S = 2.0  # and what is not in a final yet, at most this much before that came
UNNOTICED_S = 10.0  # words whose beginning nobody noticed
GAP_S = 2.0  # sound this much late means that some is missing; less is a stall that ends


class Recording(Protocol):
    """What the wire and the redactor tell of a call; instants are monotonic. Nothing waits."""

    def caller(self, pcm: bytes, at: float) -> None:
        """The caller's sound came in."""

    def agent(self, pcm: bytes, at: float) -> None:
        """The agent's sound, to be played from `at` on."""

    def cut(self, at: float) -> None:
        """What the agent was to be heard saying from here on was taken back."""

    def secret(self, begin: float, end: float) -> None:
        """What the caller said in between is nobody's to hear again."""


class NoRecording:
    """Nothing is recorded."""

    def caller(self, pcm: bytes, at: float) -> None:
        """Nothing."""

    def agent(self, pcm: bytes, at: float) -> None:
        """Nothing."""

    def cut(self, at: float) -> None:
        """Nothing."""

    def secret(self, begin: float, end: float) -> None:
        """Nothing."""


class Breath:
    """Since when the caller has been saying what is being said: a value is of many words, and what
    its first ones were is known with its last."""

    def __init__(self, recording: Recording, silence: Collection[str]) -> None:
        self._recording = recording
        self._silence = frozenset(silence)
        self._began_at: float | None = None  # of the words to come
        self._is_known = True  # all that was said is final
        self._before_began_at: float | None = None  # of the words of the last final
        self._secret_at: float | None = None  # since when this breath tells what is silenced

    def began(self, now: float) -> None:
        """The caller's voice was noticed."""
        self._secret_at = None
        if self._is_known:
            self._began_at, self._is_known = now - NOTICED_S, False

    def ended(self, now: float) -> None:
        """The caller paused. Words are told before that, too, and the rest of them belongs to
        what they tell."""
        if self._secret_at is not None:
            self._recording.secret(self._secret_at, now)
            self._secret_at = None

    def heard(
        self, kinds: Sequence[str], now: float, *, is_final: bool, goes_on: bool = False
    ) -> None:
        """Words came; `kinds`: of what was hidden in them, `goes_on`: with a value of before."""
        began_at = self._since(now)
        if goes_on and self._before_began_at is not None:
            began_at = min(began_at, self._before_began_at)
        if not self._silence.isdisjoint(kinds):
            self._recording.secret(began_at, now)
            self._secret_at = began_at
        if is_final:
            self._before_began_at = began_at
            self._began_at, self._is_known = now - WRITTEN_DOWN_S, True

    def withheld(self, now: float) -> None:
        """Words came that cannot be judged."""
        self._secret_at = self._since(now)
        self._recording.secret(self._secret_at, now)

    def _since(self, now: float) -> float:
        return now - UNNOTICED_S if self._began_at is None else self._began_at


class _Track:
    """One side: 16-bit samples from the beginning of what has not left yet."""

    def __init__(self) -> None:
        self.base = 0  # samples that have left
        self._pcm = bytearray()

    @property
    def end(self) -> int:
        """The sample behind the last one."""
        return self.base + len(self._pcm) // 2

    def put(self, pcm: bytes, at: int) -> None:
        """Sound that begins at a sample; silence in front of it, nothing before what has left."""
        if at > self.end:
            self._pcm += bytes(2 * (at - self.end))
        self._pcm += pcm[: len(pcm) & ~1]

    def cut(self, at: int) -> None:
        """Nothing from this sample on."""
        del self._pcm[2 * max(0, at - self.base) :]

    def silence(self, begin: int, end: int) -> None:
        """Silence in between, as far as it is here."""
        first, last = max(0, begin - self.base), min(self.end, end) - self.base
        if last > first:
            self._pcm[2 * first : 2 * last] = bytes(2 * (last - first))

    def take(self, until: int) -> bytes:
        """What lies before a sample, padded with silence."""
        count = until - self.base
        taken = bytes(self._pcm[: 2 * count])
        del self._pcm[: 2 * count]
        self.base = until
        return taken + bytes(2 * count - len(taken))


class Mixdown:
    """Both tracks of one call; what is old enough leaves as µ-law, caller left, agent right."""

    def __init__(self, *, began_at: float, hold_back_s: float) -> None:
        self._began_at = began_at
        self._hold_back_s = hold_back_s
        self._caller, self._agent = _Track(), _Track()
        self._secrets: list[tuple[int, int]] = []
        self._late = 0  # samples the caller's sound was behind the clock, lately

    # ── in ───────────────────────────────────────────────────────────────────────────
    def caller(self, pcm: bytes, at: float) -> None:
        """The caller's sound; late or not, it is continuous, unless it begins or is gone long."""
        end = self._caller.end
        sample = self._sample(at) - len(pcm) // 2
        is_gap = not end or sample - end > GAP_S * RATE_HZ
        self._caller.put(pcm, sample if is_gap else end)
        self._late = max(0, self._late - len(pcm) // 8, self._sample(at) - self._caller.end)

    def agent(self, pcm: bytes, at: float) -> None:
        """The agent's sound, played from `at` on."""
        self._agent.put(pcm, self._sample(at))

    def cut(self, at: float) -> None:
        """The agent was silenced."""
        self._agent.cut(self._sample(at))

    def secret(self, begin: float, end: float) -> None:
        """To be silenced, of what comes as well: all that was in when it was known, and as much
        sooner as sound is late."""
        last = max(self._sample(end), self._caller.end)
        self._secrets.append((max(0, self._sample(begin) - self._late), last))

    # ── out ──────────────────────────────────────────────────────────────────────────
    def due(self, now: float) -> bytes:
        """What is old enough by now."""
        return self._take(self._sample(now - self._hold_back_s))

    def rest(self) -> bytes:
        """Everything: the call is over."""
        return self._take(max(self._caller.end, self._agent.end))

    def _take(self, until: int) -> bytes:
        if until <= self._caller.base:
            return b""
        for begin, end in self._secrets:
            self._caller.silence(begin, end)
        self._secrets = [(begin, end) for begin, end in self._secrets if end > until]
        return interleaved(
            mulaw_from_pcm(self._caller.take(until)), mulaw_from_pcm(self._agent.take(until))
        )

    def _sample(self, at: float) -> int:
        return round(max(0.0, at - self._began_at) * RATE_HZ)


def interleaved(left: bytes, right: bytes) -> bytes:
    """Two tracks of one length as one, a byte of each by turns."""
    both = bytearray(2 * len(left))
    both[0::2] = left
    both[1::2] = right
    return bytes(both)
