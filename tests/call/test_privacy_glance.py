"""A glance never says "nothing here" where the reading finds something."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench import privacy_set
from call.privacy_finding import Found, _Finding, find
from call.privacy_glance import is_worth_reading
from call.privacy_lexicon import ANNOUNCING, KINDS, LEXICON, MONTHS, NAME, ORDINALS, STREETS
from call.privacy_tokens import Tokens

pytestmark = pytest.mark.rule

TALK = (
    "I a i A like for from as in ice apple it at may May the of my is name Name's this Peter Wood"
    " call me I'm don't it's and to . , ? - ' x-ray one's can you and then gmail. live at under"
    " عندي شارع النور وايميلي محمد اسمي و هو مرحبا"
).split()
WORDS = sorted({*TALK, *LEXICON, *MONTHS, *ORDINALS, *STREETS, *ANNOUNCING, "5", "x9", "o'one"})
said = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
talked = st.lists(st.sampled_from(TALK), max_size=9).map(" ".join)
pressed = st.lists(st.sampled_from(WORDS), max_size=6).map("".join)
asked = st.lists(st.sampled_from(KINDS), max_size=2).map(tuple)


def read(text: str, asked: tuple[str, ...], strict: bool) -> list[Found]:
    """The whole reading, without a glance before it."""
    return _Finding(Tokens(text), frozenset(asked), strict).all()


@settings(max_examples=400, deadline=None)
@given(st.one_of(said, talked, pressed, st.text(max_size=30)), asked, st.booleans())
@example(text="o مارس", asked=(), strict=False)
@example(text="o five March", asked=(), strict=False)
@example(text="x o one two three March o one two three", asked=(), strict=False)
def test_the_glance_changes_nothing_that_is_found(text: str, asked: tuple[str, ...], strict: bool):
    """With it and without it the same stretches are found, whatever was said and asked."""
    assert find(text, asked=asked, strict=strict) == read(text, asked, strict)


def test_every_labelled_sentence_is_worth_reading():
    """Only names are found without a reading."""
    for part in privacy_set.PARTS:
        for case in privacy_set.load(part):
            if case.spans and case.spans[0].kind != NAME:
                assert is_worth_reading(case.text, case.asked), case


@pytest.mark.parametrize(
    "text",
    [
        "I was hoping you could help me with my appointment, please.",
        "I may come, or may I not? It's a nice thing for a change.",
        "أريد موعد غدا من فضلك",
        "أريد موعد وشكرا",
    ],
)
def test_everyday_talk_is_not_read(text: str):
    """Neither in English nor in Arabic."""
    assert not is_worth_reading(text)


@pytest.mark.parametrize(
    "text",
    ["five", "x", "call 5", "may the first", "me@here", "shop.example", "i like ice", "وايميلي"],
)
def test_what_could_be_personal_is_read(text: str):
    """Digits, letters, dates, addresses, signs of an e-mail address."""
    assert is_worth_reading(text)


@pytest.mark.parametrize("kind", ["name", "email"])
def test_the_answer_to_a_question_for_words_is_always_read(kind: str):
    """A name or an e-mail address has no sign by which it could be told."""
    assert is_worth_reading("anything", (kind,))


def test_of_two_introductions_of_one_name_one_counts():
    """No stretch is found twice, and they come in order."""
    found = find("My name is Anna Bell. This is Anna Bell speaking.")
    assert [each.value for each in found] == ["Anna Bell", "Anna Bell"]
    assert [each.value for each in find("this is Ben speaking, my name is Ben")] == ["Ben", "Ben"]
    assert [each.value for each in find("My name is this is Wei here")] == ["Wei"]
