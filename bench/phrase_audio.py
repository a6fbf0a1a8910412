"""Makes the phrases that come with the program, as µ-law, and says how well they can be made out.

    python -m bench.phrase_audio          # writes services/phrase_audio/*.json and *.ulaw

English is flite's voice (it needs libflite), Arabic espeak-ng's, whose quality nobody who speaks
the language has judged. They are said until a voice of the operator's choice has recorded its own,
and when no voice can. Texts are the defaults of `call/phrases.py` and of the disclosure.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.persona import Disclosure
from call.audio import mulaw_from_pcm
from call.phrases import Phrases, phrases_of
from lab import flite, speaking
from services.phrases import word_places

FOLDER = Path(__file__).parents[1] / "services" / "phrase_audio"
LANGUAGES = ("en", "ar")
_VOICE = "slt"
_DISCLOSURES = {"en": Disclosure().text, "ar": "تتحدث الآن مع مساعد آلي."}
# Phrases by the kind they are said as; those of no kind are found by their words only.
_KINDS: dict[str, tuple[str, ...]] = {
    "apology": ("apology", "way_out"),
    "fillers": ("filler",),
    "tool_fillers": ("filler",),
    "goodbye": ("goodbye",),
    "transfer": (),
    "cut_short": (),
    "say_again": ("say_again",),
    "hard_of_hearing": ("hard_of_hearing",),
}


def texts(language: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each phrase, and the kinds of phrases it can take the place of."""
    yield _DISCLOSURES[language], ("disclosure",)
    phrases = Phrases(**phrases_of(language))  # type: ignore[arg-type]
    for name, kinds in _KINDS.items():
        said = getattr(phrases, name)
        for text in (said,) if isinstance(said, str) else said:
            yield text, kinds


def take(text: str) -> tuple[bytes, list[int]]:
    """The phrase as µ-law, and the samples up to each word's end."""
    speech = speaking.say(text, voice=_VOICE, engine="real")
    ends = [round(end_s * speaking.RATE_HZ) for _, _, end_s in speech.words]
    count = len(word_places(text))
    if len(ends) != count:
        raise SystemExit(f"{text!r} has {count} words, and {len(ends)} were timed")
    audio = mulaw_from_pcm(speech.pcm8k)
    return audio, [*ends[:-1], len(audio)]


def build(language: str) -> int:
    """Write one language's set; its size in bytes."""
    entries: list[dict[str, Any]] = []
    audio = b""
    for text, kinds in texts(language):
        mulaw, ends = take(text)
        entries.append({"text": text, "kinds": list(kinds), "ends": ends})
        audio += mulaw
    FOLDER.mkdir(exist_ok=True)
    engine = "flite, voice slt" if language == "en" else "espeak-ng, voice ar, not judged"
    table = {"engine": engine, "phrases": entries}
    (FOLDER / f"{language}.json").write_text(
        json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    (FOLDER / f"{language}.ulaw").write_bytes(audio)
    return len(audio)


def main() -> int:
    """Build all sets."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not flite.is_available():
        print("libflite is missing (Debian: apt install libflite1)", file=sys.stderr)  # noqa: T201
        return 1
    for language in LANGUAGES:
        print(f"{language}: {build(language):,} bytes")  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
