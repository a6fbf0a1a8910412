"""The name model of the process, where free-text names are to be hidden."""

from __future__ import annotations

from call.errors import SettingsError
from call.measures import Recorder
from call.privacy import Privacy
from processors.name_model import NameModel, absent, presidio


def open_names(privacy: Privacy, recorder: Recorder) -> NameModel | None:
    """The model, to be loaded; None where none is asked for. What is asked for and not installed
    is refused: names would reach the model unseen."""
    if not privacy.reads_names:
        return None
    missing = absent(privacy.names_model)
    if missing:
        raise SettingsError(
            "privacy.names",
            f"is free_text, but {missing} is not installed",
            source="settings",
            remedy=how_to_install(privacy.names_model, missing),
        )
    return NameModel(
        lambda: presidio(privacy.names_model), budget_s=privacy.names_budget_s, recorder=recorder
    )


def how_to_install(model: str, missing: str) -> str:
    """What to type."""
    if missing == model:
        return f"python -m spacy download {model}"
    return f"pip install -e '.[presidio]' && python -m spacy download {model}"
