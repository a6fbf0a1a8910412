"""What to tell the lab so that one turn of one call, and no other, meets a fault."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bench.fault_cells import (
    ALWAYS,
    EVERYWHERE,
    FIRST,
    GREETING,
    LAST,
    MIDDLE,
    MIND,
    MOUTH,
    Cell,
)
from bench.fault_house import GREETING as GREETING_WORDS
from lab.anthropic import PIECES
from lab.reciter import WORDS, answer_to, words_of

Spec = dict[str, Any]
SENTENCE = {FIRST: 0, MIDDLE: 1, LAST: 3}
COUNTED = ("reset_peer", "stall", "quota", "error_after", "garbage")
"""Shapes of the model whose `after` is a number of tokens."""


class Arms:
    """Knows every question that may be asked beside this one."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._questions = questions

    def of_opening(self, cell: Cell) -> list[Spec]:
        """For a greeting, or for the next socket that is opened."""
        base = _base(cell)
        if cell.is_at_door:
            # a client's library repeats a GET that was reset, once and unasked
            return [base | {"for_next": 2 if cell.shape == "down" else 1}]
        words = GREETING_WORDS[:: WORDS * 2] if cell.place == GREETING else GREETING_WORDS[::WORDS]
        return [base | {"when_words": word, "for_next": 1} for word in words]

    def of_turn(self, cell: Cell, question: str) -> list[Spec]:
        """For one question and its answer."""
        if cell.provider == MOUTH:
            main = [_base(cell) | _voiced(cell.place, question)]
        elif cell.provider == MIND:
            main = [_base(cell) | _minded(cell, question)]
        else:
            main = [_base(cell) | self._heard(cell, question)]
        beside = [
            {"provider": provider, "shape": shape, **parameters}
            | {"when_words": "|".join(words_of(question)), "for_next": None}
            for provider, shape, parameters in cell.also
        ]
        return main + beside

    def _heard(self, cell: Cell, question: str) -> Spec:
        """As soon as so many words are understood that it can be no other question."""
        words = question.split()
        others = [other for other in self._questions if other != question]
        least = next(
            size
            for size in range(1, len(words) + 1)
            if not any(re.match(spelt(words[:size]), other, re.IGNORECASE) for other in others)
        )
        sizes = {FIRST: least, MIDDLE: (least + len(words) + 1) // 2, ALWAYS: least}
        size = sizes.get(cell.place, len(words))
        count = None if cell.place == ALWAYS else 1
        return {"when_words": f"^{spelt(words[:size])}", "for_next": count}


def _base(cell: Cell) -> Spec:
    return {"provider": cell.provider, "shape": cell.shape, **cell.parameters}


def _voiced(place: str, question: str) -> Spec:
    words = words_of(question)
    if place in (ALWAYS, EVERYWHERE):
        return {"when_words": "|".join(words), "for_next": None}
    return {"when_words": words[SENTENCE[place] * WORDS], "for_next": 1}


def _minded(cell: Cell, question: str) -> Spec:
    """By the caller's words; the place is a number of tokens."""
    count = None if cell.place == ALWAYS else 1
    spec: Spec = {"when_words": spelt(question.split()), "for_next": count}
    if cell.shape in COUNTED:
        spec["after"] = tokens_before(cell.place, question)
    return spec


def tokens_before(place: str, question: str) -> int:
    """Tokens of the answer before the place: none, or up to the first of the sentence's words."""
    sentence = SENTENCE.get(place, 0)
    if not sentence:
        return 0
    whole = answer_to(question)
    before = whole[: len(whole) - len(answer_to(question, after=sentence * WORDS))]
    return len(PIECES.findall(before.rstrip())) + 1


def spelt(words: Sequence[str]) -> str:
    """A pattern of these words, however they are punctuated."""
    return r"\W+".join(re.findall(r"[\w']+", " ".join(words)))
