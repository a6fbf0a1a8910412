"""What a name model spotted joins what the finder found, and never spoils it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.privacy import FREE_TEXT, Masking, Privacy
from call.privacy_finding import TOKEN, Found, find
from call.privacy_free_names import Spot, join
from call.privacy_vault import Vault

pytestmark = pytest.mark.rule

TALK = (
    "Ask Dr. Peter O'Neil about it, my number is 555 0142",
    "my name is Ann Bell and Maria's card is 4539 1488 0343 6467",
    "tell [NAME_1] that Zoë called, five five five oh one four two",
    "I live at 12 Main Street with Bob and his mail is bob at gmail dot com",
)


def spotted(text: str, *names: str) -> list[Spot]:
    """Where these words stand."""
    return [(text.index(name), text.index(name) + len(name)) for name in names]


@pytest.mark.parametrize(
    ("text", "name", "left"),
    [
        ("Ask Peter Miller, please", "Peter Miller,", "Ask [NAME_1], please"),
        ("Ask Peter's wife", "Peter's", "Ask [NAME_1]'s wife"),
        ("Ask Dr. Adams now", "Dr. Adams", "Ask Dr. [NAME_1] now"),
        ("Hello Ann it is late", "Hello Ann", "Hello [NAME_1] it is late"),
        ("Call on Monday", "Monday", "Call on Monday"),
        ("Call X now", "X", "Call X now"),
        ("… well", "… ", "… well"),
        ("say [PHONE_1] to him", "PHONE_1", "say [PHONE_1] to him"),
    ],
)
def test_a_name_is_hidden_without_what_is_none_in_it(text: str, name: str, left: str) -> None:
    """Titles, possessives, marks, words of every day and stand-ins stay."""
    masking = Masking(Privacy(names=FREE_TEXT), Vault())
    assert masking.hear(text, final=True, spots=spotted(text, name)).text == left


def test_the_finder_wins_where_both_found_something() -> None:
    """Its kinds and values are better; the same name has one stand-in, whoever found it."""
    masking = Masking(Privacy(names=FREE_TEXT), Vault())
    first = "My name is Ann Bell."
    assert masking.hear(first, final=True, spots=[(0, 15)]).text == "My name is [NAME_1]."
    then = "Ann Bell is me, Bob is he."
    spots = spotted(then, "Ann Bell", "Bob")
    assert masking.hear(then, final=True, spots=spots).text == "[NAME_1] is me, [NAME_2] is he."


def test_a_name_in_free_text_is_not_what_the_agent_asks_more_of() -> None:
    """ "And the last four?" means the number that came before it."""
    masking = Masking(Privacy(names=FREE_TEXT), Vault())
    text = "my phone number is five five five oh one four two, says Peter"
    spots = spotted(text, "Peter")
    told = masking.hear(text, final=True, spots=spots).text
    assert told == "my phone number is [PHONE_1], says [NAME_1]"
    masking.agent_said("And the last four digits?")
    assert masking.hear("one two three four", final=True).text == "[PHONE_2] …"


def test_spots_count_from_the_text_and_not_from_what_is_carried() -> None:
    """A value said in pieces has its beginning in the words before."""
    masking = Masking(Privacy(names=FREE_TEXT), Vault())
    masking.hear("my number is five five five", final=True)
    text = "oh one four two, Peter has it"
    masked = masking.hear(text, final=True, spots=spotted(text, "Peter"))
    assert masked.text == "[PHONE_1], [NAME_1] has it"
    assert masked.kinds == ("phone", "name")


def test_names_that_are_no_kind_to_hide_stay() -> None:
    """`privacy.kinds` is the list."""
    masking = Masking(Privacy(kinds=("phone",)), Vault())
    assert masking.hear("Ask Peter", final=True, spots=[(4, 9)]).text == "Ask Peter"


@given(
    text=st.sampled_from(TALK) | st.text(max_size=60),
    spots=st.lists(st.tuples(st.integers(-5, 80), st.integers(-5, 80)), max_size=6),
)
def test_nothing_of_the_finders_is_lost_and_nothing_overlaps(text: str, spots: list[Spot]) -> None:
    """Whatever a model says: in order, inside the text, stand-ins untouched, values as written."""
    found = find(text)
    joined = join(text, found, spots)
    assert [each for each in joined if not each.is_spotted] == found
    assert joined == sorted(joined, key=lambda each: each.start)
    for before, behind in zip(joined, joined[1:], strict=False):
        assert before.end <= behind.start
    for each in joined:
        if each.is_spotted:
            assert each == Found(each.start, each.end, "name", each.value, is_spotted=True)
            assert text[each.start : each.end] == each.value
            assert any(start <= each.start and each.end <= end for start, end in spots)
            assert not any(
                each.start < match.end() and match.start() < each.end
                for match in TOKEN.finditer(text)
            )
