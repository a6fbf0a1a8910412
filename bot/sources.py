"""Where settings come from, a file and the environment, and one clear line for what is wrong there.

The table of knobs is handed in: this file knows how to read and refuse, not what there is to set.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bot.secrets import SECRET_NAMES
from call.errors import SettingsError

PREFIX = "OFFHOOK__"
DEFAULT = "default"
Values = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Knob:
    """One setting: `section.name`, its default, and what it means."""

    key: str
    default: Any
    meaning: str

    @property
    def section(self) -> str:
        """The part before the dot."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """The part after the dot."""
        return self.key.partition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.key.replace(".", "__").upper()


class Sources:
    """Reads values for a table of knobs and remembers where each came from."""

    def __init__(self, knobs: Sequence[Knob]) -> None:
        self._knobs = {knob.key: knob for knob in knobs}
        self._sections = list(dict.fromkeys(knob.section for knob in knobs))
        self.values: Values = {}
        self.origins: dict[str, str] = {}

    def read_file(self, path: Path) -> None:
        """Take the values of a TOML file."""
        source = path.name
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problem = f"cannot be read as TOML: {str(error).splitlines()[0]}"
            raise SettingsError(str(path), problem, source="file") from None
        if "secrets" in tables:
            raise SettingsError(
                "secrets",
                "secrets do not belong in a file",
                source=source,
                remedy=f"remove it; set {SECRET_NAMES[0]} and the like in the environment",
            )
        for section, table in tables.items():
            self._refuse_unknown_section(section, source)
            if not isinstance(table, dict):
                raise SettingsError(
                    section, "is a section, not a value", source=source, remedy=f"write [{section}]"
                )
            for name, value in table.items():
                self._refuse_unknown(section, name, source)
                self._refuse_bool_for_number(f"{section}.{name}", value, source)
                self._set(f"{section}.{name}", value, source)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        """Take the value of every `OFFHOOK__SECTION__KEY`."""
        for variable, text in sorted(environ.items()):
            self._refuse_single_underscores(variable)
            if not variable.startswith(PREFIX):
                continue
            section, _, name = variable.removeprefix(PREFIX).lower().partition("__")
            self._refuse_unknown_section(section, variable)
            self._refuse_unknown(section, name, variable)
            key = f"{section}.{name}"
            is_list = isinstance(self._knobs[key].default, tuple)
            self._set(key, _as_list(text, key, variable) if is_list else text.strip(), variable)

    def origin(self, key: str) -> str:
        """Where a knob's value came from; for a section, where any of it did."""
        if key in self._knobs:
            return self.origins.get(key, DEFAULT)
        below = {source for name, source in self.origins.items() if name.startswith(f"{key}.")}
        return ", ".join(sorted(below)) or DEFAULT

    def translate(self, error: ValidationError) -> SettingsError:
        """The first of Pydantic's complaints, in our words, with the key and where it came from."""
        first = error.errors(include_url=False)[0]
        message = str(first["msg"]).removeprefix("Value error, ")
        place = [str(part) for part in first["loc"]]
        key = ".".join(place[:2])
        if first["type"] == "value_error":
            # a check of a whole section, or across sections, names the field in its sentence
            key = self._named_in(message, place) or key or "settings"
            for name in (key, key.split(".")[-1]):
                message = message.removeprefix(f"{name} ")
            return SettingsError(key, message, source=self.origin(key))
        shown = "" if isinstance(first["input"], dict) else f" (it is {first['input']!r})"
        return SettingsError(key, f"{message}{shown}", source=self.origin(key))

    def _set(self, key: str, value: Any, source: str) -> None:
        section, _, name = key.partition(".")
        self.values.setdefault(section, {})[name] = value
        self.origins[key] = source

    def _named_in(self, message: str, place: list[str]) -> str:
        """The knob a sentence is about: the first whole key in it, or else the first bare name."""
        words = [word.strip(",;:()'\"") for word in message.split()]
        whole = [word for word in words if word in self._knobs]
        bare = [f"{place[0]}.{word}" for word in words] if place else []
        return next(iter(whole + [key for key in bare if key in self._knobs]), "")

    def _names(self, section: str) -> list[str]:
        return [knob.name for knob in self._knobs.values() if knob.section == section]

    def _refuse_unknown_section(self, section: str, source: str) -> None:
        if section not in self._sections:
            remedy = _nearest(section, self._sections)
            raise SettingsError(section, "is not a section", source=source, remedy=remedy)

    def _refuse_unknown(self, section: str, name: str, source: str) -> None:
        key = f"{section}.{name}"
        if key in self._knobs:
            return
        if any(word in name for word in ("key", "token", "secret", "password")):
            secret = _nearest(f"{section}_{name}".upper(), SECRET_NAMES)
            remedy = f"secrets come from the environment only: {secret}"
        else:
            remedy = _nearest(name, self._names(section))
        raise SettingsError(key, "is not a setting", source=source, remedy=remedy)

    def _refuse_bool_for_number(self, key: str, value: object, source: str) -> None:
        """TOML's `true` would pass as 1.0 otherwise."""
        default = self._knobs[key].default
        if isinstance(value, bool) and isinstance(default, int | float):
            if not isinstance(default, bool):
                problem = f"is {str(value).lower()}"
                raise SettingsError(key, problem, source=source, remedy="give a number")

    def _refuse_single_underscores(self, variable: str) -> None:
        """`OFFHOOK_WIRE_KIND` would do nothing, and nobody would notice."""
        for knob in self._knobs.values():
            if variable == knob.variable.replace("__", "_"):
                remedy = f"did you mean {knob.variable}?"
                raise SettingsError(
                    variable, "is not a setting", source="environment", remedy=remedy
                )


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def _as_list(text: str, key: str, source: str) -> list[Any]:
    """A sequence from the environment: JSON, or words with commas between."""
    text = text.strip()
    if not text.startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return list(json.loads(text))
    except (ValueError, RecursionError):
        raise SettingsError(
            key, "is not a JSON list", source=source, remedy='write ["a", "b"] or a,b'
        ) from None
