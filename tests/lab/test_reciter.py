"""The reciter's answers can be told apart word by word, and go on where they stopped."""

from __future__ import annotations

import json

import pytest

from lab.mouth import CLIPS
from lab.reciter import SENTENCES, WORDS, Reciter, answer_to, is_made_up, words_of

pytestmark = pytest.mark.provider

QUESTION = "Do you take insurance?"


def request(*messages: tuple[str, str]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": text} for role, text in messages]}


def test_no_two_questions_share_a_word() -> None:
    """Over everything the lab's caller can ask."""
    clips = json.loads((CLIPS / "clips.json").read_text())
    texts = {entry["text"] for entry in clips.values()}
    words = [word for text in texts for word in words_of(text)]
    assert all(is_made_up(word) for word in words) and not is_made_up("sorry")
    assert len(set(words)) == len(words) == len(texts) * SENTENCES * WORDS


def test_the_words_do_not_depend_on_how_the_question_is_written() -> None:
    """Case and punctuation are the recogniser's."""
    assert words_of("do you take insurance") == words_of(QUESTION)


def test_it_says_its_sentences() -> None:
    """Four of them."""
    said = Reciter().reply(request(("user", "(Ring.)"), ("user", QUESTION))).text
    assert said == answer_to(QUESTION) and said.count(".") == SENTENCES


@pytest.mark.parametrize("told", ["assistant", "user"])
def test_told_what_was_said_it_says_the_rest(told: str) -> None:
    """As the assistant's own words, or as a note."""
    words = words_of(QUESTION)
    note = " ".join(words[:5]) if told == "assistant" else f"[You said: {' '.join(words[:5])}]"
    rest = Reciter().reply(request(("user", QUESTION), (told, note))).text
    assert [w.strip(".").lower() for w in rest.split()] == words[5:]


def test_a_new_question_begins_anew() -> None:
    """What was said to the one before does not count."""
    messages = (("user", QUESTION), ("assistant", answer_to(QUESTION)), ("user", "Where?"))
    assert Reciter().reply(request(*messages)).text == answer_to("Where?")
