"""One-time tokens: bound to a call, short-lived, used once, bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.twilio.tickets import Tickets

pytestmark = pytest.mark.wire


def test_a_ticket_is_good_once() -> None:
    """The right token brings what the webhook knew; a second time it brings nothing."""
    tickets = Tickets(life_s=60)
    token = tickets.issue("CA1", caller="+1", called="+2", now=0.0)
    ticket = tickets.redeem(token, call_id="CA1", now=59.9)
    assert ticket is not None
    assert (ticket.call_id, ticket.caller, ticket.called) == ("CA1", "+1", "+2")
    assert tickets.redeem(token, call_id="CA1", now=59.9) is None


def test_a_ticket_does_not_show_itself() -> None:
    """Printed, it names the call and nothing secret or personal."""
    tickets = Tickets(life_s=60)
    token = tickets.issue("CA1", caller="+15550142", called="+2", now=0.0)
    shown = repr(tickets.redeem(token, call_id="CA1", now=0.0))
    assert token not in shown and "5550142" not in shown


@pytest.mark.parametrize(
    ("token", "call_id", "now"),
    [("right", "CA2", 1.0), ("wrong", "CA1", 1.0), ("", "CA1", 1.0), ("right", "CA1", 60.0),
     ("ünïcode", "CA1", 1.0), ("right", "", 1.0)],
)  # fmt: skip
def test_what_opens_nothing(token: str, call_id: str, now: float) -> None:
    """Another call's, a wrong, a missing, an expired token; and a wrong guess spoils nothing."""
    tickets = Tickets(life_s=60)
    right = tickets.issue("CA1", caller="", called="", now=0.0)
    assert tickets.redeem(right if token == "right" else token, call_id=call_id, now=now) is None
    assert (tickets.redeem(right, call_id="CA1", now=1.0) is None) == (now == 60.0)


def test_a_repeated_webhook_replaces_its_ticket() -> None:
    """The carrier asks twice for one call: only the newer token counts."""
    tickets = Tickets(life_s=60)
    first = tickets.issue("CA1", caller="", called="", now=0.0)
    second = tickets.issue("CA1", caller="", called="", now=1.0)
    assert len(tickets) == 1
    assert tickets.redeem(first, call_id="CA1", now=2.0) is None
    assert tickets.redeem(second, call_id="CA1", now=2.0) is not None


def test_tokens_are_long_and_all_different() -> None:
    """128 bits each."""
    tickets = Tickets(life_s=60, limit=500)
    tokens = {tickets.issue(f"CA{n}", caller="", called="", now=0.0) for n in range(500)}
    assert len(tokens) == 500
    assert min(len(token) for token in tokens) >= 22


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30), st.booleans()), max_size=60))
def test_bounded_and_never_older_than_its_life(steps: list[tuple[int, float, bool]]) -> None:
    """However issued and redeemed: at most `limit`, each once, none after its life."""
    tickets = Tickets(life_s=60, limit=4)
    issued: dict[str, tuple[str, float]] = {}
    now = 0.0
    for number, later, is_issue in steps:
        now += later
        call_id = f"CA{number}"
        if is_issue:
            issued[call_id] = (tickets.issue(call_id, caller="", called="", now=now), now)
        elif call_id in issued:
            token, at = issued.pop(call_id)
            if tickets.redeem(token, call_id=call_id, now=now):
                assert now - at < 60
            assert tickets.redeem(token, call_id=call_id, now=now) is None
        assert len(tickets) <= 4
