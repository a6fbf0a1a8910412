"""What the model writes by itself: shown without its digits, and not said where it must not be."""

from __future__ import annotations

import pytest

from call.privacy import Privacy
from call.privacy_vault import Vault
from call.privacy_veil import Veil

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("clauses", "shown"),
    [
        (["Your number is [PHONE_1], right?"], "Your number is [PHONE_1], right?"),
        (["Call us at 212-555-0100."], "Call us at [PHONE]."),
        (["That is five five five, zero one four two."], "That is [PHONE]."),
        (["That is 5550142."], "That is [PHONE_1]."),
        (["The card is four five three nine", " one four eight eight zero three"],
         "The card is [CARD][CARD]"),
        (["This is Mia speaking.", " We open at ten thirty."],
         "This is Mia speaking. We open at ten thirty."),
    ],
)  # fmt: skip
def test_what_the_model_writes_by_itself_is_shown_without_its_digits(
    clauses: list[str], shown: str
) -> None:
    """Over several clauses as well; the agent's own name stays."""
    vault = Vault()
    vault.keep("phone", "5550142")
    veil = Veil(Privacy(), vault)
    assert "".join(veil.shown(clause) for clause in clauses) == shown


def test_what_is_heard_is_a_sequence_of_its_own() -> None:
    """Said is one, heard is another; without kinds nothing is hidden; it cannot be printed."""
    veil = Veil(Privacy(), Vault())
    assert veil.shown("The card is four five three nine") == "The card is [CARD]"
    assert veil.shown("one four", final=True) == "[NUMBER]"
    assert Veil(Privacy(kinds=()), Vault()).shown("555-0142") == "555-0142"
    assert repr(veil) == "Veil(***)"


@pytest.mark.parametrize(
    ("written", "sayable"),
    [
        ("Your card 4539 1488 0343 6467 is fine.", "Your card your card number is fine."),
        ("Call 212-555-0100.", "Call 212-555-0100."),
        ("Reference 536904399 or 2539148803436462.", "Reference 536904399 or 2539148803436462."),
        ("Wire to GB82 WEST 1234 5698 7654 32.", "Wire to your bank details."),
        ("In 1985, at ten thirty.", "In 1985, at ten thirty."),
        ("So 604827 it is.", "So [CODE_1] it is."),
        ("Dial 4455 now.", "Dial 4455 now."),
    ],
)
def test_a_card_that_the_model_made_up_is_not_said(written: str, sayable: str) -> None:
    """Nor a code it was not given; telephone numbers and years are."""
    vault = Vault(speak=["phone"])
    vault.keep("code", "604827")
    vault.keep("code", "4455")
    veil = Veil(Privacy(), vault)
    assert veil.sayable(written, language="en") == sayable
    spoken = Veil(Privacy(), Vault(speak=["card", "bank"])).sayable(written, language="en")
    assert spoken == written
    assert Veil(Privacy(kinds=()), vault).sayable(written, language="en") == written
