"""An answer begun early is kept or thrown away, once, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.endpoint import (
    EndpointFilter,
    Fact,
    Finalized,
    Outlook,
    ProbabilityArrived,
    SpeechStarted,
    SpeechStopped,
    TurnClosed,
    TurnOpened,
    VoiceBegan,
    VoiceEbbed,
    VoicePaused,
    WordsArrived,
)
from call.measures import SPECULATION_WASTE, SPECULATIONS, Measure, Moment, NullRecorder
from call.speculation import Ask, Guess, Move, Speculation, Withdraw
from call.waits import Endpoint

pytestmark = pytest.mark.rule

KNOBS = Endpoint()


class Story(NullRecorder):
    """Remembers what was counted and stamped."""

    def __init__(self) -> None:
        self.counted: dict[str, float] = {}
        self.moments: list[Moment] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it by its label."""
        assert measure in (SPECULATION_WASTE, SPECULATIONS)
        (label,) = labels.values()
        self.counted[label] = self.counted.get(label, 0) + amount

    def moment(self, moment: Moment, at: float) -> None:
        """Keep it."""
        self.moments.append(moment)


def ending(text: str, *, due_at: float = 10.2) -> Outlook:
    """A turn that is likely to end on these words."""
    return Outlook(text, due_at)


def guessed(rule: Speculation, text: str = "hello there", now: float = 10.0) -> Guess:
    """The guess that these words lead to."""
    (move,) = rule.look(ending(text), now)
    assert isinstance(move, Ask)
    assert move.guess.text == text
    return move.guess


def test_a_likely_ending_is_answered_at_once() -> None:
    """And only once while the words stay the same, whatever their case, punctuation and
    hesitations."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    assert rule.look(ending("Um, hello, there."), 10.1) == ()
    assert rule.in_hand is guess
    assert guess.is_pending


def test_an_ending_that_is_far_away_waits_until_it_is_near() -> None:
    """The timer asks anew, and may be told that all has changed."""
    rule = Speculation(KNOBS)
    assert rule.look(ending("my number is", due_at=12.0), 10.0) == ()
    due_at = rule.next_deadline()
    assert due_at == 12.0 - KNOBS.ask_within_s
    assert rule.on_deadline(ending("my number is", due_at=12.0), due_at - 0.01) == ()
    assert rule.on_deadline(None, due_at) == ()
    (move,) = rule.on_deadline(ending("my number is", due_at=12.0), due_at)
    assert isinstance(move, Ask)
    assert rule.next_deadline() is None


def test_other_words_withdraw_it_and_ask_again() -> None:
    """In this order, so that the old answer is gone when the new one comes."""
    rule = Speculation(KNOBS)
    old = guessed(rule, "hello the")
    withdraw, ask = rule.look(ending("hello there"), 10.1)
    assert isinstance(withdraw, Withdraw)
    assert isinstance(ask, Ask)
    assert old.is_withdrawn
    assert ask.guess.is_pending


def test_a_turn_that_goes_on_withdraws_it() -> None:
    """Resumed speech leaves no outlook."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    assert rule.look(None, 10.1) == (Withdraw(),)
    assert guess.is_withdrawn
    assert rule.look(None, 10.2) == ()


def test_the_turn_that_ends_as_guessed_keeps_it() -> None:
    """The guess fits, stays in hand until the end is sure, and is then kept."""
    story = Story()
    rule = Speculation(KNOBS, recorder=story)
    guess = guessed(rule)
    assert rule.fits("Hello there!", 10.2) == ()
    assert guess.is_pending
    assert rule.keep(10.2) is guess
    assert guess.is_kept
    assert rule.in_hand is None
    assert story.moments == [Moment.GUESSED, Moment.GUESS_KEPT]
    assert story.counted == {"kept": 1}


@pytest.mark.parametrize("text", ["hello", "", "there hello"])
def test_a_turn_that_ends_otherwise_withdraws_it(text: str) -> None:
    """Before anybody hears of the end."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    assert rule.fits(text, 10.2) == (Withdraw(),)
    assert guess.is_withdrawn
    assert rule.keep(10.2) is None


def test_a_request_is_claimed_once_and_never_when_it_was_withdrawn() -> None:
    """A late copy, or one that answers nothing, is not made."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    assert rule.claim("something else") is None
    assert rule.claim(guess.text) is guess
    assert rule.claim(guess.text) is None
    rule.look(None, 10.1)
    gone = guessed(rule, "hi", 10.2)
    rule.look(None, 10.3)
    assert rule.claim(gone.text) is None


def test_a_request_that_arrives_after_its_turn_was_decided_is_still_made() -> None:
    """The kept answer has to be written by somebody."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    rule.fits(guess.text, 10.1)
    rule.keep(10.1)
    assert rule.claim(guess.text) is guess


def test_an_interruption_sweeps_it_away() -> None:
    """Its answer is gone, so the turn must not be ended on it."""
    rule = Speculation(KNOBS)
    guess = guessed(rule)
    rule.swept(10.1)
    assert guess.is_withdrawn
    assert rule.fits(guess.text, 10.2) == ()
    assert rule.keep(10.2) is None
    rule.swept(10.3)


def test_waste_is_counted_whenever_it_becomes_known() -> None:
    """What was spent before the verdict, and what is only reported after it."""
    story = Story()
    rule = Speculation(KNOBS, recorder=story, prices={"tokens": 0.25, "characters": 0.5})
    guess = guessed(rule)
    guess.spend("tokens", 100)
    assert story.counted == {}
    assert rule.drop(10.1) == (Withdraw(),)
    guess.spend("characters", 20)
    spent = {"requests": 1, "tokens": 100, "characters": 20, "usd": 35.0}
    assert story.counted == {"withdrawn": 1, **spent}
    assert rule.drop(10.2) == ()


def test_what_is_wasted_is_capped_per_turn_and_per_call() -> None:
    """Past the cap each decision is waited for."""
    rule = Speculation(replace(KNOBS, guesses_per_turn=2, wasted_guesses=3))
    for text in ("one", "two"):
        guessed(rule, text)
        rule.look(None, 10.0)
    assert rule.look(ending("three"), 10.1) == ()
    rule.drop(10.2)
    guessed(rule, "four")
    rule.look(None, 10.3)
    assert rule.look(ending("five"), 10.4) == ()


def test_what_is_asked_before_the_stop_has_a_cap_of_its_own() -> None:
    """A wrong guess there leaves all of the others."""
    rule = Speculation(replace(KNOBS, early_guesses=1, guesses_per_turn=1))
    early = Outlook("what are your hours", 10.2, is_early=True)
    assert len(rule.look(early, 10.0)) == 1
    assert rule.look(replace(early, text="what are your hours on"), 10.1) == (Withdraw(),)
    guessed(rule, "what are your hours on Sunday", 10.2)
    rule.drop(10.3)
    assert len(rule.look(early, 11.0)) == 1


@pytest.mark.parametrize(("mode", "asks", "speaks"), [("off", 0, False), ("llm", 1, False)])
def test_it_can_be_switched_off(mode: str, asks: int, speaks: bool) -> None:
    """Entirely, or for the voice."""
    rule = Speculation(replace(KNOBS, speculate=mode))
    assert len(rule.look(ending("hello"), 10.0)) == asks
    assert rule.lets_voice_start is speaks
    assert Speculation().lets_voice_start


def test_who_waits_for_the_verdict_goes_on_when_the_conversation_knows_it() -> None:
    """Kept: once it was announced. Withdrawn: at once. Afterwards: immediately."""
    rule, heard = Speculation(KNOBS), []
    kept = guessed(rule)
    kept.when_settled(lambda: heard.append("kept"))
    rule.fits(kept.text, 10.1)
    rule.keep(10.1)
    assert heard == []
    kept.announce()
    lost = guessed(rule, "hi", 11.0)
    lost.when_settled(lambda: heard.append("lost"))
    rule.drop(11.1)
    lost.when_settled(lambda: heard.append("late"))
    assert heard == ["kept", "lost", "late"]


FACTS = st.one_of(
    st.just(TurnOpened()),
    st.just(TurnClosed()),
    st.just(SpeechStarted()),
    st.just(SpeechStopped()),
    st.just(VoiceBegan()),
    st.just(VoicePaused()),
    st.just(VoiceEbbed()),
    st.builds(
        WordsArrived, st.sampled_from(["", "yes", "my number is", "what are hours"]), st.booleans()
    ),
    st.just(Finalized()),
    st.builds(ProbabilityArrived, st.floats(0, 1), st.floats(0, 30)),
    st.sampled_from(["interruption", "timer", "request"]),
)


class Call:
    """Both rules as their host runs them, and what the model's station and the gate make of it."""

    def __init__(self) -> None:
        self.filter = EndpointFilter(KNOBS)
        self.speculation = Speculation(KNOBS)
        self.open = False
        self.requests: list[Guess] = []  # asked, not yet at the model's station
        self.writing: list[Guess] = []

    def tell(self, fact: Fact, now: float) -> None:
        """A fact, as `TurnStop` handles it."""
        if isinstance(fact, TurnOpened):
            if self.open:
                return  # Pipecat opens no open turn
            self.open = True
        if isinstance(fact, TurnClosed):
            self.close(now)
            return
        decisions = self.filter.decide(fact, now)
        self.act(() if decisions else self.speculation.look(self.filter.outlook(), now))
        if decisions:
            self.end_turn(now)

    def timer(self, now: float) -> None:
        """The timer rings, on time or not."""
        decisions = self.filter.on_deadline(now)
        outlook = self.filter.outlook()
        self.act(() if decisions else self.speculation.on_deadline(outlook, now))
        if decisions:
            self.end_turn(now)

    def close(self, now: float) -> None:
        """The turn ends without an answer of ours."""
        self.open = False
        self.act(self.speculation.drop(now))
        self.filter.decide(TurnClosed(), now)

    def act(self, moves: tuple[Move, ...]) -> None:
        """Requests travel, withdrawals need not be told: verdicts are asked for."""
        self.requests += [move.guess for move in moves if isinstance(move, Ask)]

    def end_turn(self, now: float) -> None:
        """One answer to the words of the turn: the guess's, or one that is asked for now."""
        assert self.filter.is_silent
        words = self.filter.words
        self.act(self.speculation.fits(words, now))
        guess = self.speculation.keep(now)
        self.open = False
        self.filter.decide(TurnClosed(), now)
        if guess is not None:
            guess.announce()
            assert guess.is_kept
            assert guess.words == Guess(words).words
            assert guess in self.requests or guess in self.writing

    def request(self) -> None:
        """The oldest request reaches the model's station."""
        if self.requests:
            guess = self.requests.pop(0)
            claimed = self.speculation.claim(guess.text)
            if claimed is not None:
                assert not claimed.is_withdrawn
                assert claimed not in self.writing
                self.writing.append(claimed)


@given(st.lists(st.tuples(FACTS, st.floats(0.0, 1.5)), max_size=50))
def test_no_order_of_events_answers_twice_answers_a_withdrawn_turn_or_gets_stuck(
    story: list[tuple[Fact | str, float]],
) -> None:
    """Whatever comes when: one guess in hand at most, kept only with the words the turn ends on,
    every guess settled once the turn is over, and a silent caller with words always answered."""
    call, now = Call(), 0.0
    guesses: list[Guess] = []
    for event, passes_s in story:
        now += passes_s
        if event == "interruption":
            call.speculation.swept(now)
        elif event == "timer":
            call.timer(now)
        elif event == "request":
            call.request()
        else:
            call.tell(event, now)  # type: ignore[arg-type]
        guesses += [guess for guess in call.requests if guess not in guesses]
        pending = [guess for guess in guesses if guess.is_pending]
        assert pending == ([call.speculation.in_hand] if call.speculation.in_hand else [])
        if not call.open:
            assert not pending
        if pending:
            assert call.open
    for _ in range(8):  # silence from here on; the timer rings when it is due
        due = [d for d in (call.filter.next_deadline(), call.speculation.next_deadline()) if d]
        if due:
            now = max(now, min(due))
            call.timer(now)
    assert not (call.open and call.filter.is_silent and call.filter.words)


def test_where_finals_are_read_for_names_nothing_else_is_answered_early() -> None:
    """Words that may still change are left alone; the final ones are answered, and that guess fits
    the turn that ends on them."""
    rule = Speculation(KNOBS, waits_for_finals=True)
    assert rule.look(Outlook("ask peter", 10.0, is_for_good=False), 10.0) == ()
    assert rule.next_deadline() is None
    guess = guessed(rule, "ask [NAME_1]")
    assert rule.fits("ask [NAME_1]", 10.1) == ()
    assert rule.keep(10.1) is guess
    assert guess.is_kept


def test_more_words_withdraw_a_guess_at_final_ones() -> None:
    """Also words that may still change: the caller goes on."""
    rule = Speculation(KNOBS, waits_for_finals=True)
    guess = guessed(rule, "ask [NAME_1]")
    (move,) = rule.look(Outlook("ask [NAME_1] about", 10.3, is_for_good=False), 10.1)
    assert isinstance(move, Withdraw)
    assert guess.is_withdrawn


def test_a_value_that_may_still_change_is_not_answered_early() -> None:
    """Its digits are kept with the final words; before, the answer could not read them back."""
    rule = Speculation(KNOBS)
    text = "my number is [PHONE_1]"
    assert rule.look(Outlook(text, 10.0, is_for_good=False), 10.0) == ()
    assert rule.next_deadline() is None
    assert guessed(rule, text).is_pending
