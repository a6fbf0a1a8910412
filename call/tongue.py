"""Which language the agent's own phrases are said in: that of its latest answer.

The model answers in the language it is spoken to; "one moment", "are you still there?" and the
goodbye follow it, where there are phrases in that language, and come back with it. A whole clause
tells, never a name or a code inside one.

Plain calls; languages are told apart by their letters, so only those of different letters are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from call.phrases import Phrases
from call.privacy_finding import TOKEN

ARABIC, ENGLISH = "ar", "en"
_ENOUGH = 6  # letters; "OK." and a lone name are of any language


class Tongue:
    """The language of one call's phrases."""

    def __init__(
        self,
        language: str,
        phrases: Phrases,
        others: Mapping[str, Phrases] = MappingProxyType({}),
    ) -> None:
        """`language` is the agent's, `phrases` its own; `others` those of other languages, by name
        without a country."""
        self.language = language
        self._home = language
        self._phrases = {**others, _name(language): phrases}

    @property
    def phrases(self) -> Phrases:
        """What is said now."""
        return self._phrases[_name(self.language)]

    @property
    def is_home(self) -> bool:
        """The agent speaks its own language."""
        return self.language == self._home

    def answered(self, clause: str) -> None:
        """The model has said this."""
        if len(_letters(clause)) < _ENOUGH:
            return
        spoken = is_arabic(clause)
        if spoken == (_name(self._home) == ARABIC):
            self.language = self._home
        else:
            other = ARABIC if spoken else ENGLISH
            self.language = other if other in self._phrases else self._home


def is_arabic(text: str) -> bool:
    """Most of the letters are."""
    letters = _letters(text)
    return 2 * sum("\u0600" <= char <= "\u06ff" for char in letters) > len(letters)


def _letters(text: str) -> list[str]:
    return [char for char in TOKEN.sub("", text) if char.isalpha()]


def tongue_of(phrases: Phrases | Tongue | None) -> Tongue:
    """Phrases that stay in their language, or such as follow the agent."""
    return phrases if isinstance(phrases, Tongue) else Tongue(ENGLISH, phrases or Phrases())


def _name(language: str) -> str:
    return language.split("-")[0].lower()
