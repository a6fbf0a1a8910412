"""Who leaves a call to whom, and what the carrier does then."""

from __future__ import annotations

import pytest

from call.errors import Ending, Party
from call.way_out import BROKEN, NO_ROOM, Destination, Reason, Step, step_after, way_out

pytestmark = pytest.mark.rule

NOBODY_TO_SPARE = (Reason.CAPACITY, Reason.DRAINED)


@pytest.mark.parametrize("reason", [r for r in Reason if r not in NOBODY_TO_SPARE])
def test_a_caller_is_led_to_a_person_where_one_answers(reason: Reason):
    """Whatever the reason."""
    leading = way_out(reason, party=Party.LLM, has_carrier=True, person_answers=True)
    assert leading.destination is Destination.PERSON
    assert leading.ending is Ending.HANDED_OFF


@pytest.mark.parametrize("reason", Reason)
def test_without_a_person_there_is_the_voicemail(reason: Reason):
    """Nobody is just hung up on."""
    leading = way_out(reason, party=Party.TTS, has_carrier=True, person_answers=False)
    assert leading.destination is Destination.VOICEMAIL
    assert (leading.ending, leading.party) == (Ending.VOICEMAIL, Party.TTS)


@pytest.mark.parametrize("reason", NOBODY_TO_SPARE)
def test_a_full_house_or_one_that_goes_down_has_nobody_to_spare(reason: Reason):
    """It takes a message even where a person would answer."""
    leading = way_out(reason, party=None, has_carrier=True, person_answers=True)
    assert leading.destination is Destination.VOICEMAIL


def test_a_wire_without_a_carrier_ends_after_the_apology():
    """A browser has no voicemail; without anybody's fault that is a goodbye."""
    faulty = way_out(Reason.FAULTS, party=Party.STT, has_carrier=False, person_answers=True)
    assert (faulty.destination, faulty.ending) == (Destination.NOWHERE, Ending.FAULT)
    asked = way_out(Reason.CALLER_ASKED, party=None, has_carrier=False, person_answers=True)
    assert asked.ending is Ending.AGENT_SAID_GOODBYE


@pytest.mark.parametrize(
    ("ending", "step"),
    [
        (Ending.HANDED_OFF, Step.TRANSFER),
        (Ending.VOICEMAIL, Step.VOICEMAIL),
        (Ending.DRAINED, Step.VOICEMAIL),
        (Ending.AGENT_SAID_GOODBYE, Step.HANG_UP),
        (Ending.FAULT, Step.HANG_UP),
    ],
)
def test_the_carrier_goes_on_as_the_call_ended(ending: Ending, step: Step):
    """To the person, to the voicemail, or not at all."""
    assert step_after(ending) is step


def test_a_call_that_left_no_word_takes_a_message_with_an_apology():
    """Its session or process died, and the caller is still there; or it was never taken."""
    for word in (BROKEN, NO_ROOM):
        assert (word.step, word.has_apologised) == (Step.VOICEMAIL, False)
    assert BROKEN.reason is not NO_ROOM.reason
