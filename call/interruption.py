"""Barge-in or backchannel? Be quiet at the first sound of the caller, then find out what it was.

Two phases, because nobody is both fast and right in one. The first window pair of a voice while the
agent speaks holds the agent's sound. Within `decide_s` the words, their kind and the length of the
voice say whether the caller takes the floor (the reply is dropped) or only listens aloud, coughs or
is our own echo (the reply goes on where the ear left off). Words that come later still count: a
"stop" that was recognised slowly stops the agent all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from call.false_alarms import FalseAlarms
from call.floor import Floor
from call.overheard import Kind, kind


@dataclass(frozen=True)
class BargeIn:
    """Section `[barge_in]`: when the caller's voice stops the agent."""

    decide_s: float = 0.7
    """Seconds from the first sound of the caller within which the agent yields or goes on. Longer
    silences of an agent that was only encouraged sound like a broken line."""
    voiced_s: float = 0.6
    """Seconds of voice with words other than signs of listening that take the floor."""
    content_words: int = 3
    """So many words that are neither signs of listening nor fillers take the floor at once."""
    nod_s: float = 0.15
    """Seconds behind the words of a sign of listening ("mm-hmm") after which the agent goes on
    although the voice lasts. If it was the beginning of more ("okay, but"), those words still stop
    the agent."""
    ring_s: float = 0.3
    """Seconds behind a sign of listening in which only words hold the agent again: its second half
    ("mm … hmm") and its echo in the room come then."""
    nod_settle_s: float = 0.04
    """Seconds of quiet behind a sign of listening before the agent goes on: two packets."""
    settle_s: float = 0.12
    """The same behind a filler ("um") or an echo; more words may follow it."""
    short_s: float = 0.6
    """A voice that lasted no longer than this, and was no louder than the caller usually is, counts
    as a sign of listening before there are words of it: the agent goes on after `settle_s`. "Stop"
    is as short; its words then stop the agent again, a moment later. 0 waits for words."""
    loud_db: float = 3.0
    """Decibels above the caller's usual voice from which a sound is a raised voice, for whose words
    the agent waits."""
    quiet_s: float = 0.4
    """Seconds of quiet behind a sound without words before the agent goes on. A recogniser needs
    about this long to say that it was a word after all; at 0.3 a lone "stop" came too late."""
    finishing_chars: int = 24
    """A question of which at most so many characters are unheard counts as asked: "yes" is then an
    answer. 24 characters are one and a half seconds."""
    late_s: float = 1.5
    """Seconds after the agent went on in which slow words of the same voice still stop it."""

    false_alarms: int = 2
    """So many sounds in a row that held the agent and had no words, and only words stop it: on a
    speakerphone or in a street every second would hold it. Words come some 0.4 s later."""
    false_alarm_s: float = 60.0
    """Seconds after which such a sound is forgotten; rooms get quiet again."""

    def __post_init__(self) -> None:
        if self.false_alarms < 1 or self.false_alarm_s <= 0:
            raise ValueError("false_alarms is at least 1, and false_alarm_s above 0 seconds")
        nods = ("nod_s", "ring_s", "nod_settle_s")
        for name in ("decide_s", "voiced_s", "settle_s", "quiet_s", "late_s", *nods):
            if not 0 < getattr(self, name) <= 5:
                raise ValueError(f"{name} is {getattr(self, name)}; choose above 0, at most 5 s")
        if not 0 <= self.short_s <= self.decide_s:
            raise ValueError(f"short_s is {self.short_s}; choose 0 seconds up to decide_s")
        if self.content_words < 1 or self.finishing_chars < 0:
            raise ValueError("content_words is at least 1 and finishing_chars at least 0")


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class VoiceBegan:
    """A sound like speech, two windows of it."""


@dataclass(frozen=True)
class VoiceLasted:
    """Long enough to be a turn."""


@dataclass(frozen=True)
class VoicePaused:
    """It has ceased, for a moment at least; it was `over_db` louder than the caller usually is."""

    over_db: float = 0.0


@dataclass(frozen=True)
class WordsHeard:
    """The recogniser has words of it: so far (interim) or for good (final)."""

    text: str
    final: bool


@dataclass(frozen=True)
class WordsOver:
    """The recogniser has nothing more to tell of what was said so far."""


@dataclass(frozen=True)
class TurnTaken:
    """The caller's turn is open, whoever opened it."""


Fact = VoiceBegan | VoiceLasted | VoicePaused | WordsHeard | WordsOver | TurnTaken


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Hold:
    """Be quiet at once; keep what was not heard."""


@dataclass(frozen=True)
class Resume:
    """Go on from the last thing heard."""


@dataclass(frozen=True)
class Yield:
    """The caller has the floor; `reason` is for records."""

    reason: str


@dataclass(frozen=True)
class Dismiss:
    """These words are no turn: they do not enter the conversation. `text` is a sign of listening,
    or empty for an echo or a noise."""

    text: str


Action = Hold | Resume | Yield | Dismiss


# ── the decider ──────────────────────────────────────────────────────────────────────
class _State(Enum):
    CALM = 0  # nobody speaks over the agent
    HELD = 1  # the agent is quiet until we know
    DISMISSED = 2  # it went on; words of that voice may still come


class Interruption:
    """Decides once for each voice over the agent's: hold, then yield or resume."""

    def __init__(self, settings: BargeIn, floor: Floor) -> None:
        self._settings = settings
        self._floor = floor
        self._state = _State.CALM
        self._alarms = FalseAlarms(limit=settings.false_alarms, memory_s=settings.false_alarm_s)
        self._voiced = False
        self._began_at = 0.0  # the voice in hand
        self._paused_at = 0.0
        self._is_raised = False  # it was louder than usual, or a part of it was
        self._resumed_at = 0.0
        self._nodded_at = float("-inf")
        self._asked_at = 0.0
        self._worded_at = 0.0  # when the words last changed
        self._final = self._interim = ""
        self._words_over = False

    @property
    def is_held(self) -> bool:
        """The agent is quiet and waits for the verdict."""
        return self._state is _State.HELD

    def decide(self, fact: Fact, now: float) -> tuple[Action, ...]:
        """Take one fact in; what it means for the agent's sound and the caller's turn."""
        match fact:
            case VoiceBegan():
                self._voiced, self._words_over = True, False
                return () if self._floor.is_reading_back else self._hold(now)
            case VoiceLasted():
                self._voiced = True
                return self._lasted(now)
            case VoicePaused():
                self._voiced, self._paused_at = False, now
                self._is_raised |= fact.over_db >= self._settings.loud_db
            case WordsHeard():
                return self._hear(fact, now)
            case WordsOver():
                self._words_over = not self._voiced
            case _:  # TurnTaken
                self._calm()
        return self.on_deadline(now)

    def next_deadline(self) -> float | None:
        """When the verdict may change although nothing comes."""
        if self._state is not _State.HELD:
            return None
        s = self._settings
        times = [self._began_at + s.decide_s]
        if self._voiced:
            times += [self._began_at + s.voiced_s, self._worded_at + s.nod_s]
        else:
            quiet = (s.nod_settle_s, s.settle_s, s.quiet_s)
            times += [self._paused_at + quiet_s for quiet_s in quiet]
        ahead = [at for at in times if at > self._asked_at]
        return min(ahead, default=self._asked_at)

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """The verdict of this instant, if there is one."""
        if self._state is not _State.HELD:
            return ()
        self._asked_at = now
        verdict = self._verdict(now)
        if verdict == "resume":
            return self._resume(now)
        return self._yield(verdict) if verdict else ()

    # ── phase one ────────────────────────────────────────────────────────────────────
    def _hold(self, now: float) -> tuple[Action, ...]:
        if self._state is _State.HELD:
            return ()
        if not self._floor.is_speaking or self._floor.is_protected(now):
            return ()
        if self._alarms.are_many(now) or now < self._nodded_at + self._settings.ring_s:
            return ()
        self._forget_words()
        self._is_raised = False
        self._state, self._began_at = _State.HELD, now
        self._asked_at = now
        return (Hold(),)

    def _lasted(self, now: float) -> tuple[Action, ...]:
        """A turn's worth of voice: over a silent agent it opens the turn."""
        if self._state is _State.HELD:
            return self.on_deadline(now)
        if not self._floor.is_agents:
            return self._yield("voice")
        if self._floor.is_protected(now) or self._alarms.are_many(now):
            return ()  # its words will tell
        if self._floor.is_speaking:
            # the voice that was dismissed may go on; its words will tell, too
            return self._hold(now) if self._state is _State.CALM else ()
        return self._yield("voice")

    # ── phase two ────────────────────────────────────────────────────────────────────
    def _hear(self, fact: WordsHeard, now: float) -> tuple[Action, ...]:
        before = f"{self._final} {self._interim}".split()
        self._interim = "" if fact.final else fact.text
        if fact.final:
            self._final = f"{self._final} {fact.text}".strip()
        if f"{self._final} {self._interim}".split() != before:
            self._worded_at = now
        if self._state is _State.HELD:
            return self.on_deadline(now)
        return self._hear_late(fact, now)

    def _hear_late(self, fact: WordsHeard, now: float) -> tuple[Action, ...]:
        """Words without a hold: the voice was missed, dismissed before, or speaks to nobody."""
        is_same_voice = (
            self._state is _State.DISMISSED and now < self._resumed_at + self._settings.late_s
        )
        if not (self._floor.is_speaking or is_same_voice):
            return self._yield("words")
        said, content = self._kind()
        if said is Kind.FLOOR or (said is Kind.LISTENING and self._is_answer()):
            return self._yield(said.value)
        if said is Kind.CONTENT and (fact.final or content >= self._settings.content_words):
            return self._yield(said.value)
        if fact.final:
            self._state, self._resumed_at = _State.DISMISSED, now
        return self._dismissed(fact)

    def _dismissed(self, fact: WordsHeard) -> tuple[Action, ...]:
        """A final that takes nothing: it must not wait in the conversation for the next turn."""
        if not fact.final or self._state is not _State.DISMISSED:
            return ()
        said = self._kind()[0]
        text, self._final = self._final, ""
        if said is Kind.LISTENING:
            self._alarms.real()
        return (Dismiss(text if said is Kind.LISTENING else ""),)

    def _verdict(self, now: float) -> str:
        """ "resume", the reason to yield, or empty while it is open."""
        s = self._settings
        said, content = self._kind()
        is_late = now >= self._began_at + s.decide_s
        quiet_s = 0.0 if self._voiced else round(now - self._paused_at, 6)
        if said is Kind.FLOOR:
            return said.value
        if said is Kind.CONTENT:
            is_long = now >= self._began_at + s.voiced_s and not self._floor.is_reading_back
            is_said = bool(self._final) and not self._voiced
            takes = content >= s.content_words or is_long or is_said or is_late
            return said.value if takes else ""
        if said is Kind.LISTENING and self._is_answer():
            return "answer"
        if said is Kind.NOTHING:
            if self._voiced:
                return self._long_voice() if is_late else ""
            is_nothing = is_late or self._words_over or quiet_s >= self._patience_s()
            return "resume" if is_nothing else ""
        if is_late or self._is_settled(said, quiet_s=quiet_s, now=now):
            return "resume"
        return ""

    def _is_settled(self, said: Kind, *, quiet_s: float, now: float) -> bool:
        """Nothing more is likely to come behind these words."""
        s, is_nod = self._settings, said is Kind.LISTENING
        if self._voiced:
            return is_nod and now >= self._worded_at + s.nod_s
        return bool(self._final) or quiet_s >= (s.nod_settle_s if is_nod else s.settle_s)

    def _patience_s(self) -> float:
        """How long the words of a sound that has ceased are waited for."""
        return self._settings.settle_s if self._seems_nod() else self._settings.quiet_s

    def _seems_nod(self) -> bool:
        """By its sound alone, a sign of listening: short, no louder than usual, and no answer."""
        is_short = 0 < self._paused_at - self._began_at <= self._settings.short_s
        return is_short and not self._voiced and not self._is_raised and not self._is_answer()

    def _long_voice(self) -> str:
        """A voice without words: somebody speaks; while a value is read back it must say what."""
        return "resume" if self._floor.is_reading_back else "voice"

    def _is_answer(self) -> bool:
        """The agent has asked, as good as to the end."""
        return self._floor.is_asking(within_chars=self._settings.finishing_chars)

    def _kind(self) -> tuple[Kind, int]:
        text = f"{self._final} {self._interim}".strip()
        agent = self._floor.saying
        return kind(text, agent=agent, content_words=self._settings.content_words)

    # ── outcomes ─────────────────────────────────────────────────────────────────────
    def _resume(self, now: float) -> tuple[Action, ...]:
        self._state, self._resumed_at = _State.DISMISSED, now
        final, said = self._final, self._kind()[0]
        if said in (Kind.NOTHING, Kind.ECHO):
            self._alarms.false(now)
        else:
            self._alarms.real()
        if said is Kind.LISTENING or (said is Kind.NOTHING and self._seems_nod()):
            self._nodded_at = now
        if not final:
            return (Resume(),)
        self._final = ""
        return (Resume(), Dismiss(final if said is Kind.LISTENING else ""))

    def came_to_nothing(self, now: float) -> None:
        """A sound that took the floor had no words after all."""
        self._alarms.false(now)

    def _yield(self, reason: str) -> tuple[Action, ...]:
        if reason not in ("voice", "words"):  # said over the agent
            self._alarms.real()
        self._calm()
        return (Yield(reason),)

    def _calm(self) -> None:
        self._state = _State.CALM
        self._forget_words()

    def _forget_words(self) -> None:
        self._final = self._interim = ""
        self._words_over = False
        self._asked_at = 0.0
