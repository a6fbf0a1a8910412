"""Going on with an answer that broke off: no clause is lost, none is said twice.

A fresh request is told what has been said, and asked for the rest. A model that repeats itself all
the same is held to it: `Rest` leaves out the words that have been said.

A conversation that a model does not take as it stands is put in plain words: who said what, and
what the tools answered, without the structure that may have got out of order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

GO_ON = (
    "(A fault cut your answer off. The caller has heard it exactly as far as it stands above. Say "
    "only the rest: do not repeat, greet or apologise.)"
)
"""Stands in the caller's place behind what was said; no caller speaks in brackets."""
SPEAK_UP = "(You said nothing. The caller is waiting: answer in words.)"
"""The same behind an answer of nothing: asked again as before, a model says nothing again."""
_FEW = 3  # words that may begin the rest of a finished sentence as that ended, by accident
_ENDS = (".", "!", "?", "…", "؟")


def going_on(messages: Sequence[Mapping[str, Any]], said: str) -> list[dict[str, Any]]:
    """The conversation, with what has been said of the answer and the request to go on."""
    return [
        *(dict(message) for message in messages),
        {"role": "assistant", "content": said},
        {"role": "user", "content": GO_ON},
    ]


def speaking_up(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The conversation, with the request to say something."""
    return [*(dict(message) for message in messages), {"role": "user", "content": SPEAK_UP}]


class Rest:
    """Lets out what a continued answer says beyond what has been said.

    The text is held for as long as it reads like a piece of what was said; as soon as it reaches
    beyond the last word said, that piece is left out. Behind a finished sentence a word or two may
    be the same by accident; those, and everything that turns out to be new, are let out.
    """

    def __init__(self, said: str) -> None:
        self._said = [_plain(word) for word in said.split()]
        self._few = min(_FEW, len(self._said)) if said.rstrip().endswith(_ENDS) else 1
        self._held = ""
        self._is_open = not self._said

    def feed(self, text: str) -> str:
        """The next piece of the continued answer; what of it is to be said now."""
        if self._is_open:
            return text
        self._held += text
        words = self._held.split()
        if words and not self._held[-1].isspace():
            words.pop()  # it may still grow
        return "" if self._stands_in_said(words) else self._let_out(words)

    def flush(self) -> str:
        """The answer is complete: what is held and has not been said."""
        return "" if self._is_open else self._let_out(self._held.split())

    def _let_out(self, words: list[str]) -> str:
        """All that is held but a repetition in front."""
        self._is_open = True
        repeated = next((n for n in range(len(words), 0, -1) if self._ends_said(words[:n])), 0)
        rest = self._held.split(maxsplit=repeated)
        if repeated:
            return rest[-1] if len(rest) > repeated else ""
        return self._held

    def _stands_in_said(self, words: list[str]) -> bool:
        """These words stand in what was said, in one piece."""
        plain, count = [_plain(word) for word in words], len(words)
        return any(self._said[at : at + count] == plain for at in range(len(self._said)))

    def _ends_said(self, words: list[str]) -> bool:
        """What was said ends with these words, and they are no accident."""
        return len(words) >= self._few and self._said[-len(words) :] == [
            _plain(word) for word in words
        ]


def _plain(word: str) -> str:
    return "".join(char for char in word.lower() if char.isalnum())


# ── a conversation in plain words ────────────────────────────────────────────────────
def plain_words(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same conversation without tool calls and results as such: they become notes in brackets,
    so that nothing in it has to belong to anything else."""
    told: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        role = "assistant" if message.get("role") == "assistant" else "user"
        for text, by in _texts(message.get("content"), names, role):
            if told and told[-1]["role"] == by:
                told[-1]["content"] += f"\n{text}"
            else:
                told.append({"role": by, "content": text})
    if told and told[0]["role"] == "assistant":
        told.insert(0, {"role": "user", "content": "(The call begins.)"})
    if told and told[-1]["role"] == "assistant":
        told.append({"role": "user", "content": "(The caller waits for you to go on.)"})
    return told or [{"role": "user", "content": "(The caller has said nothing yet.)"}]


def _texts(content: Any, names: dict[str, str], role: str) -> list[tuple[str, str]]:
    """What a message says, and in whose place it stands."""
    if isinstance(content, str):
        return [(content.strip(), role)] if content.strip() else []
    texts = []
    for block in content if isinstance(content, list) else []:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if kind == "text" and str(block.get("text", "")).strip():
            texts.append((str(block["text"]).strip(), role))
        elif kind == "tool_use":
            names[str(block.get("id"))] = str(block.get("name"))
        elif kind == "tool_result":
            name = names.get(str(block.get("tool_use_id")), "a tool")
            texts.append((f"({name} answered: {_flat(block.get('content'))})", "user"))
    return texts


def _flat(content: Any) -> str:
    if isinstance(content, list):
        parts = [str(part.get("text", "")) for part in content if isinstance(part, Mapping)]
        return " ".join(parts)
    return str(content)
