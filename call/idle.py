"""A caller who says nothing: ask, ask again, say goodbye.

The clock starts when the caller has *heard* the agent's last words, never when they were sent. It
stands still while anybody is busy: the agent thinks, speaks, is held or waits for a tool, or the
caller is in the middle of a turn. "Hold on a second" makes it patient. Sound without words (music,
a street, a hum) puts the question off a little, and not for ever.

A sound may also have cut the agent short and turned out to be no words at all: then what was cut is
said again before anybody wonders why it is quiet.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from call.asides import asks_to_wait
from call.floor import Floor


@dataclass(frozen=True)
class Idle:
    """Section `[idle]`: what the agent does about a caller who says nothing."""

    ask_s: float = 8.0
    """Seconds of silence, counted from the last word heard, after which the agent asks whether the
    caller is still there; 0 switches the section off. Looking something up takes five; past ten,
    callers think that the line is dead."""
    again_s: float = 7.0
    """Seconds of silence behind that question, then it asks again. Who did not answer the first
    time is away, or cannot be heard."""
    goodbye_s: float = 7.0
    """Seconds of silence behind the second question, then the agent says goodbye and hangs up."""
    hold_s: float = 60.0
    """Seconds of silence in place of ask_s after "hold on a second". A card is found in twenty; an
    open line costs little."""
    sound_s: float = 6.0
    """Seconds by which sound without words puts a question off at most: it may still become words,
    and music never does."""
    words_s: float = 2.0
    """Seconds behind such a sound that its words may take to arrive."""
    pick_up_s: float = 1.2
    """Seconds behind a sound that cut the agent short and had no words (a door, a cough) after
    which the agent says again what was cut; once, until the caller speaks."""

    def __post_init__(self) -> None:
        for knob in fields(self):
            least = 0.0 if knob.name in ("ask_s", "sound_s") else 0.5
            value = getattr(self, knob.name)
            if not least <= value <= 600:
                raise ValueError(f"{knob.name} is {value}; choose {least:g} to 600 seconds")


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ReplyHeard:
    """The caller has heard a reply as far as it will ever be heard."""


@dataclass(frozen=True)
class AgentCut:
    """The agent was interrupted, speaking or thinking."""


@dataclass(frozen=True)
class SoundBegan:
    """The voice detector hears something like speech."""


@dataclass(frozen=True)
class SoundCeased:
    """It does not any more."""


@dataclass(frozen=True)
class WordsHeard:
    """The caller's words, so far (interim) or for good (final); a key pressed is a word too."""

    text: str
    final: bool = True


@dataclass(frozen=True)
class TurnOpened:
    """A caller's turn has begun."""


@dataclass(frozen=True)
class TurnClosed:
    """It is over."""


@dataclass(frozen=True)
class HearingLost:
    """The recogniser is gone: there can be no words."""


@dataclass(frozen=True)
class HearingBack:
    """It is there again."""


Fact = (
    ReplyHeard
    | AgentCut
    | SoundBegan
    | SoundCeased
    | WordsHeard
    | TurnOpened
    | TurnClosed
    | HearingLost
    | HearingBack
)


# ── actions ──────────────────────────────────────────────────────────────────────────
class Rung(StrEnum):
    """What is said into the silence, in this order."""

    PICK_UP = "pick_up"  # what was cut short by no words
    ASK = "ask"
    AGAIN = "again"
    GOODBYE = "goodbye"


@dataclass(frozen=True)
class Speak:
    """Say the words of a rung; on a noisy line to their end, or the noise would cut them off."""

    rung: Rung
    is_protected: bool = False


@dataclass(frozen=True)
class Stay:
    """The caller says something after all: do not hang up."""


Action = Speak | Stay

_NEXT = {
    Rung.PICK_UP: Rung.ASK,
    Rung.ASK: Rung.AGAIN,
    Rung.AGAIN: Rung.GOODBYE,
    Rung.GOODBYE: Rung.GOODBYE,  # whatever kept the first one from ending the call
}
# A turn opened by its words is announced just behind them.
_OPENED_BY_WORDS_S = 1.0


class IdleLadder:
    """Climbs while nothing is said; any word puts it back to its foot."""

    def __init__(self, settings: Idle, floor: Floor) -> None:
        self._settings = settings
        self._floor = floor
        self._rung = Rung.ASK  # the next one
        self._quiet_at: float | None = None  # since when nobody does anything
        self._clauses = 0  # the agent's, by then
        self._is_patient = False  # the caller asked for a moment
        self._is_leaving = False  # goodbye is being said
        self._has_picked_up = False  # since the last word
        # the line
        self._is_deaf = False  # no recogniser: whatever sounds may be words
        self._is_sounding = False
        self._sound_at = float("-inf")  # when that changed
        self._is_noisy = False  # there was sound since the last word
        # the turn
        self._opened_at: float | None = None  # None: the caller has no turn open
        self._words_at = float("-inf")
        self._said = ""  # its finals
        self._has_cut = False  # it cut the agent short

    def decide(self, fact: Fact, now: float) -> tuple[Action, ...]:
        """Take one fact in."""
        match fact:
            case ReplyHeard():
                self._rest(now)
            case AgentCut():
                self._has_cut = True
            case SoundBegan() if self._is_deaf:
                return self._hear(WordsHeard(""), now)
            case SoundBegan():
                self._is_sounding, self._sound_at, self._is_noisy = True, now, True
            case SoundCeased():
                self._is_sounding, self._sound_at = False, now
            case WordsHeard():
                return self._hear(fact, now)
            case HearingLost() | HearingBack():
                self._is_deaf = isinstance(fact, HearingLost)
            case TurnOpened():
                self._opened_at = now
            case _:  # TurnClosed
                self._close(now)
        return ()

    def next_deadline(self) -> float | None:
        """When the silence has lasted long enough for the next rung."""
        settings = self._settings
        if self._quiet_at is None or not settings.ask_s:
            return None
        due_at = self._quiet_at + self._wait_s()
        if self._is_sounding:
            return due_at + settings.sound_s
        return max(due_at, min(self._sound_at + settings.words_s, due_at + settings.sound_s))

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """Speak, unless somebody is busy: then the silence has not begun yet."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return ()
        has_spoken = self._floor.clauses != self._clauses  # and its last word is to be told yet
        self._rest(now)
        is_busy = has_spoken or self._floor.is_agents
        if is_busy or self._is_mid_turn or self._is_taken_for_nothing:
            self._rung = Rung.ASK if self._rung is Rung.PICK_UP else self._rung
            return ()
        rung, self._rung = self._rung, _NEXT[self._rung]
        self._has_picked_up |= rung is Rung.PICK_UP
        self._is_leaving = rung is Rung.GOODBYE
        return (Speak(rung, is_protected=self._is_noisy and rung is not Rung.PICK_UP),)

    def _rest(self, now: float) -> None:
        """The silence begins here."""
        self._quiet_at, self._clauses = now, self._floor.clauses

    @property
    def _is_mid_turn(self) -> bool:
        """The caller's turn is open, and it has words."""
        return self._opened_at is not None and self._words_at > self._opened_at - _OPENED_BY_WORDS_S

    @property
    def _is_taken_for_nothing(self) -> bool:
        """A sound has the floor, and no words yet: once it is over, what it cut is picked up."""
        return self._opened_at is not None and self._has_cut and self._rung is Rung.ASK

    def _close(self, now: float) -> None:
        was_for_nothing = self._has_cut and not self._is_mid_turn
        if was_for_nothing and self._rung is Rung.ASK and not self._has_picked_up:
            self._rung = Rung.PICK_UP
            self._rest(now)
        self._opened_at, self._said, self._has_cut = None, "", False
        self._words_at = float("-inf")  # they were that turn's, and open no other

    def _hear(self, fact: WordsHeard, now: float) -> tuple[Action, ...]:
        said = f"{self._said} {fact.text}".strip()
        if fact.final:
            self._said = said
        self._is_patient = asks_to_wait(said)
        was_leaving, self._is_leaving = self._is_leaving, False
        self._rung, self._words_at = Rung.ASK, now
        self._rest(now)
        self._has_picked_up, self._is_noisy = False, self._is_sounding
        return (Stay(),) if was_leaving else ()

    def _wait_s(self) -> float:
        settings = self._settings
        if self._rung is Rung.ASK:
            return settings.hold_s if self._is_patient else settings.ask_s
        return {
            Rung.PICK_UP: settings.pick_up_s,
            Rung.AGAIN: settings.again_s,
            Rung.GOODBYE: settings.goodbye_s,
        }[self._rung]
