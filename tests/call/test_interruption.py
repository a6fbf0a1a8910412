"""Barge-in or backchannel: what is held, what resumes, and what takes the floor."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.floor import Floor
from call.interruption import (
    Action,
    BargeIn,
    Dismiss,
    Fact,
    Hold,
    Interruption,
    Resume,
    TurnTaken,
    VoiceBegan,
    VoiceLasted,
    VoicePaused,
    WordsHeard,
    WordsOver,
    Yield,
)

pytestmark = pytest.mark.rule

ANSWER = "A check-up costs sixty pounds, and a cleaning forty-five."


def speaking(text: str = ANSWER, *, protected: bool = False) -> Floor:
    """The agent is in the middle of a clause."""
    floor = Floor()
    floor.clause_began(1, text, is_protected=protected, now=0.0, clause_id="1.1")
    return floor


def play(floor: Floor, *steps: tuple[float, Fact]) -> list[Action]:
    """What the rule says to facts at their instants, deadlines in between included."""
    rule = Interruption(BargeIn(), floor)
    actions: list[Action] = []
    for at, fact in steps:
        while (due := rule.next_deadline()) is not None and due < at:
            actions += rule.on_deadline(due)
        actions += rule.decide(fact, at)
    while (due := rule.next_deadline()) is not None:
        actions += rule.on_deadline(due)
    return actions


# ── phase one ────────────────────────────────────────────────────────────────────────
def test_the_first_sound_holds_a_speaking_agent() -> None:
    """Before anybody knows what it is; once."""
    assert play(speaking(), (1.0, VoiceBegan()), (1.1, VoiceBegan()))[:2] == [
        Hold(), Yield("voice"),
    ]  # fmt: skip


def test_nothing_is_held_when_the_agent_is_silent() -> None:
    """A turn opens by a turn's worth of voice, or by words."""
    silent = Floor()
    assert play(silent, (1.0, VoiceBegan()), (1.05, VoicePaused())) == []
    assert play(silent, (1.0, VoiceBegan()), (1.2, VoiceLasted())) == [Yield("voice")]
    assert play(silent, (1.0, WordsHeard("hello", final=False))) == [Yield("words")]


def test_a_thinking_agent_is_interrupted_by_a_turns_worth_of_voice() -> None:
    """There is no sound to hold."""
    floor = Floor()
    floor.agent_began()
    assert play(floor, (1.0, VoiceBegan()), (1.2, VoiceLasted())) == [Yield("voice")]


def test_a_phrase_that_must_be_finished_is_never_held() -> None:
    """A voice over it may be its echo, or last no longer; words open the turn, and are kept."""
    floor, voice = speaking(protected=True), ((1.0, VoiceBegan()), (1.2, VoiceLasted()))
    assert play(floor, *voice) == []
    said = WordsHeard("I want to book on Tuesday", final=False)
    assert play(floor, *voice, (1.5, said)) == [Yield("content")]


# ── a line that cries wolf ───────────────────────────────────────────────────────────
def alarms(*times: float) -> list[tuple[float, Fact]]:
    """Sounds over the agent that have no words."""
    return [step for at in times for step in ((at, VoiceBegan()), (at + 0.1, VoicePaused()))]


def test_after_two_sounds_that_were_nothing_only_words_stop_the_agent() -> None:
    """An echo, a street: each held it for a moment; now neither onset nor lasting voice does."""
    held = [Hold(), Resume()]
    assert play(speaking(), *alarms(1.0, 3.0)) == held * 2
    later = (5.0, VoiceBegan()), (5.2, VoiceLasted())
    assert play(speaking(), *alarms(1.0, 3.0), *later) == held * 2
    said = (5.5, WordsHeard("stop", final=False))
    assert play(speaking(), *alarms(1.0, 3.0), *later, said) == [*held * 2, Yield("floor")]


def test_on_such_a_line_a_thinking_agent_is_not_stopped_by_a_sound() -> None:
    """And a silent one hears a turn begin as ever."""
    floor = speaking()
    rule = Interruption(BargeIn(), floor)
    for at in (1.0, 3.0):
        assert rule.decide(VoiceBegan(), at) == (Hold(),)
        rule.decide(VoicePaused(), at + 0.1)
        assert rule.on_deadline(at + 0.6) == (Resume(),)
    floor.reply_ended(1)
    assert rule.decide(VoiceLasted(), 5.0) == ()
    floor.agent_ended()
    assert rule.decide(VoiceLasted(), 6.0) == (Yield("voice"),)


@pytest.mark.parametrize("words", ["uh huh", "stop"])
def test_a_word_makes_the_line_believed_again(words: str) -> None:
    """A sign of listening, or one that takes the floor."""
    said = (3.4, WordsHeard(words, final=True))
    again = play(speaking(), *alarms(1.0, 3.0), said, *alarms(6.0))
    assert again[-2:] == [Hold(), Resume()]


def test_words_to_a_silent_agent_say_nothing_of_the_line() -> None:
    """A speakerphone stays one."""
    floor = speaking()
    rule = Interruption(BargeIn(), floor)
    for at in (1.0, 2.0):
        rule.came_to_nothing(at)
    floor.agent_ended()
    assert rule.decide(WordsHeard("Where are you?", final=True), 5.0) == (Yield("words"),)
    floor.clause_began(2, ANSWER, is_protected=False, now=6.0, clause_id="2.1")
    assert rule.decide(VoiceBegan(), 7.0) == ()


def test_a_word_during_the_hold_makes_the_line_believed_again() -> None:
    """It was no false alarm."""
    listening: list[tuple[float, Fact]] = [
        (2.0, VoiceBegan()),
        (2.1, WordsHeard("uh huh", final=True)),
        (2.2, VoicePaused()),
    ]
    assert play(speaking(), *alarms(1.0), *listening, *alarms(4.0, 6.0)).count(Hold()) == 4


def test_a_false_alarm_is_forgotten_after_a_while() -> None:
    """The street is quiet."""
    assert play(speaking(), *alarms(1.0, 3.0, 62.0)).count(Hold()) == 3


def test_an_interruption_for_nothing_is_a_false_alarm() -> None:
    """It took the floor and had no words."""
    floor = speaking()
    rule = Interruption(BargeIn(), floor)
    for at in (1.0, 2.0):
        rule.came_to_nothing(at)
    assert rule.decide(VoiceBegan(), 3.0) == ()


@pytest.mark.parametrize("value", ["Your number is 555 0142 77.", "I have [PHONE_1] for you."])
def test_a_value_that_is_read_back_is_not_held_for_a_cough(value: str) -> None:
    """A turn's worth of voice holds it; and without words it goes on."""
    floor = speaking(value)
    assert play(floor, (1.0, VoiceBegan()), (1.1, VoicePaused())) == []
    long = play(floor, (1.0, VoiceBegan()), (1.2, VoiceLasted()), (3.0, VoicePaused()))
    assert long == [Hold(), Resume()]
    said_no = WordsHeard("no that's wrong", final=False)
    assert play(floor, (1.0, VoiceBegan()), (1.2, VoiceLasted()), (1.5, said_no)) == [
        Hold(), Yield("floor"),
    ]  # fmt: skip


# ── phase two ────────────────────────────────────────────────────────────────────────
def test_a_sign_of_listening_lets_the_agent_go_on() -> None:
    """And its words enter no conversation."""
    assert play(
        speaking(),
        (1.0, VoiceBegan()),
        (1.3, WordsHeard("uh", final=False)),
        (1.4, VoicePaused()),
        (1.5, WordsHeard("Uh huh.", final=True)),
    ) == [Hold(), Resume(), Dismiss("Uh huh.")]


def test_its_words_may_come_when_the_agent_has_gone_on() -> None:
    """A slow final is dismissed like a quick one."""
    assert play(
        speaking(),
        (1.0, VoiceBegan()),
        (1.2, VoicePaused()),
        (2.4, WordsHeard("Right.", final=True)),
    ) == [Hold(), Resume(), Dismiss("Right.")]


def test_a_cough_lets_the_agent_go_on() -> None:
    """By length alone, or as soon as the recogniser says that it was nothing."""
    assert play(speaking(), (1.0, VoiceBegan()), (1.1, VoicePaused())) == [Hold(), Resume()]
    assert play(
        speaking(), (1.0, VoiceBegan()), (1.1, VoicePaused()), (1.15, WordsOver())
    ) == [Hold(), Resume()]  # fmt: skip


def test_a_long_sign_of_listening_does_not_hold_the_agent_for_its_length() -> None:
    """The verdict is due while "mmmm-hmm" still sounds; a filler may become anything."""
    rule = Interruption(BargeIn(), speaking())
    rule.decide(VoiceBegan(), 1.0)
    rule.decide(WordsHeard("mm", final=False), 1.3)
    assert rule.decide(WordsHeard("mm", final=False), 1.4) == ()
    assert rule.next_deadline() == pytest.approx(1.45)
    assert rule.on_deadline(1.44) == ()
    assert rule.on_deadline(1.451) == (Resume(),)
    rule.decide(VoicePaused(), 2.0)
    rule.decide(VoiceBegan(), 3.0)
    rule.decide(WordsHeard("um", final=False), 3.1)
    assert rule.on_deadline(3.69) == ()
    assert rule.on_deadline(3.7) == (Resume(),)


def test_a_sign_of_listening_that_was_a_beginning_still_takes_the_floor() -> None:
    """The agent had gone on; the words behind it stop it again."""
    assert play(
        speaking(),
        (1.0, VoiceBegan()),
        (1.3, WordsHeard("okay", final=False)),
        (1.7, WordsHeard("okay but", final=False)),
    ) == [Hold(), Resume(), Yield("floor")]


def test_a_nod_that_rings_on_does_not_hold_the_agent_again() -> None:
    """Its second half comes at once; a voice a moment later is another, and words always count."""
    nod: list[tuple[float, Fact]] = [
        (1.0, VoiceBegan()),
        (1.3, WordsHeard("mm", final=False)),
        (1.35, VoicePaused()),
    ]
    again = VoiceBegan(), VoicePaused()
    ring_s = BargeIn().ring_s
    assert play(speaking(), *nod, (1.5, again[0]), (1.6, again[1])) == [Hold(), Resume()]
    said = WordsHeard("mm wait", final=False)
    assert play(speaking(), *nod, (1.5, again[0]), (1.6, said))[2:] == [Yield("floor")]
    later = 1.45 + ring_s
    assert play(speaking(), *nod, (later, again[0]), (later + 0.1, again[1]))[2] == Hold()


def test_a_filler_is_given_longer_than_a_sign_of_listening() -> None:
    """ "Um" may go on; "right" is over when the voice is."""
    for text, knob in (("right", "nod_settle_s"), ("um", "settle_s")):
        rule = Interruption(BargeIn(), speaking())
        rule.decide(VoiceBegan(), 1.0)
        rule.decide(WordsHeard(text, final=False), 1.29)
        rule.decide(VoicePaused(), 1.3)
        due_at = 1.3 + getattr(BargeIn(), knob)
        assert rule.on_deadline(due_at - 0.001) == ()
        assert rule.on_deadline(due_at + 0.001) == (Resume(),)


def due_after_pause(voice_s: float, over_db: float = 0.0, *, text: str = ANSWER) -> float:
    """Seconds behind a voice without words after which the agent goes on."""
    floor = speaking(text)
    floor.heard_to("1.1", len(text))
    rule = Interruption(BargeIn(), floor)
    rule.decide(VoiceBegan(), 1.0)
    rule.decide(VoicePaused(over_db), 1.0 + voice_s)
    while (due := rule.next_deadline()) is not None:
        if rule.on_deadline(due):
            return due - 1.0 - voice_s
    return -1.0


def test_a_short_and_low_voice_is_not_waited_for_until_it_has_words() -> None:
    """By length and loudness; a raised voice, a long one and an answer are."""
    short, late = BargeIn().settle_s, BargeIn().quiet_s
    assert due_after_pause(0.2) == pytest.approx(short)
    assert due_after_pause(0.2, 2.9) == pytest.approx(short)
    assert due_after_pause(0.2, 3.1) == pytest.approx(late)
    assert due_after_pause(0.61) == pytest.approx(BargeIn().decide_s - 0.61)
    assert due_after_pause(0.2, text="Shall I book it?") == pytest.approx(late)


def test_one_raised_part_makes_a_voice_a_raised_one() -> None:
    """Until the next hold."""
    rule = Interruption(BargeIn(), speaking())
    rule.decide(VoiceBegan(), 1.0)
    rule.decide(VoicePaused(5.0), 1.1)
    rule.decide(VoiceBegan(), 1.15)
    rule.decide(VoicePaused(-5.0), 1.2)
    assert rule.on_deadline(1.33) == () and rule.on_deadline(1.61) == (Resume(),)
    rule.decide(VoiceBegan(), 3.0)
    rule.decide(VoicePaused(-5.0), 3.1)
    assert rule.on_deadline(3.23) == (Resume(),)


def test_a_short_word_that_was_taken_for_a_nod_stops_the_agent_all_the_same() -> None:
    """As soon as it has been recognised; what rings on behind it holds nobody."""
    voice: list[tuple[float, Fact]] = [(1.0, VoiceBegan()), (1.3, VoicePaused())]
    said = WordsHeard("Stop.", final=False)
    assert play(speaking(), *voice, (1.5, said)) == [Hold(), Resume(), Yield("floor")]
    rings = (1.5, VoiceBegan()), (1.55, VoicePaused())
    assert play(speaking(), *voice, *rings) == [Hold(), Resume()]


@pytest.mark.parametrize("text", ["stop", "Sorry", "wait", "what time", "book me in please"])
def test_words_that_take_the_floor_take_it_at_once(text: str) -> None:
    """Interim words suffice."""
    actions = play(speaking(), (1.0, VoiceBegan()), (1.2, WordsHeard(text, final=False)))
    assert actions[0] == Hold() and isinstance(actions[1], Yield) and len(actions) == 2


def test_a_word_that_took_long_to_recognise_still_stops_the_agent() -> None:
    """It had gone on; it is quiet again at once."""
    assert play(
        speaking(),
        (1.0, VoiceBegan()),
        (1.2, VoicePaused()),
        (1.9, WordsHeard("Stop.", final=True)),
    ) == [Hold(), Resume(), Yield("floor")]


def test_a_short_answer_takes_the_floor_when_it_is_said() -> None:
    """Two words of content; not before they are final or long enough."""
    voice: list[tuple[float, Fact]] = [
        (1.0, VoiceBegan()),
        (1.3, WordsHeard("ten", final=False)),
        (1.4, VoicePaused()),
    ]
    assert play(speaking(), *voice)[0] == Hold()
    said = play(speaking(), *voice, (1.5, WordsHeard("Ten thirty.", final=True)))
    assert said == [Hold(), Yield("content")]


def test_yes_answers_the_question_that_was_asked() -> None:
    """Not a question whose end nobody has heard."""
    question = "Would Tuesday at half past ten suit you then?"
    yes: list[tuple[float, Fact]] = [
        (1.0, VoiceBegan()),
        (1.3, VoicePaused()),
        (1.4, WordsHeard("Yes.", final=True)),
    ]
    floor = speaking(question)
    assert play(floor, *yes) == [Hold(), Resume(), Dismiss("Yes.")]
    floor = speaking(question)
    floor.heard_to("1.1", len(question) - 10)
    assert play(floor, *yes) == [Hold(), Yield("answer")]


def test_the_agents_own_words_are_an_echo() -> None:
    """A speakerphone gives them back; they are neither a turn nor a sign of listening."""
    assert play(
        speaking(),
        (1.0, VoiceBegan()),
        (1.4, WordsHeard("costs sixty pounds", final=True)),
        (1.6, VoicePaused()),
    ) == [Hold(), Resume(), Dismiss("")]


def test_words_of_a_voice_the_detector_missed_are_judged_too() -> None:
    """A quiet "uh-huh" is no turn, a quiet question is one."""
    assert play(speaking(), (1.0, WordsHeard("uh huh", final=False))) == []
    assert play(speaking(), (1.0, WordsHeard("uh huh", final=True))) == [Dismiss("uh huh")]
    assert play(speaking(), (1.0, WordsHeard("how much", final=False))) == [Yield("floor")]


facts = st.one_of(
    st.sampled_from([VoiceBegan(), VoiceLasted(), VoicePaused(), WordsOver(), TurnTaken()]),
    st.builds(
        WordsHeard,
        st.sampled_from(["uh huh", "stop", "um", "ten thirty", "costs sixty", "I want a booking"]),
        final=st.booleans(),
    ),
)


@settings(deadline=None)  # a machine under load is slow, not wrong
@given(
    steps=st.lists(st.tuples(st.floats(0, 0.5), facts), max_size=30),
    text=st.sampled_from([ANSWER, "Shall I book it?", "It is 555 0142 77."]),
)
def test_every_hold_ends_in_time_by_exactly_one_verdict(
    steps: list[tuple[float, Fact]], text: str
) -> None:
    """Whatever comes in whatever order: resumed or yielded, never both, never neither."""
    settings_ = BargeIn()
    rule = Interruption(settings_, speaking(text))
    now, held_at = 0.0, None

    def check(actions: tuple[Action, ...], at: float) -> None:
        nonlocal held_at
        for action in actions:
            if isinstance(action, Hold):
                assert held_at is None
                held_at = at
            elif isinstance(action, Resume | Yield):
                assert held_at is not None or isinstance(action, Yield)
                held_at = None
        assert rule.is_held == (held_at is not None)

    for gap, fact in steps:
        now += gap
        while (due := rule.next_deadline()) is not None and due <= now:
            check(rule.on_deadline(due), due)
        if isinstance(fact, TurnTaken) and held_at is not None:
            held_at = None
        check(rule.decide(fact, now), now)
        assert held_at is None or now <= held_at + settings_.decide_s + 1e-6
    while (due := rule.next_deadline()) is not None:
        check(rule.on_deadline(due), due)
    assert held_at is None


@pytest.mark.parametrize(
    "broken",
    [
        {"decide_s": 0},
        {"quiet_s": 9},
        {"short_s": 0.8},
        {"content_words": 0},
        {"finishing_chars": -1},
        {"false_alarms": 0},
        {"false_alarm_s": 0},
    ],
)
def test_settings_out_of_range_are_refused(broken: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=next(iter(broken))):
        BargeIn(**broken)  # type: ignore[arg-type]
