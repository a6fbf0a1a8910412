"""What a caller does, as data: a JSON document of steps, checked before anybody is called.

`{"name": "hours", "seed": 1, "steps": [{"do": "wait_agent"}, {"do": "say", "clip": "hours"}]}`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

KEYS = "0123456789*#ABCD"
SCRIPTS = Path(__file__).parent / "scripts"


class ScriptError(ValueError):
    """A script that cannot be followed: names the place, the value and the remedy in one line."""


@dataclass(frozen=True)
class WaitAgent:
    """Wait until the agent has begun to speak and then been silent for `quiet_s`."""

    timeout_s: float = 15.0
    quiet_s: float = 0.9


@dataclass(frozen=True)
class Say:
    """Speak a clip, after thinking for `pause_s`."""

    clip: str
    pause_s: float = 0.4


@dataclass(frozen=True)
class Prompted:
    """Speak the clip that somebody outside names, as soon as he does; for scripts made in code."""

    ask: Callable[[], str | None]


@dataclass(frozen=True)
class Interrupt:
    """Wait until the agent has spoken for `after_s` seconds, then speak over it."""

    clip: str
    after_s: float = 1.0
    timeout_s: float = 15.0


@dataclass(frozen=True)
class Key:
    """Press keys, one every `gap_s`."""

    digits: str
    gap_s: float = 0.2


@dataclass(frozen=True)
class Silence:
    """Say nothing for a while."""

    s: float


@dataclass(frozen=True)
class WaitEnd:
    """Wait until the bot ends the call."""

    timeout_s: float = 10.0


@dataclass(frozen=True)
class HangUp:
    """End the call from the caller's side."""


Step = WaitAgent | Say | Prompted | Interrupt | Key | Silence | WaitEnd | HangUp
STEPS: Mapping[str, type[Step]] = {
    "wait_agent": WaitAgent,
    "say": Say,
    "interrupt": Interrupt,
    "key": Key,
    "silence": Silence,
    "wait_end": WaitEnd,
    "hang_up": HangUp,
}


@dataclass(frozen=True)
class Script:
    """A caller's part; `seed` draws its line noise and impairments."""

    name: str
    steps: tuple[Step, ...]
    seed: int = 1

    def clips(self) -> list[str]:
        """The clips it needs, in order, each once."""
        return list(
            dict.fromkeys(step.clip for step in self.steps if isinstance(step, Say | Interrupt))
        )


def script_file(name: str) -> Path:
    """A file, or a script of the lab by its name (`demo`)."""
    own = SCRIPTS / f"{name}.json"
    return own if "/" not in name and own.is_file() and not Path(name).is_file() else Path(name)


def load(path: Path) -> Script:
    """Read a script file."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ScriptError(
            f"{path}: cannot be read ({error.strerror}); name a script file"
        ) from None
    except ValueError as error:
        raise ScriptError(f"{path}: not JSON ({error}); write one JSON object") from None
    return parse(document, place=str(path))


def parse(document: object, *, place: str = "script") -> Script:
    """Check a script; the first fault raises `ScriptError`."""
    if not isinstance(document, dict):
        raise ScriptError(f"{place}: is {_kind(document)}; write an object with name and steps")
    unknown = set(document) - {"name", "seed", "steps", "about"}
    if unknown:
        raise ScriptError(
            f"{place}: unknown key {sorted(unknown)[0]!r}; known: name, seed, steps, about"
        )
    steps = document.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ScriptError(f"{place}: steps is {_kind(steps)}; write a list of at least one step")
    seed = document.get("seed", 1)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise ScriptError(f"{place}: seed is {seed!r}; write a whole number")
    name = document.get("name", Path(place).stem)
    if not isinstance(name, str):
        raise ScriptError(f"{place}: name is {name!r}; write text")
    parsed = tuple(_step(step, place=f"{place}: steps[{i}]") for i, step in enumerate(steps))
    return Script(name, parsed, seed)


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"


def _step(step: object, *, place: str) -> Step:
    if not isinstance(step, dict):
        raise ScriptError(f"{place} is {_kind(step)}; write an object with do")
    do = step.get("do")
    kind = STEPS.get(do) if isinstance(do, str) else None
    if kind is None:
        raise ScriptError(f"{place}.do is {do!r}; use one of {', '.join(STEPS)}")
    known = {field.name: field for field in fields(kind)}
    given = {key: value for key, value in step.items() if key != "do"}
    for key, value in given.items():
        if key not in known:
            offers = ", ".join(known) or "nothing more"
            raise ScriptError(f"{place}.{key} is unknown to {do}; it takes {offers}")
        _CHECKS[str(known[key].type)](value, f"{place}.{key}")
    for key, field in known.items():
        if field.default is MISSING and key not in given:
            raise ScriptError(f"{place}.{key} is missing; {do} needs it")
    if kind is Key and not set(given["digits"]) <= set(KEYS):
        raise ScriptError(f"{place}.digits is {given['digits']!r}; use only {KEYS}")
    return kind(**given)


def _check_seconds(value: object, place: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= float(str(value)) <= 3600:
        raise ScriptError(f"{place} is {value!r}; write seconds, 0 to 3600")


def _check_text(value: object, place: str) -> None:
    if not isinstance(value, str) or not value:
        raise ScriptError(f"{place} is {value!r}; write text that is not empty")


_CHECKS: Mapping[str, Callable[[object, str], None]] = {
    "float": _check_seconds,
    "str": _check_text,
}
