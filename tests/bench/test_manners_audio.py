"""How the turn-end table gets its turns: pauses, true ends, words, and the two halves."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.manners_audio import (
    AUDIO,
    LABELS,
    Span,
    Talk,
    human,
    is_held_out,
    shared_out,
    stretches,
    talks,
    telephone,
)
from call.audio import RATE_HZ

pytestmark = pytest.mark.rule


def tone(seconds: float) -> Any:
    """Something loud."""
    return 4000 * np.sin(np.arange(int(seconds * RATE_HZ)) * 0.3)


def hush(seconds: float) -> np.ndarray:
    """Something that is not."""
    return np.zeros(int(seconds * RATE_HZ))


def write(path: Path, samples: np.ndarray) -> None:
    """A recording."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())


def test_only_silences_of_three_tenths_are_pauses() -> None:
    """Shorter ones are gaps between words."""
    talk = Talk("t", "human", False, b"", (Span(0, 1), Span(1.2, 2), Span(2.31, 3)))
    assert [(pause.start_s, pause.end_s) for pause in talk.pauses] == [(2, 2.31)]
    assert talk.end_s == 3


def test_words_end_within_their_span_in_proportion_to_their_letters() -> None:
    """The last one ends with it."""
    talk = Talk("t", "human", False, b"", (Span(1.0, 2.0, ("a", "four")), Span(3.0, 4.0, ("x",))))
    words: Any = talk.timed_words()
    assert words == [
        (pytest.approx(1.2), "a"),
        (pytest.approx(2.0), "four"),
        (pytest.approx(4.0), "x"),
    ]


def test_voice_is_cut_where_it_is_silent_for_long() -> None:
    """Edges to 10 ms; a short gap stays inside."""
    sound = np.concatenate([hush(0.5), tone(0.5), hush(0.4), tone(0.3), hush(0.1), tone(0.3)])
    found = stretches(sound, from_s=0.5, until_s=2.1)
    assert found == [(0.5, pytest.approx(1.0, abs=0.011)), (pytest.approx(1.4, abs=0.011), 2.1)]


def test_every_word_is_shared_out_once_and_in_order() -> None:
    """Whatever the lengths."""
    spans = shared_out("one two three four five".split(), [(0, 1), (2, 2.2), (3, 5)])
    assert [word for span in spans for word in span.words] == "one two three four five".split()
    assert len(spans) == 3


def test_a_turn_is_at_the_lines_level_with_four_seconds_of_noise_behind() -> None:
    """Loud enough, not clipped, never digital silence."""
    pcm = np.frombuffer(telephone(tone(1.0) / 50), "<i2").astype(float)
    assert len(pcm) == 5 * RATE_HZ
    assert 1600 < np.sqrt(np.square(pcm[:RATE_HZ]).mean()) < 4000
    assert 0 < np.sqrt(np.square(pcm[RATE_HZ:]).mean()) < 110


def test_the_split_depends_on_the_name_alone() -> None:
    """And gives both halves something."""
    halves = {is_held_out(f"sentence {i:02}") for i in range(20)}
    assert halves == {True, False}
    assert is_held_out("sentence 03") == is_held_out("sentence 03")


def test_a_splice_is_the_cut_half_a_thought_and_the_rest(tmp_path: Path) -> None:
    """0.4 to 0.9 s of its own noise, and the pause stands where it was put."""
    folder = tmp_path / "turns"
    folder.mkdir()
    whole = np.concatenate([hush(1.0), tone(2.0), hush(1.0)])
    write(folder / "v_00_full.wav", whole)
    write(folder / "v_00_cut.wav", np.concatenate([whole[: 2 * RATE_HZ], hush(1.0)]))
    files = [
        {"file": "turns/v_00_full.wav", "transcript": "I want to book.", "speech_onset_s": 1.0,
         "speech_end_s": 3.0},
        {"file": "turns/v_00_cut.wav", "transcript": "i want", "speech_onset_s": 1.0,
         "speech_end_s": 2.0},
    ]  # fmt: skip
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"files": files}))
    labels = tmp_path / "labels.json"
    labels.write_text('{"turns": []}')
    sentence, *splices = talks(tmp_path, labels=labels)
    assert (sentence.source, sentence.pauses, sentence.end_s) == ("sentence", (), 3.0)
    for splice in splices:
        [pause] = splice.pauses
        assert 0.4 <= pause.end_s - pause.start_s <= 0.9
        assert [span.words for span in splice.spans] == [("I", "want"), ("to", "book")]
        assert splice.is_held_out == sentence.is_held_out
        loud = np.abs(np.frombuffer(splice.pcm, "<i2").astype(int))
        inside = loud[int((pause.start_s + 0.01) * RATE_HZ) : int((pause.end_s - 0.01) * RATE_HZ)]
        assert inside.max() < 500 < loud[int((pause.end_s + 0.1) * RATE_HZ) :].max()
    assert len({splice.pauses for splice in splices}) == 2


def test_a_labelled_turn_is_cut_out_with_room_before_it(tmp_path: Path) -> None:
    """Its spans move with it; one without words says so."""
    write(tmp_path / "a.wav", np.concatenate([hush(2.0), tone(1.0), hush(1.0), tone(1.0)]))
    label = {"file": "a.wav", "source": "human", "end": True}
    late, early = human(
        tmp_path,
        [
            {**label, "spans": [[2.0, 3.0, "hi there"]]},
            {**label, "spans": [[0.1, 1.0, ""], [2.0, 3.0, ""]]},
        ],
    )
    assert late.spans[0].start_s == pytest.approx(0.6)
    assert late.has_words and not early.has_words
    assert early.spans[0].start_s == pytest.approx(0.6)
    assert len(early.pauses) == 1


def test_the_labels_are_in_order_and_say_how_they_were_made() -> None:
    """Every turn names its evidence; spans rise and do not touch."""
    document = json.loads(LABELS.read_text("utf-8"))
    for turn in document["turns"]:
        assert turn["by"] in document["by"]
        edges = [edge for start, end, _ in turn["spans"] for edge in (start, end)]
        assert edges == sorted(edges)


def test_the_material_has_a_hundred_pauses_in_two_halves() -> None:
    """As the table claims."""
    if not (AUDIO / "MANIFEST.json").is_file():
        pytest.skip(f"the recordings are not there: {AUDIO}")
    found = [talk for talk in talks() if talk.source != "monologue"]
    halves = [sum(len(t.pauses) for t in found if t.is_held_out is half) for half in (False, True)]
    assert sum(halves) >= 100
    assert min(halves) >= 40
