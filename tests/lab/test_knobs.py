"""Knobs: names, types, and that each is explained."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lab import knobs as module
from lab.knobs import Knobs

pytestmark = pytest.mark.provider


@pytest.mark.parametrize(
    ("provider", "name", "value", "read"),
    [
        ("deepgram", "interim_s", "0.2", 0.2),
        ("deepgram", "interim_s", 1, 1.0),
        ("deepgram", "max_keyterms", "5", 5),
        ("deepgram", "finalize_when_empty", "false", False),
        ("deepgram", "finalize_when_empty", True, True),
        ("cartesia", "error_shape", "old", "old"),
    ],
)
def test_values_are_read_as_the_knobs_own_type(
    provider: str, name: str, value: object, read: object
) -> None:
    """Strings of the command line and JSON values both do."""
    knobs = Knobs()
    knobs.set(provider, name, value)
    assert knobs.as_dict()[provider][name] == read
    assert type(knobs.as_dict()[provider][name]) is type(read)


@pytest.mark.parametrize(
    ("provider", "name", "value", "words"),
    [
        ("openai", "x", 1, "choose one of deepgram, flux"),
        ("flux", "x", 1, "choose one of update_s"),
        ("flux", "update_s", "soon", "wants float, not 'soon'"),
        ("flux", "update_s", True, "wants float"),
        ("flux", "word_times", "maybe", "wants bool"),
        ("flux", "max_sockets", [1], "wants int"),
    ],
)
def test_nonsense_is_one_clear_line(provider: str, name: str, value: object, words: str) -> None:
    """Unknown names are told with the choices, wrong values with the type."""
    with pytest.raises(ValueError, match=words):
        Knobs().set(provider, name, value)


def test_every_knob_says_what_it_is() -> None:
    """A string stands under each field."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name != "Knobs"]
    for group in classes:
        for at, node in enumerate(group.body):
            if isinstance(node, ast.AnnAssign):
                after = group.body[at + 1]
                assert isinstance(after, ast.Expr), f"{group.name}.{ast.unparse(node)}"
                assert isinstance(after.value, ast.Constant)
