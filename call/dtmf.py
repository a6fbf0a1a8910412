"""Keys of the telephone, gathered into one entry: `#` ends it, or a pause behind the last key."""

from __future__ import annotations

from dataclasses import dataclass

KEYS_AT_MOST = 64  # nobody types more; a stuck key is no reason to remember for ever


@dataclass(frozen=True)
class Dtmf:
    """Section `[dtmf]`: what the caller types."""

    gap_s: float = 2.0
    """Seconds behind the last key after which the entry counts as complete. People look for the
    next key for one."""
    end_key: str = "#"
    """The key that ends an entry at once; it is no part of it."""

    def __post_init__(self) -> None:
        if not 0.2 <= self.gap_s <= 10:
            raise ValueError(f"gap_s is {self.gap_s}; choose 0.2 to 10 seconds")
        if self.end_key not in tuple("0123456789*#"):
            raise ValueError(f"end_key is {self.end_key!r}; choose one of 0 to 9, * and #")


@dataclass(frozen=True)
class KeyPressed:
    """One key."""

    key: str


@dataclass(frozen=True)
class StopAgent:
    """Somebody types: the agent is quiet."""


@dataclass(frozen=True)
class TakeEntry:
    """The entry is complete."""

    keys: str


Action = StopAgent | TakeEntry


class KeyEntry:
    """One entry at a time."""

    def __init__(self, settings: Dtmf) -> None:
        self._settings = settings
        self._keys = ""
        self._due_at: float | None = None

    def decide(self, fact: KeyPressed, now: float) -> tuple[Action, ...]:
        """The first key stops the agent, the last one completes the entry."""
        first: tuple[Action, ...] = () if self._due_at is not None else (StopAgent(),)
        if fact.key == self._settings.end_key:
            return (*first, self._complete(or_else=fact.key))
        self._keys = (self._keys + fact.key)[:KEYS_AT_MOST]
        self._due_at = now + self._settings.gap_s
        return first

    def next_deadline(self) -> float | None:
        """When the entry counts as complete, unless a key comes."""
        return self._due_at

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """Nobody typed on."""
        if self._due_at is None or now < self._due_at:
            return ()
        return (self._complete(or_else=""),)

    def _complete(self, *, or_else: str) -> TakeEntry:
        keys, self._keys, self._due_at = self._keys or or_else, "", None
        return TakeEntry(keys)
