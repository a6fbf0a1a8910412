"""The doctor knows when privacy settings contradict each other."""

from __future__ import annotations

import pytest

from bot.check_privacy import check_privacy, check_recordings
from bot.finding import Finding
from bot.persona import Persona
from bot.settings import HOME, load
from bot.tools import Tool

pytestmark = pytest.mark.rule

BOOK = Tool("book", "Book.", "https://b.example/book", personal_data=("phone", "card"))


def check(*tools: Tool, **environ: str) -> list[Finding]:
    """Findings for an agent with these tools."""
    loaded = load(environ, path=HOME / "pipecat.toml")
    person = Persona(name="Mia", prompt="p", greeting="g", tools=tools)
    return check_privacy(loaded.settings, [person])


def problems(*tools: Tool, **environ: str) -> list[str]:
    """The lines that have to be mended."""
    return [finding.text for finding in check(*tools, **environ) if finding.is_problem]


def test_the_defaults_have_no_problem_and_say_what_is_not_covered() -> None:
    """Free-text names are not found, and it is said."""
    found = check()
    assert not [finding for finding in found if finding.is_problem]
    (names,) = [each for each in found if "names are hidden when introduced" in each.text]
    assert 'privacy.names = "free_text"' in names.remedy


def test_the_name_model_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent and not asked for: a note; absent and asked for: a problem; there: good."""
    free = {"OFFHOOK__PRIVACY__NAMES": "free_text"}
    monkeypatch.setattr("bot.check_privacy.absent", lambda model: "presidio_analyzer")
    (names,) = [each for each in check() if "not in free text" in each.text]
    assert not names.is_problem
    assert "presidio_analyzer is not installed: pip install" in names.remedy
    (text,) = problems(**free)
    assert "presidio_analyzer is not installed: no call is taken" in text
    monkeypatch.setattr("bot.check_privacy.absent", lambda model: "")
    assert problems(**free) == []
    assert any("names in free text are hidden" in each.text for each in check(**free))
    arabic = check(**free, OFFHOOK__PRIVACY__NAMES_MODEL="ar_core_news_sm")
    assert any("ar_core_news_sm does not read en" in each.text for each in arabic)


def test_a_redaction_may_not_destroy_what_is_read_back() -> None:
    """The recogniser's stars cannot be read back to the caller."""
    (text,) = problems(OFFHOOK__DEEPGRAM__REDACT='["numbers"]')
    assert "privacy.speak" in text
    assert problems(OFFHOOK__DEEPGRAM__REDACT='["pci"]') == []


def test_a_redaction_may_not_destroy_what_a_tool_needs() -> None:
    """Nor given to the tool."""
    (text,) = problems(BOOK, OFFHOOK__DEEPGRAM__REDACT='["pci"]')
    assert "the tool book needs" in text


def test_kinds_left_open_are_named() -> None:
    """The operator sees what the model sees."""
    found = check(OFFHOOK__PRIVACY__KINDS='["card"]')
    assert any("phone" in finding.text and finding.remedy for finding in found)


def test_what_tools_are_given_is_listed() -> None:
    """Kinds by tool."""
    assert "the tool book is given: phone, card" in [finding.text for finding in check(BOOK)]


def test_recordings_are_mentioned_where_there_are_any() -> None:
    """With their key, or with what is missing."""
    on = load({"OFFHOOK__RECORDINGS__ENABLED": "true"}).settings
    assert check_recordings(load({}).settings, "") == []
    (sealed,) = check_recordings(on, "k" * 40)
    assert not sealed.is_problem
    assert "card, code" in str(sealed)
    (missing,) = check_recordings(on, "")
    assert missing.is_problem
    assert "OFFHOOK_RECORDING_KEY is not set" in str(missing)
