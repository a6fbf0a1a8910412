"""The rules a Media Streams bot keeps, each with its sentence, and the book of who kept them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DETAIL_CHARS = 160  # enough to see what was wrong, not enough to fill a terminal


@dataclass(frozen=True)
class Rule:
    """One rule of the carrier; `error` is the number the carrier's debugger shows."""

    name: str
    sentence: str
    error: int | None = None


RULES: tuple[Rule, ...] = (
    Rule("webhook-answers", "The voice webhook answers 200 with a TwiML document within 15 s."),
    Rule(
        "stream-url",
        "The Stream's url is wss (ws only on this machine) and carries no query string.",
        31922,
    ),
    Rule(
        "parameter-length",
        "Name and value of each Stream Parameter are shorter than 500 characters together.",
    ),
    Rule("upgrade", "The WebSocket upgrade is answered with 101.", 31920),
    Rule("text-only", "Every message is a text frame; binary is refused.", 31950),
    Rule("json-object", "Every message is one JSON object with a string `event`.", 31950),
    Rule("known-event", "The bot sends only `media`, `mark` and `clear`.", 31950),
    Rule("stream-sid", "Every message carries the streamSid of `start`.", 31950),
    Rule("after-start", "The bot sends nothing before `start`.", 31950),
    Rule("media-payload", "media.payload is a string of base64.", 31950),
    Rule("raw-ulaw", "The audio is raw µ-law without a file header.", 31950),
    Rule("mark-name", "mark.name is a string that is not empty.", 31950),
    Rule("string-numbers", "sequenceNumber, chunk and timestamp are strings.", 31950),
    Rule("buffer-cap", "No more than ten minutes of audio wait to be played.", 31931),
    Rule("reads-in-time", "The bot reads as fast as the caller speaks.", 31930),
    Rule(
        "clear-is-final",
        "No audio of the old reply follows a `clear`: nothing arrives in the 100 ms behind it.",
    ),
    Rule("closing", "The bot answers the closing of the socket within 2 s."),
    Rule("clean-close", "When the bot ends the stream it closes the WebSocket properly.", 31924),
    Rule("callbacks", "What the carrier tells about a recording is acknowledged."),
    Rule("next-verb", "What the carrier asks when the stream has ended is answered with TwiML."),
)
BY_NAME = {rule.name: rule for rule in RULES}


@dataclass(frozen=True)
class Verdict:
    """How one rule fared: `outcome` is "pass", "fail" or "not seen"."""

    rule: Rule
    outcome: str
    failures: int
    example: str

    def as_json(self) -> dict[str, object]:
        """For `--json` and `--report`."""
        return {
            "rule": self.rule.name,
            "sentence": self.rule.sentence,
            "error": self.rule.error,
            "outcome": self.outcome,
            "failures": self.failures,
            "example": self.example,
        }


class Conformance:
    """Which rules were kept and broken in one call, or in several together."""

    def __init__(self) -> None:
        self._passes: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._examples: dict[str, str] = {}

    def kept(self, rule: str) -> None:
        """The bot had the chance to break `rule` and did not."""
        name = BY_NAME[rule].name
        self._passes[name] = self._passes.get(name, 0) + 1

    def broken(self, rule: str, detail: str) -> None:
        """The bot broke `rule`; the first detail is shown as the example."""
        name = BY_NAME[rule].name
        self._failures[name] = self._failures.get(name, 0) + 1
        self._examples.setdefault(name, detail[:DETAIL_CHARS])

    def judge(self, rule: str, is_kept: bool, *, detail: str) -> bool:
        """Book `rule` either way; returns `is_kept`."""
        if is_kept:
            self.kept(rule)
        else:
            self.broken(rule, detail)
        return is_kept

    def add(self, others: Iterable[Conformance]) -> Conformance:
        """Take in what other calls showed."""
        for other in others:
            for name, count in other._passes.items():
                self._passes[name] = self._passes.get(name, 0) + count
            for name, count in other._failures.items():
                self._failures[name] = self._failures.get(name, 0) + count
            for name, example in other._examples.items():
                self._examples.setdefault(name, example)
        return self

    @property
    def is_good(self) -> bool:
        """No rule was broken."""
        return not self._failures

    def verdicts(self) -> list[Verdict]:
        """Every rule, in the order of a call."""
        return [self._verdict(rule) for rule in RULES]

    def _verdict(self, rule: Rule) -> Verdict:
        failures = self._failures.get(rule.name, 0)
        if failures:
            return Verdict(rule, "fail", failures, self._examples[rule.name])
        return Verdict(rule, "pass" if self._passes.get(rule.name) else "not seen", 0, "")
