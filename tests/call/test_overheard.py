"""What words said over the agent are."""

from __future__ import annotations

import pytest

from call.overheard import Kind, kind

pytestmark = pytest.mark.rule

ANSWER = "A check-up costs sixty pounds, and a cleaning forty-five."


@pytest.mark.parametrize(
    "text",
    [
        "uh-huh", "Uh huh.", "mm-hmm", "Mm hmm", "mhm", "right", "Yeah.", "okay", "Got it.",
        "I see.", "yeah yeah", "okay, great", "sure", "no problem", "oh I see, okay",
        "نعم", "أيوه", "طيب", "تمام", "اه، طيب",
    ],
)  # fmt: skip
def test_signs_of_listening_are_known(text: str) -> None:
    """In English and Arabic, alone or in a row."""
    assert kind(text) == (Kind.LISTENING, 0)


@pytest.mark.parametrize(
    "text",
    [
        "stop", "Wait.", "no", "hold on a second", "Sorry, wait", "excuse me", "okay wait",
        "yeah but I", "how much", "do you have parking", "so can I come", "Tuesday?",
        "لا", "لحظة", "انتظر", "كم السعر",
    ],
)  # fmt: skip
def test_what_takes_the_floor_is_known(text: str) -> None:
    """Also behind a sign of listening."""
    assert kind(text)[0] is Kind.FLOOR


@pytest.mark.parametrize(
    ("text", "said", "content"),
    [
        ("", Kind.NOTHING, 0),
        ("…", Kind.NOTHING, 0),
        ("um", Kind.FILLER, 0),
        ("ten thirty", Kind.CONTENT, 2),
        ("right now please", Kind.CONTENT, 2),
        ("costs sixty", Kind.ECHO, 0),
        ("sixty", Kind.CONTENT, 1),
    ],
)
def test_everything_else_is_weighed(text: str, said: Kind, content: int) -> None:
    """By how much it says; two words or more that mirror the agent's are its echo."""
    assert kind(text, agent=ANSWER) == (said, content)
