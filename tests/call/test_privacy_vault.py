"""The vault keeps what is personal, and gives it out at two doors only."""

from __future__ import annotations

import copy
import pickle

import pytest

from call.privacy_lexicon import KINDS
from call.privacy_mouth import said, withheld
from call.privacy_vault import Vault, has_stand_in

pytestmark = pytest.mark.rule


def test_the_same_value_has_the_same_name() -> None:
    """However it was written, with or without the country's one."""
    vault = Vault()
    assert vault.keep("phone", "2125550142") == "PHONE_1"
    assert vault.keep("phone", "12125550142") == "PHONE_1"
    assert vault.keep("phone", "2125550143") == "PHONE_2"
    assert vault.keep("email", "A@b.org") == vault.keep("email", "a@B.org") == "EMAIL_1"


def test_a_name_can_be_told_before_it_is_given() -> None:
    """What an interim shows."""
    vault = Vault()
    assert vault.name_for("phone", "5550142") == "PHONE_1"
    assert vault.name_for("phone", "5550143", ahead=1) == "PHONE_2"
    assert vault.hand_over("[PHONE_1]", ["phone"]) == "[PHONE_1]"


def test_the_mouth_reads_back_only_what_it_may() -> None:
    """Digit by digit; other kinds are named, not said."""
    vault = Vault(speak=("phone",))
    vault.keep("phone", "5550142")
    vault.keep("card", "4111111111111111")
    spoken = vault.read_back("That's [PHONE_1], paid with CARD_1.", language="en")
    assert spoken == "That's five five five, zero one four two, paid with your card number."
    assert vault.read_back("[PHONE_9]", language="en") == "your phone number"
    assert vault.read_back("[PHONE_1] …", language="ar") == ("خمسة خمسة خمسة، صفر واحد أربعة اثنان")


def test_a_tool_is_given_the_kinds_it_declares() -> None:
    """Deep inside its arguments; other names stay."""
    vault = Vault()
    vault.keep("phone", "5550142")
    vault.keep("name", "Jo Bell")
    arguments = {"phone": "[PHONE_1]", "who": {"name": "[NAME_1]"}, "n": 2, "all": ["PHONE_1"]}
    assert vault.hand_over(arguments, ["phone"]) == {
        "phone": "5550142", "who": {"name": "[NAME_1]"}, "n": 2, "all": ["5550142"],
    }  # fmt: skip


def test_known_values_are_hidden_wherever_they_stand() -> None:
    """With or without separators, names in any case."""
    vault = Vault()
    vault.keep("phone", "5550142")
    vault.keep("name", "Jo Bell")
    assert vault.hide("JO BELL: 555-0142, 15550142") == "[NAME_1]: [PHONE_1], 15550142"


def test_a_value_that_turns_out_to_be_another_is_one() -> None:
    """Grown into a known value: its name is used; the first name means the whole as well."""
    vault = Vault()
    vault.keep("phone", "5550142")
    begun = vault.keep("phone", "555")
    assert vault.grow(begun, "phone", "5550142") == "PHONE_1"
    assert vault.hand_over("[PHONE_2]", ["phone"]) == "5550142"
    number = vault.keep("number", "411111")
    assert vault.grow(number, "card", "4111111111111111") == "CARD_1"
    assert vault.grow("PHONE_7", "phone", "5550199") == "PHONE_3"


def test_it_cannot_be_pickled_copied_or_printed() -> None:
    """Stars, or an error."""
    vault = Vault()
    vault.keep("phone", "5550142")
    assert repr(vault) == str(vault) == "Vault(***)"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            leak(vault)
    assert not hasattr(vault, "__dict__")


def test_short_and_odd_values_are_hidden_as_far_as_they_can_be_told() -> None:
    """Three digits are words of every day; what is not there is not looked for twice."""
    vault = Vault()
    vault.keep("number", "555")
    vault.keep("email", "jo@acme.org")
    vault.keep("name", "محمد علي")
    assert vault.hide("555 people, jo at acme") == "555 people, jo at acme"
    assert vault.keep("name", " محمد علي") == "NAME_1"


def test_wiped_is_empty() -> None:
    """Nothing can be had from it when the call is over."""
    vault = Vault(speak=KINDS)
    vault.keep("phone", "5550142")
    vault.wipe()
    assert vault.read_back("[PHONE_1]", language="en") == "your phone number"
    assert vault.hand_over("[PHONE_1]", KINDS) == "[PHONE_1]"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_kind_can_be_said_and_withheld(kind: str, language: str) -> None:
    """In both languages."""
    assert said(kind, "A1234567", language=language)
    assert withheld(kind, language=language)


def test_long_values_are_said_in_groups() -> None:
    """As people write them."""
    assert said("card", "4111111111111111", language="en").count(",") == 3
    assert said("code", "4455", language="en") == "four four five five"
    assert said("email", "jane@acme.org", language="en") == "jane at acme dot org"


@pytest.mark.parametrize(
    ("text", "is_named"),
    [("my [PHONE_1] …", True), ("[CARD_2:16-long]", True), ("a_b [NOTE_1]", False), ("no", False)],
)
def test_a_stand_in_is_told_from_other_words(text: str, is_named: bool) -> None:
    """Only the kinds that there are."""
    assert has_stand_in(text) is is_named
