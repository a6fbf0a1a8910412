"""A caller who says nothing is asked, asked again, and let go; never too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.floor import Floor
from call.idle import (
    Action,
    AgentCut,
    Fact,
    HearingBack,
    HearingLost,
    Idle,
    IdleLadder,
    ReplyHeard,
    Rung,
    SoundBegan,
    SoundCeased,
    Speak,
    Stay,
    TurnClosed,
    TurnOpened,
    WordsHeard,
)

pytestmark = pytest.mark.rule

KNOBS = Idle(ask_s=8, again_s=7, goodbye_s=6, hold_s=60, sound_s=5, words_s=2, pick_up_s=1.0)


class Silence:
    """One ladder, its floor, and what it said when."""

    def __init__(self, settings: Idle = KNOBS) -> None:
        self.floor = Floor()
        self.rule = IdleLadder(settings, self.floor)
        self.now = 0.0
        self.said: list[tuple[float, Action]] = []

    def tell(self, at: float, *facts: Fact) -> Silence:
        """Wait until `at`, asking whenever the rule wants to be asked, then tell it facts."""
        self.wait(at)
        for fact in facts:
            self.said += [(at, action) for action in self.rule.decide(fact, at)]
        return self

    def wait(self, until: float) -> Silence:
        """Let time pass."""
        for _ in range(1000):
            due_at = self.rule.next_deadline()
            if due_at is None or due_at > until:
                break
            self.now = max(self.now, due_at)
            self.said += [(self.now, action) for action in self.rule.on_deadline(self.now)]
        self.now = until
        return self

    @property
    def rungs(self) -> list[tuple[float, Rung]]:
        """When which rung was said."""
        return [(at, action.rung) for at, action in self.said if isinstance(action, Speak)]


def greeted(settings: Idle = KNOBS) -> Silence:
    """The caller has heard the greeting at 10 s."""
    return Silence(settings).tell(10.0, ReplyHeard())


def test_the_ladder_asks_asks_again_and_says_goodbye() -> None:
    """Each counted from when the one before was heard; the last is said until it has its way."""
    silence = greeted().tell(20.0, ReplyHeard()).tell(30.0, ReplyHeard())
    assert silence.wait(43.0).rungs == [
        (18.0, Rung.ASK),
        (27.0, Rung.AGAIN),
        (36.0, Rung.GOODBYE),
        (42.0, Rung.GOODBYE),
    ]


def test_nothing_is_asked_before_anything_was_heard() -> None:
    """What was sent is not what was heard."""
    assert Silence().wait(1000.0).rungs == []


def test_a_silence_from_before_the_agents_last_words_is_none() -> None:
    """Two phrases in a row: the timer of the first may ring when the second has just been played,
    and it is not told yet that it was heard."""
    silence = greeted().tell(11.0)
    silence.floor.clause_began(2, "How can I help?", is_protected=False, now=11.0)
    silence.tell(17.99)
    silence.floor.agent_ended()
    assert silence.tell(18.02, ReplyHeard()).wait(26.1).rungs == [(26.02, Rung.ASK)]


def test_a_timer_that_rings_too_early_is_sent_away() -> None:
    """It asks again."""
    silence = greeted()
    assert silence.rule.on_deadline(17.9) == Silence().rule.on_deadline(17.9) == ()
    assert silence.wait(18.0).rungs == [(18.0, Rung.ASK)]


def test_it_can_be_switched_off() -> None:
    """ask_s = 0."""
    assert greeted(Idle(ask_s=0)).wait(1000.0).rungs == []


def test_any_word_puts_it_back_to_its_foot() -> None:
    """The silence begins anew behind the answer."""
    silence = greeted().tell(19.0, WordsHeard("I am", final=False), WordsHeard("I am here"))
    silence.tell(22.0, ReplyHeard())
    assert silence.wait(31.0).rungs == [(18.0, Rung.ASK), (30.0, Rung.ASK)]


def test_a_word_behind_the_goodbye_keeps_the_call() -> None:
    """Said over it, too."""
    silence = greeted().wait(32.0)
    assert silence.rungs[-1] == (31.0, Rung.GOODBYE)
    silence.tell(32.0, WordsHeard("Wait", final=False), WordsHeard("Wait"))
    assert silence.said[-1] == (32.0, Stay())
    assert [action for _, action in silence.said].count(Stay()) == 1


def test_it_never_speaks_while_the_agent_is_busy() -> None:
    """Thinking, speaking, held or at a tool: the silence has not begun yet."""
    silence = greeted()
    silence.floor.agent_began()
    silence.wait(40.0)
    silence.floor.agent_ended()
    assert silence.wait(48.0).rungs == [(42.0, Rung.ASK)]


def test_it_never_speaks_while_the_caller_is_in_a_turn() -> None:
    """A turn with words, however long its pauses; opened by sound or by the words themselves."""
    for opening in ((TurnOpened(), WordsHeard("My number is")), (WordsHeard("My"), TurnOpened())):
        silence = greeted().tell(12.0, *opening).wait(40.0)
        assert silence.rungs == []
        silence.tell(40.0, TurnClosed()).tell(42.0, ReplyHeard())
        assert silence.wait(51.0).rungs == [(50.0, Rung.ASK)]


def test_a_turn_without_words_is_none() -> None:
    """Noise has opened it; what was said before it belongs to another."""
    silence = greeted().tell(11.0, WordsHeard("uh-huh")).tell(14.0, TurnOpened())
    assert silence.wait(20.0).rungs == [(19.0, Rung.ASK)]


@pytest.mark.parametrize("words", ["Hold on a second.", "لحظة من فضلك"])
def test_hold_on_makes_it_patient(words: str) -> None:
    """Once: who still says nothing is asked as ever."""
    silence = greeted().tell(11.0, WordsHeard(words), TurnOpened(), TurnClosed())
    silence.tell(13.0, ReplyHeard())
    assert silence.wait(81.0).rungs == [(73.0, Rung.ASK), (80.0, Rung.AGAIN)]


def test_patience_ends_with_the_next_words() -> None:
    """The pen was found."""
    silence = greeted().tell(11.0, WordsHeard("Hold on.", final=True), TurnOpened(), TurnClosed())
    silence.tell(20.0, WordsHeard("Okay, here it is."), TurnClosed()).tell(22.0, ReplyHeard())
    assert silence.wait(31.0).rungs == [(30.0, Rung.ASK)]


def test_what_is_said_in_pieces_is_understood_as_a_whole() -> None:
    """ "Hold on." "I want Tuesday." is no request to wait."""
    silence = greeted().tell(11.0, WordsHeard("Hold on."), TurnOpened())
    silence.tell(12.0, WordsHeard("I want Tuesday."), TurnClosed()).tell(13.0, ReplyHeard())
    assert silence.wait(22.0).rungs == [(21.0, Rung.ASK)]


def test_sound_puts_the_question_off_a_little() -> None:
    """As long as it goes on, at most sound_s; behind it, words may take words_s to arrive."""
    assert greeted().tell(17.0, SoundBegan()).wait(24.0).rungs == [(23.0, Rung.ASK)]
    ceased = greeted().tell(17.0, SoundBegan()).tell(17.5, SoundCeased())
    assert ceased.wait(20.0).rungs == [(19.5, Rung.ASK)]
    early = greeted().tell(11.0, SoundBegan()).tell(12.0, SoundCeased())
    assert early.wait(20.0).rungs == [(18.0, Rung.ASK)]


def test_music_does_not_put_it_off_for_ever() -> None:
    """On and off, without a word."""
    silence = greeted()
    for second in range(11, 60):
        silence.tell(second, SoundBegan()).tell(second + 0.5, SoundCeased())
    assert [rung for _, rung in silence.rungs][:3] == [Rung.ASK, Rung.AGAIN, Rung.GOODBYE]


def test_on_a_noisy_line_the_question_is_said_to_its_end() -> None:
    """The noise would cut it off; words make the line quiet again."""
    noisy = greeted().tell(12.0, SoundBegan()).tell(13.0, SoundCeased()).wait(19.0)
    assert noisy.said == [(18.0, Speak(Rung.ASK, is_protected=True))]
    noisy.tell(19.0, WordsHeard("Yes")).tell(20.0, ReplyHeard())
    assert noisy.wait(29.0).said[-1] == (28.0, Speak(Rung.ASK))


def test_without_a_recogniser_sound_may_be_words() -> None:
    """Nobody is told that they said nothing."""
    silence = greeted().tell(11.0, HearingLost()).tell(17.0, SoundBegan())
    assert silence.wait(24.0).rungs == []
    silence.tell(24.0, HearingBack(), SoundBegan(), SoundCeased())
    assert silence.wait(27.0).rungs == [(26.0, Rung.ASK)]


def test_what_a_noise_cut_short_is_said_again() -> None:
    """Soon behind its end, once, and then the ladder is climbed as ever."""
    silence = Silence().tell(10.0, AgentCut(), TurnOpened(), ReplyHeard()).tell(12.0, TurnClosed())
    silence.tell(14.0, ReplyHeard()).tell(16.0, AgentCut(), TurnOpened()).tell(17.0, TurnClosed())
    assert silence.wait(23.0).rungs == [(13.0, Rung.PICK_UP), (22.0, Rung.ASK)]
    assert silence.said[0][1] == Speak(Rung.PICK_UP)


def test_while_the_noise_goes_on_nothing_is_asked() -> None:
    """What it cut comes first, once it is over."""
    silence = Silence().tell(10.0, ReplyHeard(), AgentCut(), TurnOpened()).wait(30.0)
    assert silence.rungs == []
    assert silence.tell(30.0, TurnClosed()).wait(32.0).rungs == [(31.0, Rung.PICK_UP)]


def test_what_words_cut_short_is_not() -> None:
    """The caller wanted the floor."""
    silence = Silence().tell(10.0, WordsHeard("Stop"), AgentCut(), TurnOpened(), ReplyHeard())
    assert silence.tell(12.0, TurnClosed()).wait(17.0).rungs == []


def test_the_words_of_the_turn_before_are_not_the_noises() -> None:
    """A noise right behind a decided turn cuts its answer off: that is said again."""
    silence = Silence().tell(10.0, TurnOpened(), WordsHeard("Are you open?"), TurnClosed())
    silence.tell(10.5, AgentCut(), TurnOpened(), ReplyHeard()).tell(11.0, TurnClosed())
    assert silence.wait(13.0).rungs == [(12.0, Rung.PICK_UP)]


def test_nothing_is_picked_up_once_the_agent_speaks_again() -> None:
    """It was answered meanwhile."""
    silence = Silence().tell(10.0, ReplyHeard(), AgentCut(), TurnOpened()).tell(11.0, TurnClosed())
    silence.floor.agent_began()
    silence.wait(14.0)
    silence.floor.agent_ended()
    silence.tell(14.0, ReplyHeard())
    assert silence.wait(23.0).rungs == [(22.0, Rung.ASK)]


def test_a_question_of_the_ladder_is_not_picked_up() -> None:
    """The next rung is near."""
    silence = greeted().wait(18.5).tell(18.5, AgentCut(), TurnOpened()).tell(19.0, TurnClosed())
    assert silence.wait(27.0).rungs == [(18.0, Rung.ASK), (25.0, Rung.AGAIN)]


@pytest.mark.parametrize("knob", [{"again_s": 0.1}, {"ask_s": -1}, {"hold_s": 601}])
def test_bad_seconds_are_refused(knob: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=next(iter(knob))):
        Idle(**knob)


STEPS = st.sampled_from(
    [
        ReplyHeard(), AgentCut(), SoundBegan(), SoundCeased(), WordsHeard("yes"),
        WordsHeard("ye", final=False), TurnOpened(), TurnClosed(), HearingLost(), HearingBack(),
        "busy", "free",
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.floats(0, 5), STEPS), max_size=60))
def test_it_speaks_only_into_silence_and_never_stays_silent(
    story: list[tuple[float, Fact | str]],
) -> None:
    """In any order of events: nobody is interrupted, the rungs come in order, and a caller who
    falls silent for good is asked and let go."""
    silence, is_busy = Silence().tell(0.0, ReplyHeard()), False
    for passes_s, step in story:
        before = len(silence.said)
        silence.wait(silence.now + passes_s)
        assert not (is_busy and any(isinstance(a, Speak) for _, a in silence.said[before:]))
        if isinstance(step, str):
            is_busy = step == "busy"
            (silence.floor.agent_began if is_busy else silence.floor.agent_ended)()
        else:
            silence.tell(silence.now, step)
    silence.floor.agent_ended()
    silence.tell(silence.now, SoundCeased(), TurnClosed())
    at, before = silence.now, len(silence.said)
    silence.wait(at + 8 + 7 + 6 + 3 * 5 + 60 + 1)
    rungs = [a.rung for _, a in silence.said[before:] if isinstance(a, Speak)]
    assert Rung.GOODBYE in rungs
    assert rungs == sorted(rungs, key=list(Rung).index)
