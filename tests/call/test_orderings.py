"""Whatever the order of events: one answer to a turn, none to a withdrawn one, and no stuck state.

The real deciders are wired as the hosts wire them (`processors/turn_start.py`, `turn_stop.py`,
`turn_tap.py`, `heard_ledger.py`), on a clock of the test's own, and told any story that voice
detector, recogniser, wire and time can tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call import endpoint, interruption
from call.cues import content
from call.endpoint import DecideTurn, EndpointFilter
from call.floor import Floor
from call.interruption import BargeIn, Dismiss, Hold, Interruption, Resume, Yield
from call.measures import Moment
from call.speculation import Ask, Guess, Move, Speculation
from call.turn import Standing, TurnState
from call.waits import Endpoint

pytestmark = pytest.mark.rule

WATCHDOG_S = 8.0
REPLY = "We are open from eight to six."


@dataclass
class Answer:
    """What the agent says to a turn; `guess` when it was begun early."""

    turn: int
    text: str
    guess: Guess | None = None
    is_sounding: bool = False


FILLER = Answer(0, "")


@dataclass
class Talk:
    """One conversation."""

    now: float = 0.0
    turn: int = 0  # the open one's number, or the last one's
    is_open: bool = False
    is_voiced: bool = False
    is_speech: bool = False
    finals: list[str] = field(default_factory=list)
    guesses: dict[int, list[Guess]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    wordless: set[int] = field(default_factory=set)  # turns without words
    sounding: Answer | None = None
    passing: deque[Moment] = field(default_factory=deque)  # on their way to who stamps them
    is_crowded: bool = False  # they take their time
    stirred_at: float = 0.0  # the caller's last sign: the framework's watchdog counts from it

    def __post_init__(self) -> None:
        knobs = Endpoint()
        self.floor = Floor()
        self.end = EndpointFilter(knobs)
        self.early = Speculation(knobs)
        self.over = Interruption(BargeIn(), self.floor)
        self.standing = Standing(strict=True)
        self.is_held = False

    @property
    def state(self) -> str:
        """Where it stands."""
        return self.standing.state.value

    # ── time ─────────────────────────────────────────────────────────────────────────
    def wait(self, seconds: float) -> None:
        """Let time pass; whoever asked to be asked is asked when it is due."""
        until = self.now + seconds
        for _ in range(200):
            dues = (
                self.over.next_deadline(),
                self.end.next_deadline(),
                self.early.next_deadline(),
                self._watchdog_at,
            )
            due_at = min((at for at in dues if at is not None), default=None)
            if due_at is None or due_at > until:
                break
            self.now = max(self.now, due_at)
            self._heed(self.over.on_deadline(self.now))
            decisions = self.end.on_deadline(self.now)
            moves = () if decisions else self.early.on_deadline(self.end.outlook(), self.now)
            self._act(decisions, moves)
            is_stuck = self._watchdog_at is not None and self.now >= self._watchdog_at
            assert not is_stuck, "nobody but the framework's watchdog would have ended this turn"
        else:
            raise AssertionError("a deadline that does not move on")
        self.now = until

    @property
    def _watchdog_at(self) -> float | None:
        """When the framework ends a turn that nobody has ended."""
        is_silent = self.is_open and not self.is_speech
        return self.stirred_at + WATCHDOG_S if is_silent else None

    # ── what is stamped ──────────────────────────────────────────────────────────────
    def tap(self) -> None:
        """What was on its way to the tap gets there, in its order. What the wire tells is stamped
        where it comes in, and so overtakes it on a crowded machine."""
        while self.passing:
            self.standing.moment(self.passing.popleft())

    def crowd(self) -> None:
        """From now on it stays on its way until `tap`."""
        self.is_crowded = True

    def _pass(self, moment: Moment) -> None:
        self.passing.append(moment)
        if not self.is_crowded:
            self.tap()

    # ── what comes ───────────────────────────────────────────────────────────────────
    def onset(self) -> None:
        """Two windows of voice."""
        if not self.is_voiced:
            self.is_voiced = True
            self._tell_start(interruption.VoiceBegan())
            self._tell_end(endpoint.VoiceBegan())

    def speech(self) -> None:
        """A turn's worth of it."""
        self.onset()
        if self.is_speech:
            return
        self.is_speech, self.stirred_at = True, self.now
        self._pass(Moment.SPEECH_STARTED)
        if self.is_open:
            self._take_over()
        else:
            self._tell_start(interruption.VoiceLasted())
        self._tell_end(endpoint.SpeechStarted())

    def pause(self) -> None:
        """The voice ceases, and with it speech."""
        if not self.is_voiced and not self.is_speech:
            return
        if self.is_voiced:
            self.is_voiced = False
            self._tell_start(interruption.VoicePaused())
            self._tell_end(endpoint.VoicePaused())
        if self.is_speech:
            self.is_speech, self.stirred_at = False, self.now
            self._pass(Moment.SPEECH_STOPPED)
            self._tell_end(endpoint.SpeechStopped())

    def ebb(self) -> None:
        """The voice ceases for a moment within speech, and the detector doubts it."""
        if self.is_voiced and self.is_speech:
            self.is_voiced = False
            self._tell_start(interruption.VoicePaused())
            self._tell_end(endpoint.VoicePaused())
            self._tell_end(endpoint.VoiceEbbed())

    def words(self, text: str, *, final: bool) -> None:
        """The recogniser has words."""
        self.stirred_at = self.now
        self._tell_start(interruption.WordsHeard(text, final))
        if final:
            self.finals.append(text)
        self._tell_end(endpoint.WordsArrived(text, final))

    def finalized(self) -> None:
        """The recogniser has no more."""
        self._tell_start(interruption.WordsOver())
        self._tell_end(endpoint.Finalized())

    def score(self, probability: float, ago_s: float) -> None:
        """The semantic detector has a verdict, perhaps on an older silence."""
        self._tell_end(endpoint.ProbabilityArrived(probability, self.now - ago_s))

    def sound(self) -> None:
        """The next answer that may be heard begins to leave; nothing does in a hold, once that has
        got to the wire."""
        ready = [a for a in self.answers if not a.is_sounding]
        is_stopped = self.is_held and not self.is_crowded
        if self.sounding is not None or is_stopped or not ready:
            return
        if Moment.TURN_DECIDED in self.passing:
            self.tap()  # the request went the same way
        answer = ready[-1]
        assert answer.guess is None or answer.guess.is_kept
        answer.is_sounding, self.sounding = True, answer
        self.standing.moment(Moment.FIRST_AUDIO)
        reply = len(self.answers)
        self.floor.clause_began(
            reply, REPLY, is_protected=False, now=self.now, clause_id=f"{reply}.1"
        )

    def filler(self) -> None:
        """A holding phrase, since the answer is late."""
        is_late = any(not answer.is_sounding for answer in self.answers)
        if self.sounding is None and not self.is_held and is_late:
            self.tap()
            self.sounding = FILLER
            self.standing.moment(Moment.FIRST_AUDIO)
            self.floor.clause_began(0, "One moment.", is_protected=False, now=self.now)

    def mark(self) -> None:
        """The caller has heard it: in a hold, when its last word was on its way."""
        if self.sounding is None:
            return
        if self.sounding is FILLER:
            self.sounding = None
            self.standing.moment(Moment.FILLER_HEARD)
            self.floor.reply_ended(0)
            return
        self.sounding = None
        self.standing.moment(Moment.REPLY_HEARD)
        self.floor.reply_ended(len(self.answers))
        if all(answer.is_sounding for answer in self.answers):
            self.floor.agent_ended()

    # ── what the hosts do ────────────────────────────────────────────────────────────
    def _tell_start(self, fact: interruption.Fact) -> None:
        if not self.is_open:
            self._heed(self.over.decide(fact, self.now))

    def _tell_end(self, fact: endpoint.Fact) -> None:
        decisions = self.end.decide(fact, self.now)
        moves = () if decisions else self.early.look(self.end.outlook(), self.now)
        self._act(decisions, moves)

    def _heed(self, actions: Sequence[interruption.Action]) -> None:
        for action in actions:
            match action:
                case Hold():
                    assert self.sounding is not None, "held what does not sound"
                    self.is_held = True
                    self._pass(Moment.HELD)
                case Resume():
                    self._release()
                case Yield():
                    self._open()
                case Dismiss():
                    self.finals.clear()

    def _open(self) -> None:
        if self.is_open:
            return
        self._take_over()
        self._release()
        self.turn, self.is_open, self.stirred_at = self.turn + 1, True, self.now
        self._heed(self.over.decide(interruption.TurnTaken(), self.now))
        self._tell_end(endpoint.TurnOpened())

    def _release(self) -> None:
        if self.is_held:
            self.is_held = False
            self._pass(Moment.RESUMED)

    def _take_over(self) -> None:
        if not self.floor.take(self.now):
            return
        self.is_held, self.sounding = False, None
        self.early.swept(self.now)
        for answer in self.answers:
            answer.is_sounding = True  # what had not sounded yet never will
        self._pass(Moment.INTERRUPTED)
        self.floor.agent_ended()

    def _act(self, decisions: Sequence[DecideTurn], moves: Sequence[Move]) -> None:
        for move in moves:
            if isinstance(move, Ask) and move.guess.is_pending:
                assert self.early.claim(move.guess.text) is move.guess
                assert all(g.is_withdrawn for g in self.guesses.get(self.turn, []))
                self.guesses.setdefault(self.turn, []).append(move.guess)
        for _ in decisions:
            self._end_turn()

    def _end_turn(self) -> None:
        if not self.end.is_silent or not self.is_open:
            return
        text = " ".join(self.finals)
        if text:
            self.floor.agent_began()
        self._act((), self.early.fits(text, self.now))
        self._close(guess=self.early.in_hand)

    def _close(self, *, guess: Guess | None) -> None:
        """The turn is over; `guess` answers it, or the model is asked if there are words."""
        text = " ".join(self.finals)
        self._pass(Moment.TURN_DECIDED)
        self.is_open = False
        if guess is not None:
            self.early.keep(self.now)
            assert content(guess.text) == content(text), "answered what was not said"
        else:
            self.early.drop(self.now)
        self.finals.clear()
        self.end.decide(endpoint.TurnClosed(), self.now)
        if guess is not None or text:
            self.answers.append(Answer(self.turn, text, guess))
        else:
            self.wordless.add(self.turn)

    # ── what must be true ────────────────────────────────────────────────────────────
    def check(self) -> None:
        """One answer to a turn with words, none to one without; nothing withdrawn is heard."""
        answered = [answer.turn for answer in self.answers]
        assert len(answered) == len(set(answered)), "two answers to one turn"
        assert not self.wordless & set(answered)
        for answer in self.answers:
            kept = [g for g in self.guesses.get(answer.turn, []) if g.is_kept]
            assert kept == ([answer.guess] if answer.guess else []), "two answers to one turn"
            assert answer.guess is None or not answer.guess.is_withdrawn
        closed = range(1, self.turn + (not self.is_open))
        assert set(answered) | self.wordless == set(closed), "a turn without an outcome"

    def question(self) -> None:
        """The caller asks, and the agent begins to answer: most of a call is this."""
        self.speech()
        self.words("what are your hours", final=False)
        self.pause()
        self.words("what are your hours", final=True)
        self.finalized()
        self.wait(1.0)
        self.sound()

    def fall_silent(self) -> None:
        """Nobody says anything more, and everything on its way arrives."""
        self.pause()
        self.finalized()
        self.wait(20.0)
        self.is_crowded = False
        self.tap()
        for _ in range(len(self.answers) + 1):
            self.sound()
            self.mark()


SAID = st.sampled_from(["hello", "uh huh", "stop", "what are your hours", "my number is", "um"])
EVENTS = st.one_of(
    st.tuples(st.just("words"), SAID, st.booleans()),
    st.tuples(st.just("score"), st.sampled_from([0.02, 0.3, 0.6, 0.95]), st.floats(0, 1)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.03, 0.07, 0.2, 0.5, 1.0, 3.5])),
    st.tuples(
        st.sampled_from(
            [
                "onset",
                "speech",
                "ebb",
                "pause",
                "finalized",
                "sound",
                "filler",
                "mark",
                "question",
                "crowd",
                "tap",
            ]
        )
    ),
)
Event = tuple[object, ...]


def play(talk: Talk, story: Sequence[Event]) -> None:
    """Tell a conversation a story; it holds true at every step."""
    for name, *rest in story:
        match name:
            case "words":
                text, final = rest
                talk.words(str(text), final=bool(final))
            case "score":
                probability, ago_s = rest
                talk.score(float(str(probability)), float(str(ago_s)))
            case "wait":
                talk.wait(float(str(rest[0])))
            case _:
                getattr(talk, str(name))()
        talk.check()


@settings(max_examples=400)
@given(st.lists(EVENTS, max_size=40))
def test_no_order_of_events_gives_two_answers_or_a_stuck_state(story: list[Event]) -> None:
    """Each turn has one outcome, and ends without a watchdog; and once everybody is silent the turn
    is closed, nothing is held, nobody is waited for, and the floor is free."""
    talk = Talk()
    play(talk, story)
    talk.fall_silent()
    talk.check()
    assert not talk.is_open
    assert not talk.is_held and not talk.over.is_held
    assert talk.early.in_hand is None
    assert talk.standing.state in (TurnState.LISTENING, TurnState.DECIDING, TurnState.THINKING)
    assert not talk.floor.is_agents


def test_words_told_behind_an_ebb_are_answered_before_the_stop() -> None:
    """And the answer is the turn's, if they were all; else another one is."""
    for more, kept in ((), "what are your hours"), (("speech", "on sunday"), "on sunday"):
        talk = Talk()
        play(talk, [("speech",), ("ebb",), ("words", "what are your hours", True)])
        (guess,) = talk.guesses[1]
        if more:
            play(talk, [("onset",), ("words", "on sunday", True), ("ebb",)])
            assert guess.is_withdrawn
        play(talk, [("pause",), ("finalized",), ("score", 0.95, 0.0), ("wait", 0.5), ("sound",)])
        (answer,) = talk.answers
        assert answer.guess is not None and answer.guess.is_kept
        assert answer.text.endswith(kept)


def test_the_ordinary_story_has_an_ordinary_end() -> None:
    """A question, an answer begun early, and heard."""
    talk = Talk()
    story: list[Event] = [
        ("speech",),
        ("words", "what are your hours", False),
        ("pause",),
        ("words", "what are your hours", True),
        ("finalized",),
        ("score", 0.95, 0.0),
        ("wait", 0.5),
        ("sound",),
    ]
    play(talk, story)
    (answer,) = talk.answers
    assert answer.guess is not None and answer.guess.is_kept
    assert talk.state == "speaking"
    play(talk, [("onset",), ("wait", 0.03)])
    assert talk.state == "held"
    play(talk, [("words", "uh huh", False), ("pause",), ("wait", 0.5)])
    assert talk.state == "speaking"
    play(talk, [("speech",), ("words", "stop", False)])
    assert talk.state == "listening"
    assert talk.is_open
