"""What the agent is: `agent.toml` read into frozen objects, and the situation of one call.

Prompt, greeting, disclosure, voices, language, hours, hand-off number, phrases and tools stand in
one file that a person who writes no Python can change. A section `[numbers."+15550100"]` overrides
any of it for calls to that number. What does not fit is said in one line, with place and remedy.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.settings import Loaded, Settings
from bot.tools import Tool, Tools, resolve
from call.emergency import Emergency, emergency_of
from call.errors import SettingsError
from call.phrases import Phrases, phrases_of

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


# ── loading ──────────────────────────────────────────────────────────────────────────
class _Reader(BaseModel):
    """Lends the dataclasses its strictness: unknown keys are refused all the way down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: Persona


def load_personas(loaded: Loaded) -> Personas:
    """The agent's file that the settings name."""
    return read_personas(loaded.agent_path, tools=loaded.settings.tools)


def require_voices(personas: Personas, settings: Settings) -> None:
    """Refuse to start with an agent that could not speak."""
    for place, persona in (("", personas.default), *personas.numbers.items()):
        for provider in (settings.speak.provider, *settings.speak.stand_ins):
            if not persona.voices.get(provider):
                key = f'numbers."{place}".voices' if place else "voices"
                remedy = "name a voice of the provider"
                raise SettingsError(
                    f"{key}.{provider}", "is missing", source=settings.agent.file, remedy=remedy
                )


def read_personas(path: Path, *, tools: Tools) -> Personas:
    """Read an agent's file; raise `SettingsError` (one line) for anything wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            "agent.file", f"{path} does not exist", source="settings", remedy="give its path"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            path.name, f"cannot be read as TOML: {error}".splitlines()[0], source=str(path)
        ) from None
    overrides = table.pop("numbers", {})
    default = _persona(table, place="", path=path, tools=tools)
    numbers = {}
    if not isinstance(overrides, dict):
        raise SettingsError(
            "numbers", "is not a table", source=str(path), remedy='write [numbers."+15550100"]'
        )
    for number, override in overrides.items():
        place = f'numbers."{number}".'
        if not E164.fullmatch(number) or not isinstance(override, dict):
            raise SettingsError(
                place.rstrip("."),
                "is not a section of a called number",
                source=str(path),
                remedy='write [numbers."+15550100"]',
            )
        numbers[number] = _persona(_over(table, override), place=place, path=path, tools=tools)
    return Personas(default, numbers)


def _over(table: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """The default with what the number says on top; tables are merged key by key.

    A number where another language is spoken has that language's phrases below its own.
    """
    merged = dict(table)
    language = table.get("language", "en")
    if override.get("language", language) != language:
        merged.pop("phrases", None)
    for key, value in override.items():
        below = merged.get(key)
        is_table = isinstance(value, dict) and isinstance(below, dict)
        merged[key] = {**below, **value} if is_table else value  # type: ignore[dict-item]
    return merged


def _persona(table: Mapping[str, Any], *, place: str, path: Path, tools: Tools) -> Persona:
    try:
        persona = _Reader(agent=_phrased(table)).agent  # type: ignore[arg-type]
    except ValidationError as error:
        raise _translate(error, table, place=place, path=path) from None
    return replace(persona, tools=_reachable(persona.tools, place=place, path=path, tools=tools))


def _phrased(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with what is said in its language below its own."""
    language = table.get("language", "")
    if not isinstance(language, str):
        return dict(table)
    spoken = {"phrases": phrases_of(language), "emergency": emergency_of(language)}
    own = {name: table.get(name, {}) for name in spoken}
    known = {name: {**spoken[name], **said} for name, said in own.items() if isinstance(said, dict)}
    return {**table, **known}


def _reachable(
    wanted: tuple[Tool, ...], *, place: str, path: Path, tools: Tools
) -> tuple[Tool, ...]:
    """The tools with their full address; those with a path only are left out until it is known."""
    offered = []
    for tool in wanted:
        try:
            address = resolve(tool.url, tools)
        except ValueError as error:
            raise SettingsError(f"{place}tools.{tool.name}", str(error), source=str(path)) from None
        if address:
            offered.append(replace(tool, url=address))
    if len(offered) < len(wanted):
        logger.warning("tools with a path only are not offered: tools.base_url is not set")
    return tuple(offered)


def _translate(
    error: ValidationError, table: Mapping[str, Any], *, place: str, path: Path
) -> SettingsError:
    first = error.errors(include_url=False)[0]
    spot = list(first["loc"])[1:]  # below `agent`
    key = place + ".".join(_readable(spot, table)) if spot else place.rstrip(".") or "agent"
    match first["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            known = _known(spot)
            close = difflib.get_close_matches(str(spot[-1]), known, n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            return SettingsError(key, "is not a key", source=str(path), remedy=remedy)
        case "missing" | "missing_argument":
            return SettingsError(key, "is missing", source=str(path), remedy="write it")
        case "value_error":
            problem = str(first["msg"]).removeprefix("Value error, ")
            return SettingsError(key, problem, source=str(path))
    shown = repr(first["input"])
    problem = f"{first['msg']} (it is {shown if len(shown) <= 60 else shown[:57] + '...'})"
    return SettingsError(key, problem, source=str(path))


def _readable(spot: list[int | str], table: Mapping[str, Any]) -> list[str]:
    """`tools.0.url` as `tools.find_slots.url`."""
    words = [str(part) for part in spot]
    if len(spot) > 1 and spot[0] == "tools" and isinstance(spot[1], int):
        entry = table["tools"][spot[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
        words[1] = name if isinstance(name, str) and name else f"{spot[1] + 1}"
    return words


def _known(spot: list[int | str]) -> list[str]:
    """The keys that may stand where an unknown one did."""
    inside: dict[object, type] = {
        "disclosure": Disclosure,
        "hours": Hours,
        "emergency": Emergency,
        "phrases": Phrases,
        "tools": Tool,
    }
    kind = inside.get(spot[0], Persona) if len(spot) > 1 else Persona
    assert is_dataclass(kind)
    return [knob.name for knob in fields(kind)] + (["numbers"] if kind is Persona else [])
