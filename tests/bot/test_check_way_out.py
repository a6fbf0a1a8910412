"""The doctor asks who will hear of a message that a caller leaves."""

from __future__ import annotations

import pytest

from bot.check_way_out import check_way_out
from bot.settings import load

pytestmark = pytest.mark.rule

URL = "OFFHOOK__VOICEMAIL__NOTIFY_URL"


@pytest.mark.parametrize(
    ("environ", "is_problem", "says"),
    [
        ({}, False, "nobody is told"),
        ({URL: "http://desk.example/messages"}, True, "is http"),
        ({URL: "https://desk.example/messages"}, False, "not signed"),
        ({URL: "http://127.0.0.1:1/messages"}, False, "not signed"),
        ({URL: "https://desk.example/m", "OFFHOOK_NOTIFY_SECRET": "s"}, False, "announced, signed"),
    ],
)
def test_messages_are_announced_in_private(environ: dict[str, str], is_problem: bool, says: str):
    """One finding, with a remedy where there is something to do."""
    [finding] = check_way_out(load(environ))
    assert (finding.is_problem, says in str(finding)) == (is_problem, True)


def test_a_wire_without_voicemail_is_not_asked():
    """A browser leaves no message."""
    assert check_way_out(load({"OFFHOOK__WIRE__KIND": "webrtc"})) == []
