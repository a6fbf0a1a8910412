"""What the agent is, as `agent.toml` says it, and the situation of one call.

Prompt, greeting, disclosure, voices, language, hours, hand-off number, phrases and tools stand in
one file that a person who writes no Python can change. A section `[numbers."+15550100"]` overrides
any of it for calls to that number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers

from bot.tools import Tool
from call.emergency import Emergency
from call.phrases import LANGUAGES, Phrases, phrases_in

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
E164 = re.compile(r"\+[1-9]\d{6,14}")
SPAN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class Disclosure:
    """Telling the caller, at the start and uninterruptibly, that a machine is speaking."""

    text: str = "You are speaking with an AI assistant."
    enabled: bool = True
    """required by law in more and more places; turn it off only where you know you may"""

    def __post_init__(self) -> None:
        if self.enabled and not self.text.strip():
            raise ValueError("text is empty; write the sentence, or set enabled = false")


@dataclass(frozen=True)
class Hours:
    """Opening hours per weekday as "08:00-18:00"; no entry means closed all day."""

    monday: tuple[str, ...] = ()
    tuesday: tuple[str, ...] = ()
    wednesday: tuple[str, ...] = ()
    thursday: tuple[str, ...] = ()
    friday: tuple[str, ...] = ()
    saturday: tuple[str, ...] = ()
    sunday: tuple[str, ...] = ()
    closed_on: tuple[date, ...] = ()
    """holidays, as 2026-12-25"""

    def __post_init__(self) -> None:
        for day in WEEKDAYS:
            last = 0
            for text in getattr(self, day):
                opens, closes = _minutes(day, text)
                if opens < last or closes <= opens:
                    raise ValueError(f"{day}: {text!r} is out of order; write early spans first")
                last = closes

    @property
    def is_known(self) -> bool:
        """Whether any hours were given at all."""
        return any(getattr(self, day) for day in WEEKDAYS)

    def spans(self, day: date) -> list[tuple[int, int]]:
        """(opens, closes) of a day in minutes since midnight."""
        if day in self.closed_on:
            return []
        weekday = WEEKDAYS[day.weekday()]
        return [_minutes(weekday, text) for text in getattr(self, weekday)]


@dataclass(frozen=True)
class Persona:
    """One agent, as calls to one number meet it."""

    name: str
    """how the agent calls itself"""
    prompt: str
    """who it is and what it knows; the manners of the telephone are put before it"""
    greeting: str
    """the first sentence, said before the model is asked"""
    language: str = "en"
    time_zone: str = "UTC"
    handoff_number: str = ""
    """E.164; empty: callers cannot be transferred"""
    handoff_when_closed: bool = False
    """true: somebody answers that number outside the opening hours too"""
    model_sees_caller_number: bool = False
    """true: the model is told the number the call comes from"""
    keyterms: tuple[str, ...] = ()
    """names and words the recogniser should expect"""
    disclosure: Disclosure = Disclosure()
    voices: Mapping[str, str] = field(default_factory=dict)
    """provider → voice id"""
    hours: Hours = Hours()
    phrases: Phrases = Phrases()
    emergency: Emergency = Emergency()
    tools: tuple[Tool, ...] = ()

    def __post_init__(self) -> None:
        for text in ("name", "prompt", "greeting"):
            if not getattr(self, text).strip():
                raise ValueError(f"{text} is empty; write it")
        if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", self.language):
            raise ValueError(f'language is {self.language!r}; write a tag such as "en" or "ar-EG"')
        _zone(self.time_zone)
        if self.handoff_number:
            _check_number(self.handoff_number)
        names = [tool.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError("tools: two tools have the same name; rename one")

    @property
    def system(self) -> str:
        """The system prompt: the same bytes on every call, so the model's cache can hold it."""
        return f"Your name is {self.name}.\n{self.prompt.strip()}"

    @property
    def can_transfer(self) -> bool:
        """Whether there is somebody to hand the caller to, at some time of the day."""
        return bool(self.handoff_number)

    def person_answers(self, now: datetime) -> bool:
        """Whether somebody is there to hand the caller to at `now`, an aware datetime."""
        if not self.can_transfer or self.handoff_when_closed or not self.hours.is_known:
            return self.can_transfer
        here = now.astimezone(_zone(self.time_zone))
        minute = here.hour * 60 + here.minute
        return any(opens <= minute < closes for opens, closes in self.hours.spans(here.date()))


@dataclass(frozen=True)
class Personas:
    """The agent of the file, and the ones of particular numbers."""

    default: Persona
    numbers: Mapping[str, Persona]

    def for_number(self, called: str) -> Persona:
        """Who answers calls to this number."""
        return self.numbers.get(called, self.default)

    def phrases_besides(self, persona: Persona) -> Mapping[str, Phrases]:
        """Phrases in other languages than this agent's: those of a number where one is spoken, else
        the ones that come with the program."""
        everybody = (self.default, *self.numbers.values())
        written = {_base(one.language): one.phrases for one in reversed(everybody)}
        known = {language: phrases_in(language) for language in LANGUAGES} | written
        return {name: said for name, said in known.items() if name != _base(persona.language)}

    def voices_in(self, language: str) -> Mapping[str, str]:
        """Voices of a number where a language is spoken; none if there is no such number."""
        everybody = (self.default, *self.numbers.values())
        speakers = (one.voices for one in everybody if _base(one.language) == language)
        return next(speakers, {})


def _base(language: str) -> str:
    """A language without its country."""
    return language.split("-")[0].lower()


# ── the situation of one call ────────────────────────────────────────────────────────
def situation(persona: Persona, *, now: datetime, caller: str = "", called: str = "") -> str:
    """What is true of this call only; it is sent outside the cached part of the prompt.

    `now` is an aware datetime. Arithmetic on opening hours is done on the wall clock of the agent's
    zone, as its callers do.
    """
    here = now.astimezone(_zone(persona.time_zone)).replace(tzinfo=None)
    lines = [f"It is {here:%A}, {here.day} {here:%B %Y}, {here:%H:%M} ({persona.time_zone})."]
    if persona.hours.is_known:
        lines.append(_opening_state(persona.hours, here))
    if called:
        lines.append(f"The caller dialled {called}.")
    if caller and persona.model_sees_caller_number:
        lines.append(f"The call comes from {caller}.")
    return " ".join(lines)


def _opening_state(hours: Hours, here: datetime) -> str:
    minute = here.hour * 60 + here.minute
    for opens, closes in hours.spans(here.date()):
        if opens <= minute < closes:
            return f"It is open now and closes at {_clock(closes)}."
    for days in range(0, 367):  # a year of holidays is the longest anybody can be closed
        day = here.date() + timedelta(days=days)
        for opens, _ in hours.spans(day):
            if days or opens > minute:
                when = ("today", "tomorrow")[days] if days < 2 else f"{day:%A}, {day.day} {day:%B}"
                return f"It is closed now and opens {when} at {_clock(opens)}."
    return "It is closed now."


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(day: str, text: str) -> tuple[int, int]:
    found = SPAN.fullmatch(text.strip())
    numbers = [int(part) for part in found.groups()] if found else [25, 0, 0, 0]
    opens, closes = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if opens > 24 * 60 or closes > 24 * 60:
        raise ValueError(f'{day}: {text!r} is no span of hours; write "08:00-18:00"')
    return opens, closes


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(
            f'time_zone is {name!r}, which no zone has; write one such as "Europe/London"'
        ) from None


def _check_number(number: str) -> None:
    try:
        is_good = bool(E164.fullmatch(number)) and phonenumbers.is_possible_number(
            phonenumbers.parse(number, None)
        )
    except phonenumbers.NumberParseException:
        is_good = False
    if not is_good:
        raise ValueError(
            f"handoff_number is {number!r}; write it in E.164, such as +442079460000, or leave "
            "it empty"
        )
