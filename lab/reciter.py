"""A mind whose every word can be told from every other: for runs that count what was heard.

    answer_to("Do you take insurance?")   # four sentences of made-up words, always the same ones

Each question has words of its own, so a word played names the question, the sentence and its place
in it. Told how far an answer has come (by the assistant's own words, or by a note behind the
question), it says only the rest.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from lab.receptionist import Reply

SENTENCES, WORDS = 4, 2
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_NOTE = re.compile(r"\s*[<\[(]")  # not the caller's words


def words_of(question: str) -> list[str]:
    """The words of the answer, lower case, in order."""
    key = " ".join(re.findall(r"[a-z']+", question.lower()))
    return [_word(f"{key} {place}") for place in range(SENTENCES * WORDS)]


def answer_to(question: str, *, after: int = 0) -> str:
    """The answer, or its rest behind so many words."""
    words = words_of(question)
    sentences = [words[max(after, first) : first + WORDS] for first in range(0, len(words), WORDS)]
    return " ".join(f"{' '.join(said).capitalize()}." for said in sentences if said)


class Reciter:
    """Answers a Messages request with the words of its last question."""

    def reply(self, request: dict[str, Any]) -> Reply:
        """The answer, or what of it is still to be said."""
        question, behind = _last_question(request.get("messages", []))
        words = words_of(question)
        said = re.findall(r"[a-z']+", behind.lower())
        after = max((words.index(word) + 1 for word in said if word in words), default=0)
        return Reply(answer_to(question, after=after))


def is_made_up(word: str) -> bool:
    """Whether it is a word of some answer, to whatever question."""
    return re.fullmatch(f"([{_CONSONANTS}][{_VOWELS}]){{3}}", word) is not None


def _last_question(messages: list[dict[str, Any]]) -> tuple[str, str]:
    """The caller's last words, and everything written behind them."""
    question, behind = "", ""
    for message in messages:
        content = message.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            text = str(block.get("text", "")) if isinstance(block, dict) else ""
            if message.get("role") == "user" and text.strip() and not _NOTE.match(text):
                question, behind = text, ""
            else:
                behind += " " + text
    return question, behind


def _word(key: str) -> str:
    """Six letters that can be spoken."""
    digest = hashlib.sha256(key.encode()).digest()
    return "".join(
        (_VOWELS if place % 2 else _CONSONANTS)[digest[place] % (5 if place % 2 else 14)]
        for place in range(6)
    )
