"""The clinic's appointment book, and the HTTP tool server a phone agent reaches it through.

Every call finds the same book: what one call books, another does not see, so a conversation can be
repeated word for word. Requests are `POST /book/<tool>` with `{"call_id": …, "arguments": {…}}`.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from aiohttp import web

from lab.meaning import DAYS, digits

TOOLS = ("find_slots", "book_appointment", "move_appointment", "cancel_appointment")

_MORNING = ("09:15", "10:30", "11:45")
_AFTERNOON = ("14:00", "15:30", "16:45")
_FREE: dict[str, tuple[str, ...]] = {
    "monday": ("08:30", "11:00", "14:30"),
    "tuesday": (*_MORNING, "15:30"),
    "wednesday": ("09:00", *_AFTERNOON),
    "thursday": (*_MORNING, *_AFTERNOON),
    "friday": ("08:45", "10:00", "14:15", "16:00"),
    "saturday": ("09:30", "11:15"),
    "sunday": (),
}
_BOOKED = {"5550123": ("thursday", "14:00"), "5550198": ("friday", "08:45")}
_CALLS = 1000  # books kept, one per call; the oldest goes first
_NOON = "12:00"


class BookError(ValueError):
    """What the caller asked for cannot be done; the text can be said aloud."""


@dataclass
class Book:
    """Free times by weekday and appointments by telephone number."""

    free: dict[str, list[str]] = field(
        default_factory=lambda: {day: list(times) for day, times in _FREE.items()}
    )
    booked: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(_BOOKED))

    def __post_init__(self) -> None:
        for day, time in self.booked.values():
            if time in self.free[day]:
                self.free[day].remove(time)

    def find_slots(self, *, day: str, part: str = "any") -> dict[str, Any]:
        """Free times of a day, earliest first."""
        weekday = _weekday(day)
        slots = [
            time
            for time in self.free[weekday]
            if part not in ("morning", "afternoon") or (time < _NOON) == (part == "morning")
        ]
        return {"ok": True, "day": weekday.title(), "part": part or "any", "slots": slots}

    def book_appointment(
        self, *, day: str, time: str, phone: str, name: str = "", reason: str = ""
    ) -> dict[str, Any]:
        """Take a free time."""
        weekday, slot = self._free_slot(day, time)
        number = _number(phone)
        if number in self.booked:
            there = self.booked[number][0].title()
            raise BookError(f"There already is an appointment under that number, on {there}.")
        self.free[weekday].remove(slot)
        self.booked[number] = (weekday, slot)
        return {"ok": True, "day": weekday.title(), "time": slot, "name": name, "reason": reason}

    def move_appointment(self, *, phone: str, day: str, time: str) -> dict[str, Any]:
        """Give up the old time for a free one."""
        number = _number(phone)
        old_day, old_time = self._appointment(number)
        weekday, slot = self._free_slot(day, time)
        self._give_back(number)
        self.free[weekday].remove(slot)
        self.booked[number] = (weekday, slot)
        before = {"day": old_day.title(), "time": old_time}
        return {"ok": True, "day": weekday.title(), "time": slot, "before": before}

    def cancel_appointment(self, *, phone: str, day: str = "") -> dict[str, Any]:
        """Give up the time."""
        number = _number(phone)
        weekday, slot = self._appointment(number)
        if day and _weekday(day) != weekday:
            raise BookError(f"The appointment under that number is on {weekday.title()}.")
        self._give_back(number)
        return {"ok": True, "day": weekday.title(), "time": slot}

    def _appointment(self, number: str) -> tuple[str, str]:
        if number not in self.booked:
            raise BookError("There is no appointment under that number.")
        return self.booked[number]

    def _free_slot(self, day: str, time: str) -> tuple[str, str]:
        weekday, slot = _weekday(day), _time(time)
        if slot not in self.free[weekday]:
            raise BookError(f"{slot} on {weekday.title()} is not free.")
        return weekday, slot

    def _give_back(self, number: str) -> None:
        weekday, slot = self.booked.pop(number, ("", ""))
        if weekday:
            self.free[weekday] = sorted((*self.free[weekday], slot))


def routes() -> list[web.RouteDef]:
    """The tool endpoints, sharing one set of books."""
    books: OrderedDict[str, Book] = OrderedDict()

    async def handle(request: web.Request) -> web.Response:
        try:
            body = await request.json()
            call_id, arguments = str(body.get("call_id", "")), body["arguments"]
            book = books.setdefault(call_id, Book())
            while len(books) > _CALLS:
                books.popitem(last=False)
            return web.json_response(_use(book, request.path.rsplit("/", 1)[1], arguments))
        except BookError as error:
            return _refusal(409, str(error))
        except (json.JSONDecodeError, AttributeError, KeyError, TypeError):
            return _refusal(
                400, 'The body must be {"call_id": …, "arguments": {…}}, as documented.'
            )

    return [web.post(f"/book/{tool}", handle) for tool in TOOLS]


def _use(book: Book, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    method: Callable[..., dict[str, Any]] = getattr(book, tool)
    return method(**{key: str(value) for key, value in arguments.items()})


def _refusal(status: int, error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)


def _weekday(day: str) -> str:
    """A weekday from its name in any text, or from an ISO date."""
    found = re.search("|".join(DAYS), day.lower())
    if found:
        return found.group()
    try:
        return DAYS[date.fromisoformat(day.strip()).weekday()]
    except ValueError:
        raise BookError("Which day? A weekday or a date such as 2026-12-01.") from None


def _time(time: str) -> str:
    """HH:MM from "10:30", "10:30 am" or "2:15 pm"."""
    found = re.fullmatch(r"\s*(\d{1,2}):?(\d\d)?\s*([ap])?\.?\s?(?:m\.?)?\s*", time.lower())
    if not found:
        raise BookError("Which time? Such as 10:30.")
    hour = int(found.group(1))
    if found.group(3) == "p" and hour < 12:
        hour += 12
    return f"{hour:02d}:{found.group(2) or '00'}"


def _number(phone: str) -> str:
    """Digits of a telephone number; a token that stands for one is taken as it is."""
    if phone.startswith("["):
        return phone
    number = digits(re.sub(r"\D", "", phone))
    if len(number) < 7:
        raise BookError("That telephone number is too short.")
    return number
