"""An answer that broke off goes on where it stopped: nothing lost, nothing said twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.continuation import GO_ON, SPEAK_UP, Rest, going_on, plain_words, speaking_up

pytestmark = pytest.mark.rule

SAID = "We are open from eight to six, and on Saturday"


def rest(said: str, *pieces: str) -> str:
    """What is let out of a continued answer."""
    words = Rest(said)
    return "".join([*map(words.feed, pieces), words.flush()])


def test_the_model_is_told_what_was_said_and_asked_for_the_rest() -> None:
    """Behind the conversation, which stays as it is."""
    talk = [{"role": "user", "content": "When are you open?"}]
    told = going_on(talk, SAID)
    assert told[:1] == talk and len(talk) == 1
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert (told[1]["content"], told[2]["content"]) == (SAID, GO_ON)


def test_a_model_that_said_nothing_is_asked_to_speak_up() -> None:
    """Asked as before, it would say nothing again."""
    talk = [{"role": "user", "content": "When are you open?"}]
    assert speaking_up(talk) == [*talk, {"role": "user", "content": SPEAK_UP}]


@pytest.mark.parametrize(
    ("continued", "let_out"),
    [
        ("from nine to one.", "from nine to one."),
        ("We are open from eight to six, and on Saturday from nine to one.", "from nine to one."),
        ("We are open from eight to six, and on Saturday", ""),
        ("And on Saturday from nine.", "from nine."),
        ("Saturday from nine.", "from nine."),
        ("on Monday, we close at one.", "on Monday, we close at one."),
        ("From eight to ten there is a nurse.", "From eight to ten there is a nurse."),
        ("", ""),
        (" nine", " nine"),
    ],
)
def test_what_was_said_is_left_out_and_what_is_new_is_not(continued: str, let_out: str) -> None:
    """In mid-sentence a single word is a repetition."""
    assert rest(SAID, continued) == let_out
    assert rest(SAID, *continued) == let_out


def test_behind_a_finished_sentence_a_word_or_two_may_be_the_same() -> None:
    """Three are a repetition, or all there was."""
    said = "We close at six."
    assert rest(said, "Six is late enough.") == "Six is late enough."
    assert rest(said, "Close at six. Anything else?") == "Anything else?"
    assert rest("Six.", "Six. Anything else?") == "Anything else?"


def test_a_new_answer_is_let_out_as_it_comes() -> None:
    """Word by word, no later than the word that cannot be a repetition is complete."""
    words = Rest(SAID)
    assert [words.feed(piece) for piece in ("from", " nine", " to", " one")] == [
        "",
        "",
        "from nine to",
        " one",
    ]


def test_with_nothing_said_nothing_is_held() -> None:
    """It is an ordinary answer."""
    assert rest("", "We are", " open.") == "We are open."


@given(st.lists(st.sampled_from("abcd"), min_size=3, max_size=8), st.integers(0, 8), st.data())
def test_a_model_that_begins_again_is_heard_once(words: list[str], cut: int, data: Any) -> None:
    """However it is cut into pieces, what was said and what is let out make one answer."""
    answer, said = [f"{w}{i}" for i, w in enumerate(words)], min(cut, len(words))
    text = " ".join(answer)
    at = data.draw(st.integers(0, len(text)))
    let_out = rest(" ".join(answer[:said]), text[:at], text[at:])
    assert let_out.split() == answer[said:]


# ── a conversation in plain words ────────────────────────────────────────────────────
def test_tools_become_notes_in_a_conversation_of_plain_words() -> None:
    """Whoever spoke twice speaks once; nothing has to belong to anything else."""
    talk: list[Any] = [
        {"role": "user", "content": "(The telephone rings.)"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello."}, {"type": "text"}]},
        {"role": "user", "content": [{"type": "text", "text": "Tuesday?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "slots"}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": '{"slots": ["9:30"]}'},
                {"type": "tool_result", "tool_use_id": "t9", "content": [{"text": "lost"}, 3]},
            ],
        },
        {"role": "assistant", "content": " "},
        {"role": "assistant", "content": 7},
        {"role": "user", "content": "And?"},
    ]
    assert plain_words(talk) == [
        {"role": "user", "content": "(The telephone rings.)"},
        {"role": "assistant", "content": "Hello."},
        {
            "role": "user",
            "content": 'Tuesday?\n(slots answered: {"slots": ["9:30"]})\n'
            "(a tool answered: lost)\nAnd?",
        },
    ]


def test_a_conversation_of_plain_words_begins_and_ends_with_the_caller() -> None:
    """As every model wants it."""
    ends = plain_words([{"role": "assistant", "content": "Hello."}])
    assert [message["role"] for message in ends] == ["user", "assistant", "user"]
    assert [message["role"] for message in plain_words([])] == ["user"]
