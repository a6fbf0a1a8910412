"""When words are asked back, what about, and what the answer to that does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.confidence import AskBack, Doubt, Doubts, GiveUp, GoOn, Verdict, gist, matters
from call.phrases import Phrases

pytestmark = pytest.mark.rule

PHRASES = Phrases(
    heard_right="Right: {heard}?",
    heard_either="{first}, or {second}?",
    heard_again="Again: {heard}?",
    once_more="Once more.",
)
LOW, HIGH = 0.5, 0.95


def doubt(below: float = 0.75, short_words: int = 4) -> Doubt:
    return Doubt(Doubts(below=below, short_words=short_words), PHRASES)


def turn(
    it: Doubt,
    text: str,
    confidence: float | None = LOW,
    *,
    asked: str = "",
    words: Sequence[tuple[str, float]] = (),
) -> Verdict:
    """One turn of one final; what is due, and that it was known before the end."""
    it.turn_opened(asked=asked)
    it.heard(text, confidence, words)
    kept_back = it.keeps_back
    it.turn_closed()
    verdict = it.take()
    assert kept_back is not isinstance(verdict, GoOn)
    assert isinstance(it.take(), GoOn)
    return verdict


def asked_back(text: str, why: str = "asked") -> AskBack:
    return AskBack(text, why)


# ── what is unsure ───────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "text",
    [
        "Cancel it.",
        "I would like to come in on Tuesday at some time",
        "could you book me in for ten thirty, that would be lovely",
        "my name is Anna Smith and I would like to book",
        "I would like to move the appointment of [PHONE_1] please",
        "it should be in the month of March if that is possible",
        "أريد حجز موعد يوم الخميس القادم من فضلك",
    ],
)
def test_short_turns_and_such_as_bear_something_are_asked_back(text: str):
    """Whole, without the recogniser's full stop."""
    assert turn(doubt(), text) == asked_back(f"Right: {text.rstrip('.')}?")


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("Cancel it.", HIGH),
        ("Cancel it.", 0.75),
        ("Cancel it.", None),
        ("Could you tell me something about how you clean teeth", LOW),
        ("is there one of those near the door of your house", LOW),
        ("Hello, good morning.", LOW),
        ("Okay, thank you very much. Goodbye.", LOW),
        ("Pardon?", LOW),
        ("Hold on a second, please.", LOW),
        ("my number is [PHONE_1] …", LOW),
        ("   ", LOW),
    ],
)
def test_everything_else_is_for_the_model(text: str, confidence: float | None):
    """What is sure, long without anything to get wrong, said by everybody, or not yet whole."""
    assert turn(doubt(), text, confidence) == GoOn()


def test_manners_are_an_answer_where_a_yes_or_no_was_asked_for():
    """Then "okay" is acted on."""
    assert turn(doubt(), "Okay.", asked="Shall I cancel it?") == asked_back("Right: Okay?")
    assert turn(doubt(), "Okay.", asked="What is your name?") == GoOn()


def test_one_unsure_word_that_matters_is_enough():
    """However sure the rest is; a word that does not matter is not."""
    said = "I would like to book an appointment for Tuesday morning please"
    words = [(word, HIGH) for word in said.split()]
    assert turn(doubt(), said, HIGH, words=[*words, ("Tuesday", LOW)]) == asked_back(
        f"Right: {said}?"
    )
    assert turn(doubt(), said, HIGH, words=[*words, ("please", LOW)]) == GoOn()
    assert isinstance(turn(doubt(), said, HIGH, words=[("…", LOW)]), AskBack)


def test_a_turn_of_several_pieces_is_as_unsure_as_its_unsurest():
    """They are asked back together."""
    it = doubt()
    it.heard("On Tuesday.", HIGH)
    assert not it.keeps_back
    it.heard("At ten.", LOW)
    assert it.keeps_back
    it.turn_closed()
    assert it.take() == asked_back("Right: On Tuesday. At ten?")


def test_words_that_were_no_turn_are_forgotten():
    """Signs of listening are said beside a turn."""
    it = doubt()
    it.heard("uh-huh ten", LOW)
    it.forget()
    assert not it.keeps_back
    it.heard("What are your opening hours?", HIGH)
    it.turn_closed()
    assert it.take() == GoOn()


def test_it_can_be_switched_off():
    """0 asks never."""
    assert turn(doubt(below=0.0), "Cancel it.", 0.0) == GoOn()


# ── what the answer does ─────────────────────────────────────────────────────────────
def test_a_yes_lets_the_words_count():
    """However sure the recogniser was of the yes; then all is as before."""
    it = doubt()
    assert turn(it, "Cancel it.") == asked_back("Right: Cancel it?")
    assert turn(it, "Yes, that's right.") == GoOn()
    assert turn(it, "Book ten.") == asked_back("Right: Book ten?")


def test_its_questions_are_known_again():
    """Once they were asked, as far as they were heard; the model's own are others."""
    it = doubt()
    verdict = turn(it, "Tuesday.")
    assert isinstance(verdict, AskBack)
    assert it.has_asked(verdict.text)
    assert it.has_asked(f"{verdict.text} [interrupted by the caller]")
    assert not it.has_asked("Shall I book Tuesday?") and not it.has_asked("")
    assert not doubt().has_asked(verdict.text)


def test_a_no_asks_for_the_words_once_more():
    """Without the model; what then comes unsure again is a choice of yes or slowly."""
    it = doubt()
    turn(it, "Cancel ten.")
    assert turn(it, "No, that's not right.") == asked_back("Once more.", "denied")
    assert turn(it, "Cancel two.") == asked_back("Again: Cancel two?", "choice")
    assert turn(it, "Yes.") == GoOn()


def test_a_sure_correction_counts_instead():
    """With a no in front of it or without."""
    for correction in ("No, on Thursday.", "On Thursday, I said."):
        it = doubt()
        turn(it, "On Tuesday.")
        assert turn(it, correction, HIGH) == GoOn()
        assert turn(it, "On Friday.") == asked_back("Right: On Friday?")


def test_an_unsure_correction_is_a_choice_between_both():
    """The second time in a row; whichever is chosen, the model knows both from the conversation."""
    it = doubt()
    turn(it, "At fifteen.")
    assert turn(it, "At fifty.") == asked_back("At fifteen, or At fifty?", "choice")
    assert turn(it, "The second one.", HIGH) == GoOn()


def test_the_same_words_heard_twice_count():
    """Two ears agree; at the first question and at the choice."""
    it = doubt()
    turn(it, "At fifteen.")
    assert turn(it, "at fifteen") == GoOn()
    turn(it, "At fifteen.")
    turn(it, "At fifty.")
    assert turn(it, "Fifteen.") == GiveUp()
    turn(it, "At fifteen.")
    turn(it, "At fifty.")
    assert turn(it, "At fifteen!") == GoOn()


@pytest.mark.parametrize("third", ["No.", "At fourteen."])
def test_the_third_time_somebody_else_takes_over(third: str):
    """Unsure again, or neither of both."""
    it = doubt()
    turn(it, "At fifteen.")
    turn(it, "At fifty.")
    assert turn(it, third) == GiveUp()
    assert turn(it, "At ten.") == asked_back("Right: At ten?")


def test_what_is_about_the_talk_itself_leaves_the_question_open():
    """ "Pardon?" is answered with the question again; the yes behind it still counts."""
    it = doubt()
    turn(it, "At fifteen.")
    assert turn(it, "Sorry, what?") == GoOn()
    assert turn(it, "Yes.") == GoOn()
    turn(it, "At fifteen.")
    assert turn(it, "Hold on a second.") == GoOn()
    assert turn(it, "No.") == asked_back("Once more.", "denied")


def test_a_turn_without_words_changes_nothing():
    """A cough behind the question is no answer."""
    it = doubt()
    turn(it, "At fifteen.")
    it.turn_opened(asked="")
    it.turn_closed()
    assert it.take() == GoOn()
    assert turn(it, "No.") == asked_back("Once more.", "denied")


def test_a_no_without_a_question_of_ours_is_the_models():
    """If it was sure; unsure, it is asked back like anything short."""
    assert turn(doubt(), "No.", HIGH, asked="Anything else?") == GoOn()
    assert turn(doubt(), "No.", LOW, asked="Anything else?") == asked_back("Right: No?")


# ── what is asked ────────────────────────────────────────────────────────────────────
def test_of_a_long_turn_what_matters_is_asked_back():
    """Numbers and days with the words beside them."""
    said = (
        "so I was wondering since my sister told me that you are really good at this whether I"
        " could perhaps come by on Tuesday morning and my number by the way is [PHONE_1] if you"
        " need to reach me before that"
    )
    short = gist(said)
    assert "on Tuesday morning" in short and "is [PHONE_1] if" in short
    assert len(short) <= 120
    assert len(gist("word " * 60)) <= 120
    assert gist("Is that right?") == "Is that right"


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("on [DATE_1]", True),
        ("at 10:30", True),
        ("half past nine", True),
        ("this is Anna", True),
        ("this one", False),
        ("may I ask something", False),
        ("I am here", False),
    ],
)
def test_what_matters_is_acted_on_as_it_was_said(text: str, does: bool):
    """Numbers, days, names, stand-ins."""
    assert matters(text) is does


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["yes", "no", "at ten", "at two", "pardon", "what are your hours on a good day"]
            ),
            st.sampled_from([LOW, HIGH]),
        ),
        max_size=12,
    )
)
def test_no_more_than_two_questions_are_asked_in_a_row(turns: list[tuple[str, float]]):
    """A caller is never asked a third time about words that stay unsure."""
    it, in_a_row = doubt(), 0
    for text, confidence in turns:
        verdict = turn(it, text, confidence)
        if isinstance(verdict, AskBack) and verdict.why != "denied":
            in_a_row += 1
        elif not isinstance(verdict, AskBack) and text != "pardon":
            in_a_row = 0
        assert in_a_row <= 2


@given(st.text(max_size=300), st.floats(0, 1), st.text(max_size=60))
def test_any_turn_has_a_verdict(text: str, confidence: float, asked: str):
    """Whatever is said, however surely."""
    assert isinstance(turn(doubt(), text, confidence, asked=asked), GoOn | AskBack | GiveUp)
