"""Is the caller done, or pausing? Sound, words and silence, weighed against each other.

After the voice detector's first signal (the VAD stop) the turn waits as long as the evidence so far
demands: a table from how finished it sounds (the semantic detector's probability, in bands) and how
finished it reads (the cue of the words) to a wait. Each new piece of evidence looks the wait up
again, and so does growing silence. When it has passed and the recogniser has told all it heard, the
turn is the agent's. All waits count from the VAD stop, which itself comes `[vad] stop_s` after the
voice. Speech that goes on meanwhile withdraws the stop.

The work does not wait for the decision: `outlook` says what the turn looks like while it is being
decided, so that `call/speculation.py` can have it answered in advance.

Plain calls only: the host tells facts and the time, and asks again at `next_deadline()`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from call.cues import Cue, cue

Waits = tuple[float, float, float, float]
SPECULATE = ("off", "llm", "llm_and_voice")
_COLUMNS = (Cue.COMPLETE, Cue.OPEN, Cue.DICTATING, Cue.UNFINISHED)


class Band(StrEnum):
    """How finished the turn sounds."""

    SURE = "sure"
    LIKELY = "likely"
    UNLIKELY = "unlikely"
    NO = "no"
    UNKNOWN = "unknown"  # not scored yet, or not at all


@dataclass(frozen=True)
class Endpoint:
    """When the caller's turn is over.

    Each `*_s` row of four holds the seconds to wait after the VAD stop when the words read as
    complete, open, dictating (digits or letters one by one), unfinished ("and", "my number is").
    """

    sure_from: float = 0.85
    """Probability from which the turn sounds finished for sure, 0 to 1. Below it a fifth of natural
    mid-sentence pauses is found, above it one in ten."""
    likely_from: float = 0.5
    """Probability from which it sounds rather finished than not; the model's own threshold."""
    unlikely_from: float = 0.15
    """Below this the turn sounds unfinished: natural thinking pauses score 0.01 to 0.14."""
    sure_s: Waits = (0.06, 0.2, 0.6, 1.0)
    """Sounds finished: answer as soon as the words are in, unless they contradict it. Words weigh
    more: cut-off sentences often sound finished, but nobody ends on "for"."""
    likely_s: Waits = (0.12, 0.4, 0.9, 1.3)
    """Sounds rather finished: a breath's patience when the words could go on."""
    unlikely_s: Waits = (0.3, 0.7, 1.1, 1.5)
    """Sounds rather unfinished: a whole question is still answered at once."""
    no_s: Waits = (0.5, 1.0, 1.3, 1.7)
    """Sounds unfinished: outlasts most thinking pauses (median 0.6 s) but never 3 s, which callers
    take for a dead line."""
    unknown_s: Waits = (0.2, 0.5, 1.2, 1.5)
    """Not scored yet: by words and silence alone. The score comes 0.05 to 0.15 s after the signal,
    so shorter entries never wait for it; on a busy machine these are what the caller hears."""
    second_stage_s: float = 0.06
    """No turn is decided before this, whatever the evidence: two windows of the voice detector, in
    which resumed speech still withdraws it."""
    hard_stop_s: float = 3.0
    """Whatever the evidence, the turn ends after this silence if there are words."""
    deaf_stop_s: float = 6.0
    """The same while the recogniser was away and has not told yet all it missed: a dropped one
    needs up to 1.5 s to come back and 4 s to hear 5 s of speech again."""
    final_wait_s: float = 0.35
    """How long a recogniser may take to confirm that its words are complete; past it the words at
    hand count. Its 99th percentile is about 0.3."""
    nothing_s: float = 1.0
    """Speech that yields no words (a cough, noise) is given up after this; the recogniser then had
    its say."""
    words_only_s: float = 0.7
    """Words without a VAD signal (a very quiet caller): the turn ends after this much quiet of the
    recogniser."""
    digits_expected: int = 7
    """A string of digits shorter than this is still being dictated; a local number has seven."""
    score_at_s: tuple[float, ...] = (0.0, 0.2, 0.5, 1.2)
    """Instants after the VAD stop at which the sound is scored (again, while undecided): more
    silence makes the model surer of both answers. Each costs some 50 ms of one core."""
    lead_s: float = 0.5
    """Audio before the first speech that the detector hears too; without it short answers score
    wrong."""
    detector_threads: int = 1
    """Turns scored at the same time, for the whole process. One core scores 10 to 20 a second."""
    detector_waiting: int = 8
    """Turns that may wait to be scored; past it the oldest is decided by words and silence."""
    speculate: str = "llm_and_voice"
    """What begins at the first signal, before the turn is decided: "off" nothing, "llm" the model
    is asked, "llm_and_voice" its first words are also spoken, and held back until the decision."""
    ask_within_s: float = 0.6
    """The model is asked in advance once the decision is at most this far away by the evidence so
    far, about what an answer needs to be ready. Endings that wait longer are mostly none."""
    guesses_per_turn: int = 3
    """Most requests in advance in one turn; the recogniser may correct its words more often."""
    wasted_guesses: int = 40
    """Requests in advance that may be thrown away in one call; past it the rest of the call waits
    for each decision. Each costs about one reply's tokens, mostly read from the prompt cache."""

    def __post_init__(self) -> None:
        if not 0 <= self.unlikely_from <= self.likely_from <= self.sure_from <= 1:
            raise ValueError(
                "unlikely_from, likely_from and sure_from must rise from 0 to 1; they are "
                f"{self.unlikely_from}, {self.likely_from}, {self.sure_from}"
            )
        for name in ("sure_s", "likely_s", "unlikely_s", "no_s", "unknown_s"):
            row = getattr(self, name)
            if len(row) != len(_COLUMNS) or min(row) < 0:
                raise ValueError(f"{name} is {row}; give four waits of 0 seconds or more")
            if max(row) > self.hard_stop_s:
                raise ValueError(f"{name} is {row}; no wait may pass hard_stop_s")
        if not 0 <= self.second_stage_s <= self.hard_stop_s:
            raise ValueError(
                f"second_stage_s is {self.second_stage_s}; give 0 seconds up to hard_stop_s"
            )
        if self.speculate not in SPECULATE:
            raise ValueError(f"speculate is {self.speculate!r}; choose {', '.join(SPECULATE)}")
        if min(self.ask_within_s, self.guesses_per_turn, self.wasted_guesses) < 0:
            raise ValueError("ask_within_s, guesses_per_turn, wasted_guesses must not be negative")
        if self.detector_threads < 1 or self.detector_waiting < 1:
            raise ValueError("detector_threads and detector_waiting must be 1 or more")
        if list(self.score_at_s) != sorted(self.score_at_s) or min(self.score_at_s, default=0) < 0:
            raise ValueError(f"score_at_s is {self.score_at_s}; give rising seconds from 0")

    def band(self, probability: float | None) -> Band:
        """The band of a probability."""
        if probability is None:
            return Band.UNKNOWN
        if probability >= self.sure_from:
            return Band.SURE
        if probability >= self.likely_from:
            return Band.LIKELY
        return Band.UNLIKELY if probability >= self.unlikely_from else Band.NO

    def wait_s(self, band: Band, words: Cue) -> float:
        """Seconds after the VAD stop that this evidence asks for."""
        row: Waits = getattr(self, f"{band.value}_s")
        return max(row[_COLUMNS.index(words)], self.second_stage_s)


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


class EndpointFilter:
    """Decides once per turn; after that it is silent until the caller speaks or a turn opens."""

    def __init__(self, settings: Endpoint) -> None:
        self._settings = settings
        self._speaking = False  # outlives turns: the voice detector reports changes only
        self._is_voiced = False  # a sound that may become speech again
        self._is_deaf = False  # the recogniser was away, and has not told yet what it missed
        self._quiet_at = float("-inf")  # the stop, or the end of a sound after it
        self._started_at = float("-inf")
        self._open = False
        self._asked = ""
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
                self._forget()
            case TurnClosed():
                self._open = False
                self._forget()
            case SpeechStarted():
                self._speaking, self._started_at = True, now
                self._decided = self._finalized = False
                self._stopped_at = self._probability = None
            case SpeechStopped():
                self._speaking, self._is_voiced = False, False
                self._stopped_at = self._quiet_at = now
            case VoiceBegan() | VoicePaused():
                self._is_voiced = isinstance(fact, VoiceBegan)
                self._quiet_at = now
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
        """What the turn looks like while it is being decided; None at any other time."""
        if not self.is_silent or self._decided or self._stopped_at is None:
            return None
        text = self._final if self._finalized else f"{self._final} {self._interim}".strip()
        if not text:
            return None
        return Outlook(text, self._quiet_at + self._patience_s(text))

    def next_deadline(self) -> float | None:
        """When to ask again, if no fact comes before."""
        due = self._due()
        return due[0] if due else None

    def on_deadline(self, now: float) -> tuple[DecideTurn, ...]:
        """Decide if, by the evidence of this instant, the time has come."""
        due = self._due()
        if due is None or now < due[0]:
            return ()
        self._decided = True
        return (DecideTurn(due[1]),)

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
            self._interim = ""
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
        wait_s = settings.wait_s(band, words)
        if not self._finalized:
            wait_s = max(wait_s, settings.final_wait_s)
        return min((since + wait_s, f"{band.value}+{words.value}"), stop)

    def _evidence(self, text: str) -> tuple[Band, Cue]:
        settings = self._settings
        words = cue(text, asked=self._asked, digits_expected=settings.digits_expected)
        return settings.band(self._probability), words

    def _patience_s(self, text: str) -> float:
        return self._settings.wait_s(*self._evidence(text))

    def _due_by_words_only(self) -> tuple[float, str] | None:
        if self._words_at is None:
            return None
        quiet_s = self._settings.words_only_s if self._final else self._settings.hard_stop_s
        return self._words_at + quiet_s, "words_only"
