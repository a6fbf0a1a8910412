"""Whatever stands in pipecat.toml, agent.toml or the environment: it loads, or says one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.agent_file import read_personas
from bot.settings import KNOBS, load
from bot.tools import Tools
from call.errors import SettingsError

pytestmark = pytest.mark.rule

FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SCALARS = st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
AGENT_KEYS = (
    "name prompt greeting language time_zone handoff_number keyterms disclosure voices hours"
    " phrases tools numbers model_sees_caller_number"
).split()


def toml_of(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, float):
        return repr(value)
    return (
        json.dumps(value)
        .replace("\x7f", "\\u007f")
        .replace("NaN", "nan")
        .replace("Infinity", "inf")
    )


def one_line(error: SettingsError) -> bool:
    return len(str(error).splitlines()) == 1


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_file_or_one_line(content: bytes, tmp_path: Path):
    """No file of nonsense ends in a traceback."""
    file = tmp_path / "any.toml"
    file.write_bytes(content)
    for read in (lambda: load({}, path=file), lambda: read_personas(file, tools=Tools())):
        try:
            read()
        except SettingsError as error:
            assert one_line(error)


@FUZZ
@given(key=st.sampled_from([knob.key for knob in KNOBS]), value=VALUES, text=st.text(max_size=20))
@example(key="speak.provider", value="a\u2028b", text="a\rb")
def test_any_value_of_any_knob_is_taken_or_refused_in_one_line(
    key: str, value: Any, text: str, tmp_path: Path
):
    """In the file, and from the environment."""
    section, name = key.split(".")
    file = tmp_path / "pipecat.toml"
    file.write_text(f"[{section}]\n{name} = {toml_of(value)}\n", encoding="utf-8")
    variable = f"OFFHOOK__{section}__{name}".upper()
    for read in (lambda: load({}, path=file), lambda: load({variable: text})):
        try:
            read()
        except SettingsError as error:
            assert one_line(error)


@FUZZ
@given(key=st.sampled_from(AGENT_KEYS), value=VALUES)
def test_any_value_in_the_agents_file_is_taken_or_refused_in_one_line(
    key: str, value: Any, tmp_path: Path
):
    """The people who write it see a sentence, not a program."""
    file = tmp_path / "agent.toml"
    given_ = {"name": "Mia", "prompt": "p", "greeting": "g", key: value}
    lines = [f"{name} = {toml_of(thing)}" for name, thing in given_.items()]
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        read_personas(file, tools=Tools())
    except SettingsError as error:
        assert one_line(error)
