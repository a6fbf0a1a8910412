"""The clips and how they are known by their sound."""

from __future__ import annotations

import numpy as np
import pytest

from lab import known_clips
from tests.lab.audio import CLIPS, clip

pytestmark = pytest.mark.provider

KNOWN = known_clips.load()


def _heard(name: str, *, until_s: float, offset: int = 0) -> known_clips.Rows:
    """The rows of the last half second when that much of the clip was heard."""
    samples = known_clips.as_floats(clip(name))[: round(until_s * 8000)]
    needed = (known_clips.ROWS - 1) * known_clips.HOP + known_clips.SPAN
    padded = np.pad(samples, (needed, 0))
    return known_clips.rows(padded[len(padded) - needed + offset :])


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_the_end_of_every_clip_is_known(name: str) -> None:
    """Half a second is enough to know the last word, though two clips may end alike."""
    end_s = CLIPS[name]["end_s"]
    match = KNOWN.search(_heard(name, until_s=end_s))
    assert match is not None and match.likeness > 0.95
    assert match.clip.words[-1].text == CLIPS[name]["words"][-1]["text"]
    assert match.at_s == pytest.approx(match.clip.end_s, abs=0.05)


@pytest.mark.parametrize("offset", [0, 13, 40, 79])
def test_where_the_rows_begin_does_not_matter(offset: int) -> None:
    """Rows that fall between the library's rows still resemble them."""
    match = KNOWN.search(_heard("hours", until_s=1.5, offset=offset))
    assert match is not None and match.clip.id == "hours"
    assert match.likeness > known_clips.FOUND


def test_silence_and_noise_resemble_no_clip() -> None:
    """Nothing is found where there is nothing to find."""
    empty = np.zeros(8000, np.float32)
    noise = np.random.default_rng(1).standard_normal(8000).astype(np.float32)
    for samples in (empty, noise * 0.1, noise * 0.001):
        seen = known_clips.rows(samples)
        assert not known_clips.has_speech(seen) or KNOWN.search(seen) is None


def test_following_sees_where_the_clip_really_is() -> None:
    """A guess that is 50 ms off is put right."""
    found = KNOWN.search(_heard("book_tuesday", until_s=1.5))
    assert found is not None
    moved = KNOWN.follow(_heard("book_tuesday", until_s=1.6), found.clip, expected_s=1.55)
    assert moved.at_s == pytest.approx(1.6, abs=0.02) and moved.likeness > known_clips.FOUND


def test_following_notices_another_speaker() -> None:
    """What is not the clip does not sound like it."""
    found = KNOWN.search(_heard("book_tuesday", until_s=1.5))
    assert found is not None
    other = KNOWN.follow(_heard("whitening", until_s=1.2), found.clip, expected_s=1.6)
    assert other.likeness < known_clips.KEPT


def test_the_clips_are_what_the_scripts_and_benches_need() -> None:
    """Enough of each kind, small, spoken at telephone level, with words in order."""
    kinds = [entry["kind"] for entry in CLIPS.values()]
    assert kinds.count("say") >= 20 and kinds.count("pause") >= 6
    assert kinds.count("backchannel") == 8 and kinds.count("interruption") >= 5
    assert sum(path.stat().st_size for path in known_clips.FOLDER.iterdir()) < 2_000_000
    for name, entry in CLIPS.items():
        samples = known_clips.as_floats(clip(name))
        speech = samples[round(entry["onset_s"] * 8000) : round(entry["end_s"] * 8000)]
        assert -27 < 10 * np.log10(np.mean(np.square(speech))) < -18, name
        assert np.abs(samples).max() < 0.95, name
        ends = [word["end_s"] for word in entry["words"]]
        assert ends == sorted(ends) and ends[-1] <= entry["end_s"] + 0.1, name
        assert all(word["text"] and word["start_s"] < word["end_s"] for word in entry["words"])


def test_a_thinking_caller_pauses_for_half_a_second_or_more() -> None:
    """Each clip of that kind has an inner silence of 0.5 to 0.95 s."""
    for name, entry in CLIPS.items():
        if entry["kind"] != "pause":
            continue
        samples = np.abs(known_clips.as_floats(clip(name)))
        loud = np.flatnonzero(samples[: round(entry["end_s"] * 8000)] > 0.01)
        assert 0.45 < np.diff(loud).max() / 8000 < 1.1, name
