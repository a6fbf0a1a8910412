"""Tools get the values they declare and no others; the model gets none back."""

from __future__ import annotations

import pytest

from bot.tool_runs import ToolDoor
from bot.tools import Tool
from call.privacy import Masking, Privacy
from call.privacy_vault import Vault
from frames.speech import ClauseFrame

pytestmark = pytest.mark.rule


def door() -> ToolDoor:
    """A door behind which a phone number and a name are known."""
    vault = Vault()
    vault.keep("phone", "5550142")
    vault.keep("name", "Jo Bell")
    return ToolDoor(vault, Masking(Privacy(), vault))


def tool(*kinds: str) -> Tool:
    """A tool that is given these kinds."""
    return Tool("book", "Book.", "https://b.example/book", personal_data=kinds)


def test_a_tool_is_given_what_it_declares() -> None:
    """The number, not the name."""
    given = door().arguments(tool("phone"), {"phone": "[PHONE_1]", "name": "[NAME_1]", "n": 2})
    assert given == {"phone": "5550142", "name": "[NAME_1]", "n": 2}


def test_the_model_gets_no_value_back() -> None:
    """Also not in an error that quotes an argument."""
    answer = {"ok": False, "error": "'5550142' is not a number of ours", "when": "10:30"}
    assert door().result(answer) == {
        "ok": False,
        "error": "'[PHONE_1]' is not a number of ours",
        "when": "10:30",
    }


def test_a_tool_may_not_declare_an_unknown_kind() -> None:
    """A typo would leave the tool without the value."""
    with pytest.raises(ValueError, match="'phones' is not one of"):
        tool("phones")


def test_a_clause_never_prints_what_is_spoken() -> None:
    """Frames are printed in debug lines."""
    clause = ClauseFrame("five five five, zero one four two", "sentence", written="[PHONE_1]")
    assert "five" not in f"{clause} {clause!r}"
