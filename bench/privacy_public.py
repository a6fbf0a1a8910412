"""Public pairs and sentences beside our own set: read from clones of their repositories.

NeMo-text-processing (Apache-2.0) has what people say beside how it is written; presidio-research
(MIT) has made-up letters with every entity marked. Neither is copied into this project:
`offhook bench privacy --nemo DIR --presidio DIR` reads the clones. Half of the texts, chosen by a
hash, is held out: the finder was not changed after anything seen in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from bench.privacy_maker import Maker
from bench.privacy_score import OTHER, Labelled, Span
from bench.privacy_set import HELD_OUT
from call.privacy_lexicon import ADDRESS, BANK, CARD, EMAIL, LICENCE, NAME, PHONE, SSN

_NEMO = (
    "tests/nemo_text_processing/{language}/data_inverse_text_normalization/test_cases_{what}.txt"
)
_PERSONAL_PAIRS = ("telephone", "electronic")
_PLAIN_PAIRS = {"en": ("cardinal", "date", "money"), "ar": ("cardinal", "money")}
_PRESIDIO = "data/synth_dataset_v2.json"
_KINDS = {
    "CREDIT_CARD": CARD,
    "PHONE_NUMBER": PHONE,
    "EMAIL_ADDRESS": EMAIL,
    "US_SSN": SSN,
    "IBAN_CODE": BANK,
    "US_DRIVER_LICENSE": LICENCE,
    "PERSON": NAME,
    "STREET_ADDRESS": ADDRESS,
}
_ALSO_PERSONAL = ("ZIP_CODE", "IP_ADDRESS", "GPE", "ORGANIZATION")
_SAID = {CARD, PHONE, EMAIL, SSN, BANK, LICENCE}
_SIGNS = {"@": " at ", ".": " dot ", "_": " underscore ", "-": " dash ", "+": " plus "}


def part_of(labelled: Labelled) -> str:
    """By a hash, not by choice; what is made of one template stays together."""
    group = labelled.group or labelled.text.lower().strip(" .")
    return ("dev", HELD_OUT)[hashlib.sha256(group.encode()).digest()[0] & 1]


def nemo(folder: Path) -> Iterator[Labelled]:
    """Telephone and electronic pairs are personal, cardinals, dates and sums of money are not."""
    for what in _PERSONAL_PAIRS:
        for case in ("", "_cased"):
            for spoken, written in _pairs(folder, "en", what + case):
                yield _personal_pair(f"nemo {what}", spoken, written)
    for language, kinds in _PLAIN_PAIRS.items():
        for what in kinds:
            for case in ("", "_cased") if language == "en" else ("",):
                for spoken, _ in _pairs(folder, language, what + case):
                    yield Labelled(f"nemo {what}", language, "plain", spoken)


def _pairs(folder: Path, language: str, what: str) -> Iterator[tuple[str, str]]:
    file = folder / _NEMO.format(language=language, what=what)
    for line in file.read_text(encoding="utf-8").splitlines():
        spoken, _, written = line.strip().partition("~")
        if spoken and written:
            yield spoken.strip(), written.strip()


def _personal_pair(source: str, spoken: str, written: str) -> Labelled:
    """What differs between both sides is the value; an address without @ is a web page's."""
    said, wrote = spoken.split(), written.split()
    first = last = 0
    while first < min(len(said), len(wrote)) and said[first] == wrote[first]:
        first += 1
    while last < min(len(said), len(wrote)) - first and said[-1 - last] == wrote[-1 - last]:
        last += 1
    value = " ".join(wrote[first : len(wrote) - last])
    if source.endswith("electronic") and "@" not in value:
        return Labelled(source, "en", "plain", spoken)
    start = len(" ".join(said[:first])) + (1 if first else 0)
    end = len(" ".join(said[: len(said) - last]))
    digits = sum(char.isdigit() for char in value)
    kind = EMAIL if "@" in value else SSN if digits == 9 else PHONE
    if digits < 7 and kind is PHONE:
        return Labelled(source, "en", "plain", spoken)
    return Labelled(source, "en", "spoken", spoken, (Span(start, end, kind, value),))


def presidio(folder: Path) -> Iterator[Labelled]:
    """Each letter as it is, and with its values said instead of written."""
    for sample in json.loads((folder / _PRESIDIO).read_text(encoding="utf-8")):
        spans = [
            Span(each["start_position"], each["end_position"],
                 _KINDS.get(each["entity_type"], OTHER), each["entity_value"])
            for each in sorted(sample["spans"], key=lambda each: int(each["start_position"]))
            if each["entity_type"] in (*_KINDS, *_ALSO_PERSONAL)
        ]  # fmt: skip
        group = f"template {sample['template_id']}"
        written = Labelled(
            "presidio", "en", "written", sample["full_text"], tuple(spans), group=group
        )
        yield written
        if any(span.kind in _SAID for span in spans):
            yield _said(written)


def _said(written: Labelled) -> Labelled:
    maker = Maker(part_of(written).split()[-1])
    maker.draw.seed(written.text)
    out, spans, at, length = [], [], 0, 0
    for span in written.spans:
        before = written.text[at : span.start]
        value = _spoken(maker, span) if span.kind in _SAID else written.text[span.start : span.end]
        start = length + len(before)
        spans.append(Span(start, start + len(value), span.kind, span.value))
        out += [before, value]
        length, at = start + len(value), span.end
    text = "".join([*out, written.text[at:]])
    return Labelled("presidio", "en", "spoken", text, tuple(spans), group=written.group)


def _spoken(maker: Maker, span: Span) -> str:
    if span.kind == EMAIL:
        return " ".join("".join(_SIGNS.get(char, char) for char in span.value).split())
    plain = "".join(char for char in span.value.partition("x")[0] if char.isalnum())
    return maker.spoken(plain.upper(), "en")


def load(nemo_at: Path | None, presidio_at: Path | None) -> dict[str, list[Labelled]]:
    """Everything there is, by part."""
    found: dict[str, list[Labelled]] = {}
    for source in (nemo(nemo_at) if nemo_at else (), presidio(presidio_at) if presidio_at else ()):
        for text in source:
            found.setdefault(f"{text.source.split()[0]} {part_of(text)}", []).append(text)
    return found
