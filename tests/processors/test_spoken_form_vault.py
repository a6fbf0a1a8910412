"""The mouth is where a stand-in becomes words again."""

from __future__ import annotations

import pytest
from pipecat.tests.utils import run_test
from pipecat.utils.text.base_text_aggregator import TextType

from call.privacy_vault import Vault
from frames.speech import ClauseFrame
from processors.spoken_form import SpokenForm

pytestmark = pytest.mark.frame


async def test_a_stand_in_is_read_back_and_stays_in_what_was_written() -> None:
    """Values are in `text` alone, and only of kinds that may be said."""
    vault = Vault(speak=("phone",))
    vault.keep("phone", "5550142")
    vault.keep("card", "4111111111111111")
    written = "That's [PHONE_1], and [CARD_1]."
    frame = ClauseFrame(written, TextType.SENTENCE, written=written, reply=1, clause=1)
    await run_test(SpokenForm("en", vault), frames_to_send=[frame])
    assert frame.text == "That's five five five, zero one four two, and your card number."
    assert frame.written == written


async def test_an_arabic_clause_is_said_in_arabic_in_every_call() -> None:
    """A caller may change the language, and the answer with it."""
    vault = Vault(speak=("phone",))
    vault.keep("phone", "5550142")
    vault.keep("card", "4111111111111111")
    written = "رقمك [PHONE_1] و[CARD_1]، الساعة 10."
    frame = ClauseFrame(written, TextType.SENTENCE, written=written, reply=1, clause=1)
    await run_test(SpokenForm("en", vault), frames_to_send=[frame])
    assert frame.text == ("رقمك خمسة خمسة خمسة، صفر واحد أربعة اثنان ورقم بطاقتك، الساعة العاشرة.")
    assert frame.written == written
