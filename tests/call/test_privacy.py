"""Stand-ins over interims, finals and turns; and that nothing shows through in any split."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.privacy import Masking, Privacy, explained
from call.privacy_lexicon import LEXICON, SINGLE, TENS, TIMES, WRITTEN
from call.privacy_vault import Vault

pytestmark = pytest.mark.rule

SAID = (
    "my phone number is five five five zero one four two thanks",
    "yes my card number is four one one one, uh, double one one one, triple one one one one one",
    "my social is one two three, um, four five, no, sorry, four six, seven eight nine oh",
    "the policy number is b as in bravo four seven seven two k nine",
    "my account number is double oh nine nine one eight two seven and two people at ten thirty",
    "my date of birth is oh three fourteen nineteen eighty five",
    "my card is 4111 1111 1111 1111 and I come at 10:30",
    "رقمي خمسة خمسة خمسة صفر واحد اربعة اثنين",
)  # fmt: skip
_DIGITS = {SINGLE, TENS, TIMES, WRITTEN, "T"}


def ear(
    *, reveal: tuple[str, ...] = (), kinds: tuple[str, ...] | None = None
) -> tuple[Masking, Vault]:
    """A masking and its vault."""
    privacy = Privacy(reveal=reveal) if kinds is None else Privacy(kinds=kinds)
    vault = Vault(speak=privacy.speak, reveal=reveal)
    return Masking(privacy, vault), vault


def symbols(text: str) -> list[str]:
    """Words of a text that say digits."""
    without = re.sub(r"\[[^\]]*\]", " | ", text.lower())
    words = re.findall(r"[^\W_]+|\|", without)
    return [w for w in words if w.isdigit() or LEXICON.get(w, ("",))[0] in _DIGITS]


def test_a_number_becomes_a_stand_in_and_the_same_number_the_same_one() -> None:
    """The model can reason with it: same value, same name."""
    masking, vault = ear()
    assert masking.hear("My number is 555-0142.", final=True).text == "My number is [PHONE_1]."
    masking.agent_said("Thank you. Anything else?")
    again = masking.hear("I said five five five, zero one four two.", final=True).text
    assert again == "I said [PHONE_1]."
    assert masking.hear("or 555-0177", final=True).text == "or [PHONE_2]"
    assert vault.hand_over("[PHONE_2]", ["phone"]) == "5550177"


def test_interims_show_the_name_the_final_will_have() -> None:
    """Nothing is kept for an interim; digits are hidden from the first one on."""
    masking, vault = ear()
    for said in ("My number is five", "My number is five five five zero"):
        assert masking.hear(said, final=False).text == "My number is [PHONE_1] …"
    assert vault.hand_over("[PHONE_1]", ["phone"]) != "5550"
    whole = masking.hear("My number is five five five zero one four two", final=False)
    assert whole.text == "My number is [PHONE_1]"


def test_a_value_goes_on_over_finals() -> None:
    """The name stays, the value grows."""
    masking, vault = ear()
    assert masking.hear("My number is five five five.", final=True).text.endswith("[PHONE_1] …")
    assert masking.hear("Zero one four two.", final=True).text == "[PHONE_1]."
    assert vault.hand_over("[PHONE_1]", ["phone"]) == "5550142"
    assert masking.hear("no, sorry, six", final=True).text == "[PHONE_1]"
    assert vault.hand_over("[PHONE_1]", ["phone"]) == "5550146"
    assert masking.hear("Ten thirty then.", final=True).text == "Ten thirty then."


def test_a_value_goes_on_over_turns() -> None:
    """The agent asks for the rest of it."""
    masking, vault = ear()
    masking.agent_said("What is your card number?")
    masking.hear("four one one one, one one one one, one one one one", final=True)
    masking.agent_said("And the last four?")
    assert masking.hear("one one one one", final=True).text == "[CARD_1]"
    assert vault.hand_over("[CARD_1]", ["card"]) == "4111111111111111"


def test_a_new_question_begins_a_new_value() -> None:
    """What was begun is not joined to the answer of another question."""
    masking, vault = ear()
    masking.hear("my card is four one one one", final=True)
    masking.agent_said("What is your phone number?")
    assert masking.hear("555-0142", final=True).text == "[PHONE_1]"
    assert vault.hand_over("[PHONE_1]", ["phone"]) == "5550142"


def test_a_read_back_that_was_wrong_is_corrected() -> None:
    """ "That's [PHONE_1], is that right?" asks for a phone number."""
    masking, vault = ear()
    masking.hear("five five five zero one four two", final=True)
    masking.agent_said("That's [PHONE_1]. Is that right?")
    assert masking.hear("No, it's 555 0143.", final=True).text == "No, it's [PHONE_2]."


def test_a_stand_in_tells_what_it_may() -> None:
    """Count and last four on request."""
    masking, _ = ear(reveal=("count", "last_four"))
    text = masking.hear("my card is 4111 1111 1111 1111", final=True).text
    assert text == "my card is [CARD_1:16-long:ends-1111]"
    assert masking.hear(text, final=True).text == text


def test_kinds_that_are_not_listed_pass() -> None:
    """An operator may leave a kind open, or all."""
    masking, _ = ear(kinds=("card",))
    assert masking.hear("call 555-0142", final=True).text == "call 555-0142"


def test_an_unknown_kind_is_refused() -> None:
    """The settings say which there are."""
    with pytest.raises(ValueError, match="'phones' is not one of"):
        Privacy(speak=("phones",))


def test_results_of_tools_are_scrubbed_by_field_and_by_value() -> None:
    """Known values everywhere, sure ones anywhere, others by their field's name; times stay."""
    masking, _ = ear()
    masking.hear("my code is 4455 and my number is 555-0142", final=True)
    answer = {
        "ok": True, "phone": "5550142", "day": "Tuesday", "time": "10:30", "minutes": 30,
        "slots": ["09:15", "10:30"], "note": "card 4111-1111-1111-1111", "accountNumber": 99182734,
    }  # fmt: skip
    assert masking.scrub_all(answer) == {
        "ok": True, "phone": "[PHONE_1]", "day": "Tuesday", "time": "10:30", "minutes": 30,
        "slots": ["09:15", "10:30"], "note": "card [CARD_1]", "accountNumber": "[ACCOUNT_1]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("What is your zip code?", "6 2 7 0 4", "NUMBER"),
        ("And the code of your address, please?", "6 2 7 0 4", "NUMBER"),
        ("What is your e-mail address?", "jane underscore", "EMAIL"),
        ("Your name and policy number?", "b 2 4 4 1", "POLICY"),
        ("Your first name, and a phone number?", "Anna Bell", "NAME"),
    ],
)
def test_a_question_names_the_kind_of_its_answer(question: str, answer: str, kind: str) -> None:
    """Also where one word of it means something else elsewhere."""
    masking, _ = ear()
    masking.agent_said(question)
    assert f"[{kind}_1]" in masking.hear(answer, final=True).text


def test_the_model_is_told_of_stand_ins_where_there_are_any() -> None:
    """Behind the agent's own prompt."""
    assert explained("Be kind.", Privacy()).startswith("Be kind.\n\nThe caller's personal data")
    assert explained("Be kind.", Privacy(kinds=())) == "Be kind."


def test_the_same_interim_is_read_once() -> None:
    """Recognisers repeat themselves; what was asked in between counts all the same."""
    masking, _ = ear()
    assert masking.hear("it is b e l l", final=False).text == "it is [NAME_1] …"
    assert masking.hear("it is b e l l", final=False).text == "it is [NAME_1] …"
    masking.agent_said("What is your policy number?")
    assert masking.hear("it is b e l l", final=False).text == "it is [POLICY_1] …"


@pytest.mark.parametrize("most", [0, 10**9])
def test_the_longest_transcription_is_bounded(most: int) -> None:
    """By a number that makes sense."""
    with pytest.raises(ValueError, match="max_chars"):
        Privacy(max_chars=most)


def test_the_ear_cannot_be_printed() -> None:
    """It remembers the last words."""
    masking, _ = ear()
    masking.hear("my number is 555-0142", final=True)
    assert "555" not in repr(masking)


# ── properties ───────────────────────────────────────────────────────────────────────
@settings(max_examples=300)
@given(said=st.sampled_from(SAID), data=st.data())
def test_no_split_lets_two_digits_of_a_value_through(said: str, data: st.DataObject) -> None:
    """Cut anywhere between words into finals, each with its interims: never two digits in a row."""
    words = said.split()
    kept = symbols("two people at ten thirty" if "people" in said else "") + (
        ["10", "30"] if "10:30" in said else []
    )
    cuts = data.draw(st.sets(st.integers(1, len(words) - 1), max_size=4))
    bounds = [0, *sorted(cuts), len(words)]
    masking, _ = ear()
    for begin, end in zip(bounds, bounds[1:], strict=False):
        for size in range(begin + 1, end + 1):
            shown = masking.hear(" ".join(words[begin:size]), final=False).text
            assert len([s for s in symbols(shown) if s not in kept]) <= 1, shown
        shown = masking.hear(" ".join(words[begin:end]), final=True).text
        assert len([s for s in symbols(shown) if s not in kept]) <= 1, shown


@given(st.sampled_from(SAID))
def test_masking_twice_changes_nothing(said: str) -> None:
    """A stand-in is not personal."""
    once = ear()[0].hear(said, final=True).text
    assert ear()[0].hear(once, final=True).text == once


@given(st.text(max_size=200), st.booleans())
def test_any_text_can_be_heard(text: str, final: bool) -> None:
    """No input raises."""
    masking, _ = ear()
    masking.hear(text, final=final)
    masking.agent_said(text)
    masking.hear(text, final=final)


@given(
    st.lists(
        st.sampled_from(
            sorted(LEXICON) + ["no", "sorry", "at", "dot", "12", "10:30", "my", "card", "a"]
        ),
        max_size=40,
    )
)
def test_any_words_of_numbers_can_be_heard(words: list[str]) -> None:
    """Nor does any order of them."""
    masking, _ = ear()
    half = len(words) // 2
    masking.hear(" ".join(words[:half]), final=True)
    masking.hear(" ".join(words[half:]), final=True)
