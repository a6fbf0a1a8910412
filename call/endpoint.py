"""Is the caller done, or pausing? Sound, words and silence, weighed against each other.

After the voice detector's first signal (the VAD stop) the turn waits as long as the evidence so far
demands: a table from how finished it sounds (the semantic detector's probability, in bands) and how
finished it reads (the cue of the words) to a wait. Each new piece of evidence looks the wait up
again, and so does growing silence. When it has passed and the recogniser has told all it heard, the
turn is the agent's. All waits count from the VAD stop, which itself comes `[vad] stop_s` after the
voice. Speech that goes on meanwhile withdraws the stop.

The work does not wait for the decision: `outlook` says what the turn looks like while it is being
decided, and already when the voice ebbs and its words have been told, so that
`call/speculation.py` can have it answered in advance.

Plain calls only: the host tells facts and the time, and asks again at `next_deadline()`.
"""

from __future__ import annotations

from dataclasses import dataclass

from call.cues import Cue, cue
from call.waits import Band, Endpoint

_TAKEN_BACK = 0.25  # of what was learned, with each turn


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class TurnOpened:
    """A caller's turn has begun; `asked` is what the agent said last."""

    asked: str = ""


@dataclass(frozen=True)
class TurnClosed:
    """The turn is over, whoever ended it."""


@dataclass(frozen=True)
class SpeechStarted:
    """The voice detector hears the caller."""


@dataclass(frozen=True)
class SpeechStopped:
    """The voice detector's first signal that the caller is silent."""


@dataclass(frozen=True)
class VoiceBegan:
    """A sound like speech, too short yet for the voice detector to call it speech."""


@dataclass(frozen=True)
class VoicePaused:
    """That sound has ceased."""


@dataclass(frozen=True)
class VoiceEbbed:
    """It has ceased so that it may have been the last word."""


@dataclass(frozen=True)
class WordsArrived:
    """The recogniser has words: of the utterance in hand (interim) or for good (final)."""

    text: str
    final: bool


@dataclass(frozen=True)
class Finalized:
    """The recogniser has nothing more to tell of what was said so far."""


@dataclass(frozen=True)
class RecogniserLost:
    """The recogniser hears nothing: words at hand may not be all, until it is `Finalized`."""


@dataclass(frozen=True)
class ProbabilityArrived:
    """The semantic detector's verdict on the silence that began at `spoken_at`."""

    probability: float
    spoken_at: float


Fact = (
    TurnOpened
    | TurnClosed
    | SpeechStarted
    | SpeechStopped
    | VoiceBegan
    | VoicePaused
    | VoiceEbbed
    | WordsArrived
    | Finalized
    | RecogniserLost
    | ProbabilityArrived
)


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class DecideTurn:
    """Give the turn to the agent; `reason` is "band+cue", "hard_stop", "nothing" or
    "words_only"."""

    reason: str


@dataclass(frozen=True)
class Outlook:
    """A turn that is being decided: its words so far, and when it ends if they are all."""

    text: str
    due_at: float
    is_early: bool = False  # the voice detector has not called it a stop yet
    is_for_good: bool = True  # no word of it may still change


class EndpointFilter:
    """Decides once per turn; after that it is silent until the caller speaks or a turn opens."""

    def __init__(self, settings: Endpoint) -> None:
        self._settings = settings
        self._speaking = False  # outlives turns: the voice detector reports changes only
        self._is_voiced = False  # a sound that may become speech again
        self._is_deaf = False  # the recogniser was away, and has not told yet what it missed
        self._quiet_at = float("-inf")  # the stop, or the end of a sound after it
        self._started_at = float("-inf")
        self._has_paused = False  # in the speech that goes on
        self._ebbed_at = float("inf")  # the voice may have said its last word; inf: it goes on
        self._told_at = float("-inf")  # words for good
        self._open = False
        self._opened_at = float("-inf")
        self._asked = ""
        self._patience = 1.0  # grows with each time this caller was cut into
        self._decided_at = float("-inf")
        # the turn in hand
        self._decided = False
        self._finalized = False
        self._stopped_at: float | None = None
        self._probability: float | None = None
        self._words_at: float | None = None
        self._final = ""
        self._interim = ""

    def decide(self, fact: Fact, now: float) -> tuple[DecideTurn, ...]:
        """Take one fact in; the turn may be decided by it."""
        match fact:
            case TurnOpened():
                self._open, self._asked = True, fact.asked
                self._opened_at = now
                self._begin(now)
            case TurnClosed():
                self._open = False
                self._forget()
            case SpeechStarted():
                self._speaking, self._started_at = True, now
                self._has_paused = False
                self._learn(now)
                self._decided = self._finalized = False
                self._stopped_at = self._probability = None
            case SpeechStopped():
                self._speaking, self._is_voiced = False, False
                self._stopped_at = self._quiet_at = now
            case VoiceBegan() | VoicePaused() | VoiceEbbed():
                self._hear_voice(fact, now)
            case WordsArrived():
                self._take_words(fact, now)
            case Finalized():
                self._finalized, self._is_deaf = not self._speaking, False
            case RecogniserLost():
                self._is_deaf = True
            case _:  # ProbabilityArrived
                if not self._speaking and fact.spoken_at >= self._started_at:
                    self._probability = fact.probability
        return self.on_deadline(now)

    @property
    def words(self) -> str:
        """The turn's words for good."""
        return self._final

    @property
    def is_silent(self) -> bool:
        """The caller's turn is open and the caller does not speak: it can be decided."""
        return self._open and not self._speaking

    def outlook(self) -> Outlook | None:
        """What the turn looks like while it is being decided, or may soon be; else None."""
        if not self._open or self._decided:
            return None
        is_for_good = self._finalized or not self._interim
        text = self._final if is_for_good else f"{self._final} {self._interim}".strip()
        if not text:
            return None
        if self._speaking:
            return self._outlook_in_speech(text, is_for_good=is_for_good)
        if self._stopped_at is None:
            return None
        due_at = self._quiet_at + self._patience_s(text)
        return Outlook(text, due_at, is_for_good=is_for_good)

    def _outlook_in_speech(self, text: str, *, is_for_good: bool) -> Outlook | None:
        """The voice has ebbed, too shortly yet for a stop: words told for good since then are
        likely to be the last. A voice that goes on takes nothing back; its words will."""
        if not self._has_paused:
            return None
        is_told = is_for_good and self._told_at >= self._ebbed_at
        due_at = self._quiet_at + self._patience_s(text) if is_told else float("inf")
        return Outlook(text, due_at, is_early=True, is_for_good=is_for_good)

    def next_deadline(self) -> float | None:
        """When to ask again, if no fact comes before."""
        due = self._due()
        return due[0] if due else None

    def on_deadline(self, now: float) -> tuple[DecideTurn, ...]:
        """Decide if, by the evidence of this instant, the time has come."""
        due = self._due()
        if due is None or now < due[0]:
            return ()
        self._decided, self._decided_at = True, now
        self._patience -= (self._patience - 1) * _TAKEN_BACK
        return (DecideTurn(due[1]),)

    def _hear_voice(self, fact: VoiceBegan | VoicePaused | VoiceEbbed, now: float) -> None:
        if isinstance(fact, VoiceEbbed):
            self._ebbed_at = now
            return
        self._is_voiced = isinstance(fact, VoiceBegan)
        self._has_paused |= not self._is_voiced
        self._quiet_at, self._ebbed_at = now, float("inf")

    def _learn(self, now: float) -> None:
        """Speech right behind a decision: it was none."""
        if now - self._decided_at < self._settings.cut_in_s:
            most = self._settings.learned**2
            self._patience = min(self._patience * self._settings.learned, most)
        self._decided_at = float("-inf")

    def _begin(self, now: float) -> None:
        """Words open a turn behind their stop when it took them to take the floor ("stop"): the
        silence has begun, and has perhaps been scored."""
        stopped_at, probability = self._stopped_at, self._probability
        self._forget()
        if stopped_at is not None and now - stopped_at < self._settings.nothing_s:
            self._stopped_at, self._probability = stopped_at, probability

    def _forget(self) -> None:
        self._decided = self._finalized = False
        self._stopped_at = self._probability = self._words_at = None
        self._final = self._interim = ""

    def _take_words(self, fact: WordsArrived, now: float) -> None:
        text = fact.text.strip()
        if not text:
            return
        self._words_at = now
        if fact.final:
            self._final = f"{self._final} {text}".strip()
            self._interim, self._told_at = "", now
        else:
            self._interim = text
            self._finalized = False  # an interim says that more is on its way

    def _due(self) -> tuple[float, str] | None:
        """The instant of decision by the present evidence, and its reason."""
        if self._speaking or self._decided or not self._open:
            return None
        if self._stopped_at is None:
            return self._due_by_words_only()
        settings, since = self._settings, self._quiet_at
        if self._is_deaf and not self._finalized:
            return self._stopped_at + settings.deaf_stop_s, "hard_stop"
        stop = (self._stopped_at + settings.hard_stop_s, "hard_stop")
        if self._is_voiced:
            return stop  # the caller may be going on: two windows of voice hold the decision
        if not self._final:
            heard_out = self._finalized and not self._interim
            return min((since + settings.nothing_s, "nothing"), stop) if heard_out else stop
        if self._interim and not self._finalized:
            return stop
        band, words = self._evidence(self._final)
        wait_s = settings.wait_s(band, words, patience=self._patience)
        if not self._finalized:
            wait_s = max(wait_s, settings.final_wait_s)
        return min((since + wait_s, f"{band.value}+{words.value}"), stop)

    def _evidence(self, text: str) -> tuple[Band, Cue]:
        settings = self._settings
        words = cue(text, asked=self._asked, digits_expected=settings.digits_expected)
        return settings.band(self._probability), words

    def _patience_s(self, text: str) -> float:
        return self._settings.wait_s(*self._evidence(text), patience=self._patience)

    def _due_by_words_only(self) -> tuple[float, str] | None:
        if self._words_at is None:  # what opened the turn came before it, and nothing since
            return self._opened_at + self._settings.hard_stop_s, "hard_stop"
        quiet_s = self._settings.words_only_s if self._final else self._settings.hard_stop_s
        return self._words_at + quiet_s, "words_only"
