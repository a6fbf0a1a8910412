"""`agent.toml` read: strictly, with the sections of called numbers over the rest; each mistake is
one line with place and remedy."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.persona import E164, Disclosure, Hours, Persona, Personas
from bot.settings import Loaded, Settings
from bot.tools import Tool, Tools, resolve
from call.emergency import Emergency, emergency_of
from call.errors import SettingsError
from call.phrases import Phrases, phrases_of


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
