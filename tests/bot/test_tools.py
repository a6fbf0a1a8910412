"""Tools: what an agent's file may say of them, where they may reach, what the model is offered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.persona import Persona
from bot.tools import Tool, Tools, resolve, schemas

pytestmark = pytest.mark.rule

DAY = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
PERSONA = Persona(name="Mia", prompt="p", greeting="g")


# ── what the model is offered ────────────────────────────────────────────────────────
def test_the_model_is_offered_the_users_tools_and_the_end_of_the_call():
    """Handing over only where there is somebody to hand over to."""
    tool = Tool("look", "Look it up.", "http://127.0.0.1/look", parameters=DAY)
    persona = replace(PERSONA, tools=(tool,))
    names = [schema.name for schema in schemas(persona).standard_tools]
    assert names == ["look", "end_call"]
    able = replace(persona, handoff_number="+442079460000")
    assert [schema.name for schema in schemas(able).standard_tools][-1] == "transfer_call"
    assert schemas(persona).standard_tools[0].to_default_dict() == {
        "name": "look",
        "description": "Look it up.",
        "parameters": {"type": "object", "properties": DAY["properties"], "required": ["day"]},
    }


# ── addresses ────────────────────────────────────────────────────────────────────────
HOUSE = Tools(base_url="https://book.example/api", allow=("https://other.example:8443/x/",))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/find", "https://book.example/api/find"),
        ("find", "https://book.example/api/find"),
        ("https://book.example:443/api/find", "https://book.example:443/api/find"),
        ("https://other.example:8443/x/y", "https://other.example:8443/x/y"),
    ],
)
def test_a_path_goes_below_the_base_and_a_full_address_must_be_allowed(url, expected):
    """tools.base_url and tools.allow."""
    assert resolve(url, HOUSE) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://book.example/apical",  # continues the prefix, but not at a slash
        "https://book.example/admin",
        "http://book.example/api/find",  # another scheme
        "https://book.example:8443/api/find",  # another port
        "https://book.example.evil.example/api/find",
        "https://book.example@evil.example/api/find",
        "https://evil.example/https://book.example/api",
        "/../admin",
        "/%2e%2e/admin",
        "/%252e%252e/admin",
        "/..\\admin",
        "/find?x=1",
        "/find#x",
        "file:///etc/passwd",
        "https://book.example:port/api",
        "https:///api",
        "https://other.example:8443/",
    ],
)
def test_an_address_outside_the_allow_list_is_refused(url):
    """Prefixes are compared as addresses, not as text."""
    with pytest.raises(ValueError, match="url"):
        resolve(url, HOUSE)


@given(st.text(max_size=40))
def test_no_path_leads_out_of_the_base(path):
    """Whatever is written there."""
    try:
        url = resolve(path, Tools(base_url="https://book.example/api"))
    except ValueError:
        return
    assert url.startswith("https://book.example/api")
    assert ".." not in url.split("/")


@pytest.mark.parametrize(
    "knobs",
    [
        {"timeout_s": 0},
        {"timeout_s": 61},
        {"max_result_bytes": 1},
        {"base_url": "book.example"},
        {"allow": ("*",)},
        {"allow": ("https://u:p@x.example",)},
    ],
)
def test_knobs_out_of_range_are_refused(knobs):
    """With the value and the remedy in the sentence."""
    with pytest.raises(ValueError, match=str(next(iter(knobs)))):
        Tools(**knobs)


def test_what_changes_nothing_is_not_confirmed():
    """Both at once is a mistake in the agent's file."""
    with pytest.raises(ValueError, match="confirm and read_only"):
        Tool("look", "Look.", "/look", read_only=True, confirm=True)
