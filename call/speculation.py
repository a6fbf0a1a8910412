"""Start the answer early on a likely ending of the turn; keep it, or throw it away.

While the turn is being decided, and in a pause that may become its end, the model is asked with the
words so far: a guess. It is kept when the turn ends on the same words (case, punctuation and
hesitations aside), and withdrawn when the caller goes on speaking, when the words turn out
different, or when an interruption sweeps its answer away. Whoever handles an answer asks its guess
what became of it: what belongs to a withdrawn one is dropped wherever it is met, so that no order
of events can let it out.

Plain calls only: the host tells what the turn looks like and the time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from call.cues import content
from call.endpoint import Outlook
from call.measures import SPECULATION_WASTE, SPECULATIONS, Moment, NullRecorder, Recorder
from call.privacy_vault import has_stand_in
from call.waits import Endpoint


class Verdict(StrEnum):
    """What became of a guess."""

    PENDING = "pending"
    KEPT = "kept"
    WITHDRAWN = "withdrawn"


class Guess:
    """One answer begun early: the words it answers, what it has cost, what became of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = content(text)
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._verdict = Verdict.PENDING
        self._is_claimed = False
        self._waiting: list[Callable[[], None]] = []
        self._wasted: Callable[[str, float], None] | None = None

    @property
    def is_pending(self) -> bool:
        """The turn is not decided yet: hold what belongs to it."""
        return self._verdict is Verdict.PENDING

    @property
    def is_kept(self) -> bool:
        """It answers the turn: let out what belongs to it."""
        return self._verdict is Verdict.KEPT

    @property
    def is_withdrawn(self) -> bool:
        """It answers nothing: drop what belongs to it."""
        return self._verdict is Verdict.WITHDRAWN

    def spend(self, kind: str, amount: float) -> None:
        """It cost something; wasted if it is withdrawn, before or after."""
        if self._wasted is not None:
            self._wasted(kind, amount)
        else:
            self.spent[kind] += amount

    def when_settled(self, call: Callable[[], None]) -> None:
        """Call back once the verdict is in and the conversation knows of it."""
        if self.is_pending or self._waiting:
            self._waiting.append(call)
        else:
            call()

    def announce(self) -> None:
        """The conversation holds the turn (or never will): whoever waits may go on."""
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    # ── for `Speculation` ────────────────────────────────────────────────────────────
    def claim(self) -> bool:
        """Take the guess to answer it; once."""
        if self._is_claimed or self.is_withdrawn:
            return False
        self._is_claimed = True
        return True

    def settle(self, verdict: Verdict, *, wasted: Callable[[str, float], None]) -> None:
        """The verdict; it is given once."""
        self._verdict = verdict
        if verdict is Verdict.WITHDRAWN:
            self._wasted = wasted
            for kind, amount in self.spent.items():
                wasted(kind, amount)
            self.announce()


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Ask:
    """Ask the model with the words so far, provisionally."""

    guess: Guess


@dataclass(frozen=True)
class Withdraw:
    """Tell everybody that the guess in hand answers nothing."""


Move = Ask | Withdraw


class Speculation:
    """The guesses of one call; at most one is in hand."""

    def __init__(
        self,
        settings: Endpoint | None = None,
        *,
        recorder: Recorder | None = None,
        prices: Mapping[str, float] | None = None,
        waits_for_finals: bool = False,
    ) -> None:
        """`prices`: dollars for one of what a guess may spend ("input_tokens", "characters" …);
        `waits_for_finals`: words that may still change are not answered early."""
        self._settings = settings or Endpoint()
        self._recorder = recorder or NullRecorder()
        self._prices = prices or {}
        self._waits_for_finals = waits_for_finals
        self._guess: Guess | None = None
        self._kept: Guess | None = None  # the last one kept: its request may still be on its way
        self._ask_at: float | None = None
        self._asked = 0  # in the turn
        self._asked_early = 0  # in the turn
        self._wasted = 0  # in the call

    @property
    def lets_voice_start(self) -> bool:
        """The voice, too, begins before the verdict."""
        return self._settings.speculate == "llm_and_voice"

    def look(self, outlook: Outlook | None, now: float) -> tuple[Move, ...]:
        """The evidence has changed; `outlook` is None while the turn is not ending."""
        moves: list[Move] = []
        guess = self._guess
        words = content(outlook.text) if outlook is not None else []
        if guess is not None and guess.words != words:
            self._withdraw(guess, now)
            moves.append(Withdraw())
        self._ask_at = None
        if outlook is None or not words or self._guess is not None or not self._may_ask(outlook):
            return tuple(moves)
        self._ask_at = outlook.due_at - self._settings.ask_within_s
        return (*moves, *self.on_deadline(outlook, now))

    def next_deadline(self) -> float | None:
        """When the ending becomes likely enough to ask, if nothing comes before."""
        return self._ask_at

    def on_deadline(self, outlook: Outlook | None, now: float) -> tuple[Move, ...]:
        """Ask if, by the evidence of this instant, it is time."""
        if self._ask_at is None or outlook is None or now < self._ask_at:
            return ()
        self._ask_at = None
        self._guess = guess = Guess(outlook.text)
        self._asked += not outlook.is_early
        self._asked_early += outlook.is_early
        guess.spend("requests", 1)
        self._recorder.moment(Moment.GUESSED, now)
        return (Ask(guess),)

    def claim(self, text: str) -> Guess | None:
        """The request with these words has reached the model's station: whose is it?

        None when it was withdrawn on its way, and is not to be made.
        """
        for guess in (self._guess, self._kept):
            if guess is not None and guess.text == text and guess.claim():
                return guess
        return None

    def fits(self, text: str, now: float) -> tuple[Move, ...]:
        """The turn ends on `text`: a guess at other words is withdrawn before anybody hears of
        the end. One that fits stays in hand until `keep` or `drop`."""
        self._ask_at = None
        guess = self._guess
        if guess is None or (guess.words and guess.words == content(text)):
            return ()
        self._withdraw(guess, now)
        return (Withdraw(),)

    def keep(self, now: float) -> Guess | None:
        """The turn has ended as guessed: the guess answers it."""
        self._begin_turn()
        guess, self._guess = self._guess, None
        if guess is not None:
            self._kept = guess
            self._settle(guess, Verdict.KEPT, now)
        return guess

    def drop(self, now: float) -> tuple[Move, ...]:
        """The turn is over without it."""
        self._begin_turn()
        if self._guess is None:
            return ()
        self._withdraw(self._guess, now)
        return (Withdraw(),)

    def swept(self, now: float) -> None:
        """An interruption takes everything that is being made with it, a guess in hand too."""
        if self._guess is not None:
            self._withdraw(self._guess, now)

    @property
    def in_hand(self) -> Guess | None:
        """The guess that has no verdict yet."""
        return self._guess

    def _begin_turn(self) -> None:
        self._asked = self._asked_early = 0
        self._ask_at = None

    def _may_ask(self, outlook: Outlook) -> bool:
        settings = self._settings
        if settings.speculate == "off" or self._wasted >= settings.wasted_guesses:
            return False
        is_waiting = self._waits_for_finals or has_stand_in(outlook.text)
        if is_waiting and not outlook.is_for_good:
            return False  # a value that may still change is in no vault, and cannot be read back
        if outlook.is_early:
            return self._asked_early < settings.early_guesses
        return self._asked < settings.guesses_per_turn

    def _withdraw(self, guess: Guess, now: float) -> None:
        self._guess = None
        self._wasted += 1
        self._settle(guess, Verdict.WITHDRAWN, now)

    def _settle(self, guess: Guess, verdict: Verdict, now: float) -> None:
        kept = verdict is Verdict.KEPT
        guess.settle(verdict, wasted=self._waste)
        self._recorder.moment(Moment.GUESS_KEPT if kept else Moment.GUESS_WITHDRAWN, now)
        self._recorder.count(SPECULATIONS, outcome=verdict.value)

    def _waste(self, kind: str, amount: float) -> None:
        self._recorder.count(SPECULATION_WASTE, amount, kind=kind)
        if kind in self._prices:
            self._recorder.count(SPECULATION_WASTE, amount * self._prices[kind], kind="usd")
