"""A voice with another language beside its own.

Vendors bind a voice and its language to a connection or a request, so the other language is another
voice, which connects when it is first spoken. A reply is said in the language it begins in, to its
end: nobody changes voices in mid-sentence. To whoever asks for speech both are one voice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from services.voice import Ear, Event, Failed, Finished, Voice


class Bilingual:
    """Two voices of one vendor, chosen by what is said first in each context."""

    def __init__(self, home: Voice, other: Voice, *, is_other: Callable[[str], bool]) -> None:
        """`is_other`: these words are in the other voice's language."""
        self.provider, self.origin = home.provider, home.origin
        self.context_life_s = home.context_life_s
        self._home, self._other = home, other
        self._is_other = is_other
        self._others: set[str] = set()  # contexts the other voice speaks
        self._homes: set[str] = set()
        self._ear: Ear | None = None
        self._is_other_open = False

    def open(self, ear: Ear) -> None:
        """Start connecting the voice that most is said with."""
        self._ear = ear
        self._home.open(_Half(self, self._homes))

    def speak(self, context: str, text: str) -> None:
        """Say a clause; the first one opens the context, and chooses."""
        if context not in self._homes | self._others:
            (self._others if self._is_other(text) else self._homes).add(context)
        self._voice(context).speak(context, text)

    def finish(self, context: str) -> None:
        """Nothing more will be said in the context."""
        self._voice(context).finish(context)

    def cancel(self, context: str) -> None:
        """Stop the context."""
        self._voice(context).cancel(context)
        self._forget(context)

    async def close(self) -> None:
        """Hang up."""
        self._ear = None
        await self._home.close()
        await self._other.close()

    def _voice(self, context: str) -> Voice:
        if context not in self._others:
            return self._home
        if not self._is_other_open:
            self._is_other_open = True
            self._other.open(_Half(self, self._others))
        return self._other

    def heard(self, event: Event, contexts: set[str]) -> None:
        """One of the two has told something; what befell it befell its own contexts only."""
        told: list[Event] = [event]
        if isinstance(event, Failed) and event.context is None:
            if self._homes and self._others:
                told = [replace(event, context=context) for context in sorted(contexts)]
            contexts.clear()
        elif isinstance(event, Failed | Finished):
            self._forget(event.context or "")
        if self._ear is not None:
            for one in told:
                self._ear.hear(one)

    def _forget(self, context: str) -> None:
        self._homes.discard(context)
        self._others.discard(context)


class _Half:
    """Listens to one of the two."""

    def __init__(self, both: Bilingual, contexts: set[str]) -> None:
        self._both = both
        self._contexts = contexts

    def hear(self, event: Event) -> None:
        """An event, in the order it came."""
        self._both.heard(event, self._contexts)
