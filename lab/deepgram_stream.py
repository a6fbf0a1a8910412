"""One stream of `/v1/listen`: what its query asks for, and its clocks."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from lab.hearing import Word
from lab.sound import HEARD
from lab.world import is_missing

KNOWN_ENCODINGS = HEARD.keys() | {
    "linear32", "flac", "amr-nb", "amr-wb", "opus", "ogg-opus", "speex", "g729"
}  # fmt: skip
MODEL_PREFIXES = ("nova", "base", "enhanced", "whisper")


def query_error(request: web.Request) -> str:
    """What is wrong with the query of `/v1/listen`; empty when nothing is."""
    query = request.query
    model = query.get("model", "base")
    encoding = query.get("encoding")
    if is_missing(model) or not model.startswith(MODEL_PREFIXES):
        return "Bad Request: No such model/language/tier combination found."
    if encoding is not None and encoding not in KNOWN_ENCODINGS:
        return f"Bad Request: failed to deserialize query: unknown variant `{encoding}`"
    if encoding is not None and encoding not in HEARD:
        return f"the lab hears {', '.join(HEARD)} only, not {encoding}"
    for name, least in (("sample_rate", 1000), ("channels", 1), ("utterance_end_ms", 1000)):
        value = query.get(name)
        if value is not None and not (value.isdecimal() and int(value) >= least):
            return f"Bad Request: {name} must be a whole number of at least {least}"
    if encoding is not None and "sample_rate" not in query:
        return "Bad Request: sample_rate is required with a raw encoding"
    if query.get("channels", "1") != "1":
        return "the lab hears one channel"
    endpointing = query.get("endpointing", "10")
    if endpointing not in ("true", "false") and not endpointing.isdecimal():
        return "Bad Request: endpointing must be true, false or milliseconds"
    if "utterance_end_ms" in query and query.get("interim_results") != "true":
        return "Bad Request: utterance_end_ms requires interim_results"
    return ""


class Options:
    """The query of one stream, understood."""

    def __init__(self, query: Any) -> None:
        endpointing = query.get("endpointing", "10")
        self.model = query.get("model", "base")
        self.language = query.get("language", "en")
        self.interims = query.get("interim_results") == "true"
        self.vad_events = query.get("vad_events") == "true"
        self.is_written = "true" in (query.get("smart_format"), query.get("punctuate"))
        self.keyterms: list[str] = query.getall("keyterm", [])
        self.utterance_end_s = (
            int(query["utterance_end_ms"]) / 1000 if "utterance_end_ms" in query else None
        )
        self.endpointing_s: float | None = None
        if endpointing != "false":
            self.endpointing_s = 0.01 if endpointing == "true" else int(endpointing) / 1000

    def text(self, words: list[Word]) -> str:
        """The transcript, punctuated when asked for."""
        if self.is_written:
            return " ".join(word.written or word.text for word in words)
        return " ".join(word.text for word in words)

    def alternative(self, words: list[Word]) -> dict[str, Any]:
        """One entry of `alternatives`."""
        sure = sum(word.confidence for word in words) / len(words) if words else 0.0
        text = self.text(words)
        return {
            "transcript": text,
            "confidence": round(sure, 4),
            "languages": [self._language_of(text)] if words else [],
            "words": [self._word(word) for word in words],
        }

    def _language_of(self, text: str) -> str:
        """The stream's, unless the letters say otherwise."""
        if any("\u0600" <= char <= "\u06ff" for char in text):
            return "ar"
        return "en" if self.language == "multi" else self.language

    def _word(self, word: Word) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "word": word.text,
            "start": round(word.start_s, 3),
            "end": round(word.end_s, 3),
            "confidence": round(word.confidence, 4),
        }
        if self.is_written:
            entry["punctuated_word"] = word.written or word.text
        return entry


class Times:
    """The clocks of one stream: wall (of the loop) with `_at`, the audio's own with `_s`."""

    def __init__(self, *, opened_at: float) -> None:
        self.alive_at = opened_at
        self.first_audio_at: float | None = None
        self.taken_in_at = opened_at
        self.ahead_s = 0.0  # longest that audio waited to be taken in
        self.bytes = 0
        self.shown_s = 0.0
        self.final_end_s = 0.0
        self.last_word_s: float | None = None
        self.in_speech = False

    def audio(self, now: float, *, bytes_: int) -> None:
        """Audio came."""
        self.alive_at = now
        self.bytes += bytes_
        if self.first_audio_at is None:
            self.first_audio_at = now

    def keep_alive(self, now: float) -> None:
        """KeepAlive counts only on a stream that has had audio."""
        if self.first_audio_at is not None:
            self.alive_at = now

    def ingest(self, now: float, *, seconds: float, limit: float) -> None:
        """Take `seconds` of audio in, at `limit` times real time at most."""
        self.ahead_s = max(self.ahead_s, self.taken_in_at - now)
        ready_at = self.taken_in_at + seconds / limit if limit else now
        self.taken_in_at = max(now, ready_at)
