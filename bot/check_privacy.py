"""What `offhook check` says about personal data: contradictions, and what is not covered."""

from __future__ import annotations

from collections.abc import Sequence

from bot.finding import Finding, good, note, problem
from bot.names import how_to_install
from bot.persona import Persona
from bot.settings import Settings
from call.errors import SettingsError
from call.privacy import FREE_TEXT, Privacy
from call.privacy_lexicon import CARD, EMAIL, KINDS, NAME, SSN
from processors.name_model import absent
from telemetry.recordings import require_key

_DESTROYED = {"pci": (CARD,), "ssn": (SSN,)}
"""What each of the recogniser's own redactions makes unreadable; of the others: numbers, or all."""
_NO_NUMBERS = frozenset({EMAIL, NAME})


def check_privacy(settings: Settings, people: Sequence[Persona]) -> list[Finding]:
    """Findings on `[privacy]`, the recogniser's `redact` and what tools are given."""
    found = [*_contradictions(settings, people), *_tools(settings, people)]
    missing = [kind for kind in KINDS if kind not in settings.privacy.kinds]
    if missing:
        text = f"the model and the records see what callers say of: {', '.join(missing)}"
        found.append(note("privacy", text, "add them to privacy.kinds"))
    else:
        text = f"{len(KINDS)} kinds are hidden; read back: {', '.join(settings.privacy.speak)}"
        found.append(good("privacy", text))
    if NAME in settings.privacy.kinds:
        found += _names(settings.privacy, people)
    return found


def _names(privacy: Privacy, people: Sequence[Persona]) -> list[Finding]:
    """Findings on names in free text, and on the extra that finds them."""
    model, missing = privacy.names_model, absent(privacy.names_model)
    if not privacy.reads_names:
        text = "names are hidden when introduced, spelled or asked for, not in free text"
        remedy = f'privacy.names = "{FREE_TEXT}" hides those too'
        if missing:
            remedy += f"; {missing} is not installed: {how_to_install(model, missing)}"
        return [note("privacy", text, remedy)]
    if missing:
        text = f"privacy.names is {FREE_TEXT}, but {missing} is not installed: no call is taken"
        return [problem("privacy", text, how_to_install(model, missing))]
    found = [good("privacy", f"names in free text are hidden, too ({model})")]
    others = sorted({each.language for each in people if not privacy.reads_names_in(each.language)})
    if others:
        text = f"{model} does not read {', '.join(others)}: there, only names introduced are hidden"
        found.append(note("privacy", text, "name a model of that language (privacy.names_model)"))
    return found


def check_recordings(settings: Settings, key: str) -> list[Finding]:
    """Findings on `[recordings]`."""
    if not settings.recordings.enabled:
        return []
    try:
        require_key(settings.recordings, key)
    except SettingsError as error:
        return [problem("recordings", f"{error.key} is {error.problem}", error.remedy)]
    silent = ", ".join(settings.recordings.silence) or "nothing"
    text = f"every call is recorded, sealed, and silent where the caller says: {silent}"
    return [good("recordings", text)]


def _destroyed(redaction: str) -> frozenset[str]:
    if redaction in _DESTROYED:
        return frozenset(_DESTROYED[redaction])
    if "number" in redaction:
        return frozenset(KINDS) - _NO_NUMBERS
    return frozenset(KINDS)


def _contradictions(settings: Settings, people: Sequence[Persona]) -> list[Finding]:
    """The recogniser may not destroy what has to be read back or given to a tool."""
    found = []
    for redaction in settings.deepgram.redact:
        gone = _destroyed(redaction)
        spoken = sorted(gone & set(settings.privacy.speak))
        if spoken:
            text = f"deepgram.redact {redaction!r} destroys what privacy.speak reads back"
            remedy = f"take {', '.join(spoken)} out of privacy.speak, or drop the redaction"
            found.append(problem("privacy", text, remedy))
        for tool in {tool.name: tool for person in people for tool in person.tools}.values():
            needed = sorted(gone & set(tool.personal_data))
            if needed:
                text = f"deepgram.redact {redaction!r} destroys what the tool {tool.name} needs"
                remedy = f"take {', '.join(needed)} out of its personal_data, or drop the redaction"
                found.append(problem("privacy", text, remedy))
    return found


def _tools(settings: Settings, people: Sequence[Persona]) -> list[Finding]:
    """A tool that is to be told a kind which is never kept gets the model's words for it."""
    kept = set(settings.privacy.kinds)
    found = []
    for tool in {tool.name: tool for person in people for tool in person.tools}.values():
        if tool.personal_data:
            given = ", ".join(kind for kind in tool.personal_data if kind in kept)
            found.append(good("privacy", f"the tool {tool.name} is given: {given or 'nothing'}"))
    return found
