"""One-time tokens: bound to a call, short-lived, used once, good on every host that has the
secret."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transports.twilio.tickets import CLOCKS_APART_S, SeenHere, Ticket, Tickets

pytestmark = pytest.mark.wire

SECRET = "the carrier's"


def tickets(secret: str = SECRET, **more: SeenHere) -> Tickets:
    """A minute's life."""
    return Tickets(secret, life_s=60, **more)


async def test_a_ticket_is_good_once() -> None:
    """The right token brings what the webhook knew; a second time it brings nothing."""
    desk = tickets()
    token = desk.issue("CA1", caller="+1", called="+2", now=0.0)
    assert await desk.redeem(token, call_id="CA1", now=59.9) == Ticket("CA1", "+1", "+2")
    assert await desk.redeem(token, call_id="CA1", now=59.9) is None


async def test_it_is_good_on_another_host_that_has_the_secret() -> None:
    """Where both remember in one place, it is used once in all; without the secret, never."""
    seen = SeenHere()
    here, there, stranger = tickets(seen=seen), tickets(seen=seen), tickets("another")
    token = here.issue("CA1", caller="+1", called="+2", now=0.0)
    assert await stranger.redeem(token, call_id="CA1", now=1.0) is None
    assert await there.redeem(token, call_id="CA1", now=1.0) == Ticket("CA1", "+1", "+2")
    assert await here.redeem(token, call_id="CA1", now=1.0) is None


async def test_without_a_secret_it_is_good_in_its_own_process_only() -> None:
    """A lab without keys needs no more."""
    one, other = Tickets(life_s=60), Tickets(life_s=60)
    token = one.issue("CA1", caller="", called="", now=0.0)
    assert await other.redeem(token, call_id="CA1", now=0.0) is None
    assert await one.redeem(token, call_id="CA1", now=0.0) is not None


async def test_a_ticket_does_not_show_itself() -> None:
    """Neither in print nor on the wire: numbers are sealed in."""
    desk = tickets()
    token = desk.issue("CA1", caller="+15550142", called="+2", now=0.0)
    shown = repr(await desk.redeem(token, call_id="CA1", now=0.0))
    assert "5550142" not in shown
    assert b"5550142" not in base64.urlsafe_b64decode(token)


@pytest.mark.parametrize(
    ("token", "call_id", "now"),
    [("right", "CA2", 1.0), ("wrong", "CA1", 1.0), ("", "CA1", 1.0), ("right", "CA1", 60.0),
     ("ünïcode", "CA1", 1.0), ("right", "", 1.0), ("right", "CA1", -6.0), ("\\x00", "CA1", 1.0)],
)  # fmt: skip
async def test_what_opens_nothing(token: str, call_id: str, now: float) -> None:
    """Another call's, a wrong, a missing, an expired token; and a wrong guess spoils nothing."""
    desk = tickets()
    right = desk.issue("CA1", caller="", called="", now=0.0)
    given_in = right if token == "right" else token
    assert await desk.redeem(given_in, call_id=call_id, now=now) is None
    assert await desk.redeem(right, call_id="CA1", now=1.0) is not None


async def test_a_token_that_is_spelled_another_way_is_the_same_token() -> None:
    """Padding and characters outside the alphabet change nothing: used is used."""
    desk = tickets()
    token = desk.issue("CA1", caller="", called="", now=0.0)
    assert await desk.redeem(token, call_id="CA1", now=0.0) is not None
    for spelled in (token + "=", token + "\n", token[:40] + "!" + token[40:], "\n" + token):
        assert await desk.redeem(spelled, call_id="CA1", now=0.0) is None


async def test_two_sockets_with_one_token_at_the_same_time() -> None:
    """One of them comes in."""
    desk = tickets()
    token = desk.issue("CA1", caller="", called="", now=0.0)
    both = await asyncio.gather(*(desk.redeem(token, call_id="CA1", now=0.0) for _ in range(2)))
    assert sum(ticket is not None for ticket in both) == 1


async def test_hosts_whose_clocks_differ_a_little_understand_each_other() -> None:
    """A token may come from the near future."""
    desk = tickets()
    token = desk.issue("CA1", caller="", called="", now=CLOCKS_APART_S)
    assert await desk.redeem(token, call_id="CA1", now=0.0) is not None


def test_tokens_are_long_all_different_and_fit_into_the_carriers_parameter() -> None:
    """128 bits each, and at most 500 characters with the name, whatever the webhook says."""
    desk = tickets()
    issued = {desk.issue(f"CA{n}", caller="", called="", now=0.0) for n in range(500)}
    assert len(issued) == 500
    long = desk.issue("CA" + "0" * 32, caller="sip:" + "a" * 400, called="+" * 400, now=1e9)
    assert 22 <= len(long) < 500 - len("token")


async def test_memory_is_bounded_and_forgets_what_is_over() -> None:
    """The oldest goes first."""
    seen = SeenHere(limit=3)
    assert [await seen.first(key, life_s=10, now=0.0) for key in "abca"] == [True] * 3 + [False]
    assert await seen.first("d", life_s=10, now=1.0)
    assert len(seen) == 3
    assert await seen.first("e", life_s=10, now=11.0)
    assert len(seen) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30), st.booleans()), max_size=60))
def test_never_twice_and_never_older_than_its_life(steps: list[tuple[int, float, bool]]) -> None:
    """However issued and redeemed: each once, none after its life."""
    desk = tickets()

    async def play() -> None:
        issued: dict[str, tuple[str, float]] = {}
        now = 0.0
        for number, later, is_issue in steps:
            now += later
            call_id = f"CA{number}"
            if is_issue:
                issued[call_id] = (desk.issue(call_id, caller="", called="", now=now), now)
            elif call_id in issued:
                token, at = issued.pop(call_id)
                ticket = await desk.redeem(token, call_id=call_id, now=now)
                assert (ticket is not None) == (now - at < 60)
                assert await desk.redeem(token, call_id=call_id, now=now) is None

    asyncio.run(play())


@given(st.text(max_size=300), st.text(max_size=40))
def test_any_text_as_a_token_is_refused(token: str, call_id: str) -> None:
    """Nothing raises."""
    assert asyncio.run(tickets().redeem(token, call_id=call_id, now=0.0)) is None


@given(st.text(max_size=150), st.text(max_size=150), st.text(max_size=150))
def test_whatever_the_carrier_names_comes_back(call_id: str, caller: str, called: str) -> None:
    """Cut at a hundred characters each."""
    desk = tickets()
    token = desk.issue(call_id, caller=caller, called=called, now=0.0)
    ticket = asyncio.run(desk.redeem(token, call_id=call_id, now=0.0))
    assert ticket == Ticket(call_id[:100], caller[:100], called[:100])
    assert json.dumps(token)
