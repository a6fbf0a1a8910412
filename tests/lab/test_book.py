"""The appointment book, by plain calls and over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from lab.book import Book, BookError, routes

pytestmark = pytest.mark.provider


def test_a_booked_time_is_no_longer_free() -> None:
    """A time can be booked once."""
    book = Book()
    assert "10:30" in book.find_slots(day="Tuesday", part="morning")["slots"]
    book.book_appointment(day="tuesday", time="10:30 am", phone="555-0142", name="Ann")
    assert "10:30" not in book.find_slots(day="Tuesday")["slots"]
    with pytest.raises(BookError, match="not free"):
        book.book_appointment(day="Tuesday", time="10:30", phone="5550199")


def test_one_number_has_one_appointment() -> None:
    """A second booking under a number is refused with the day of the first."""
    with pytest.raises(BookError, match="Friday"):
        Book().book_appointment(day="Tuesday", time="10:30", phone="5550198")


def test_parts_of_a_day_are_told_apart_at_noon() -> None:
    """Morning ends and afternoon begins at twelve."""
    book = Book()
    morning = book.find_slots(day="Thursday", part="morning")["slots"]
    afternoon = book.find_slots(day="Thursday", part="afternoon")["slots"]
    assert max(morning) < "12:00" <= min(afternoon)
    assert [*morning, *afternoon] == book.find_slots(day="thursday", part="any")["slots"]


def test_a_date_is_its_weekday() -> None:
    """Models that give an ISO date find the same times."""
    assert Book().find_slots(day="2026-11-24") == Book().find_slots(day="Tuesday")


def test_moving_frees_the_old_time() -> None:
    """The new time is taken, the old one free again."""
    book = Book()
    book.move_appointment(phone="5550198", day="Tuesday", time="10:30")
    assert "08:45" in book.find_slots(day="Friday")["slots"]
    assert "10:30" not in book.find_slots(day="Tuesday")["slots"]


def test_cancelling_needs_an_appointment() -> None:
    """An unknown number, or another day than the appointment's, is refused."""
    book = Book()
    with pytest.raises(BookError, match="no appointment"):
        book.cancel_appointment(phone="5550777")
    with pytest.raises(BookError, match="Friday"):
        book.cancel_appointment(phone="5550198", day="Monday")
    assert book.cancel_appointment(phone="5550198")["time"] == "08:45"


@pytest.mark.parametrize(
    "arguments",
    [
        {"day": "soon", "time": "10:30", "phone": "5550142"},
        {"day": "Tuesday", "time": "later", "phone": "5550142"},
        {"day": "Tuesday", "time": "10:30", "phone": "12"},
    ],
)
def test_what_cannot_be_understood_is_refused(arguments: dict[str, str]) -> None:
    """Each refusal is a sentence that can be said."""
    with pytest.raises(BookError, match=r"[.?]$"):
        Book().book_appointment(**arguments)


def test_an_afternoon_time_may_be_written_with_pm() -> None:
    """2:15 pm is 14:15."""
    booked = Book().book_appointment(day="Friday", time="2:15 PM", phone="5550142")
    assert booked["time"] == "14:15"


async def _client() -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app.add_routes(routes())
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_every_call_finds_the_same_book() -> None:
    """What one call books another still finds free; the same call does not."""
    client = await _client()
    try:
        for call_id in ("one", "two"):
            assert "10:30" in (await _post(client, "find_slots", call_id, day="Tuesday"))["slots"]
            booked = await _post(
                client, "book_appointment", call_id, day="Tuesday", time="10:30", phone="5550142"
            )
            assert booked["ok"]
            after = await _post(client, "find_slots", call_id, day="Tuesday")
            assert "10:30" not in after["slots"]
    finally:
        await client.close()


async def test_bad_requests_get_a_status_and_a_sentence() -> None:
    """No body, a wrong argument and a refusal by the book are told apart."""
    client = await _client()
    try:
        for body in (b"", b"[]", b'{"arguments": 3}', b'{"arguments": {"colour": "red"}}'):
            response = await client.post("/book/find_slots", data=body)
            assert response.status == 400 and (await response.json())["error"]
        response = await client.post(
            "/book/cancel_appointment", json={"call_id": "c", "arguments": {"phone": "5550777"}}
        )
        assert response.status == 409
        assert (await response.json())["error"] == "There is no appointment under that number."
    finally:
        await client.close()


async def _post(
    client: TestClient[web.Request, web.Application], tool: str, call_id: str, **arguments: str
) -> dict[str, Any]:
    body = {"call_id": call_id, "arguments": arguments}
    async with client.post(f"/book/{tool}", json=body) as response:
        result: dict[str, Any] = await response.json()
        return result
