"""What is personal in a sentence, written or spoken, and what is not."""

from __future__ import annotations

import pytest

from call.privacy import Masking, Privacy
from call.privacy_finding import find
from call.privacy_vault import Vault

pytestmark = pytest.mark.rule


def values(text: str, *asked: str) -> list[tuple[str, str]]:
    """Kinds and values found."""
    return [(each.kind, each.value) for each in find(text, asked=asked)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("My phone number is five five five, zero one four two.", "phone", "5550142"),
        ("eight hundred five five five one two one two", "phone", "8005551212"),
        ("you can reach me at (212) 555-0199", "phone", "2125550199"),
        ("four one double five, oh nine", "code", "415509"),
        ("it's triple two, uh, five five oh one", "phone", "2225501"),
        ("my card is 4111 1111 1111 1111 thanks", "card", "4111111111111111"),
        ("put it on four" + " one" * 15, "card", "4111111111111111"),
        ("my IBAN is GB82 WEST 1234 5698 7654 32", "bank", "GB82WEST12345698765432"),
        ("ssn is seven double nine one two three double one three", "ssn", "799123113"),
        ("my email is john dot smith at gmail dot com", "email", "john.smith@gmail.com"),
        ("it's jane underscore doe nine two at abc dot co dot uk", "email", "jane_doe92@abc.co.uk"),
        ("write to jo99@example.co.uk please", "email", "jo99@example.co.uk"),
        ("I was born on March fourteenth nineteen eighty five", "birthdate", "1985-03-14"),
        ("the fifth of May, two thousand and seven", "birthdate", "2007-05-05"),
        ("date of birth 3/14/1985", "birthdate", "1985-03-14"),
        ("policy number b as in bravo four seven seven two k", "policy", "B4772K"),
        ("my passport is K1234567", "passport", "K1234567"),
        ("medical record number is six six one oh two", "record", "66102"),
        ("the claim is HK 778 213", "claim", "778213"),
        ("my license number is D for delta one two three four", "licence", "D1234"),
        ("my account number is 00991827", "account", "00991827"),
        ("the PIN? It's 5777.", "code", "5777"),
        ("my name is John Smith and I need a cleaning", "name", "John Smith"),
        ("my name is José García", "name", "José García"),
        ("my surname is Bell", "name", "Bell"),
        ("this is anna bell calling", "name", "anna bell"),
        ("رقمي خمسة خمسة خمسة صفر واحد اربعة اثنين", "phone", "5550142"),
        ("رقم هاتفي ٠٥٠١٢٣٤٥٦٧", "phone", "0501234567"),
        ("رقم بطاقتي خمسة وعشرين ثلاثة عشر واحد اثنين", "card", "251312"),
        ("اسمي محمد علي", "name", "محمد علي"),
    ],
)  # fmt: skip
def test_personal_data_is_found_with_its_value(text: str, kind: str, value: str) -> None:
    """Written and spoken, English and Arabic: the kind, and what is meant."""
    assert (kind, value) in values(text)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("my number is five five five oh one four two, no, sorry, six", "5550146"),
        ("my number is five five five oh one four two, I mean four six", "5550146"),
        ("five five oh, no wait, five five one, oh one four two", "5510142"),
        ("my number is five five, let me start over, five five five oh one four two", "5550142"),
    ],
)  # fmt: skip
def test_a_correction_replaces_what_it_corrects(said: str, value: str) -> None:
    """ "No, sorry, six" is the last digit said again, a whole number is the number said again."""
    assert [each.value for each in find(said)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Ten thirty is fine.", "a table for two people at seven", "at nine oh five on Monday",
        "It costs $45.50 at 10:30", "on 21 November 2026", "12/14/2026 at 10:30 am",
        "are you open from eight to six", "two hundred and fifty dollars", "I paid 1,200 dollars",
        "one moment please", "my card was declined", "my email is not working", "this is urgent",
        "My name's not on the list.", "eleven o six p m", "twenty percent", "room 12",
        "the first or the second of March", "I called two or three times", "between four and five",
        "بعد ثلاثة ايام", "الساعة ٣:٣٠", "نحن شخصين",
    ],
)  # fmt: skip
def test_what_is_not_personal_stays(text: str) -> None:
    """Times, prices, dates of appointments, amounts and everyday words."""
    assert values(text) == []


def test_an_answer_takes_the_kind_that_was_asked_for() -> None:
    """Four digits are a card's end, a code or a birth year by what the agent asked."""
    assert values("four two four two", "card") == [("card", "4242")]
    assert values("S M I T H", "name") == [("name", "Smith")]
    assert values("can I come at ten thirty instead", "phone") == []


def test_typed_keys_are_personal_from_three_on() -> None:
    """A PIN may look like a year; one key is the choice of a menu."""
    assert values("I typed 1985") == [("code", "1985")]
    assert values("I typed 4111111111111111") == [("card", "4111111111111111")]
    assert values("I typed 5550142", "phone") == [("phone", "5550142")]
    assert values("I typed 1", "phone") == []


def test_a_value_at_the_end_may_be_open() -> None:
    """Too short to be whole: more is to come."""
    (begun,) = find("my card number is four one one one")
    assert begun.is_open
    (whole,) = find("my number is five five five zero one four two")
    assert not whole.is_open


def test_a_count_behind_a_number_is_not_part_of_it() -> None:
    """ "… four two, two people at seven"."""
    text = "my number is five five five zero one four two two people at seven"
    (found,) = find(text)
    assert (found.value, text[found.end :]) == ("5550142", " two people at seven")


def test_an_address_is_hidden_with_flat_and_postal_code() -> None:
    """The whole stretch, not the number alone."""
    text = "I live at 12 Harbour Street, apartment 4B, Boston 02110."
    (found,) = find(text)
    assert text[found.start : found.end] == "12 Harbour Street, apartment 4B, Boston 02110"


@pytest.mark.parametrize("known", range(4, 10))
def test_an_address_is_hidden_at_every_step_of_being_said(known: int) -> None:
    """Also between its "at" and the end of its host."""
    words = "My email is canary dot quillfeather at example dot com".split()[:known]
    masked = Masking(Privacy(), Vault()).hear(" ".join(words), final=False).text
    assert "canary" not in masked and "quillfeather" not in masked
