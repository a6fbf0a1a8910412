"""The name model is opened where it is asked for, and refused where it is absent."""

from __future__ import annotations

import pytest

from bot.names import how_to_install, open_names
from call.errors import SettingsError
from call.measures import NullRecorder
from call.privacy import FREE_TEXT, Privacy

pytestmark = pytest.mark.rule

ABSENT = "en_nobody_has_this"


def test_nothing_is_opened_unless_free_text_is_asked_for() -> None:
    """Nothing is looked for either."""
    assert open_names(Privacy(names_model=ABSENT), NullRecorder()) is None


def test_what_is_asked_for_and_absent_is_refused_in_one_line() -> None:
    """Better no call than names that everybody sees."""
    with pytest.raises(SettingsError, match="is not installed") as refused:
        open_names(Privacy(names=FREE_TEXT, names_model=ABSENT), NullRecorder())
    assert f"python -m spacy download {ABSENT}" in str(refused.value)


def test_the_model_is_opened_and_not_loaded_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes a second, off the loop."""
    monkeypatch.setattr("bot.names.absent", lambda model: "")
    monkeypatch.setattr("bot.names.presidio", lambda model: pytest.fail("loaded"))
    names = open_names(Privacy(names=FREE_TEXT), NullRecorder())
    assert names is not None
    names.close()


def test_what_to_type_depends_on_what_is_missing() -> None:
    """The libraries, or only the model."""
    assert how_to_install("en_x", "en_x") == "python -m spacy download en_x"
    assert "[presidio]" in how_to_install("en_x", "spacy")
