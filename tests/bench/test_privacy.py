"""The bench of personal data: what it counts, what it reads, and that its goals are met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import privacy, privacy_fresh, privacy_public, privacy_set
from bench.privacy_score import OTHER, Labelled, Span, left, measure, same, totals
from call.privacy_finding import Found, find

pytestmark = pytest.mark.rule

TEXT = "Ring 555-0142, ask for Ann in room 12"
PHONE = Span(5, 13, "phone", "5550142")
NAME = Span(23, 26, "name", "Ann")


def test_recall_asks_for_the_whole_value_and_precision_for_a_personal_one():
    """One letter left counts as not hidden; what is nobody's counts as mistaken."""
    found = [Found(5, 12, "phone", "555014"), Found(34, 37, "code", "12")]
    misses: list[str] = []
    labelled = Labelled("t", "en", "written", TEXT, (PHONE, NAME))
    scores = measure([labelled], misses, finder=lambda _text, _asked: found)
    assert scores["phone", "en", "written"].recall == 0.0
    assert scores["phone", "en", "written"].precision == 1.0
    assert scores["code", "en", "written"].precision == 0.0
    assert len(misses) == 3
    both = totals(scores, ("phone", "code"))
    assert (both["written"].cases, both["written"].taken, both["spoken"].taken) == (1, 2, 0)


def test_what_is_personal_under_another_name_is_no_mistake():
    """It is hidden rightly, and of the wrong kind."""
    spans = (Span(5, 13, "account", "5550142"), Span(23, 26, OTHER, "Ann"))
    found = [Found(5, 13, "phone", "5550142"), Found(23, 26, "name", "Ann")]
    labelled = Labelled("t", "en", "written", TEXT, spans)
    scores = measure([labelled], finder=lambda _text, _asked: found)
    phone = scores["phone", "en", "written"]
    assert (phone.precision, phone.kind) == (1, 0)
    assert scores["name", "en", "written"].kind == 1.0
    assert ("other", "en", "written") not in scores


def test_two_spellings_of_one_value_are_the_same():
    """Signs and a country's one do not count; nothing is not everything."""
    assert same("+1 (212) 555-0142", "2125550142")
    assert not same("5550142", "5550143")
    assert not same("5550142", "-")
    assert left(TEXT, 5, 13, [Found(5, 8, "phone", "555")]) == "0142"


@pytest.mark.timeout(120)
def test_the_goals_are_met_on_every_set_of_ours():
    """Structured kinds, written and spoken, English and Arabic, held out or not."""
    sets = {part: privacy_set.load(part) for part in privacy_set.PARTS} | privacy_fresh.load()
    assert set(sets) == {"dev", "heldout", "fresh dev", "fresh heldout"}
    for name, texts in sets.items():
        scores = measure(texts)
        for language in ("en", "ar"):
            rows = {row: score for row, score in scores.items() if row[1] == language}
            for form, total in totals(rows, privacy.STRUCTURED).items():
                assert total.cases >= 30, (name, language, form)
                assert total.recall >= privacy.RECALL_GOAL, (name, language, form)
                assert total.precision >= privacy.PRECISION_GOAL, (name, language, form)


def test_pairs_are_read_with_what_is_personal_in_them(tmp_path: Path):
    """The value is what differs between both sides; a web page and a sum are nobody's."""
    folder = tmp_path / "tests/nemo_text_processing"
    for language, what, lines in (
        ("en", "telephone", "my number is five five five oh one four two~my number is 555-0142\n\n"
                            "ssn is five three six nine oh four three nine nine~ssn is 536-90-"
                            "4399\n"
                            "nine one one~911\n"),
        ("en", "electronic", "a at b dot com~a@b.com\nb dot com~b.com\n"),
        ("en", "cardinal", "one hundred~100\n"),
        ("en", "date", "march first~march 1\n"),
        ("en", "money", "ten dollars~$10\n"),
        ("ar", "cardinal", "مئة~100\n"),
        ("ar", "money", "عشرة ريال~10\n"),
    ):  # fmt: skip
        for case in ("", "_cased") if language == "en" else ("",):
            file = (
                folder
                / language
                / "data_inverse_text_normalization"
                / f"test_cases_{what}{case}.txt"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(lines if not case else "")
    texts = [text for part in privacy_public.load(tmp_path, None).values() for text in part]
    spans = {(text.spans[0].kind, text.spans[0].value) for text in texts if text.spans}
    assert spans == {("phone", "555-0142"), ("ssn", "536-90-4399"), ("email", "a@b.com")}
    assert sum(not text.spans for text in texts) == 7
    spoken = next(text for text in texts if text.text.startswith("my number"))
    assert spoken.text[spoken.spans[0].start : spoken.spans[0].end].startswith("five five five")


def test_letters_are_read_as_written_and_with_their_values_said(tmp_path: Path):
    """Both forms of a template stand in one part."""
    text = "Ann pays with 4539148803436467 or at ann@b.com in Rome"
    spans = [
        ("PERSON", "Ann"), ("CREDIT_CARD", "4539148803436467"), ("EMAIL_ADDRESS", "ann@b.com"),
        ("GPE", "Rome"), ("TITLE", "pays"),
    ]  # fmt: skip
    sample = {
        "full_text": text,
        "template_id": 7,
        "spans": [
            {"entity_type": kind, "entity_value": value, "start_position": text.index(value),
             "end_position": text.index(value) + len(value)}
            for kind, value in spans
        ],
    }  # fmt: skip
    (tmp_path / "data").mkdir()
    (tmp_path / "data/synth_dataset_v2.json").write_text(json.dumps([sample]))
    parts = privacy_public.load(None, tmp_path)
    (texts,) = parts.values()
    written, spoken = texts
    assert [span.kind for span in written.spans] == ["name", "card", "email", OTHER]
    assert "ann at b dot com in Rome" in spoken.text
    assert all(
        left(spoken.text, span.start, span.end, find(spoken.text)) == ""
        for span in spoken.spans
        if span.kind in ("card", "email")
    )


def test_numbers_are_grouped_as_people_group_them():
    """Two by two."""
    assert privacy_fresh.grouped("4110050042") == "forty one ten oh five oh oh forty two"
    assert privacy_fresh.grouped("417") == "forty one seven"


def test_the_command_shows_its_tables(capsys: pytest.CaptureFixture[str], monkeypatch):
    """As a document, or for people; 1 when a goal is missed."""
    few = {part: privacy_set.load(part)[:40] for part in privacy_set.PARTS}
    monkeypatch.setattr(privacy_set, "load", lambda part: few[part])
    monkeypatch.setattr(privacy, "latency_ms", lambda: dict.fromkeys(privacy.LATENCY_ROWS, 0.2))
    assert privacy.main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["latency_p95_ms"]["no number"] == 0.2
    assert document["parts"]["dev"][0]["recall"] == 1.0
    monkeypatch.setattr(privacy, "latency_ms", lambda: dict.fromkeys(privacy.LATENCY_ROWS, 2.0))
    assert privacy.main(["--misses"]) == 1
    assert "phone" in capsys.readouterr().out


def test_the_cost_of_an_interim_is_measured():
    """By what is in it."""
    assert all(took > 0 for took in privacy.latency_ms(count=2).values())
