"""Marks that are written but never said: markdown, bullets, emoji."""

from __future__ import annotations

import re
from collections.abc import Callable

# A pattern and what is said for it. A group named "n" is replaced alone, what surrounds it is only
# context. None leaves the match as it is for the rules that follow.
Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]
# Rules that need not be tried on a text without a certain sign.
Family = tuple[re.Pattern[str], tuple[Rule, ...]]


def _nothing(_: re.Match[str]) -> str:
    return ""


def _pause(_: re.Match[str]) -> str:
    return ", "


def _line(found: re.Match[str]) -> str:
    """A line break is a pause unless punctuation already made one."""
    before = found.string[: found.start()].rstrip()
    is_end = found.end() == len(found.string) or not before
    return " " if is_end or before[-1] in ".,;:!?…،؛؟" else ", "


_EMOJI = (
    r"[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U0001f000-\U0001faff"
    r"\U000e0020-\U000e007f]+"
)

_RULES: tuple[Rule, ...] = (
    # [words](address): the words are said, brackets and address are not
    (re.compile(r"(?P<n>!?\[)(?=[^\]\n]*\]\([^)\s]*\))"), _nothing),
    (re.compile(r"(?P<n>\]\([^)\s]*\))"), _nothing),
    (re.compile(r"^```\w*$|```", re.M), _nothing),
    (re.compile(r"^[ \t|:-]*-{3}[ \t|:-]*$", re.M), _nothing),  # table rule
    (re.compile(r"^[ \t]*(?:[-*+•▪·–—]|#{1,6}|>+)[ \t]+", re.M), _nothing),
    (re.compile(r"\*{2,3}(?![ \d-]*\d{4})|(?<!\w)__|__(?!\w)|~~|`+|(?<=\w)\*(?!\w)"), _nothing),
    (re.compile(r"(?<![\w*])\*(?=\S)(?![*•])(?!\d{4})|(?<=\S)\*(?=[\s.,;:!?]|$)"), _nothing),
    (re.compile(r"(?<!\w)_(?=\w)|(?<=\w)_(?!\w)"), _nothing),
    (re.compile(r"\s*\|\s*"), _pause),
    (re.compile(r"[•▪]"), _nothing),
    (re.compile(_EMOJI), _nothing),
    (re.compile(r"\s*\n\s*"), _line),
    (re.compile(r"\s+[-–—]\s*$|^\s*[-–—]\s+"), lambda found: "," if found.start() else ""),
)

MARKUP: Family = (
    re.compile(r"[][*_~`|#>•▪·\n]|^\s*[-–—+]|[-–—]\s*$|" + _EMOJI),
    _RULES,
)
