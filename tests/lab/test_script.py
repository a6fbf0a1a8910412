"""Scripts are checked before anybody is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.script import (
    SCRIPTS,
    HangUp,
    Interrupt,
    Key,
    Say,
    Script,
    ScriptError,
    WaitAgent,
    load,
    parse,
    script_file,
)

pytestmark = pytest.mark.rule


def test_a_script_is_read_with_its_defaults() -> None:
    """Steps in order; clips each once."""
    script = parse(
        {
            "name": "hours",
            "seed": 7,
            "steps": [
                {"do": "wait_agent", "timeout_s": 3},
                {"do": "say", "clip": "hours"},
                {"do": "interrupt", "clip": "wait", "after_s": 2.0},
                {"do": "say", "clip": "hours", "pause_s": 0},
                {"do": "key", "digits": "12#"},
                {"do": "hang_up"},
            ],
        }
    )
    assert script == Script(
        "hours",
        (
            WaitAgent(timeout_s=3),
            Say("hours"),
            Interrupt("wait", after_s=2.0),
            Say("hours", pause_s=0),
            Key("12#"),
            HangUp(),
        ),
        seed=7,
    )
    assert script.clips() == ["hours", "wait"]


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "s: is a list; write an object with name and steps"),
        ({"steps": []}, "s: steps is a list; write a list of at least one step"),
        ({"name": "x"}, "s: steps is missing; write a list of at least one step"),
        ({"step": [1]}, "s: unknown key 'step'; known: name, seed, steps, about"),
        ({"seed": "1", "steps": [1]}, "s: seed is '1'; write a whole number"),
        ({"steps": [7]}, "s: steps[0] is a int; write an object with do"),
        ({"steps": [{"do": "sing"}]}, "s: steps[0].do is 'sing'; use one of wait_agent, say"),
        ({"steps": [{"do": ["say"]}]}, "s: steps[0].do is ['say']; use one of"),
        ({"steps": [{"do": "say"}]}, "s: steps[0].clip is missing; say needs it"),
        (
            {"steps": [{"do": "say", "clip": "a", "loud": 1}]},
            "s: steps[0].loud is unknown to say; it takes clip, pause_s",
        ),
        (
            {"steps": [{"do": "hang_up", "s": 1}]},
            "s: steps[0].s is unknown to hang_up; it takes nothing more",
        ),
        (
            {"steps": [{"do": "silence", "s": -1}]},
            "s: steps[0].s is -1; write seconds, 0 to 3600",
        ),
        (
            {"steps": [{"do": "silence", "s": True}]},
            "s: steps[0].s is True; write seconds, 0 to 3600",
        ),
        (
            {"steps": [{"do": "silence", "s": float("nan")}]},
            "s: steps[0].s is nan; write seconds, 0 to 3600",
        ),
        (
            {"steps": [{"do": "say", "clip": 5}]},
            "s: steps[0].clip is 5; write text that is not empty",
        ),
        (
            {"steps": [{"do": "key", "digits": "1x"}]},
            "s: steps[0].digits is '1x'; use only 0123456789*#ABCD",
        ),
    ],
)
def test_a_fault_is_one_line_with_place_value_and_remedy(document: object, line: str) -> None:
    """The caller is not placed; the line says what to write."""
    with pytest.raises(ScriptError) as caught:
        parse(document, place="s")
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_not_json_is_one_line(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ScriptError, match=r"gone.json: cannot be read .*name a script"):
        load(tmp_path / "gone.json")
    (tmp_path / "half.json").write_text('{"steps": [')
    with pytest.raises(ScriptError, match=r"half.json: not JSON"):
        load(tmp_path / "half.json")
    (tmp_path / "good.json").write_text(json.dumps({"steps": [{"do": "hang_up"}]}))
    assert load(tmp_path / "good.json").name == "good"


def test_the_labs_own_scripts_go_by_name(tmp_path: Path) -> None:
    """Anything else is a path."""
    for file in SCRIPTS.glob("*.json"):
        assert script_file(file.stem) == file
        assert load(file).steps
    assert script_file("no-such-script") == Path("no-such-script")
    assert script_file(str(tmp_path / "x.json")) == tmp_path / "x.json"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "seed", "steps", "do", "clip", "s"]) | st.text(max_size=3),
            inner | st.sampled_from(["say", "silence", "key"]),
            max_size=4,
        )
    ),
)


@given(values)
def test_any_document_is_a_script_or_a_script_error(document: object) -> None:
    """Nothing else escapes."""
    try:
        parse(document)
    except ScriptError as error:
        assert "\n" not in str(error)
